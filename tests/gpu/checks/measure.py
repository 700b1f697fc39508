"""How long launches and steps take, on a GPU or, in tests, on the emulated device."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidecomp.data.points import Points
from minidecomp.engines import gpu_small
from minidecomp.engines.device import Call, Device
from minidecomp.engines.gpu import GpuEngine
from minidecomp.model.optimizer import Adam
from minidecomp.model.vae import VAE
from minidecomp.objective import Objective

LAUNCHES = 20  # of the same kernel in a graph, so that what replays the graph does not count
MOST_ORDERS = 2**22  # rows in the orders of one call of ``train``
WAYS = ("launches", "graphs", "one launch")


class Names:
    """The names of a device's calls: kernels by name, products by their shapes."""

    def __init__(self, device: Device):
        self._known: dict[int, tuple[Call, str]] = {}
        describe: dict[str, Callable[..., str]] = {"bind": _kernel, "bind_together": _kernel, "product": _product}
        describe |= {"aside": self._aside, "wait_for_aside": lambda: "wait for what is aside"}
        for method, name in describe.items():
            if hasattr(device, method):
                setattr(device, method, self._watched(getattr(device, method), name))

    def _watched(self, make: Callable[..., Call], describe: Callable[..., str]) -> Callable[..., Call]:
        def watched(*arguments: Any, **more: Any) -> Call:
            call = make(*arguments, **more)
            self._known[id(call)] = call, describe(*arguments, **more)
            return call

        return watched

    def _aside(self, *calls: Call) -> str:
        return f"{' + '.join(map(self, calls))}, aside"

    def __call__(self, call: Call) -> str:
        return self._known.get(id(call), (call, "not a kernel or a product"))[1]


def _kernel(name: str, *_: Any, **__: Any) -> str:
    return name


def _product(a: Any, b: Any, out: Any, *, trans_a: bool = False, aside: bool = False, **_: Any) -> str:
    """The product's rows, columns, and the length of its sums."""
    inner = a.shape[0] if trans_a else a.shape[1]
    return f"product {out.shape[0]} x {out.shape[1]}, sums of {inner}{', aside' if aside else ''}"


def microseconds(device: Device, calls: list[Call], launches: int = LAUNCHES, repetitions: int = 3) -> float:
    """Microseconds of the calls together: the shortest of some replays of a graph with many of them."""
    graph = device.graph(calls * launches)
    if graph is None:
        raise RuntimeError("the device has no graphs")
    timed = _events if hasattr(device.xp, "cuda") else _wall
    timed(device, graph)
    return min(timed(device, graph) for _ in range(repetitions)) / launches * 1e6


def _events(device: Any, call: Call) -> float:
    """Seconds on the device."""
    cuda = device.xp.cuda
    begin, end = cuda.Event(), cuda.Event()
    begin.record(device.queue)
    call()
    end.record(device.queue)
    end.synchronize()
    return float(cuda.get_elapsed_time(begin, end)) / 1e3


def _wall(device: Device, call: Call) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


@contextmanager
def whatever_its_size() -> Iterator[None]:
    """One launch makes the steps of every model that the kernel has room for."""
    kept = gpu_small.LARGEST_PRODUCTS, gpu_small.LARGEST_PAIRS
    gpu_small.LARGEST_PRODUCTS = gpu_small.LARGEST_PAIRS = float("inf")
    try:
        yield
    finally:
        gpu_small.LARGEST_PRODUCTS, gpu_small.LARGEST_PAIRS = kept


def engine_in(way: str | None, vae: VAE, objective: Objective, rows: int, device: Device) -> GpuEngine | None:
    """An engine that trains in a way, or in the one that it chooses itself; None if the model is too large for it."""
    if way is None:
        return GpuEngine(vae, objective, max_rows=rows, device=device)
    with whatever_its_size():
        engine = GpuEngine(vae, objective, max_rows=rows, device=device)
    if way == "one launch":
        return engine if engine._small is not None else None
    engine._small = None
    if way == "launches":
        device.graph = lambda calls: None  # type: ignore[method-assign]
    return engine


@dataclass
class Training:
    """An engine with all that ``train`` needs."""

    engine: Any
    data: Points
    batch: int
    learning_rate: float = 1e-3

    def microseconds(self, budget: float, repetitions: int = 3) -> float:
        """Microseconds a step in long calls of ``train``: the shortest of some, which take about ``budget`` seconds."""
        steps_an_epoch, n = -(-len(self.data) // self.batch), len(self.data)
        optimizer = Adam.for_vector(self.engine.vae.parameters.vector, self.learning_rate)
        self._run(optimizer, 2)
        seconds = self._run(optimizer, 2)
        epochs = int(np.clip(budget / repetitions * 2 / max(seconds, 1e-9), 2, max(2, MOST_ORDERS // n)))
        self._run(optimizer, epochs)  # with room for so many, and their graphs
        return min(self._run(optimizer, epochs) for _ in range(repetitions)) / epochs / steps_an_epoch * 1e6

    def _run(self, optimizer: Adam, epochs: int) -> float:
        orders, totals = self.engine.permutations(len(self.data), 0, 0, epochs), np.zeros((epochs, 4))
        begun = time.perf_counter()
        fault = self.engine.train(self.data, orders, self.batch, optimizer, 0, totals)
        seconds = time.perf_counter() - begun
        if fault is not None:
            raise RuntimeError(f"training ended: {fault}")
        return seconds

"""Models of growing size in two ways each: on the GPU and the CPU, and as one launch and as graphs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidecomp import resolve
from minidecomp.engines import gpu_program, make
from minidecomp.engines.choice import operations
from minidecomp.engines.device import CupyDevice, Device
from minidecomp.model import from_options
from minidecomp.objective import objective_from
from minidecomp.settings.options import TrainOptions, cores

from .measure import Training, engine_in
from .running import Findings, of_command_line

Maker = Callable[[Any], Device]
Point = dict[str, Any]
WIDE = 64  # numbers of a data point
# From small to large, each with a third of the points of a full grid: a ladder of sizes needs no more.
ENGINES = [(32, 64), (64, 128), (64, 512), (128, 128), (128, 512), (256, 128), (256, 512), (512, 256), (1024, 256)]
PRODUCTS = [(16, 64), (32, 128), (64, 128), (64, 512), (100, 400), (128, 512), (256, 256), (128, 2048), (256, 1024)]
PAIRS = [(64, 2), (128, 10), (256, 2), (512, 2), (256, 10), (400, 10), (512, 10), (256, 50), (1024, 10), (512, 50)]
STEPS_A_GRAPH = (1, 2, 4, 8, 16, 32, 64)


def _options(width: int, batch: int, dimensions: int = 10, alpha: float = 0.0) -> TrainOptions:
    hidden = (width, width)
    how = {"hidden": hidden, "batch_size": batch, "latent_dim": dimensions, "alpha": alpha, "likelihood": "gaussian"}
    return resolve(prior="gaussian", regulariser="kl-inc", **how)


def _data(rows: int, width: int = WIDE) -> np.ndarray:
    return np.random.default_rng(0).random((rows, width), np.float32)


def of_engines(width: int, batch: int, make_device: Maker = CupyDevice, budget: float = 0.3) -> Point:
    """A step on the CPU with all cores, and on the GPU in the way that the engine chooses."""
    options, data = _options(width, batch), _data(batch)
    one_step = options.replace(epochs=1)
    found: Point = {"hidden": width, "batch": batch, "size": operations(one_step, WIDE, batch)}
    objective = objective_from(options)
    cpu = make("cpu", from_options.vae(options, WIDE), objective, max_rows=batch, threads=cores())
    found["cpu"] = Training(cpu, data, batch).microseconds(budget)
    gpu = engine_in(None, from_options.vae(options, WIDE), objective, batch, make_device(np.float32))
    found["gpu"] = Training(gpu, data, batch).microseconds(budget)
    return found


def of_start(seconds: Callable[[str], float] | None = None) -> Point:
    """Seconds of a command with a tiny run on each engine. The GPU's first one also compiles the kernels."""
    seconds = _of_a_command if seconds is None else seconds
    first = seconds("gpu")
    return {"cpu": seconds("cpu"), "gpu": seconds("gpu"), "first": first}


def _of_a_command(engine: str) -> float:
    tiny = ["--points-per-arm", "10", "--epochs", "2", "--no-plots", "-q", "--engine", engine]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "minidecomp", "train", *tiny, "--out", f"{folder}/run"]
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - begun


def of_products(width: int, batch: int, make_device: Maker = CupyDevice, budget: float = 0.3) -> Point:
    """A step without a regulariser as one launch and as graphs: products decide."""
    return {"hidden": width, "batch": batch} | _small(_options(width, batch), "products", make_device, budget)


def of_pairs(batch: int, dimensions: int, make_device: Maker = CupyDevice, budget: float = 0.3) -> Point:
    """A step with narrow layers as one launch and as graphs: a regulariser's pairs decide."""
    options = _options(8, batch, dimensions, alpha=1.0)
    return {"dimensions": dimensions, "batch": batch} | _small(options, "pairs", make_device, budget)


def _small(options: TrainOptions, size: str, make_device: Maker, budget: float) -> Point:
    batch, found = options.batch_size, {}
    for way in ("one launch", "graphs"):
        vae = from_options.vae(options, WIDE)
        engine = engine_in(way, vae, objective_from(options), batch, make_device(np.float32))
        if engine is not None:
            found[way] = Training(engine, _data(batch), batch).microseconds(budget)
    products, pairs = vae.parameters.vector.size * batch, batch**2 * options.latent_dim
    return found | {"size": products if size == "products" else pairs}


def of_graphs(width: int, batch: int, steps: int, make_device: Maker = CupyDevice, budget: float = 0.3) -> Point:
    """A step by graphs of so many steps, and the seconds that the first call takes, in which the graph is made."""
    kept, options = gpu_program.STEPS_A_GRAPH, _options(width, batch)
    gpu_program.STEPS_A_GRAPH = steps
    try:
        engine = engine_in(
            "graphs", from_options.vae(options, WIDE), objective_from(options), batch, make_device(np.float32)
        )
        training = Training(engine, _data(batch), batch)
        begun = time.perf_counter()
        took = training.microseconds(budget)
        return {"hidden": width, "batch": batch, "steps": steps, "graphs": took, "seconds": time.perf_counter() - begun}
    finally:
        gpu_program.STEPS_A_GRAPH = kept


def work() -> Iterator[tuple[str, Callable[[], Point]]]:
    """All rungs, in such an order that each ladder is about as far when the time is over."""
    ladders: dict[str, list[Callable[[], Point]]] = {
        "start": [of_start],
        "engines": [partial(of_engines, *size) for size in _coarse_first(ENGINES)],
        "products": [partial(of_products, *size) for size in _coarse_first(PRODUCTS)],
        "pairs": [partial(of_pairs, *size) for size in _coarse_first(PAIRS)],
        "graphs": [partial(of_graphs, 32, 64, steps) for steps in _coarse_first(STEPS_A_GRAPH)],
    }
    for i in range(max(map(len, ladders.values()))):
        for name, rungs in ladders.items():
            if i < len(rungs):
                yield name, rungs[i]


def _coarse_first(rungs: Sequence[Any]) -> list[Any]:
    """Every fourth rung, then those between: with any number of them, the whole range is covered."""
    return [rung for first in (0, 2, 1, 3) for rung in rungs[first::4]]


def climb(findings: Findings, rungs: Iterator[tuple[str, Callable[[], Point]]]) -> None:
    """Measure rung after rung while there is time; one that fails is named, and the others follow."""
    for name, measure in rungs:
        if findings.left <= 0:
            findings.out_of_time()
            return
        try:
            findings.add(name, measure())
        except Exception as error:  # any: the other rungs are still of use
            findings.add("failed", f"{name}: {error}")


if __name__ == "__main__":
    own, _ = of_command_line()
    climb(own, work())

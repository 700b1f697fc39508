"""The GPU engine: whole epochs of steps on arrays that stay on the device.

For a batch size, a step is always the same list of calls with the same arguments. What changes from step to step (the
step's number, the batch's first row, Adam's rates, each epoch's totals) is in small arrays on the device, which the
kernel ``finish`` updates. Nothing is copied to or from the host between the first and the last step of ``train``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from .._core import codes
from .._core.codes import FAULTS, TERMS
from ..data.points import Points
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..randomness import streams
from ..randomness.draws import Draws
from . import gpu_small, rules
from .batches import usable
from .device import Call, CupyDevice, Device
from .faults import raises_faults
from .gpu_program import Program
from .gpu_step import ADAM, EPOCHS_AT_ONCE, HEAD, STATE, VALUE, WEIGHT, DevicePoints, GpuStep, parts_of_report
from .gpu_use import GpuUse, upload

P = ParamSpec("P")
R = TypeVar("R")


def on_the_device(method: Callable[Concatenate[GpuEngine, P], R]) -> Callable[Concatenate[GpuEngine, P], R]:
    """A method that works on the device's own queue, one call at a time."""

    @rules.one_call_at_a_time
    @wraps(method)
    def call(engine: GpuEngine, *arguments: P.args, **more: P.kwargs) -> R:
        with engine._device.queue:
            return method(engine, *arguments, **more)

    return call


@dataclass
class Kept:
    """What training keeps on the device from call to call, and the calls that work on it, by batch size."""

    data: Points | None = None
    points: DevicePoints | None = None
    optimizer: Adam | None = None
    programs: dict[int, Program] = field(default_factory=dict)
    launches: dict[int, Call] = field(default_factory=dict)


@raises_faults
class GpuEngine:
    """The engine on a GPU; see ``minidecomp.engines.Engine``.

    Parameters
    ----------
    vae, objective
        The model and its objective.
    max_rows : int
        The largest batch; working memory is allocated for it on the device.
    device : Device, optional
        The device; by default, the GPU that CuPy uses.
    """

    def __init__(self, vae: VAE, objective: Objective, *, max_rows: int, device: Device | None = None):
        self.vae, self.objective, self.max_rows = vae, objective, max_rows
        self._device = CupyDevice(vae.dtype) if device is None else device
        self.lock = self._device.lock
        with self._device.queue:
            self._step = GpuStep(vae, objective, max_rows, self._device)
            self._use = GpuUse(self._step)
            fits = gpu_small.fits(vae, objective, max_rows) and self._device.blocks_together > 0
            self._small = gpu_small.SmallStep(self._step, max_rows) if fits else None
        self._kept = Kept()

    @property
    def notes(self) -> tuple[str, ...]:
        """See the contract, ``minidecomp.engines.Engine``."""
        return self._device.notes if self._small is None else ()

    def with_objective(self, objective: Objective) -> GpuEngine:
        """See the contract, ``minidecomp.engines.Engine``.

        If only weights differ, as with a schedule, everything on the device is shared: the weights are numbers there.
        """
        self.pull()
        before = self.objective
        is_alike = replace(objective, alpha=before.alpha, beta=before.beta) == before
        if is_alike and (objective.used_regulariser is None) == (before.used_regulariser is None):
            engine = copy(self)
            engine.objective = objective
            return engine
        with rules.at_work(self):  # on the same device
            engine = GpuEngine(self.vae, objective, max_rows=self.max_rows, device=self._device)
        # The data stay where they are.
        engine._kept.data, engine._kept.points = self._kept.data, self._kept.points
        engine._use.data, engine._use.points = self._use.data, self._use.points
        return engine

    @on_the_device
    def push(self) -> None:
        """Copy ``vae.parameters`` to the device."""
        self._step.vector[...] = self._step.on_device(self.vae.parameters.vector)
        self._kept.optimizer = None

    @on_the_device
    def pull(self) -> None:
        """Copy the parameters, and the moments of the optimiser of the last training, from the device."""
        on_host, o = self._step.on_host, self._kept.optimizer
        self.vae.parameters.vector[...] = on_host(self._step.vector)
        if o is not None:
            o.m[...], o.v[...] = (on_host(self._step.arrays[name]) for name in "mv")
            if o.v_max is not None:
                o.v_max[...] = on_host(self._step.arrays["v_max"])

    @on_the_device
    def train(
        self,
        data: Points,
        order: Any,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """Train on the device over the epochs of ``order``; see ``Engine.train``."""
        rules.check_training(data, order, batch_size, optimizer, totals, self.vae, self.max_rows)
        orders, sums = order.reshape(-1, order.shape[-1]), totals.reshape(-1, codes.TOTAL_COUNT)
        for first in range(0, len(orders), EPOCHS_AT_ONCE):
            part = slice(first, first + EPOCHS_AT_ONCE)
            fault = self._train_epochs(data, orders[part], batch_size, optimizer, seed, sums[part])
            if fault is not None:
                return fault
        return None

    def _train_epochs(
        self, data: Points, orders: Any, batch_size: int, optimizer: Adam, seed: int, totals: np.ndarray
    ) -> str | None:
        """Train over as many epochs as there are totals for: two copies to the device, the steps, and one back."""
        regulariser = self.objective.used_regulariser
        rows = rules.trained_rows(orders.shape[1], batch_size, regulariser)
        if rows == 0:
            return None
        self._take(data, orders, optimizer)
        epoch = {"epoch_rows": orders.shape[1], "used_rows": rows, "end": orders.size}
        self._set(seed, optimizer.step, self.objective.weights, optimizer, totals, epoch)
        # Where an epoch is less than a batch, all steps are alike, as with whole batches.
        self._run_epochs(len(orders), rows, min(batch_size, rows), regulariser)
        state, _, sums = parts_of_report(self._device.to_host(self._step.report[: HEAD + totals.size]))
        totals[...] = sums.reshape(totals.shape)
        optimizer.step += int(state[STATE["done"]])
        fault = int(state[STATE["fault"]])
        return FAULTS[fault] if fault >= 0 else None

    def _run_epochs(self, epochs: int, rows: int, batch_size: int, regulariser: str | None) -> None:
        """The steps of a call: all batches of each epoch."""
        for call in self._calls(epochs, rows, batch_size, regulariser):
            call()

    def _calls(self, epochs: int, rows: int, batch_size: int, regulariser: str | None) -> Iterator[Call]:
        if self._small is not None:
            yield self._launch(self._small, batch_size, regulariser)
            return
        full, rest = divmod(rows, batch_size)
        for B, steps in [(batch_size, full), (rest, 1)] * epochs if rest else [(batch_size, full * epochs)]:
            if steps > 0:
                yield from self._program(B, regulariser).calls(steps)

    def _launch(self, small: gpu_small.SmallStep, batch_size: int, regulariser: str | None) -> Call:
        """All steps over the present order."""
        if batch_size not in self._kept.launches:
            assert self._kept.points is not None
            self._kept.launches[batch_size] = small.launch(self._kept.points, batch_size, regulariser)
        return self._kept.launches[batch_size]

    def _forget(self) -> None:
        """Calls are made anew, because an array of theirs has been replaced."""
        self._kept.programs, self._kept.launches = {}, {}

    def _take(self, data: Points, orders: Any, o: Adam) -> None:
        """Copy to the device what is not there yet."""
        step = self._step
        if data is not self._kept.data:
            self._kept.data, self._kept.points = data, self._on_device(data)
            self._forget()
        if orders.size > step.order.size:
            # More than is needed, because slices grow, and each time all kernels are bound again.
            step.order = self._device.zeros(2 * orders.size, dtype=np.int64)
            self._forget()
        xp = np if isinstance(orders, np.ndarray) else self._device.xp
        self._device.write(step.order[: orders.size], xp.ascontiguousarray(orders, np.int64).reshape(-1))
        if o is not self._kept.optimizer:
            self._kept.optimizer = None  # until all its moments are there
            self._forget()
            moments = {"m": o.m, "v": o.v, "v_max": o.v_max}
            step.arrays |= {name: None if each is None else step.on_device(each) for name, each in moments.items()}
            self._kept.optimizer = o

    def _program(self, B: int, regulariser: str | None) -> Program:
        """A training step over the next B points."""
        if B not in self._kept.programs:
            assert self._kept.points is not None
            values, variance_rows = self._step.values(self._kept.points, B, regulariser)
            samples = 0 if regulariser is None else B
            gradients = self._step.parameter_gradients(B, variance_rows, samples)
            self._kept.programs[B] = Program(self._device, values + gradients + self._step.update(B))
        return self._kept.programs[B]

    def _set(
        self,
        seed: int = 0,
        step: int = 0,
        weights: Mapping[str, float] | None = None,
        optimizer: Adam | None = None,
        totals: np.ndarray | None = None,
        epoch: Mapping[str, int] | None = None,
    ) -> None:
        """The state for the first step of a call, and the epochs' totals; ``finish`` updates them."""
        sums = np.zeros(0) if totals is None else totals.reshape(-1)
        report = np.zeros(HEAD + sums.size, np.int64)
        state, numbers, at = parts_of_report(report)
        state[STATE["seed"]], state[STATE["step"]] = np.array([seed, step], np.uint64).view(np.int64)
        state[STATE["fault"]] = -1
        for name, value in (epoch or {}).items():
            state[STATE[name]] = value
        numbers[WEIGHT] = [(weights or {}).get(term, 0.0) for term in TERMS]
        if optimizer is not None:
            numbers[ADAM] = [getattr(optimizer, name) for name in codes.ADAM]
        at[:] = sums
        self._device.write(self._step.report[: report.size], report)

    def _on_device(self, points: Points) -> DevicePoints:
        """The points' copy on the device: the last one that they were used from, or a new one."""
        there = self._use.points if points is self._use.data else None
        return there or upload(self._device, points)

    def _trained(self, data: Points) -> DevicePoints | None:
        """The data's copy on the device, if they were trained on last."""
        return self._kept.points if data is self._kept.data else None

    def _one_batch(self, x: Points) -> DevicePoints:
        """x as one batch, in its own order."""
        self._step.order[: len(x)] = self._device.array(np.arange(len(x)), np.int64)
        return self._on_device(x)

    @on_the_device
    def value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        """The terms of x (B, dx) with given draws, and the gradient (size,) of their weighted sum, on the host."""
        regulariser = None if draws.prior_sample is None else self.objective.regulariser
        rules.check_batch(x, self.vae, regulariser, self.max_rows)
        rules.check_draws(draws, len(x), self.vae, self.objective)
        B, rows, step, points = len(x), draws.eps.shape[0] * len(x), self._step, self._one_batch(x)
        step.arrays["eps"][:rows] = self._device.array(draws.eps.reshape(rows, -1))
        if draws.prior_sample is not None:
            step.arrays["sample"][:B] = self._device.array(draws.prior_sample)
        self._set(weights=self.objective.weights if weights is None else weights)
        calls, variance_rows = step.values(points, B, regulariser, given_draws=True)
        samples = 0
        if regulariser is not None and draws.prior_noise is not None:
            calls, samples = calls + step.given_sample(B, draws.prior_noise, draws.prior_choice), B
        for call in calls + step.parameter_gradients(B, variance_rows, samples):
            call()
        values = self._device.to_host(step.numbers)[VALUE]
        return rules.named_terms(values.tolist(), regulariser, self.objective), step.on_host(step.gradient)

    @on_the_device
    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms of x (B, dx) with the draws of a seed and a step."""
        wanted = rules.asked(regulariser, self.objective)
        rules.check_batch(x, self.vae, wanted, self.max_rows)
        ((found,),) = self._use.values(x, self._trained(x), range(len(x)), len(x), seed, [step], [wanted])
        return rules.named_terms(found.tolist(), wanted, self.objective)

    @on_the_device
    def values_by_batch(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        seed: int,
        steps: Sequence[int],
        regularisers: Sequence[str],
    ) -> list[dict[str, dict[str, float]]]:
        """See the contract, ``minidecomp.engines.Engine``. All batches are computed before the first is read."""
        rules.check_batches(data, order, batch_size, steps, self.vae, self.max_rows)
        used = [usable(regularisers, len(order[first:][:batch_size])) for first in range(0, len(order), batch_size)]
        names = list(dict.fromkeys(name for each in used for name in each))
        wanted = {name: rules.asked(name, self.objective) for name in names}
        values = self._use.values(data, self._trained(data), order, batch_size, seed, steps, [*wanted.values()])
        found = dict(zip(names, values, strict=True))
        return [
            {name: rules.named_terms(found[name][i].tolist(), wanted[name], self.objective) for name in each}
            for i, each in enumerate(used)
        ]

    @on_the_device
    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x), (K, B) float64, in nats, on the host."""
        rules.check_importance(self.objective)
        rules.check_batch(x, self.vae, None, self.max_rows)
        return self._use.log_weights(x, self._trained(x), len(x), seed, [(0, step)])[0]

    def log_weights_by_batch(
        self, data: Points, batch_size: int, seed: int, steps: Sequence[Sequence[int]]
    ) -> Iterator[np.ndarray]:
        """See the contract, ``minidecomp.engines.Engine``. As many batches as fit are computed at once."""
        firsts = range(0, len(data), batch_size)
        batches = [(first, step) for first, own in zip(firsts, steps, strict=True) for step in own]
        while batches:
            some = self._some_log_weights(data, batch_size, seed, batches)
            yield from some
            batches = batches[len(some) :]

    @on_the_device
    def _some_log_weights(
        self, data: Points, batch_size: int, seed: int, batches: list[tuple[int, int]]
    ) -> list[np.ndarray]:
        """The log weights of the first of the batches, as many as fit, each given by its first row and its step."""
        rules.check_importance(self.objective)
        rules.check_batch(data, self.vae, None)
        rules.check_rows(min(batch_size, len(data)), None, self.max_rows)
        trained = self._trained(data)
        count = self._use.log_weights_at_once(data, trained, batch_size, batches)
        return self._use.log_weights(data, trained, batch_size, seed, batches[:count])

    @on_the_device
    def encode(self, data: Points, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x), on the host; the same whatever other rows there are, ``alone`` or not."""
        rules.check_batch(data, self.vae, None)
        return self._use.encode(data, self._trained(data))

    @on_the_device
    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D), on the host."""
        return self._use.decode(z)

    def permutation(self, n: int, seed: int, step: int) -> Any:
        """The order of an epoch's rows, (n,) int64, on the device, where ``train`` takes it."""
        return self.permutations(n, seed, step, 1)[0]

    @on_the_device
    def permutations(self, n: int, seed: int, step: int, count: int) -> Any:
        """The orders of ``count`` epochs, (count, n) int64, on the device.

        The core computes them on the CPU, because each swap depends on the one before.
        """
        from .._core import engine_float32 as core

        orders = np.empty((count, n), np.int64)
        core.permutations(orders, seed, streams.SHUFFLE, step)
        there = self._device.array(orders, np.int64)
        self._device.finish()
        return there

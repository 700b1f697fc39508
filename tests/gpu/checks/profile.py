"""Microseconds of each launch of the benchmark's steps, of whole steps in each way, and of the MMD in two ways."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import problem
from benchmarks.arrays import read
from benchmarks.rows import ROWS, Row
from minidecomp import resolve
from minidecomp._core import codes
from minidecomp.data.points import Bits, Points
from minidecomp.engines import gpu_mmd
from minidecomp.engines.device import CupyDevice, Device
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.gpu_step import WEIGHT, GpuStep
from minidecomp.model import from_options
from minidecomp.model.optimizer import Adam
from minidecomp.objective import objective_from

from .measure import LAUNCHES, WAYS, Names, Training, engine_in, microseconds
from .running import of_command_line

Maker = Callable[[Any], Device]
MMD_POINTS, MMD_DIMENSIONS = (64, 128, 192, 256, 384, 512, 1024, 2048), (2, 10, 50)


def of_row(row: Row, make: Maker = CupyDevice, budget: float = 0.3, launches: int = LAUNCHES) -> dict[str, Any]:
    """A row's launches, in their order, and its steps in each way that fits the model, in microseconds."""
    options, data = _problem(row)
    batch = min(options.batch_size, len(data))
    found: dict[str, Any] = {"name": row.name, "title": row.title, "batch": batch, "steps": {}}
    for way in WAYS:
        vae, device = from_options.vae(options, data.shape[1]), make(np.float32)
        engine = engine_in(way, vae, objective_from(options), batch, device)
        if engine is not None:
            found["steps"][way] = Training(engine, data, batch, options.lr).microseconds(budget)
    vae, device = from_options.vae(options, data.shape[1]), make(np.float32)
    names = Names(device)
    engine = engine_in("graphs", vae, objective_from(options), batch, device)
    assert engine is not None
    with device.queue:
        found["launches"] = [
            {"name": names(call), "microseconds": took}
            for call, took in of_launches(engine, data, batch, options.lr, launches)
        ]
    return found


def of_launches(
    engine: GpuEngine, data: Points, batch: int, lr: float, launches: int
) -> Iterator[tuple[Callable[[], object], float]]:
    """Each call of a step and its microseconds, by a graph of many of the same call.

    Before each one, the calls before it are made, so that it finds what it finds in a step.
    """
    optimizer, totals = Adam.for_vector(engine.vae.parameters.vector, lr), np.zeros(codes.TOTAL_COUNT)
    order = engine.permutation(len(data), 0, 0)[:batch]
    engine.train(data, order, batch, optimizer, 0, totals)  # binds the calls
    calls = engine._program(batch, engine.objective.regulariser if engine.objective.alpha > 0 else None)._calls
    epoch = {"epoch_rows": batch, "used_rows": batch, "end": batch}
    for i, call in enumerate(calls):
        engine._set(0, optimizer.step, engine.objective.weights, optimizer, totals, epoch)
        for earlier in calls[:i]:
            earlier()
        yield call, microseconds(engine._device, [call], launches)


def _problem(row: Row) -> tuple[Any, Points]:
    """The options and the data of the benchmark's row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "row.npz"
        problem.write(row, path)
        _, arrays = read(str(path))
    return resolve(row.options, engine="gpu"), Bits(arrays["packed"]) if "packed" in arrays else arrays["data"]


def of_mmd(points: int, dimensions: int, make: Maker = CupyDevice, launches: int = 10) -> dict[str, Any]:
    """Microseconds of the MMD and its gradient over all pairs of points, and over cells of points."""
    noise = np.random.default_rng(0)
    options = resolve(prior="gaussian", alpha=1.0, batch_size=points, latent_dim=dimensions, regulariser="mmd")
    found: dict[str, Any] = {"points": points, "dimensions": dimensions}
    kept = gpu_mmd.CELLS_FROM
    try:
        for way, cells_from in (("pairs", points + 1), ("cells", 0)):
            gpu_mmd.CELLS_FROM, device = cells_from, make(np.float32)
            with device.queue:
                step = GpuStep(from_options.vae(options, 2), objective_from(options), points, device)
                for name in ("z", "sample"):
                    step.arrays[name][...] = device.array(noise.normal(size=(points, dimensions)))
                numbers = np.zeros(codes.NUMBER_COUNT)
                numbers[WEIGHT][2] = 1
                step.numbers[...] = device.array(numbers, np.float64)
                found[way] = microseconds(device, step._mmd(points)[0], launches)
    finally:
        gpu_mmd.CELLS_FROM = kept
    return found


def step_rows() -> Sequence[Row]:
    """The benchmark's training steps."""
    return [row for row in ROWS if row.work == "step"]


if __name__ == "__main__":
    findings, _ = of_command_line()
    work: list[tuple[str, Callable[[], dict[str, Any]]]] = [("rows", partial(of_row, row)) for row in step_rows()]
    work += [("mmd", partial(of_mmd, B, D)) for D in MMD_DIMENSIONS for B in MMD_POINTS]
    for name, measure in work:
        if findings.left <= 0:
            findings.out_of_time()
            break
        findings.add(name, measure())

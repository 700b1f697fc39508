"""Measurements of minidecomp alone: threads, sizes of the MMD, start-up."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from minidecomp import resolve
from minidecomp._core import engine_float32 as core
from minidecomp.data import dataset_from
from minidecomp.engines.cpu import CpuEngine
from minidecomp.model import from_options
from minidecomp.model.optimizer import Adam
from minidecomp.objective import objective_from

from .repeating import in_rounds
from .rows import ROWS
from .workers import environment

SMALL_RUNS = 8


def seconds_in_turn(functions: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Medians over rounds that call each function once."""
    times = in_rounds(functions, repetitions)
    return {name: statistics.median(measured) for name, measured in times.items()}


def measure(repetitions: int) -> dict[str, float]:
    """Ratios by name."""
    return (
        _threads_of_a_large_model(repetitions)
        | _threads_of_small_runs(repetitions)
        | _mmd(repetitions)
        | _imports(repetitions)
    )


def _threads_of_a_large_model(repetitions: int) -> dict[str, float]:
    from .problem import write
    from .with_minidecomp import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        write(next(row for row in ROWS if row.name == "dsprites-256"), path)
        work = {f"{threads}": load(str(path), threads) for threads in (1, 2)}
    seconds = seconds_in_turn({name: lambda each=each: each.run(4) for name, each in work.items()}, repetitions)
    return {"dSprites B 256, two threads over one": seconds["1"] / seconds["2"]}


def _threads_of_small_runs(repetitions: int) -> dict[str, float]:
    """Eight pinwheel runs in one process, one thread each, on one thread or two at once."""
    options = resolve(prior="mixture", alpha=5.0, beta=0.0)
    data = dataset_from(options).train.astype(np.float32)
    order = np.tile(np.arange(len(data)), 100)

    def run(seed: int) -> None:
        vae = from_options.vae(options, data.shape[1])
        engine = CpuEngine(vae, objective_from(options), max_rows=options.batch_size, threads=1)
        engine.train(data, order, options.batch_size, Adam.for_vector(vae.parameters.vector), seed, np.zeros(4))

    def on(workers: int) -> None:
        with ThreadPoolExecutor(workers) as executor:
            list(executor.map(run, range(SMALL_RUNS)))

    seconds = seconds_in_turn({"1": lambda: on(1), "2": lambda: on(2)}, repetitions)
    return {f"{SMALL_RUNS} pinwheel runs in a process, two at once over one": seconds["1"] / seconds["2"]}


def _mmd(repetitions: int) -> dict[str, float]:
    """How the MMD's cost grows from 500 to 50,000 points of 50 dimensions, as a power of their number."""
    pool, rng = core.Pool(2), np.random.default_rng(0)
    samples = {n: rng.standard_normal((2, n, 50)).astype(np.float32) for n in (500, 50000)}
    calls = {500: 100, 50000: 1}

    def call(n: int) -> None:
        for _ in range(calls[n]):
            core.mmd(pool, *samples[n])

    seconds = seconds_in_turn({str(n): lambda n=n: call(n) for n in samples}, repetitions)
    ratio = seconds["50000"] / calls[50000] / (seconds["500"] / calls[500])
    small = rng.standard_normal((2, 500, 50))
    exact, fast = (core.mmd(pool, *small.astype(np.float32), exact=which)[2] for which in (True, False))
    from minidecomp.terms.regularisers import mmd

    truth = mmd.value_and_grad(*small.astype(np.float32).astype(np.float64))[1]["z"]
    largest = np.abs(truth).max()
    return {
        "MMD, 500 to 50,000 points, power of their number": math.log(ratio) / math.log(100),
        "MMD's fast sum, error over the largest gradient": float(np.abs(fast - truth).max() / largest),
        "MMD's exact sum, error over the largest gradient": float(np.abs(exact - truth).max() / largest),
    }


def _imports(repetitions: int) -> dict[str, float]:
    def start(module: str) -> None:
        subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True, env=environment())

    names = ("numpy", "minidecomp")
    seconds = seconds_in_turn({name: lambda name=name: start(name) for name in names}, max(repetitions, 20))
    return {"import minidecomp over import numpy": seconds["minidecomp"] / seconds["numpy"]}

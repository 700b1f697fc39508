"""The contenders' processes, as handled by the process that times them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
REST = 0.05  # seconds between two contenders, so that the threads of the first can fall asleep
# Variables that a machine's image may set, but a user's machine does not.
SETTINGS_OF_BLAS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)


def environment() -> dict[str, str]:
    """This process's environment, without settings that change a BLAS's defaults."""
    return {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_BLAS}


class Worker:
    """A contender's process; ``python`` is the interpreter of its environment."""

    def __init__(self, contender: str, python: str):
        self.contender, self.version = contender, ""
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", contender],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"benchmarks: {self.contender} ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def load(self, problem: Path, threads: int) -> None:
        self.version = self.ask(do="load", problem=str(problem), threads=threads)["version"]

    def check(self, out: Path) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        values = self.ask(do="check", out=str(out))["values"]
        with np.load(out) as arrays:
            return values, dict(arrays)

    def seconds(self, units: int) -> float:
        """How long a number of units of work takes."""
        time.sleep(REST)
        return float(self.ask(do="time", units=units)["seconds"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def in_turn(workers: list[Worker], repetitions: int, seconds_each: float = 0.2) -> dict[str, list[float]]:
    """Seconds per unit of work: ``repetitions`` rounds, with the contenders one after another in each."""
    units = {}
    for worker in workers:
        worker.seconds(1)  # caches, compilation
        once = min(worker.seconds(1) for _ in range(2))
        units[worker.contender] = max(1, round(seconds_each / once))
        worker.seconds(units[worker.contender])
    times: dict[str, list[float]] = {worker.contender: [] for worker in workers}
    for _ in range(repetitions):
        for worker in workers:
            n = units[worker.contender]
            times[worker.contender].append(worker.seconds(n) / n)
    return times


def largest_difference(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> float:
    """The largest difference between two sets of arrays, relative to the largest entry."""
    if ours.keys() != theirs.keys():
        raise SystemExit(f"benchmarks: expected the arrays {sorted(ours)}, got {sorted(theirs)}")
    largest = max(float(np.abs(array).max()) for array in ours.values())
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours) / largest

"""The whole command and the equivalent scripts: start-up, 500 epochs of the pinwheel, and the pictures."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .rows import Row
from .workers import ROOT, environment

OPTIONS = ["--prior", "mixture", "--alpha", "5", "--beta", "0"]


def measure(row: Row, contenders: dict[str, str], folder: Path, repetitions: int) -> dict[str, Any]:
    """Seconds from start to end of the command, for each contender in turn; the first round is not counted."""
    run, data = folder / "run", folder / "pinwheel.npz"
    _write_data(data)
    commands = {}
    for name, python in contenders.items():
        if name == "minidecomp":
            tool = Path(sys.executable).with_name("minidecomp")
            commands[name] = [str(tool), "train", *OPTIONS, "--quiet", "--out", str(run)]
        else:
            commands[name] = [python, "-m", f"benchmarks.command_{name}", str(data), str(run)]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for repetition in range(repetitions + 1):
        for name, command in commands.items():
            shutil.rmtree(run, ignore_errors=True)
            begun = time.perf_counter()
            subprocess.run(command, cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL)
            if repetition > 0:
                times[name].append(time.perf_counter() - begun)
    shutil.rmtree(run, ignore_errors=True)
    return {
        "name": row.name,
        "title": row.title,
        "targets": {"torch": row.torch, "jax": row.jax},
        "seconds": {name: statistics.median(measured) for name, measured in times.items()},
        "all_seconds": times,
    }


def _write_data(path: Path) -> None:
    from . import problem
    from .rows import ROWS

    problem.write(ROWS[0], path)

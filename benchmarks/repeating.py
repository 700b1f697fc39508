"""How a row's work is repeated, and what is kept of it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .rows import Row
from .workers import ROOT, environment


@dataclass(frozen=True)
class Setting:
    """What the rows that do without workers need.

    Attributes
    ----------
    contenders : dict of str to str
        The Python of each; minidecomp is the first.
    folder : Path
        For temporary files.
    repetitions, threads : int
    runs : int
        How many runs the sweep has.
    limit : int, optional
        How many dSprites images the PCA takes; all by default.
    """

    contenders: dict[str, str]
    folder: Path
    repetitions: int
    threads: int
    runs: int = 1000
    limit: int | None = None


def in_rounds(
    work: dict[str, Callable[[], object]],
    repetitions: int,
    before: Callable[[str], object] = lambda name: None,
    uncounted: int = 1,
) -> dict[str, list[float]]:
    """Seconds of each function, called one after another in each round, without those of ``before``.

    The first ``uncounted`` rounds fill the system's cache.
    """
    times: dict[str, list[float]] = {name: [] for name in work}
    for repetition in range(uncounted + repetitions):
        for name, function in work.items():
            before(name)
            begun = time.perf_counter()
            function()
            if repetition >= uncounted:
                times[name].append(time.perf_counter() - begun)
    return times


def result(row: Row, times: dict[str, list[float]], note: str = "") -> dict[str, Any]:
    """A row as the file of results has it; the seconds are those of one unit."""
    return {
        "name": row.name,
        "title": row.title,
        "note": note,
        "targets": row.targets,
        "unit": row.unit,
        "seconds": {name: statistics.median(measured) for name, measured in times.items()},
        "all_seconds": times,
    }


def own_command(*arguments: str) -> list[str]:
    """minidecomp as a user calls it: the script beside this Python, if it has one."""
    script = Path(sys.executable).with_name("minidecomp")
    return [*([str(script)] if script.is_file() else [sys.executable, "-m", "minidecomp"]), *arguments]


def run(command: Sequence[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command up to its end; what it prints is shown only if it fails."""
    done = subprocess.run(command, cwd=cwd, env=env or environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"benchmarks: {' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")

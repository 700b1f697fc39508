"""How many small runs a sweep finishes in a second: the pinwheel with 20 epochs, on this machine's own cores."""

from __future__ import annotations

import shutil
import statistics
from functools import partial
from typing import Any

from minidecomp.errors import counted

from .repeating import Setting, in_rounds, own_command, result, run
from .rows import Row

OPTIONS = ["--data", "pinwheel", "--prior", "mixture", "--epochs", "20"]
SEEDS = 1000  # at most, for one value of beta


def grid(runs: int) -> list[str]:
    """The options of a sweep with this many runs."""
    seeds = next(count for count in range(min(runs, SEEDS), 0, -1) if runs % count == 0)
    betas = ",".join(str(1 + number / 100) for number in range(runs // seeds))
    return [*OPTIONS, "--seeds", str(seeds), "--beta", betas]


def measure(row: Row, setting: Setting) -> dict[str, Any]:
    """Seconds of a run in a new sweep; the note says how long it takes to resume the sweep when it is finished."""
    out, runs = setting.folder / "sweep", setting.runs
    new = own_command("sweep", *grid(runs), "--out", str(out), "--quiet")
    again = own_command("sweep", "--resume", str(out), "--quiet")
    times: dict[str, list[float]] = {"new": [], "again": []}
    for _ in range(row.repetitions(setting.repetitions)):
        shutil.rmtree(out, ignore_errors=True)
        for name, found in in_rounds({"new": partial(run, new), "again": partial(run, again)}, 1, uncounted=0).items():
            times[name] += found
    shutil.rmtree(out, ignore_errors=True)
    note = f"{counted(runs, 'run')}; when finished, resumed in {statistics.median(times['again']):.1f} s"
    return result(row, {"minidecomp": [seconds / runs for seconds in times["new"]]}, note)

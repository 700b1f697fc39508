"""Rows that time whole commands, and the peers' equivalent scripts, from their start to their end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from . import problem
from .arrays import read
from .repeating import Setting, in_rounds, own_command, result, run
from .rows import ROWS, Row
from .with_minidecomp import Predict
from .workers import ROOT

PINWHEEL = ["--prior", "mixture", "--alpha", "5", "--beta", "0"]
FIRST_ENCODING = """
import sys
import numpy as np
from minidecomp import load_run
load_run(sys.argv[1]).encode(np.load(sys.argv[2]))
"""


@dataclass(frozen=True)
class Commands:
    """Each contender's command, the folder where it runs, and a folder that is deleted before."""

    of_contender: dict[str, list[str]]
    cwd: Path = ROOT
    written: Path | None = None


def measure(row: Row, setting: Setting) -> dict[str, Any]:
    """Seconds of the commands in turn; the first round, which fills the system's cache, is not counted."""
    commands = PREPARATIONS[row.name](setting)
    work = {name: partial(run, command, commands.cwd) for name, command in commands.of_contender.items()}

    def before(name: str) -> None:
        if commands.written is not None:
            shutil.rmtree(commands.written, ignore_errors=True)

    return result(row, in_rounds(work, row.repetitions(setting.repetitions), before))


def _with_peers(own: list[str], setting: Setting, module: str, *arguments: object) -> dict[str, list[str]]:
    """Our command and each peer's module with its arguments, which have the peer's name in place of {}."""
    peers = {
        name: [python, "-m", *(str(part).format(name) for part in (f"benchmarks.{module}", *arguments))]
        for name, python in setting.contenders.items()
        if name != "minidecomp"
    }
    return {"minidecomp": own, **peers}


def _whole(setting: Setting) -> Commands:
    """Start-up, 500 epochs of the pinwheel, and the pictures."""
    out, data = setting.folder / "run", setting.folder / "pinwheel.npz"
    problem.write(ROWS[0], data)
    own = own_command("train", *PINWHEEL, "--quiet", "--out", str(out))
    return Commands(_with_peers(own, setting, "command_{}", data, out), written=out)


def _help(setting: Setting) -> Commands:
    return Commands({"minidecomp": own_command("--help")})


def _runs(setting: Setting) -> Commands:
    empty = setting.folder / "empty"
    empty.mkdir(exist_ok=True)
    return Commands({"minidecomp": own_command("runs")}, cwd=empty)


def _encode(setting: Setting) -> Commands:
    """The first encoding of a fresh process: minidecomp from a run folder, the peers from the same arrays."""
    data, saved, point = (setting.folder / name for name in ("first.npz", "saved", "point.npy"))
    problem.write(replace(ROWS[0], work="predict"), data)
    settings, arrays = read(str(data))
    Predict(settings, arrays, setting.threads).model.save(saved)
    np.save(point, arrays["data"][:1])
    own = [sys.executable, "-c", FIRST_ENCODING, str(saved), str(point)]
    return Commands(_with_peers(own, setting, "first_encoding", "{}", data, setting.threads))


def _evaluate(setting: Setting) -> Commands:
    trained = setting.folder / "trained"
    run(own_command("train", *PINWHEEL, "--quiet", "--no-plots", "--out", str(trained)))
    return Commands({"minidecomp": own_command("evaluate", str(trained))})


PREPARATIONS: dict[str, Callable[[Setting], Commands]] = {
    "command": _whole,
    "start-help": _help,
    "start-runs": _runs,
    "start-encode": _encode,
    "evaluate": _evaluate,
}

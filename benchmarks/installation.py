"""How long ``pip install .`` of a clone takes, with isolation and compilation, and the installation of the peers.

Each installation begins with a fresh environment. A first round, which is not counted, fills pip's cache with the
wheels of the dependencies; the peers are wheels themselves, of the versions that the benchmark uses.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from typing import Any

from .repeating import Setting, in_rounds, result, run
from .rows import Row
from .workers import ROOT, environment


def measure(row: Row, setting: Setting) -> dict[str, Any]:
    """Seconds of each contender's installation, in turn."""
    clone, made = setting.folder / "clone", setting.folder / "environments"
    work = {}
    for name, python in setting.contenders.items():
        what = str(clone) if name == "minidecomp" else _pinned(name, python)
        pip = made / name / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what
        work[name] = partial(run, pip, setting.folder, _without_paths())

    def before(name: str) -> None:
        run([setting.contenders[name], "-m", "venv", "--clear", str(made / name)], env=_without_paths())
        if name == "minidecomp":
            shutil.rmtree(clone, ignore_errors=True)
            run(["git", "clone", "--quiet", str(ROOT), str(clone)])

    times = in_rounds(work, row.repetitions(setting.repetitions), before)
    shutil.rmtree(clone)
    shutil.rmtree(made)
    return result(row, times, "changes that are not committed were left out" if _is_changed() else "")


def _without_paths() -> dict[str, str]:
    """A user's environment: no package of another one is found."""
    return {name: value for name, value in environment().items() if name != "PYTHONPATH"}


def _pinned(name: str, python: str) -> str:
    """The peer's package with its version, without the label of a local build: torch==2.13.0."""
    look = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([python, "-c", look], check=True, capture_output=True, text=True)
    return f"{name}=={done.stdout.strip().partition('+')[0]}"


def _is_changed() -> bool:
    """Whether the working tree differs from what was cloned."""
    look = ["git", "status", "--porcelain", "--untracked-files=no"]
    return bool(subprocess.run(look, cwd=ROOT, check=True, capture_output=True).stdout)

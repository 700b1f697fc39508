"""A part of the check in a process of its own, with a time limit, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
SPARE = 5.0  # seconds before its limit at which a part is to end by itself
GRACE = 2.0  # seconds that a process has to end when it is asked to
LAST_LINES = 15


@dataclass
class Outcome:
    """How a part ended.

    Attributes
    ----------
    ended : str
        ``complete``, ``time`` (its limit was reached) or ``crash``.
    seconds, limit : float
        How long it ran, and how long it was allowed to.
    found : dict
        What it had written by then.
    last_lines : list of str
        The end of what it printed, if it is not complete.
    """

    ended: str
    seconds: float
    limit: float
    found: dict[str, Any] = field(default_factory=dict)
    last_lines: list[str] = field(default_factory=list)


def limits(shares: Sequence[float], remaining: float) -> float:
    """The limit, in seconds, of the first of several parts: its share of the remaining time.

    What a part leaves over goes to those after it, and the sum is never more than the whole.
    """
    return max(0.0, remaining) * min(1.0, shares[0] / sum(shares))


def run(name: str, folder: Path, limit: float, options: Sequence[str] = ()) -> Outcome:
    """Run ``checks.NAME`` for at most ``limit`` seconds; its output goes to NAME.log."""
    out, log = folder / f"{name}.json", folder / f"{name}.log"
    out.unlink(missing_ok=True)
    own = max(1.0, limit - SPARE)
    command = [sys.executable, "-m", f"checks.{name}", str(out), f"{own:.0f}", *options]
    code, seconds = run_for(command, log, limit)
    found = _read(out)
    ended = "time" if code is None else "complete" if code == 0 else "crash"
    if ended == "complete" and found.pop("out_of_time", False):
        ended = "time"
    lines = [] if ended == "complete" else log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
    return Outcome(ended, round(seconds, 1), round(limit, 1), found, lines)


def run_for(command: Sequence[str], log: Path, limit: float) -> tuple[int | None, float]:
    """A command's exit code, or None if it was ended at the limit, and the seconds that it took."""
    begun = time.monotonic()
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=environment(), start_new_session=True
        )
        try:
            code: int | None = process.wait(max(0.1, limit))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
    return code, time.monotonic() - begun


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and those that it has started; it has a moment to end those in sessions of their own."""
    for kind in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, kind)
            else:
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def environment() -> dict[str, str]:
    """For a part: this folder, the clone and its tests' helpers can be imported, and no variable changes defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIDECOMP_")}
    paths = [str(HERE), str(ROOT), str(ROOT / "tests" / "support"), kept.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


class Findings:
    """What a part has found so far, in its JSON file after each addition."""

    def __init__(self, path: Path | None, seconds: float):
        self.path, self.end, self.found = path, time.monotonic() + seconds, {}

    path: Path | None
    found: dict[str, Any]

    @property
    def left(self) -> float:
        """Seconds until the part is to end."""
        return self.end - time.monotonic()

    def set(self, name: str, value: Any) -> None:
        """Add or replace a finding."""
        self.found[name] = value
        self.write()

    def add(self, name: str, value: Any) -> None:
        """Add to a list of findings."""
        self.found.setdefault(name, []).append(value)
        self.write()

    def out_of_time(self) -> None:
        """Say that the part ended before its work did."""
        self.set("out_of_time", True)

    def write(self) -> None:
        """Replace the file, so that it is whole whenever the process ends."""
        if self.path is not None:
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.found, indent=1) + "\n", "utf-8")
            new.replace(self.path)


def of_command_line() -> tuple[Findings, list[str]]:
    """The findings of a part that was started by ``run``, and the options that it was given."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it ends what it has started itself
    return Findings(Path(sys.argv[1]), float(sys.argv[2])), sys.argv[3:]


def read_results(folder: Path) -> dict[str, Outcome]:
    """The outcomes in results.json, by part; none if there is no such file, or one of another version."""
    try:
        return {name: Outcome(**each) for name, each in _read(folder / "results.json").items()}
    except (AttributeError, TypeError):
        return {}


def write_results(folder: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Write results.json."""
    text = json.dumps({name: asdict(each) for name, each in outcomes.items()}, indent=1)
    (folder / "results.json").write_text(text + "\n", "utf-8")

"""A training's log: a callback that writes each epoch to the requested tools, and never stops the training."""

from __future__ import annotations

import atexit
import json
import math
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Fault, OptionError, RunError, printable, shown
from ..files import make_folder, read_small_file, write_json
from ..runs.checkpoint import State
from ..runs.comparison import recorded
from ..runs.evaluation_file import read_evaluation
from ..runs.folder import config_values
from ..settings.options import chosen_loggers
from ..variants import LOGGERS
from .logger import About, Epoch, Record

if TYPE_CHECKING:
    from ..training import Trainer

FILE = "log.json"  # keeps the id of a run's records
SECONDS = 1.0  # between two writes, so that short epochs stay short
_OPENING = threading.Lock()  # the libraries open one record at a time, but a sweep has several threads


def to_stderr(line: str) -> None:
    """Print a line on stderr."""
    print(printable(line), file=sys.stderr)


def _to_nobody(line: str) -> None: ...


def check_log(names: str | None) -> tuple[str, ...]:
    """The tools in a value of ``--log``.

    Raises
    ------
    OptionError
        There is no such tool, or its library is not installed.
    """
    chosen = chosen_loggers(names)
    for name in chosen:
        if reason := LOGGERS[name].missing():
            raise OptionError("log", name, reason)
    return chosen


class Log:
    """A callback for ``minidecomp.training.train`` and the estimator that writes each epoch to one or more tools.

    If a tool's library raises an error, a line says so, the tool gets no more data, and the training continues. The log
    is closed at the end of a ``with`` block or of the program.

    Parameters
    ----------
    names : str
        As for ``--log``: ``tensorboard,mlflow``.
    folder : path, optional
        For a training without a run folder; it must not contain another log.
    say : callable
        Called with a line about a tool that failed.

    Raises
    ------
    OptionError
        There is no such tool, or its library is not installed.
    """

    def __init__(self, names: str, folder: str | Path | None = None, say: Callable[[str], object] = to_stderr):
        self._names, self._folder, self._say = check_log(names), folder, say
        self._records: dict[str, Record] = {}
        self._trainer: Trainer | None = None
        self._state: State | None = None
        self._count, self._written = 0, 0.0
        self._ended = False

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, trainer: Trainer) -> None:
        """Called after an epoch: write what is not yet written, at most once a second.

        Raises
        ------
        OptionError, RunError
            At the first call, if there is no folder for the log; or if the training is not the same as before.
        Fault
            The run's folder was moved or deleted.
        """
        if self._state is None:
            self.open(trainer)
        elif trainer.state is not self._state:
            raise RunError("this Log has the record of another training; make one for each")
        self._trainer = trainer
        if time.monotonic() - self._written >= SECONDS or trainer.state.epoch >= trainer.epochs:
            self._write()

    @property
    def callbacks(self) -> list[Log]:
        """What `training.train` calls after an epoch: nothing without a tool, so that it may train many short epochs
        at once.
        """
        return [self] if self._names else []

    def open(self, trainer: Trainer) -> None:
        """Open the records, with the epochs trained so far; otherwise the first call does this."""
        self._trainer, self._state = trainer, trainer.state
        if not self._names:
            return
        trainer.check_folder()
        folder, known = _place(trainer, self._folder)
        epochs = _epochs(self._state, 0)
        self._count = len(self._state.rows)
        atexit.register(self.close)
        for name in self._names:
            with _Failing(self, name), _OPENING:
                about = _about(trainer, folder, known)
                known = about.id
                self._records[name] = LOGGERS[name].open(about, epochs)

    def end(self, pictures: Sequence[Path] = ()) -> None:
        """After the last epoch: write the best model's values in ``evaluation.json``, and pictures (PNG files)."""
        self._write()
        if self._trainer is None or self._state is None:
            return
        folder = self._trainer.folder
        evaluation = read_evaluation(folder, self._state.chosen) if folder is not None and self._records else {}
        values = _numbers(recorded(evaluation)) if evaluation else {}
        for name, record in list(self._records.items()):
            with _Failing(self, name):
                record.end(self._state.epoch, values, pictures)
        self._ended = True

    def close(self) -> None:
        """Write the rest, and close the records."""
        atexit.unregister(self.close)
        try:
            self._write()
        except Fault:  # the folder is gone, which the training reports itself
            self._say = _to_nobody
        trainer, records = self._trainer, self._records
        finished = self._ended or (trainer is not None and trainer.state.epoch >= trainer.epochs)
        for name, record in list(records.items()):
            with _Failing(self, name):
                record.close(finished)
        self._records = {}

    def _write(self) -> None:
        if not self._records or self._trainer is None or self._state is None:
            return
        self._trainer.check_folder()
        epochs, self._count = _epochs(self._state, self._count), len(self._state.rows)
        for name, record in list(self._records.items()):
            with _Failing(self, name):
                record.write(epochs)
        self._written = time.monotonic()

    def drop(self, name: str, error: Exception) -> None:
        """Stop writing to a tool, and say why."""
        self._records.pop(name, None)
        reason = type(error).__name__
        with suppress(Exception):  # the text of a library's error may itself raise an error
            reason = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0] or reason
        self._say(f"log: stopped writing to {name}; training continues: {shown(reason)}")


class _Failing:
    """A block in which a tool's library may raise an error."""

    def __init__(self, log: Log, name: str):
        self.log, self.name = log, name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.log.drop(self.name, error)
        return True


def log_of_run(trainer: Trainer, say: Callable[[str], object] = to_stderr) -> Log:
    """The opened log that the run's options ask for; without ``--log`` it does nothing.

    Raises
    ------
    OptionError
        As for `check_log`.
    """
    log = Log(trainer.options.log or "none", say=say)
    log.open(trainer)
    return log


def _place(trainer: Trainer, given: str | Path | None) -> tuple[Path, str | None]:
    """The folder of a training's log, and the id of its records if it has some.

    Raises
    ------
    OptionError, RunError
        There is no folder, or there are two, or the folder has the log of another training.
    """
    if trainer.folder is not None:
        if given is not None:
            raise OptionError(
                "folder", given, f"the training has a folder, {trainer.folder}, and its log goes there; leave this out"
            )
        return trainer.folder, _known_id(trainer.folder)
    if given is None:
        raise OptionError("folder", None, "the training has no run folder; name a folder for its log")
    if (Path(given) / FILE).exists():
        raise RunError(f"{given}: it has the log of another training; choose another folder")
    return Path(given), None


def _about(trainer: Trainer, folder: Path, known: str | None) -> About:
    """What the tools need to know; a new id is kept in the folder.

    Raises
    ------
    Fault
        The folder does not exist or cannot be written to.
    """
    if known is None:
        known = secrets.token_hex(8)
        write_json(make_folder(folder) / FILE, {"id": known}, trainer.check_folder)
    options = config_values(trainer.options)
    plain = {name: value if isinstance(value, bool | int | float) else _text(value) for name, value in options.items()}
    return About(folder, folder.absolute().name, known, plain)


def _known_id(folder: Path) -> str | None:
    """The id of a run's records; None if there are none."""
    try:
        found = json.loads(read_small_file(folder / FILE, 1000))["id"]
        return found if re.fullmatch(r"[0-9a-f]{16}", found) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _epochs(state: State, first: int) -> list[Epoch]:
    """The rows from ``first`` on. Earlier rows get times in the past, from their training times."""
    now = time.time()
    return [
        Epoch(int(row["epoch"]), _numbers(row, ("epoch",)), now - max(0.0, state.seconds - row["seconds"]))
        for row in state.rows[first:]
    ]


def _numbers(row: Mapping[str, Any], without: Sequence[str] = ()) -> dict[str, float]:
    """The numbers in a row; a term that was not computed (NaN) is left out."""
    return {
        name: float(value)
        for name, value in row.items()
        if name not in without and isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    }

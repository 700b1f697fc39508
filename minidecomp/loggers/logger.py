"""What a logger is, and what it learns about a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class About:
    """What a logger learns about a training before the first epoch.

    Attributes
    ----------
    folder : pathlib.Path
        The run's folder; a logger makes a folder with its own name inside.
    name : str
        The run's name.
    id : str
        16 hexadecimal digits that stay the same when the run is continued.
    options : mapping of str to (bool, int, float or str)
        As in ``config.toml``.
    """

    folder: Path
    name: str
    id: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Epoch:
    """One row of ``metrics.csv``: the epoch, its numbers by column, and its end, in seconds since 1970."""

    number: int
    values: Mapping[str, float]
    time: float


class Record(Protocol):
    """The open record of one training in one tool. Any method may raise whatever the tool's library raises."""

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add epochs that the record does not have."""

    def end(self, epoch: int, values: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Add the numbers of the evaluation, and pictures (PNG files), after the last epoch."""

    def close(self, finished: bool) -> None:
        """Close the record; ``finished`` says whether the training is complete."""


@dataclass(frozen=True)
class Logger:
    """A tool that can log a training; ``minidecomp.variants.LOGGERS.add(Logger(...))`` adds one.

    Attributes
    ----------
    name : str
        Its name in ``--log``.
    missing : callable
        Returns why its library cannot be used, or None if it can.
    open : callable
        (about, epochs so far) -> a record with exactly these epochs, each once. If the run already has a record in the
        tool, with fewer epochs or with more, that record is continued.
    """

    name: str
    missing: Callable[[], str | None]
    open: Callable[[About, Sequence[Epoch]], Record]

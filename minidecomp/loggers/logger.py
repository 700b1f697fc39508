"""What a logger is, and what it is told of a training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class About:
    """What a logger is told of a training before its first epoch.

    Attributes
    ----------
    folder : pathlib.Path
        The run's; a logger makes one of its own name inside.
    name : str
        The run's.
    id : str
        16 hexadecimal digits, the same each time that the run goes on.
    options : mapping of str to (bool, int, float or str)
        As ``config.toml`` has them.
    """

    folder: Path
    name: str
    id: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Epoch:
    """One row of ``metrics.csv``: the epoch, its numbers by column, and when it ended, in seconds since 1970."""

    number: int
    values: Mapping[str, float]
    time: float


class Record(Protocol):
    """One training in one tool, opened; any method may raise whatever the tool's library raises."""

    def write(self, epochs: Sequence[Epoch]) -> None:
        """Add epochs that it does not have."""

    def end(self, epoch: int, values: Mapping[str, float], pictures: Sequence[Path]) -> None:
        """Add the numbers of the evaluation, and pictures, PNG files, after the last epoch."""

    def close(self, finished: bool) -> None:
        """Close it; ``finished`` says whether the training came to its end."""


@dataclass(frozen=True)
class Logger:
    """A tool to which a training can be written; ``minidecomp.variants.LOGGERS.add(Logger(...))`` adds one.

    Attributes
    ----------
    name : str
        ``--log``'s word for it.
    missing : callable
        Returns why its library cannot be used, or None where it can.
    open : callable
        (about, epochs so far) -> the record, in which exactly these epochs are, each once. If the run has a record
        there, with fewer epochs or with more, it goes on with that.
    """

    name: str
    missing: Callable[[], str | None]
    open: Callable[[About, Sequence[Epoch]], Record]

"""How long work on the data reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Count = Callable[[int], object]


def _no_bar(length: int) -> AbstractContextManager[Count]:
    """Count without showing anything."""
    return nullcontext(lambda done: None)


@dataclass(frozen=True)
class Waiting:
    """The functions that long work calls; by default they show nothing.

    Attributes
    ----------
    say : callable
        Takes a line that says what comes next or what has been done.
    bar : callable
        Takes a total and returns a context. The context gives a function that takes how much of the total is done.
    """

    say: Callable[[str], object] = lambda line: None
    bar: Callable[[int], AbstractContextManager[Count]] = _no_bar


SILENT = Waiting()

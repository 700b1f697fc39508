"""How something in the data that takes long shows itself: what it is said to, and what it is counted for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Count = Callable[[int], object]


def _no_bar(length: int) -> AbstractContextManager[Count]:
    return nullcontext(lambda done: None)


@dataclass(frozen=True)
class Waiting:
    """The functions that are called by what takes long; by default it is silent.

    Attributes
    ----------
    say : callable
        Given a line about what comes next, or has been done.
    bar : callable
        Given a count, returns a context that gives a function; that one is given how much of the count is done.
    """

    say: Callable[[str], object] = lambda line: None
    bar: Callable[[int], AbstractContextManager[Count]] = _no_bar


SILENT = Waiting()

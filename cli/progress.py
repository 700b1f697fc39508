"""How a command shows training, and how a signal stops it between two steps."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from minidecomp.progress import has_bars, shown

from .output import say

if TYPE_CHECKING:
    from minidecomp.data.waiting import Waiting
    from minidecomp.training import Trainer


@contextmanager
def stop_on_signals() -> Iterator[list[int]]:
    """Collect the first SIGINT or SIGTERM, so that no step is interrupted halfway; a second one interrupts at once."""
    received: list[int] = []

    def note(number: int, frame: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    kept = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def progress(trainer: Trainer, quiet: bool) -> AbstractContextManager[Callable[[Trainer], None]]:
    """What to call after each slice of training: see `minidecomp.progress.shown`."""
    return nullcontext(lambda t: None) if quiet else shown(trainer)


def waiting() -> Waiting:
    """Show long work before training: lines on stderr, and a bar on a terminal."""
    from minidecomp.data.waiting import Waiting

    return Waiting(lambda line: say(line, err=True), bar)


@contextmanager
def bar(length: int, label: str = "") -> Iterator[Callable[[int], object]]:
    """A bar on stderr; a call sets how much is done. Where no bar can be drawn, only the label is printed."""
    if not has_bars():
        if label:
            say(label, err=True)
        yield lambda done: None
        return
    with click.progressbar(length=length, label=label or None, file=sys.stderr) as shown_bar:
        yield lambda done: shown_bar.update(done - shown_bar.pos)

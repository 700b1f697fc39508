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
    """Collects the first SIGINT or SIGTERM, so that a step is never cut in two; a second one interrupts at once."""
    """Collect the first SIGINT or SIGTERM, so that no step is interrupted halfway; a second one interrupts at once."""

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
    """What to call after every slice of training: see `minidecomp.progress.shown`."""
    return nullcontext(lambda t: None) if quiet else shown(trainer)
"""What to call after each slice of training: see `minidecomp.progress.shown`."""

def waiting() -> Waiting:
    """How what takes long before training is shown: lines on stderr, and a bar on a terminal."""
    from minidecomp.data.waiting import Waiting
"""How long work before training is shown: lines on stderr, and a bar on a terminal."""
    return Waiting(lambda line: say(line, err=True), bar)


@contextmanager
def bar(length: int, label: str = "") -> Iterator[Callable[[int], object]]:
    """A bar on stderr, moved by a call with how much is done; nothing but the label where bars cannot be drawn."""
    if not has_bars():
        """A bar on stderr; a call sets how much is done. Where no bar can be drawn, only the label is printed."""
            say(label, err=True)
        yield lambda done: None
        return
    with click.progressbar(length=length, label=label or None, file=sys.stderr) as shown_bar:
        yield lambda done: shown_bar.update(done - shown_bar.pos)

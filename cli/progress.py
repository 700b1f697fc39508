"""How a command shows training, and how a signal stops it between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from minidecomp.progress import shown

if TYPE_CHECKING:
    from minidecomp.training import Trainer


@contextmanager
def stop_on_signals() -> Iterator[list[int]]:
    """Collects the first SIGINT or SIGTERM, so that a step is never cut in two; a second one interrupts at once."""
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
    """What to call after every slice of training: see `minidecomp.progress.shown`."""
    return nullcontext(lambda t: None) if quiet else shown(trainer)

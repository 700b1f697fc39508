"""How training shows itself on a terminal, and how a signal stops it between two steps."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from minidecomp.training import Trainer

SHORT = {"log_likelihood": "log p", "kl": "KL", "regulariser": "D", "objective": "L"}
LINE_SECONDS = 10


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


@contextmanager
def progress(trainer: Trainer, quiet: bool) -> Iterator[Callable[[Trainer], None]]:
    """What to call after every slice of training: a bar on a terminal, a line now and then elsewhere."""
    if quiet:
        yield lambda t: None
    elif sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        points, done = len(trainer.data), _points_done(trainer)
        with click.progressbar(
            length=trainer.epochs * points - done,
            label=_epochs(trainer),
            item_show_func=lambda t: None if t is None else _terms_that_fit(t, bar.width),
            file=sys.stderr,
            width=24 if _columns() >= 100 else 8,
            show_eta=_columns() >= 50,
        ) as bar:
            shown = [done, 0.0]

            def advance(t: Trainer) -> None:
                now = time.monotonic()
                if now - shown[1] < 0.1 and t.state.epoch < t.epochs:
                    return
                bar.label = _epochs(t)
                bar.update(int(_points_done(t) - shown[0]), t)
                shown[:] = [_points_done(t), now]

            yield advance
    else:
        yield _lines()


def _lines() -> Callable[[Trainer], None]:
    last = [time.monotonic()]

    def show(t: Trainer) -> None:
        if time.monotonic() - last[0] >= LINE_SECONDS or t.state.epoch == t.epochs:
            click.echo(f"{_epochs(t)}  {_terms(t)}", err=True)
            last[0] = time.monotonic()

    return show


def _points_done(trainer: Trainer) -> int:
    return trainer.state.epoch * len(trainer.data) + trainer.state.row


def _epochs(trainer: Trainer) -> str:
    return f"epoch {trainer.state.epoch}/{trainer.epochs}"


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _terms_that_fit(trainer: Trainer, bar_width: int) -> str:
    """As many terms as the line has room for: a line that wraps would not be drawn over, but again below."""
    # The label, the bar in its brackets, "100%", "1d 00:00:00", and two blanks before each.
    taken = len(f"epoch {trainer.epochs}/{trainer.epochs}") + bar_width + 2 + 4 + 11 + 2 * 4
    terms = _terms(trainer).split("  ")
    while terms and taken + len("  ".join(terms)) >= _columns():
        terms.pop()
    return "  ".join(terms)


def _terms(trainer: Trainer) -> str:
    """The terms' values over the last epoch, or over the present one if it is the first."""
    state = trainer.state
    values = state.rows[-1] if state.rows else trainer.means()
    names = SHORT | {"kl": trainer.objective.kl_title}
    return "  ".join(f"{short} {values[term]:.4g}" for term, short in names.items() if values[term] == values[term])

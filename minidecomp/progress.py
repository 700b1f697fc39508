"""How training shows its progress: a bar in a notebook and on a terminal, a line every 10 seconds elsewhere.

::

    with progress.shown(trainer) as advance:
        training.train(trainer, advance)
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import click

from .packages import missing

if TYPE_CHECKING:
    from .training import Trainer

    Show = Callable[[Trainer], None]

SHORT = {"log_likelihood": "log p", "kl": "KL", "regulariser": "D", "objective": "L"}
LINE_SECONDS, FRAME_SECONDS = 10, 0.1


def shown(trainer: Trainer) -> AbstractContextManager[Show]:
    """A context manager that gives a function to call with the trainer after every slice of training.

    The function shows the progress: in a notebook as tqdm's bar or, without tqdm, as a line of text that is replaced;
    on a terminal as a bar; elsewhere, for example in a file, as a line every 10 seconds and one at the end, on stderr.
    If $NO_COLOR is set, no bar is drawn. If ``auto`` has chosen the engine, a first line says why;
    the engine's own notes follow.
    """
    if trainer.chosen is not None and trainer.chosen.why:
        click.echo(str(trainer.chosen), err=True)
    for note in trainer.engine.notes:
        click.echo(note, err=True)
    if in_notebook():
        return _text_in_place(trainer) if _no_tqdm() else _tqdm_bar(trainer)
    if has_bars():
        return _terminal_bar(trainer)
    return lines(trainer)


def has_bars() -> bool:
    """Whether a bar may be drawn on stderr: it is a terminal, and $NO_COLOR is not set."""
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel. IPython is not imported to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextmanager
def lines(trainer: Trainer) -> Iterator[Show]:
    """A line on stderr every 10 seconds, and one at the end."""
    yield _now_and_then(LINE_SECONDS, lambda t: click.echo(f"{_epochs(t)}  {_terms(t)}", err=True))


def _now_and_then(seconds: float, show: Show, at_once: bool = False) -> Show:
    """A function that shows at most once in some seconds, and at the last epoch."""
    last = [-math.inf if at_once else time.monotonic()]

    def advance(trainer: Trainer) -> None:
        now = time.monotonic()
        if now - last[0] >= seconds or trainer.state.epoch == trainer.epochs:
            show(trainer)
            last[0] = now

    return advance


@contextmanager
def _terminal_bar(trainer: Trainer) -> Iterator[Show]:
    done = [_points_done(trainer)]
    bar: Any = click.progressbar(
        length=trainer.epochs * len(trainer.data) - done[0],
        label=_epochs(trainer),
        item_show_func=lambda t: None if t is None else _terms_that_fit(t, bar.width),
        file=sys.stderr,
        width=24 if _columns() >= 100 else 8,
        show_eta=_columns() >= 50,
    )

    def move(t: Trainer) -> None:
        bar.label = _epochs(t)
        bar.update(_points_done(t) - done[0], t)
        done[0] = _points_done(t)

    with bar:
        yield _now_and_then(FRAME_SECONDS, move, at_once=True)


def _no_tqdm() -> str | None:
    """Why tqdm cannot be used; None if it can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets, tqdm warns and draws its bar as text
        return missing("tqdm.auto", "minidecomp[notebook]")


@contextmanager
def _tqdm_bar(trainer: Trainer) -> Iterator[Show]:
    from tqdm.auto import tqdm

    bar: Any = tqdm(
        total=trainer.epochs * len(trainer.data),
        initial=_points_done(trainer),
        desc=_epochs(trainer),
        bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
    )

    def move(t: Trainer) -> None:
        bar.set_description(_epochs(t), refresh=False)
        bar.set_postfix_str(_terms(t), refresh=False)
        bar.n = _points_done(t)
        bar.refresh()

    with bar:
        yield _now_and_then(FRAME_SECONDS, move, at_once=True)
        move(trainer)
        if bar.n < bar.total:  # a callback ended training; without this, the bar would turn red as if it had failed
            bar.set_description(f"ended after {_epochs(trainer)}", refresh=False)
            bar.total = bar.n


@contextmanager
def _text_in_place(trainer: Trainer) -> Iterator[Show]:
    from IPython.display import display

    def text(t: Trainer) -> dict[str, str]:
        return {"text/plain": f"{_epochs(t)}  {_terms(t)}".rstrip()}

    handle: Any = display(text(trainer), raw=True, display_id=True)
    yield _now_and_then(FRAME_SECONDS, lambda t: handle.update(text(t), raw=True), at_once=True)
    handle.update(text(trainer), raw=True)


def _points_done(trainer: Trainer) -> int:
    return trainer.state.epoch * len(trainer.data) + trainer.state.row


def _epochs(trainer: Trainer) -> str:
    return f"epoch {trainer.state.epoch}/{trainer.epochs}"


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _terms_that_fit(trainer: Trainer, bar_width: int) -> str:
    """As many terms as fit on the line. A line that wraps would be repeated below instead of replaced."""
    # The label, the bar in its brackets, "100%", "1d 00:00:00", and two spaces before each.
    taken = len(f"epoch {trainer.epochs}/{trainer.epochs}") + bar_width + 2 + 4 + 11 + 2 * 4
    terms = _terms(trainer).split("  ")
    while terms and taken + len("  ".join(terms)) >= _columns():
        terms.pop()
    return "  ".join(terms)


def _terms(trainer: Trainer) -> str:
    """The terms' values over the last epoch, or over the current one if it is the first."""
    state = trainer.state
    values = state.rows[-1] if state.rows else trainer.means()
    names = SHORT | {"kl": trainer.objective.kl_title}
    shown = [f"{short} {values[term]:.4g}" for term, short in names.items() if values[term] == values[term]]
    return "  ".join([*shown, *_validated(trainer)])


def _validated(trainer: Trainer) -> list[str]:
    """The objective at the last validation, if there was one."""
    if trainer.validation is not None:
        for row in reversed(trainer.state.rows):
            if (value := row["validation_objective"]) == value:
                return [f"validation {value:.4g}"]
    return []

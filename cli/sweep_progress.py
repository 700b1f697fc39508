"""The progress of a sweep: a bar over all runs on a terminal, otherwise a line for each run that ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import counted

from .output import say

if TYPE_CHECKING:
    from minidecomp.sweeps.grid import Entry
    from minidecomp.training import Trainer

Names = Mapping[str, Sequence[str]]  # each run's metrics
NO_NAMES: Names = {}
STEPS_OF_A_RUN = 1000  # of the bar; all runs count the same, whatever their length


class SweepProgress:
    """What the runs' threads call; ``bar`` is None if the output is not a terminal."""

    def __init__(self, folder: Path, entries: Sequence[Entry], bar: Any, quiet: bool, names: Names = NO_NAMES):
        from minidecomp.sweeps.folder import is_finished

        self.folder = folder
        self.total, self.bar, self.quiet = len(entries), bar, quiet
        self.ended = sum(is_finished(folder, entry, names.get(entry.name, ())) for entry in entries)
        self._done: dict[str, int] = {}  # the steps of the runs that have not ended
        self._lock, self._shown, self._begun = threading.Lock(), 0.0, time.monotonic()
        if bar is not None:
            bar.label = self._label()
            bar.update(self.ended * STEPS_OF_A_RUN)

    def _label(self) -> str:
        return f"{self.ended}/{counted(self.total, 'run')}"

    def progress(self, entry: Entry, trainer: Trainer) -> None:
        """Called after each slice of a run's training: advances the bar."""
        if self.bar is None:
            return
        share = (trainer.state.epoch + trainer.state.row / len(trainer.data)) / max(trainer.epochs, 1)
        with self._lock:
            now = time.monotonic()
            if now - self._shown >= 0.1:
                self._move(entry.name, int(STEPS_OF_A_RUN * share))
                self._shown = now

    def _move(self, name: str, to: int) -> None:
        by = to - self._done.get(name, 0)
        self._done[name] = to
        running = [each for each, done in self._done.items() if done < STEPS_OF_A_RUN]
        self.bar.label = self._label()
        self.bar.update(max(by, 0), ", ".join(running[:3]) + (" .." if len(running) > 3 else ""))

    def report(self, entry: Entry, outcome: str) -> None:
        """Called when a run ends: advances the bar, or prints a line."""
        with self._lock:
            self.ended += outcome != "stopped"
            if self.bar is not None:
                self._move(entry.name, STEPS_OF_A_RUN)
                del self._done[entry.name]
            elif not self.quiet:
                seconds = time.monotonic() - self._begun
                trained = self._seconds_of_training(entry) if outcome == "finished" else ""
                end = f"({trained}{seconds:.1f} s since the start of the sweep)"
                say(f"{self.ended}/{self.total}  {outcome}: {entry.name}  {end}", err=True)

    def _seconds_of_training(self, entry: Entry) -> str:
        from minidecomp.runs.evaluation_file import remembered_parts

        seconds = remembered_parts(self.folder / entry.name).get("train", {}).get("seconds")
        return f"{seconds:.1f} s of training, " if isinstance(seconds, int | float) else ""


@contextmanager
def sweep_progress(
    folder: Path, entries: Sequence[Entry], quiet: bool, names: Names = NO_NAMES
) -> Iterator[SweepProgress]:
    """Show the progress of the sweep."""
    if quiet or sys.stderr is None or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        yield SweepProgress(folder, entries, None, quiet, names)
        return
    with click.progressbar(
        length=STEPS_OF_A_RUN * len(entries), file=sys.stderr, width=24, item_show_func=lambda running: running
    ) as bar:
        yield SweepProgress(folder, entries, bar, quiet, names)

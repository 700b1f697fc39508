"""Slices of training: calls of an engine for a part of an epoch or, if epochs are short, for several of them."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np

from .data.feed import Feed
from .data.points import Points
from .engines import Engine
from .engines.rules import steps
from .randomness import streams
from .randomness.order import permutation
from .runs.checkpoint import State
from .runs.schema import VALIDATION_COLUMNS
from .settings.options import TrainOptions
from .settings.schedules import scheduled_names, settled, value_at

SLICE_SECONDS = 0.1  # how long training runs before it checks whether to stop


class HasRun(Protocol):
    """What slices need of a trainer."""

    options: TrainOptions
    data: Points
    state: State
    engine: Engine
    validation: Points | None
    validate_every: int

    @property
    def epochs(self) -> int:
        """How many epochs the run will have."""

    def means_of(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        """The terms' means (E,) over E epochs, by name, from their totals (E, 4)."""


class Slices:
    """Training in slices, each one call of the engine: a part of an epoch, or several epochs if they are short.

    Parameters
    ----------
    trainer
        A ``minidecomp.training.Trainer``, which is changed in place.
    feed : Feed
    alone : bool
        Whether something must happen after each epoch, so that no slice has several.
    """

    def __init__(self, trainer: HasRun, feed: Feed, alone: bool):
        self._trainer, self._feed, self._alone = trainer, feed, alone
        self._order: Any = None  # of the present epoch, if a slice has begun it
        self._batches = 1  # in the next slice, at most

    def train_next(self) -> str | None:
        """Train the next slice and note the epochs that it ends; returns the name of a term that is not finite."""
        trainer, row = self._trainer, self._trainer.state.row
        if row == 0 and self._feed.in_memory and not self._alone:
            epochs = _epochs_at_once(trainer, self._batches // _steps_of_an_epoch(trainer))
            if epochs > 1:
                return self._train_epochs(epochs)
        return self._train_part()

    def _train_part(self) -> str | None:
        """Train on a part of an epoch, at most to its end."""
        trainer, o, state = self._trainer, self._trainer.options, self._trainer.state
        begun = time.perf_counter()
        if self._order is None:
            self._order = self._order_of_the_epoch()
        points, rows = self._feed.take(self._order, state.row, self._batches * o.batch_size)
        first, fault = state.optimizer.step, None
        try:
            fault = trainer.engine.train(points, rows, o.batch_size, state.optimizer, o.seed, state.totals)
        finally:  # also if a user's prior raises, or after Ctrl-C
            took, made = time.perf_counter() - begun, state.optimizer.step - first
            whole = made == steps(len(rows), o.batch_size, trainer.engine.objective.used_regulariser)
            state.row += len(rows) if whole else made * o.batch_size
            if state.row == len(trainer.data):
                self._order = None
                _note_epochs(trainer, state.totals[None], took)
            else:
                state.seconds += took
        if fault is None:
            self._grow(-(-len(rows) // o.batch_size), took)
        return fault

    def _order_of_the_epoch(self) -> Any:
        """The same numbers, on the host if the feed reads points by them, and otherwise where the engine takes them."""
        n, (purpose, step) = len(self._trainer.data), streams.EPOCH_ORDER.at(self._trainer.state.epoch)
        if not self._feed.in_memory:
            return permutation(n, self._trainer.options.seed, purpose, step)
        return self._trainer.engine.permutation(n, self._trainer.options.seed, step)

    def _train_epochs(self, epochs: int) -> str | None:
        """Train whole epochs. If it ends early, the epochs before are noted, and the present one's steps."""
        trainer, o, state = self._trainer, self._trainer.options, self._trainer.state
        begun, first, each = time.perf_counter(), state.optimizer.step, _steps_of_an_epoch(trainer)
        step, totals = streams.EPOCH_ORDER.step(state.epoch), np.zeros((epochs, 4))
        orders, fault = trainer.engine.permutations(len(trainer.data), o.seed, step, epochs), None
        try:
            fault = trainer.engine.train(trainer.data, orders, o.batch_size, state.optimizer, o.seed, totals)
        finally:
            took, made = time.perf_counter() - begun, state.optimizer.step - first
            whole, rest = divmod(made, each)
            # Each step counts the same, one at fault like the others.
            share = whole * each / max(1, made + (fault is not None))
            _note_epochs(trainer, totals[:whole], took * share)
            if whole < epochs:
                state.row, state.totals[:] = rest * o.batch_size, totals[whole]
                state.seconds += took * (1 - share)
        if fault is None:
            self._grow(made, took)
        return fault

    def _grow(self, batches: int, took: float) -> None:
        """The size of the next slice, given how long the last one took; one that was cut short says little."""
        if took > SLICE_SECONDS:
            self._batches = max(1, self._batches // 2)
        elif took < SLICE_SECONDS / 4 and 2 * batches > self._batches:
            self._batches *= 2


def _steps_of_an_epoch(trainer: HasRun) -> int:
    return steps(len(trainer.data), trainer.options.batch_size, trainer.engine.objective.used_regulariser)


def until_validation(epoch: int, every: int, last: int) -> int:
    """How many epochs after ``epoch`` the next validation is: one comes every so many epochs, and after the last."""
    regular = every - epoch % every
    return min(regular, last - epoch) if epoch < last else regular


def _epochs_at_once(trainer: HasRun, most: int) -> int:
    """How many of the next epochs, at most ``most``, follow each other with nothing to do between them."""
    o, state = trainer.options, trainer.state
    most = min(most, trainer.epochs - state.epoch)
    if state.gradient_log is not None:
        return 1
    if trainer.validation is not None:
        most = min(most, until_validation(state.epoch, trainer.validate_every, o.epochs))
    scheduled = [name for name in scheduled_names(o) if state.epoch < settled(o, name)]

    def values(epoch: int) -> list[float]:
        return [value_at(o, name, epoch) for name in scheduled]

    now = values(state.epoch)
    changes = (count for count in range(1, most) if values(state.epoch + count) != now)
    return next(changes, most) if scheduled else most


def _note_epochs(trainer: HasRun, totals: np.ndarray, took: float) -> None:
    """The rows of E epochs that have ended, from their totals (E, 4) and the time since the last slice.

    The epochs of a slice have as many steps each, so each gets the same share of the time.
    """
    state, count = trainer.state, len(totals)
    columns = {name: values.tolist() for name, values in trainer.means_of(totals).items()}
    columns["seconds"] = (state.seconds + took * np.arange(1, count + 1) / max(1, count)).tolist()
    used = vars(trainer.engine.objective) | {"lr": state.optimizer.lr}
    same = {name: float(used[name]) for name in scheduled_names(trainer.options)}
    if trainer.validation is not None:
        same |= dict.fromkeys(VALIDATION_COLUMNS, math.nan)
    epochs = range(state.epoch + 1, state.epoch + count + 1)
    names = ("epoch", *columns)
    state.rows += [dict(zip(names, row, strict=True)) | same for row in zip(epochs, *columns.values(), strict=True)]
    state.epoch, state.row, state.seconds = state.epoch + count, 0, state.seconds + took
    state.totals[:] = 0

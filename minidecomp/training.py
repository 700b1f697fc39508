"""The training loop: epochs of steps, progress, checkpoints, and stopping at any moment without loss."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from . import memory
from .data.dataset import Dataset, Digests
from .data.feed import Feed
from .data.points import Points, as_stored, fingerprint, value_range
from .data.rules import DataRules, learn
from .data.waiting import SILENT, Waiting
from .engines import Engine, choice, make
from .engines.rules import trained_rows
from .errors import DataError, Fault, OptionError, RunError, counted, marked, number
from .inspection.over_training import record
from .inspection.validation import (
    epochs_between,
    is_better,
    is_over,
    times_drawn,
    validate,
    validations_since,
    value_of,
)
from .model import from_options
from .objective import TERMS, Objective, objective_at, objective_from
from .randomness import streams
from .runs import checkpoint, warm_start
from .runs.checkpoint import State
from .runs.folder import delete_temporaries, new_run, write_config
from .runs.owner import Lock, own
from .runs.schema import VALIDATION_COLUMNS
from .runs.summary import three_lines
from .settings.options import OF_THE_MACHINE, TrainOptions, by_name, chosen_loggers, default, is_relevant
from .settings.schedules import largest, value_at
from .settings.validation import monitored
from .slices import Slices, until_validation

LARGE_DATA = 30.0  # if the data are larger, a fault is attributed to their size
SOON = 0.5  # seconds of training after which a run that has no checkpoint yet gets its first one
FAR = 1e4  # if an option is this factor from its usual size, a fault is attributed to it


@dataclass
class Trainer:
    """A run in memory: its settings, its data in the engine's form, and its progress.

    Without a folder, the run is only in memory. With a folder, no other process can train the run from the trainer's
    creation until the end of its ``with`` block; ``train`` opens one, which may be inside another.
    """

    folder: Path | None
    options: TrainOptions
    objective: Objective
    dataset: Dataset
    data: Points
    rules: DataRules
    digests: Digests
    state: State
    engine: Engine
    validation: Points | None = None
    validate_every: int = 1  # epochs
    owner: Lock | None = None
    until: int | None = None  # the epoch at which training stops, if it is not the last
    depth: int = 0  # how many with blocks are open
    notes: tuple[str, ...] = ()  # lines about another run whose weights this one starts with
    kept: int | None = None  # the epoch of the best model in the folder
    saved: bool = False  # whether the folder has a checkpoint
    chosen: choice.Choice | None = None  # the engine, and why ``auto`` has taken it

    def __repr__(self) -> str:
        place = "in memory" if self.folder is None else self.folder
        title = f"Trainer {place}, engine {self.options.engine}"
        return three_lines(title, self.options, self.state.rows, self.epochs)

    def __enter__(self) -> Trainer:
        if self.owner is None and self.folder is not None:
            self.owner = own(self.folder)
        self.depth += 1
        return self

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.let_go()

    def check_folder(self) -> None:
        """Called before anything is written into the folder.

        Raises
        ------
        Fault
            If it was moved or deleted in the meantime: what is there now belongs to another run.
        """
        if self.owner is not None:
            self.owner.check()

    def let_go(self) -> None:
        """Release the folder for other processes."""
        if self.owner is not None:
            self.owner.release()
            self.owner = None

    @property
    def epochs(self) -> int:
        """How many epochs the run will have; if early stopping has ended it, how many it has."""
        if self.state.stopped_early:
            return self.state.epoch
        return self.options.epochs if self.until is None else self.until

    @property
    def ending(self) -> str:
        """With validation, a line about the best model and early stopping; otherwise empty."""
        state = self.state
        if state.best is None:
            return ""
        value = {"log_likelihood": "log-likelihood", "kl": "KL"}.get(monitored(self.options), monitored(self.options))
        best = f"the best model by the validation {value} is that of epoch {state.best.epoch}"
        if not state.stopped_early:
            return best
        since = counted(validations_since(state.rows, state.best.epoch, self.options), "validation")
        return f"{best}; stopped early, after {since} without a better"

    def means(self) -> dict[str, float]:
        """The terms' means over the current epoch so far; NaN for terms that are not computed."""
        return {name: float(value[0]) for name, value in self.means_of(self.state.totals[None]).items()}

    def means_of(self, totals: np.ndarray) -> dict[str, Any]:
        """The terms' means (E,) over E epochs with the present weights, by name, from their totals (E, 4)."""
        with np.errstate(invalid="ignore"):  # NaN before the first step
            means = totals[:, :3] / totals[:, 3:]
        values: dict[str, Any] = dict(zip(TERMS, means.T, strict=True))
        objective = self.engine.objective
        if objective.alpha == 0:
            values["regulariser"] = np.full(len(totals), math.nan)
        return values | {"objective": objective.combine(values)}

    def save(self) -> None:
        """Write the checkpoint, if the run has a folder.

        Raises
        ------
        Fault
            If the model is no longer finite, the folder is no longer the run's, or the file cannot be written. The last
            checkpoint stays.
        """
        self.engine.pull()
        if (name := self.state.not_finite()) is not None:
            self.save_best()
            raise Fault(_not_finite(self, name))
        if self.folder is not None:
            self.check_folder()
            self.save_best()
            checkpoint.save(self.folder, self.options, self.state, self.rules, self.digests, self.check_folder)
            self.saved = True

    def save_best(self) -> None:
        """Write the best model by validation if there is a new one. Raises Fault if it cannot be written."""
        best = self.state.best
        if self.folder is not None and best is not None and best.epoch != self.kept:
            checkpoint.save_best(self.folder, self.options, best, self.rules, self.digests, self.check_folder)
            self.kept = best.epoch


def start(
    options: TrainOptions, dataset: Dataset, out: str | None, waiting: Waiting = SILENT, save_at_once: bool = True
) -> Trainer:
    """A new run in a new folder, with its first checkpoint written; ``waiting`` shows slow preparations.

    Without ``save_at_once``, the first checkpoint is written after half a second of training, or at its end if that is
    sooner. If the run is killed before, it has to be started again in the same folder. A run with validation points or
    a log is always saved at once, because nothing else may come before the first checkpoint.

    Raises
    ------
    OptionError, DataError, RunError
        If the options do not fit the data, the engine is not available here, or the folder cannot be created.
    """
    options, rules = _fitted(options, dataset)
    chosen = choice.choose(options, dataset)
    options = options.replace(engine=chosen.engine)
    _ask_for_memory(options, rules, dataset)
    digests = dataset.digests()
    logits = from_options.prior_logits(options, dataset, digests.train, waiting)
    state = checkpoint.fresh_state(options, rules.width, logits)
    notes = warm_start.begin(state, options, rules.scaling)
    # The folder comes last, so that an error before leaves none.
    trainer = _trainer(None, options, dataset, rules, digests, state)
    trainer.notes, trainer.chosen = notes, chosen
    trainer.folder, trainer.owner = new_run(out, options)
    try:
        write_config(trainer.folder, options, trainer.check_folder)
        if save_at_once or trainer.validation is not None or chosen_loggers(options.log):
            trainer.save()
    except BaseException:
        trainer.let_go()
        raise
    return trainer


def start_in_memory(options: TrainOptions, dataset: Dataset) -> Trainer:
    """A new run without a folder; otherwise like ``start``.

    Raises
    ------
    OptionError, DataError
        If the options do not fit the data, or the engine is not available here.
    """
    options, rules = _fitted(options, dataset)
    chosen = choice.choose(options, dataset)
    options = options.replace(engine=chosen.engine)
    _ask_for_memory(options, rules, dataset)
    digest = fingerprint(dataset.train) if options.prior_variance == "pca" else ""
    state = checkpoint.fresh_state(options, rules.width, from_options.prior_logits(options, dataset, digest))
    warm_start.begin(state, options, rules.scaling)
    trainer = _trainer(None, options, dataset, rules, Digests(digest), state)
    trainer.chosen = chosen
    return trainer


def go_on_in_memory(options: TrainOptions, dataset: Dataset, rules: DataRules, state: State) -> Trainer:
    """A run from ``start_in_memory`` that continues from ``state``, on points that its ``rules.take`` returned."""
    return _trainer(None, options, dataset, rules, Digests(), state)


def _fitted(options: TrainOptions, dataset: Dataset) -> tuple[TrainOptions, DataRules]:
    """The options with a likelihood, and the rules that the model learns from the data."""
    options = from_options.fit_likelihood(options, dataset)
    return options, learn(dataset, str(options.likelihood), options.dtype)


def _ask_for_memory(options: TrainOptions, rules: DataRules, dataset: Dataset) -> None:
    aside = max(len(dataset.test), 0 if dataset.validation is None else len(dataset.validation))
    size = memory.of_training(options, rules.width, len(dataset.train), aside)
    memory.ask("the model and its training", size, "a smaller model or batch takes less")


def resume(run: checkpoint.Run, options: TrainOptions, dataset: Dataset) -> Trainer:
    """Continue a run on its data; the options are written into its folder first.

    Raises
    ------
    RunError, DataError
        If the data have changed, or another process is using the run.
    OptionError
        If ``epochs`` is less than the number that the run has, or the engine is not available here.
    """
    chosen = choice.choose(options, dataset)
    options = options.replace(engine=chosen.engine)
    held = own(run.folder)
    try:
        # Another process may have continued the run before we claimed it.
        trainer = _resumed(checkpoint.load(run.folder, "last"), options, dataset)
        trainer.owner, trainer.chosen = held, chosen
        delete_temporaries(run.folder)
        # The checkpoint comes first, because a later resume reads it.
        trainer.save()
        write_config(run.folder, options, trainer.check_folder)
    except BaseException:
        held.release()
        raise
    return trainer


def _resumed(run: checkpoint.Run, options: TrainOptions, dataset: Dataset) -> Trainer:
    if run.state.row >= len(dataset.train):
        raise RunError(f"{run.folder}: the checkpoint is damaged, row {run.state.row} of {len(dataset.train)}")
    if options.epochs < run.state.epoch:
        raise OptionError(
            "epochs",
            options.epochs,
            must_be=f"{run.state.epoch} or more",
            hint=f"the run has trained {run.state.epoch} already",
        )
    digests = run.hold_against(dataset)
    if digests.validation != run.digests.validation and run.digests.train:
        raise RunError(f"{run.folder}: its validation points are not those that it started with")
    best = run.state.best = checkpoint.load_best(run.folder)
    if best is not None and best.epoch > run.state.epoch and options.epochs != run.options.epochs:
        beyond = f"best.npz is of epoch {best.epoch}, beyond the checkpoint"
        raise OptionError(
            "epochs", options.epochs, f"{beyond}; resume with the run's own {run.options.epochs} epochs first"
        )
    trainer = _trainer(run.folder, options, dataset, run.rules, digests, run.state)
    trainer.kept, trainer.saved = None if run.state.best is None else run.state.best.epoch, True
    return trainer


def _trainer(
    folder: Path | None,
    options: TrainOptions,
    dataset: Dataset,
    rules: DataRules,
    digests: Digests,
    state: State,
) -> Trainer:
    o = options
    data = as_stored(dataset.train, state.vae.dtype)
    aside = None if dataset.validation is None else _drawn_often(dataset.validation, state, o.batch_size)
    objective = objective_from(options)
    _check_steps(replace(objective, alpha=largest(options, "alpha")), dataset, o.batch_size)
    engine = make(
        o.engine,
        state.vae,
        objective_at(options, state.epoch),
        max_rows=min(o.batch_size, max(len(data), len(dataset.test), 0 if aside is None else len(aside))),
        threads=o.threads,
    )
    trainer = Trainer(folder, options, objective, dataset, data, rules, digests, state, engine, aside)
    if aside is not None:
        size = state.vae.parameters.vector.size
        usual = epochs_between(o.batch_size, len(data), len(aside), size, bool(o.early_stopping))
        trainer.validate_every = o.validate_every or usual
        _forget_the_last_validation(trainer)
    state.stopped_early = is_over(state.rows, None if state.best is None else state.best.epoch, options)
    return trainer


def _drawn_often(points: Points, state: State, batch_size: int) -> Points:
    """The validation points in the engine's form; if there are few, they are repeated."""
    stored, times = as_stored(points, state.vae.dtype), times_drawn(batch_size, len(points))
    return stored[np.tile(np.arange(len(points)), times)] if times > 1 else stored


def _forget_the_last_validation(trainer: Trainer) -> None:
    """If an ended run now gets more epochs, undo the validation that it had only because it ended."""
    state, off = trainer.state, trainer.state.epoch % trainer.validate_every != 0
    if not off or state.epoch >= trainer.options.epochs or not state.rows or state.row:
        return
    state.rows[-1] |= dict.fromkeys(VALIDATION_COLUMNS, math.nan)
    if state.best is not None and state.best.epoch == state.epoch:
        state.best = None


def _check_steps(objective: Objective, dataset: Dataset, batch_size: int) -> None:
    """Raise DataError if no batch of an epoch has enough points for a step."""
    regulariser = objective.used_regulariser
    points = len(dataset.train)
    if trained_rows(points, batch_size, regulariser) == 0:
        raise DataError(
            f"{dataset.name}: {counted(points, 'training point')}; with `--alpha` above 0, "
            f"{marked('regulariser', regulariser)} needs {objective.least_points} or more in a batch"
        )
    if dataset.validation is not None and len(dataset.validation) < objective.least_points:
        raise DataError(
            f"{dataset.name}: {counted(len(dataset.validation), 'validation point')}; with `--alpha` above 0, "
            f"{marked('regulariser', regulariser)} needs {objective.least_points} or more"
        )


def train(
    trainer: Trainer,
    progress: Callable[[Trainer], None] = lambda trainer: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_epoch: Sequence[Callable[[Trainer], object]] = (),
) -> bool:
    """Train to the last epoch, and save along the way.

    Parameters
    ----------
    trainer : Trainer
        Changed in place.
    progress : callable
        Called with the trainer after every slice, about ten times a second: a slice is a part of an epoch or, where
        nothing happens between short epochs, several of them.
    should_stop : callable
        Called after every slice; if it returns True, the run is saved and training stops.
    on_epoch : sequence of callables
        Called with the trainer after every epoch: ``trainer.state.rows[-1]`` has the epoch's values, and
        ``trainer.state.vae`` is its model. If one returns True, training stops as with ``should_stop``.

    Returns
    -------
    bool
        Whether the last epoch was reached.

    Raises
    ------
    Fault
        If a term is not finite, or saving fails. The last checkpoint stays.
    """
    with trainer, Feed(trainer.data, trainer.options.batch_size) as feed:
        return _train(trainer, feed, progress, should_stop, on_epoch)


def _train(
    trainer: Trainer,
    feed: Feed,
    progress: Callable[[Trainer], None],
    should_stop: Callable[[], bool],
    on_epoch: Sequence[Callable[[Trainer], object]],
) -> bool:
    o, state = trainer.options, trainer.state
    _follow_schedules(trainer)
    slices = Slices(trainer, feed, alone=bool(on_epoch))
    unsaved = trainer.folder is not None and not trainer.saved
    next_save = time.monotonic() + (min(SOON, o.checkpoint_every) if unsaved else o.checkpoint_every)
    stop = False
    while state.epoch < trainer.epochs:
        fault = slices.train_next()
        if fault is not None:
            trainer.save_best()
            raise Fault(_not_finite(trainer, fault))
        if state.row == 0:
            _look_after_epoch(trainer)
            stop = _call(on_epoch, trainer)
            _follow_schedules(trainer)
        progress(trainer)
        if state.epoch < trainer.epochs and (stop or should_stop()):
            trainer.save()
            return False
        if time.monotonic() >= next_save:
            begun = time.monotonic()
            trainer.save()
            # The longer a model takes to write, the less often it is written: saving takes at most 5 % of the time.
            next_save = time.monotonic() + max(o.checkpoint_every, 20 * (time.monotonic() - begun))
    trainer.save()
    return True


def _follow_schedules(trainer: Trainer) -> None:
    """Set the weights and the learning rate to their values in the current epoch."""
    o, state = trainer.options, trainer.state
    if state.epoch < trainer.epochs:
        objective = objective_at(o, state.epoch)
        if objective != trainer.engine.objective:
            trainer.engine.pull()
            trainer.engine = trainer.engine.with_objective(objective)
        state.optimizer.lr = value_at(o, "lr", state.epoch)


def _look_after_epoch(trainer: Trainer) -> None:
    """The validation and the gradients' log, if it is time for them."""
    state = trainer.state
    if trainer.validation is not None:
        _validate(trainer, trainer.validation)
    if state.gradient_log is not None:
        trainer.engine.pull()
        log, o = state.gradient_log, trainer.options
        record(log, trainer.engine, trainer.data, o.batch_size, state.epoch, o.seed)


def _validate(trainer: Trainer, points: Points) -> None:
    """Validate, if it is time; keep the model if it is the best so far, or end the training."""
    state, o = trainer.state, trainer.options
    if until_validation(state.epoch - 1, trainer.validate_every, o.epochs) > 1:
        return
    row = state.rows[-1]
    row |= validate(trainer.engine, points, o)
    # A longer run would not have validated here, so this validation counts only if there was no other.
    if state.epoch % trainer.validate_every != 0 and state.best is not None:
        return
    best = None if state.best is None else value_of(state.best.rows[-1], o)
    if is_better(value_of(row, o), best):
        trainer.engine.pull()
        if state.not_finite() is None:
            state.keep_as_best()
    state.stopped_early = is_over(state.rows, None if state.best is None else state.best.epoch, o)


def _call(on_epoch: Sequence[Callable[[Trainer], object]], trainer: Trainer) -> bool:
    """Call each callback after an epoch; return whether one of them asks to stop by returning True."""
    if on_epoch:
        trainer.engine.pull()
    answers = [callback(trainer) for callback in on_epoch]
    return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)


def _not_finite(trainer: Trainer, name: str) -> str:
    """The line about a term, or an array of the state, that is not finite: when, what is kept, what may help."""
    state, step = trainer.state, trainer.state.optimizer.step
    if name in (*TERMS, "gradient"):
        line = f"{name} is not finite in epoch {state.epoch + 1}, step {step + 1}"
    else:
        line = (
            f"{name}: no longer finite after epoch {state.epoch + (state.row > 0)}, step {step}{_terms_lost(trainer)}"
        )
    kept = "" if not trainer.saved else f"; the last good checkpoint stays in {trainer.folder}"
    return f"{line}{kept}; {_advice(trainer)}{_way_out(trainer)}"


def _way_out(trainer: Trainer) -> str:
    """The command for a new run from the checkpoint: a continued run could not change the option at fault."""
    if not trainer.saved or trainer.state.epoch == 0:
        return ""
    name, far = _farthest_option(trainer.options)
    value = f"--{name.replace('_', '-')} {_usual(name):g}" if far > FAR else f"--lr {trainer.options.lr / 10:g}"
    return f": minidecomp train --from {quote(str(trainer.folder))} {value}"


def _terms_lost(trainer: Trainer) -> str:
    """The terms that the next step could not compute."""
    state, o = trainer.state, trainer.options
    at = streams.TRAINING.step(state.optimizer.step)
    regulariser = None if trainer.objective.alpha > 0 else "kl-inc"  # which needs only one point
    found: dict[str, float] = {}
    # A user's prior may raise if the model is no longer finite.
    with np.errstate(all="ignore"), suppress(Exception):
        found = trainer.engine.values(trainer.data[: o.batch_size], o.seed, at, regulariser)
    weights = trainer.objective.weights
    lost = [term for term in TERMS if weights[term] != 0 and not math.isfinite(found.get(term, 0))]
    return f", and with it {', '.join(lost)}" if lost else ""


def _advice(trainer: Trainer) -> str:
    """What may help if something is not finite: it names the data or the option farthest from its usual size."""
    largest = max(map(abs, value_range(trainer.data)))
    name, far = _farthest_option(trainer.options)
    if largest > max(LARGE_DATA, far):
        return f"the data reach {number(float(f'{largest:.3g}'))}: scale them to a size near 1"
    value = getattr(trainer.options, name)
    # The learning rate has no effect before the first step.
    if far > FAR or trainer.state.optimizer.step == 0:
        return f"{marked(name, f'{value:g}')} may be too {'large' if value > _usual(name) else 'small'}"
    return "a smaller `--lr` may help"


def _farthest_option(options: TrainOptions) -> tuple[str, float]:
    """The numeric option that is farthest from its usual size, and the factor."""
    values = vars(options)
    factors = {
        name: max(values[name] / _usual(name), _usual(name) / values[name])
        for name, option in by_name().items()
        if option.kind is float and values[name] and name not in OF_THE_MACHINE and is_relevant(name, values)
    }
    name = max(factors, key=factors.__getitem__)
    return name, factors[name]


def _usual(name: str) -> float:
    return float(default(name) or 1)

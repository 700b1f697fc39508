"""Converts an estimator to a run folder, and a run folder to an estimator."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..data import dataset_from
from ..data.arrays import lay_out
from ..data.dataset import Dataset, Digests
from ..data.images import FIRST, LAST
from ..data.points import evenly_spread
from ..data.rules import DataRules
from ..data.written import csv_text
from ..engines import Engine
from ..errors import Fault
from ..evaluation.everything import Wanted, evaluate_run
from ..files import write_file
from ..runs import checkpoint
from ..runs.checkpoint import State
from ..runs.folder import BEST, new_run, write_config
from ..runs.folder import LAST as CHECKPOINT
from ..runs.schema import VALIDATION_COLUMNS
from ..settings.options import CHOOSERS, OWN, TrainOptions, by_name, is_relevant
from ..settings.resolving import resolve
from ..settings.schedules import SCHEDULED, SHAPES
from .parameters import OF_VALIDATION, option_names, parameters

TEST_SHARE = 0.1  # of the fitted points, if no test points are given


@dataclass(frozen=True)
class Trained:
    """What a run folder keeps of a fitted estimator; ``axes`` is the shape of an image as it was given."""

    options: TrainOptions
    rules: DataRules
    state: State
    axes: tuple[int, ...] | None


@dataclass(frozen=True)
class Points:
    """What to write to a run folder: points as they were given and as a data set, and an engine to test them."""

    train: np.ndarray
    test: np.ndarray
    dataset: Dataset
    engine: Engine


def is_validated(state: State) -> bool:
    """Whether ``fit`` kept some of the points for validation."""
    return bool(state.rows) and VALIDATION_COLUMNS[0] in state.rows[0]


def without_validation(options: TrainOptions) -> TrainOptions:
    """The options of a model that was trained on all its points."""
    return options.replace(**{name: by_name()[name].default for name in OF_VALIDATION}, validation=None)


def some_to_test(points: np.ndarray) -> np.ndarray:
    """A tenth of the points, evenly spread; more if there are fewer than 4 in all, the minimum for a file."""
    count = max(1, round(TEST_SHARE * len(points)), 4 - len(points))
    return points[np.resize(evenly_spread(len(points), count), count)]


def save(folder: str | os.PathLike[str], trained: Trained, points: Points | None) -> Path:
    """Write a run folder, with an evaluation if points are given; returns the folder.

    Raises
    ------
    RunError
        The folder is not empty, or cannot be made.
    Fault
        A file cannot be written. What was already written is deleted.
    """
    path, held = new_run(os.fspath(folder), trained.options)
    place = Path(os.path.abspath(path))
    written: list[Path] = []
    try:
        _write(place, trained, points, held.check, written)
    except BaseException:
        for each in written:
            with suppress(OSError):
                each.unlink()
        held.release()
        with suppress(OSError):
            path.rmdir()
        raise
    held.release()
    return path


def _write(
    folder: Path, trained: Trained, points: Points | None, check: Callable[[], object], written: list[Path]
) -> None:
    options, state, digests = trained.options, trained.state, Digests()
    options = options.replace(
        data=str(folder / "data.npy"),
        channels=_channels(trained.rules, trained.axes),
        epochs=max(options.epochs, state.epoch),  # by then a schedule has reached its end, and stays there
    )
    if not is_validated(state):
        options = without_validation(options)
    if points is not None:
        options = _write_points(folder, options, points, check, written)
        dataset = dataset_from(options)
        digests = dataset.digests()
        if digests != points.dataset.digests():
            raise Fault(f"{options.data}: the points in the file differ from those that were written; save without X")
    written += [folder / name for name in ("config.toml", "metrics.csv", BEST, CHECKPOINT, "evaluation.json")]
    write_config(folder, options, check)
    if state.best is not None:
        checkpoint.save_best(folder, options, state.best, trained.rules, digests, check)
    checkpoint.save(folder, options, state, trained.rules, digests, check)
    if points is not None:
        evaluate_run(folder, options, state.chosen, points.engine, dataset, Wanted(), check=check)


def _write_points(
    folder: Path, options: TrainOptions, points: Points, check: Callable[[], object], written: list[Path]
) -> TrainOptions:
    """Write the points to a file from which the same points are read; returns the options for reading it."""
    values, test_fraction = lay_out(points.train, points.test, options.data_seed)
    names = points.dataset.feature_names
    if names:
        path, columns = folder / "data.csv", _listed(names)
        written.append(path)
        lines = csv_text(list(zip(names, values.T, strict=True)))
        write_file(path, lambda file: file.writelines(lines), check)
        return options.replace(data=str(path), test_fraction=test_fraction, columns=columns, channels=None)
    path = folder / "data.npy"
    written.append(path)
    write_file(path, partial(_write_array, values), check)
    return options.replace(test_fraction=test_fraction)


def _write_array(values: np.ndarray, file: Any) -> None:
    np.save(file, values, allow_pickle=False)


def _listed(names: Sequence[str]) -> str:
    """Names as one comma-separated text, as ``--columns`` takes it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def _channels(rules: DataRules, axes: tuple[int, ...] | None) -> str | None:
    """The axis of the channels of images; None for grey images."""
    if rules.image_shape is None or axes is None or len(axes) == 2:
        return None
    return LAST if axes[:2] == rules.image_shape[:2] else FIRST


def _axes(rules: DataRules, channels: str | None) -> tuple[int, ...] | None:
    """The shape of an image as it was given, from the result of ``_channels``."""
    if rules.image_shape is None or (channels is None and len(rules.image_shape) == 2):
        return rules.image_shape
    rows, columns, count = (*rules.image_shape, 1)[:3]
    return (count, rows, columns) if channels == FIRST else (rows, columns, count)


def load(folder: str | os.PathLike[str], which: str | None) -> tuple[Trained, dict[str, Any]]:
    """The content of a run folder as a fitted estimator's, and the parameters that differ from their defaults.

    Raises
    ------
    RunError
        It is not a run folder, or its checkpoint is damaged.
    """
    run = checkpoint.load(os.fspath(folder), which)
    if run.which == "best":
        last = run.training()
        last.best, run.state = run.state, last
    run.state.gradient_log = None  # an estimator keeps none
    usual, own = vars(resolve(data=OWN)), option_names()
    of_a_file = {name: value for name, value in usual.items() if name not in own}
    options = run.options.replace(**of_a_file)
    if run.options.validation is not None:  # points in a file, which the estimator does not have
        options = without_validation(options)
    axes = _axes(run.rules, options.channels)
    return Trained(options, run.rules, run.state, axes), _changed(options)


def _changed(options: TrainOptions) -> dict[str, Any]:
    """The parameters of an estimator with these options."""
    values, by_default = vars(options), parameters()
    choices = {name: values[name] for name in CHOOSERS if name != "data"}
    usual = vars(resolve(data=OWN, **choices)) | {name: by_default[name] for name in choices}
    changed = {
        name: values[name]
        for name in option_names()
        if values[name] is not None and values[name] != usual[name] and is_relevant(name, values)
    }
    for name in SCHEDULED:  # value and schedule in one parameter, so that a new value replaces the schedule
        text = changed.pop(f"{name}_schedule", None)
        if text is not None:
            changed[name] = f"{values[name]!r}:{text}" if text in SHAPES else text
    return changed

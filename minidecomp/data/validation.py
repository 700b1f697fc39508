"""Validation points: a share of the training points, or a separate file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from ..errors import OptionError
from . import arrays
from .dataset import Dataset
from .held_out import held_out
from .images import LAST
from .own import how_to_read
from .rules import LARGEST, DataRules, unit_of


def with_held_out(dataset: Dataset, fraction: float | None, seed: int) -> Dataset:
    """The data set with a share of its training points for validation."""
    if not fraction:
        return dataset
    trained, kept = held_out(len(dataset.train), fraction, seed, dataset.name)
    labels = None if dataset.train_labels is None else dataset.train_labels[trained]
    return replace(dataset, train=dataset.train[trained], train_labels=labels, validation=dataset.train[kept])


def with_file(dataset: Dataset, options: Any) -> Dataset:
    """The data set with the points of the file that ``validation`` names, read by the rules of its training points.

    Raises
    ------
    DataError
        The file cannot be read, or its points are not like those of the data set.
    """
    path = options.validation
    if path is None:
        return dataset
    if not os.path.exists(path) and path != arrays.STANDARD_INPUT:
        raise OptionError("validation", path, "there is no such file or folder")
    d = dataset
    rules = DataRules(
        d.data_dim, unit_of(d.train), -LARGEST, LARGEST, "float64", d.image_shape, d.feature_names, d.scaling
    )
    found = arrays.read(path, getattr(options, "array", None), how_to_read(options, rules))
    points, note = rules.take(found.values, path, LAST)
    return replace(d, validation=points, notes=(*d.notes, *found.notes, *filter(None, [note])))

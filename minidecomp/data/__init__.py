"""The named data sets, each in a file here, and your own files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..errors import OptionError, did_you_mean, either
from ..randomness import philox, streams
from ..settings.options import OWN, TrainOptions, chosen_variant, data_names
from ..settings.resolving import check
from ..variants import DATA_SETS
from . import arrays, dsprites, fashion_mnist, own, pinwheel, validation
from .dataset import Dataset
from .labels import is_file
from .source import Available, DataSource

for _module in (pinwheel, dsprites, fashion_mnist, own):
    DATA_SETS.add(_module.SOURCE)

__all__ = ["Available", "DataSource", "Dataset", "available", "dataset_from", "load", "with_absolute_files"]


FILES_OR_NAMES = ("labels", "factors")  # options that are a file, or a name in the data's file
PATHS = ("data", "data_dir", "from_run", "validation", *FILES_OR_NAMES)


def with_absolute_files(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given options, with files as absolute paths, so that they are valid from any folder."""
    made = dict(given)
    for name in PATHS:
        value = made.get(name)
        if not isinstance(value, str) or value in data_names() or not os.path.exists(value):
            continue
        if name not in FILES_OR_NAMES or is_file(value):
            made[name] = os.path.abspath(value)
    return made


def load(data: str | Path, *, data_seed: int = 0, limit: int | None = None, **given: Any) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    data : str or path
        ``pinwheel``, ``dsprites``, ``fashion-mnist``, or anything that `arrays.read` reads.
    data_seed : int
        Seed of the pinwheel's points, of the choice of test points, and of ``limit``; 0 to 2^64 - 1.
    limit : int or None
        Keep this many training points, chosen at random, without changing their order.
    **given
        The options of the data set, with the names and defaults of ``minidecomp train --help``. An option
        of another data set is ignored.

    Raises
    ------
    OptionError
        A parameter is out of its range.
    DataError
        The data is missing, damaged or of the wrong kind.
    """
    options = {option.name: option.default for option in chosen_variant("data", data).options}
    wanted = options | {name: value for name, value in given.items() if name in options}
    wanted |= {"data_seed": data_seed, "limit": limit}
    checked = {name: value if value is None else check(name, value) for name, value in wanted.items()}
    return _load(SimpleNamespace(data=data, **checked))


def dataset_from(options: TrainOptions) -> Dataset:
    """The data that the options name, with validation points if the options ask for them."""
    dataset = _load(options)
    if dataset.validation is None:
        dataset = validation.with_held_out(dataset, options.validation_fraction, options.data_seed)
    return validation.with_file(dataset, options)


def _load(options: Any) -> Dataset:
    source = chosen_variant("data", options.data)
    is_own = source.name == OWN and str(options.data) != arrays.STANDARD_INPUT
    if is_own and not os.path.exists(options.data) and arrays.ending_of(options.data) not in arrays.ENDINGS:
        raise _unknown_data(str(options.data))
    loaded = source.load(options)
    limit = options.limit
    if source.limits_itself or limit is None or limit >= len(loaded.train):
        return loaded
    chosen = np.sort(philox.permutation(len(loaded.train), options.data_seed, *streams.SPLIT.at())[:limit])
    labels = None if loaded.train_labels is None else loaded.train_labels[chosen]
    return replace(loaded, train=loaded.train[chosen], train_labels=labels)


def available() -> list[Available]:
    """The named data sets, each with its place or the way to get it."""
    return [each.available() for each in DATA_SETS.values() if each.available is not None]


def _unknown_data(data: str) -> OptionError:

    hint = did_you_mean(data, data_names()) or f"the data sets are {either(data_names(), 'and')}"
    return OptionError("data", data, "there is no such data set, file or folder", hint=hint)

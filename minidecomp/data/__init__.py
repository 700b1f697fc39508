"""The data sets by name: the pinwheel, Fashion-MNIST, or a file of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, OptionError
from ..randomness import philox, streams
from ..settings.options import NAMES, TrainOptions
from .dataset import Dataset

__all__ = ["NAMES", "Available", "Dataset", "absolute", "available", "load"]


def absolute(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options whose ``data`` and ``data_dir``, where they are there, are absolute paths: a run's hold anywhere."""
    made = dict(given)
    for name in ("data", "data_dir"):
        if isinstance(made.get(name), str) and made[name] not in NAMES and os.path.exists(made[name]):
            made[name] = os.path.abspath(made[name])
    return made


@dataclass(frozen=True)
class Available:
    """A named data set.

    Attributes
    ----------
    name : str
        What `load` takes.
    ready : bool
        Whether it can be loaded now.
    where : str
        Where it is, or how to get it.
    train, test : int
        Points in each part.
    data_dim : int
        Numbers in a point.
    """

    name: str
    ready: bool
    where: str
    train: int
    test: int
    data_dim: int


def load(
    data: str | Path,
    *,
    data_dir: str | Path | None = None,
    array: str | None = None,
    image_size: int = 28,
    arms: int = 4,
    points_per_arm: int = 100,
    radial_std: float = 0.1,
    tangential_std: float = 0.3,
    rate: float = 0.25,
    factors: str | None = None,
    data_seed: int = 0,
    test_fraction: float = 0.1,
    limit: int | None = None,
) -> Dataset:
    """Load a data set; a parameter that belongs to another kind of data is not looked at.

    Parameters
    ----------
    data : str or path
        ``pinwheel``, ``dsprites``, ``fashion-mnist``, or a file that ends in .npy, .npz or .csv.
    data_dir, image_size
        See `minidecomp.data.fashion_mnist.load` and `minidecomp.data.dsprites.load`.
    factors
        See `minidecomp.data.dsprites.load`.
    array, test_fraction
        See `minidecomp.data.arrays.load`.
    arms, points_per_arm, radial_std, tangential_std, rate
        See `minidecomp.data.pinwheel.pinwheel`.
    data_seed : int
        For the pinwheel's points, a file's test part and the choice of ``limit``; 0 to 2^64 - 1.
    limit : int or None
        Keep this many training points, chosen at random, in their order.

    Raises
    ------
    OptionError
        A parameter is out of its range.
    DataError
        The data is missing, damaged or of the wrong kind.
    """
    if not isinstance(data_seed, Integral) or not 0 <= data_seed < 2**64:
        raise OptionError("data_seed", data_seed, "a whole number from 0 to 2^64 - 1 is")
    if limit is not None and (not isinstance(limit, Integral) or limit < 1):
        raise OptionError("limit", limit, "a whole number of at least 1 is")

    if data == "pinwheel":
        from .pinwheel import pinwheel

        loaded = pinwheel(arms, points_per_arm, radial_std, tangential_std, rate, data_seed)
    elif data == "dsprites":
        from . import dsprites

        return dsprites.load(data_dir, factors, limit, data_seed)
    elif data == "fashion-mnist":
        from . import fashion_mnist

        loaded = fashion_mnist.load(data_dir, image_size)
    else:
        from . import arrays

        if not os.path.exists(data) and Path(data).suffix.lower() not in arrays.ENDINGS:
            raise OptionError("data", data, _allowed(str(data), arrays.ENDINGS))
        return arrays.load(data, array, test_fraction, data_seed, limit)

    if limit is None or limit >= len(loaded.train):
        return loaded
    chosen = np.sort(philox.permutation(len(loaded.train), data_seed, *streams.SPLIT.at())[:limit])
    labels = None if loaded.train_labels is None else loaded.train_labels[chosen]
    return replace(loaded, train=loaded.train[chosen], train_labels=labels)


def dataset_from(options: TrainOptions) -> Dataset:
    """The data that the options name."""
    return load(
        options.data,
        data_dir=options.data_dir,
        array=options.array,
        image_size=options.image_size,
        arms=options.arms,
        points_per_arm=options.points_per_arm,
        radial_std=options.radial_std,
        tangential_std=options.tangential_std,
        rate=options.rate,
        data_seed=options.data_seed,
        test_fraction=options.test_fraction,
        factors=options.factors,
        limit=options.limit,
    )


def available() -> list[Available]:
    """The named data sets, with where each is or how to get it."""
    from . import dsprites, fashion_mnist

    try:
        ready, where = True, str(fashion_mnist.find())
    except DataError:
        ready, where = False, fashion_mnist.HOW_TO_GET
    return [
        Available("pinwheel", True, "drawn when it is loaded", 400, 400, 2),
        Available("dsprites", True, dsprites.where(), dsprites.COUNT, dsprites.TEST_COUNT, 4096),
        Available("fashion-mnist", ready, where, 60000, 10000, 784),
    ]


def _allowed(data: str, endings: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(data.lower(), NAMES, n=1, cutoff=0.5)
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"{', '.join(NAMES)} or a file that ends in {', '.join(endings)} is{guess}"

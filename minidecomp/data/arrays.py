"""A user's own data: an array in a .npy or .npz file, or a table of numbers in a .csv file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError, MinidecompError, OptionError
from ..randomness import philox, streams
from ..settings.options import OWN
from ..variants import Option
from .dataset import Dataset
from .folders import reason
from .rules import as_rows, new_points
from .source import DataSource
from .tables import read_table

ENDINGS = (".npy", ".npz", ".csv")


class FromFile(NamedTuple):
    """The array of a file, unchanged, and lines for the user on what in the file was taken for no point."""

    values: np.ndarray
    notes: tuple[str, ...] = ()


def load(
    path: str | Path,
    array: str | None = None,
    test_fraction: float = 0.1,
    data_seed: int = 0,
    limit: int | None = None,
) -> Dataset:
    """Load points from a file and set some aside for the test.

    Parameters
    ----------
    path : path
        A .npy or .npz file of shape (N,), (N, dx) or (N, rows, columns), or a comma separated .csv file with
        a point on each line. The first line of a .csv file is a header if none of its cells is a number; `tables`
        says what else is recognised.
    array : str or None
        The name of the array in a .npz file; needed where there are several.
    test_fraction : float
        The part of the points that is set aside, between 0 and 1.
    data_seed : int
        Chooses those points, and what ``limit`` keeps; 0 to 2^64 - 1.
    limit : int or None
        Keep this many of the other points, for training.

    Returns
    -------
    Dataset
        Points of shape (dx,) in random order, float64. A uint8 array with more than zeros and ones stays
        uint8 and stands for v / 255.

    Raises
    ------
    DataError
        The file cannot be read, or what is in it cannot be used.
    OptionError
        ``test_fraction`` is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise OptionError("test_fraction", test_fraction, "a number above 0 and below 1 is")
    path = Path(path)
    values, notes = read(path, array)
    points, image_shape = new_points(values, str(path)), as_rows(values, str(path))[1]
    n = len(points)
    if n < 4:
        raise DataError(f"{path}: has {n} points; at least 4 are needed")
    # One order for both: the training points are in random order already, so that the first are a random choice.
    order = philox.permutation(n, data_seed, *streams.SPLIT.at())
    test_count = min(max(round(test_fraction * n), 1), n - 1)
    return Dataset(
        name=path.name,
        train=np.ascontiguousarray(points[order[test_count:][:limit]]),
        test=np.ascontiguousarray(points[order[:test_count]]),
        image_shape=image_shape,
        source=str(path) if array is None else f"{path}, array {array}",
        notes=notes,
    )


def read(path: str | Path, array: str | None = None) -> FromFile:
    """The array in a file; `minidecomp.data.rules` says what it means.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if os.path.isdir(path):
        raise DataError(f"{path}: is a folder; a file that ends in {', '.join(ENDINGS)} is needed")
    if ending not in ENDINGS:
        raise DataError(f"{path}: ends in {ending or 'nothing'}; {', '.join(ENDINGS)} can be read")
    if array is not None and ending != ".npz":
        raise DataError(f"{path}: has no array named {array}; only a .npz file has named arrays")
    try:
        _refuse_what_is_no_file(path)
        return FromFile(*read_table(path)) if ending == ".csv" else FromFile(_stored(path, array))
    except MinidecompError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        raise DataError(
            f"{path}: cannot be read ({reason(error)}); a whole .npy, .npz or .csv file is needed"
        ) from None


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise DataError for a pipe, a socket or a device, which might never come to an end."""
    mode = os.stat(path).st_mode
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    for is_kind, kind in kinds:
        if is_kind(mode):
            raise DataError(f"{path}: is {kind}; write the data into a file and give that")


def _stored(path: Path, array: str | None) -> np.ndarray:
    with open(path, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if not start.startswith((b"\x93NUMPY", b"PK")):  # np.load would take it for a pickle
            found = f"starts with {start!r}" if start else "is empty"
            raise DataError(f"{path}: {found}; a file that numpy.save or numpy.savez wrote is needed")
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        names = loaded.files
        if array is None and len(names) != 1:
            raise DataError(f"{path}: has {len(names)} arrays; choose by --array one of: {', '.join(names) or 'none'}")
        if array is not None and array not in names:
            raise DataError(f"{path}: has no array named {array}; it has: {', '.join(names)}")
        return np.asarray(loaded[names[0] if array is None else array])


# What --data means where it names no other data set.
SOURCE = DataSource(
    name=OWN,
    load=lambda o: load(o.data, o.array, o.test_fraction, o.data_seed, o.limit),
    options=(
        Option("array", str, "Name of the array in an .npz file that has several."),
        Option("test_fraction", float, "Share of your own data kept for testing.", 0.1, above=0, below=1),
    ),
    defaults={"prior": "gaussian"},
    limits_itself=True,
)

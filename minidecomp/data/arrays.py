"""A user's own data: arrays, tables and images in files and folders, as points for training and for testing."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MinidecompError, OptionError, counted
from ..files import what_else
from ..randomness import streams
from ..randomness.order import permutation
from ..settings.options import OWN
from ..variants import Option
from . import containers, images, npy
from .dataset import Dataset
from .folders import reason
from .on_disk import OnDisk
from .points import pick
from .rules import DataRules, new_data
from .scaling import SCALES
from .source import DataSource
from .tables import FRAME_ENDINGS, STANDARD_INPUT, TEXT_ENDINGS, Reading, ending_of, read_table

ENDINGS = (".npy", ".npz", *TEXT_ENDINGS, *FRAME_ENDINGS, *containers.CONTAINER_ENDINGS)
NO_FEATURES = {"id", "index", "label", "labels", "class", "target"}
TAB = {"tab": "\t", "\\t": "\t"}
ANY_FILE = f"a folder of images or of .npy files, or a file that ends in {', '.join(ENDINGS)}"


@dataclass(frozen=True)
class FromFile:
    """The array of a file, its values unchanged.

    Attributes
    ----------
    values : numpy.ndarray or OnDisk
        A point, or an image with its channels last, in each row; on the disk where memory has no room for them.
    names : tuple of str
        The columns' names, of a table that has them.
    notes : tuple of str
        Lines for the user on what was found out, or was taken for no point.
    """

    values: np.ndarray | OnDisk
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HowToRead:
    """What is said of a file beside its path; by default all is found out.

    Attributes
    ----------
    array : str or None
        The name of the array in a file of several.
    table : Reading
        Of a table.
    channels : str
        ``first`` or ``last``, of images of four axes; empty to find out.
    resize : (int, int) or None
        Rows and columns to which the images of a folder are brought.
    """

    array: str | None = None
    table: Reading = field(default_factory=Reading)
    channels: str = ""
    resize: tuple[int, int] | None = None


def load(
    path: str | Path,
    array: str | None = None,
    test_fraction: float = 0.1,
    data_seed: int = 0,
    limit: int | None = None,
    how: HowToRead | None = None,
    scale: str | None = None,
) -> Dataset:
    """Load points from a file and set some aside for the test.

    Parameters
    ----------
    path : path
        Whatever ``read`` takes.
    array : str or None
        The name of the array in a file of several; needed there.
    test_fraction : float
        The part of the points that is set aside, between 0 and 1.
    data_seed : int
        Chooses those points, and what ``limit`` keeps; 0 to 2^64 - 1.
    limit : int or None
        Keep this many of the other points, for training.
    how : HowToRead, optional
        What else is said of the file.
    scale : str or None
        As of `rules.new_data`.

    Returns
    -------
    Dataset
        Points of shape (dx,) in random order, scaled as the training points ask for, float64. A uint8 array with more
        than zeros and ones stays uint8 and stands for v / 255, unless ``scale`` says otherwise.

    Raises
    ------
    DataError
        The file cannot be read, or what is in it cannot be used.
    OptionError
        ``test_fraction`` is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise OptionError("test_fraction", test_fraction, "a number above 0 and below 1 is")
    name = "standard input" if str(path) == STANDARD_INPUT else Path(path).name
    found = read(path, array, how)
    new = new_data(found.values, str(path), scale)
    n = len(new.rows)
    if n < 4:
        raise DataError(f"{path}: has {counted(n, 'point')}; at least 4 are needed")
    # One order for both: the training points are in random order already, so that the first are a random choice.
    order = permutation(n, data_seed, *streams.SPLIT.at())
    test_count = min(max(round(test_fraction * n), 1), n - 1)
    train = pick(new.rows, order[test_count:][:limit])
    scaling = new.scaled(train)
    return Dataset(
        name=name,
        train=new.points(train, scaling),
        test=new.points(pick(new.rows, order[:test_count]), scaling),
        image_shape=new.image_shape,
        source=str(path) if array is None else f"{path}, array {array}",
        notes=(*found.notes, *filter(None, [new.note, *hardly_meant(found, str(path))])),
        feature_names=found.names,
        scaling=scaling,
    )


def read(path: str | Path, array: str | None = None, how: HowToRead | None = None) -> FromFile:
    """The array in a file; `minidecomp.data.rules` says what it means.

    Parameters
    ----------
    path : path
        A .npy, .npz, .mat or .h5 file of shape (N,), (N, dx), (N, rows, columns), or of four axes, one of them for 1, 3
        or 4 channels; a table, as of `tables.read_table`; or a folder, of .png and .jpg files or of .npy files.
    array : str or None
        The name of the array in a file of several.
    how : HowToRead, optional
        What else is said of the file.

    Raises
    ------
    DataError
        The file cannot be read, or it is doubtful what is in it.
    """
    how = how or HowToRead()
    ending = ending_of(path)
    if array is not None and ending not in (".npz", *containers.CONTAINER_ENDINGS):
        raise DataError(f"{path}: has no array named {array}; only .npz, .mat and .h5 files have named arrays")
    try:
        if str(path) == STANDARD_INPUT or ending in (*TEXT_ENDINGS, *FRAME_ENDINGS):
            if str(path) != STANDARD_INPUT:
                _refuse_what_is_no_file(Path(path))
            table = read_table(path, how.table)
            return FromFile(table.values, table.names, table.notes)
        if os.path.isdir(path) and npy.holds_parts(path):
            paths, notes = npy.parts_of(path)
            return _from_npy(paths, str(path), how.channels, notes)
        if os.path.isdir(path):
            made, notes = images.read_folder(path, how.resize)
            return FromFile(made, notes=tuple(notes))
        if ending in containers.TORCH_ENDINGS:
            containers.refuse_torch(path)
        if ending not in ENDINGS:
            raise DataError(f"{path}: ends in {ending or 'nothing'}; {', '.join(ENDINGS)} can be read")
        _refuse_what_is_no_file(Path(path))
        if ending == npy.ENDING:
            return _from_npy([Path(path)], str(path), how.channels)
        values = _ARRAYS[ending](Path(path), array)
        return FromFile(images.channels_last(values, str(path), how.channels) if values.ndim == 4 else values)
    except MinidecompError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        raise DataError(f"{path}: cannot be read ({reason(error)}); a whole {ending} file is needed") from None


def _refuse_what_is_no_file(path: Path) -> None:
    """Raise DataError for a pipe, a socket or a device, which might never come to an end."""
    kind = what_else(os.stat(path).st_mode)
    if kind not in (None, "a folder"):
        raise DataError(f"{path}: is {kind}; write the data into a file and give that")


def _from_npy(paths: list[Path], name: str, channels: str, notes: Sequence[str] = ()) -> FromFile:
    """The arrays of .npy files, one after the other, or where they lie on the disk."""
    if (large := npy.on_disk(paths, name, channels)) is not None:
        return FromFile(large[0], notes=(*notes, large[1]))
    for path in paths:
        _refuse_what_is_no_file(path)
    loaded = [_stored(path, None) for path in paths]
    return FromFile(npy.join(paths, loaded, name, channels), notes=tuple(notes))


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
        containers.refuse_sparse(path, loaded.files)
        return np.asarray(loaded[containers.chosen_name(path, loaded.files, array)])


_ARRAYS: dict[str, Callable[[Path, str | None], np.ndarray]] = {
    ".npz": _stored,
    ".mat": containers.read_mat,
    **dict.fromkeys(containers.HDF5_ENDINGS, containers.read_hdf5),
}


def how_to_read(options: Any, rules: DataRules | None = None) -> HowToRead:
    """What a run's options say of its file and, with the rules of its model, of others for that model."""

    def given(name: str, usual: Any = "") -> Any:
        value = getattr(options, name, None)
        return usual if value is None else value

    table = Reading(
        delimiter=TAB.get(given("delimiter"), given("delimiter")),
        decimal=given("decimal"),
        header=given("header", None),
        columns=_listed(given("columns")),
        drop=_listed(given("drop")),
        missing=_listed(given("missing")),
        drop_missing=given("drop_missing", False),
        model_names=() if rules is None else rules.names,
        model_width=0 if rules is None else rules.width,
    )
    resize = given("resize", ())
    return HowToRead(given("array", None), table, given("channels"), (resize[0], resize[-1]) if resize else None)


def _check_delimiter(value: str) -> None:
    if len(TAB.get(value, value)) != 1 or value in '"\r\n':
        raise OptionError("delimiter", value, "one character, or tab, is")


def _check_decimal(value: str) -> None:
    if value not in (".", ","):
        raise OptionError("decimal", value, ". or , is")


def _listed(text: str) -> tuple[str, ...]:
    """The names in a text with commas between; one that has a comma itself stands in quotes."""
    return tuple(
        cell.strip() for cell in next(csv.reader([text], skipinitialspace=True, strict=True), []) if cell.strip()
    )


def _check_list(option: str, text: str) -> None:
    try:
        names = _listed(text)
    except csv.Error:
        names = ()
    if text and not names:
        raise OptionError(option, text, "names on one line, with commas between, are")


def _load(o: Any) -> Dataset:
    return load(o.data, o.array, o.test_fraction, o.data_seed, o.limit, how_to_read(o), o.scale)


def hardly_meant(found: FromFile, name: str) -> list[str]:
    """A line on each column of whole numbers that is named as a label or an id is: few mean to learn these."""
    if len(found.names) < 2:
        return []
    called = [i for i, each in enumerate(found.names) if each.strip().lower() in NO_FEATURES]
    whole = [found.names[i] for i in called if (found.values[:, i] == np.floor(found.values[:, i])).all()]
    return [
        f"{name}: the column {column} is trained on as all others are; --drop {column} leaves it out"
        for column in whole
    ]


# What --data means where it names no other data set.
SOURCE = DataSource(
    name=OWN,
    load=_load,
    options=(
        Option("array", str, "Name of the array in a file that has several."),
        Option("test_fraction", float, "Share of your own data kept for testing.", 0.1, above=0, below=1),
        Option(
            "scale",
            str,
            "Take numbers as they are (none), to 0..1 (unit), to mean 0 and deviation 1 (standardise), or as v / 255 "
            "(bytes). By their type: bytes for uint8, unit for uint16, else none.",
            choices=SCALES,
        ),
        Option(
            "columns",
            str,
            "The table's columns to train on, as a,b,c; without names, by number from 0.",
            verify=partial(_check_list, "columns"),
        ),
        Option("drop", str, "Columns to leave out, likewise.", verify=partial(_check_list, "drop")),
        Option(
            "missing",
            str,
            "What stands for no value in a table, as -9999, beside empty cells, NA and nan.",
            verify=partial(_check_list, "missing"),
        ),
        Option("drop_missing", bool, "Leave out rows with a missing value; else they are refused.", False),
        Option("header", bool, "Whether the table's first line has names. Found out, if not given."),
        Option(
            "delimiter",
            str,
            r"What separates a table's cells: , ; | or tab. Found out, if not given.",
            verify=_check_delimiter,
        ),
        Option("decimal", str, "What stands before a number's fraction: . or , . Found out.", verify=_check_decimal),
        Option("channels", str, "Which axis of images has their channels. Found out.", choices=("first", "last")),
        Option("resize", tuple, "Rows and columns to which a folder's images are brought.", low=1, high=10000, most=2),
    ),
    defaults={"prior": "gaussian"},
    limits_itself=True,
)

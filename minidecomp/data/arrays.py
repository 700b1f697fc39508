"""Your own data: arrays, tables and images in files and folders, as training and test points."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MinidecompError, OptionError, counted, marked
from ..randomness import streams
from ..randomness.order import permutation
from . import containers, images, npy
from .cells import FRAME_ENDINGS, STANDARD_INPUT, TEXT_ENDINGS, Reading, ending_of
from .conversions import conversion
from .dataset import Dataset
from .folders import reason, refuse_what_is_no_file
from .held_out import held_out
from .images import LAST, in_words
from .labels import NOTHING, Beside, as_texts, beside_points, classes_beside
from .on_disk import OnDisk
from .points import pick
from .rules import NewData, new_data
from .tables import read_table

ENDINGS = (".npy", ".npz", *TEXT_ENDINGS, *FRAME_ENDINGS, *containers.CONTAINER_ENDINGS)
IDS = {"id", "index"}
NO_FEATURES = {*IDS, "label", "labels", "class", "target"}
_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])")  # customer_id, userId, class label
CODES_OF_GAPS = (-9999, -999, -99, 999, 9999, 99999, 999999, -99999, -32768)


@dataclass(frozen=True)
class FromFile:
    """The array in a file, with its values unchanged.

    Attributes
    ----------
    values : numpy.ndarray or OnDisk
        Each row is a point, or an image with its channels last. They stay on disk if memory has no room for them.
    names : tuple of str
        Names of the columns, if the file is a table that has names.
    notes : tuple of str
        Lines for the user about what was detected or left out.
    beside : Beside
        Labels and factors of the points.
    index : numpy.ndarray of shape (N,) or None
        The index of a table (see `tables.Table`), or the names of a folder's images; None for an array.
    """

    values: np.ndarray | OnDisk
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    beside: Beside = NOTHING
    index: np.ndarray | None = None

    @property
    def numbered(self) -> np.ndarray:
        """The index (N,), or the numbers of the rows from 0 if there is none."""
        return np.arange(len(self.values)) if self.index is None else self.index


@dataclass(frozen=True)
class HowToRead:
    """How to read a file. By default everything is detected.

    Attributes
    ----------
    array : str or None
        Name of the array, if the file has several.
    table : Reading
        Of a table.
    channels : str
        ``first`` or ``last``, for images with four axes; empty to detect it.
    resize : (int, int) or None
        Resize the images of a folder to these rows and columns.
    labels : str
        Column or array of the file, or another FILE, with the label of each point.
    factors : tuple of str
        Columns or arrays with the factors of each point, or one FILE.
    image_shape : tuple of int
        Rows, columns and channels (if coloured) of the image in each row of numbers; empty if there are no images.
    """

    array: str | None = None
    table: Reading = field(default_factory=Reading)
    channels: str = ""
    resize: tuple[int, int] | None = None
    labels: str = ""
    factors: tuple[str, ...] = ()
    image_shape: tuple[int, ...] = ()


def load(
    path: str | Path,
    array: str | None = None,
    test_fraction: float = 0.1,
    data_seed: int = 0,
    limit: int | None = None,
    how: HowToRead | None = None,
    scale: str | None = None,
    validation_fraction: float | None = None,
) -> Dataset:
    """Load points from a file and split them into training, test and, if requested, validation points.

    Parameters
    ----------
    path : path
        Anything that ``read`` reads.
    array : str or None
        Name of the array; required if the file has several.
    test_fraction : float
        Share of the points that is kept for testing, between 0 and 1.
    data_seed : int
        Seed of that choice, and of what ``limit`` keeps; 0 to 2^64 - 1.
    limit : int or None
        Train on this many of the other points.
    how : HowToRead, optional
        How to read the file.
    scale : str or None
        As of `rules.new_data`.
    validation_fraction : float, optional
        Share of the training points that is kept for validation.

    Returns
    -------
    Dataset
        Points of shape (dx,) in random order, float64, scaled as learnt from the training points. A uint8 array with
        more than zeros and ones stays uint8 and stands for v / 255, unless ``scale`` says otherwise.

    Raises
    ------
    DataError
        The file cannot be read, or its content cannot be used.
    OptionError
        ``test_fraction`` is out of its range.
    """
    if not 0 < test_fraction < 1:
        raise OptionError("test_fraction", test_fraction, must_be="above 0 and below 1")
    name = "standard input" if str(path) == STANDARD_INPUT else Path(path).name
    how = how or HowToRead()
    found = read(path, array, how)
    new = _as_images(new_data(found.values, str(path), scale, LAST), how.image_shape, str(path))
    n = len(new.rows)
    if n < 4:
        raise DataError(f"{path}: has {counted(n, 'point')}, and at least 4 are needed")
    kept, tested = _split(n, test_fraction, data_seed)
    kept = kept[:limit]
    trained, held = held_out(len(kept), validation_fraction or 0.0, data_seed, str(path))
    kept, validated = kept[trained], kept[held]
    train = pick(new.rows, kept)
    scaling = new.scaled(train)
    labels, factors, notes = classes_beside(found.beside, how.labels)
    return Dataset(
        name=name,
        train=new.points(train, scaling),
        test=new.points(pick(new.rows, tested), scaling),
        train_labels=None if labels is None else labels.codes[kept],
        test_labels=None if labels is None else labels.codes[tested],
        class_names=() if labels is None else labels.names,
        image_shape=new.image_shape,
        source=str(path) if array is None else f"{path}, array {array}",
        notes=(*found.notes, *filter(None, [new.note, *notes, *labels_and_ids(found, str(path))])),
        feature_names=found.names,
        scaling=scaling,
        factors=None if factors is None else factors.split(kept, tested),
        test_index=found.numbered[tested],
        validation=new.points(pick(new.rows, validated), scaling) if validated.size else None,
    )


def _split(count: int, test_fraction: float, data_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a file for training, and those for testing."""
    # One order for both: the training points are already in random order, so the first ones are a random choice.
    order = permutation(count, data_seed, *streams.SPLIT.at())
    test_count = min(max(round(test_fraction * count), 1), count - 1)
    return order[test_count:], order[:test_count]


def lay_out(train: np.ndarray, test: np.ndarray, data_seed: int) -> tuple[np.ndarray, float]:
    """The rows of a file that ``load`` takes apart into these points, in their order, and the ``test_fraction`` for it.

    Parameters
    ----------
    train, test : numpy.ndarray of shape (N, ..) and (M, ..)
        Of one dtype; together at least 4.
    data_seed : int
    """
    test_fraction = len(test) / (len(train) + len(test))
    kept, tested = _split(len(train) + len(test), test_fraction, data_seed)
    values = np.empty((len(train) + len(test), *train.shape[1:]), train.dtype)
    values[kept], values[tested] = train, test
    return values, test_fraction


def _as_images(new: NewData, shape: tuple[int, ...], name: str) -> NewData:
    """Reshape points to images, if a shape is given."""
    if not shape:
        return new
    width = new.rows.shape[1]
    if len(shape) < 2 or math.prod(shape) != width or (new.image_shape or shape) != shape:
        have = in_words(new.image_shape) if new.image_shape else counted(width, "number")
        raise OptionError(
            "image_shape",
            shape,
            f"{name} has {have} in a point; give rows,columns or rows,columns,channels (3 or 4)",
        )
    return new._replace(image_shape=shape)


def read(path: str | Path, array: str | None = None, how: HowToRead | None = None) -> FromFile:
    """Read the array in a file; `minidecomp.data.rules` says what its values mean.

    Parameters
    ----------
    path : path
        A .npy, .npz, .mat or .h5 file of shape (N,), (N, dx), (N, rows, columns), or with four axes, one for 1, 3
        or 4 channels; a table that `tables.read_table` reads; or a folder of .png and .jpg files, or of .npy files.
    array : str or None
        Name of the array, if the file has several.
    how : HowToRead, optional
        How to read the file.

    Raises
    ------
    DataError
        The file cannot be read, or its content is ambiguous.
    """
    how = how or HowToRead()
    ending = ending_of(path)
    if array is not None and ending not in (".npz", *containers.CONTAINER_ENDINGS):
        raise DataError(f"{path}: only .npz, .mat and .h5 files have named arrays; leave `--array` out")
    try:
        return _read(path, ending, array, how)
    except MinidecompError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # numpy, zipfile and zlib raise almost any exception for a damaged file
        raise DataError(f"{path}: cannot be read ({reason(error)}); the {ending} file may be incomplete") from None


def _read(path: str | Path, ending: str, array: str | None, how: HowToRead) -> FromFile:
    """``read``, by the kind of the file."""
    is_table = str(path) == STANDARD_INPUT or ending in (*TEXT_ENDINGS, *FRAME_ENDINGS)
    is_folder = os.path.isdir(path)
    has_parts = is_folder and npy.holds_parts(path)
    if not how.table.model_width:
        _refuse_what_does_not_go(how, path, is_table, is_folder and not has_parts)
    if is_table:
        if str(path) != STANDARD_INPUT:
            refuse_what_is_no_file(Path(path))
        table = read_table(path, how.table)
        notes = table.notes if how.table.model_width else (*table.notes, *codes_of_gaps(table.values, str(path)))
        found = FromFile(table.values, table.names, notes, index=table.index)
        own = {name: texts[:, None] for name, texts in table.aside.items()}
        return _with_beside(found, path, how, own, table.rows, table.total)
    if has_parts:
        return _with_beside(_from_parts(path, how), path, how, {})
    if is_folder:
        made, said, names = images.read_folder(path, how.resize)
        found = FromFile(made, notes=tuple(said), index=np.array(names, object))
        return _with_folders(_with_beside(found, path, how, {}, names=names), path)
    if ending in containers.TORCH_ENDINGS:
        containers.refuse_torch(path)
    if not os.path.exists(path):
        raise FileNotFoundError
    if ending not in ENDINGS:
        raise DataError(
            f"{path}: ends in {ending or 'nothing'}; minidecomp reads {', '.join(ENDINGS)}{conversion(path)}"
        )
    refuse_what_is_no_file(Path(path))
    if ending == npy.ENDING and (large := npy.on_disk([Path(path)], str(path), how.channels)) is not None:
        return _with_beside(FromFile(large[0], notes=(large[1],)), path, how, {})
    arrays = containers.named_arrays(Path(path), ending)
    beside = {each for each in (how.labels, *how.factors) if each and each in arrays}
    if array is not None and array in beside:
        raise OptionError("labels", array, f"`--array` trains on {array}; name another array of {path}")
    name = containers.chosen_name(path, [name for name in arrays if name not in beside], array)
    values = arrays[name]()
    if values.ndim == 4:
        values = images.channels_last(values, str(path), how.channels)
    if not values.ndim:
        return FromFile(values)  # which is refused
    texts: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    for each in sorted(beside):
        other = arrays[each]()
        if how.table.if_there and len(values) not in other.shape:  # of another part of the file's points
            left_out.append(f"{path}: its array {each} has not a value for each of these points, and was left out")
        else:
            texts[each] = as_texts(other, f"{path}, array {each}", len(values))
    found = _without_nan(FromFile(values, notes=tuple(left_out)), path, how)
    kept = found.numbered
    return _with_beside(found, path, how, {each: text[kept] for each, text in texts.items()}, kept, len(values))


def _refuse_what_does_not_go(how: HowToRead, path: str | Path, is_table: bool, is_images: bool) -> None:
    """Raise OptionError for an option that does not apply to this kind of file."""
    table = how.table
    of_tables: dict[str, Any] = {"columns": table.columns, "drop": table.drop, "missing": table.missing}
    of_tables |= {"delimiter": table.delimiter, "decimal": table.decimal}
    of_tables |= {"header": "" if table.header is None else "yes" if table.header else "no"}
    found: list[tuple[str, dict[str, Any]]] = [("a table", of_tables)] if not is_table else []
    found += [("a folder of images", {"resize": how.resize})] if not is_images else []
    found += [("arrays of images", {"channels": how.channels})] if is_table or is_images else []
    for kind, given in found:
        for name, value in given.items():
            if value:
                shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
                raise OptionError(name, shown, f"this is for {kind}, which {path} is not; leave it out")


def _with_beside(
    found: FromFile,
    path: str | Path,
    how: HowToRead,
    own: Mapping[str, np.ndarray],
    rows: np.ndarray | None = None,
    total: int | None = None,
    names: Sequence[str] = (),
) -> FromFile:
    """Add labels and factors to the points. Points without them are left out, or the file is refused.

    ``own`` has texts (N, columns) that the file itself has, by name; ``rows`` are the rows of the points among its
    ``total`` rows, all by default; ``names`` are the points' own.
    """
    if how.table.if_there:  # the labels of other data are known only where their own file has them
        labels, factors = how.labels if how.labels in own else "", tuple(each for each in how.factors if each in own)
    else:
        labels, factors = how.labels, how.factors
    if not labels and not factors:
        return found
    count = len(found.values)
    rows, total = np.arange(count) if rows is None else rows, count if total is None else total
    beside = beside_points(str(path), labels, factors, own, rows, total, names)
    present = beside.present()
    if present is not None and not present.all() and not how.table.if_there:
        if not how.table.drop_missing:
            beside.refuse_missing(str(path))
        lost = counted(int((~present).sum()), "point")
        note = f"{path}: {lost} left out, without a label or a factor"
        notes, index = (*found.notes, note), found.numbered[present]
        values = pick(found.values, np.flatnonzero(present))
        found, beside = replace(found, values=values, notes=notes, index=index), beside.at(present)
    return replace(found, notes=(*found.notes, *beside.notes), beside=beside)


def _with_folders(found: FromFile, path: str | Path) -> FromFile:
    """Use the names of subfolders as labels of the images in them, unless other labels are given."""
    folders = [str(name).rpartition("/")[0] for name in found.numbered]
    if not all(folders) or found.beside.labels is not None or len(set(folders)) < 2:
        return found
    note = f"{path}: the names of its {len(set(folders))} folders are the images' labels"
    beside = replace(found.beside, labels=np.array(folders))
    return replace(found, beside=beside, notes=(*found.notes, note))


def _without_nan(found: FromFile, path: str | Path, how: HowToRead) -> FromFile:
    """Leave out the rows with NaN if ``--drop-missing`` is given; otherwise refuse the array."""
    values = found.values
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or not values.size:
        return found
    gaps = np.isnan(values).reshape(len(values), -1)
    whole = ~gaps.any(axis=1)
    if whole.all():
        return found
    lost = counted(int((~whole).sum()), "row")
    if not how.table.drop_missing:
        row, column = np.unravel_index(np.argmax(gaps), gaps.shape)
        raise DataError(
            f"{path}: expected finite numbers, got nan in row {row}, column {column} (counted from 0); "
            f"`--drop-missing` leaves out {lost}"
        )
    if not whole.any():
        raise DataError(f"{path}: every row has nan, so `--drop-missing` would leave no rows")
    note = f"{path}: {lost} of {len(values)} left out, with nan"
    return replace(found, values=values[whole], index=np.flatnonzero(whole), notes=(*found.notes, note))


def _from_parts(path: str | Path, how: HowToRead) -> FromFile:
    """The arrays of a folder's .npy files, joined."""
    paths, notes = npy.parts_of(path)
    for part in paths:
        refuse_what_is_no_file(part)
    if (large := npy.on_disk(paths, str(path), how.channels)) is not None:
        return FromFile(large[0], notes=(*notes, large[1]))
    loaded = []
    for part in paths:
        try:
            arrays = containers.named_arrays(part, npy.ENDING)
            loaded.append(arrays[containers.chosen_name(part, list(arrays), None)]())
        except MinidecompError:
            raise
        except Exception as error:  # as in `read`
            raise DataError(f"{part}: cannot be read ({reason(error)}); the .npy file may be incomplete") from None
    return FromFile(npy.join(paths, loaded, str(path), how.channels), notes=tuple(notes))


def labels_and_ids(found: FromFile, name: str) -> list[str]:
    """A line for each column of whole numbers that is named like a label or an id."""
    if len(found.names) < 2 or not isinstance(found.values, np.ndarray):
        return []
    called = [_WORDS.split(each.strip())[-1].lower() for each in found.names]
    known = [i for i, word in enumerate(called) if word in NO_FEATURES]
    whole = [i for i in known if (found.values[:, i] == np.floor(found.values[:, i])).all()]
    return [
        f"{name}: the column {found.names[i]} is trained on as all others are; "
        f"{marked('drop', shlex.quote(found.names[i]))} leaves it out"
        + ("" if called[i] in IDS else f", {marked('labels', shlex.quote(found.names[i]))} keeps it apart as classes")
        for i in whole
    ]


def codes_of_gaps(values: np.ndarray, name: str) -> list[str]:
    """A line about numbers such as -9999 that lie farther from the rest of their column than the rest is wide."""
    counts = dict.fromkeys(CODES_OF_GAPS, 0)
    for column, low, high in zip(values.T, values.min(0), values.max(0), strict=True):
        for code in {low, high} & counts.keys():
            others = column[column != code]
            if len(others) and np.abs(others - code).min() > np.ptp(others):
                counts[code] += len(column) - len(others)
    found = [str(code) for code, count in counts.items() if count]
    if not found:
        return []
    cells = sum(counts.values())
    return [
        f"{name}: {counted(cells, 'cell')} {'is' if cells == 1 else 'are'} {' or '.join(found)}, far from all others, "
        f"and counts as a number; {marked('missing', ','.join(found))} marks it as a missing value"
    ]

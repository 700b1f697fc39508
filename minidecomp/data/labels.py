"""Labels and factors of your own data, read as texts and turned into classes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError, MinidecompError, OptionError, counted, either
from .cells import FRAME_ENDINGS, TEXT_ENDINGS, ending_of, text_array
from .dataset import Factors
from .delimited import BOOLS, MISSING, plain, value
from .folders import reason, refuse_what_is_no_file
from .tables import read_texts

FILE_ENDINGS = (".npy", *TEXT_ENDINGS, *FRAME_ENDINGS)  # --labels and --factors: FILE, not a column's name
MOST_CLASSES = 1000
MOST_VALUES = 50  # a factor with more numbers is cut into bins
BINS, POINTS_OF_A_BIN = 20, 10


def is_file(given: str) -> bool:
    """Whether the value of ``--labels`` or ``--factors`` is a file, by its ending."""
    return ending_of(given) in FILE_ENDINGS


@dataclass(frozen=True)
class Beside:
    """What is known of N points besides their numbers.

    Attributes
    ----------
    labels : numpy.ndarray of shape (N,) or None
        Texts.
    factors : dict of str to numpy.ndarray of shape (N,)
        Texts, by the names of the factors.
    notes : tuple of str
        Lines for the user about what was detected.
    """

    labels: np.ndarray | None
    factors: Mapping[str, np.ndarray]
    notes: tuple[str, ...] = ()

    def present(self) -> np.ndarray | None:
        """Which points (N,) have a label and all factors; None if nothing is known of any."""
        known = [*([] if self.labels is None else [self.labels]), *self.factors.values()]
        return ~np.any([_are_missing(texts) for texts in known], axis=0) if known else None

    def at(self, rows: np.ndarray) -> Beside:
        """The same of some points."""
        factors = {name: texts[rows] for name, texts in self.factors.items()}
        return Beside(None if self.labels is None else self.labels[rows], factors, self.notes)

    def refuse_missing(self, name: str) -> None:
        """Raise DataError if a point lacks its label or a factor."""
        known = {"label": self.labels, **{f"value of the factor {each}": t for each, t in self.factors.items()}}
        for what, texts in known.items():
            gaps = np.zeros(0, bool) if texts is None else _are_missing(texts)
            if gaps.any():
                raise DataError(
                    f"{name}: {counted(int(gaps.sum()), 'point')} without a {what}, the first in row "
                    f"{int(np.argmax(gaps))} (counted from 0); `--drop-missing` leaves such points out"
                )


NOTHING = Beside(None, {})


def _are_missing(texts: np.ndarray) -> np.ndarray:
    """Which texts (N,) mark a missing value."""
    return np.isin(texts, list(MISSING))


class Classes(NamedTuple):
    """A class for each of N points: ``codes`` (N,) int64 from 0, and the classes' names in that order."""

    codes: np.ndarray
    names: tuple[str, ...]


def as_texts(values: np.ndarray, name: str, count: int) -> np.ndarray:
    """The values of an array as texts (count, columns), with one or more values for each point.

    Raises
    ------
    DataError
        It does not have a row for each point.
    """
    if values.ndim == 2 and values.shape[0] == 1 and count != 1:
        values = values.T  # as MATLAB keeps a list
    if values.ndim not in (1, 2) or len(values) != count:
        raise DataError(f"{name}: has shape {values.shape}; expected a row for each of the {counted(count, 'point')}")
    values = values.reshape(count, -1)
    if values.dtype.kind == "O":  # MATLAB's cells
        values = np.frompyfunc(_unwrapped, 1, 1)(values)
    if values.dtype.kind == "f":
        return np.array([[plain(each) for each in row] for row in values.tolist()])
    if values.dtype.kind == "S" or (values.size and isinstance(values.flat[0], bytes)):
        return text_array([[each.decode("utf-8", "replace").strip() for each in row] for row in values.tolist()], name)
    return text_array([[str(each).strip() for each in row] for row in values.tolist()], name)


def _of_named(path: str, names: Sequence[str]) -> tuple[Sequence[str], np.ndarray, Sequence[str]] | None:
    """Like ``_of_file``, for a table with a column of the points' names, in any order; None if it has none.

    A name may lack its folder, its ending or both.
    """
    if not names or ending_of(path) == ".npy":
        return None
    header, texts, _ = read_texts(path)
    for short in (str, _stem, _base, lambda name: _stem(_base(name))):
        wanted = [short(name) for name in names]
        for column in range(texts.shape[1]) if len(set(wanted)) == len(wanted) else ():
            place = {short(text): row for row, text in enumerate(texts[:, column].tolist())}
            if texts.shape[1] > 1 and all(name in place for name in wanted):
                if not header and place.get(short(texts[0, column])) == 0 and short(texts[0, column]) not in wanted:
                    header = tuple(texts[0])
                kept = [each for each in range(texts.shape[1]) if each != column]
                said = f"{path}: its rows go with the images that {header[column] if header else 'a column'} names"
                found = texts[[place[name] for name in wanted]][:, kept]
                return [header[each] for each in kept] if header else [], found, [said]
    return None


def _check_file(path: str) -> None:
    try:
        refuse_what_is_no_file(Path(path))
    except OSError as error:
        raise DataError(f"{path}: no such file" if not os.path.exists(path) else f"{path}: {reason(error)}") from None


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _unwrapped(value: Any) -> Any:
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return value


def _of_file(path: str, rows: np.ndarray, total: int) -> tuple[Sequence[str], np.ndarray, Sequence[str]]:
    """The names and texts (N, columns) of a FILE, and lines about what was detected."""
    try:
        if ending_of(path) == ".npy":
            return (), as_texts(np.load(path, allow_pickle=False), path, total)[rows], ()
        names, texts, notes = read_texts(path, total)
    except MinidecompError:
        raise
    except Exception as error:  # numpy and pandas raise almost any exception for a damaged file
        raise DataError(f"{path}: expected a file with a row for each point ({reason(error)})") from None
    return names, texts[rows], notes


def beside_points(
    path: str,
    labels: str,
    factors: Sequence[str],
    own: Mapping[str, np.ndarray],
    rows: np.ndarray,
    total: int,
    names: Sequence[str] = (),
) -> Beside:
    """The labels and factors that the options name.

    Parameters
    ----------
    path : str
        The data's file.
    labels : str
        A name in ``own`` or a FILE; empty for none.
    factors : sequence of str
        Names in ``own``, or one FILE.
    own : mapping of str to numpy.ndarray of shape (N, columns)
        Texts of the data's file itself.
    rows : numpy.ndarray of shape (N,)
        The rows of the data's file that are points.
    total : int
        How many rows that file has.
    names : sequence of str
        Names of the points, such as those of image files; a FILE with a column of these names is matched by them.

    Raises
    ------
    OptionError
        The file has no such name.
    DataError
        A FILE cannot be read, or has other rows.
    """
    notes: list[str] = []

    def found(option: str, name: str) -> dict[str, np.ndarray]:
        if is_file(name):
            _check_file(name)
            columns, texts, said = _of_named(name, names) or _of_file(name, rows, total)
            notes.extend(said)
            if names and not said:
                shown = ", ".join(names[:3])
                notes.append(f"{name}: its rows are used in the order of the images' names: {shown}, ..")
            titles = [each or f"factor_{i}" for i, each in enumerate(columns or [""] * texts.shape[1])]
        elif name in own:
            texts = own[name]
            titles = [name] if texts.shape[1] == 1 else [f"{name}_{i}" for i in range(texts.shape[1])]
        else:
            raise OptionError(
                option,
                name,
                f"{path} has nothing of that name; give a name in it, or a FILE ({either(FILE_ENDINGS)})",
            )
        return _by_name(zip(titles, texts.T, strict=True), name)

    column = None
    if labels:
        columns = found("labels", labels)
        if len(columns) != 1:
            shown = ", ".join(list(columns)[:12])
            raise DataError(f"{labels}: has {len(columns)} columns, {shown}; expected one column of labels")
        column = next(iter(columns.values()))
    known = [pair for name in factors for pair in found("factors", name).items()]
    return Beside(column, _by_name(known, "`--factors`"), tuple(notes))


def _by_name(pairs: Iterable[tuple[str, np.ndarray]], where: str) -> dict[str, np.ndarray]:
    made: dict[str, np.ndarray] = {}
    for name, texts in pairs:
        if name in made:
            raise DataError(f"{where}: two factors are named {name}; each name must be different")
        made[name] = texts
    return made


@dataclass(frozen=True)
class FactorClasses:
    """The factors of all N points of a file: names, sizes, and classes (N, F)."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    codes: np.ndarray

    def split(self, train: np.ndarray, test: np.ndarray) -> Factors:
        """The factors of the training points and of the test points."""
        return Factors(self.names, self.sizes, self.codes[train], self.codes[test])


def classes_beside(beside: Beside, option: str) -> tuple[Classes | None, FactorClasses | None, list[str]]:
    """The classes of labels and factors, and a line for each factor that was cut into bins.

    Raises
    ------
    OptionError
        There are too many to be classes.
    """
    labels = None if beside.labels is None else label_classes(beside.labels, option)
    if not beside.factors:
        return labels, None, []
    made = {name: factor_classes(texts, name) for name, texts in beside.factors.items()}
    sizes = tuple(len(classes.names) for classes, _ in made.values())
    codes = np.stack([classes.codes for classes, _ in made.values()], axis=1)
    return labels, FactorClasses(tuple(made), sizes, codes), [note for _, note in made.values() if note]


def classes_of(texts: np.ndarray) -> Classes:
    """Each different text as a class: numbers ordered by size, everything else by the alphabet.

    Numbers are named in their shortest form, whatever the file that they came from, unless that would make two of them
    one, or change what is a code: 007, or more than 15 digits.
    """
    different, codes = np.unique(texts, return_inverse=True)
    names = different.tolist()
    if not _are_numbers(names):
        return Classes(codes.astype(np.int64), tuple(names))
    sizes = np.array(names, float)
    order = np.lexsort((different, sizes))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    are_codes = any(re.match(r"[+-]?0[0-9]", name) for name in names) or np.abs(sizes).max() >= 1e15
    if not are_codes and len(np.unique(sizes)) == len(sizes):
        names = list(map(plain, sizes.tolist()))
    return Classes(place[codes].astype(np.int64), tuple(names[i] for i in order))


def named(texts: np.ndarray | None) -> np.ndarray | None:
    """Labels (N,) as the names of their classes; an empty one stays empty."""
    if texts is None:
        return None
    known = ~_are_missing(texts)
    found, made = classes_of(texts[known]), np.full(len(texts), "", object)
    made[known] = np.array(found.names, object)[found.codes]
    return made


def label_classes(texts: np.ndarray, option: str) -> Classes:
    """The classes that labels (N,) are.

    Raises
    ------
    OptionError
        There are too many to be classes.
    """
    found = classes_of(texts)
    count = len(found.names)
    if count > MOST_CLASSES or (len(texts) >= 20 and count > len(texts) / 2):
        raise OptionError(
            "labels",
            option,
            f"it has {count} different values in {counted(len(texts), 'point')}; many points must share a label",
        )
    return found


def factor_classes(texts: np.ndarray, factor: str) -> tuple[Classes, str]:
    """The classes of one factor (N,), and a line if its numbers were cut into bins.

    More than 50 different numbers are cut into 20 bins of about equal size, or into fewer bins if one had less than
    10 points; equal numbers stay together.

    Raises
    ------
    OptionError
        The factor has more than 1000 different texts.
    """
    found = classes_of(texts)
    count = len(found.names)
    if count <= MOST_VALUES:
        return found, ""
    if not _are_numbers(found.names):
        if count > MOST_CLASSES:
            raise OptionError(
                "factors",
                factor,
                f"it has {count} different words; a factor must have numbers, or at most {MOST_CLASSES} words",
            )
        return found, ""
    numbers = np.array([float(name) for name in found.names])[found.codes]
    bins = max(2, min(BINS, len(numbers) // POINTS_OF_A_BIN))
    edges = np.unique(np.quantile(numbers, np.arange(1, bins) / bins))
    codes = np.unique(np.searchsorted(edges, numbers, side="right"), return_inverse=True)[1].astype(np.int64)
    made = int(codes.max()) + 1
    names = tuple(f"{plain(numbers[codes == c].min())}..{plain(numbers[codes == c].max())}" for c in range(made))
    sizes = np.bincount(codes)
    points = f"{sizes.min()} to {sizes.max()}" if sizes.min() < sizes.max() else f"{sizes.min()}"
    return Classes(codes, names), (
        f"the factor {factor} has {count} different numbers, cut into {made} bins of {points} points"
    )


def _are_numbers(texts: Iterable[str]) -> bool:
    """Whether all are written as numbers; true and false count as words."""
    numbers = [None if text.lower() in BOOLS else value(text) for text in texts]
    return all(number is not None and number == number for number in numbers)

"""A table of numbers in a .csv file, read strictly: what may be names, an index or another notation is not guessed."""

from __future__ import annotations

import csv
from array import array as number_list
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError

_OF_NUMBERS = dict.fromkeys(map(ord, "0123456789.+-eE \t"))  # float() takes more: 1_000, infinity, digits of any script
_NOT_FINITE = {"nan", "inf", "infinity", "na", "n/a", "null", "none"}
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip archive or a spreadsheet", b"\x1f\x8b": "gzip"}
_INDEX_NAMES = ("", "Unnamed: 0")  # what pandas writes for an index, and reads it as
_NO_FEATURES = {"id", "index", "label", "labels", "class", "target"}
_WITHOUT_INDEX = "save without it, in pandas by to_csv(.., index=False)"
LONG = 40  # characters of a cell that are shown


class Table(NamedTuple):
    """Points (N, dx), float64, and lines for the user on what was taken for no point."""

    values: np.ndarray
    notes: tuple[str, ...] = ()


@dataclass
class _Lines:
    """What is known of the lines read so far."""

    path: Path
    width: int = 0
    names: list[str] = field(default_factory=list)
    with_index: bool = False
    index: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    cells: number_list = field(default_factory=lambda: number_list("d"))
    bare_after_first: bool = False  # whether a whole number without a point is on another line than the first


def read_table(path: Path) -> Table:
    """Read a .csv file: a point on each line, numbers separated by commas, after at most one line of names.

    Recognised, and said in the notes, are the index column of pandas, whose name is blank, and the header 0,1,2,.. over
    lines of numbers with decimal points.

    Raises
    ------
    DataError
        A cell is no finite number, lines are of several lengths, or the first line or column may be names or an index.
    """
    with open(path, "rb") as file:
        start = file.read(2)
    if start in _MARKS:
        raise DataError(f"{path}: is {_MARKS[start]}; a .csv file of text in UTF-8 is needed")
    lines = _Lines(path)
    # A byte that is no UTF-8 must not fail here, where its line is unknown: as a cell it is no number.
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        for row in reader:
            if row:
                _take(lines, row, reader.line_num)
    values = np.array(lines.cells).reshape(-1, (lines.width - lines.with_index) or 1)
    return _judged(lines, values)


def _take(lines: _Lines, row: list[str], number: int) -> None:
    """Add a line: the first as names if it is of names, all others as numbers."""
    if not lines.width:
        lines.width, lines.first = len(row), row
        if _are_names(lines, row, number):
            lines.names, lines.with_index = row, row[0].strip() in _INDEX_NAMES
            return
    elif len(row) != lines.width:
        said = _other_notation(row, lines.first) or "lines of one length are needed"
        raise DataError(f"{lines.path}, line {number}: {len(row)} cells, but {lines.width} in the first; {said}")
    if lines.with_index:
        lines.index.append(row[0])
        row = row[1:]
    text = "".join(row)
    if text.translate(_OF_NUMBERS):
        _refuse(lines, row, number)
    try:
        lines.cells.extend([float(cell) for cell in row])
    except ValueError:
        _refuse(lines, row, number)
    if row is not lines.first and not lines.bare_after_first:
        lines.bare_after_first = any(map(_is_bare, row))


def _are_names(lines: _Lines, row: list[str], number: int) -> bool:
    """Whether the first line is of names; DataError where it is neither that nor numbers."""
    blanks = [i for i, cell in enumerate(row) if not cell.strip()]
    if row[0].strip() in _INDEX_NAMES and len(row) > 1 and blanks in ([], [0]):
        return True
    words = [cell for cell in row if not _is_number(cell)]
    if not words:
        return False
    if len(words) == len(row) and not blanks and not any(cell.strip().lower() in _NOT_FINITE for cell in row):
        return True
    _refuse(lines, row, number)
    return False


def _refuse(lines: _Lines, row: list[str], number: int) -> None:
    """Raise DataError for the first cell that is no finite number."""
    first = lines.with_index and 1
    column, cell = next((i, cell) for i, cell in enumerate(row) if not _is_number(cell))
    where = f"{lines.path}, line {number}"
    if not cell.strip():
        raise DataError(f"{where}: cell {column + first + 1} is empty; a finite number is needed in each")
    shown = repr(cell[:LONG])
    if cell.strip().lower().lstrip("+-") in _NOT_FINITE:
        raise DataError(f"{where}: {shown} in cell {column + first + 1}; a finite number is needed in each")
    said = (
        _other_notation(row, lines.first) or "numbers separated by commas are needed, after at most one line of names"
    )
    raise DataError(f"{where}: {shown} is not a number; {said}")


def _other_notation(row: list[str], first: list[str]) -> str:
    """What a file is that has other separators or other numbers, and what to do; empty if it is not known."""
    together = ",".join(row)
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if mark in together or mark in ",".join(first):
            comma = " and has decimal commas" if "," in together else ""
            return f"the file is separated by {name}{comma}; save it with commas between and decimal points"
    if len(row) == 1 and len(together.split()) > 1 and all(map(_is_number, together.split())):
        return "the file is separated by blanks; save it with commas between"
    if any("," in cell for cell in row):
        return "commas within a number are not read; save it with decimal points and without separators of thousands"
    if any("_" in cell for cell in row):
        return "underscores within a number are not read"
    return ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not cell.translate(_OF_NUMBERS)


def _is_bare(cell: str) -> bool:
    """Whether a number is written as a whole one, without a point and an exponent."""
    return cell.strip().lstrip("+-").isdecimal()


# ---- names and an index among the numbers ----


def _judged(lines: _Lines, values: np.ndarray) -> Table:
    """The points, without what is an index or names beyond doubt; DataError where it is doubtful."""
    if lines.with_index:
        return Table(values, (_index_note(lines), *_name_notes(lines, values)))
    if lines.names:
        return Table(values, _name_notes(lines, values))
    header = _may_be_names(lines)
    if header and not lines.bare_after_first and _counts(list(map(int, lines.first)), 0):
        return Table(values[1:], (f"{lines.path}: line 1, {header}, is taken for names of columns, not for a point",))
    if header:
        raise DataError(
            f"{lines.path}, line 1: {header} may be names of columns or a point; write names that are no numbers, "
            "or remove the line, or put a line of names before it if it is a point"
        )
    if values.shape[1] > 1 and len(values) > 2 and _counts(values[:, 0].tolist(), 0, 1):
        raise DataError(
            f"{lines.path}: the first column counts the lines, as an index does; {_WITHOUT_INDEX}, "
            "or put a line of names on top if it belongs to the points"
        )
    return Table(values)


def _may_be_names(lines: _Lines) -> str:
    """The first line, shortened, if it may be names that are numbers: 0,1,2,.., or written unlike all other lines."""
    row = lines.first
    if len(lines.cells) <= len(row) or not all(map(_is_bare, row)):
        return ""
    numbers = list(map(int, row))
    rising = all(a < b for a, b in pairwise(numbers))
    run = _counts(numbers, numbers[0])
    if not (_counts(numbers, 0) or (run and len(row) > 3) or (rising and len(row) > 1 and not lines.bare_after_first)):
        return ""
    text = ",".join(row)
    return text if len(text) <= LONG else text[:LONG] + ".."


def _counts(numbers: list[float] | list[int], *starts: float) -> bool:
    """Whether the numbers are start, start + 1, .., for one of the starts."""
    return any(all(a == start + i for i, a in enumerate(numbers)) for start in starts)


def _index_note(lines: _Lines) -> str:
    """What is said of an index column that is left out; DataError if it may be a part of the points."""
    if any(map(_is_number, lines.index)):
        counts = (
            all(map(_is_number, lines.index))
            and all(map(_is_bare, lines.index))
            and _counts(list(map(int, lines.index)), 0, 1)
        )
        if not counts:
            raise DataError(
                f"{lines.path}, line 1: the first column has no name, as an index has, but does not count the lines; "
                f"if it is one, {_WITHOUT_INDEX}, else give it a name"
            )
    return f"{lines.path}: the first column has no name and is taken for an index: it is left out"


def _name_notes(lines: _Lines, values: np.ndarray) -> tuple[str, ...]:
    """A line for each column that is hardly meant to be learnt: named as a label or an index, or counting the lines."""
    names, notes = lines.names[lines.with_index :], []
    for i, name in enumerate(map(str.strip, names)):
        counting = i == 0 and len(names) > 1 and len(values) > 2 and _counts(values[:, 0].tolist(), 0, 1)
        if counting or (len(names) > 1 and name.lower() in _NO_FEATURES):
            what = "counts the lines" if counting else "is named as no feature is"
            notes.append(
                f"{lines.path}: the column {name[:LONG]!r} {what}, but is trained on as all others are; "
                "remove it if the model is not to learn it"
            )
    return tuple(notes)

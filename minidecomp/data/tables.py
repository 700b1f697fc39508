"""Tables of all kinds: delimited text, Parquet, Feather, Excel; their columns, gaps and index."""

from __future__ import annotations

import re
from array import array as number_list
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, counted, nearest
from .cells import FRAME_ENDINGS, Cells, Reading, called, column_words, ending_of, header_names, short, text_array
from .delimited import BOOLS, plain
from .frame_cells import FrameCells
from .text_cells import TextCells
from .words import what_is_no_number

_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # fits into 64 bits
THE_MODEL = "the model"  # in place of an option, if a model asks for a column
FEWEST_COUNTED = 4  # rows; fewer may count by chance


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns.

    Attributes
    ----------
    values : numpy.ndarray of shape (N, dx)
        float64.
    names : tuple of str
        Names of the columns; empty if the table has none.
    notes : tuple of str
        A line for each guess that may be wrong.
    aside : dict of str to numpy.ndarray of shape (N,)
        Texts of the columns that were set aside, by name; numbers in their shortest form.
    rows : numpy.ndarray of shape (N,)
        Their rows in the table, int64 from 0, as rows with a gap are left out.
    total : int
        Number of rows in the table.
    index : numpy.ndarray of shape (N,) or None
        What identifies each row: the index of the table (int64 if it has only whole numbers, otherwise texts), or the
        numbers of the rows from 0 if some were left out. None if all rows are here and have no index.
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    aside: dict[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    total: int = 0
    index: np.ndarray | None = None


def read_table(path: str | Path, reading: Reading | None = None) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : path
        A .csv or .tsv file, also as .gz; .parquet, .feather or .xlsx with pandas; ``-`` is text on standard input.
    reading : Reading, optional
        How to read it. By default everything is detected, and the table's notes say how.

    Raises
    ------
    DataError
        The file cannot be read, or is ambiguous; the message says what to type.
    """
    reading = reading or Reading()
    if ending_of(path) in FRAME_ENDINGS:
        return _table(FrameCells.read(path, reading), reading)
    return _table(TextCells.read(path, reading), reading)


def table_of_frame(frame: Any, reading: Reading | None = None, name: str = "X") -> Table:
    """A DataFrame of pandas or polars as a table, by the same rules; the index of pandas is not one of its columns.

    Raises
    ------
    DataError
        A column has other values than numbers, or a gap.
    """
    cells = FrameCells.of(frame, name)
    cells.in_memory = True
    return _table(cells, reading or Reading())


def table_names(frame: Any) -> tuple[str, ...]:
    """The names of a DataFrame's columns; empty if they only count, as pandas' own do."""
    return FrameCells.of(frame, "X").names


def read_texts(path: str | Path, count: int | None = None) -> tuple[tuple[str, ...], np.ndarray, tuple[str, ...]]:
    """The cells of a table with ``count`` rows as texts, whether they are numbers or words.

    The number of rows decides whether the first line of text has names; without a count it is a row. A first column
    without a name is an index.

    Returns
    -------
    names : tuple of str
        Names of the columns; empty if there are none.
    texts : numpy.ndarray of shape (count, columns)
    notes : tuple of str
        A line for each guess that may be wrong.

    Raises
    ------
    DataError
        The file cannot be read, or the number of rows is wrong.
    """
    is_frame = ending_of(path) in FRAME_ENDINGS
    cells = (FrameCells if is_frame else TextCells).read(path, Reading(header=None if is_frame else False))
    texts = _texts(cells, range(cells.width))
    names = cells.names
    if count is None:
        return names, texts, tuple(cells.notes)
    if not is_frame and len(texts) == count + 1:
        names, texts = header_names(texts[0].tolist(), str(path)), texts[1:]
    if len(texts) != count:
        rows = counted(len(texts), "row")
        raise DataError(f"{path}: has {rows}; expected a row for each of the {counted(count, 'row')} of the data")
    if names and names[0] == "" and len(names) > 1:
        names, texts = names[1:], texts[:, 1:]
    return names, texts, tuple(cells.notes)


# ---- columns, gaps, words: the same for each kind of table ----


def _table(cells: Cells, reading: Reading) -> Table:
    apart = {name: _number_of(cells, name, option) for option, name in _set_aside(cells, reading)}
    chosen = _choose(cells, reading, set(apart.values()))
    values = cells.values(chosen)
    if values is None or reading.missing:
        values = _by_cell(cells, chosen, reading)
    aside = dict(zip(apart, _texts(cells, list(apart.values())).T, strict=True)) if apart else {}
    if not len(values):
        raise DataError(f"{cells.name}: has no rows below {', '.join(map(short, cells.names[:3]))}; expected points")
    for_a_model = reading.model_width == len(chosen)
    may_count = not (reading.columns or for_a_model) and len(chosen) > 1
    start = (
        _index_start(values[:, 0]) if may_count else None
    )  # asked before rows are left out, which would break the count
    _refuse_infinity(cells, chosen, values)
    gaps, rows = np.isnan(values), np.arange(len(values))
    if gaps.any():
        whole = _whole_rows(cells, chosen, gaps, reading)
        values, rows = values[whole], rows[whole]
        aside = {name: column[whole] for name, column in aside.items()}
    if may_count and start is None:
        start = _index_start(values[:, 0])
    index: np.ndarray | None
    if start is not None:
        what = f"its first column{called(cells, chosen[0])} counts the rows from {start}"
        cells.notes.append(f"{cells.name}: {what}, so it was left out as an index; name it in `--columns` to keep it")
        index, values, chosen = values[:, 0].astype(np.int64), values[:, 1:], chosen[1:]
    else:
        index = _index(cells, {*chosen, *apart.values()}, rows, len(gaps))
    names = tuple(cells.names[i] for i in chosen) if cells.names else ()
    return Table(np.ascontiguousarray(values), names, tuple(cells.notes), aside, rows, len(gaps), index)


def _index(cells: Cells, taken: set[int], rows: np.ndarray, total: int) -> np.ndarray | None:
    """The index of ``rows`` of ``total``: separate, or the first column, or numbers if some rows are left out."""
    found = cells.index_apart()
    if found is None and cells.width > 1 and 0 not in taken:
        first = (cell for (cell,) in cells.rows([0]))
        found = list(first) if cells.names and cells.names[0] == "" else _counting(first, cells)
    if found is not None:
        return _index_of_cells(found)[rows]
    return rows if len(rows) < total else None


def _counting(column: Iterable[Any], cells: Cells) -> list[int] | None:
    """The whole numbers of a column that counts the rows from 0 or 1; None if it does not."""
    numbers: list[int] = []
    for cell in column:
        number = cells.word(cell)
        if number is None or not (number == numbers[-1] + 1 if numbers else number in (0, 1)):
            return None
        numbers.append(int(number))
    return numbers if len(numbers) >= FEWEST_COUNTED else None


def _index_of_cells(cells: Sequence[Any]) -> np.ndarray:
    """Cells as int64 if each is a whole number as Python writes it, or a float of Excel; otherwise as texts."""
    if all(isinstance(cell, float) and cell.is_integer() for cell in cells):
        cells = [int(cell) for cell in cells]
    texts = [str(cell).strip() for cell in cells]
    if all(map(_WHOLE.fullmatch, texts)):
        return np.array(texts, object).astype(np.int64)
    return np.array(texts, object)


def _set_aside(cells: Cells, reading: Reading) -> Iterator[tuple[str, str]]:
    """The option and the column for each column that is set aside; a table for a model need not have them."""
    for option, columns in (("`--labels`", reading.labels), ("`--factors`", reading.factors)):
        for name in columns:
            known = cells.names or (map(str, range(cells.width)) if cells.width > reading.model_width else ())
            if not reading.if_there or name in known:
                yield option, name


def _texts(cells: Cells, columns: Sequence[int]) -> np.ndarray:
    """The cells of some columns as texts (N, columns)."""

    def text(cell: Any) -> str:
        number, shown = cells.word(cell), str(cell).strip()
        if number is None or shown.lower() in BOOLS:
            return shown
        if number != number:
            return ""
        return cells.point_for(shown) if isinstance(cell, str) else plain(number)

    rows = [[text(cell) for cell in row] for row in cells.rows(columns)]
    return text_array(rows, cells.name).reshape(-1, len(columns))


def _choose(cells: Cells, reading: Reading, apart: set[int]) -> list[int]:
    """The numbers of the chosen columns, in order."""
    if reading.model_names and cells.names == reading.model_names:
        return list(range(cells.width))
    if reading.model_names and cells.names:
        return [_number_of(cells, each, THE_MODEL) for each in reading.model_names]
    if reading.model_width == cells.width and not cells.names and (reading.model_names or not reading.columns):
        if reading.model_names:
            order = ", ".join(map(short, reading.model_names[:12]))
            cells.notes.append(
                f"{cells.name}: the columns have no names, so they are used in the model's order, {order}"
            )
        return list(range(cells.width))
    both = [name for name in (*reading.labels, *reading.factors) if name in reading.columns and not reading.if_there]
    if both:
        raise DataError(f"{cells.name}: `--columns` and `--labels` or `--factors` both name {both[0]}; name it once")
    if len(set(reading.columns)) < len(reading.columns):
        raise DataError(f"{cells.name}: `--columns` names a column twice")
    left_out = apart | {_number_of(cells, each, "`--drop`") for each in reading.drop}
    if reading.columns:
        chosen = [_number_of(cells, each, "`--columns`") for each in reading.columns]
    else:
        chosen = list(range(cells.width))
        unnamed = next((i for i, name in enumerate(cells.names) if name), 0)
        if unnamed:
            which = "first column has no name" if unnamed == 1 else f"first {unnamed} columns have no names"
            it = "it was" if unnamed == 1 else "they were"
            cells.notes.append(f"{cells.name}: its {which}, so {it} left out as an index")
            chosen = chosen[unnamed:]
        if cells.last_is_empty() and len(chosen) > 1:
            cells.notes.append(f"{cells.name}: its last column has neither a name nor a value, so it was left out")
            chosen = chosen[:-1]
    chosen = [i for i in chosen if i not in left_out]
    if not chosen:
        raise DataError(f"{cells.name}: no column is left to train on")
    return chosen


def _number_of(cells: Cells, wanted: str, option: str) -> int:
    if cells.names:
        found = [i for i, name in enumerate(cells.names) if name == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{cells.name}: {option} needs one column named {wanted}, and {len(found)} have that name")
        shown = ", ".join(short(name) or '""' for name in cells.names[:12]) + (", .." if cells.width > 12 else "")
        near = nearest(wanted, cells.names)
        hint = f"; did you mean {short(near)}?" if near else ""
        if option == THE_MODEL:
            raise DataError(f"{cells.name} has no column {short(wanted)}, which the model needs; it has {shown}{hint}")
        raise DataError(f"{cells.name}: {option}: there is no column {wanted}; the columns are {shown}{hint}")
    if wanted.isascii() and wanted.isdigit() and int(wanted) < cells.width:
        return int(wanted)
    raise DataError(
        f"{cells.name}: the columns have no names, so {option} takes numbers from 0 to {cells.width - 1}, not {wanted}"
    )


def _index_start(values: np.ndarray) -> int | None:
    """0 or 1 if a column counts its rows from there, otherwise None."""
    for start in (0, 1):
        if len(values) >= FEWEST_COUNTED and np.array_equal(values, np.arange(start, start + len(values))):
            return start
    return None


def _by_cell(cells: Cells, chosen: Sequence[int], reading: Reading) -> np.ndarray:
    """The columns as numbers, cell by cell; a missing one is NaN."""
    also = {text.strip() for text in reading.missing}
    numbers = {number for text in also if (number := cells.word(text)) is not None}
    met = False
    made = number_list("d")
    for row, found in enumerate(cells.rows(chosen)):
        for column, cell in zip(chosen, found, strict=True):
            number = cells.word(cell)
            if number is None and str(cell).strip() not in also:
                raise DataError(what_is_no_number(cells, chosen, also, column, row, cell))
            gap = number is None or number in numbers
            met = met or gap
            made.append(float("nan") if gap or number is None else number)
    if also and not met:
        cells.notes.append(f"{cells.name}: no cell is {' or '.join(sorted(also))}, which `--missing` names")
    return np.array(made).reshape(-1, len(chosen))


def _refuse_infinity(cells: Cells, chosen: Sequence[int], values: np.ndarray) -> None:
    if np.isinf(values).any():
        row, column = np.unravel_index(np.argmax(np.isinf(values)), values.shape)
        place = f"{cells.place(int(row))}, {column_words(cells, chosen[int(column)])}"
        raise DataError(f"{cells.name}, {place}: expected a finite number, got {values[row, column]}")


def _whole_rows(cells: Cells, chosen: Sequence[int], gaps: np.ndarray, reading: Reading) -> np.ndarray:
    """Which rows (N,) have no gap, if the others may be left out."""
    whole = np.asarray(~gaps.any(axis=1))
    count, lost = int(gaps.sum()), int((~whole).sum())
    rows = counted(lost, "row")
    if reading.drop_missing:
        if not whole.any():
            raise DataError(f"{cells.name}: every row has a missing value, so `--drop-missing` would leave no rows")
        cells.notes.append(f"{cells.name}: {rows} of {len(gaps)} left out, with a missing value")
        return whole
    row, column = np.unravel_index(np.argmax(gaps), gaps.shape)
    place = f"{cells.place(int(row))}, {column_words(cells, chosen[int(column)])}"
    are = f"{counted(count, 'cell')} {'is' if count == 1 else 'are'}"
    advice = f"leave out the {rows} with one" if cells.in_memory else f"`--drop-missing` leaves out {rows}"
    raise DataError(f"{cells.name}: {are} missing, the first in {place}; {advice}")

"""Tables as people have them: delimited text, Parquet, Feather, Excel; columns chosen, gaps and an index found."""

from __future__ import annotations

import csv
import io
import re
import sys
from abc import ABC, abstractmethod
from array import array as number_list
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MinidecompError, counted
from .delimited import (
    BOOLS,
    DELIMITERS,
    SAMPLE,
    Form,
    decoded,
    first_lines,
    has_names,
    plain,
    rows_of,
    sniff,
    value,
)

TEXT_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
FRAME_ENDINGS = (".parquet", ".feather", ".xlsx")
STANDARD_INPUT = "-"
_OF_EXCEL = re.compile(r'\s*"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)')  # its own first line
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")  # fits into 64 bits
LONG = 40  # letters of a cell or a name that are shown
FEWEST_COUNTED = 4  # rows; fewer may count by chance


@dataclass(frozen=True)
class Reading:
    """How a table is to be read; what is left empty is found out.

    Attributes
    ----------
    delimiter, decimal : str
        Between cells, and before a number's fraction.
    header : bool or None
        Whether the first line has names.
    columns, drop : tuple of str
        The columns to take, in this order, and those to leave out, by name or, without names, by number from 0.
    missing : tuple of str
        Cells that stand for no value, beside the usual ones.
    drop_missing : bool
        Leave out rows with a missing value; else they are refused.
    labels, factors : tuple of str
        Columns that are given back as texts and are none of the numbers.
    model_names : tuple of str
        The columns of the model that the table is for: from a table with names these are taken, and nothing else.
    model_width : int
        How many numbers that model takes: a table of that width without names is taken whole.
    """

    delimiter: str = ""
    decimal: str = ""
    header: bool | None = None
    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    drop_missing: bool = False
    labels: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    model_names: tuple[str, ...] = ()
    model_width: int = 0


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns.

    Attributes
    ----------
    values : numpy.ndarray of shape (N, dx)
        float64.
    names : tuple of str
        The columns' names; empty where the table has none.
    notes : tuple of str
        A line for each thing that was found out, and may be wrong.
    aside : dict of str to numpy.ndarray of shape (N,)
        The texts of the columns that were set aside, by their names; numbers in their shortest form.
    rows : numpy.ndarray of shape (N,)
        Which rows of the table they are, int64 from 0: those with a gap are left out.
    total : int
        How many rows the table has.
        The texts of the columns that were set aside, by their names.
    index : numpy.ndarray of shape (N,) or None
        What tells a row from the others: the table's index, int64 where it has whole numbers alone, else texts; or the
        rows' numbers from 0, where some rows were left out. None where all rows are here and have no index.
    """

    values: np.ndarray
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    aside: dict[str, np.ndarray] = field(default_factory=dict)
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    total: int = 0
    index: np.ndarray | None = None


@dataclass
class _Cells(ABC):
    """A table before its columns are chosen: all its names, and a way to the values of some columns."""

    name: str
    names: tuple[str, ...]
    width: int
    notes: list[str] = field(default_factory=list)
    in_memory: bool = False  # then there are no options to advise

    def place(self, row: int) -> str:
        """Where a row of ``values`` stands, for a message."""
        return f"row {row} (counted from 0)"

    @abstractmethod
    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """Row after row, the cells of these columns."""

    @abstractmethod
    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """The columns as numbers (N, columns), where all cells are plain ones; None where one is not."""

    @abstractmethod
    def word(self, cell: Any) -> float | None:
        """As ``delimited.value``."""

    def index_apart(self) -> list[Any] | None:
        """The cells of an index that is none of the columns."""
        return None

    def last_is_empty(self) -> bool:
        """Whether the last column has neither a name nor a value, as where each line ends in a delimiter."""
        return not (self.names and self.names[-1]) and not any(
            str(cell).strip() for (cell,) in self.rows([self.width - 1])
        )


def ending_of(path: str | Path) -> str:
    """The ending that says what a file is: .csv, .csv.gz, .npy, in lower case."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def read_table(path: str | Path, reading: Reading | None = None) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    path : path
        A .csv or .tsv file, also as .gz; .parquet, .feather or .xlsx with pandas; ``-`` is text on standard input.
    reading : Reading, optional
        How; by default all is found out, and said in the table's notes.

    Raises
    ------
    DataError
        The file cannot be read, or it is doubtful what it means; the line says what to type.
    """
    reading = reading or Reading()
    if ending_of(path) in FRAME_ENDINGS:
        return _table(_FrameCells.read(path, reading), reading)
    return _table(_TextCells.read(path, reading), reading)


def table_of_frame(frame: Any, reading: Reading | None = None, name: str = "X") -> Table:
    """A DataFrame of pandas or polars as a table, by the same rules; pandas' index is none of its columns.

    Raises
    ------
    DataError
        A column is not of numbers, or has a gap.
    """
    cells = _FrameCells.of(frame, name)
    cells.in_memory = True
    return _table(cells, reading or Reading())


def table_names(frame: Any) -> tuple[str, ...]:
    """The names of a DataFrame's columns; none where they only count, as pandas' own do."""
    return _FrameCells.of(frame, "X").names


def read_texts(path: str | Path, count: int) -> tuple[tuple[str, ...], np.ndarray, tuple[str, ...]]:
    """The cells of a table of ``count`` rows as texts, whether they are numbers or words.

    How many rows there are tells whether the first line of text has names. A first column without a name is an index.

    Returns
    -------
    names : tuple of str
        The columns'; empty where there are none.
    texts : numpy.ndarray of shape (count, columns)
    notes : tuple of str
        A line for each thing that was found out, and may be wrong.

    Raises
    ------
    DataError
        The file cannot be read, or has another number of rows.
    """
    is_frame = ending_of(path) in FRAME_ENDINGS
    cells = (_FrameCells if is_frame else _TextCells).read(path, Reading(header=None if is_frame else False))
    texts = _texts(cells, range(cells.width))
    names = cells.names
    if not is_frame and len(texts) == count + 1:
        names, texts = _names(texts[0].tolist()), texts[1:]
    if len(texts) != count:
        rows = counted(len(texts), "row")
        raise DataError(f"{path}: has {rows}; a row for each of the {counted(count, 'row')} of the data is needed")
    if names and names[0] == "" and len(names) > 1:
        names, texts = names[1:], texts[:, 1:]
    return names, texts, tuple(cells.notes)


# ---- columns, gaps, words: the same for each kind of table ----


def _table(cells: _Cells, reading: Reading) -> Table:
    apart = {name: _number_of(cells, name, option) for option, name in _set_aside(cells, reading)}
    chosen = _choose(cells, reading, set(apart.values()))
    values = cells.values(chosen)
    if values is None or reading.missing:
        values = _by_cell(cells, chosen, reading)
    aside = dict(zip(apart, _texts(cells, list(apart.values())).T, strict=True)) if apart else {}
    if not len(values):
        raise DataError(f"{cells.name}: has no rows below {', '.join(map(_short, cells.names[:3]))}; points are needed")
    for_a_model = reading.model_width == len(chosen)
    may_count = not (reading.columns or for_a_model) and len(chosen) > 1
    start = _index_start(values[:, 0]) if may_count else None  # asked before rows are left out, which break the count
    gaps, rows = np.isnan(values), np.arange(len(values))
    if gaps.any():
        whole = _whole_rows(cells, chosen, gaps, reading)
        values, rows = values[whole], rows[whole]
        aside = {name: column[whole] for name, column in aside.items()}
    if may_count and start is None:
        start = _index_start(values[:, 0])
    index: np.ndarray | None
    if start is not None:
        what = f"its first column{_called(cells, chosen[0])} counts the rows from {start}"
        cells.notes.append(f"{cells.name}: {what}, so it was left out as an index; --columns takes it all the same")
        index, values, chosen = values[:, 0].astype(np.int64), values[:, 1:], chosen[1:]
    else:
        index = _index(cells, {*chosen, *apart.values()}, rows, len(gaps))
    names = tuple(cells.names[i] for i in chosen) if cells.names else ()
    return Table(np.ascontiguousarray(values), names, tuple(cells.notes), aside, rows, len(gaps), index)


def _index(cells: _Cells, taken: set[int], rows: np.ndarray, total: int) -> np.ndarray | None:
    """The index of ``rows`` of ``total``: one apart, a first column that is one, or numbers if some are left out."""
    found = cells.index_apart()
    if found is None and cells.width > 1 and 0 not in taken:
        first = (cell for (cell,) in cells.rows([0]))
        found = list(first) if cells.names and cells.names[0] == "" else _counting(first, cells)
    if found is not None:
        return _index_of_cells(found)[rows]
    return rows if len(rows) < total else None


def _counting(column: Iterable[Any], cells: _Cells) -> list[int] | None:
    """The whole numbers of a column that counts the rows from 0 or 1; None as soon as it does not."""
    numbers: list[int] = []
    for cell in column:
        number = cells.word(cell)
        if number is None or not (number == numbers[-1] + 1 if numbers else number in (0, 1)):
            return None
        numbers.append(int(number))
    return numbers if len(numbers) >= FEWEST_COUNTED else None


def _index_of_cells(cells: Sequence[Any]) -> np.ndarray:
    """Cells as int64 where each is a whole number as Python writes it, or a float of Excel's; else as texts."""
    if all(isinstance(cell, float) and cell.is_integer() for cell in cells):
        cells = [int(cell) for cell in cells]
    texts = [str(cell).strip() for cell in cells]
    if all(map(_WHOLE.fullmatch, texts)):
        return np.array(texts, object).astype(np.int64)
    return np.array(texts, object)


def _set_aside(cells: _Cells, reading: Reading) -> Iterator[tuple[str, str]]:
    """The option and the column for each that is set aside; a table for a model need not have them."""
    for option, columns in (("--labels", reading.labels), ("--factors", reading.factors)):
        for name in columns:
            known = cells.names or (map(str, range(cells.width)) if cells.width > reading.model_width else ())
            if not reading.model_width or name in known:
                yield option, name


def _texts(cells: _Cells, columns: Sequence[int]) -> np.ndarray:
    """The cells of some columns as texts (N, columns)."""

    def text(cell: Any) -> str:
        number, shown = cells.word(cell), str(cell).strip()
        return shown if number is None or shown.lower() in BOOLS else plain(number) if number == number else ""

    return np.array([[text(cell) for cell in row] for row in cells.rows(columns)], str).reshape(-1, len(columns))


def _choose(cells: _Cells, reading: Reading, apart: set[int]) -> list[int]:
    """The numbers of the columns that are taken, in their order."""
    if reading.model_names and cells.names == reading.model_names:
        return list(range(cells.width))
    if reading.model_names and cells.names:
        return [_number_of(cells, each, "the model") for each in reading.model_names]
    if reading.model_width == cells.width and not cells.names and not reading.columns:
        if reading.model_names:
            order = ", ".join(map(_short, reading.model_names[:12]))
            cells.notes.append(f"{cells.name}: has no names; its columns are taken in the model's order, {order}")
        return list(range(cells.width))
    left_out = apart | {_number_of(cells, each, "--drop") for each in reading.drop}
    if reading.columns:
        chosen = [_number_of(cells, each, "--columns") for each in reading.columns]
    else:
        chosen = list(range(cells.width))
        if cells.names and cells.names[0] == "" and cells.width > 1:
            cells.notes.append(f"{cells.name}: its first column has no name, so it was left out as an index")
            chosen = chosen[1:]
        if cells.last_is_empty() and len(chosen) > 1:
            cells.notes.append(f"{cells.name}: its last column has neither a name nor a value, so it was left out")
            chosen = chosen[:-1]
    chosen = [i for i in chosen if i not in left_out]
    if not chosen:
        raise DataError(f"{cells.name}: no column is left; at least one is needed")
    return chosen


def _number_of(cells: _Cells, wanted: str, option: str) -> int:
    if cells.names:
        found = [i for i, name in enumerate(cells.names) if name == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{cells.name}: {option} needs one column named {wanted}; {len(found)} have that name")
        shown = ", ".join(map(_short, cells.names[:12])) + (", .." if cells.width > 12 else "")
        raise DataError(f"{cells.name}: {option} needs names of columns; there is no {wanted}, but {shown}")
    if wanted.isascii() and wanted.isdigit() and int(wanted) < cells.width:
        return int(wanted)
    raise DataError(
        f"{cells.name}: has no names, so {option} takes numbers of columns from 0 to {cells.width - 1}, not {wanted}"
    )


def _called(cells: _Cells, column: int) -> str:
    return f", {_short(cells.names[column])}," if cells.names else ""


def _short(name: str) -> str:
    return name if len(name) <= LONG else name[:LONG] + ".."


def _column(cells: _Cells, column: int) -> str:
    return f"column {_short(cells.names[column])}" if cells.names else f"column {column} (counted from 0)"


def _index_start(values: np.ndarray) -> int | None:
    """0 or 1 if a column counts its rows from there, else None."""
    for start in (0, 1):
        if len(values) >= FEWEST_COUNTED and np.array_equal(values, np.arange(start, start + len(values))):
            return start
    return None


def _by_cell(cells: _Cells, chosen: Sequence[int], reading: Reading) -> np.ndarray:
    """The columns as numbers, a cell at a time; a missing one is NaN."""
    also = {text.strip() for text in reading.missing}
    numbers = {number for text in also if (number := cells.word(text)) is not None}
    met = False
    made = number_list("d")
    for row, found in enumerate(cells.rows(chosen)):
        for column, cell in zip(chosen, found, strict=True):
            number = cells.word(cell)
            if number is None and str(cell).strip() not in also:
                _refuse_word(cells, column, row, str(cell))
            gap = number is None or number in numbers
            met = met or gap
            made.append(float("nan") if gap or number is None else number)
    if also and not met:
        cells.notes.append(f"{cells.name}: no cell is {' or '.join(sorted(also))}, which --missing names")
    return np.array(made).reshape(-1, len(chosen))


def _refuse_word(cells: _Cells, column: int, row: int, cell: str) -> None:
    known = _short(cells.names[column]) if cells.names else str(column)
    advice = f"--drop {known} leaves the column out, --labels {known} takes it as classes"
    raise DataError(
        f"{cells.name}, {cells.place(row)}, {_column(cells, column)}: a number is needed, not {cell.strip()[:LONG]!r}; "
        f"{'give only columns of numbers' if cells.in_memory else advice}"
    )


def _whole_rows(cells: _Cells, chosen: Sequence[int], gaps: np.ndarray, reading: Reading) -> np.ndarray:
    """Which rows (N,) have no gap, if the others may be left out."""
    whole = np.asarray(~gaps.any(axis=1))
    count, lost = int(gaps.sum()), int((~whole).sum())
    rows = counted(lost, "row")
    if reading.drop_missing:
        if not whole.any():
            raise DataError(f"{cells.name}: every row has a missing value; --drop-missing leaves nothing")
        cells.notes.append(f"{cells.name}: {rows} of {len(gaps)} left out, with a missing value")
        return whole
    row, column = np.unravel_index(np.argmax(gaps), gaps.shape)
    place = f"{cells.place(int(row))}, {_column(cells, chosen[int(column)])}"
    are = f"{counted(count, 'cell')} {'is' if count == 1 else 'are'}"
    advice = f"leave out the {rows} with one" if cells.in_memory else f"--drop-missing leaves out {rows}"
    raise DataError(f"{cells.name}: {are} missing, the first in {place}; {advice}")


# ---- delimited text ----


@dataclass
class _TextCells(_Cells):
    body: list[str] = field(default_factory=list)
    form: Form = field(default_factory=Form)
    first_line: int = 1

    @classmethod
    def read(cls, path: str | Path, reading: Reading) -> _TextCells:
        """The text's form and names; its cells are parsed when their columns are chosen."""
        if str(path) == STANDARD_INPUT:
            name, data = "standard input", _standard_input()
        else:
            name, data = str(path), Path(path).read_bytes()
        text, notes = decoded(data, name)
        sample = first_lines(text)
        if not sample:
            raise DataError(f"{name}: is empty; a table of numbers is needed")
        tab = ending_of(path).startswith(".tsv")
        delimiter = reading.delimiter
        if mark := _OF_EXCEL.match(text):
            delimiter, text = delimiter or mark[1], text[mark.end() :]
            sample = first_lines(text) or [""]
        form = sniff(sample, Form(delimiter, reading.decimal), tab)
        found = []
        if not delimiter and form.delimiter != ("\t" if tab else ","):
            found.append(f"{DELIMITERS[form.delimiter]}s between cells")
        if not reading.decimal and form.decimal == ",":
            found.append("a decimal comma")
        if found:
            notes.append(f"{name}: was read with {' and '.join(found)}; --delimiter and --decimal say it otherwise")
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=form.delimiter)
        rows = rows_of(sample, form.delimiter)
        header, said = _header(reading, rows, form.decimal, name)
        notes += said
        names: tuple[str, ...] = ()
        if header:
            names = _names(next(row for row in reader if row))
        first = reader.line_num + 1 if header else 1
        return cls(name, names, len(rows[0]), notes, body=list(lines), form=form, first_line=first)

    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """As NumPy reads them, some ten times faster than cell by cell; None if it finds one that is no number."""
        body = self.body
        if self.form.decimal != ".":
            if any("." in line for line in body):
                return None
            body = [line.replace(self.form.decimal, ".") for line in body]
        if self.width != len(next(iter(rows_of(body[:1], self.form.delimiter)), [])):
            return None
        if self.width == 1 and any(not line.strip() for line in "".join(body).rstrip().splitlines()):
            return None
        try:
            # Without usecols NumPy checks that every row is as long as the first.
            read = np.loadtxt(body, np.float64, None, self.form.delimiter, ndmin=2, quotechar='"')
        except ValueError:
            return None if len(columns) == self.width else self._some_values(body, columns)
        return read[:, list(columns)]

    def _some_values(self, body: Sequence[str], columns: Sequence[int]) -> np.ndarray | None:
        """Of rows that are as long as the first, a few columns."""
        if any(len(row) != self.width for row in csv.reader(body, delimiter=self.form.delimiter) if row):
            return None
        try:
            return np.loadtxt(body, np.float64, None, self.form.delimiter, usecols=columns, ndmin=2, quotechar='"')
        except ValueError:
            return None

    def _each_row(self) -> Iterator[tuple[int, list[str]]]:
        """The rows with their lines in the file, but for those without any value at its end; blank lines are no rows.

        In a table of one column a blank line is a row, which has a gap.
        """
        reader = csv.reader(self.body, delimiter=self.form.delimiter)
        empty: list[tuple[int, list[str]]] = []
        for row in reader:
            if not row and self.width > 1:
                continue
            line = reader.line_num + self.first_line - 1
            row = row or [""]
            if len(row) == self.width and not any(cell.strip() for cell in row):
                empty.append((line, row))
                continue
            yield from empty
            empty.clear()
            if len(row) != self.width:
                needed = f"{self.width} cells are needed, as in the first line, not {len(row)}"
                raise DataError(f"{self.name}, line {line}: {needed}")
            yield line, row

    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """Row after row, the cells of these columns."""
        return ([row[i] for i in columns] for _, row in self._each_row())

    def word(self, cell: Any) -> float | None:
        """As ``delimited.value``."""
        return value(cell, self.form.decimal)

    def place(self, row: int) -> str:
        """The line of the file."""
        line, _ = next(islice(self._each_row(), row, None))
        return f"line {line}"


def _header(reading: Reading, rows: list[list[str]], decimal: str, name: str) -> tuple[bool, list[str]]:
    """Whether the first of the rows has names, and a line on it where it was found out.

    Raises
    ------
    DataError
        Nobody can tell.
    """
    if reading.header is not None:
        return reading.header, []
    header, said = has_names(rows, decimal)
    if header is None:
        shown = ",".join(rows[0])[:LONG]
        raise DataError(f"{name}: the first line, {shown}, may be names or a point; type --header or --no-header")
    return header, [f"{name}: {said}; --no-header says that it is a point"] if said else []


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input is a terminal; pipe a table into it, or give a file by --data")
    return sys.stdin.buffer.read()


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """A header's cells as names; NumPy's savetxt begins it with a # ."""
    names = [cell.strip() for cell in cells]
    names[0] = names[0].removeprefix("#").strip()
    return tuple(names)


# ---- frames of pandas and polars, and the files that pandas reads ----


@dataclass
class _FrameCells(_Cells):
    frame: Any = None

    @classmethod
    def read(cls, path: str | Path, reading: Reading) -> _FrameCells:
        """A file that pandas reads; of a spreadsheet the first sheet, whose first row may have names.

        Raises
        ------
        DataError
            pandas, or what it needs for the file, is missing or broken, or the file is damaged.
        """
        ending = ending_of(path)
        reader = {".parquet": "read_parquet", ".feather": "read_feather"}.get(ending, "")
        try:
            pandas = import_module("pandas")
            if ending == ".xlsx":
                return cls._of_sheet(pandas.read_excel(path, header=None, sheet_name=None), str(path), reading)
            return cls.of(getattr(pandas, reader)(path), str(path))
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except ImportError as error:
            raise DataError(
                f"{path}: reading {ending} needs pandas and what it reads that with ({error.name or error}); "
                "pip install 'minidecomp[tables]'"
            ) from None
        except MinidecompError:
            raise
        except Exception as error:  # pandas and its readers raise nearly anything for a damaged file
            told = " ".join(str(error).split())[:200]
            raise DataError(f"{path}: a whole {ending} file is needed; pandas says: {told}") from None

    @classmethod
    def _of_sheet(cls, sheets: dict[str, Any], name: str, reading: Reading) -> _FrameCells:
        """The first sheet, without empty rows above and below its values."""
        title, frame = next(iter(sheets.items()))
        full = np.flatnonzero(frame.notna().any(axis=1).to_numpy())
        if not len(full):
            raise DataError(f"{name}: its first sheet, {title}, is empty; a table of numbers is needed")
        frame = frame.iloc[full[0] : full[-1] + 1]
        shown = [["" if cell != cell else str(cell) for cell in row] for row in frame.head(SAMPLE).to_numpy().tolist()]
        header, said = _header(reading, shown, ".", name)
        made = cls.of(frame.iloc[int(header) :].infer_objects().reset_index(drop=True), name)
        made.names = _names(shown[0]) if header else ()
        made.notes += said
        if len(sheets) > 1:
            made.notes.append(f"{name}: the first of {len(sheets)} sheets, {title}, was read")
        return made

    @classmethod
    def of(cls, frame: Any, name: str) -> _FrameCells:
        """A frame with its columns' names; those of pandas that only count count as none."""
        names = [str(column) for column in frame.columns]
        if names == [str(i) for i in range(len(names))]:
            names = []
        elif names and names[0].startswith("Unnamed: 0"):  # read_excel's word for an empty cell
            names[0] = ""
        return cls(name, tuple(names), len(frame.columns), frame=frame)

    def index_apart(self) -> list[Any] | None:
        """The index of pandas, unless it only numbers the rows from 0."""
        index = getattr(self.frame, "index", None)
        if index is None or (type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)):
            return None
        return list(index)

    def _series(self, column: int) -> Any:
        frame = self.frame
        return frame.iloc[:, column] if hasattr(frame, "iloc") else frame[frame.columns[column]]

    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """Columns whose dtype is of plain numbers; None if one is not."""
        made = []
        for column in columns:
            array = np.asarray(self._series(column).to_numpy())
            if array.dtype.kind not in "biuf":
                return None
            made.append(array.astype(np.float64))
        return np.stack(made, axis=1)

    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """Row after row, the cells of these columns."""
        return zip(*(list(self._series(i)) for i in columns), strict=True)

    def word(self, cell: Any) -> float | None:
        """A number for a number, NaN for a gap; texts as in delimited text; None for all else, as a date."""
        if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
            return float("nan")
        if isinstance(cell, str):
            return value(cell)
        if isinstance(cell, bool | int | float | np.bool_ | np.integer | np.floating):
            return float(cell)
        return None

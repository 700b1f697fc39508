"""The cells of a table before columns are chosen: how to read them, and what each kind of table provides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, is_text
from .delimited import has_names

TEXT_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt", ".dat", ".data")
FRAME_ENDINGS = (".parquet", ".feather", ".xlsx")
STANDARD_INPUT = "-"
LONGEST = 1000  # letters of a label
LONG = 40  # letters of a cell or a name that are shown


@dataclass(frozen=True)
class Reading:
    """How to read a table. Everything that is left empty is detected.

    Attributes
    ----------
    delimiter, decimal : str
        Separator of the cells, and decimal mark of the numbers.
    header : bool or None
        Whether the first line has names.
    columns, drop : tuple of str
        Columns to keep, in this order, and columns to leave out: by name, or by number from 0 if there are no names.
    missing : tuple of str
        Cells that mark a missing value, besides the usual ones.
    drop_missing : bool
        Leave out rows with a missing value; otherwise the table is refused.
    labels, factors : tuple of str
        Columns that are returned as texts and are not among the numbers.
    if_there : bool
        Whether to ignore those that the table does not have; otherwise the table is refused.
    model_names : tuple of str
        Columns of the model that the table is for. From a table with names, only these are used.
    model_width : int
        Number of values that the model takes. A table of that width without names is used as a whole.
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
    if_there: bool = False
    model_names: tuple[str, ...] = ()
    model_width: int = 0


@dataclass
class Cells(ABC):
    """A table before its columns are chosen: all its names, and access to the values of columns."""

    name: str
    names: tuple[str, ...]
    width: int
    notes: list[str] = field(default_factory=list)
    in_memory: bool = False  # then there are no options to suggest

    def place(self, row: int) -> str:
        """Where a row of ``values`` is, for a message."""
        return f"row {row} (counted from 0)"

    @abstractmethod
    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """The cells of these columns, row by row."""

    @abstractmethod
    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """The columns as numbers (N, columns), if all cells are plain numbers; otherwise None."""

    @abstractmethod
    def word(self, cell: Any) -> float | None:
        """As ``delimited.value``."""

    def point_for(self, number: str) -> str:
        """The text of a number, with a decimal point."""
        return number

    def index_apart(self) -> list[Any] | None:
        """The cells of an index that is not one of the columns."""
        return None

    def last_is_empty(self) -> bool:
        """Whether the last column has neither a name nor a value, as happens if each line ends with a delimiter."""
        return not (self.names and self.names[-1]) and not any(
            str(cell).strip() for (cell,) in self.rows([self.width - 1])
        )


def ending_of(path: str | Path) -> str:
    """The ending that says what a file is: .csv, .csv.gz, .npy, in lower case."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def text_array(rows: list[list[str]], name: str) -> np.ndarray:
    """Texts (N, columns) of labels and factors.

    Raises
    ------
    DataError
        A text is not UTF-8, or is far too long.
    """
    for row in rows:
        for text in row:
            if len(text) > LONGEST or not is_text(text):
                what = f"{len(text)} letters" if len(text) > LONGEST else "letters that are no UTF-8"
                raise DataError(f"{name}: texts can have at most {LONGEST} letters; {text[:LONG]!r} has {what}")
    return np.array(rows, str)


def called(cells: Cells, column: int) -> str:
    """A column's name inside a sentence, between commas; empty if there are no names."""
    return f", {short(cells.names[column])}," if cells.names else ""


def short(name: str) -> str:
    """The first letters of a name."""
    return name if len(name) <= LONG else name[:LONG] + ".."


def column_words(cells: Cells, column: int) -> str:
    """A column by its name, or by its number if it has none."""
    return f"column {short(cells.names[column])}" if cells.names else f"column {column} (counted from 0)"


def find_header(reading: Reading, rows: list[list[str]], decimal: str, name: str) -> tuple[bool, list[str]]:
    """Whether the first row has names, and a line about it if that was detected.

    Raises
    ------
    DataError
        This cannot be decided.
    """
    if reading.header is not None:
        return reading.header, []
    header, said = has_names(rows, decimal)
    if header is None:
        shown = ",".join(rows[0])[:LONG]
        raise DataError(f"{name}: the first line, {shown}, may be names or a point; say `--header` or `--no-header`")
    return header, [f"{name}: {said}; `--no-header` says that it is a point"] if said else []


def header_names(cells: Sequence[str], table: str) -> tuple[str, ...]:
    """A header's cells as names; NumPy's savetxt begins it with a # .

    Raises
    ------
    DataError
        At least half of them are empty, as happens if there is a title above the table.
    """
    names = [cell.strip() for cell in cells]
    names[0] = names[0].removeprefix("#").strip()
    if len(names) > 2 and names[1:].count("") >= len(names) / 2:
        raise DataError(
            f"{table}: its first line, {short(','.join(filter(None, names)))}, has names for "
            f"{len(names) - names.count('')} of {len(names)} columns; if the line is a title, delete it"
        )
    return tuple(names)

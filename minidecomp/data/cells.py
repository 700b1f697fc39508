"""A table's cells before columns are chosen: how they are to be read, what each kind of table has, and their names."""

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
    if_there : bool
        Whether those that the table does not have are passed over; else they are refused.
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
    if_there: bool = False
    model_names: tuple[str, ...] = ()
    model_width: int = 0


@dataclass
class Cells(ABC):
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

    def point_for(self, number: str) -> str:
        """A number's text, with a point before its fraction."""
        return number

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


def text_array(rows: list[list[str]], name: str) -> np.ndarray:
    """Texts (N, columns) of labels and factors.

    Raises
    ------
    DataError
        One is no UTF-8, or far too long.
    """
    for row in rows:
        for text in row:
            if len(text) > LONGEST or not is_text(text):
                what = f"{len(text)} letters" if len(text) > LONGEST else "letters that are no UTF-8"
                raise DataError(f"{name}: texts can have at most {LONGEST} letters; {text[:LONG]!r} has {what}")
    return np.array(rows, str)


def called(cells: Cells, column: int) -> str:
    """A column's name within a sentence, between commas; empty without names."""
    return f", {short(cells.names[column])}," if cells.names else ""


def short(name: str) -> str:
    """The first letters of a name."""
    return name if len(name) <= LONG else name[:LONG] + ".."


def column_words(cells: Cells, column: int) -> str:
    """A column by its name or else by its number."""
    return f"column {short(cells.names[column])}" if cells.names else f"column {column} (counted from 0)"


def find_header(reading: Reading, rows: list[list[str]], decimal: str, name: str) -> tuple[bool, list[str]]:
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
        raise DataError(f"{name}: the first line, {shown}, may be names or a point; say --header or --no-header")
    return header, [f"{name}: {said}; --no-header says that it is a point"] if said else []


def header_names(cells: Sequence[str], table: str) -> tuple[str, ...]:
    """A header's cells as names; NumPy's savetxt begins it with a # .

    Raises
    ------
    DataError
        Half of them or more are empty, as where a title stands above the table.
    """
    names = [cell.strip() for cell in cells]
    names[0] = names[0].removeprefix("#").strip()
    if len(names) > 2 and names[1:].count("") >= len(names) / 2:
        raise DataError(
            f"{table}: its first line, {short(','.join(filter(None, names)))}, has names for "
            f"{len(names) - names.count('')} of {len(names)} columns; if the line is a title, delete it"
        )
    return tuple(names)

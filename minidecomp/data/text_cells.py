"""The cells of delimited text."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from .cells import STANDARD_INPUT, Cells, Reading, ending_of, find_header, header_names
from .delimited import DELIMITERS, Form, decoded, first_lines, rows_of, sniff, value

_OF_EXCEL = re.compile(r'\s*"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)')  # its own first line


@dataclass
class TextCells(Cells):
    """The cells of lines of text, which are parsed when their columns are chosen.

    Attributes
    ----------
    body : list of str
        The lines below the names.
    form : Form
        How cells are separated, and what stands before a fraction.
    first_line : int
        The number in the file of the body's first line, from 1.
    """

    body: list[str] = field(default_factory=list)
    form: Form = field(default_factory=Form)
    first_line: int = 1

    @classmethod
    def read(cls, path: str | Path, reading: Reading) -> TextCells:
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
        header, said = find_header(reading, rows, form.decimal, name)
        notes += said
        names: tuple[str, ...] = ()
        if header:
            names = header_names(next(row for row in reader if row))
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


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input is a terminal; pipe a table into it, or give a file by --data")
    return sys.stdin.buffer.read()

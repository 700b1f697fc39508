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

from ..errors import DataError, counted
from .cells import STANDARD_INPUT, Cells, Reading, ending_of, find_header, header_names
from .delimited import (
    DELIMITERS,
    Form,
    decoded,
    first_lines,
    has_a_name_less,
    rows_of,
    sniff,
    value,
    without_comments,
    without_runs_of_blanks,
)

_OF_EXCEL = re.compile(r'\s*"?sep=(.)"?[ \t]*(?:\r\n|\r|\n)')  # its own first line


@dataclass
class TextCells(Cells):
    """The cells of lines of text, parsed when their columns are chosen.

    Attributes
    ----------
    body : list of str
        The lines below the names.
    form : Form
        The delimiter and the decimal mark.
    first_line : int
        Number of the body's first line in the file, from 1.
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
        if not first_lines(text):
            raise DataError(f"{name}: the file is empty; expected a table of numbers")
        text, above = without_comments(text)
        if above:
            notes.append(f"{name}: its first {counted(above, 'line')} with # left out, as comments")
        tab = ending_of(path).startswith(".tsv")
        delimiter = reading.delimiter
        if mark := _OF_EXCEL.match(text):
            delimiter, text = delimiter or mark[1], text[mark.end() :]
        text, form, found = _in_form(text, Form(delimiter, reading.decimal), tab)
        if found:
            notes.append(f"{name}: was read with {' and '.join(found)}; change that with `--delimiter` and `--decimal`")
        rows = rows_of(first_lines(text) or [""], form.delimiter)
        _refuse_lines_above(rows, name)
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=form.delimiter)
        short = has_a_name_less(rows) and reading.header is not False
        header, said = (True, []) if short else find_header(reading, rows, form.decimal, name)
        notes += said
        names: tuple[str, ...] = ()
        if header:
            names = header_names(next(row for row in reader if row), name)
        if short:  # R's names stand above all columns but that of the rows; or each row ends in a delimiter
            names = (*names, "") if not any(row[-1].strip() for row in rows[1:]) else ("", *names)
        first = reader.line_num + 1 if header else 1
        width = len(rows[0]) + short
        return cls(name, names, width, notes, body=list(lines), form=form, first_line=first + above)

    def values(self, columns: Sequence[int]) -> np.ndarray | None:
        """The columns read by NumPy, about ten times faster than cell by cell; None if a cell is not a number."""
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
        """A few columns of rows that are as long as the first."""
        if any(len(row) != self.width for row in csv.reader(body, delimiter=self.form.delimiter) if row):
            return None
        try:
            return np.loadtxt(body, np.float64, None, self.form.delimiter, usecols=columns, ndmin=2, quotechar='"')
        except ValueError:
            return None

    def _each_row(self) -> Iterator[tuple[int, list[str]]]:
        """The rows with their lines in the file, except rows without any value at its end; blank lines are not rows.

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
                needed = f"expected {counted(self.width, 'cell')}, as in the first line, got {len(row)}"
                raise DataError(f"{self.name}, line {line}: {needed}")
            yield line, row

    def rows(self, columns: Sequence[int]) -> Iterator[Sequence[Any]]:
        """The cells of these columns, row by row."""
        return ([row[i] for i in columns] for _, row in self._each_row())

    def word(self, cell: Any) -> float | None:
        """As ``delimited.value``."""
        return value(cell, self.form.decimal)

    def point_for(self, number: str) -> str:
        """The text of a number, with a decimal point."""
        return number.replace(self.form.decimal, ".")

    def place(self, row: int) -> str:
        """The line of the file."""
        line, _ = next(islice(self._each_row(), row, None))
        return f"line {line}"


def _in_form(text: str, given: Form, tab_first: bool) -> tuple[str, Form, list[str]]:
    """The text with tabs instead of blanks between its cells, its form, and what is unusual about it."""
    sample = first_lines(text) or [""]
    form, fits = sniff(sample, given, tab_first)
    found = []
    blanks = given.delimiter == " "
    if not given.delimiter and not fits:
        spaced = first_lines(without_runs_of_blanks("".join(sample))) or [""]
        blanks = "\t" in spaced[-1] and sniff(spaced, given._replace(delimiter="\t")).fits
        if blanks:
            found.append("blanks between cells")
    if blanks:
        text = without_runs_of_blanks(text)
        form = sniff(first_lines(text) or [""], given._replace(delimiter="\t")).form
    elif not given.delimiter and form.delimiter in set("".join(sample)) - {"\t" if tab_first else ","}:
        found.append(f"{DELIMITERS[form.delimiter]}s between cells")
    if not given.decimal and form.decimal == ",":
        found.append("a decimal comma")
    return text, form, found


def _refuse_lines_above(rows: list[list[str]], name: str) -> None:
    """Raise DataError if a title seems to stand above the table: most rows have one width, the first are shorter."""
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=widths.count)
    first = widths.index(usual)
    if first > 0 and max(widths[:first]) < usual - (first == 1) and widths.count(usual) >= 0.8 * len(widths[first:]):
        shown = ", ".join(cell.strip() for cell in rows[first][:3])
        raise DataError(
            f"{name}: the table seems to begin with {shown}, .., the first of its lines with {counted(usual, 'cell')}; "
            "delete the lines above"
        )


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise DataError("standard input is a terminal; pipe a table into it, or give a file with `--data`")
    return sys.stdin.buffer.read()

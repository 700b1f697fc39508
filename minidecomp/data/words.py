"""Advice for a table with words in place of numbers."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any

from ..errors import marked
from .cells import LONG, Cells, column_words

MOST_ROWS = 10_000  # that are looked at
MOST_MARKS = 5


def what_is_no_number(cells: Cells, chosen: Sequence[int], missing: set[str], column: int, row: int, cell: Any) -> str:
    """The line about the first cell that is not a number, and about similar cells in the columns.

    A column that has mostly words should be left out, or used as labels. A few words in a column of numbers
    mark missing values. Words in the first row alone belong to the names.

    Parameters
    ----------
    cells : Cells
    chosen : sequence of int
        The columns that must have numbers.
    missing : set of str
        Words that mark a missing value.
    column, row : int
        Where the cell is.
    cell : object
    """
    line = (
        f"{cells.name}, {cells.place(row)}, {column_words(cells, column)}: expected a number, got "
        f"{str(cell).strip()[:LONG]!r}; "
    )
    words: dict[int, Counter[str]] = {each: Counter() for each in chosen}
    first_row: set[int] = set()
    count = 0
    for values in islice(cells.rows(chosen), MOST_ROWS):
        for each, value in zip(chosen, values, strict=True):
            text = str(value).strip()
            if cells.word(value) is None and text not in missing:
                words[each][text[:LONG]] += 1
                if count == 0:
                    first_row.add(each)
        count += 1
    with_words = {each: found for each, found in words.items() if found}
    if (
        count > 2
        and len(first_row) > 1
        and all(found.total() == 1 and each in first_row for each, found in with_words.items())
    ):
        return line + "the line has only words, as if it belonged to the names; delete it"
    texts = [each for each, found in with_words.items() if found.total() > count / 2]
    advice = []
    if texts:
        advice.append(_about_columns(cells, texts, with_words, count))
    marks = Counter[str]()
    for each, found in with_words.items():
        if each not in texts:
            marks.update(found)
    if marks and len(marks) <= MOST_MARKS and not cells.in_memory:
        them = "it" if len(marks) == 1 else "them"
        advice.append(f"{_marked('missing', list(marks))} marks {them} as missing")
    elif marks:
        advice.append("give only numbers, without units and marks between digits")
    return line + " and ".join(advice)


def _about_columns(cells: Cells, texts: list[int], words: dict[int, Counter[str]], rows: int) -> str:
    """How to leave out columns of words, and which of them can be labels: those with words that rows share."""
    if cells.in_memory:
        return "give only columns of numbers"
    names = [cells.names[each] if cells.names else str(each) for each in texts]
    shared = [name for name, each in zip(names, texts, strict=True) if len(words[each]) <= words[each].total() / 2]
    drop = f"{_marked('drop', names)} leaves the column{'s' if len(names) > 1 else ''} out"
    if not shared:
        return drop
    what = "it" if len(names) == 1 else "one"
    return f"{drop}, {marked('labels', shlex.quote(shared[0]))} uses {what} as classes"


def _marked(option: str, names: list[str]) -> str:
    return marked(option, shlex.quote(_listed(names)))


def _listed(names: list[str]) -> str:
    """Names separated by commas; a name with a comma is in quotes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()

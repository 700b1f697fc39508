"""Delimited text: its encoding, delimiter and decimal mark, and whether its first line has names."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from ..errors import DataError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
SAMPLE = 200  # lines that are read to detect the form

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
# What pandas reads as missing, and the empty cell.
MISSING = frozenset(
    [
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)
BOOLS = {"true": 1.0, "false": 0.0}


class Form(NamedTuple):
    """The delimiter of the cells, and the decimal mark of the numbers."""

    delimiter: str = ","
    decimal: str = "."


def decoded(data: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a file's bytes, and a line for each guess that may be wrong.

    gzip is unpacked. A byte order mark tells UTF-16 from UTF-8. What is not UTF-8 is read as Latin-1, with a note.

    Raises
    ------
    DataError
        The bytes are damaged, or are not text.
    """
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: the gzip file is incomplete or damaged ({error})") from None
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16"), []
        text, notes = data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        if error.encoding != "utf-8":
            raise DataError(f"{name}: the UTF-16 text is incomplete or damaged ({error.reason})") from None
        text, notes = data.decode("latin-1"), [f"{name}: is no UTF-8 text; it was read as Latin-1"]
    if "\0" in text[:10_000]:
        raise DataError(f"{name}: this is not text, as it has zero bytes; expected a table of numbers")
    return text, notes


def value(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell, 1 and 0 for true and false, NaN where it is missing; None if it is a word."""
    cell = cell.strip()
    if decimal != ".":
        cell = cell.replace(".", "\0").replace(decimal, ".")  # then a point is not a decimal mark
    if _NUMBER.fullmatch(cell) or _INFINITY.fullmatch(cell):
        return float(cell)
    return float("nan") if cell in MISSING else BOOLS.get(cell.lower())


def plain(number: float) -> str:
    """A number as the shortest text that ``value`` reads back; a whole number without a point."""
    return str(int(number)) if number == number // 1 and abs(number) < 1e15 else repr(float(number))


def _as_many_cells(names: str, line: str) -> bool:
    """Whether two lines have equally many cells, split by the delimiter that gives the second one most cells."""
    marks: tuple[str | None, ...] = (",", ";", "\t", "|", None)
    most = max(marks, key=lambda mark: len(line.split(mark)))
    return len(names.split(most)) == len(line.split(most)) and (len(line.split(most)) > 1 or len(names.split()) == 1)


def rows_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The cells of each line that is not blank."""
    return [row for row in csv.reader(lines, delimiter=delimiter) if row]


def without_runs_of_blanks(text: str) -> str:
    """Text with blanks between its cells, with each run of blanks replaced by a tab."""
    if '"' not in text:
        return "\n".join("\t".join(line.split()) for line in io.StringIO(text)) + "\n"
    made = io.StringIO()
    lines = (line.replace("\t", " ").strip() for line in io.StringIO(text))
    writer = csv.writer(made, delimiter="\t", lineterminator="\n")
    writer.writerows(csv.reader(lines, delimiter=" ", skipinitialspace=True))
    return made.getvalue()


def without_comments(text: str) -> tuple[str, int]:
    """The text without its first lines that begin with #, and their number; a # before names stays.

    NumPy's savetxt writes names in such a line: the line just above the numbers, with as many cells.
    """
    lines = io.StringIO(text, newline="")
    comments: list[str] = []
    for line in lines:
        if not line.lstrip().startswith("#"):
            break
        comments.append(line)
    else:
        return text, 0
    if comments and _as_many_cells(comments[-1].strip().removeprefix("#").strip(), line.strip()):
        comments.pop()
        return re.sub(r"\s*#[ \t]*", "", text[sum(map(len, comments)) :], count=1), len(comments)
    return text[sum(map(len, comments)) :], len(comments)


class Sniffed(NamedTuple):
    """The form that was detected, and whether all rows fit it and some cell is a number."""

    form: Form
    fits: bool


def sniff(lines: Sequence[str], given: Form | None = None, tab_first: bool = False) -> Sniffed:
    """Of the forms in which all rows have as many cells as the first, the one in which most cells are numbers.

    The first may have one cell less, as R's write.table gives no name to the column of row names.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the text.
    given : Form, optional
        What is known; an empty part is detected.
    tab_first : bool
        Whether a tab is more likely than a comma, as in a .tsv file.
    """
    given = given or Form("", "")
    marks = given.delimiter or ("\t,;|" if tab_first else ",;\t|")
    best, highest = Form(marks[0], given.decimal or "."), (False, -1.0, False)
    for delimiter in marks:
        rows = rows_of(lines, delimiter)
        width = len(rows[0]) if rows else 0
        whole = all(len(row) == width for row in rows) or has_a_name_less(rows)
        for decimal in [given.decimal] if given.decimal else [".", ","]:
            if decimal == delimiter:
                continue
            cells = [cell for row in (rows[1:] or rows) for cell in row]
            numbers = sum(value(cell, decimal) is not None for cell in cells)
            # A single column has no delimiter to rely on: it must have only numbers, and 1,5 is two cells unless a
            # name above it, without a comma, says otherwise.
            single = numbers == len(cells) and (
                decimal == "."
                or bool(given.decimal)
                or (value(rows[0][0], decimal) is None and "," not in rows[0][0] and '"' not in "".join(lines))
            )
            usable = whole and numbers > 0 and (width > 1 or single)
            score = (usable, numbers / len(cells) if usable else 0.0, width > 1)
            if score > highest:
                best, highest = Form(delimiter, decimal), score
    return Sniffed(best, highest[0])


def has_a_name_less(rows: Sequence[Sequence[str]]) -> bool:
    """Whether at least three rows follow the first, each with one cell more."""
    return len(rows) > 3 and len(rows[0]) > 0 and all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def first_lines(text: str) -> list[str]:
    """The lines of the text that `sniff` and `has_names` look at."""
    # Not with splitlines, which also breaks at characters that do not end a line of a file.
    return list(islice((line for line in io.StringIO(text, newline="") if line.strip()), SAMPLE))


def has_names(rows: Sequence[Sequence[str]], decimal: str) -> tuple[bool | None, str]:
    """Whether the first row has names, and a reason to mention it; None if this cannot be decided.

    A line of words has names. So does a line of whole numbers that count up, such as 0,1,2 (pandas' own names) or
    years, if the other lines look different: fractions in every cell, or too many numbers in a row for chance. A first
    line that differs from all others in another way cannot be decided.
    """
    first, rest = rows[0], rows[1:]
    if not rest:
        return all(value(cell, decimal) is None for cell in first), ""
    words = [i for i, cell in enumerate(first) if value(cell, decimal) is None]
    if words:
        if all(value(cell, decimal) is None or cell.strip() == "" for cell in first):
            return True, ""
        if not all(value(row[i], decimal) is None for i in words for row in rest if i < len(row)):
            return None, ""
        # If the others have words as well, the columns of numbers decide.
        return has_names([[cell for i, cell in enumerate(row) if i not in words] for row in rows], decimal)
    numbers = first[1:] if first[0].strip() == "" else first
    if not _counts_up(numbers):
        return (None if _unlike(first, rest, decimal) else False), ""
    cells = [cell for row in rest for cell in row[len(first) - len(numbers) :] if cell.strip() not in MISSING]
    fractions = [not _is_bare(cell) for cell in cells]
    years = 1000 <= int(numbers[0]) < 3000
    shown = ",".join(numbers[:3]) + (",.." if len(numbers) > 3 else "")
    said = f"the first line, {shown}, counts up, so it was read as the names"
    certain = (
        (first[0].strip() == "" and len(numbers) > 0)
        or (len(numbers) >= (3 if years else 2) and all(fractions))
        or (len(numbers) >= 3 and any(fractions))
        or (len(numbers) >= 6 and not any(_counts_up(row) for row in rest))
    )
    if certain:
        return True, said
    return (None if years or numbers[0] == "0" or (len(numbers) > 1 and all(fractions)) else False), ""


def _unlike(first: Sequence[str], rest: Sequence[Sequence[str]], decimal: str) -> bool:
    """Whether a line of numbers differs so much from those below it that it may be names: wavelengths, dates, codes.

    It has no fractions where all others have them; or goes up or down in equal steps, as no other line
    does; or lies, in every column, far beyond the others.
    """
    rows = [[value(cell, decimal) for cell in row] for row in (first, *rest)]
    whole = [[cell for cell in row if cell is not None and cell == cell] for row in rows]
    top, below = whole[0], [row for row in whole[1:] if len(row) == len(whole[0])]
    if len(top) < max(2, len(first) - 1) or not below or len(set(top)) < len(top):  # names do not repeat
        return False
    if all(map(_is_bare, first)) and not any(_is_bare(cell) for row in rest for cell in row):
        return True
    if _in_steps(top) and not any(map(_in_steps, below)):
        return True
    columns = list(zip(*below, strict=True))
    return len(below) > 2 and all(
        max(column) > min(column) and not 2 * min(column) - max(column) <= number <= 2 * max(column) - min(column)
        for number, column in zip(top, columns, strict=True)
    )


def _in_steps(numbers: Sequence[float]) -> bool:
    """Whether at least three numbers go up or down in equal steps."""
    steps = [b - a for a, b in pairwise(numbers)]
    return len(steps) > 1 and steps[0] != 0 and all(abs(step / steps[0] - 1) < 1e-6 for step in steps)


def _is_bare(cell: str) -> bool:
    """Whether a number is written without a point and an exponent."""
    return cell.strip().lstrip("+-").isdecimal()


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the cells are whole numbers that count up by one, from 0, from 1, or as years."""
    if not cells or not all(re.fullmatch(r"0|[1-9][0-9]{0,8}", cell.strip()) for cell in cells):
        return False
    first = int(cells[0])
    starts = first in (0, 1) or (1000 <= first < 3000 and len(cells) > 2)
    return starts and [int(cell) for cell in cells] == list(range(first, first + len(cells)))

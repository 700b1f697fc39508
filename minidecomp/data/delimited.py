"""Text in rows and cells: its encoding, its delimiter, its decimal mark, whether its first line has names."""

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
SAMPLE = 200  # lines that are looked at to find the form

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
# What pandas takes for missing, and the empty cell.
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
    """How cells are separated, and what stands before a number's fraction."""

    delimiter: str = ","
    decimal: str = "."


def decoded(data: bytes, name: str) -> tuple[str, list[str]]:
    """The text of a file's bytes, and a line for each thing that was found and may be wrong.

    gzip is unpacked; a byte order mark tells UTF-16 from UTF-8; what is no UTF-8 is taken for Latin-1, which is said.

    Raises
    ------
    DataError
        The bytes are damaged, or no text.
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
        cell = cell.replace(".", "\0").replace(decimal, ".")  # a point is no decimal mark then
    if _NUMBER.fullmatch(cell) or _INFINITY.fullmatch(cell):
        return float(cell)
    return float("nan") if cell in MISSING else BOOLS.get(cell.lower())


def plain(number: float) -> str:
    """A number as the shortest text that ``value`` reads back; a whole one without a point."""
    return str(int(number)) if number == number // 1 and abs(number) < 1e15 else repr(float(number))


def _as_many_cells(names: str, line: str) -> bool:
    """Whether two lines have equally many cells, by what splits the second into most."""
    marks: tuple[str | None, ...] = (",", ";", "\t", "|", None)
    most = max(marks, key=lambda mark: len(line.split(mark)))
    return len(names.split(most)) == len(line.split(most)) and (len(line.split(most)) > 1 or len(names.split()) == 1)


def rows_of(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """The cells of each line that is not blank."""
    return [row for row in csv.reader(lines, delimiter=delimiter) if row]


def without_runs_of_blanks(text: str) -> str:
    """Text whose cells have blanks between, one or several, with one tab in place of each run of them."""
    if '"' not in text:
        return "\n".join("\t".join(line.split()) for line in io.StringIO(text)) + "\n"
    made = io.StringIO()
    lines = (line.replace("\t", " ").strip() for line in io.StringIO(text))
    writer = csv.writer(made, delimiter="\t", lineterminator="\n")
    writer.writerows(csv.reader(lines, delimiter=" ", skipinitialspace=True))
    return made.getvalue()


def without_comments(text: str) -> tuple[str, int]:
    """The text without its first lines that begin with #, and how many they are; a # alone before names stays.

    NumPy's savetxt has its names in such a line: that is one just above the numbers with as many cells as they.
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
    """The form that was found, and whether all rows fit it and some cell is a number."""

    form: Form
    fits: bool


def sniff(lines: Sequence[str], given: Form | None = None, tab_first: bool = False) -> Sniffed:
    """The form in which most cells are numbers, of those in which all rows have as many cells as the first.

    The first may have one less, as R's write.table has no name for the rows' own.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the text.
    given : Form, optional
        What is known; an empty part is to be found.
    tab_first : bool
        Whether a tab is likelier than a comma, as in a .tsv file.
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
            # A single column has no delimiter to be sure of: it must be of numbers alone, and 1,5 is two cells unless a
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
    """Whether three rows or more follow the first, and each has one cell more than it."""
    return len(rows) > 3 and len(rows[0]) > 0 and all(len(row) == len(rows[0]) + 1 for row in rows[1:])


def first_lines(text: str) -> list[str]:
    """The lines of the text that `sniff` and `has_names` look at."""
    # Not by splitlines, which breaks at characters that end no line of a file.
    return list(islice((line for line in io.StringIO(text, newline="") if line.strip()), SAMPLE))


def has_names(rows: Sequence[Sequence[str]], decimal: str) -> tuple[bool | None, str]:
    """Whether the first of the rows is a line of names, and what makes that worth saying; None where nobody can tell.

    A line of words is. A line of whole numbers that count up, such as 0,1,2 (pandas' own names) or years, is, if the
    other lines do not look alike: fractions in every cell, or too many numbers in a row for chance. Nobody can tell
    of one that differs otherwise from all other lines.
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
        # Where the others have words as well, the columns of numbers tell.
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
    """Whether a line of numbers is so unlike those below it that it may be names: wavelengths, dates, codes.

    It is written without fractions where all others have them; or goes up or down in equal steps, as no other line
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
    """Whether three numbers or more go up or down in equal steps."""
    steps = [b - a for a, b in pairwise(numbers)]
    return len(steps) > 1 and steps[0] != 0 and all(abs(step / steps[0] - 1) < 1e-6 for step in steps)


def _is_bare(cell: str) -> bool:
    """Whether a number is written as a whole one, without a point and an exponent."""
    return cell.strip().lstrip("+-").isdecimal()


def _counts_up(cells: Sequence[str]) -> bool:
    """Whether the cells are whole numbers, each one more than that before it, from 0, from 1, or years."""
    if not cells or not all(re.fullmatch(r"0|[1-9][0-9]{0,8}", cell.strip()) for cell in cells):
        return False
    first = int(cells[0])
    starts = first in (0, 1) or (1000 <= first < 3000 and len(cells) > 2)
    return starts and [int(cell) for cell in cells] == list(range(first, first + len(cells)))

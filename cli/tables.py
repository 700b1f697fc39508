"""Tables as text that fits the terminal, and as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, counted, printable
from minidecomp.rounding import rounded, with_error

from .output import say
from .printing import ellipsis, plus_minus, points_below_each_other, terminal_width

if TYPE_CHECKING:
    from minidecomp.runs.grouping import Mean

TEXT, MARKDOWN, LATEX, CSV = "text", "markdown", "latex", "csv"
FORMATS = (TEXT, MARKDOWN, LATEX, CSV)
GAP = 2  # spaces between columns
LEAST_NAME = 12  # characters that a run's name keeps on a narrow terminal
CUT_NAME = 20  # and before columns are left out, if names may be cut
NOT_FINITE = "not finite"
MOST_NAMED = 8  # names in the line about columns that are not shown

Row = Mapping[str, Any]


def check_format(name: str | None) -> str:
    """The format that ``--format`` names; text by default."""
    if name is not None and name not in FORMATS:
        raise OptionError("format", name, choices=FORMATS)
    return name or TEXT


def print_table(
    rows: Sequence[Row],
    columns: Sequence[str],
    kind: str = TEXT,
    least: Sequence[str] = (),
    elsewhere: str = "",
    cut_names: bool = False,
) -> None:
    """Print a table with one line per row under the columns' names.

    Parameters
    ----------
    rows : sequence of mapping
        Values by column name; a `Mean` is printed with its error.
    columns : sequence of str
        The first one names the row and is left-aligned.
    kind : str
        One of ``FORMATS``.
    least : sequence of str
        Columns to leave out on a narrow terminal, in this order; a line on stderr names them.
    elsewhere : str
        Where that line says to find these columns: "--csv has all".
    cut_names : bool
        Whether a narrow terminal cuts the names in the first column before it leaves out columns.
    """
    if kind == CSV:
        click.echo(csv_text(rows, columns), nl=False)
        return
    if kind == TEXT:
        cells = {name: _text_column(name, [row.get(name) for row in rows]) for name in columns}
        _print_text(cells, least, elsewhere, cut_names)
    else:
        cells = {name: [_title(name), *_cells(name, [row.get(name) for row in rows], kind)] for name in columns}
        for line in (_markdown if kind == MARKDOWN else _latex)(list(zip(*cells.values(), strict=True))):
            say(line)


def csv_text(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The rows as CSV with all digits; the error of a `Mean` is in a column NAME.se after its own."""
    means = {name for name in columns if any(_is_mean(row.get(name)) for row in rows)}
    names = [each for name in columns for each in ([name, f"{name}.se"] if name in means else [name])]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain(row) for row in rows)
    return buffer.getvalue()


def plain(row: Row) -> dict[str, Any]:
    """The row with each `Mean` replaced by two numbers: NAME and NAME.se."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if _is_mean(value):
            found |= {name: value.value, f"{name}.se": value.error}
        else:
            found[name] = value
    return found


def _is_mean(value: Any) -> bool:
    return hasattr(value, "error") and hasattr(value, "count")


def cell(value: Any, kind: str = TEXT) -> str:
    """A value on one line; an option's number has few digits, a `Mean` as many as its error needs."""
    if value is None:
        return ""
    if _is_mean(value):
        return _with_error(value, kind)
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return printable(text)  # before the widths are measured


def _cells(name: str, values: Sequence[Any], kind: str) -> list[str]:
    """The cells of a column; recorded values are rounded as ``evaluate`` rounds them, options are as given."""
    measured = _is_measured(name)
    return [rounded(value) if measured and isinstance(value, float) else cell(value, kind) for value in values]


def _is_measured(name: str) -> bool:
    """Whether a column's numbers are results, and not an option's."""
    from minidecomp.settings.options import by_name

    return name not in by_name()


def _with_error(mean: Mean, kind: str) -> str:
    value, error = with_error(mean.value, mean.error)
    if error or mean.error == 0:  # runs that agree
        return f"{value} {_plus_minus(kind)} {error or 0}"
    return value


def _plus_minus(kind: str) -> str:
    """The sign before an error."""
    return r"\pm" if kind == LATEX else plus_minus() if kind == TEXT else "±"


def _title(name: str) -> str:
    """A column's title for readers without the command at hand: in words, with its unit."""
    from minidecomp.evaluation.naming import label_of

    return cell(label_of(name))


def _text_column(name: str, values: Sequence[Any]) -> list[str]:
    """The name and the values, aligned at decimal points and errors."""
    cells = _cells(name, values, TEXT)
    if _is_measured(name) and all(
        value in (None, NOT_FINITE) or isinstance(value, float) or _is_mean(value) for value in values
    ):
        sign = f" {_plus_minus(TEXT)} "
        parts = [text.partition(sign) for text in cells]
        before = points_below_each_other([value for value, _, _ in parts])
        error = max((len(after) for _, _, after in parts), default=0)
        width = len(sign) + error if error else 0
        cells = [f"{value}{between + after:{width}}" for value, (_, between, after) in zip(before, parts, strict=True)]
    return [cell(name), *cells]


def what_columns_are(columns: Sequence[str]) -> list[str]:
    """For each column of recorded values, its meaning in words and its unit, unless the name says it."""
    from minidecomp.evaluation.naming import label_of
    from minidecomp.settings.options import by_name

    said = [(name, label_of(name)) for name in columns if name not in by_name()]
    return [f"{name}: {label}" for name, label in said if name != label]


def _print_text(cells: dict[str, list[str]], least: Sequence[str], elsewhere: str, cut_names: bool) -> None:
    width, gone = terminal_width(), []
    if width is not None:
        first = next(iter(cells.values()))
        gone = _leave_out(cells, least, width + (_longest(first) - _shortest(first) if cut_names else 0))
        _cut_names(cells, width)
    widths = [max(map(len, column)) for column in cells.values()]
    for line in zip(*cells.values(), strict=True):
        padded = [text.rjust(each) for text, each in zip(line[1:], widths[1:], strict=True)]
        text = (" " * GAP).join([line[0].ljust(widths[0]), *padded]).rstrip()
        say(text if width is None or len(text) <= width else f"{text[: max(width - 2, 0)]}.."[:width])
    if width is not None and gone:
        names = ", ".join(gone[-MOST_NAMED:])  # the most important ones, which were left out last
        others = f" and {counted(len(gone) - MOST_NAMED, 'other')}" if len(gone) > MOST_NAMED else ""
        more = f"; {elsewhere}" if elsewhere else ""
        say(f"left out to fit {counted(width, 'column')}: {names}{others}{more}", err=True)


def _leave_out(cells: dict[str, list[str]], least: Sequence[str], width: int) -> list[str]:
    """Take out columns, in this order, until the table fits the width; returns their names."""
    gone = []
    for name in least:
        if _width_of(cells) <= width:
            break
        if cells.pop(name, None) is not None:
            gone.append(name)
    return gone


def _width_of(cells: Mapping[str, Sequence[str]]) -> int:
    return sum(max(map(len, column)) for column in cells.values()) + GAP * (len(cells) - 1)


def _longest(names: Sequence[str]) -> int:
    return max(map(len, names))


def _shortest(names: Sequence[str]) -> int:
    """The number of characters, CUT_NAME or more, to which the names can be cut and still differ."""
    different = len(set(names))
    lengths = range(CUT_NAME, _longest(names))
    enough = (length for length in lengths if len({_cut(name, length) for name in names}) == different)
    return next(enough, _longest(names))


def _cut(name: str, length: int) -> str:
    """The name with its middle left out if it is longer: ``runs/…5-beta1-seed0``."""
    if len(name) <= length:
        return name
    mark = ellipsis()
    end = (length - len(mark)) * 3 // 4  # the ends of names differ more often
    return f"{name[: length - len(mark) - end]}{mark}{name[len(name) - end :]}"


def _cut_names(cells: dict[str, list[str]], width: int) -> None:
    """Cut the rows' names in the middle if the table is still too wide."""
    if (over := _width_of(cells) - width) > 0:
        name, column = next(iter(cells.items()))
        length = max(LEAST_NAME, _longest(column) - over)
        cells[name] = [_cut(text, length) for text in column]


def _markdown(lines: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    head, *rest = [[_markdown_text(text) for text in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in (head, rule, *rest)]


def _markdown_text(text: str) -> str:
    """The text with Markdown's special characters escaped; an underscore inside a word needs no escape."""
    return re.sub(r"[\\|`*<>\[\]~]|(?<![^\W_])_|_(?![^\W_])", lambda found: f"\\{found[0]}", text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{letter: f"\\{letter}" for letter in "{}$&#_%"},
}
_NUMBER = r"-?[\d.]+(e[+-]\d+)?"
_FORMULA = re.compile(rf"-[\d.]+(e[+-]\d+)?|{_NUMBER} \\pm {_NUMBER}")


def _latex(lines: Sequence[Sequence[str]]) -> list[str]:
    rows = [" & ".join(_latex_text(text) for text in line) + r" \\" for line in lines]
    form = "l" + "r" * (len(lines[0]) - 1)
    return [rf"\begin{{tabular}}{{{form}}}", r"\hline", rows[0], r"\hline", *rows[1:], r"\hline", r"\end{tabular}"]


def _latex_text(text: str) -> str:
    """The text escaped; negative numbers and means with errors become formulas."""
    if _FORMULA.fullmatch(text):
        return f"${text}$"
    return "".join(_LATEX.get(letter, letter) for letter in text)

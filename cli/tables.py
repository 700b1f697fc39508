"""Tables as text that fits the terminal, and as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, counted, printable

from .output import say
from .printing import plus_minus, terminal_width, with_decimals

if TYPE_CHECKING:
    from minidecomp.runs.grouping import Mean

TEXT, MARKDOWN, LATEX, CSV = "text", "markdown", "latex", "csv"
FORMATS = (TEXT, MARKDOWN, LATEX, CSV)
GAP = 2  # spaces between columns
LEAST_NAME = 12  # characters that a run's name keeps on a narrow terminal
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
    """
    if kind == CSV:
        click.echo(csv_text(rows, columns), nl=False)
        return
    if kind == TEXT:
        _print_text({name: _text_column(name, [row.get(name) for row in rows]) for name in columns}, least, elsewhere)
    else:
        cells = {name: [_title(name), *(cell(row.get(name), kind) for row in rows)] for name in columns}
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
    """A value with few digits, on one line."""
    if value is None:
        return ""
    if _is_mean(value):
        return _with_error(value, kind)
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return printable(text)  # before the widths are measured


def _with_error(mean: Mean, kind: str) -> str:
    if not mean.error:  # one run, or runs that agree
        return f"{mean.value:.4g}" + ("" if mean.error is None else f" {_plus_minus(kind)} 0")
    value, error = with_decimals(mean.value, mean.error)
    return f"{value} {_plus_minus(kind)} {error}"


def _plus_minus(kind: str) -> str:
    """The sign before an error."""
    return r"\pm" if kind == LATEX else plus_minus() if kind == TEXT else "±"


def _title(name: str) -> str:
    """A column's title for readers without the command at hand: in words, with its unit."""
    from minidecomp.evaluation.naming import label_of

    return cell(label_of(name))


def _text_column(name: str, values: Sequence[Any]) -> list[str]:
    """The name and the values, aligned at decimal points and errors."""
    from minidecomp.settings.options import by_name

    cells = [cell(value) for value in values]
    if name not in by_name() and all(value is None or isinstance(value, float) for value in values):
        cells = [
            text if value is None else f"{value:#.4g}".rstrip(".") for text, value in zip(cells, values, strict=True)
        ]
    sign = f" {_plus_minus(TEXT)} "
    if any(map(_is_mean, values)):
        parts = [text.partition(sign) for text in cells]
        error = max(len(after) for _, _, after in parts)
        cells = [f"{before}{between or ' ' * len(sign)}{after.ljust(error)}" for before, between, after in parts]
        cells = cells if error else [before for before, _, _ in parts]
    return [cell(name), *cells]


def what_columns_are(columns: Sequence[str]) -> list[str]:
    """For each column of recorded values, its meaning in words and its unit, unless the name says it."""
    from minidecomp.evaluation.naming import label_of
    from minidecomp.settings.options import by_name

    said = [(name, label_of(name)) for name in columns if name not in by_name()]
    return [f"{name}: {label}" for name, label in said if name != label]


def _print_text(cells: dict[str, list[str]], least: Sequence[str], elsewhere: str) -> None:
    width, gone = terminal_width(), []
    if width is not None:
        gone = _leave_out(cells, least, width)
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
        say(f"not shown, as the terminal has {counted(width, 'column')}: {names}{others}{more}", err=True)


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


def _cut_names(cells: dict[str, list[str]], width: int) -> None:
    """Cut the beginnings of the rows' names if the table is still too wide."""
    if (over := _width_of(cells) - width) > 0:
        name, column = next(iter(cells.items()))
        longest = max(LEAST_NAME, max(map(len, column)) - over)
        cells[name] = [text if len(text) <= longest else f"..{text[2 - longest :]}" for text in column]


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

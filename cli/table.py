"""``minidecomp table RUN..``: compares runs, as a table and as a plot of a value against an option."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from minidecomp.errors import MinidecompError, OptionError, counted, either, marked
from minidecomp.settings.options import by_name

from .output import check_output, say
from .places import Sweeps
from .printing import plus_minus
from .tables import CSV, FORMATS, NOT_FINITE, TEXT, check_format, plain, print_table, what_columns_are

MOST_NAMED = 3  # runs that have or lack a value
MOST_EXPLAINED = 6  # columns; --all has too many to explain


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--values",
    metavar="NAME,NAME,..",
    help="Show these recorded values.  [default: test.log_likelihood,test.kl and the metrics]",
)
@click.option(
    "--plot", metavar="NAME", help="Draw this value, with a line for each setting of the options that differ."
)
@click.option(
    "--against", metavar="OPTION", help="Horizontal axis of the plot.  [default: alpha, or an option that differs]"
)
@click.option("--reference", metavar="X", help="Draw a horizontal line at this height.")
@click.option("--out", "-o", metavar="FILE", help="The plot: .png, .pdf or .svg.  [default: NAME-against-OPTION.png]")
@click.option("--by", metavar="NAME,NAME,..", help="Average over the seeds of runs that agree in these options.")
@click.option("--format", "form", metavar="|".join(FORMATS), help="Format of the table.  [default: text]")
@click.option("--all", "everything", is_flag=True, help="Show all options and all values, not only those that differ.")
@click.option("--csv", "as_csv", is_flag=True, help="Short for --format csv --all.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON, with all values.")
def table(
    runs: tuple[str, ...],
    values: str | None,
    plot: str | None,
    against: str | None,
    reference: str | None,
    out: str | None,
    by: str | None,
    form: str | None,
    everything: bool,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Compare runs: the options that differ, and the values that `train` and `evaluate` recorded.

    RUN is a run folder, or a folder of runs. The names of the values are those that --csv shows: test.log_likelihood,
    test.kl, train.seconds, factor_vae, hoyer, overlap.mutual_information, match.kl-inc, marginal_log_likelihood, ...
    If the terminal is too narrow, the least interesting columns are left out, and a line says which.

    With --by, each row stands for all runs with the same values of these options: n is their number, and each value is
    a mean with its standard error. The runs of a row may differ in seed and data-seed only.
    """
    from minidecomp.runs import comparison

    written = _check_form(form, everything, as_csv, as_json)
    sweeps = Sweeps()
    rows, problems = comparison.read_rows(runs, sweeps.inside)
    chosen = None if values is None else [name.strip() for name in values.split(",")]
    content = _content(rows, chosen, by, everything or as_csv or as_json)
    picture = None
    if plot is not None:
        picture = check_picture(rows, plot, against, reference, out, "no run has a value of this name")
        check_output("out", picture.path)
    else:
        refuse_without_plot(against=against, reference=reference, out=out)
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    for line in (*sweeps.said, *content.notes):
        say(line, err=True)
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text([plain(row) for row in content.rows]))
    else:
        print_content(content, written, "--csv has all")
    if written == TEXT and not as_json:
        _say_what_columns_are(content)
    say_if_scales_differ(rows)
    if picture is not None:
        draw(rows, picture, on_stderr=as_json or written != TEXT)


def _check_form(form: str | None, everything: bool, as_csv: bool, as_json: bool) -> str:
    """The format of the table; OptionError if two are asked for."""
    if as_csv and as_json:
        raise MinidecompError("`--csv` and `--json` cannot be used together")
    if form is not None and (as_csv or as_json):
        raise MinidecompError(f"{marked('csv' if as_csv else 'json')} and `--format` cannot be used together")
    return CSV if as_csv else check_format(form)


@dataclass(frozen=True)
class Content:
    """A table's rows and columns, the columns to leave out on a narrow terminal, and notes on the table."""

    rows: list[dict[str, Any]]
    columns: list[str]
    least: list[str]
    notes: list[str]


def _content(rows: list[dict[str, Any]], values: list[str] | None, by: str | None, everything: bool) -> Content:
    """What the table shows of each run or, with ``by``, of each group of runs."""
    from minidecomp.runs import comparison
    from minidecomp.variants import METRICS

    if values is not None:
        shown = [comparison.check_column(rows, "values", name) for name in values]
    elif everything:
        shown = comparison.recorded_names(rows)
    else:
        shown = [name for name in ("test.log_likelihood", "test.kl", *METRICS) if any(name in row for row in rows)]
    if by is not None:
        return _means(rows, shown, by)
    return table_of(rows, shown, shown if values is not None else (), everything)


def table_of(
    rows: list[dict[str, Any]], shown: list[str], asked_for: Sequence[str] = (), everything: bool = False
) -> Content:
    """A table with one row per run: the options that differ, and values.

    Parameters
    ----------
    rows : list of dict
    shown : list of str
        The values' names.
    asked_for : sequence of str
        Values that the user named: a narrow terminal leaves out other values and options before these.
    everything : bool
        Show all options and, unless some were asked for, all values.
    """
    from minidecomp.runs import comparison
    from minidecomp.runs.following import independent

    options = comparison.differing_options(rows)
    said = [name for name in shown if name not in options]
    kept = {*independent(rows, options, ""), "data"}  # readers look for the data, even if the prior implies them
    unsaid = [name for name in reversed(options) if name not in kept]
    least = _of_least_interest(said, [name for name in options if name not in unsaid], asked_for)
    if everything:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        if asked_for:
            columns = [name for name in columns if name == "run" or name in by_name()] + said
        unsaid = [*(name for name in columns if name in by_name() and name not in options), *unsaid]
    else:
        columns = ["run", *options, *said]
    return Content(rows, list(dict.fromkeys(columns)), [*unsaid, *least], [])


def _of_least_interest(values: list[str], options: list[str], asked_for: Sequence[str]) -> list[str]:
    """Columns in the order in which a narrow terminal leaves them out: other values first, then options.

    The first of the values that were asked for stays; if none were, the first value.
    """
    kept = [name for name in values if name in asked_for] or values[:2]
    more = [name for name in values if name not in kept]
    return [*reversed(more), *reversed(options), *reversed(kept[1:])]


def print_content(content: Content, form: str = TEXT, elsewhere: str = "") -> None:
    """Print a table; in text, data files are named by the last parts of their paths that differ.

    A recorded value that is null in evaluation.json was not finite.
    """
    from minidecomp.runs.comparison import last_parts

    rows = content.rows
    if form != CSV:
        measured = [name for name in content.columns if name not in by_name()]
        rows = [row | {name: NOT_FINITE for name in measured if name in row and row[name] is None} for row in rows]
    if form == TEXT:
        files = list(dict.fromkeys(str(row["data"]) for row in rows if "data" in row))
        short = dict(zip(files, last_parts(files), strict=True))
        rows = [row | {"data": short[str(row["data"])]} if "data" in row else row for row in rows]
    print_table(rows, content.columns, form, content.least, elsewhere)


def _say_what_columns_are(content: Content) -> None:
    """Below a text table, explain its values and errors."""
    lines = what_columns_are(content.columns)
    if 0 < len(lines) <= MOST_EXPLAINED:
        say("; ".join(lines), err=True)
    if any(row.get("n", 1) > 1 for row in content.rows):
        say(f"n: number of runs; values: mean {plus_minus(sys.stderr)} standard error over these runs", err=True)


def _means(rows: list[dict[str, Any]], values: list[str], by: str) -> Content:
    from minidecomp.evaluation.standard_errors import of_few
    from minidecomp.runs.comparison import is_number
    from minidecomp.runs.grouping import Mean, check_by, groups

    names = check_by(rows, by)
    for name in values:
        if name in by_name():
            raise OptionError("values", name, "this is an option, and --by takes the mean of recorded values only")
    found = groups(rows, names)
    values = [name for name in values if any(is_number(row.get(name)) for row in rows)]
    columns = [*found[0].options, "n", *values]
    means = [
        group.options
        | {"n": len(group.runs)}
        | {name: mean for name in values if (mean := group.mean(name)) is not None}
        for group in found
    ]
    notes = []
    if all(len(group.runs) == 1 for group in found):
        notes.append("no standard errors: every row is a single run")
    means_of = [mean.count for row in means for mean in row.values() if isinstance(mean, Mean)]
    if few := of_few(means_of, "run"):
        notes.append(few)
    for name in values:
        if note := _who_has(name, [row["run"] for row in rows if is_number(row.get(name))], rows):
            notes.append(note)
    return Content(means, columns, list(reversed(values[1:])), notes)


def _who_has(name: str, having: list[str], rows: list[dict[str, Any]]) -> str:
    """A note if some runs lack a value: how many have it, and which do or do not if they are few."""
    if len(having) == len(rows):
        return ""
    lacking = [row["run"] for row in rows if row["run"] not in having]
    which = ""
    if len(lacking) <= MOST_NAMED:
        which = f" (not {either(lacking)})"
    elif len(having) <= MOST_NAMED:
        which = f" ({', '.join(having)})"
    has, mean = ("has", "mean is over that one") if len(having) == 1 else ("have", "means are over those")
    return f"{len(having)} of {counted(len(rows), 'run')} {has} {name}{which}; the {mean}"


@dataclass(frozen=True)
class Picture:
    """The value to draw, the option to draw it against, the height of a reference line, and the file."""

    value: str
    against: str
    reference: float | None
    path: Path


def refuse_without_plot(**given: str | None) -> None:
    """Raise OptionError for an option of the plot if --plot is missing."""
    for name, value in given.items():
        if value is not None:
            raise OptionError(name, value, "this needs --plot")


def check_picture(
    rows: Sequence[dict[str, Any]],
    value: str,
    against: str | None,
    reference: str | None,
    out: str | None,
    otherwise: str,
) -> Picture:
    """The plot that was asked for; OptionError if it cannot be drawn from these rows."""
    from minidecomp import figures
    from minidecomp.runs.comparison import check_axes
    from minidecomp.settings.resolving import number

    if reason := figures.missing():
        raise OptionError("plot", value, reason)
    height = None if reference is None else number("reference", reference)
    value, against = check_axes(rows, value, against, otherwise)
    path = Path(out or f"{value}-against-{against}.png".replace("/", "_"))
    figures.check_picture_file("out", path)
    return Picture(value, against, height, path)


def say_if_scales_differ(rows: Sequence[dict[str, Any]]) -> None:
    """On stderr, that log-likelihoods do not compare between data with different scales learnt from the data."""
    volumes = [row["log_volume"] for row in rows if isinstance(row.get("log_volume"), float)]
    if volumes and max(volumes) - min(volumes) > 1e-6 * max(1.0, max(map(abs, volumes))):
        say(
            "log-likelihoods of data in different scales cannot be compared; those of the data as given are lower "
            f"by {min(volumes):.4f} to {max(volumes):.4f} nats; see minidecomp evaluate RUN",
            err=True,
        )


def draw(rows: Sequence[dict[str, Any]], picture: Picture, on_stderr: bool = False) -> None:
    """Draw a value against an option; say where the picture is and which runs it lacks."""
    from minidecomp import figures
    from minidecomp.evaluation.naming import label_of
    from minidecomp.runs import comparison

    curves = comparison.curves(rows, picture.value, picture.against)
    missing = len(rows) - sum(map(len, curves.values()))
    without = f"{missing} of {counted(len(rows), 'run')}" if missing else ""
    if missing:
        say(f"not in the picture: {without}, which have no {picture.value}", err=True)
    figure = figures.value_against_option(
        curves,
        label_of(picture.against),
        label_of(picture.value),
        picture.reference,
        picture.against in by_name(),
        f"not shown, for lack of a value: {without}" if missing else "",
    )
    path = picture.path
    figures.write_figure(figure, path.parent, path.stem, (path.suffix.removeprefix("."),))
    say(f"picture: {path}", err=on_stderr)

"""``minidecomp table RUNS``: runs side by side, as a table and as a plot of a value against an option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import click

from minidecomp.errors import OptionError, RunError, counted, printable

from .output import check_output, say

MOST_NAMED = 10  # folders in a line


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--values", metavar="NAME,NAME,..", help="Recorded values to show.  [test.log_likelihood,test.kl and the metrics]"
)
@click.option("--plot", metavar="NAME", help="Draw this value, a line for each setting of the options that differ.")
@click.option(
    "--against", metavar="OPTION", help="The plot's horizontal axis.  [alpha, or else an option that differs]"
)
@click.option("--reference", metavar="X", help="A horizontal line in the plot.")
@click.option("--out", "-o", metavar="FILE", help="The plot: .png, .pdf or .svg.  [NAME-against-OPTION.png]")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV, with all values.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with all values.")
def table(
    runs: tuple[str, ...],
    values: str | None,
    plot: str | None,
    against: str | None,
    reference: str | None,
    out: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Compare runs: the options in which they differ, and what `train` and `evaluate` recorded of them.

    RUNS are run folders, or folders that hold some. The values' names are those that --csv shows: test.log_likelihood,
    test.kl, train.seconds, factor_vae, hoyer, overlap.mutual_information, match.kl-inc, marginal_log_likelihood, ...
    """
    from minidecomp.runs import comparison
    from minidecomp.variants import METRICS

    if as_csv and as_json:
        raise OptionError("csv", None, "it goes without --json")
    sweeps = Sweeps()
    rows, problems = comparison.read_rows(runs, sweeps.inside)
    options = comparison.differing_options(rows)
    usual = ("test.log_likelihood", "test.kl", *METRICS)
    if values is not None:
        shown = [comparison.check_column(rows, "values", name.strip()) for name in values.split(",")]
    else:
        shown = [name for name in usual if any(name in row for row in rows)]
    picture = None
    if plot is not None:
        picture = check_picture(rows, plot, against, reference, out, "no run has it recorded")
        check_output("out", picture.path)
    else:
        refuse_without_plot(against=against, reference=reference, out=out)
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    for line in sweeps.said:
        say(line, err=True)
    if as_json or as_csv:
        _print_all(rows, as_json)
    else:
        print_table(rows, ["run", *options, *shown])
    say_if_scales_differ(rows)
    if picture is not None:
        draw(rows, picture, on_stderr=as_json or as_csv)


class Sweeps:
    """The runs of sweeps' folders: those that sweep.toml names, in its order; ``said`` has a line for the others."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def inside(self, place: Path) -> list[Path]:
        """The run folders in a folder; of a sweep's, those of its grid.

        Raises
        ------
        RunError
            If it is a sweep none of whose runs is there.
        """
        from minidecomp.runs.comparison import is_run, runs_inside
        from minidecomp.sweeps.folder import GRID, open_sweep

        found = runs_inside(place)
        if not (place / GRID).is_file():
            return found
        try:
            named = [place / entry.name for entry in open_sweep(place)]
        except RunError as error:
            self.said.append(f"{error}; all runs in {place} are shown")
            return found
        there = [folder for folder in named if is_run(folder)]
        others = sorted(set(found) - set(named))
        if not there:
            again = f"minidecomp sweep --resume {quote(str(place))}"
            more = f"; of other grids it has {_names(others)}" if others else ""
            raise RunError(f"{place}: none of its {counted(len(named), 'run')} is begun; {again} trains them{more}")
        if len(there) < len(named):
            self.said.append(f"not begun: {len(named) - len(there)} of {counted(len(named), 'run')} of {place}")
        if others:
            self.said.append(f"not of {place / GRID}, and not shown: {_names(others)}")
        return there


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(folder.name for folder in folders[:MOST_NAMED]) + (", .." if folders[MOST_NAMED:] else "")


@dataclass(frozen=True)
class Picture:
    """What is drawn, against what, with a line at which height, and the file."""

    value: str
    against: str
    reference: float | None
    path: Path


def refuse_without_plot(**given: str | None) -> None:
    """Raise OptionError for the options of a plot where none is asked for."""
    for name, value in given.items():
        if value is not None:
            raise OptionError(name, value, "it goes with --plot only")


def check_picture(
    rows: Sequence[dict[str, Any]],
    value: str,
    against: str | None,
    reference: str | None,
    out: str | None,
    otherwise: str,
) -> Picture:
    """What a plot of these rows shows; OptionError if there is no such picture."""
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


def _print_all(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text(rows))
        return
    import csv
    import io

    columns = list(dict.fromkeys(name for row in rows for name in row))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    click.echo(buffer.getvalue(), nl=False)


def say_if_scales_differ(rows: Sequence[dict[str, Any]]) -> None:
    """On stderr, that log-likelihoods of differently scaled data do not compare: of the scales that were learnt."""
    volumes = [row["log_volume"] for row in rows if isinstance(row.get("log_volume"), float)]
    if volumes and max(volumes) - min(volumes) > 1e-6 * max(1.0, max(map(abs, volumes))):
        say(
            "log-likelihoods are of data in different scales, and do not compare; those of the data as given are lower "
            f"by {min(volumes):.4f} to {max(volumes):.4f} nats, as minidecomp evaluate RUN says of each",
            err=True,
        )


def print_table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Print the rows, a run on each line, under the columns' names."""
    cells = [columns]
    cells += [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        say("  ".join([line[0].ljust(widths[0]), *padded]).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return printable(text)  # here, so that the columns keep their widths


def draw(rows: Sequence[dict[str, Any]], picture: Picture, on_stderr: bool = False) -> None:
    """Draw a value against an option, and say where the picture is, and which runs are not in it."""
    from minidecomp import figures
    from minidecomp.runs import comparison
    from minidecomp.settings.options import by_name

    curves = comparison.curves(rows, picture.value, picture.against)
    missing = len(rows) - sum(map(len, curves.values()))
    if missing:
        say(f"not in the picture: {missing} of {counted(len(rows), 'run')}, without {picture.value}", err=True)
    is_option = picture.against in by_name()
    against = picture.against.replace("_", " ") if is_option else _with_unit(picture.against)
    figure = figures.value_against_option(curves, against, _with_unit(picture.value), picture.reference, is_option)
    path = picture.path
    figures.write_figure(figure, path.parent, path.stem, (path.suffix.removeprefix("."),))
    say(f"picture: {path}", err=on_stderr)


def _with_unit(value: str) -> str:
    from minidecomp.evaluation.terms import unit_of

    unit = unit_of(value)
    return f"{value} ({unit})" if unit else value

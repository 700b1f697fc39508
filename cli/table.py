"""``minidecomp table RUNS``: runs side by side, as a table and as a plot of a value against an option."""

from __future__ import annotations

from typing import Any

import click

from .output import say


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--values", metavar="NAME,NAME,..", help="Recorded values to show.  [test.log_likelihood,test.kl and the metrics]"
)
@click.option("--plot", metavar="NAME", help="Draw this value, a line for each setting of the options that differ.")
@click.option("--against", metavar="OPTION", default="alpha", help="The plot's horizontal axis.  [alpha]")
@click.option("--reference", metavar="X", help="A horizontal line in the plot.")
@click.option("--out", "-o", metavar="FILE", help="The plot: .png, .pdf or .svg.  [NAME-against-OPTION.png]")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV, with all values.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with all values.")
def table(
    runs: tuple[str, ...],
    values: str | None,
    plot: str | None,
    against: str,
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

    rows = [comparison.read_row(folder) for folder in comparison.find_runs(runs)]
    options = comparison.differing_options(rows)
    usual = ("test.log_likelihood", "test.kl", *METRICS)
    if values is not None:
        shown = [comparison.check_column(rows, "values", name.strip()) for name in values.split(",")]
    else:
        shown = [name for name in usual if any(name in row for row in rows)]
    if as_json or as_csv:
        _print_all(rows, as_json)
    else:
        print_table(rows, ["run", *options, *shown])
    if plot is not None:
        draw(
            rows,
            comparison.check_column(rows, "plot", plot),
            comparison.check_column(rows, "against", against),
            reference,
            out,
        )


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
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def draw(rows: list[dict[str, Any]], value: str, against: str, reference: str | None, out: str | None) -> None:
    """Draw a value against an option, and say where the picture is."""
    from pathlib import Path

    from minidecomp import figures
    from minidecomp.runs import comparison
    from minidecomp.settings.resolving import number

    path = Path(out or f"{value}-against-{against}.png")
    figures.check_picture_file("out", path)
    line = None if reference is None else number("reference", reference)
    curves = comparison.curves(rows, value, against)
    if reason := figures.missing():
        say(f"no picture: {reason}", err=True)
        return
    figure = figures.value_against_option(curves, against.replace("_", " "), value.replace("_", " "), line)
    figures.write_figure(figure, path.parent, path.stem, (path.suffix.removeprefix("."),))
    say(f"picture: {path}")

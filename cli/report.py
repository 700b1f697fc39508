"""``minidecomp report RUN``: the run as one HTML page with an interactive decoder."""

from __future__ import annotations

import click

from .loading import data_dir_option, data_option, load_run, place_in, which_option
from .output import check_output, check_run_output, say_page


@click.command()
@click.argument("run")
@click.option("--out", "-o", metavar="FILE.html", help="The page.  [default: RUN/report.html]")
@data_option
@data_dir_option
@which_option
def report(run: str, which: str | None, out: str | None, data: str | None, data_dir: str | None) -> None:
    """Write one HTML file with the settings, curves, evaluation, and an explorer of the latent space.

    The page is self-contained and needs no network. If the model is small enough, its decoder runs in the page: move z
    with sliders or, with two latent dimensions, in a plane, and watch the output, the terms and their gradients.
    """
    from pathlib import Path

    from minidecomp.report import write_report

    check_output("out", out, ending=(".html", ".htm"), makes_folder=True)
    loaded, dataset = load_run(run, data, data_dir, which)
    check_run_output("out", out, loaded, data, makes_folder=True)
    path = place_in(loaded, "report.html") if out is None else Path(out)
    say_page(path, write_report(loaded, dataset, path))

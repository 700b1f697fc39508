"""``minidecomp playground [RUN]``: a page that trains small models in the browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from minidecomp.errors import flag

from .loading import data_dir_option, data_option, load_run, place_in, which_option
from .output import check_output, check_run_output, say, say_page

NAME = "playground.html"


@click.command()
@click.argument("run", required=False)
@click.option("--out", "-o", metavar="FILE.html", help="The page.  [default: playground.html, in RUN if it is given]")
@click.option("--no-open", is_flag=True, help="Write the page without opening a browser.")
@data_option
@data_dir_option
@which_option
def playground(
    run: str | None, which: str | None, out: str | None, no_open: bool, data: str | None, data_dir: str | None
) -> None:
    """Write one HTML page that trains small models while you watch, and open it in the browser.

    The page needs no network. It draws the pull of every term while the model trains, and sliders change the objective.
    With RUN, training continues from that run: with its data, weights and optimiser, and with the same order of points
    and the same random draws.
    """
    from minidecomp.playground import write_playground

    check_output("out", out, ending=(".html", ".htm"), makes_folder=True)
    if run is None:
        _refuse_options_of_a_run(which=which, data=data, data_dir=data_dir)
        place, content = Path(NAME), None
    else:
        place, content = _of_run(run, out, which, data, data_dir)
    path = place if out is None else Path(out)
    say_page(path, write_playground(path, content))
    if not no_open and not _open(path):
        say("no browser could be opened; open the page yourself", err=True)


def _refuse_options_of_a_run(**options: str | None) -> None:
    for name, value in options.items():
        if value is not None:
            raise click.UsageError(f"{flag(name)} needs a RUN")


def _of_run(
    run: str, out: str | None, which: str | None, data: str | None, data_dir: str | None
) -> tuple[Path, dict[str, Any]]:
    """The usual place of the page, and the run in the page's form."""
    from minidecomp.playground import content

    loaded, dataset = load_run(run, data, data_dir, which)
    check_run_output("out", out, loaded, data, makes_folder=True)
    return place_in(loaded, NAME), content(loaded, dataset)


def _open(path: Path) -> bool:
    """Open the page in the user's browser; returns whether that worked."""
    import webbrowser

    # Without a display only text browsers would open; they take over the terminal and run no scripts.
    if sys.platform not in ("win32", "darwin") and not any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    ):
        return False
    try:
        return webbrowser.open(path.resolve().as_uri())
    except (webbrowser.Error, OSError, ValueError, IndexError):  # $BROWSER may be any text
        return False

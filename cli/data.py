"""``minidecomp data``: which data sets there are, and how to get them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .output import say

if TYPE_CHECKING:
    from minidecomp.data import DataSource


@click.group()
def data() -> None:
    """List, download and draw data sets.

    To train on your own file, give its path as --data; docs/data.md lists the formats.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the named data sets and where each one is found."""
    import json
    from dataclasses import asdict

    from minidecomp.data import available

    found = available()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    click.echo(f"{'name':<14} {'train':>6} {'test':>6} {'numbers':>8}  where")
    for each in found:
        where = each.where if each.ready else f"not found: {each.where}"
        say(f"{each.name:<14} {each.train:>6} {each.test:>6} {each.data_dim:>8}  {where}")


class FetchCommand(click.Command):
    """A command whose help lists what can be fetched."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Data sets"):
            formatter.write_dl([(name, source.fetch_note) for name, source in _fetchable().items()])


def _fetchable() -> dict[str, DataSource]:
    from minidecomp.variants import DATA_SETS

    return {name: source for name, source in DATA_SETS.items() if source.fetch is not None}


@data.command(cls=FetchCommand)
@click.argument("name")
@click.option("--data-dir", metavar="DIR", help="Put the files here instead of in the user's cache.")
def fetch(name: str, data_dir: str | None) -> None:
    """Download a data set and print its folder."""
    from minidecomp.errors import DataError
    from minidecomp.settings.options import data_names

    known = _fetchable()
    if name not in known:
        reason = "is not to be fetched" if name in data_names() else "is not known"
        raise DataError(f"{name}: {reason}; only {' and '.join(known)} can be fetched")
    say(str(known[name].fetch(data_dir, lambda line: say(line, err=True))))


@data.command()
@click.argument("name")
@click.option("--out", "-o", metavar="FILE", required=True, help="Ends in .npz or .npy.")
def render(name: str, out: str) -> None:
    """Draw the whole dSprites data set into a file.

    A .npz file has the arrays of the original file, with the factors' names and sizes, for other tools. A .npy file has
    the packed bits (377 MB). If it is named dsprites_packed.npy and is in --data-dir, all processes that train on
    dSprites share it.
    """
    from pathlib import Path

    from minidecomp.data import dsprites
    from minidecomp.errors import DataError

    if name != "dsprites":
        raise DataError(f"{name}: cannot be drawn into a file; only dsprites can")
    dsprites.check_out(Path(out))
    with click.progressbar(length=dsprites.COUNT, label="drawing", file=sys.stderr) as bar:
        dsprites.write(Path(out), lambda images: bar.update(images - bar.pos))
    say(out)

"""``minidecomp data``: which data sets there are, and how to get them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .group import Group
from .output import say

if TYPE_CHECKING:
    from minidecomp.data import DataSource


@click.group(cls=Group)
def data() -> None:
    """List, download and draw data sets.

    For your own data, give the path of the file as --data; docs/data.md says which files minidecomp reads.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
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
    from minidecomp.errors import DataError, either
    from minidecomp.settings.options import data_names

    known = _fetchable()
    if name not in known:
        what = f"{name} needs no fetching" if name in data_names() else f"unknown data set '{name}'"
        raise DataError(f"{what}; fetch {either(list(known))}")
    say(str(known[name].fetch(data_dir, lambda line: say(line, err=True))))


@data.command()
@click.argument("name")
@click.option("--out", "-o", metavar="FILE", required=True, help="The file to write; its name ends in .npz or .npy.")
def render(name: str, out: str) -> None:
    """Draw the whole dSprites data set into a file.

    A .npz file has the arrays of the original data set, with the names and sizes of the factors, for other tools. A
    .npy file has the packed bits (377 MB). If you call it dsprites_packed.npy and name its folder as --data-dir, all
    processes that train on it share it.
    """
    from pathlib import Path

    from minidecomp.data import dsprites
    from minidecomp.errors import DataError

    if name != "dsprites":
        raise DataError(f"{name}: only dsprites can be drawn into a file")
    dsprites.check_out(Path(out))
    with click.progressbar(length=dsprites.COUNT, label="drawing", file=sys.stderr) as bar:
        dsprites.write(Path(out), lambda images: bar.update(images - bar.pos))
    say(out)

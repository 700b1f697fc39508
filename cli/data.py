"""``minidecomp data``: which data sets there are, and how to get them."""

from __future__ import annotations

import sys

import click


@click.group()
def data() -> None:
    """List and fetch data sets.

    A file of your own needs neither: give its path as --data. It ends in .npy, .npz or .csv.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the named data sets and where each is found."""
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
        click.echo(f"{each.name:<14} {each.train:>6} {each.test:>6} {each.data_dim:>8}  {where}")


@data.command()
@click.argument("name")
@click.option("--data-dir", metavar="DIR", help="Put the files here instead of in the user's cache.")
def fetch(name: str, data_dir: str | None) -> None:
    """Download a data set and print its folder.

    NAME is fashion-mnist (31 MB) or dsprites (26 MB), which need not be fetched: it is drawn where it is not found.
    """
    from minidecomp.data import dsprites, fashion_mnist
    from minidecomp.errors import DataError

    modules = {"fashion-mnist": fashion_mnist, "dsprites": dsprites}
    if name not in modules:
        reason = "is drawn when it is loaded" if name == "pinwheel" else "is not known"
        raise DataError(f"{name}: {reason}; only {' and '.join(modules)} can be fetched")
    click.echo(modules[name].fetch(data_dir, lambda line: click.echo(line, err=True)))  # type: ignore[attr-defined]


@data.command()
@click.argument("name")
@click.option("--out", "-o", metavar="FILE", required=True, help="Ends in .npz or .npy.")
def render(name: str, out: str) -> None:
    """Draw dSprites, the whole set, into a file.

    A .npz file has the original's own format, for other tools. A .npy file holds the packed bits (377 MB); called
    dsprites_packed.npy and found in --data-dir, it is shared by all processes that train on it.
    """
    from pathlib import Path

    from minidecomp.data import dsprites
    from minidecomp.errors import DataError

    if name != "dsprites":
        raise DataError(f"{name}: cannot be drawn into a file; only dsprites can")
    dsprites.check_out(Path(out))
    with click.progressbar(length=dsprites.COUNT, label="drawing", file=sys.stderr) as bar:
        dsprites.write(Path(out), lambda images: bar.update(images - bar.pos))
    click.echo(out)

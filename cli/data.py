"""``minidecomp data``: which data sets there are, and how to get them."""

from __future__ import annotations

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

    NAME is fashion-mnist (31 MB).
    """
    from minidecomp.data import fashion_mnist
    from minidecomp.errors import DataError

    if name != "fashion-mnist":
        reason = "is drawn when it is loaded" if name == "pinwheel" else "is not known"
        raise DataError(f"{name}: {reason}; only fashion-mnist can be fetched")
    click.echo(fashion_mnist.fetch(data_dir, lambda line: click.echo(line, err=True)))

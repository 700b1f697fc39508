"""``minidecomp encode RUN DATA``: loc and scale of q(z|x) for your own data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from minidecomp.errors import OptionError

from .loading import load_model, make_engine, out_help, place_in, threads_option, which_option
from .options import ReadCommand
from .output import check_out, check_run_out, say, write_out


@click.command(cls=ReadCommand)
@click.argument("run")
@click.argument("data", required=False)
@click.option("--data", "-d", "option", metavar="FILE", help="Another way to give DATA.")
@click.option("--array", metavar="NAME", help="Name of the array to read, if a file has several.")
@click.option(
    "--out", "-o", metavar="FILE", help=f"Where to write the encodings; {out_help}  [default: RUN/encodings-DATA.npz]"
)
@threads_option
@which_option
def encode(
    run: str,
    which: str | None,
    data: str | None,
    option: str | None,
    array: str | None,
    out: str | None,
    threads: str | None,
    **others: Any,
) -> None:
    """Encode the points of a file.

    The result is the arrays loc and scale, each of shape (points, latent dimensions), and the index of the points. A
    .npy file has loc alone; a table has a row for each point.

    DATA is a file of points like those that the run was trained on: with the same columns, in the same units and
    range, and as bytes if the run was trained on bytes (docs/data.md). Columns of a table are found by their names.
    minidecomp reads the file as it read the run's own file, unless options say otherwise.
    """
    from minidecomp.data import arrays, labels
    from minidecomp.data.images import LAST
    from minidecomp.data.own import how_to_read
    from minidecomp.data.rules import check_finite
    from minidecomp.data.written import Given
    from minidecomp.settings.resolving import check

    data = _one_of(data, option)
    instead = {name: check(name, value) for name, value in others.items() if value is not None}
    check_out(out)
    loaded = load_model(run, which)
    check_run_out(out, loaded, data)
    found = arrays.read(data, array or loaded.options.array, how_to_read(loaded.options, loaded.rules, instead))
    points, note = loaded.rules.take(found.values, data, LAST)
    for line in filter(None, (*found.notes, note)):
        say(line, err=True)
    loc, scale = make_engine(loaded, threads).encode(points)
    check_finite(data, {"loc": loc, "scale": scale})
    stem = Path(data).stem.lstrip("-") or "stdin"
    given = Given(
        arrays={"loc": loc, "scale": scale},
        main="loc",
        table={"loc": loc, "scale": scale},
        latent=("loc", "scale"),
        names=loaded.rules.names,
        index=found.numbered,
        labels=labels.named(found.beside.labels),
    )
    write_out(out or _free_name(place_in(loaded, f"encodings-{stem}")), given)


def _one_of(data: str | None, option: str | None) -> str:
    """The file, given as DATA or with --data."""
    if data is None and option is None:
        raise click.UsageError("encode needs DATA; see minidecomp encode --help")
    if data is not None and option is not None:
        raise OptionError("data", option, f"the file {data} is already given; leave one of them out")
    return str(data if option is None else option)


def _free_name(start: Path) -> str:
    """START.npz, or a name with a number if that exists."""
    path, count = start.with_name(f"{start.name}.npz"), 1
    while path.exists():
        count += 1
        path = start.with_name(f"{start.name}-{count}.npz")
    return str(path)

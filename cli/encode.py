"""``minidecomp encode RUN DATA``: loc and scale of q(z|x) for a user's own data."""

from __future__ import annotations

from pathlib import Path

import click

from .loading import check_arrays_file, make_engine, threads_option, write_arrays


@click.command()
@click.argument("run")
@click.argument("data")
@click.option("--array", metavar="NAME", help="The array in an .npz file that has several.")
@click.option("--out", "-o", metavar="FILE.npz", help="Where the arrays go.  [RUN/encodings-DATA.npz]")
@threads_option
def encode(run: str, data: str, array: str | None, out: str | None, threads: str | None) -> None:
    """Encode the points of a file: the arrays loc and scale, each of shape (points, latent dimensions).

    DATA is a .npy, .npz or .csv file of points like those that the run was trained on: as wide, in the same range, and
    bytes where it was trained on bytes (docs/data.md).
    """
    from minidecomp.data import arrays
    from minidecomp.data.rules import check_finite
    from minidecomp.runs import checkpoint

    check_arrays_file(out)
    loaded = checkpoint.load(run)
    values, notes = arrays.read(data, array)
    points, note = loaded.rules.take(values, data)
    for line in (*notes, note):
        if line:
            click.echo(line, err=True)
    loc, scale = make_engine(loaded, threads).encode(points)
    check_finite(data, {"loc": loc, "scale": scale})
    write_arrays(out or _free_name(loaded.folder, f"encodings-{Path(data).stem}"), loc=loc, scale=scale)


def _free_name(folder: Path, stem: str) -> str:
    """FOLDER/STEM.npz, or with a number where that is taken."""
    path, count = folder / f"{stem}.npz", 1
    while path.exists():
        count += 1
        path = folder / f"{stem}-{count}.npz"
    return str(path)

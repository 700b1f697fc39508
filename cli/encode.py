"""``minidecomp encode RUN DATA``: loc and scale of q(z|x) for data of one's own."""

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

    DATA is a .npy, .npz or .csv file whose points are as wide as those that the run was trained on.
    """
    from minidecomp.data import arrays
    from minidecomp.data.points import as_stored, value_range
    from minidecomp.errors import DataError
    from minidecomp.runs import checkpoint

    check_arrays_file(out)
    loaded = checkpoint.load(run)
    points, _ = arrays.read(data, array)
    if points.shape[1] != loaded.vae.data_dim:
        raise DataError(f"{data}: has {points.shape[1]} numbers a point; the run's model takes {loaded.vae.data_dim}")
    low, high = value_range(points)
    if loaded.options.likelihood == "bernoulli" and (low < 0 or high > 1):
        raise DataError(f"{data}: has {low:g} to {high:g}; the run's model was trained on data from 0 to 1")
    loc, scale = make_engine(loaded, threads).encode(as_stored(points, loaded.vae.dtype))
    write_arrays(out or _free_name(loaded.folder, f"encodings-{Path(data).stem}"), loc=loc, scale=scale)


def _free_name(folder: Path, stem: str) -> str:
    """FOLDER/STEM.npz, or with a number where that is taken."""
    path, count = folder / f"{stem}.npz", 1
    while path.exists():
        count += 1
        path = folder / f"{stem}-{count}.npz"
    return str(path)

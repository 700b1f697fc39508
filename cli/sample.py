"""``minidecomp sample RUN``: what the decoder makes of points from the prior."""

from __future__ import annotations

import click

from .loading import (
    arrays_option,
    check_arrays_file,
    data_dir_option,
    data_option,
    draw,
    load_data,
    seed_option,
    write_arrays,
)


@click.command()
@click.argument("run")
@click.option("--count", "-n", metavar="N", default="64", help="How many.  [64]")
@seed_option
@arrays_option
@data_option
@data_dir_option
def sample(run: str, count: str, seed: str, out: str | None, data: str | None, data_dir: str | None) -> None:
    """Sample z from the prior and x from p(x|z): a picture, and with --out the arrays z, mean, E[x|z], and x.

    The picture shows images as their means, and other points as x.
    """
    from minidecomp import figures
    from minidecomp.data.points import as_numbers, evenly_spread
    from minidecomp.runs import checkpoint
    from minidecomp.settings.resolving import check, whole_number

    number, checked_seed = whole_number("count", count, 1, 10**7), check("seed", seed)
    check_arrays_file(out)
    loaded = checkpoint.load(run)
    z, mean, x = loaded.vae.sample(number, checked_seed)
    if out is not None:
        write_arrays(out, z=z, mean=mean, x=x)
    dataset = load_data(loaded, data, data_dir)
    beside = as_numbers(dataset.train[evenly_spread(len(dataset.train), 1000)], loaded.vae.dtype)
    shown = x if dataset.image_shape is None else mean
    draw(loaded, "samples", lambda: figures.samples(shown, beside, dataset.image_shape))

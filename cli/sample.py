"""``minidecomp sample RUN``: what the decoder makes of points from the prior."""

from __future__ import annotations

import click

from .loading import (
    data_dir_option,
    data_option,
    draw,
    load_data,
    load_model,
    out_option,
    place_in,
    seed_option,
    which_option,
)
from .output import STANDARD_OUTPUT, check_out, check_run_out, write_out


@click.command()
@click.argument("run")
@click.option("--count", "-n", metavar="N", default="64", help="Number of samples.  [default: 64]")
@seed_option
@out_option
@data_option
@data_dir_option
@which_option
def sample(
    run: str, which: str | None, count: str, seed: str, out: str | None, data: str | None, data_dir: str | None
) -> None:
    """Sample z from the prior and x from p(x|z), and draw them in RUN/figures/samples-COUNT-seedSEED.png.

    The picture shows images as their means E[x|z], without noise, and other points as x. --out writes the arrays z,
    mean (E[x|z]) and x. An .npy file has x alone, and a table has a row for each sample.
    """
    from minidecomp import figures
    from minidecomp.data.points import evenly_spread
    from minidecomp.data.written import Given
    from minidecomp.settings.resolving import check, whole_number

    number, checked_seed = whole_number("count", count, 1, 10**7), check("seed", seed)
    check_out(out)
    loaded = load_model(run, which)
    check_run_out(out, loaded, data)
    z, mean, x = loaded.vae.sample(number, checked_seed)
    mean, x = loaded.rules.give(mean), loaded.rules.give(x)
    dataset = load_data(loaded, data, data_dir)
    beside = dataset.given(dataset.train[evenly_spread(len(dataset.train), 1000)], loaded.vae.dtype)
    shown = x if dataset.image_shape is None else mean
    name = f"samples-{number}-seed{checked_seed}"
    columns = dataset.feature_names
    draw(
        place_in(loaded, "figures"),
        name,
        lambda: figures.samples(shown, beside, dataset.image_shape, columns),
        err=out == STANDARD_OUTPUT,
    )
    if out is not None:
        given = Given(
            arrays={"z": z, "mean": mean, "x": x},
            main="x",
            table={"z": z, "x": x, "mean": mean},
            latent=("z",),
            features={"x": "", "mean": "mean_"},
            names=loaded.rules.names,
            image_shape=loaded.rules.image_shape,
        )
        write_out(out, given)

"""``minidecomp sample RUN``: what the decoder makes of points from the prior."""

from __future__ import annotations

import click

from .loading import arrays_option, check_arrays_file, data_dir_option, draw, load_run, seed_option, write_arrays


@click.command()
@click.argument("run")
@click.option("--count", "-n", metavar="N", default="64", help="How many.  [64]")
@seed_option
@arrays_option
@data_dir_option
def sample(run: str, count: str, seed: str, out: str | None, data_dir: str | None) -> None:
    """Sample z from the prior and decode it: a picture, and with --out the arrays z and mean, E[x | z]."""
    from minidecomp import figures, random
    from minidecomp.draws import sample_prior
    from minidecomp.points import as_numbers
    from minidecomp.resolving import check, whole_number

    number, checked_seed = whole_number("count", count, 1, 10**7), check("seed", seed)
    check_arrays_file(out)
    loaded, dataset = load_run(run, data_dir)
    vae = loaded.vae
    shape = (number, vae.latent_dim)
    z, _, _ = sample_prior(vae.current_prior(), shape, checked_seed, 0, vae.dtype, purpose=random.SAMPLE)
    mean = vae.likelihood.mean(vae.decode(z))
    beside = as_numbers(dataset.test[:1000], vae.dtype)
    draw(loaded, "samples", lambda: figures.samples(mean, beside, dataset.image_shape))
    if out is not None:
        write_arrays(out, z=z, mean=mean)

"""``minidecomp reconstruct RUN``: test points and what the model makes of them."""

from __future__ import annotations

import click

from .loading import arrays_option, data_dir_option, data_option, draw, load_run
from .output import check_output, check_run_output, write_arrays


@click.command()
@click.argument("run")
@click.option("--count", "-n", metavar="N", default="20", help="How many test points.  [20]")
@arrays_option
@data_option
@data_dir_option
def reconstruct(run: str, count: str, out: str | None, data: str | None, data_dir: str | None) -> None:
    """Reconstruct test points: a picture, and with --out the arrays x, reconstruction, loc and scale.

    A reconstruction is E[x | z] at the posterior's mean. The points are spread evenly over the test data. The picture
    is RUN/figures/reconstructions-COUNT.png.
    """
    import numpy as np

    from minidecomp import figures, memory
    from minidecomp.data.points import as_numbers
    from minidecomp.data.rules import check_finite
    from minidecomp.settings.resolving import whole_number

    number = whole_number("count", count, 1, 10**7)
    check_output("out", out, ending=".npz")
    loaded, dataset = load_run(run, data, data_dir)
    check_run_output("out", out, loaded, data)
    vae = loaded.vae
    chosen, names = figures.test_points(dataset, number)
    layers = (*vae.encoder.widths, *vae.decoder.widths)
    size = memory.of_reconstructions(len(chosen), layers, vae.data_dim, vae.dtype.itemsize)
    memory.ask(f"{len(chosen)} reconstructions", size, "fewer, by --count, take less")
    x = as_numbers(dataset.test[chosen], vae.dtype)
    with np.errstate(all="ignore"):  # what is not finite is refused
        loc, scale = vae.encode(x)
        reconstruction = vae.likelihood.mean(vae.decode(loc))
    found = {"loc": loc, "scale": scale, "reconstruction": reconstruction}
    check_finite(f"the test points of {dataset.name}", found)
    x, reconstruction = dataset.give(x), dataset.give(reconstruction)
    draw(
        loaded.folder,
        f"reconstructions-{number}",
        lambda: figures.data_and_reconstructions(x, reconstruction, dataset.image_shape, names, dataset.feature_names),
    )
    if out is not None:
        write_arrays(out, x=x, reconstruction=reconstruction, loc=loc, scale=scale)

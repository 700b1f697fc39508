"""``minidecomp reconstruct RUN``: test points and what the model makes of them."""

from __future__ import annotations

import click

from .loading import data_dir_option, data_option, draw, load_run, out_option, place_in, which_option
from .output import STANDARD_OUTPUT, check_out, check_run_out, write_out


@click.command()
@click.argument("run")
@click.option("--count", "-n", metavar="N", default="20", help="Number of test points.  [default: 20]")
@out_option
@data_option
@data_dir_option
@which_option
def reconstruct(
    run: str, which: str | None, count: str, out: str | None, data: str | None, data_dir: str | None
) -> None:
    """Draw test points beside their reconstructions, in RUN/figures/reconstructions-COUNT.png.

    A reconstruction is E[x | z] at the posterior's mean. The points are spread evenly over the test data, or over its
    classes. --out writes the arrays x, reconstruction, loc, scale, index and labels. An .npy file has the
    reconstructions alone, and a table has a row for each point.
    """
    from functools import partial

    import numpy as np

    from minidecomp import figures, memory
    from minidecomp.data.dataset import named
    from minidecomp.data.points import as_numbers
    from minidecomp.data.rules import check_finite
    from minidecomp.data.written import Given
    from minidecomp.settings.resolving import whole_number

    number = whole_number("count", count, 1, 10**7)
    check_out(out)
    loaded, dataset = load_run(run, data, data_dir, which)
    check_run_out(out, loaded, data)
    vae = loaded.vae
    chosen, labels = figures.test_points(dataset, number)
    layers = (*vae.encoder.widths, *vae.decoder.widths)
    size = memory.of_reconstructions(len(chosen), layers, vae.data_dim, vae.dtype.itemsize)
    memory.ask(f"{len(chosen)} reconstructions", size, "fewer, by --count, take less")
    points, columns = dataset.test[chosen], dataset.feature_names
    with np.errstate(all="ignore"):  # what is not finite is refused
        loc, scale = vae.encode(as_numbers(points, vae.dtype))
        reconstruction = vae.likelihood.mean(vae.decode(loc))
    found = {"loc": loc, "scale": scale, "reconstruction": reconstruction}
    check_finite(f"the test points of {dataset.name}", found)
    x, reconstruction = dataset.given(points, vae.dtype), dataset.give(reconstruction)
    shown = (x, reconstruction, dataset.image_shape, labels, columns)
    picture = partial(figures.data_and_reconstructions, *shown, class_names=dataset.classes)
    draw(place_in(loaded, "figures"), f"reconstructions-{number}", picture, err=out == STANDARD_OUTPUT)
    if out is not None:
        found = {"x": x, "reconstruction": reconstruction, "loc": loc, "scale": scale}
        given = Given(
            arrays=found,
            main="reconstruction",
            table=found,
            latent=("loc", "scale"),
            features={"x": "", "reconstruction": "reconstruction_"},
            names=loaded.rules.names,
            image_shape=loaded.rules.image_shape,
            index=chosen if dataset.test_index is None else dataset.test_index[chosen],
            labels=named(labels, dataset.class_names),
        )
        write_out(out, given)

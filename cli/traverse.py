"""``minidecomp traverse RUN``: what each latent dimension does to a point."""

from __future__ import annotations

import click

from .loading import arrays_option, check_arrays_file, data_dir_option, data_option, draw, load_run, write_arrays


@click.command()
@click.argument("run")
@click.option("--point", metavar="N", default="0", help="The test point, from 0, whose encoding is moved.  [0]")
@click.option("--steps", metavar="N", default="11", help="Values for each dimension.  [11]")
@click.option("--span", metavar="X", default="3", help="How far, in the prior's scales each way.  [3]")
@click.option("--dimensions", metavar="N", default="10", help="The dimensions of the largest KL, so many.  [10]")
@click.option("--gif/--no-gif", default=True, help="An animation, too, where the data are images.  [yes]")
@arrays_option
@data_option
@data_dir_option
def traverse(
    run: str,
    point: str,
    steps: str,
    span: str,
    dimensions: str,
    gif: bool,
    out: str | None,
    data: str | None,
    data_dir: str | None,
) -> None:
    """Move each latent dimension through the prior, the others staying: a picture and an animation.

    A row is a dimension; they are ordered by their KL over the test data, the largest first. With --out the arrays
    dimension, kl, values and means.
    """
    import numpy as np

    from minidecomp import figures
    from minidecomp.dimensions import dimension_kl
    from minidecomp.files import make_folder
    from minidecomp.points import as_numbers
    from minidecomp.resolving import number, whole_number
    from minidecomp.traversal import traverse

    index, step_count = whole_number("point", point, 0, 2**62), whole_number("steps", steps, 2, 1000)
    rows, width = whole_number("dimensions", dimensions, 1, 10**4), number("span", span, above=0)
    check_arrays_file(out)
    loaded, dataset = load_run(run, data, data_dir)
    vae = loaded.vae
    index = whole_number("point", index, 0, len(dataset.test) - 1)
    loc, scale = vae.encode(as_numbers(dataset.test[:2000], vae.dtype))
    kl = dimension_kl(loc, scale, vae.current_prior())
    order = np.argsort(-kl, kind="stable")[:rows]
    base = vae.encode(as_numbers(dataset.test[index : index + 1], vae.dtype))[0][0]
    values, means = traverse(vae, base, step_count, width)
    values, means = values[order], means[order]
    names = [f"$z_{{{d + 1}}}$, KL {kl[d]:.2f}" for d in order]
    draw(loaded, "traversals", lambda: figures.latent_traversals(values, means, names, width, dataset.image_shape))
    if gif and dataset.image_shape is not None and figures.available():
        path = make_folder(loaded.folder / "figures") / "traversals.gif"
        figures.write_animation(path, means, dataset.image_shape)
        click.echo(f"animation: {path}")
    if out is not None:
        write_arrays(out, dimension=order, kl=kl[order], values=values, means=means)

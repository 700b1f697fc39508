"""``minidecomp traverse RUN``: what each latent dimension does to a point."""

from __future__ import annotations

import click

from .loading import data_dir_option, data_option, draw, load_run, make_engine, out_option, place_in, which_option
from .output import STANDARD_OUTPUT, check_out, check_run_out, say, write_out


@click.command()
@click.argument("run")
@click.option(
    "--points",
    metavar="N,N,..",
    help="Move the encodings of these test points, counted from 0.  [default: the one nearest to the mean encoding]",
)
@click.option(
    "--dimension", metavar="N", help="Move only this latent dimension, counted from 1; each row is then a test point."
)
@click.option("--steps", metavar="N", default="11", help="Number of values for each dimension.  [default: 11]")
@click.option(
    "--span", metavar="X", default="3", help="How far to move each way, in scales of the prior.  [default: 3]"
)
@click.option(
    "--dimensions", metavar="N", default="10", help="Move the N dimensions with the largest KL.  [default: 10]"
)
@click.option("--gif/--no-gif", default=True, help="Also draw an animation, if the data are images.  [default: yes]")
@out_option
@data_option
@data_dir_option
@which_option
def traverse(
    run: str,
    which: str | None,
    points: str | None,
    dimension: str | None,
    steps: str,
    span: str,
    dimensions: str,
    gif: bool,
    out: str | None,
    data: str | None,
    data_dir: str | None,
) -> None:
    """Move each latent dimension through the prior while the others stay: a picture and, of images, an animation.

    Each row is a dimension. The rows are ordered by their KL over the test data, the largest first; the KL is that of
    evaluation.json. With --dimension each row is one of --points and shows what that dimension does to it. --out writes
    the arrays dimension, point, kl, values, means, index and labels. An .npy file has the means alone, and a table has
    a row for each step.
    """
    from functools import partial

    import numpy as np

    from minidecomp import figures, memory
    from minidecomp.data.dataset import named
    from minidecomp.data.points import as_stored
    from minidecomp.data.written import Given
    from minidecomp.errors import OptionError
    from minidecomp.evaluation.everything import evaluated_dimension_kl
    from minidecomp.evaluation.traversal import traverse
    from minidecomp.files import make_folder
    from minidecomp.settings.resolving import number, whole_number

    step_count, width = whole_number("steps", steps, 2, 1000), number("span", span, above=0, high=1000)
    rows = whole_number("dimensions", dimensions, 1, 10**4)
    check_out(out)
    loaded, dataset = load_run(run, data, data_dir, which)
    check_run_out(out, loaded, data)
    vae, last = loaded.vae, len(dataset.test) - 1
    indices = [whole_number("points", each, 0, last) for each in points.split(",")] if points else []
    only = None if dimension is None else whole_number("dimension", dimension, 1, vae.latent_dim) - 1
    if only is None and len(indices) > 1:
        raise OptionError("points", points, expected="one test point (several need --dimension)")
    loc, scale = make_engine(loaded).encode(as_stored(dataset.test, vae.dtype))
    kl = evaluated_dimension_kl(loaded.folder, loaded.options, loaded.state, loc, scale)
    indices = indices or [int(((loc - loc.mean(0)) ** 2).sum(1).argmin())]
    drawn = min(rows, vae.latent_dim) if only is None else len(indices)
    layers, width_of_x = vae.decoder.widths, vae.data_dim
    size = memory.of_traversal(len(indices), step_count, drawn, layers, width_of_x, vae.dtype.itemsize)
    memory.ask(f"a traversal of {step_count} steps", size, "fewer --steps, --dimensions or --points take less")
    bases = loc[indices]
    moved = [traverse(vae, base, step_count, width) for base in bases]
    if only is None:
        order = np.argsort(-kl, kind="stable")[:rows]
        values, means = moved[0][0][order], moved[0][1][order]
        names, name = [f"$z_{{{d + 1}}}$\nKL {kl[d]:.2f} nats" for d in order], "traversals"
        note = f"the other dimensions keep the values of test point {indices[0]}" if vae.latent_dim > 1 else ""
        moving = [f"z{d + 1}" for d in order]
    else:
        order = np.full(len(indices), only)
        values, means = (np.stack([pair[part][only] for pair in moved]) for part in (0, 1))
        names, name = [f"point {index}" for index in indices], f"traversals-z{only + 1}"
        note = f"$z_{{{only + 1}}}$ moves, KL {kl[only]:.2f} nats; the other dimensions keep the values of each point"
        moving = [f"point {index}\nz{only + 1}" for index in indices]
    seen, means = dataset.given(dataset.test[:1000], vae.dtype), dataset.give(means)
    shape, columns = dataset.image_shape, dataset.feature_names
    quiet = out == STANDARD_OUTPUT
    picture = partial(figures.latent_traversals, values, means, names, width, seen, shape, columns)
    draw(place_in(loaded, "figures"), name, partial(picture, note=note), err=quiet)
    if gif and dataset.image_shape is not None and not figures.missing():
        path = make_folder(place_in(loaded, "figures")) / f"{name}.gif"
        figures.write_animation(path, values, means, moving, seen, dataset.image_shape)
        say(f"animation: {path}", quiet)
    if out is not None:
        shown = np.array(indices if only is not None else indices * len(order))
        labels = named(dataset.test_labels, dataset.class_names)
        of_rows = {"dimension": order + 1, "point": shown, "kl": kl[order]}
        given = Given(
            arrays={**of_rows, "values": values, "means": means},
            main="means",
            table={
                **{name: np.repeat(array, step_count) for name, array in of_rows.items()},
                "value": values.reshape(-1),
                "mean": means.reshape(-1, vae.data_dim),
            },
            features={"mean": "mean_"},
            names=loaded.rules.names,
            image_shape=loaded.rules.image_shape,
            index=None if dataset.test_index is None else dataset.test_index[shown],
            labels=None if labels is None else labels[shown],
            repeats=step_count,
        )
        write_out(out, given)

"""``minidecomp plot RUN``: the pictures of a run, drawn from its folder."""

from __future__ import annotations

import click

from minidecomp.errors import OptionError

from .loading import data_dir_option, data_option, load_data, load_model, place_in, which_option
from .output import given_folder, say


@click.command()
@click.argument("run")
@click.option("--out", "-o", metavar="DIR", help="The folder for the pictures.  [default: RUN/figures]")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="png|pdf|svg",
    help="Format of the pictures; repeat it for several.  [default: png]",
)
@click.option("--seed", "-s", metavar="N", default="0", help="Seed of the samples.  [default: 0]")
@click.option("--classes", metavar="NAME,NAME,..", help="Draw the active dimensions of these classes.  [default: all]")
@data_option
@data_dir_option
@which_option
def plot(
    run: str,
    which: str | None,
    out: str | None,
    formats: tuple[str, ...],
    seed: str,
    classes: str | None,
    data: str | None,
    data_dir: str | None,
) -> None:
    """Draw a run's pictures: learning curves, aggregate posterior, active dimensions, reconstructions, samples.

    For a run with --log-gradients it also draws the norms and cosines of the terms' gradients and, with two latent
    dimensions, an animation of where the gradients move the encodings. Learning curves and gradients need the run
    alone; the other pictures need the data that it was trained on.
    """
    from minidecomp import figures
    from minidecomp.settings.resolving import check
    from minidecomp.settings.schedules import over_epochs

    figures.check_formats(formats)
    checked_seed = check("seed", seed)
    loaded = load_model(run, which)
    folder = given_folder(out, place_in(loaded, "figures"))
    chosen = _names(classes)
    if chosen:
        figures.check_classes(loaded.vae, load_data(loaded, data, data_dir), chosen)
    kinds, training = formats or ("png",), loaded.training()
    metrics = training.metrics()
    metrics = over_epochs(loaded.options, len(metrics["epoch"])) | metrics
    best = loaded.state.epoch if loaded.which == "best" else None
    for path in figures.draw_curves(folder, metrics, kinds, loaded.objective.kl_title, best):
        say(f"picture: {path}")
    log = training.gradient_log
    if log is not None and log.rows:
        for path in figures.draw_gradient_log(folder, log, loaded.vae.current_prior(), kinds):
            say(f"picture: {path}")
    dataset = load_data(loaded, data, data_dir)
    for path in figures.draw_model(folder, loaded.vae, dataset, checked_seed, kinds, chosen):
        say(f"picture: {path}")


def _names(classes: str | None) -> list[str]:
    """The names of the classes; the option needs at least one."""
    if classes is None:
        return []
    names = [each.strip() for each in classes.split(",") if each.strip()]
    if not names:
        raise OptionError("classes", classes, expected="names of classes, separated by commas")
    return names

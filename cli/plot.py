"""``minidecomp plot RUN``: the pictures of a run, drawn from its folder."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--out", "-o", metavar="DIR", help="Where to put them.  [RUN/figures]")
@click.option("--data-dir", metavar="DIR", help="Folder of the data set's files.")
@click.option("--format", "formats", multiple=True, metavar="png|pdf|svg", help="May be given more than once.  [png]")
@click.option("--seed", "-s", metavar="N", default="0", help="Seed of the samples.  [0]")
def plot(run: str, out: str | None, data_dir: str | None, formats: tuple[str, ...], seed: str) -> None:
    """Draw a run's pictures: learning curves, aggregate posterior, reconstructions, samples."""
    import dataclasses
    from pathlib import Path

    from minidecomp import build, figures, runs
    from minidecomp.resolving import check

    figures.check_formats(formats)
    checked_seed = check("seed", seed)
    loaded = runs.load(run)
    options = loaded.options if data_dir is None else dataclasses.replace(loaded.options, data_dir=data_dir)
    folder = Path(out) if out is not None else loaded.folder / "figures"
    state, dataset = loaded.state, build.dataset(options)
    for path in figures.draw_all(folder, state.metrics(), state.vae, dataset, checked_seed, formats or ("png",)):
        click.echo(f"picture: {path}")

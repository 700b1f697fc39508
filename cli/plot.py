"""``minidecomp plot RUN``: the pictures of a run, drawn from its folder."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--out", "-o", metavar="DIR", help="Where to put them.  [RUN/figures]")
@click.option("--data-dir", metavar="DIR", help="Folder of the data set's files.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["png", "pdf", "svg"]),
    help="May be given more than once.  [png]",
)
@click.option("--seed", "-s", type=click.IntRange(0), default=0, help="Seed of the samples.  [0]")
def plot(run: str, out: str | None, data_dir: str | None, formats: tuple[str, ...], seed: int) -> None:
    """Draw a run's pictures: learning curves, aggregate posterior, reconstructions, samples."""
    import dataclasses
    from pathlib import Path

    from minidecomp import figures, runs

    from .train import _load

    loaded = runs.load(run)
    options = loaded.options if data_dir is None else dataclasses.replace(loaded.options, data_dir=data_dir)
    dataset = _load(options)
    folder = Path(out) if out is not None else loaded.folder / "figures"
    for path in figures.draw_all(folder, loaded.metrics(), loaded.vae, dataset, seed=seed, formats=formats or ("png",)):
        click.echo(path)

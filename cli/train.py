"""``minidecomp train``: from options to a run folder with a trained model and its pictures."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minidecomp import options as train_options
from minidecomp.errors import OptionError

from .options import GroupedCommand, stdout_is_terminal
from .options import train_options as add_train_options

if TYPE_CHECKING:
    from minidecomp.data.dataset import Dataset
    from minidecomp.training import Trainer

# What a resumed run may change: none of them changes a step.
CHANGEABLE = ("epochs", "threads", "engine", "checkpoint_every", "data_dir")


@click.command(cls=GroupedCommand)
@add_train_options
@click.option("-o", "--out", metavar="DIR", help="The run folder.  [runs/DATA-PRIOR-alphaA-betaB-seedS]")
@click.option("-c", "--config", metavar="FILE", help="Options from a TOML file; a run's config.toml is one.")
@click.option("--resume", metavar="RUN", help="Go on with a run that was stopped, or train it for more --epochs.")
@click.option("--plots/--no-plots", default=True, help="Draw the pictures at the end.  [yes]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def train(
    out: str | None,
    config: str | None,
    resume: str | None,
    plots: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Train a model and draw its pictures.

    \b
    beta   weight of KL(q(z|x) || p(z)): overlap of the encodings
    alpha  weight of D(q(z), p(z)): match of the aggregate posterior to the prior
    gamma  weight of the spike in the sparse prior

    An option on the command line counts before $MINIDECOMP_NAME, which counts before --config, which counts before the
    defaults of the data set, the paper's.
    """
    given = {name: value for name, value in given.items() if value is not None}
    trainer = _resume(resume, given, out, config) if resume is not None else _start(given, out, config, quiet)
    finished, stop_signal = _train(trainer, quiet)
    if not finished:
        state = trainer.state
        click.echo(f"stopped in epoch {state.epoch + 1} of {trainer.epochs}; it is saved", err=True)
        click.echo(f"go on with: minidecomp train --resume {trainer.folder}", err=True)
        return 128 + stop_signal
    result = _evaluate(trainer)
    pictures = _draw(trainer, quiet) if plots else []
    _report(trainer, result, pictures, as_json)
    return 0


def _start(given: dict[str, Any], out: str | None, config: str | None, quiet: bool) -> Trainer:
    from minidecomp import runs, training
    from minidecomp.data.arrays import infer_likelihood

    if config is not None:
        given = runs.read_config(Path(config)) | given
    options = train_options.resolve(given)
    dataset = _load(options)
    if options.likelihood is None:
        options = dataclasses.replace(options, likelihood=infer_likelihood(dataset))
        if not quiet:
            values = "every value is 0 or 1" if options.likelihood == "bernoulli" else "not every value is 0 or 1"
            click.echo(f"likelihood: {options.likelihood}, for {values}; --likelihood chooses another", err=True)
    trainer = training.start(options, dataset, out)
    if not quiet:
        points = f"{len(dataset.train)} points of {dataset.data_dim} numbers"
        click.echo(f"{dataset.name} ({points}), {options.prior} prior, into {trainer.folder}", err=True)
    return trainer


def _resume(resume: str, given: dict[str, Any], out: str | None, config: str | None) -> Trainer:
    from minidecomp import runs, training

    fixed = [name for name in given if name not in CHANGEABLE]
    if out is not None or config is not None or fixed:
        name = "out" if out is not None else "config" if config is not None else fixed[0]
        shown = ", ".join("--" + changeable.replace("_", "-") for changeable in CHANGEABLE)
        raise OptionError(
            name,
            {"out": out, "config": config}.get(name, given.get(name)),
            f"--resume takes the run's own; only {shown} may change",
        )
    run = runs.load(resume)
    changes = {name: train_options.check(name, value) for name, value in given.items()}
    if changes.get("engine") == "auto":
        changes["engine"] = "cpu"
    options = dataclasses.replace(run.options, **changes)
    trainer = training.resume(run, options, _load(options))
    runs.write_file(run.folder / "config.toml", lambda file: file.write(runs.config_text(options).encode()))
    return trainer


def _load(options: train_options.TrainOptions) -> Dataset:
    from minidecomp import data

    o: Any = options
    dataset = data.load(
        o.data,
        data_dir=o.data_dir,
        array=o.array,
        image_size=o.image_size,
        arms=o.arms,
        points_per_arm=o.points_per_arm,
        radial_std=o.radial_std,
        tangential_std=o.tangential_std,
        rate=o.rate,
        data_seed=o.data_seed,
        test_fraction=o.test_fraction,
        limit=o.limit,
    )
    return dataset


@contextmanager
def _stop_on_signals() -> Iterator[list[int]]:
    """Collects the first SIGINT or SIGTERM, so that a step is never cut in two; a second one interrupts at once."""
    received: list[int] = []

    def note(number: int, frame: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)

    kept = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _terms(trainer: Trainer) -> str:
    """The terms' values over the last epoch, or over the present one if it is the first."""
    state = trainer.state
    values = state.rows[-1] if state.rows and state.row == 0 else trainer.means()
    shown = {"log_likelihood": "log p", "kl": "KL", "regulariser": "D", "objective": "L"}
    return "  ".join(f"{short} {values[term]:.4g}" for term, short in shown.items() if values[term] == values[term])


def _train(trainer: Trainer, quiet: bool) -> tuple[bool, int]:
    from minidecomp.training import train

    points = len(trainer.data)
    with _stop_on_signals() as received:
        if quiet or not stdout_is_terminal():
            finished = train(trainer, (lambda t: None) if quiet else _line_printer(), lambda: bool(received))
            return finished, received[0] if received else 0
        with click.progressbar(
            length=trainer.epochs * points,
            label=f"epoch {trainer.state.epoch}/{trainer.epochs}",
            item_show_func=lambda t: _terms(t) if t is not None else "",
            file=click.get_text_stream("stderr"),
            update_min_steps=max(1, points // 10),
            width=24,
        ) as bar:
            bar.update(trainer.state.epoch * points + trainer.state.row)
            shown = [trainer.state.epoch * points + trainer.state.row, 0.0]

            def advance(t: Trainer) -> None:
                if time.monotonic() - shown[1] < 0.1 and t.state.epoch < t.epochs:
                    return
                position = t.state.epoch * points + t.state.row
                bar.label = f"epoch {t.state.epoch}/{t.epochs}"
                bar.update(int(position - shown[0]), t)
                shown[:] = [position, time.monotonic()]

            finished = train(trainer, advance, lambda: bool(received))
    return finished, received[0] if received else 0


def _line_printer() -> Any:
    """Off a terminal: a line every ten seconds, and one at the end."""
    last = [time.monotonic()]

    def show(t: Trainer) -> None:
        if time.monotonic() - last[0] >= 10 or t.state.epoch == t.epochs:
            click.echo(f"epoch {t.state.epoch}/{t.epochs}  {_terms(t)}", err=True)
            last[0] = time.monotonic()

    return show


def _evaluate(trainer: Trainer) -> dict[str, Any]:
    from minidecomp import __version__, runs
    from minidecomp.evaluation import evaluate

    o: Any = trainer.options
    last = trainer.state.rows[-1]
    train = {name: value if value == value else None for name, value in last.items()}
    test = evaluate(trainer.engine, trainer.dataset.test, o.batch_size, o.seed)
    result = {
        "version": __version__,
        "epochs": trainer.state.epoch,
        "seed": o.seed,
        "train": train,
        "test": test,
    }
    runs.write_json(trainer.folder / "evaluation.json", result)
    return result


def _draw(trainer: Trainer, quiet: bool) -> list[Path]:
    from minidecomp import figures

    if not figures.available():
        if not quiet:
            click.echo("no pictures: they need matplotlib; pip install 'minidecomp[plots]'", err=True)
        return []
    columns = {name: _column(trainer, name) for name in trainer.state.rows[0]}
    return figures.draw_all(
        trainer.folder / "figures",
        columns,
        trainer.state.vae,
        trainer.dataset,
        seed=trainer.options.seed or 0,
    )


def _column(trainer: Trainer, name: str) -> Any:
    import numpy as np

    return np.array([row[name] for row in trainer.state.rows], float)


def _report(trainer: Trainer, result: dict[str, Any], pictures: list[Path], as_json: bool) -> None:
    if as_json:
        import json

        click.echo(
            json.dumps({"run": str(trainer.folder), **result, "pictures": [str(path) for path in pictures]}, indent=2)
        )
        return
    o: Any = trainer.options
    train = dict(result["train"])
    train[o.regulariser] = train.pop("regulariser")
    labels = {"log_likelihood": "log-likelihood", "kl": "KL", "mmd": "MMD", "kl-inc": "KL(p || q)"}
    click.echo(f"{trainer.state.epoch} epochs in {trainer.state.seconds:.1f} s; means over the data, in nats:")
    click.echo(f"{'':16}{'train':>12}{'test':>12}")
    for name, label in labels.items():
        cells = [part.get(name) for part in (train, result["test"])]
        click.echo(f"{label:16}" + "".join(f"{'' if cell is None else format(cell, '.4f'):>12}" for cell in cells))
    click.echo(f"run: {trainer.folder}")
    for path in pictures:
        click.echo(f"picture: {path}")
    click.echo(f"next: minidecomp plot {trainer.folder}")

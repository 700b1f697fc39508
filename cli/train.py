"""``minidecomp train``: trains a model from options, and writes a run folder with the model and its pictures."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, counted
from minidecomp.rounding import rounded
from minidecomp.settings.options import GOES_ON

from .loading import (
    dataset_of,
    say_notes,
    say_test_points_are_not_known,
    say_unit_of_log_likelihoods,
    say_what_is_not_finite,
)
from .namesake import say_what_is_there
from .options import TrainCommand
from .output import say
from .printing import points_below_each_other
from .progress import progress, stop_on_signals, waiting

if TYPE_CHECKING:
    from minidecomp.runs.checkpoint import Run
    from minidecomp.training import Trainer

SCALED = {
    "none": "",
    "bytes": ", bytes divided by 255",
    "unit": ", scaled to 0..1",
    "standardise": ", scaled to mean 0 and standard deviation 1",
}


@click.command(cls=TrainCommand)
@click.option("-o", "--out", metavar="DIR", help="The run folder.  [default: runs/DATA-PRIOR-alphaA-betaB-seedS]")
@click.option("-c", "--config", metavar="FILE", help="Read options from a TOML file, such as a run's config.toml.")
@click.option("--resume", metavar="RUN", help="Continue a run that was stopped, or train it for more --epochs.")
@click.option("--plots/--no-plots", default=True, help="Draw the pictures at the end.  [default: yes]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
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

    An option on the command line overrides the variable $MINIDECOMP_NAME, which overrides the file of --config, which
    overrides the defaults. The defaults of a data set are those of the paper.
    """
    from minidecomp.evaluation.everything import evaluate_trainer
    from minidecomp.loggers.log import log_of_run
    from minidecomp.training import train

    given = {name: value for name, value in given.items() if value is not None}
    trainer = _start(given, out, config, quiet) if resume is None else _resume(resume, given, out, config)
    if plots:
        from minidecomp import figures

        figures.import_matplotlib_meanwhile()
    # No other process may train the run until its evaluation is written.
    with trainer, log_of_run(trainer, partial(say, err=True)) as log:
        with stop_on_signals() as received, progress(trainer, quiet) as advance:
            finished = train(trainer, advance, lambda: bool(received), log.callbacks)
        if not finished:
            click.echo(f"stopped in epoch {trainer.state.epoch + 1} of {trainer.epochs}; it is saved", err=True)
            say(f"to continue: minidecomp train --resume {quote(str(trainer.folder))}", err=True)
            return 128 + received[0]
        result = evaluate_trainer(trainer)
        pictures = _draw(trainer, quiet) if plots else []
        log.end(pictures)
    _report(trainer, result, pictures, as_json)
    return 0


def _start(given: dict[str, Any], out: str | None, config: str | None, quiet: bool) -> Trainer:
    from minidecomp import resolve, training
    from minidecomp.data import dataset_from, with_absolute_files
    from minidecomp.data.waiting import SILENT
    from minidecomp.engines.choice import check_engine
    from minidecomp.loggers.log import check_log
    from minidecomp.runs import warm_start
    from minidecomp.settings.options import data_names
    from minidecomp.settings.schedules import weights_settled
    from minidecomp.settings.sources import from_environment, naming, over, override, read_config

    from_file = {} if config is None else read_config(config)
    environment = from_environment()
    with naming(given, environment, config, from_file):
        wanted = override(from_file, over(environment, given))
        options = resolve(with_absolute_files(warm_start.with_its_options(wanted)))
        check_engine(options.engine)
        check_log(options.log)
        dataset = dataset_from(options)
        trainer = training.start(options, dataset, out, SILENT if quiet else waiting())
    say_notes(dataset)
    if out is None and not quiet:
        say_what_is_there(trainer)
    for line in trainer.notes:
        say(line, err=True)
    if options.likelihood is None and not quiet:
        likelihood = trainer.options.likelihood
        values = "every value is 0 or 1" if likelihood == "bernoulli" else "some values are not 0 or 1"
        click.echo(f"likelihood: {likelihood}, because {values}; change it with --likelihood", err=True)
    if not quiet:
        points = f"{len(dataset.train)} points of {counted(dataset.data_dim, 'number')}"
        if dataset.validation is not None:
            every = "each epoch" if trainer.validate_every == 1 else f"every {trainer.validate_every} epochs"
            points += f", {len(dataset.validation)} to validate {every}"
        if dataset.name not in data_names():
            points += SCALED[trainer.rules.scale]
        say(f"{dataset.name} ({points}), {options.prior} prior, into {trainer.folder}", err=True)
        if dataset.validation is not None and (settled := weights_settled(options)):
            say(f"models are compared after epoch {settled:g}, when alpha and beta no longer change", err=True)
        for name in ("alpha", "beta"):
            if getattr(options, f"{name}_warmup") and getattr(options, name) == 0:
                say(f"--{name}-warmup has no effect, as {name} is 0", err=True)
    return trainer


def _resume(resume: str, given: dict[str, Any], out: str | None, config: str | None) -> Trainer:
    from minidecomp import training
    from minidecomp.data import with_absolute_files
    from minidecomp.engines.choice import check_engine
    from minidecomp.loggers.log import check_log
    from minidecomp.runs import checkpoint
    from minidecomp.runs.folder import check_begun
    from minidecomp.settings.resolving import check
    from minidecomp.settings.validation import has_validation

    for name, value in {"out": out, "config": config, **given}.items():
        if value is not None and name not in GOES_ON:
            shown = ", ".join("--" + changeable.replace("_", "-") for changeable in GOES_ON)
            raise OptionError(name, value, f"--resume keeps the run's own options; only {shown} can change")
    check_begun(Path(resume))
    run = checkpoint.load(resume, "last")
    _check_config(run)
    changes = with_absolute_files({name: check(name, value) for name, value in given.items()})
    check_engine(changes.get("engine", run.options.engine))
    if "validation" in given and run.options.validation is None:
        raise OptionError("validation", given["validation"], "the run has no file of validation points; leave this out")
    options = run.options.replace(**changes)
    if options.early_stopping and not has_validation(options):
        raise OptionError("early_stopping", options.early_stopping, must_be="0, as the run has no validation points")
    check_log(options.log)
    trainer = training.resume(run, options, dataset_of(options, "data" in given))
    if trainer.state.stopped_early and trainer.state.epoch < options.epochs and "early_stopping" not in given:
        say(
            "the run stopped early, and there is nothing to train; raise --early-stopping to go on",
            err=True,
        )
    if not run.digests.test:
        say_test_points_are_not_known(run)
    return trainer


def _check_config(run: Run) -> None:
    """Raise RunError if an option in the run's config.toml was edited, because a resume would not use the edit."""
    from minidecomp import resolve
    from minidecomp.errors import MinidecompError, RunError
    from minidecomp.settings.sources import read_config

    path = run.folder / "config.toml"
    try:
        options = resolve(read_config(str(path)))
    except MinidecompError:  # the file is not needed, and is rewritten
        return
    for name, begun in vars(run.options).items():
        if name not in GOES_ON and (found := getattr(options, name)) != begun:
            another = f"minidecomp train --config {quote(str(path))} --out DIR begins another run"
            raise RunError(f"{path}: {name} is {found}, but {begun} in the run's checkpoint; {another}")


def _draw(trainer: Trainer, quiet: bool) -> list[Path]:
    from minidecomp import figures
    from minidecomp.settings.schedules import over_epochs

    if reason := figures.missing():
        if not quiet:
            say(f"no pictures: {reason}", err=True)
        return []
    trainer.check_folder()
    folder, state = trainer.folder / "figures", trainer.state
    metrics = over_epochs(trainer.options, state.epoch) | state.metrics()
    return figures.draw_all(
        folder,
        metrics,
        state.chosen.vae,
        trainer.dataset,
        seed=trainer.options.seed,
        kl_title=trainer.objective.kl_title,
        best=None if state.best is None else state.best.epoch,
        side_by_side=trainer.options.threads > 1,
    )


def _report(trainer: Trainer, result: dict[str, Any], pictures: list[Path], as_json: bool) -> None:
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text({"run": str(trainer.folder), "pictures": [str(path) for path in pictures]} | result))
        return
    from minidecomp.evaluation.terms import titles, units

    train, validation = dict(result["train"]), dict(result.get("validation", {}))
    for part in filter(None, (train, validation)):
        part[trainer.options.regulariser] = part.pop("regulariser")
    labels = titles()
    if "kl_term" in train:
        labels["kl_term"] = trainer.objective.kl_title
    say_what_is_not_finite(result["test"])
    click.echo(f"{counted(trainer.state.epoch, 'epoch')} in {trainer.state.seconds:.1f} s")
    if trainer.ending:
        click.echo(trainer.ending)
    say_unit_of_log_likelihoods(trainer.rules, trainer.options)
    best = trainer.state.best
    click.echo(f"means in {units()}")
    if best is None:
        epoch, model = "the last epoch", "the finished model"
    else:
        epoch, model = f"epoch {best.epoch}", "the model after it, the best by validation"
    click.echo(f"train: mean over {epoch}; {'validation and test' if validation else 'test'}: {model}")
    width = max(16, *(len(label) + 1 for label in labels.values()))
    parts = {"train": train, "validation": validation, "test": result["test"]}
    parts = {name: part for name, part in parts.items() if part}
    click.echo(f"{'':{width}}" + "".join(f"{name:>12}" for name in parts))
    values = [[part.get(name, math.nan) for name in labels] for part in parts.values()]
    columns = [points_below_each_other(["" if math.isnan(each) else rounded(each) for each in part]) for part in values]
    for label, *cells in zip(labels.values(), *columns, strict=True):
        click.echo(f"{label:{width}}" + "".join(f"{each:>12}" for each in cells))
    say(f"run: {trainer.folder}")
    for path in pictures:
        say(f"picture: {path}")
    say(f"next: minidecomp evaluate {quote(str(trainer.folder))}")

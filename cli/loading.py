"""What the commands that take a trained run share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from .output import say

if TYPE_CHECKING:
    from pathlib import Path

    from minidecomp.data.dataset import Dataset
    from minidecomp.data.rules import DataRules
    from minidecomp.engines import Engine
    from minidecomp.runs.checkpoint import Run
    from minidecomp.settings.options import TrainOptions

data_option = click.option("--data", "-d", metavar="FILE", help="Where the run's own data file is now.")
data_dir_option = click.option("--data-dir", metavar="DIR", help="Folder with the data set's files.")
threads_option = click.option(
    "--threads", metavar="N", help="Number of threads. The result is the same with any number.  [default: all cores]"
)
which_option = click.option(
    "--which",
    metavar="best|last",
    help="Use the best model by validation, or the last.  [default: best, if there is one]",
)
seed_option = click.option("--seed", "-s", metavar="N", default="0", help="Seed of the draws.  [default: 0]")
out_help = "FILE ends in .npz, .npy, .csv, .csv.gz or .parquet, or is - for CSV on standard output."
out_option = click.option("--out", "-o", metavar="FILE", help=f"Also write the numbers; {out_help}")


class OneDataset:
    """Keeps the data set that was loaded last, so that the next run with the same data need not load it again."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._dataset: Dataset | None = None

    def get(self, options: TrainOptions, given: bool) -> Dataset:
        """`dataset_of` the options. The previous data set is released first, because both may be large."""
        key = data_key(options)
        if self._dataset is None or key != self._key:
            self._dataset = None
            self._dataset, self._key = dataset_of(options, given), key
        return self._dataset


def data_key(options: TrainOptions) -> tuple[Any, ...]:
    """What decides which data set a run has."""
    from minidecomp.sweeps.work import data_options

    return tuple(getattr(options, name) for name in data_options())


def load_model(run: str, which: str | None) -> Run:
    """A run with the model that ``--which`` asks for; by default a line on stderr tells if it is not the last."""
    from minidecomp.runs import checkpoint

    loaded = checkpoint.load(run, which)
    last = checkpoint.epoch_of(loaded.folder)
    if which is None and loaded.which == "best" and loaded.state.epoch != last:
        say(
            f"{run}: using the best model, of epoch {loaded.state.epoch}; --which last uses that of epoch {last}",
            err=True,
        )
    return loaded


def is_the_model_that_counts(run: Run) -> bool:
    """Whether evaluation.json is about this model: the best, if the run has one."""
    from minidecomp.runs.checkpoint import has_best

    return run.which == "best" or not has_best(run.folder)


def place_in(run: Run, name: str) -> Path:
    """The path of a file or folder in a run's folder. For a last model beside a best one, it has a name of its own."""
    path = run.folder / name
    return path if is_the_model_that_counts(run) else path.with_name(f"{path.stem}-last{path.suffix}")


def load_run(
    run: str,
    data: str | None = None,
    data_dir: str | None = None,
    which: str | None = None,
    datasets: OneDataset | None = None,
) -> tuple[Run, Dataset]:
    """A run, from `load_model`, and the data that it was trained on."""
    loaded = load_model(run, which)
    return loaded, load_data(loaded, data, data_dir, datasets)


def load_data(
    run: Run, data: str | None = None, data_dir: str | None = None, datasets: OneDataset | None = None
) -> Dataset:
    """The data that a run was trained on, from where they are now.

    Raises
    ------
    RunError, DataError
        The user's file has changed, or the data do not fit the model.
    """
    dataset = (datasets or OneDataset()).get(options_of_data(run.options, data, data_dir), data is not None)
    run.hold_against(dataset)
    if not run.digests.test:
        say_test_points_are_not_known(run)
    return dataset


def options_of_data(options: TrainOptions, data: str | None, data_dir: str | None) -> TrainOptions:
    """A run's options, with the current places of its data from ``--data`` and ``--data-dir``."""
    from minidecomp.data import with_absolute_files
    from minidecomp.errors import OptionError
    from minidecomp.settings.options import data_names

    own = options.data not in data_names()
    if data is not None and (not own or data in data_names()):
        raise OptionError(
            "data", data, f"the run was trained on {options.data}; --data only says where that data is now"
        )
    moved = {name: value for name, value in (("data", data), ("data_dir", data_dir)) if value is not None}
    return options.replace(validation=None, **with_absolute_files(moved))  # only training uses validation points


def dataset_of(options: TrainOptions, given: bool) -> Dataset:
    """The data of a run's options; if a file is missing and none was ``given`` instead, the error says what to do."""
    from minidecomp.data import FILES_OR_NAMES, dataset_from
    from minidecomp.data.labels import is_file
    from minidecomp.errors import DataError, OptionError, on_command_line
    from minidecomp.settings.options import data_names

    for name in FILES_OR_NAMES:
        file = getattr(options, name, None)
        if isinstance(file, str) and is_file(file) and not os.path.exists(file):
            say(f"{file}: the file with the run's {name} is gone, so the run has none now", err=True)
            options = options.replace(**{name: None})
    try:
        return dataset_from(options)
    except (DataError, OptionError) as error:
        if not given and options.data not in data_names() and not os.path.exists(str(options.data)):
            raise DataError(f"{on_command_line(error)}; `--data FILE` says where the run's data is now") from None
        raise


def say_test_points_are_not_known(run: Run) -> None:
    """On stderr, that the checkpoint cannot tell whether these are the run's training and test points."""
    if not run.digests.train:
        say(
            f"{run.folder}: the run was saved without its data; minidecomp cannot check that these are the same",
            err=True,
        )
        return
    say(
        f"{run.folder}: an older minidecomp wrote the checkpoint without a record of the test points; "
        "minidecomp cannot check that these are the same",
        err=True,
    )


def say_unit_of_log_likelihoods(rules: DataRules, options: TrainOptions) -> None:
    """How log-likelihoods of scaled data relate to those of the unscaled data, if the data are your own."""
    from minidecomp.settings.options import data_names

    if options.data not in data_names() and (nats := rules.log_volume):
        click.echo(
            f"log-likelihoods are for the scaled data ({rules.scale}); for the unscaled data they are "
            f"{abs(nats):.4f} nats {'lower' if nats >= 0 else 'higher'}"
        )


def say_weights(run: Run) -> None:
    """On stderr, the weights of the objective, if they change during training."""
    from minidecomp.settings.schedules import has_schedule

    if any(has_schedule(run.options, name) for name in ("alpha", "beta")):
        weights = f"beta {run.objective.beta:g}, alpha {run.objective.alpha:g}"
        say(f"weights in epoch {run.state.begun}: {weights}", err=True)


def say_notes(*datasets: Dataset) -> None:
    """On stderr, once each: what was ignored in the file, and that data of such a size seldom give a good model."""
    from minidecomp.data.rules import size_note

    said = dict.fromkeys(note for dataset in datasets for note in (*dataset.notes, size_note(dataset)))
    for note in filter(None, said):
        say(note, err=True)


def make_engine(run: Run, threads: str | None = None, name: str | None = None) -> Engine:
    """The run's engine, or the named one, with room for large batches, so that encoding is fast."""
    from minidecomp.engines import make_for_use

    batch_size, count = run.options.batch_size, thread_count(threads)
    return make_for_use(name or engine_here(run), run.vae, run.objective, batch_size=batch_size, threads=count)


def engine_here(run: Run) -> str:
    """The name of the run's engine; cpu, with a line on stderr, if that is the GPU and there is none here."""
    from minidecomp.engines.probe import missing

    if run.options.engine == "gpu" and (reason := missing()):
        say(f"trained with --engine gpu, but used with cpu here: {reason}", err=True)
        return "cpu"
    return run.options.engine


def thread_count(threads: str | None) -> int:
    """The number of threads from --threads, or all cores."""
    from minidecomp.settings.options import cores
    from minidecomp.settings.resolving import check

    return cores() if threads is None else check("threads", threads)


def say_what_is_not_finite(test: Mapping[str, float], run: str = "") -> None:
    """A line on stderr for each term that overflowed on the test data; with several runs it names the run."""
    for name, value in test.items():
        # A regulariser is NaN if there are too few points for it.
        if math.isinf(value) or (math.isnan(value) and name in ("log_likelihood", "kl")):
            where = f"{run}: " if run else ""
            say(f"{where}{name} is not finite on the test data, so evaluation.json has null for it", err=True)


def draw(
    folder: Path, name: str, figure: Callable[[], Any], formats: tuple[str, ...] = ("png",), err: bool = False
) -> None:
    """Draw a picture into a folder and say where (on stderr if asked), or why it cannot be drawn."""
    from minidecomp import figures
    from minidecomp.files import make_folder

    if reason := figures.missing():
        say(f"no picture: {reason}", err=True)
        return
    for path in figures.write_figure(figure(), make_folder(folder), name, formats):
        say(f"picture: {path}", err)

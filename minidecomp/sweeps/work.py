"""One run of a sweep: started or continued, to its last epoch and its evaluation."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import training
from ..data import dataset_from
from ..data.dataset import Dataset, Digests
from ..engines.choice import Choice, choose, go_on_with
from ..engines.probe import has_cupy
from ..errors import MinidecompError, OptionError, RunError, counted, on_command_line
from ..evaluation import scoring
from ..evaluation.everything import Wanted, check_wanted, evaluate_trainer
from ..loggers.log import check_log, log_of_run, to_stderr
from ..model import from_options
from ..runs import checkpoint
from ..runs.evaluation_file import read_evaluation
from ..settings.options import DATA, OF_THE_MACHINE, TrainOptions, by_name
from ..training import Trainer
from .folder import FAILED, FINISHED, Place, claimed, forget_failure, is_finished, note_failure
from .grid import Entry
from .sameness import difference, refusal, refuse_foreign

STOPPED, BUSY = "stopped", "busy"
ANY_NUMBER = 1000  # of latent dimensions, if the data are unknown


def data_options() -> tuple[str, ...]:
    """The options that determine the data."""
    return tuple(name for name, option in by_name().items() if option.group == DATA)


class Datasets:
    """Data sets by the options that make them, each loaded once for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[Any, ...], Dataset] = {}

    def key(self, options: TrainOptions) -> tuple[Any, ...]:
        """What identifies a data set."""
        return tuple(getattr(options, name) for name in data_options())

    def get(self, options: TrainOptions) -> Dataset:
        """The data set that the options name, loaded unless it already is."""
        key = self.key(options)
        with self._lock:
            if key not in self._known:
                self._known[key] = dataset_from(options)
            return self._known[key]

    def load_all(self, entries: Sequence[Entry]) -> None:
        """Load the data set of each run; MinidecompError for the first one that fails."""
        for entry in entries:
            self.get(entry.options)

    def digests(self, options: TrainOptions) -> Digests:
        """The digests of the data set that the options name, computed once for all threads."""
        dataset = self.get(options)
        with self._lock:
            return dataset.digests()

    def likelihood(self, options: TrainOptions) -> str:
        """The likelihood of a run on the data set if none is given."""
        return str(from_options.fit_likelihood(options.replace(likelihood=None), self.get(options)).likelihood)


def refuse_others(
    folder: Path, entries: Sequence[Entry], datasets: Datasets, say: Callable[[str], object] = lambda line: None
) -> None:
    """Raise RunError if runs in a sweep's folder have other options than the present grid, or other data.

    What cannot be compared, because the data are not here, is reported to ``say``; damaged runs fail later.
    """
    begun: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        if (folder / entry.name / "checkpoint.npz").exists():
            begun.setdefault(datasets.key(entry.options), []).append(entry)
    refused: list[RunError] = []
    for runs in begun.values():
        digests, likelihood = None, None
        try:
            digests = datasets.digests(runs[0].options)
            likelihood = datasets.likelihood(runs[0].options)
        except MinidecompError as error:
            say(f"the data of {counted(len(runs), 'run')} cannot be compared with those they were trained on: {error}")
        for entry in runs:
            with suppress(RunError):
                options = entry.options.replace(likelihood=entry.options.likelihood or likelihood)
                differs = difference(folder / entry.name, options, digests)
                if differs:
                    refused.append(refusal(folder / entry.name, differs))
    if refused:
        others = f" ({counted(len(refused) - 1, 'other run')} too)" if refused[1:] else ""
        raise RunError(f"{refused[0]}{others}")


def complete(
    folder: Path,
    entry: Entry,
    datasets: Datasets,
    *,
    threads: int = 1,
    metrics: Sequence[str] = (),
    progress: Callable[[Trainer], None] = lambda trainer: None,
    should_stop: Callable[[], bool] = lambda: False,
    place: Place | None = None,
    say: Callable[[str], object] = to_stderr,
) -> str:
    """Complete one run of a sweep; ``place`` is the sweep's folder as it was found.

    ``say`` is called with a line if a run's log failed.

    Returns
    -------
    str
        ``finished``; ``failed``, with the reason in the folder; ``stopped``, and saved; or ``busy``: another process is
        training it.

    Raises
    ------
    Fault
        The folder is no longer the sweep's, or the reason of a failure cannot be written.
    """
    place = place or Place(folder)
    with claimed(place, entry.name) as ours:
        if not ours:
            return BUSY
        if is_finished(folder, entry, metrics):
            return FINISHED
        try:
            dataset = datasets.get(entry.options)
            check_log(entry.options.log)
            check_wanted(Wanted(",".join(metrics) or "none"), entry.options, dataset)
            fitted = from_options.fit_likelihood(entry.options, dataset)
            if differs := difference(folder / entry.name, fitted, datasets.digests(entry.options)):
                raise refusal(folder / entry.name, differs)
            place.check()
            with (
                _trainer(folder / entry.name, entry.options.replace(threads=threads), dataset) as trainer,
                log_of_run(trainer, lambda line: say(f"{entry.name}: {line}")) as log,
            ):
                if not training.train(trainer, progress, should_stop, log.callbacks):
                    return STOPPED
                _evaluate(trainer, metrics)
                log.end()
        except MinidecompError as error:
            note_failure(place, entry.name, on_command_line(error))
            return FAILED
        except Exception:  # a failed run, whatever the reason, does not stop the others
            note_failure(
                place, entry.name, traceback.format_exc().strip().splitlines()[-1] + "\n" + traceback.format_exc()
            )
            return FAILED
        forget_failure(place, entry.name)
        return FINISHED


def _trainer(folder: Path, options: TrainOptions, dataset: Dataset) -> Trainer:
    """A new run or, if there is a checkpoint, the run that was started."""
    if not (folder / "checkpoint.npz").is_file():
        refuse_foreign(folder)
        return training.start(options, dataset, str(folder), save_at_once=False)
    run = checkpoint.load(folder, "last")
    now = {name: getattr(options, name) for name in ("epochs", "data", *OF_THE_MACHINE)}
    now["engine"] = go_on_with(options.engine, run.options.engine).engine
    return training.resume(run, run.options.replace(**now), dataset)


def choice_of(folder: Path | None, entry: Entry, datasets: Datasets) -> Choice:
    """The engine that a run has or, if it has not begun in the sweep's folder, will have, and why.

    Raises
    ------
    OptionError
        If the options name the GPU and no GPU can be used.
    """
    # Without CuPy the engine is the CPU in any case, and no checkpoint need be read.
    if has_cupy() and folder is not None and (folder / entry.name / "checkpoint.npz").is_file():
        with suppress(RunError):  # a damaged run fails later
            return go_on_with(entry.options.engine, checkpoint.load(folder / entry.name, "last").options.engine)
    return choose(entry.options, datasets.get(entry.options))


def _evaluate(trainer: Trainer, metrics: Sequence[str]) -> None:
    """The terms on the test data, and the missing metrics."""
    assert trainer.folder is not None
    missing = list(metrics)
    if metrics:
        known = scoring.known_metrics(read_evaluation(trainer.folder, trainer.state.chosen), trainer.options.prior)
        missing = [name for name in metrics if name not in known]
    evaluate_trainer(trainer, ",".join(missing) or "none")


def metrics_of_each(entries: Sequence[Entry], datasets: Datasets, wanted: str) -> dict[str, list[str]]:
    """The metrics that a text such as ``mig,hoyer`` or ``all`` stands for, by the name of each run.

    Data that are missing here may be where the run is trained; ``all`` has no meaning then.

    Raises
    ------
    OptionError
        A run cannot have a metric; the message names the run unless no run can.
    MinidecompError
        A package is missing, or data that are needed.
    """
    chosen: dict[str, list[str]] = {}
    refused: list[tuple[Entry, OptionError]] = []
    for entry in entries:
        try:
            dataset = datasets.get(entry.options)
        except MinidecompError:
            if "all" in wanted.split(","):
                raise
            chosen[entry.name] = scoring.choose(wanted, None, ANY_NUMBER)
            continue
        try:
            chosen[entry.name] = check_wanted(Wanted(wanted), entry.options, dataset)
        except OptionError as error:
            refused.append((entry, error))
    if not refused:
        return chosen
    first, reason = refused[0]
    where = f"run {first.name}" if chosen else ""
    raise reason.changed(where=where)

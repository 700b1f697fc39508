"""One run of a sweep: begun, or gone on with, to its last epoch and its evaluation."""

from __future__ import annotations

import shutil
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .. import training
from ..data import dataset_from
from ..data.dataset import Dataset
from ..data.points import as_stored
from ..errors import MinidecompError, RunError
from ..evaluation import scoring
from ..evaluation.terms import evaluate_and_write
from ..model import from_options
from ..runs import checkpoint
from ..runs.folder import update_evaluation
from ..settings.options import DATA, TrainOptions, by_name
from ..training import Trainer
from .folder import FAILED, FINISHED, claimed, forget_failure, is_finished, note_failure
from .grid import Entry

STOPPED, BUSY = "stopped", "busy"


def data_options() -> tuple[str, ...]:
    """The options that decide what the data are."""
    return tuple(name for name, option in by_name().items() if option.group == DATA)


class Datasets:
    """Data sets by the options that make them, each loaded once for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[Any, ...], Dataset] = {}

    def of(self, options: TrainOptions) -> Dataset:
        key = tuple(getattr(options, name) for name in data_options())
        with self._lock:
            if key not in self._known:
                self._known[key] = dataset_from(options)
            return self._known[key]


def complete(
    folder: Path,
    entry: Entry,
    datasets: Datasets,
    *,
    threads: int = 1,
    metrics: Sequence[str] = (),
    progress: Callable[[Trainer], None] = lambda trainer: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> str:
    """Bring one run of a sweep's folder to its end.

    Returns
    -------
    str
        ``finished``; ``failed``, with the reason in the folder; ``stopped``, saved where it stood; or ``busy``: another
        process is at work on it.
    """
    with claimed(folder, entry.name) as ours:
        if not ours:
            return BUSY
        if is_finished(folder, entry, metrics):
            return FINISHED
        try:
            trainer = _trainer(folder / entry.name, entry.options.replace(threads=threads), datasets.of(entry.options))
            if not training.train(trainer, progress, should_stop):
                return STOPPED
            _evaluate(trainer, metrics, is_finished(folder, entry))
        except MinidecompError as error:
            note_failure(folder, entry.name, str(error))
            return FAILED
        except Exception:  # a run that fails, for whatever reason, does not stop the others
            note_failure(
                folder, entry.name, traceback.format_exc().strip().splitlines()[-1] + "\n" + traceback.format_exc()
            )
            return FAILED
        forget_failure(folder, entry.name)
        return FINISHED


def _trainer(folder: Path, options: TrainOptions, dataset: Dataset) -> Trainer:
    """A new run or, where there is a checkpoint, the run that was begun."""
    if not (folder / "checkpoint.npz").is_file():
        # What was killed before its first checkpoint has nothing to lose.
        if folder.is_dir():
            shutil.rmtree(folder)
        return training.start(options, dataset, str(folder))
    run = checkpoint.load(folder)
    same = run.options.replace(threads=options.threads, engine=options.engine, epochs=options.epochs)
    fitted = from_options.fit_likelihood(options, dataset)
    if same != fitted.replace(checkpoint_every=run.options.checkpoint_every):
        raise RunError(f"{folder}: it was begun with other options; another sweep folder is needed")
    return training.resume(
        run, run.options.replace(threads=options.threads, engine=options.engine, epochs=options.epochs), dataset
    )


def _evaluate(trainer: Trainer, metrics: Sequence[str], evaluated: bool) -> None:
    """The terms on the test data, unless they are there, and the metrics."""
    if not evaluated:
        evaluate_and_write(trainer)
    if not metrics:
        return
    options, vae = trainer.options, trainer.state.vae
    grid = trainer.dataset.grid
    points = trainer.dataset.test if grid is None else grid.points
    codes, _ = trainer.engine.encode(as_stored(points, vae.dtype))
    assert trainer.folder is not None
    run = checkpoint.load(trainer.folder)
    found: dict[str, Any] = {"metrics": {}}

    def after(name: str, score: Any) -> None:
        found["metrics"][name] = score.as_dict()

    scoring.scores(list(metrics), codes, grid, options.seed, lambda name: None, after)
    update_evaluation(run, {"epochs": trainer.state.epoch} | found)

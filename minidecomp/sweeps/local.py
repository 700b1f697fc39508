"""A sweep in one process: several small runs at once, each in its own thread, or large ones with all threads."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import memory
from ..errors import MinidecompError, counted
from ..settings.options import TrainOptions, cores
from ..training import Trainer
from .folder import FINISHED, NO_METRICS, Metrics, Table, is_finished
from .grid import Entry
from .work import BUSY, STOPPED, Datasets, choice_of, complete, refuse_others

LARGE = 1e9  # parameters times batch size; a step of a larger model keeps several threads busy by itself
POLL_SECONDS = 0.5  # between two looks at a run that another process has

Report = Callable[[Entry, str], None]


def threads_of_each(entries: Sequence[Entry], datasets: Datasets, folder: Path | None = None) -> int:
    """The threads per run: one; all if models are large; or a share if there are fewer runs than cores.

    Runs that have begun in the sweep's folder keep their engine.
    """
    available = cores()
    if any(choice_of(folder, entry, datasets).engine == "gpu" for entry in entries):
        return available
    largest = max(_parameters(entry.options, datasets) * entry.options.batch_size for entry in entries)
    return available if largest > LARGE else max(1, available // len(entries))


def _parameters(o: TrainOptions, datasets: Datasets) -> int:
    """The approximate number of a model's parameters."""
    dx = datasets.get(o).data_dim
    chains = ((dx, *o.hidden, 2 * o.latent_dim), (o.latent_dim, *o.decoder_hidden, dx))
    return sum(a * b for widths in chains for a, b in itertools.pairwise(widths))


def _ask_for_memory(entries: Sequence[Entry], datasets: Datasets, at_once: int) -> None:
    """Ask for the memory of the largest runs that may run together; a run whose data are missing fails later."""
    sizes = []
    for entry in entries:
        try:
            data = datasets.get(entry.options)
        except MinidecompError:
            continue
        sizes.append(memory.of_training(entry.options, data.data_dim, len(data.train), len(data.test)))
    together = sorted(sizes, reverse=True)[:at_once]
    memory.ask(
        f"{counted(len(together), 'run')} at once",
        sum(together),
        "use more --threads for each run, so that fewer run at once",
    )


def run_all(
    folder: Path,
    entries: Sequence[Entry],
    *,
    metrics: Metrics = NO_METRICS,
    threads: int | None = None,
    datasets: Datasets | None = None,
    progress: Callable[[Entry, Trainer], None] = lambda entry, trainer: None,
    report: Report = lambda entry, outcome: None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, str]:
    """Complete a sweep; returns each run's outcome by name.

    Runs that another process is training are waited for, and taken over if that process ends without finishing them.

    Parameters
    ----------
    folder : pathlib.Path
        The sweep's folder.
    entries : sequence of Entry
    metrics : mapping of str to sequence of str
        Disentanglement and sparsity metrics to record for each run, by its name, besides its terms.
    threads : int, optional
        Threads per run; chosen automatically by default.
    datasets : Datasets, optional
        Data sets that are already loaded.
    progress : callable
        Called from any thread with a run and its trainer after each slice of training.
    report : callable
        Called, one call at a time, with a run and ``finished``, ``failed`` or ``stopped`` as soon as it ends.
    should_stop : callable
        Called between slices of training.
    say : callable
        Called with a line about what could not be compared with the sweep's grid, or about a log that failed.

    Raises
    ------
    RunError
        A run in the folder has other options than its entry, or was trained on other data. Nothing is trained then.
    """
    datasets, outcomes, one_at_a_time = datasets or Datasets(), {}, threading.Lock()
    refuse_others(folder, entries, datasets, say)
    table = Table(folder, entries, metrics)
    waiting = [entry for entry in entries if not is_finished(folder, entry, metrics.get(entry.name, ()))]
    outcomes.update(dict.fromkeys({entry.name for entry in entries} - {entry.name for entry in waiting}, FINISHED))
    table.write()
    if not waiting:
        return outcomes
    each = threads_of_each(waiting, datasets, folder) if threads is None else threads

    def work(entry: Entry) -> str:
        if should_stop():
            return STOPPED
        outcome = complete(
            folder,
            entry,
            datasets,
            threads=each,
            metrics=metrics.get(entry.name, ()),
            progress=lambda trainer: progress(entry, trainer),
            should_stop=should_stop,
            place=table.place,
            say=say,
        )
        outcomes[entry.name] = outcome
        if outcome != BUSY:
            table.update()
            with one_at_a_time:
                report(entry, outcome)
        return outcome

    at_once = max(1, cores() // each)
    _ask_for_memory(waiting, datasets, at_once)
    while waiting:
        with ThreadPoolExecutor(at_once) as executor:
            results = list(executor.map(work, waiting))
        waiting = [entry for entry, outcome in zip(waiting, results, strict=True) if outcome == BUSY]
        if waiting and not should_stop():
            time.sleep(POLL_SECONDS)
        elif waiting:
            break
    table.write()
    return outcomes

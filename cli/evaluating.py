"""The evaluation of one run, or of several: if one fails, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidecomp.errors import MinidecompError, OptionError, Overtaken, RunError, counted, on_command_line

from .loading import (
    OneDataset,
    data_key,
    engine_here,
    is_the_model_that_counts,
    load_run,
    make_engine,
    options_of_data,
    say_weights,
    say_what_is_not_finite,
    thread_count,
)
from .output import say
from .places import Sweeps

if TYPE_CHECKING:
    from minidecomp.data.dataset import Dataset
    from minidecomp.evaluation.everything import Listener, Wanted
    from minidecomp.runs.checkpoint import Run
    from minidecomp.settings.options import TrainOptions

NEVER_REFUSED = {"", "all", "none"}  # values of --metrics that every run allows


@dataclass(frozen=True)
class Evaluated:
    """A run that was evaluated, the content of its evaluation.json, and its row in a table."""

    folder: Path
    result: dict[str, Any]
    row: dict[str, Any]
    is_written: bool


@dataclass(frozen=True)
class Evaluator:
    """Evaluates runs: what to compute, and where the data are.

    Attributes
    ----------
    wanted : Wanted
    threads, data, data_dir, which : str or None
        As given on the command line.
    datasets : OneDataset
        Consecutive runs with the same data share them.
    """

    wanted: Wanted
    threads: str | None = None
    data: str | None = None
    data_dir: str | None = None
    which: str | None = None
    datasets: OneDataset = field(default_factory=OneDataset)

    def evaluate(
        self,
        run: str | Path,
        listener: Listener,
        overtaken: list[Overtaken] | None = None,
        told: Iterable[Callable[[Run], object]] = (),
    ) -> tuple[Run, dict[str, Any]]:
        """Evaluate a run and write its evaluation.json; before that, call each of ``told`` with the run.

        The file is about the best model: if the run has one and this is the last, nothing is written.
        ``overtaken`` is as for `minidecomp.evaluation.everything.evaluate_run`.
        """
        from minidecomp.evaluation.everything import check_wanted, evaluate, evaluate_run

        loaded, dataset = load_run(str(run), self.data, self.data_dir, self.which, self.datasets)
        check_wanted(self.wanted, loaded.options, dataset)
        for tell in told:
            tell(loaded)
        name = engine_here(loaded)
        engine = make_engine(loaded, self.threads, name)
        options = loaded.options.replace(engine=name, threads=thread_count(self.threads))
        if not is_the_model_that_counts(loaded):
            return loaded, evaluate(options, loaded.state, engine, dataset, self.wanted, listener)
        result = evaluate_run(
            loaded.folder, options, loaded.state, engine, dataset, self.wanted, listener, overtaken=overtaken
        )
        return loaded, result

    def check(self, folders: Sequence[Path]) -> None:
        """Raise OptionError if an option does not fit one of the runs, before any of them is evaluated.

        A run that is damaged or has lost its data is reported later, when it is evaluated.
        """
        from minidecomp.runs.checkpoint import identity

        thread_count(self.threads)
        refusals: dict[Path, OptionError | None] = {}
        known: dict[tuple[Any, ...], OptionError | None] = {}  # by what the refusal depends on
        for folder in folders:
            with suppress(RunError):
                options = identity(folder).options
                decides = (options.latent_dim, *data_key(options))
                if decides not in known:
                    known[decides] = self._refusal(options)
                refusals[folder] = known[decides]
        refused = [(folder, error) for folder, error in refusals.items() if error is not None]
        for folder, error in refused:
            where = f"run {folder}" if len(refused) < len(refusals) else ""
            raise error.changed(where=where)

    def _refusal(self, options: TrainOptions) -> OptionError | None:
        """Why a run with these options cannot be evaluated as the command line asks; None if it can."""
        from minidecomp.evaluation.everything import check_wanted

        try:
            options = options_of_data(options, self.data, self.data_dir)
            if not NEVER_REFUSED.issuperset(self.wanted.metrics.split(",")):
                dataset = self._data(options)
                if dataset is not None:
                    check_wanted(self.wanted, options, dataset)
        except OptionError as error:
            return error
        return None

    def _data(self, options: TrainOptions) -> Dataset | None:
        """The data of a run; None if they cannot be loaded."""
        try:
            return self.datasets.get(options, self.data is not None)
        except MinidecompError:
            return None


def is_one_run(places: Sequence[str]) -> bool:
    """Whether the places are a single run, which need not exist, and not a folder of runs."""
    from minidecomp.runs.comparison import is_run

    return len(places) == 1 and (is_run(Path(places[0])) or not Path(places[0]).is_dir())


def finished_runs(places: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The named runs and, inside the other places, the runs that are trained to their last epoch.

    Runs whose checkpoint cannot be read are included. The lines say which runs are left out.

    Raises
    ------
    RunError
        A place is not a folder, or has no such run.
    """
    from minidecomp.runs.comparison import begun_inside, find_runs

    sweeps = Sweeps()
    lines = []

    def inside(place: Path) -> list[Path]:
        found = sweeps.inside(place)
        finished = [folder for folder in found if _may_be_evaluated(folder)]
        if found and not finished:
            raise RunError(f"{place}: none of its runs has been trained to its last epoch")
        if finished != found:
            left = len(found) - len(finished)
            lines.append(f"left out, not trained to the end: {left} of {counted(len(found), 'run')} in {place}")
        return finished

    folders = find_runs(places, inside)
    lines += [f"left out: {line}" for line in begun_inside(map(Path, places))]
    return folders, [*sweeps.said, *lines]


def _may_be_evaluated(folder: Path) -> bool:
    from minidecomp.runs.checkpoint import identity

    try:
        return identity(folder).is_trained
    except RunError:  # reported when the run is evaluated
        return True


def evaluate_all(
    folders: Sequence[Path],
    evaluator: Evaluator,
    progress: Callable[[], AbstractContextManager[Listener]],
    quiet: bool,
) -> tuple[list[Evaluated], int]:
    """Evaluate runs one after the other. Print a line on stderr for each failure and, unless ``quiet``, for each run.

    Returns
    -------
    (list of Evaluated, int)
        The runs that did not fail; and the exit code, which is 0 or the largest exit code of a failed run.
    """
    found: list[Evaluated] = []
    code = 0
    for number, folder in enumerate(folders, 1):
        if not quiet:
            say(f"{number} of {len(folders)}: {folder}", err=True)
        try:
            with progress() as listener:
                found.append(_evaluated(folder, evaluator, listener, quiet))
        except MinidecompError as error:
            say(_failure(folder, error), err=True)
            code = max(code, error.exit_code)
        except KeyboardInterrupt:
            say(f"stopped; {len(found)} of {counted(len(folders), 'run')} evaluated", err=True)
            raise
    return found, code


def _evaluated(folder: Path, evaluator: Evaluator, listener: Listener, quiet: bool) -> Evaluated:
    from minidecomp.runs.comparison import read_row, row_of

    run, result = evaluator.evaluate(folder, listener, told=() if quiet else (say_weights,))
    say_what_is_not_finite(result["test"], str(folder))
    row = read_row(folder) if is_the_model_that_counts(run) else row_of(folder, run.options, result)
    return Evaluated(folder, result, row, is_the_model_that_counts(run))


def _failure(folder: Path, error: MinidecompError) -> str:
    """The line about a failed run, with its folder once."""
    reason = on_command_line(error)
    return f"failed: {reason}" if reason.startswith(str(folder)) else f"failed: {folder}: {reason}"

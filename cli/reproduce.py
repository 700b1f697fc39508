"""``minidecomp reproduce``: runs one of the paper's experiments from start to end."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import RunError, counted, did_you_mean, either

from .output import say

if TYPE_CHECKING:
    from minidecomp.reproduction import Experiment
    from minidecomp.sweeps.grid import Entry


@click.command()
@click.argument("experiment", metavar="clustering|sparsity|independence")
@click.option("--quick", is_flag=True, help="Run a smaller grid, which takes minutes.")
@click.option(
    "--out",
    "-o",
    metavar="DIR",
    help="The sweep's folder; if it exists, the sweep continues.  [default: reproductions/NAME]",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Send the runs to this Dask cluster.")
@click.option("--threads", metavar="N", help="Threads for each run.  [default: chosen by the number of cores]")
@click.option("--estimate", is_flag=True, help="Only print the number of runs and how long they will take.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def reproduce(
    experiment: str,
    quick: bool,
    out: str | None,
    scheduler: str | None,
    threads: str | None,
    estimate: bool,
    quiet: bool,
) -> int:
    """Run an experiment of the paper: its grid of runs, their evaluation, the figure and a table.

    You can stop it at any moment; the same command continues it. docs/reproduction.md compares the results with the
    paper's.
    """
    from minidecomp import figures
    from minidecomp.reproduction import EXPERIMENTS
    from minidecomp.sweeps.grid import expand

    from .sweep import check_scheduler

    if experiment not in EXPERIMENTS:
        hint = did_you_mean(experiment, EXPERIMENTS) or f"the experiments are {either(EXPERIMENTS, 'and')}"
        raise RunError(f"unknown experiment '{experiment}'; {hint}")
    if reason := figures.missing():
        raise RunError(f"the figure of {experiment} cannot be drawn: {reason}")
    check_scheduler(scheduler)
    chosen = EXPERIMENTS[experiment]
    entries = expand(chosen.blocks(quick))
    if not quiet or estimate:
        _say_how_long(entries, scheduler)
    if estimate:
        return 0
    folder = _folder(Path(out or f"reproductions/{experiment}{'-quick' if quick else ''}"), chosen, entries, quick)
    return _go(chosen, folder, entries, scheduler, threads, quick, quiet)


def _say_how_long(entries: list[Entry], scheduler: str | None) -> None:
    from minidecomp.reproduction.estimate import in_words, seconds
    from minidecomp.sweeps.work import Datasets

    where = "" if scheduler is None else " on this machine alone"
    took = in_words(seconds(entries, Datasets()))
    click.echo(f"{counted(len(entries), 'run')}; training will take {took}{where}, without the evaluations", err=True)


def _folder(folder: Path, chosen: Experiment, entries: list[Entry], quick: bool) -> Path:
    """The sweep's folder, new or existing."""
    from minidecomp.runs.owner import is_empty
    from minidecomp.sweeps.folder import GRID, begin_sweep, check_writable, open_sweep

    if (folder / GRID).is_file():
        if [entry.name for entry in open_sweep(folder)] != [entry.name for entry in entries]:
            raise RunError(f"{folder}: it belongs to another grid; choose another folder with --out")
        check_writable(folder)
        return folder
    if folder.exists() and (not folder.is_dir() or not is_empty(folder)):
        raise RunError(f"{folder}: it exists and is not a sweep; choose another folder with --out")
    return begin_sweep(str(folder), chosen.blocks(quick))


def _go(
    chosen: Experiment,
    folder: Path,
    entries: list[Entry],
    scheduler: str | None,
    threads: str | None,
    quick: bool,
    quiet: bool,
) -> int:
    from minidecomp.sweeps.folder import TABLE, write_table

    from .sweep import run_grid, say_failures, say_how_to_go_on
    from .tables import print_table

    metrics = {entry.name: chosen.metrics for entry in entries}
    outcomes, received = run_grid(folder, entries, metrics, threads, scheduler, quiet)
    found: list[dict[str, Any]] = write_table(folder, entries)
    say_failures(found)
    if set(outcomes.values()) != {"finished"} or len(outcomes) < len(entries):
        again = f"minidecomp reproduce {chosen.name}{' --quick' if quick else ''} --out {quote(str(folder))}"
        return say_how_to_go_on(again, outcomes, entries, received)
    print_table(found, ["run", *chosen.columns[len(chosen.columns) - _recorded(chosen) :]])
    say(f"table: {folder / TABLE}")
    for path in chosen.draw(folder, entries):
        say(f"figure: {path}")
    say(f"these runs: {chosen.measured(found)}")
    say(f"the paper: {chosen.statement}")
    return 0


def _recorded(chosen: Experiment) -> int:
    """How many of the columns are recorded values; the runs' names contain the options."""
    from minidecomp.settings.options import by_name

    return sum(name not in by_name() for name in chosen.columns)

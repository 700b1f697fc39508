"""``minidecomp sweep``: a grid of runs in one folder, trained, evaluated, and put into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError

from .options import TrainCommand
from .output import say
from .progress import stop_on_signals

if TYPE_CHECKING:
    from minidecomp.sweeps.grid import Block, Entry
    from minidecomp.sweeps.work import Datasets


@click.command(cls=TrainCommand)
@click.option("-c", "--config", metavar="GRID.toml", help="The grid from a TOML file; lists are several values.")
@click.option("--seeds", metavar="N", help="Seeds 0 to N - 1, in place of --seed.")
@click.option("-o", "--out", metavar="DIR", help="The sweep's folder.  [sweeps/sweep, sweeps/sweep-2, ..]")
@click.option("--resume", metavar="DIR", help="Run what is missing of a sweep, and go on with what was begun.")
@click.option(
    "--metrics",
    metavar="NAME,NAME,..",
    help="Record these of each run, too: factor_vae, hoyer, .., or all (see minidecomp evaluate --help).",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Send the runs to that Dask cluster.")
@click.option("--plot", metavar="NAME", help="At the end draw this value, such as test.kl.")
@click.option("--against", metavar="OPTION", default="alpha", help="The plot's horizontal axis.  [alpha]")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON, with all values.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def sweep(
    config: str | None,
    seeds: str | None,
    out: str | None,
    resume: str | None,
    metrics: str | None,
    scheduler: str | None,
    plot: str | None,
    against: str,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Train every combination of several values: --alpha 1,3,5 --beta 0,1 --seeds 5.

    An option takes several values between commas; widths, which have commas of their own, between semicolons
    (--hidden "100;512,256"). Each run has a folder of its own in the sweep's, and sweep.csv has them all. A sweep can
    be stopped, or killed, at any moment; several processes may work on one folder. A run that fails is recorded with
    its reason.
    """
    from minidecomp.runs.owner import check_given
    from minidecomp.sweeps import folder as sweep_folder
    from minidecomp.sweeps.grid import expand
    from minidecomp.sweeps.work import Datasets, metrics_of_each

    given = {name: value for name, value in given.items() if value is not None}
    threads, datasets = given.pop("threads", None), Datasets()
    check_scheduler(scheduler)
    blocks: list[Block] = []
    if resume is not None:
        _refuse_with_resume(given, config, seeds, out)
        folder = Path(resume)
        entries = sweep_folder.open_sweep(folder)
    else:
        blocks = _blocks(given, config, seeds)
        entries, folder = expand(blocks), Path(out or "sweeps/sweep")
        if out is not None:
            check_given(out, _go_on(out))
    names = metrics_of_each(entries, datasets, metrics) if metrics else {}
    if plot is not None:
        found = [] if resume is None else sweep_folder.rows(folder, entries, names)
        check_plot(found, entries, names, plot, against)
    if resume is None:
        folder = _new_folder(out, blocks)
    if not quiet:
        say(f"{len(entries)} runs in {folder}", err=True)
    _say_notes(entries, datasets)
    outcomes = run_grid(folder, entries, names, threads, scheduler, quiet, datasets)
    found = sweep_folder.write_table(folder, entries, names)
    _report(folder, entries, found, outcomes, as_json)
    if plot is not None:
        _plot(folder, found, plot, against)
    again = f"minidecomp sweep --resume {quote(str(folder))}" + (f" --metrics {quote(metrics)}" if metrics else "")
    return say_how_to_go_on(again, outcomes, entries)


def _say_notes(entries: Sequence[Entry], datasets: Datasets) -> None:
    """Say the notes on the user's own files; one that cannot be had fails its runs, with the reason."""
    from minidecomp.errors import MinidecompError
    from minidecomp.settings.options import data_names

    from .loading import say_notes

    found = []
    for entry in entries:
        if entry.options.data not in data_names():
            with suppress(MinidecompError):
                found.append(datasets.get(entry.options))
    say_notes(*found)


def say_how_to_go_on(command: str, outcomes: dict[str, str], entries: Sequence[Entry]) -> int:
    """The exit code; with what to type next after a stop."""
    if "stopped" in outcomes.values() or len(outcomes) < len(entries):
        click.echo("stopped; every run is saved where it stood", err=True)
        say(f"go on with: {command}", err=True)
        return 130
    return 1 if "failed" in outcomes.values() else 0


def say_failures(found: list[dict[str, Any]]) -> None:
    """A line on stderr for each run that failed, with its reason."""
    for row in found:
        if row["state"] == "failed":
            say(f"failed: {row['run']}: {row.get('reason', '')}", err=True)


def _refuse_with_resume(given: dict[str, Any], config: str | None, seeds: str | None, out: str | None) -> None:
    for name, value in {**given, "config": config, "seeds": seeds, "out": out}.items():
        if value is not None:
            raise OptionError(name, value, "--resume takes the sweep's own grid")


def _blocks(given: dict[str, Any], config: str | None, seeds: str | None) -> list[Block]:
    """The grid, of the command line over the environment and the file."""
    from minidecomp.settings.resolving import check, whole_number
    from minidecomp.settings.sources import from_environment
    from minidecomp.sweeps.grid import read_blocks, values_of, with_absolute_paths

    over: Block = {name: values_of(name, text) for name, text in given.items()}
    for name, values in over.items():
        if not values:
            raise OptionError(name, given[name], "at least one value is")
    for name, texts in over.items():
        values = [_plain(check(name, text)) for text in texts]
        over[name] = values[0] if len(values) == 1 else values
    if seeds is not None:
        over["seeds"] = whole_number("seeds", seeds, 1, 1000)
    environment = {name: value for name, value in from_environment().items() if name not in over}
    parts = read_blocks(Path(config)) if config is not None else [{}]
    return [with_absolute_paths(environment | part | over) for part in parts]


def _plain(value: Any) -> Any:
    """As TOML has it."""
    return list(value) if isinstance(value, tuple) else value


def _new_folder(out: str | None, blocks: list[Block]) -> Path:
    """The folder of a new sweep with its grid, which no other process has made; not one that holds anything."""
    from minidecomp.runs.owner import own_given, own_new
    from minidecomp.sweeps.folder import GRID
    from minidecomp.sweeps.grid import write_blocks

    folder, held = own_new(Path("sweeps/sweep")) if out is None else own_given(out, _go_on(out))
    try:
        write_blocks(folder / GRID, blocks)
    finally:
        held.release()  # from here on several processes may work on it
    return folder


def _go_on(out: str) -> str:
    return f"--resume {out} to go on with its sweep"


def check_scheduler(address: str | None) -> None:
    """Raise OptionError unless the address has a scheduler's form, and Dask is here to speak with it."""
    import re

    from minidecomp.packages import missing

    if address is not None and not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://[^/\s]+:\d+", address):
        raise OptionError("scheduler", address, "an address such as tcp://HOST:8786 is")
    if address is not None and (reason := missing("distributed", "minidecomp[dask]", "Dask")):
        raise OptionError("scheduler", address, reason)


def check_plot(
    found: Sequence[dict[str, Any]],
    entries: Sequence[Entry],
    names: Mapping[str, Sequence[str]],
    plot: str,
    against: str,
) -> None:
    """Raise OptionError unless a run has what is to be plotted, or will have it."""
    from minidecomp.runs.comparison import check_column, will_be_recorded

    coming = [dict.fromkeys(will_be_recorded(entry.options, names.get(entry.name, ()))) for entry in entries]
    check_column([*found, *coming], "plot", plot, "no run of the sweep will have it recorded")
    check_column([*found, *coming], "against", against, "no run of the sweep will have it recorded")


def run_grid(
    folder: Path,
    entries: Sequence[Entry],
    names: Mapping[str, Sequence[str]],
    threads: str | None,
    scheduler: str | None,
    quiet: bool,
    datasets: Datasets | None = None,
) -> dict[str, str]:
    """Complete a sweep here or on a cluster, with its progress on the terminal; each run's outcome by its name."""
    from minidecomp.settings.resolving import check

    from .sweep_progress import sweep_progress

    count = None if threads is None else check("threads", threads)
    with stop_on_signals() as received, sweep_progress(folder, entries, quiet) as show:
        if scheduler is not None:
            from minidecomp.sweeps.cluster import run_on_cluster

            return run_on_cluster(
                scheduler,
                folder,
                entries,
                metrics=names,
                threads=count or 1,
                report=show.report,
                should_stop=lambda: bool(received),
            )
        from minidecomp.sweeps.local import run_all

        return run_all(
            folder,
            entries,
            metrics=names,
            threads=count,
            datasets=datasets,
            progress=show.progress,
            report=show.report,
            should_stop=lambda: bool(received),
        )


def _report(
    folder: Path, entries: Sequence[Entry], found: list[dict[str, Any]], outcomes: dict[str, str], as_json: bool
) -> None:
    from minidecomp.files import as_json as text
    from minidecomp.runs.comparison import differing_options, test_terms
    from minidecomp.sweeps.folder import TABLE
    from minidecomp.variants import METRICS

    from .table import print_table

    if as_json:
        click.echo(text(found))
    else:
        usual = (*(f"test.{name}" for name in test_terms()), *METRICS)
        shown = [name for name in usual if any(name in row for row in found)]
        print_table(found, ["run", "state", *differing_options(found), *shown])
    say_failures(found)
    if not as_json:
        say(f"table: {folder / TABLE}")
        if all(row["state"] == "finished" for row in found):
            say(f"next: minidecomp table {quote(str(folder))} --plot test.kl --against alpha")


def _plot(folder: Path, found: list[dict[str, Any]], value: str, against: str) -> None:
    from minidecomp.runs.comparison import check_column

    from .table import draw

    finished = [row for row in found if row["state"] == "finished"]
    if not finished:
        click.echo("no picture: no run is finished", err=True)
        return
    value, against = check_column(finished, "plot", value), check_column(finished, "against", against)
    draw(finished, value, against, None, str(folder / f"{value}-against-{against}.png"))

"""``minidecomp sweep``: trains and evaluates a grid of runs in one folder, and writes a table of them."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, RunError, counted

from .options import TrainCommand
from .output import say
from .progress import stop_on_signals
from .table import Picture, check_picture, draw, refuse_without_plot, say_if_scales_differ
from .tables import print_table

if TYPE_CHECKING:
    from minidecomp.sweeps.grid import Block, Entry
    from minidecomp.sweeps.work import Datasets


class SweepCommand(TrainCommand):
    """A command that says where to give several values of a flag."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """click's way, except for a value after a flag, which click would report as a surplus argument."""
        from minidecomp.settings.options import by_name

        flags = {f"--{name.replace('_', '-')}": name for name, option in by_name().items() if option.kind is bool}
        for word, following in zip(args, [*args[1:], ""], strict=False):
            flag, equals, value = word.partition("=")
            value = value if equals else following
            if flag in flags and re.fullmatch(r"(?i)(true|false|yes|no|0|1)([,;].*)?", value):
                both = f"several values of it stand in a grid file: {flags[flag]} = [true, false], for --config"
                raise OptionError(flags[flag], value, f"a flag takes no value: write {flag} or --no-{flag[2:]}; {both}")
        return super().parse_args(ctx, args)


@click.command(cls=SweepCommand)
@click.option(
    "-c", "--config", metavar="GRID.toml", help="Read the grid from a TOML file, where a list gives several values."
)
@click.option("--seeds", metavar="N", help="Train with the seeds 0 to N - 1, instead of --seed.")
@click.option("-o", "--out", metavar="DIR", help="The sweep's folder.  [default: sweeps/sweep, sweeps/sweep-2, ..]")
@click.option("--resume", metavar="DIR", help="Finish a sweep: continue its runs and train those that are missing.")
@click.option(
    "--metrics",
    metavar="NAME,NAME,..",
    help="Also record these metrics of each run: factor_vae, hoyer, .., or all (see minidecomp evaluate --help).",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Send the runs to this Dask cluster.")
@click.option("--plot", metavar="NAME", help="Draw this value at the end, for example test.kl.")
@click.option(
    "--against", metavar="OPTION", help="Horizontal axis of the plot.  [default: alpha, or an option that differs]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON, with all values.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def sweep(
    config: str | None,
    seeds: str | None,
    out: str | None,
    resume: str | None,
    metrics: str | None,
    scheduler: str | None,
    plot: str | None,
    against: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Train every combination of several values: --alpha 1,3,5 --beta 0,1 --seeds 5.

    Separate the values of an option by commas. Layer widths, which have commas themselves, are separated by semicolons:
    --hidden "100;512,256". Each run gets its own folder in the sweep's folder, and sweep.csv lists all runs. You can
    stop or kill a sweep at any moment and --resume it; several processes can work on one folder. If a run fails, the
    sweep records the reason and continues.
    """
    from minidecomp.loggers.log import check_log
    from minidecomp.runs.owner import check_given
    from minidecomp.settings.resolving import check
    from minidecomp.sweeps import folder as sweep_folder
    from minidecomp.sweeps.work import Datasets, metrics_of_each

    given = {name: value for name, value in given.items() if value is not None}
    threads, datasets = given.pop("threads", None), Datasets()
    check_scheduler(scheduler)
    if threads is not None:
        check("threads", threads)
    blocks: list[Block] = []
    if resume is not None:
        _refuse_with_resume(given, config, seeds, out)
        folder = Path(resume)
        entries = sweep_folder.open_sweep(folder)
    else:
        if not given and config is None and seeds is None:
            raise click.UsageError("sweep needs an option with several values, such as --alpha 1,5")
        blocks = _blocks(given, config, seeds)
        entries, folder = _expanded(blocks, config), Path(out or "sweeps/sweep")
        if out is not None:
            check_given(out, sweep_folder.go_on_with(out), sweep_folder.holds_only_a_beginning)
        if scheduler is None:  # otherwise the data may be on the workers' machines
            datasets.load_all(entries)
    for log in {entry.options.log for entry in entries}:
        check_log(log)
    names = metrics_of_each(entries, datasets, metrics) if metrics else {}
    picture = None
    if plot is not None:
        found = [] if resume is None else sweep_folder.rows(folder, entries, names)
        picture = check_plot(found, entries, names, plot, against)
    else:
        refuse_without_plot(against=against)
    if resume is not None:
        sweep_folder.check_writable(folder)
    with sweep_folder.new_sweep(out, blocks) if resume is None else nullcontext(folder) as folder:
        if not quiet:
            say(f"{counted(len(entries), 'run')} in {folder}", err=True)
        _say_notes(entries, datasets)
        outcomes, received = run_grid(folder, entries, names, threads, scheduler, quiet, datasets)
    found = sweep_folder.write_table(folder, entries, names)
    _report(folder, entries, found, as_json)
    if picture is not None:
        _plot(folder, found, picture, as_json)
    again = f"minidecomp sweep --resume {quote(str(folder))}" + (f" --metrics {quote(metrics)}" if metrics else "")
    return say_how_to_go_on(again, outcomes, entries, received)


def _say_notes(entries: Sequence[Entry], datasets: Datasets) -> None:
    """Print the notes on the user's data files; a file that cannot be read fails its runs later, with the reason."""
    from minidecomp.errors import MinidecompError
    from minidecomp.settings.options import data_names

    from .loading import say_notes

    found = []
    for entry in entries:
        if entry.options.data not in data_names():
            with suppress(MinidecompError):
                found.append(datasets.get(entry.options))
    say_notes(*found)


def _say_engines(
    folder: Path, entries: Sequence[Entry], datasets: Datasets, names: Mapping[str, Sequence[str]]
) -> None:
    """Say which engine ``auto`` takes, and why; a run whose data cannot be read, or engine not used, fails later."""
    from minidecomp.engines.choice import by_engine
    from minidecomp.engines.probe import has_cupy
    from minidecomp.errors import MinidecompError
    from minidecomp.sweeps.folder import is_finished
    from minidecomp.sweeps.work import choice_of

    choices = []
    for entry in entries if has_cupy() else ():
        with suppress(MinidecompError):
            if not is_finished(folder, entry, names.get(entry.name, ())):
                choices.append(choice_of(folder, entry, datasets))
    for line in by_engine(choices):
        say(line, err=True)


def say_how_to_go_on(command: str, outcomes: dict[str, str], entries: Sequence[Entry], received: Sequence[int]) -> int:
    """Say how to continue, and return the exit code: for a stopped sweep 128 plus the signal's number, as for train."""
    if "stopped" in outcomes.values() or len(outcomes) < len(entries):
        click.echo("stopped; every run is saved where it stood", err=True)
        say(f"to continue: {command}", err=True)
        return 128 + (received[0] if received else signal.SIGINT)
    return 1 if "failed" in outcomes.values() else 0


def say_failures(found: list[dict[str, Any]]) -> None:
    """On stderr, a line for each failed run with the reason."""
    for row in found:
        if row["state"] == "failed":
            say(f"failed: {row['run']}: {row.get('reason', '')}", err=True)


def _refuse_with_resume(given: dict[str, Any], config: str | None, seeds: str | None, out: str | None) -> None:
    for name, value in {**given, "config": config, "seeds": seeds, "out": out}.items():
        if value is not None:
            raise OptionError(name, value, "--resume uses the sweep's own grid; leave this out")


def _blocks(given: dict[str, Any], config: str | None, seeds: str | None) -> list[Block]:
    """The grid: the command line over the grid file over the environment."""
    from minidecomp.files import named_path
    from minidecomp.runs.warm_start import with_its_options
    from minidecomp.settings.resolving import check, whole_number
    from minidecomp.settings.schedules import spelled_out
    from minidecomp.settings.sources import from_environment, naming
    from minidecomp.settings.sources import over as laid_over
    from minidecomp.sweeps.grid import read_blocks, values_of, with_absolute_paths

    given = spelled_out(given)
    over: Block = {name: values_of(name, text) for name, text in given.items()}
    for name, values in over.items():
        if not values:
            raise OptionError(name, given[name], expected="at least one value")
    for name, texts in over.items():
        values = [_plain(check(name, text)) for text in texts]
        over[name] = values[0] if len(values) == 1 else values
    if seeds is not None:
        over["seeds"] = whole_number("seeds", seeds, 1, 1000)
    parts = read_blocks(named_path(config)) if config is not None else [{}]
    environment, made = from_environment(), []
    for part in parts:
        there = {name: value for name, value in environment.items() if name not in part}
        with naming(over, there, config, part):
            wanted = with_its_options(laid_over(laid_over(environment, part), over))
        made.append(with_absolute_paths(_plain_values(wanted)))
    return made


def _expanded(blocks: list[Block], config: str | None) -> list[Entry]:
    """The grid's runs; an error in the grid file names the file."""
    from minidecomp.sweeps.grid import expand, read_blocks

    try:
        return expand(blocks)
    except OptionError as error:
        if config is not None and any(error.option in block for block in read_blocks(Path(config))):
            raise RunError(f"{config}: {error}") from error
        raise


def _plain_values(block: Block) -> Block:
    return {name: _plain(value) for name, value in block.items()}


def _plain(value: Any) -> Any:
    """The value as TOML has it."""
    return list(value) if isinstance(value, tuple) else value


def check_scheduler(address: str | None) -> None:
    """Raise OptionError unless the address has the form of a scheduler's address and Dask is installed."""
    import re

    from minidecomp.packages import missing

    if address is not None and not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://[^/\s]+:\d+", address):
        raise OptionError("scheduler", address, expected="an address such as tcp://HOST:8786")
    if address is not None and (reason := missing("distributed", "minidecomp[dask]", "Dask")):
        raise OptionError("scheduler", address, reason)


def check_plot(
    found: Sequence[dict[str, Any]],
    entries: Sequence[Entry],
    names: Mapping[str, Sequence[str]],
    plot: str,
    against: str | None,
) -> Picture:
    """What the plot of the finished sweep will show; OptionError if it cannot be drawn."""
    from minidecomp.runs.comparison import will_be_recorded
    from minidecomp.settings.options import by_name

    coming = [will_be_recorded(entry.options, names.get(entry.name, ())) for entry in entries]
    recorded = [{name: value for name, value in row.items() if name not in by_name()} for row in found]
    rows = [row | more for row, more in zip(coming, recorded or [{} for _ in coming], strict=True)]
    return check_picture(rows, plot, against, None, None, "no run of the sweep will have it recorded")


def run_grid(
    folder: Path,
    entries: Sequence[Entry],
    names: Mapping[str, Sequence[str]],
    threads: str | None,
    scheduler: str | None,
    quiet: bool,
    datasets: Datasets | None = None,
) -> tuple[dict[str, str], list[int]]:
    """Run a sweep here or on a cluster, with its progress on the terminal.

    Returns
    -------
    (dict of str to str, list of int)
        Each run's outcome by name, and the signals received.
    """
    from minidecomp.settings.resolving import check

    from .sweep_progress import sweep_progress

    count = None if threads is None else check("threads", threads)
    tell = partial(say, err=True)
    with stop_on_signals() as received, sweep_progress(folder, entries, quiet, names) as show:
        if scheduler is not None:
            from minidecomp.sweeps.cluster import run_on_cluster

            outcomes = run_on_cluster(
                scheduler,
                folder,
                entries,
                metrics=names,
                threads=count or 1,
                report=show.report,
                should_stop=lambda: bool(received),
                say=tell,
            )
            return outcomes, received
        from minidecomp.sweeps.local import run_all
        from minidecomp.sweeps.work import Datasets

        datasets = datasets or Datasets()
        if not quiet:
            _say_engines(folder, entries, datasets, names)
        outcomes = run_all(
            folder,
            entries,
            metrics=names,
            threads=count,
            datasets=datasets,
            progress=show.progress,
            report=show.report,
            should_stop=lambda: bool(received),
            say=tell,
        )
        return outcomes, received


def _report(folder: Path, entries: Sequence[Entry], found: list[dict[str, Any]], as_json: bool) -> None:
    from minidecomp.files import as_json as text
    from minidecomp.runs.comparison import differing_options, test_terms
    from minidecomp.sweeps.folder import TABLE
    from minidecomp.variants import METRICS

    if as_json:
        click.echo(text(found))
    else:
        usual = (*(f"test.{name}" for name in test_terms()), *METRICS)
        shown = [name for name in usual if any(name in row for row in found)]
        options = differing_options(found)
        print_table(found, ["run", "state", *options, *shown], least=[*reversed(shown[1:]), *reversed(options)])
    say_failures(found)
    say_if_scales_differ(found)
    if not as_json:
        say(f"table: {folder / TABLE}")
        if all(row["state"] == "finished" for row in found):
            say(f"next: {_what_next(folder, found)}")


def _what_next(folder: Path, found: list[dict[str, Any]]) -> str:
    """A command that shows more of a finished sweep: a plot against an option that differs, if there is one."""
    from minidecomp.runs.comparison import choose_axis, differing_options

    if not differing_options(found):
        return f"minidecomp evaluate {quote(str(folder / found[0]['run']))}"
    against = choose_axis(found).replace("_", "-")
    return f"minidecomp table {quote(str(folder))} --plot test.kl --against {against}"


def _plot(folder: Path, found: list[dict[str, Any]], picture: Picture, as_json: bool) -> None:
    from minidecomp.runs.comparison import curves

    finished = [row for row in found if row["state"] == "finished"]
    if not curves(finished, picture.value, picture.against):
        click.echo(f"no picture: no finished run has a value of {picture.value}", err=True)
        return
    draw(finished, replace(picture, path=folder / picture.path), on_stderr=as_json)

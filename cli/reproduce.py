"""``minidecomp reproduce``: runs one of the paper's experiments from start to end."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import OptionError, RunError, counted, did_you_mean, either, marked, shown

from .output import say

if TYPE_CHECKING:
    from minidecomp.reproduction import Experiment
    from minidecomp.runs.comparison import Row
    from minidecomp.sweeps.grid import Block, Entry


@click.command()
@click.argument("experiment", metavar="clustering|sparsity|independence")
@click.option("--quick", is_flag=True, help="Run a smaller grid, which takes minutes.")
@click.option("--medium", is_flag=True, help="Independence: a grid of hours, with small models and many seeds.")
@click.option("--seeds", metavar="N", help="Number of seeds.  [default: chosen by the experiment and its form]")
@click.option(
    "--out",
    "-o",
    metavar="DIR",
    help="The sweep's folder; if it exists, the sweep continues.  [default: reproductions/NAME]",
)
@click.option(
    "--table",
    "tables",
    metavar="FILE",
    multiple=True,
    help="Take the runs in this table of an earlier reproduce instead of training them. Several tables are possible.",
)
@click.option("--no-train", is_flag=True, help="Train nothing: draw and judge the runs that there are.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Send the runs to this Dask cluster.")
@click.option("--threads", metavar="N", help="Threads for each run.  [default: chosen by the number of cores]")
@click.option("--estimate", is_flag=True, help="Only print the number of runs and how long they will take.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def reproduce(
    experiment: str,
    quick: bool,
    medium: bool,
    seeds: str | None,
    out: str | None,
    tables: tuple[str, ...],
    no_train: bool,
    scheduler: str | None,
    threads: str | None,
    estimate: bool,
    quiet: bool,
) -> int:
    """Run an experiment of the paper: its grid of runs, their evaluation, the figures, a table, and what the runs say
    about the paper's sentences.

    You can stop it at any moment; the same command continues it. docs/reproduction.md compares the results with the
    paper's.
    """
    from minidecomp import figures
    from minidecomp.files import make_folder, named_path
    from minidecomp.reproduction import EXPERIMENTS, table
    from minidecomp.reproduction.experiment import FULL
    from minidecomp.settings.resolving import check, whole_number
    from minidecomp.sweeps.folder import finished_values
    from minidecomp.sweeps.grid import expand

    from .sweep import check_scheduler, say_how_to_go_on

    if experiment not in EXPERIMENTS:
        hint = did_you_mean(experiment, EXPERIMENTS) or f"the experiments are {either(EXPERIMENTS, 'and')}"
        raise RunError(f"unknown experiment '{shown(experiment)}'; {hint}")
    if reason := figures.missing():
        raise RunError(f"the figure of {experiment} cannot be drawn: {reason}")
    check_scheduler(scheduler)
    chosen = EXPERIMENTS[experiment]
    form = _form(chosen, quick, medium)
    count = chosen.forms[form] if seeds is None else whole_number("seeds", seeds, 1, 1000)
    blocks = chosen.blocks(form, count)
    entries = expand(blocks)
    if threads is not None:
        check("threads", threads)
    if estimate and no_train:
        raise OptionError("estimate", True, f"{marked('estimate')} and {marked('no_train')} cannot be used together")
    named = [] if form == FULL else [form]
    folder = Path(f"reproductions/{'-'.join([experiment, *named])}") if out is None else named_path(out)
    kept = folder / f"{chosen.name}.csv"
    known, remembered = _known(chosen, folder, kept, list(map(named_path, tables)), entries)
    to_train = [] if no_train else table.missing(chosen, entries, known)
    if estimate or not (quiet or no_train):
        left = [entry for entry in to_train if finished_values(folder, entry, chosen.metrics) is None]
        _say_how_long(left, len(entries), scheduler)
        if note := chosen.note(form, count):
            say(note, err=True)
    if estimate:
        return 0
    if no_train and not known and not folder.exists():
        raise RunError(f"{folder}: no such folder, so there are no runs to draw; leave out {marked('no_train')}")
    _begin(folder, entries, blocks)
    pictures = make_folder(folder / "figures")
    if to_train:
        outcomes, received = _train(chosen, folder, to_train, threads, scheduler, quiet)
        if set(outcomes.values()) != {"finished"} or len(outcomes) < len(to_train):
            given = [*(f"--{name}" for name in named), *([] if seeds is None else ["--seeds", seeds])]
            given += [word for path in tables for word in ("--table", quote(path))]
            others = {"--scheduler": scheduler, "--threads": threads}
            given += [word for name, value in others.items() if value is not None for word in (name, quote(value))]
            again = " ".join(["minidecomp reproduce", experiment, *given, "--out", quote(str(folder))])
            code = say_how_to_go_on(again, outcomes, to_train, received)
            if known or remembered or "finished" in outcomes.values():
                say(f"what there is so far: {again} --no-train", err=True)
            return code
    rows = table.together(chosen, table.rows(chosen, folder, entries), [*known, *remembered])
    return _show(chosen, folder, table.in_order(chosen, entries, rows), kept, pictures)


def _known(
    chosen: Experiment, folder: Path, kept: Path, tables: list[Path], entries: list[Entry]
) -> tuple[list[Row], list[Row]]:
    """The rows of the given tables, and of the one that the folder has kept: of earlier tables, or of runs that are
    gone. No two may differ about a run, nor may a table and a run in the folder."""
    from minidecomp.reproduction import table

    found: dict[Path, list[Row]] = {}
    for path in [*tables, *([kept] if kept.exists() else [])]:
        rows = table.read(chosen, path, entries)
        for other, before in found.items():
            table.refuse_other_values(chosen, path, rows, before, str(other))
        found[path] = rows
    remembered = found.get(kept, [])
    known = [row for path in dict.fromkeys(tables) for row in found[path]]
    lacking = {entry.name for entry in table.missing(chosen, entries, known)}
    trained = table.rows(chosen, folder, [entry for entry in entries if entry.name not in lacking])
    for path in tables:
        table.refuse_other_values(chosen, path, found[path], trained, f"a run in {folder}")
    return table.together(chosen, known, []), remembered


def _form(chosen: Experiment, quick: bool, medium: bool) -> str:
    """The form of the grid that the flags name."""
    from minidecomp.reproduction.experiment import FULL, MEDIUM, QUICK

    if quick and medium:
        raise OptionError("medium", True, f"{marked('quick')} and {marked('medium')} cannot be used together")
    form = QUICK if quick else MEDIUM if medium else FULL
    if form not in chosen.forms:
        others = either(["the full one", *(marked(each) for each in chosen.forms if each != FULL)], "and")
        raise OptionError(form, True, f"{chosen.name} has no grid of this size; it has {others}")
    return form


def _say_how_long(left: list[Entry], count: int, scheduler: str | None) -> None:
    from minidecomp.reproduction.estimate import in_words, seconds
    from minidecomp.sweeps.work import Datasets

    where = "" if scheduler is None else " on this machine alone"
    runs = counted(count, "run") if len(left) == count else f"{len(left)} of {counted(count, 'run')} are left"
    took = f"; training will take {in_words(seconds(left, Datasets()))}{where}, without the evaluations"
    click.echo(runs + (took if left else ""), err=True)


def _begin(folder: Path, entries: list[Entry], blocks: list[Block]) -> None:
    """Make the sweep's folder, or check that the one there is of this grid."""
    from minidecomp.runs.owner import is_empty
    from minidecomp.sweeps.folder import GRID, begin_sweep, check_writable, open_sweep

    if (folder / GRID).is_file():
        if [entry.name for entry in open_sweep(folder)] != [entry.name for entry in entries]:
            raise RunError(f"{folder}: it belongs to another grid; choose another folder with --out")
        check_writable(folder)
    elif folder.exists() and (not folder.is_dir() or not is_empty(folder)):
        raise RunError(f"{folder}: it exists and is not a sweep; choose another folder with --out")
    else:
        begin_sweep(str(folder), blocks)


def _train(
    chosen: Experiment, folder: Path, entries: list[Entry], threads: str | None, scheduler: str | None, quiet: bool
) -> tuple[dict[str, str], list[int]]:
    """Train and evaluate the runs; each one's outcome by name, and the signals received."""
    from minidecomp.sweeps.folder import write_table

    from .sweep import run_grid, say_failures

    metrics = {entry.name: chosen.metrics for entry in entries}
    outcomes, received = run_grid(folder, entries, metrics, threads, scheduler, quiet)
    say_failures(write_table(folder, entries))
    return outcomes, received


def _show(chosen: Experiment, folder: Path, rows: list[Row], path: Path, pictures: Path) -> int:
    """Print and write the table, draw the figures, and say what the runs say about the paper's sentences."""
    from minidecomp.reproduction import claims, table

    if not rows:
        raise RunError(f"{folder}: no run is finished, so there is nothing to draw")
    judged = claims.as_text(chosen.claims(rows))
    table.write(chosen, path, rows)
    _print_groups(chosen, rows, path)
    say(f"table: {path}")
    drawn = chosen.draw(rows, pictures)
    for each in drawn:
        say(f"figure: {each}")
    if not drawn:
        say(f"no figure: it needs the runs themselves, and {folder} does not have them", err=True)
    say("the paper's sentences in our words, the rule for each, and what these runs say:")
    for line in judged:
        say(line)
    return 0


def _print_groups(chosen: Experiment, rows: list[Row], path: Path) -> None:
    """The table on the terminal: a line for runs that differ only in their seeds."""
    import numpy as np

    from minidecomp.evaluation.standard_errors import of_few
    from minidecomp.reproduction import table
    from minidecomp.runs.grouping import Group

    from .tables import print_table

    values = [n for n in (*chosen.values, *chosen.own_values) if any(n in row for row in rows)]
    lines = []
    for runs in table.in_groups(chosen, rows):
        group = Group({}, runs)
        found: dict[str, Any] = {name: group.mean(name) for name in values}
        if chosen.medians:
            found = {name: float(np.median([row[name] for row in runs])) for name in values if name in runs[0]}
        lines.append({"runs": chosen.named(runs[0]), "seeds": len(runs), **found})
    kind = "medians" if chosen.medians else "means and standard errors"
    say(f"{table.how_many(chosen, rows)}; {kind} over the seeds")
    print_table(lines, ["runs", "seeds", *values], least=values, elsewhere=f"{path} has all")
    if not chosen.medians and (few := of_few([line["seeds"] for line in lines], "seed")):
        say(few, err=True)

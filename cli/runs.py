"""``minidecomp runs``: lists runs and sweeps, and how far each of them is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minidecomp.errors import MinidecompError

from .output import say
from .tables import CSV, TEXT, print_table

if TYPE_CHECKING:
    from minidecomp.runs.standing import Standing
    from minidecomp.sweeps.survey import SweepStanding

MOST_VALUES = 3  # of a sweep's option, in one cell


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1)
@click.option("--csv", "as_csv", is_flag=True, help="Print the list as CSV, with all options.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, with all options.")
def runs(folders: tuple[str, ...], as_csv: bool, as_json: bool) -> None:
    """List the runs and sweeps in FOLDER: date, state, last objective, and the options that differ.

    Without FOLDER, the folders runs and sweeps are listed, which is where minidecomp puts runs and sweeps by default.
    If FOLDER is a sweep, its runs are listed. The date is that of the last checkpoint. The objective is the mean over
    the last epoch. The options are those that differ among the runs on one data set; a sweep shows all its values.
    """
    if as_csv and as_json:
        raise MinidecompError("`--csv` and `--json` cannot be used together")
    found, problems = _found(folders)
    if as_json:
        from minidecomp.files import as_json as text

        click.echo(text([_facts(each) for each in found]))
    elif as_csv:
        rows = [_flat(each) for each in found]
        print_table(rows, list(dict.fromkeys(name for row in rows for name in row)) or ["run"], CSV)
    elif found:
        _print_text(found)
    for each in found:
        if each.reason:
            say(_complaint(each), err=True)
    for problem in problems:
        say(problem, err=True)


def _found(folders: Sequence[str]) -> tuple[list[Standing | SweepStanding], list[str]]:
    """The runs and sweeps, and a line for each place that cannot be read or has none."""
    from minidecomp.errors import RunError
    from minidecomp.runs.folder import RUNS
    from minidecomp.sweeps.folder import SWEEPS
    from minidecomp.sweeps.survey import survey

    usual = [place for place in (RUNS, SWEEPS) if os.path.isdir(place)]
    places = list(dict.fromkeys(map(Path, folders))) if folders else usual
    if not places:
        return [], [f"there is no folder {RUNS} or {SWEEPS} here; name a FOLDER, or start with minidecomp train"]
    found: dict[Path, Standing | SweepStanding] = {}
    problems = []
    for place in places:
        count = 0
        for each in survey(place):
            if isinstance(each, RunError):
                problems.append(str(each))
            else:
                found.setdefault(each.folder, each)
                count += 1
        if not count:
            problems.append(f"{place}: no runs or sweeps in it")
    return list(found.values()), problems


def _print_text(found: Sequence[Standing | SweepStanding]) -> None:
    from minidecomp.runs.comparison import last_parts
    from minidecomp.sweeps.survey import data_of, options_that_differ

    differing = options_that_differ(found)
    names = _in_order({name for names in differing.values() for name in names})
    sets = dict(zip(differing, last_parts([str(data) for data in differing]), strict=True))
    rows = []
    for each in found:
        row: dict[str, Any] = {
            "run": str(each.folder),
            "date": _date(each.changed),
            "state": state_text(each),
            "objective": getattr(each, "objective", None),
            "data": ", ".join(sets[data] for data in data_of(each)),
        }
        own = {name for data in data_of(each) for name in differing[data]}
        rows.append(row | {name: _value(each.options.get(name)) for name in names if name in own})
    shown = ["run", "date", "state", "objective", *(["data"] if len(differing) > 1 else []), *names]
    print_table(rows, shown, TEXT, [*reversed(names), "data", "objective", "date"], "--csv has all", cut_names=True)


def _in_order(names: set[str]) -> list[str]:
    from minidecomp.settings.options import by_name

    return [name for name in by_name() if name in names]


def _date(changed: float | None) -> str | None:
    """Local time, without seconds."""
    if changed is None:
        return None
    try:
        return datetime.fromtimestamp(changed).isoformat(timespec="minutes")
    except (OSError, OverflowError, ValueError):  # a clock that was far off
        return None


def state_text(found: Standing | SweepStanding) -> str:
    """The state of a run or a sweep, in a few words."""
    from minidecomp.runs.standing import BEGUN, NOT_EVALUATED, UNFINISHED
    from minidecomp.sweeps.survey import SweepStanding

    if isinstance(found, SweepStanding):
        return "unreadable sweep" if found.reason else _sweep_text(found)
    epoch = f"epoch {found.epoch}" if found.stopped_early else f"epoch {found.epoch} of {found.epochs}"
    words = {BEGUN: "begun, no checkpoint", UNFINISHED: epoch, NOT_EVALUATED: f"{epoch}, not evaluated"}
    text = words.get(found.state, found.state)
    if not found.training:
        return text
    return "in training now" + (f", {epoch}" if found.epoch is not None else "")


def _sweep_text(found: SweepStanding) -> str:
    text = f"{found.finished} of {found.runs} finished"
    parts = ((found.training, "in training now"), (found.failed, "failed"))
    return text + "".join(f", {count} {word}" for count, word in parts if count)


def _value(value: Any) -> Any:
    """A sweep's values of an option in one cell: all, or the first and the last."""
    if not isinstance(value, list):
        return value
    from minidecomp.runs.comparison import short_text

    texts = [short_text(each) for each in value]
    return " | ".join(texts) if len(texts) <= MOST_VALUES else f"{texts[0]} .. {texts[-1]} ({len(texts)})"


def _complaint(found: Standing | SweepStanding) -> str:
    """The line that says what is wrong with a run or a sweep, with its folder."""
    where = "" if found.reason.startswith(str(found.folder)) else f"{found.folder}: "
    state = "" if "damaged" in found.reason else f"{state_text(found)}: "
    return f"{state}{where}{found.reason}"


def _facts(found: Standing | SweepStanding) -> dict[str, Any]:
    """Everything known about a run or a sweep."""
    from minidecomp.sweeps.survey import SweepStanding

    row: dict[str, Any] = {"run": str(found.folder), "kind": "run", "date": _date(found.changed)}
    if isinstance(found, SweepStanding):
        done = "finished" if found.finished == found.runs else "unfinished"
        row |= {"kind": "sweep", "state": "unreadable" if found.reason else done}
        row |= {name: getattr(found, name) for name in ("runs", "finished", "failed", "training")}
    else:
        row |= {
            name: getattr(found, name)
            for name in ("state", "training", "epoch", "epochs", "stopped_early", "objective")
        }
    return row | ({"reason": found.reason} if found.reason else {}) | {"options": _lists(found.options)}


def _lists(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with widths as lists, as in `table`."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def _flat(found: Standing | SweepStanding) -> dict[str, Any]:
    """The facts with the options as separate columns."""
    facts = _facts(found)
    options = facts.pop("options")
    return facts | {name: value for name, value in options.items() if name not in facts}

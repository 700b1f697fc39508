"""All runs and sweeps below a folder, and how far each of them is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..runs.comparison import NOT_SHOWN, differing_options, no_folder
from ..runs.folder import config_values
from ..runs.following import independent
from ..runs.owner import is_held
from ..runs.standing import (
    DAMAGED,
    FINISHED,
    NOT_EVALUATED,
    UNFINISHED,
    Standing,
    beginning,
    has_checkpoint,
    last_change,
    standing,
)
from ..settings.options import by_name
from .folder import FAILED, GRID, failure, is_finished, open_sweep
from .grid import Entry
from .sameness import difference

NOT_BEGUN, OTHER = "not begun", "not the sweep's"


@dataclass(frozen=True)
class SweepStanding:
    """How far a sweep is.

    Attributes
    ----------
    folder : pathlib.Path
    runs, finished, failed, training : int
        The number of runs in its grid, and how many of them are finished, failed, and being trained.
    changed : float or None
        The time of its runs' last checkpoint, in seconds since 1970.
    options : dict
        The options of its runs; for an option that differs, a list of its values.
    varied : tuple of str
        The options that differ.
    reason : str
        Why its grid cannot be read.
    """

    folder: Path
    runs: int = 0
    finished: int = 0
    failed: int = 0
    training: int = 0
    changed: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    varied: tuple[str, ...] = ()
    reason: str = ""


def survey(place: Path) -> Iterator[Standing | SweepStanding | RunError]:
    """Each run and sweep below a folder, by name; for a sweep's own folder, first the runs of its grid.

    Folders whose names begin with a dot, and links that are not themselves a run or sweep, are skipped. An error
    is about a folder that cannot be read.

    Raises
    ------
    RunError
        The place is not a folder, or cannot be read.
    """
    if not os.path.isdir(place):
        raise no_folder(place)
    if os.path.isfile(place / GRID):
        try:
            entries = open_sweep(place)
        except RunError as error:
            yield SweepStanding(place, reason=str(error))
        else:
            yield from (_of_entry(place, entry) for entry in entries)
            yield from _below(place, {_number(place), *(_number(place / entry.name) for entry in entries)})
            return
    elif _is_run(place):
        yield standing(place)
        return
    yield from _below(place, {_number(place)})


def _below(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Standing | SweepStanding | RunError]:
    """The runs and sweeps below a folder that is not a run; ``seen`` keeps links from leading in circles."""
    waiting = [folder]  # the next one is last
    while waiting:
        place = waiting.pop()
        found = None if place is folder else _standing_of(place)
        if found is not None:
            yield found
        if isinstance(found, Standing) or (isinstance(found, SweepStanding) and not found.reason):
            continue
        if place is not folder and place.is_symlink():
            continue
        try:
            inner = _folders_inside(place)
        except OSError as error:
            yield RunError(f"cannot read {place}: {error.strerror or error}")
            continue
        new = {number: each for each in reversed(inner) if (number := _number(each)) not in seen}
        seen.update(new)
        waiting += sorted(new.values(), reverse=True)


def _standing_of(folder: Path) -> Standing | SweepStanding | None:
    """How far the run or the sweep in a folder is; None if it is neither."""
    if os.path.isfile(folder / GRID):
        return sweep_standing(folder)
    return standing(folder) if _is_run(folder) else None


def _folders_inside(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]
    return [folder / name for name in sorted(names)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _number(folder: Path) -> tuple[int, int]:
    try:
        found = os.stat(folder)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _is_run(folder: Path) -> bool:
    return has_checkpoint(folder) or beginning(folder) is not None


def sweep_standing(folder: Path) -> SweepStanding:
    """How far a sweep is; if its grid cannot be read, the reason says why, and nothing is raised."""
    try:
        entries = open_sweep(folder)
    except RunError as error:
        return SweepStanding(folder, reason=str(error))
    finished = [is_finished(folder, entry) for entry in entries]
    failed = [
        not done and failure(folder, entry.name) is not None for done, entry in zip(finished, entries, strict=True)
    ]
    training = [is_held(folder / "locks" / entry.name) for entry in entries]
    times = [changed for entry in entries if (changed := last_change(folder / entry.name)) is not None]
    options, varied = _options(entries)
    return SweepStanding(
        folder, len(entries), sum(finished), sum(failed), sum(training), max(times, default=None), options, varied
    )


def _options(entries: Sequence[Entry]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options of a sweep's runs, with all values of those that differ, and the names of these."""
    rows = [config_values(entry.options) for entry in entries]
    varied = tuple(differing_options(rows))
    options = {name: value for name, value in rows[0].items() if name not in varied}
    for name in varied:
        options[name] = list(dict.fromkeys(row[name] for row in rows if name in row))
    return options, varied


def _of_entry(folder: Path, entry: Entry) -> Standing:
    """How far a run of a sweep's grid is, with the epochs in the present grid."""
    run = folder / entry.name
    if not os.path.isdir(run):
        found = Standing(run, NOT_BEGUN, options=config_values(entry.options))
    else:
        found = standing(run)
    if found.state in (FINISHED, NOT_EVALUATED) and not is_finished(folder, entry):
        return _not_finished(found, entry)
    if found.state != FINISHED and not found.reason and (reason := failure(folder, entry.name)) is not None:
        return replace(found, state=FAILED, reason=(reason.splitlines() or [""])[0])
    return found


def _not_finished(found: Standing, entry: Entry) -> Standing:
    """A finished run that is not the one in the sweep's present grid."""
    try:
        reason = difference(found.folder, entry.options)
    except RunError as error:
        return replace(found, state=DAMAGED, reason=str(error))
    if reason:
        return replace(found, state=OTHER, reason=f"{found.folder}: {reason}")
    if found.epoch is not None and found.epoch < entry.options.epochs and not found.stopped_early:
        return replace(found, state=UNFINISHED, epochs=entry.options.epochs)
    return replace(found, state=NOT_EVALUATED)


def options_that_differ(found: Sequence[Standing | SweepStanding]) -> dict[Any, list[str]]:
    """For each data set, the options in which its runs and sweeps differ, except those that follow from others.

    The runs of a sweep also differ among themselves.
    """
    by_data: dict[Any, list[Standing | SweepStanding]] = {}
    for each in found:
        for data in data_of(each):
            by_data.setdefault(data, []).append(each)
    return {data: _differing(group) for data, group in by_data.items()}


def data_of(found: Standing | SweepStanding) -> list[Any]:
    """The data sets of a run, or of a sweep's runs."""
    data = found.options.get("data")
    return data if isinstance(data, list) else [] if data is None else [data]


def _differing(group: Sequence[Standing | SweepStanding]) -> list[str]:
    rows = [dict(each.options) for each in group if each.options]
    varied = {name for each in group if isinstance(each, SweepStanding) for name in each.varied}
    differing = {*differing_options(rows), *varied} - {"data", *NOT_SHOWN}
    return independent(rows, [name for name in by_name() if name in differing], "")

"""The sweep's folder: a run folder for each run, who is at work on it, what failed and why, and the table of all.

SWEEP/sweep.toml      the grid
SWEEP/NAME/           a run folder, as of ``minidecomp train``
SWEEP/failed/NAME.txt why a run failed
SWEEP/locks/NAME      held by the process that trains a run; the system lets go of it when that process ends
SWEEP/sweep.csv       the table
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import MinidecompError, RunError
from ..evaluation.scoring import known_metrics
from ..files import make_folder, write_file
from ..runs.comparison import differing_options, read_row
from ..runs.evaluation_file import parts_in_form
from ..runs.owner import lock
from .grid import Entry, expand, read_blocks

GRID, TABLE = "sweep.toml", "sweep.csv"
FINISHED, FAILED, PENDING = "finished", "failed", "pending"

Metrics = Mapping[str, Sequence[str]]  # by a run's name, those that are asked for
NO_METRICS: Metrics = MappingProxyType({})


def open_sweep(folder: Path) -> list[Entry]:
    """The runs of a sweep that was begun.

    Raises
    ------
    RunError
        If it is no sweep's folder.
    """
    if not (folder / GRID).is_file():
        raise RunError(f"{folder}: no sweep folder, for it has no {GRID}")
    return expand(read_blocks(folder / GRID))


@contextmanager
def claimed(folder: Path, name: str) -> Iterator[bool]:
    """Whether this process has the run for itself; while it has, no other process gets it.

    The claim is a lock on a file: it ends with the process, killed or not, so none is ever stale.
    """
    held = lock(make_folder(folder / "locks") / name)
    try:
        yield held is not None
    finally:
        if held is not None:
            held.release()


def is_finished(folder: Path, entry: Entry, metrics: Sequence[str] = ()) -> bool:
    """Whether a run has its last epoch and its evaluation, with the metrics that are asked for."""
    found = parts_in_form(folder / entry.name)
    whole = found.get("epochs") == entry.options.epochs and {"test", "dimensions"} <= found.keys()
    return bool(whole and set(metrics) <= known_metrics(found, entry.options.prior))


def note_failure(folder: Path, name: str, reason: str) -> None:
    """Write why a run failed into the sweep's folder."""
    write_file(make_folder(folder / "failed") / f"{name}.txt", lambda file: file.write(f"{reason}\n".encode()))


def forget_failure(folder: Path, name: str) -> None:
    """Delete the note of a run's failure, if there is one."""
    (folder / "failed" / f"{name}.txt").unlink(missing_ok=True)


def failure(folder: Path, name: str) -> str | None:
    """Why a run failed, or None."""
    try:
        return (folder / "failed" / f"{name}.txt").read_text("utf-8").strip()
    except OSError:
        return None


def state(folder: Path, entry: Entry, metrics: Sequence[str] = ()) -> str:
    """``finished`` with the metrics that are asked for, ``failed``, or ``pending``."""
    if is_finished(folder, entry, metrics):
        return FINISHED
    return FAILED if failure(folder, entry.name) is not None else PENDING


def rows(folder: Path, entries: Sequence[Entry], metrics: Metrics = NO_METRICS) -> list[dict[str, Any]]:
    """A row a run: its name, state, options, and what was recorded of it."""
    found = []
    for entry in entries:
        row: dict[str, Any] = {"run": entry.name, "state": state(folder, entry, metrics.get(entry.name, ()))}
        row |= {name: value for name, value in vars(entry.options).items() if value is not None}
        if row["state"] == FINISHED:
            try:
                row |= {
                    name: value
                    for name, value in read_row(folder / entry.name).items()
                    if "." in name or name not in row
                }
            except MinidecompError as error:
                row |= {"state": FAILED, "reason": str(error)}
        elif (reason := failure(folder, entry.name)) is not None:
            row["reason"] = reason.splitlines()[0] if reason else ""
        found.append(row)
    return found


def write_table(folder: Path, entries: Sequence[Entry], metrics: Metrics = NO_METRICS) -> list[dict[str, Any]]:
    """Write sweep.csv: options that differ, then every recorded value; returns the rows."""
    found = rows(folder, entries, metrics)
    recorded = dict.fromkeys(name for row in found for name in row if name not in vars(entries[0].options))
    columns = list(dict.fromkeys(["run", "state", *differing_options(found), *recorded]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write_file(folder / TABLE, lambda file: file.write(buffer.getvalue().encode()))
    return found

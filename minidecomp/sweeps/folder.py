"""The sweep's folder: a run folder for each run, locks, the reasons of failures, and the table.

SWEEP/sweep.toml      the grid
SWEEP/NAME/           a run folder, as from ``minidecomp train``
SWEEP/failed/NAME.txt why a run failed
SWEEP/locks/NAME      locked by the process that trains the run; the system releases it when that process ends
SWEEP/sweep.csv       the table
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import Any

from ..errors import Fault, MinidecompError, RunError
from ..evaluation.scoring import known_metrics
from ..files import delete_temporaries_of, is_temporary, make_folder, read_small_file, unchecked, write_file
from ..runs.comparison import differing_options, recorded
from ..runs.evaluation_file import remembered_parts
from ..runs.owner import LOCK, lock, own_given, own_new
from ..runs.remembered import REMEMBERED, Stamp, identity, stamp
from .grid import Block, Entry, expand_file, write_blocks
from .sameness import difference

GRID, TABLE = "sweep.toml", "sweep.csv"
SWEEPS = Path("sweeps")  # the default place of sweeps
FINISHED, FAILED, PENDING = "finished", "failed", "pending"
MOST_OF_A_NOTE = 1_000_000  # bytes of the reason of a failure

Metrics = Mapping[str, Sequence[str]]  # by a run's name, the metrics asked for
NO_METRICS: Metrics = MappingProxyType({})


def open_sweep(folder: Path) -> list[Entry]:
    """The runs of an existing sweep.

    Raises
    ------
    RunError
        The folder is not a sweep's.
    """
    if not (folder / GRID).is_file():
        raise RunError(f"{folder}: this is not a sweep folder, as it has no {GRID}")
    return expand_file(folder / GRID)


def holds_only_a_beginning(folder: Path) -> bool:
    """Whether a folder contains only what a sweep leaves that is killed before its grid is written."""
    return all(path.name == LOCK or is_temporary(path.name, GRID) for path in folder.iterdir())


def begin_sweep(out: str | None, blocks: Sequence[Block]) -> Path:
    """Make the folder of a new sweep with its grid; it must be empty, and no other process may have made it.

    Parameters
    ----------
    out : str or None
        The folder; None for the first free one of sweeps/sweep, sweeps/sweep-2, ...
    blocks : sequence of Block

    Raises
    ------
    RunError
        The folder is not empty, cannot be written, or another process has it.
    """
    if out is None:
        folder, held = own_new(SWEEPS / "sweep")
    else:
        folder, held = own_given(out, go_on_with(out), holds_only_a_beginning)
    try:
        delete_temporaries_of([GRID], folder)
        write_blocks(folder / GRID, blocks)
    finally:
        held.release()  # from here on, several processes may work on the sweep
    return folder


@contextmanager
def new_sweep(out: str | None, blocks: Sequence[Block]) -> Iterator[Path]:
    """`begin_sweep`; if the block then refuses the sweep before any run has started, nothing of it is left."""
    place = Path(out or SWEEPS / "sweep")
    above = [folder for folder in place.parents if not folder.exists()]
    was_there = out is not None and place.exists()
    folder = begin_sweep(out, blocks)
    ours = Place(folder)
    try:
        yield folder
    except Unfinished:
        raise
    except MinidecompError:
        with suppress(OSError, Fault):
            ours.check()
            if {path.name for path in folder.iterdir()} <= {GRID, TABLE}:
                for name in (GRID, TABLE):
                    (folder / name).unlink(missing_ok=True)
                for path in above if was_there else [folder, *above]:
                    path.rmdir()
        raise


class Unfinished(Fault):
    """A sweep stopped midway: what is finished stays, and the sweep can be continued."""


def go_on_with(out: str) -> str:
    """What to type to continue the sweep in a folder; empty if there is none."""
    return (
        f"continue its sweep: minidecomp sweep --resume {quote(out)}" if os.path.isfile(os.path.join(out, GRID)) else ""
    )


def check_writable(folder: Path) -> None:
    """Raise RunError unless the folder exists, or can be made, and files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(f"{folder}: cannot write there: {error.strerror or error}") from error


class Place:
    """A sweep's folder as it is now; another one at the same path, after it was moved or deleted, does not count.

    After a pause, call ``check`` before writing anything.

    Attributes
    ----------
    folder : pathlib.Path
    """

    def __init__(self, folder: Path):
        self.folder, self._found, self._descriptor = folder, os.stat(folder), -1
        with suppress(OSError):  # Windows cannot open folders
            # While it is open, the system gives its number to no other folder.
            self._descriptor = os.open(folder, os.O_RDONLY)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    def check(self) -> None:
        """Raise Fault if the folder is another one, or does not exist."""
        with suppress(OSError):
            if os.path.samestat(self._found, os.stat(self.folder)):
                return
        gone = "the folder is no longer this sweep's (it was moved or deleted)"
        raise Fault(f"{self.folder}: {gone}; nothing was written")


@contextmanager
def claimed(place: Place, name: str) -> Iterator[bool]:
    """Whether this process gets the run for itself; while it has the run, no other process can get it.

    The claim is a lock on a file. It ends with the process, however that ends, so no claim is ever stale.
    """
    place.check()
    held = lock(make_folder(place.folder / "locks") / name)
    try:
        yield held is not None
    finally:
        if held is not None:
            held.release()


def is_finished(folder: Path, entry: Entry, metrics: Sequence[str] = ()) -> bool:
    """Whether a run is the entry's, at its last epoch, and evaluated, with the requested metrics.

    The data's digest is compared when a sweep starts: see `minidecomp.sweeps.work.refuse_others`.
    """
    return finished_values(folder, entry, metrics) is not None


def finished_values(folder: Path, entry: Entry, metrics: Sequence[str] = ()) -> dict[str, Any] | None:
    """The recorded values of a finished run and its likelihood, which a grid may leave to the data.

    None if it is not finished (`is_finished`). Its files are read again only when they are others.
    """
    run = folder / entry.name
    found = remembered_parts(run)
    if not {"test", "dimensions"} <= found.keys() or not set(metrics) <= known_metrics(found, entry.options.prior):
        return None
    try:
        values, trained = recorded(found), identity(run)
        whole = trained.stopped_early or trained.epoch == entry.options.epochs
        if not whole or not trained.is_model_of(found) or difference(run, entry.options):
            return None
    except (RunError, TypeError, AttributeError, KeyError):  # what cannot be read is made again
        return None
    has_config = os.path.isfile(os.path.join(run, "config.toml"))
    return {"likelihood": trained.options.likelihood} | values if has_config else None


def note_failure(place: Place, name: str, reason: str) -> None:
    """Write why a run failed into the sweep's folder."""
    place.check()
    path, text = make_folder(place.folder / "failed") / f"{name}.txt", f"{reason}\n"
    write_file(path, lambda file: file.write(text.encode()), place.check)


def forget_failure(place: Place, name: str) -> None:
    """Delete the note of a run's failure, if there is one."""
    place.check()
    with suppress(OSError):  # the note of a finished run is not read
        (place.folder / "failed" / f"{name}.txt").unlink(missing_ok=True)


def failure(folder: Path, name: str) -> str | None:
    """Why a run failed; None if there is no note, or it cannot be read."""
    found = stamp(folder / "failed", f"{name}.txt")
    try:
        return None if found is None else _note(folder / "failed" / f"{name}.txt", found)
    except OSError:
        return None


@lru_cache(maxsize=REMEMBERED)
def _note(path: Path, found: Stamp) -> str:
    return read_small_file(path, MOST_OF_A_NOTE).decode("utf-8", "replace").strip()


def state(folder: Path, entry: Entry, metrics: Sequence[str] = ()) -> str:
    """``finished`` with the requested metrics, ``failed``, or ``pending``."""
    return str(_row(folder, entry, metrics)["state"])


def rows(folder: Path, entries: Sequence[Entry], metrics: Metrics = NO_METRICS) -> list[dict[str, Any]]:
    """One row per run: its name, state, options, and recorded values."""
    return [_row(folder, entry, metrics.get(entry.name, ())) for entry in entries]


def _row(folder: Path, entry: Entry, metrics: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"run": entry.name, "state": PENDING}
    row |= {name: value for name, value in vars(entry.options).items() if value is not None}
    if (values := finished_values(folder, entry, metrics)) is not None:
        return row | {"state": FINISHED} | {name: value for name, value in values.items() if name not in row}
    if (reason := failure(folder, entry.name)) is not None:
        row |= {"state": FAILED, "reason": reason.splitlines()[0] if reason else ""}
    return row


class Table:
    """A sweep's table, written whenever a run ends, unless that would take more than a twentieth of the time.

    So the time for the table grows like that of the sweep, although the table itself becomes longer and longer.
    """

    def __init__(self, folder: Path, entries: Sequence[Entry], metrics: Metrics = NO_METRICS):
        self.place, self._content, self._next = Place(folder), (folder, entries, metrics), 0.0
        self._writing = threading.Lock()

    def update(self) -> None:
        """Write the table, unless another thread is writing it, or it was written a moment ago and that takes long."""
        if time.monotonic() < self._next or not self._writing.acquire(blocking=False):
            return
        try:
            begun = time.monotonic()
            self._write()
            self._next = time.monotonic() + 20 * (time.monotonic() - begun)
        finally:
            self._writing.release()

    def write(self) -> None:
        """Write the table; Fault if the folder is no longer the sweep's."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        self.place.check()
        write_table(*self._content, self.place.check)


def write_table(
    folder: Path,
    entries: Sequence[Entry],
    metrics: Metrics = NO_METRICS,
    check: Callable[[], object] = unchecked,
) -> list[dict[str, Any]]:
    """Write sweep.csv: the options that differ, then every recorded value; returns the rows.

    ``check`` is as for `minidecomp.files.write_file`.
    """
    found = rows(folder, entries, metrics)
    recorded = dict.fromkeys(name for row in found for name in row if name not in vars(entries[0].options))
    columns = list(dict.fromkeys(["run", "state", *differing_options(found), *recorded]))
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    write_file(folder / TABLE, lambda file: file.write(buffer.getvalue().encode()), check)
    return found

"""A sweep on an existing Dask cluster: one task per run, with results in the sweep's folder or sent back."""

from __future__ import annotations

import io
import logging
import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import Any

from .. import __version__
from ..errors import Fault, OptionError, RunError, marked, on_command_line
from ..files import make_folder, read_small_file, write_file
from ..packages import missing
from ..runs.folder import config_text
from ..settings import toml_text
from ..settings.resolving import resolve
from .folder import (
    FAILED,
    FINISHED,
    NO_METRICS,
    Metrics,
    Place,
    Table,
    Unfinished,
    failure,
    forget_failure,
    is_finished,
    note_failure,
)
from .grid import Entry
from .sameness import refuse_foreign
from .work import BUSY, STOPPED, Datasets, complete, refuse_others

CONNECT_SECONDS, WORKER_SECONDS, POLL_SECONDS = 10, 30, 0.5
ASK_SECONDS = 2  # how often a worker asks whether to stop


def run_on_cluster(
    address: str,
    folder: Path,
    entries: Sequence[Entry],
    *,
    metrics: Metrics = NO_METRICS,
    threads: int = 1,
    report: Callable[[Entry, str], None] = lambda entry, outcome: None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, str]:
    """Complete a sweep on a cluster's workers; returns each run's outcome by name.

    If all workers see the sweep's folder, they work in it: a run whose worker dies continues on another one, from its
    last checkpoint. Otherwise a finished run's folder comes back through the scheduler, and a run whose worker dies
    starts again.

    Parameters
    ----------
    address : str
        Address of the scheduler, tcp://HOST:PORT.
    folder, entries, metrics, report, should_stop, say
        As for ``minidecomp.sweeps.local.run_all``.
    threads : int
        Threads per run.

    Raises
    ------
    OptionError
        Dask is not installed.
    RunError
        As ``run_all``.
    Fault
        No scheduler or no worker answers, or a worker has another minidecomp, or the scheduler dies. What is finished
        stays.
    """
    given, folder = folder, folder.resolve()
    distributed = _import(address)
    datasets = Datasets()
    refuse_others(folder, entries, datasets, say)
    waiting = [entry for entry in entries if not is_finished(folder, entry, metrics.get(entry.name, ()))]
    outcomes = dict.fromkeys({entry.name for entry in entries} - {entry.name for entry in waiting}, FINISHED)
    table = Table(folder, entries, metrics)
    table.write()
    if not waiting:
        return outcomes

    def ended(entry: Entry, outcome: str) -> None:
        outcomes[entry.name] = outcome
        table.update()
        report(entry, outcome)

    with _silent(), _connect(distributed, address) as client:
        _check_versions(client)
        token = uuid.uuid4().hex
        try:
            place = str(folder) if _is_shared(client, folder, token) else None
            pending = _submit(client, _possible(waiting, table.place, place, ended), place, token, metrics, threads)
            stop = distributed.Event(f"minidecomp-stop-{token}", client=client)
            _wait(pending, table.place, place is None, stop, should_stop, ended)
        except (OSError, CancelledError) as error:  # network errors; errors of the sweep's files are Faults
            table.write()
            raise Unfinished(
                f"{marked('scheduler', address)}: the scheduler is gone, or has dropped the runs; "
                f"what is finished stays; to continue: minidecomp sweep --resume {quote(str(given))}, "
                "with a scheduler or without"
            ) from error
    table.write()
    return outcomes


def _possible(
    waiting: Sequence[Entry], here: Place, seen_at: str | None, ended: Callable[[Entry, str], None]
) -> list[Entry]:
    """The runs whose folders here can take the results; workers that see the folder check it themselves."""
    kept = []
    for entry in waiting:
        try:
            run = here.folder / entry.name
            if seen_at is None and not (run / "checkpoint.npz").exists():
                refuse_foreign(run)
            kept.append(entry)
        except RunError as error:
            note_failure(here, entry.name, on_command_line(error))
            ended(entry, FAILED)
    return kept


def _submit(
    client: Any, entries: Sequence[Entry], place: str | None, token: str, metrics: Metrics, threads: int
) -> dict[Any, Entry]:
    """A task for each run, by its future."""
    return {
        client.submit(
            train_on_worker,
            place,
            token,
            entry.name,
            config_text(entry.options),
            list(metrics.get(entry.name, ())),
            threads,
            __version__,
            key=f"minidecomp-{token}-{entry.name}",
            pure=False,
        ): entry
        for entry in entries
    }


def _wait(
    pending: dict[Any, Entry],
    here: Place,
    apart: bool,
    stop: Any,
    should_stop: Callable[[], bool],
    ended: Callable[[Entry, str], None],
) -> None:
    """Collect each run as its task ends; raises CancelledError or OSError if the scheduler is gone."""
    stopping = False
    while pending:
        for future in [future for future in pending if future.done()]:
            entry = pending.pop(future)
            ended(entry, _collect(future, here, entry, apart))
        if should_stop() and not stopping:
            stopping = True
            stop.set()
        time.sleep(POLL_SECONDS if pending else 0)


@contextmanager
def _silent() -> Iterator[None]:
    """Silence Dask's loggers; errors are reported in one line of ours."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    loggers = [logger for logger in map(logging.getLogger, names) if not logger.disabled]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def _import(address: str) -> Any:
    if reason := missing("distributed", "minidecomp[dask]", "Dask"):
        raise OptionError("scheduler", address, reason)
    import distributed

    return distributed


def _connect(distributed: Any, address: str) -> Any:
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise Fault(f"{marked('scheduler', address)}: no scheduler answers there ({_line(error)})") from error
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        client.close()
        raise Fault(
            f"{marked('scheduler', address)}: it has no workers, and none came within {WORKER_SECONDS} seconds"
        ) from error
    return client


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _version() -> str:
    return __version__


def _check_versions(client: Any) -> None:
    """Raise Fault if a worker has another minidecomp, or none."""
    for worker, answer in client.run(_version, on_error="return").items():
        if isinstance(answer, BaseException):
            raise Fault(
                f"worker {worker}: minidecomp does not work there ({_line(answer)}); here it is version {__version__}"
            )
        if answer != __version__:
            raise Fault(
                f"worker {worker}: it has minidecomp {answer}, and here it is {__version__}; the versions must be equal"
            )


def _sees(path: str, token: str) -> bool:
    try:
        return read_small_file(Path(path), len(token)) == token.encode()
    except OSError:
        return False


def _is_shared(client: Any, folder: Path, token: str) -> bool:
    """Whether every worker can read a file written here in the sweep's folder."""
    path = folder / f".shared-{token}"
    write_file(path, lambda file: file.write(token.encode()))
    try:
        return all(client.run(_sees, str(path), token).values())
    finally:
        path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _datasets_of(token: str) -> Datasets:
    """A sweep's data sets, loaded once for all its runs on this worker."""
    return Datasets()


def train_on_worker(
    folder: str | None, token: str, name: str, config: str, metrics: list[str], threads: int, version: str
) -> tuple[str, str, bytes]:
    """A worker's task: complete one run.

    Returns
    -------
    (str, str, bytes)
        The outcome, the reason if it failed, and the run's folder as a zip archive if ``folder`` is None.
    """
    import distributed

    if version != __version__:  # a worker may join later
        return FAILED, f"the worker has minidecomp {__version__}, the client {version}", b""
    values = toml_text.loads(config)
    values.pop("version")
    entry, worker = Entry(name, resolve(values)), distributed.get_worker()
    own = Path(folder) if folder is not None else make_folder(Path(worker.local_directory) / f"minidecomp-{token}")
    stop, asked = distributed.Event(f"minidecomp-stop-{token}"), [time.monotonic(), False]

    def should_stop() -> bool:
        if time.monotonic() - asked[0] >= ASK_SECONDS:
            try:
                asked[:] = [time.monotonic(), stop.is_set()]
            except Exception:  # the scheduler is gone, so nobody waits for this run
                asked[:] = [time.monotonic(), True]
        return bool(asked[1])

    while True:
        outcome = complete(own, entry, _datasets_of(token), threads=threads, metrics=metrics, should_stop=should_stop)
        if outcome != BUSY or should_stop():
            break
        time.sleep(POLL_SECONDS)  # until its holder has finished it, or is dead
    reason = failure(own, name) or ""
    if folder is not None:
        return outcome, reason, b""
    packed = _pack(own / name) if outcome == FINISHED else b""
    shutil.rmtree(own / name, ignore_errors=True)
    return outcome, reason, packed


def _pack(folder: Path) -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return room.getvalue()


def _unpack(packed: bytes, folder: Path) -> None:
    """Unpack next to the final place first, so that nobody sees half a file; other files in that place stay."""
    beside = folder.with_name(f".{folder.name}.coming")
    shutil.rmtree(beside, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(make_folder(beside))
    files = [path.relative_to(beside) for path in beside.rglob("*") if path.is_file()]
    # The evaluation marks a run as finished, so it comes last.
    for path in sorted(files, key=lambda path: path.name == "evaluation.json"):
        make_folder((folder / path).parent)
        (beside / path).replace(folder / path)
    shutil.rmtree(beside, ignore_errors=True)


def _collect(future: Any, here: Place, entry: Entry, apart: bool) -> str:
    """A task's outcome; a run that was made elsewhere is moved into the sweep's folder."""
    try:
        outcome, reason, packed = future.result()
    except (Exception, CancelledError) as error:  # the worker died too often, or the task was not sent
        if future.status != "error" and isinstance(error, (OSError, CancelledError)):
            raise  # the scheduler is gone
        note_failure(here, entry.name, f"on the cluster: {type(error).__name__}: {_line(error)}")
        return FAILED
    if outcome == BUSY:
        return STOPPED
    if outcome == FAILED:
        note_failure(here, entry.name, reason)
    elif apart and outcome == FINISHED:
        here.check()
        try:
            _unpack(packed, here.folder / entry.name)
        except OSError as error:
            note_failure(here, entry.name, f"its results came back but cannot be written: {error.strerror or error}")
            return FAILED
        forget_failure(here, entry.name)
    return str(outcome)

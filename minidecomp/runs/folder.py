"""The run folder: what is written where (docs/files.md).

``config.toml`` the options, ``metrics.csv`` a row an epoch, ``gradients.csv`` likewise with --log-gradients,
``checkpoint.npz`` everything a resume needs, ``best.npz`` the best model by validation, ``figures/``,
``evaluation.json``; ``.lock`` while it is trained. Every file is written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from shlex import quote
from typing import Any

from .. import __version__
from ..data.dataset import Dataset, Digests
from ..errors import OptionError, RunError
from ..files import is_temporary, read_small_file, unchecked, write_file
from ..settings import toml_text
from ..settings.options import TrainOptions, data_names, is_relevant
from ..settings.resolving import resolve
from .gradient_log import COLUMNS as GRADIENT_COLUMNS
from .owner import LOCK, Lock, is_empty, own, own_given, own_new
from .schema import are_columns

RUNS = Path("runs")  # where runs go by default
TABLES: dict[str, Callable[[tuple[str, ...]], bool]] = {  # whether these are a table's columns
    "metrics.csv": are_columns,
    "gradients.csv": lambda names: names == GRADIENT_COLUMNS,
}
LAST, BEST = "checkpoint.npz", "best.npz"
SAVED_DATA = ("data.npy", "data.csv")  # what an estimator puts into a run's folder
MOST_BYTES = 1_000_000  # of a file of a beginning


def config_text(options: TrainOptions, version: str = __version__) -> str:
    """The options as TOML, those that say nothing in this run left out; itself a valid ``--config``."""
    return toml_text.dumps({"version": version} | config_values(options))


def config_values(options: TrainOptions) -> dict[str, Any]:
    """The options that ``config.toml`` has: those that say something in this run."""
    values = dict(vars(options))
    return {name: value for name, value in values.items() if value is not None and is_relevant(name, values)}


def write_config(folder: Path, options: TrainOptions, check: Callable[[], object] = unchecked) -> None:
    """Write ``config.toml``; ``check`` is as for `minidecomp.files.write_file`."""
    write_file(folder / "config.toml", lambda file: file.write(config_text(options).encode()), check)


def holds_only_a_beginning(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run leaves that ends before its first checkpoint; or nothing at all."""
    return all(_is_of_a_beginning(path) for path in folder.iterdir())


def clear_beginning(folder: Path) -> None:
    """Delete what ``holds_only_a_beginning`` allows, but for the lock; the caller holds it.

    Raises
    ------
    RunError
        If the folder holds anything else, or a file cannot be deleted.
    """
    if not holds_only_a_beginning(folder):
        raise RunError(f"{folder}: the folder holds more than the beginning of a run")
    _delete(path for path in folder.iterdir() if path.name != LOCK)


def check_begun(folder: Path) -> None:
    """Raise RunError, with what to type, if a folder has the beginning of a run without a checkpoint to go on from."""
    if not folder.is_dir() or is_empty(folder) or not holds_only_a_beginning(folder):
        return
    own(folder).release()  # its training may be just beginning
    config = f"--config {quote(str(folder / 'config.toml'))} " if (folder / "config.toml").is_file() else ""
    again = f"minidecomp train {config}--out {quote(str(folder))}"
    raise RunError(f"{folder}: the run was stopped before its first checkpoint; begin again with: {again}")


def delete_temporaries(folder: Path) -> None:
    """Delete what killed saves have left of the files that only a run's owner writes; the caller is it."""
    _delete(path for path in folder.iterdir() if _is_temporary(path))


def _is_of_a_beginning(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    if path.name == "config.toml":
        return _is_as_written(_content(path))
    if path.name in TABLES:
        header = _content(path).decode("utf-8", "replace")
        return header.endswith("\n") and TABLES[path.name](tuple(header[:-1].split(",")))  # without a row
    return path.name == LOCK or _is_temporary(path)


def _is_temporary(path: Path) -> bool:
    return any(is_temporary(path.name, name) for name in (*TABLES, "config.toml", LAST, BEST))


def _content(path: Path) -> bytes:
    """A file's bytes; empty, which no file of a beginning is, if they cannot be read."""
    try:
        return read_small_file(path, MOST_BYTES)
    except OSError:
        return b""


def _is_as_written(config: bytes) -> bool:
    """Whether a ``config.toml`` is what a run of some version writes, to the byte: nobody has edited it."""
    try:
        values = toml_text.loads(config.decode())
        version = values.pop("version", None)
        return isinstance(version, str) and config_text(resolve(values), version).encode() == config
    except (ValueError, OptionError):
        return False


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot delete {path}: {error.strerror or error}") from error


def usual_folder(options: TrainOptions) -> Path:
    """Where a run goes by default: ``runs/DATA-PRIOR-alphaA-betaB-seedS``, and ``-warm`` if it begins from another."""
    data = Path(str(options.data)).stem.lstrip("-") or "stdin"
    variance = "-pca" if options.prior_variance == "pca" else ""
    variance += "-learned" if options.learn_prior_variance else ""
    warm = "" if options.from_run is None else "-warm"
    name = f"{data}-{options.prior}{variance}-alpha{options.alpha:g}-beta{options.beta:g}-seed{options.seed}{warm}"
    return RUNS / name


def new_run(out: str | None, options: TrainOptions) -> tuple[Path, Lock]:
    """The folder of a new run, made and owned: ``out``, or one under ``runs/`` named after the run.

    Never one that holds something already, but for what a run left that ended before its first checkpoint.
    """
    if out is None:
        return own_new(usual_folder(options))
    is_run = os.path.isfile(os.path.join(out, "checkpoint.npz"))
    go_on = f"--resume {quote(out)} to go on with its run" if is_run else ""
    folder, held = own_given(out, go_on, holds_only_a_beginning)
    try:
        clear_beginning(folder)
    except BaseException:
        held.release()
        raise
    return folder, held


def with_data_that_moved(options: TrainOptions, folder: Path) -> TrainOptions:
    """The options with their own data where they are now, if a file of that name came along in the run's folder.

    Of a file that an estimator saved with its run the one beside counts, also where the old place has another by now.
    """
    beside = folder / Path(str(options.data)).name
    if options.data in data_names() or not beside.is_file():
        return options
    if beside.name not in SAVED_DATA and os.path.exists(str(options.data)):
        return options
    return options.replace(data=os.path.abspath(beside))


def check_data(folder: Path, digests: Digests, dataset: Dataset) -> Digests:
    """The digests of the data set; RunError unless they equal ``digests``, those that the run's checkpoint has."""
    found = dataset.digests()
    # A run that was saved without its data has no digest at all; an older checkpoint has none of the test points.
    if digests.train and found.train != digests.train:
        raise RunError(f"{folder}: {dataset.name} is not the data this run was trained on")
    if digests.test and found.test != digests.test:
        raise RunError(f"{folder}: the test points of {dataset.name} are not those that this run started with")
    if found.validation and digests.validation and found.validation != digests.validation:
        raise RunError(f"{folder}: the validation points of {dataset.name} are not those that this run started with")
    return found

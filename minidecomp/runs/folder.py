"""The run folder: what is written where (docs/files.md).

``config.toml`` has the options, ``metrics.csv`` one row per epoch, ``gradients.csv`` too (with --log-gradients),
``checkpoint.npz`` everything for a resume, ``best.npz`` the best model by validation. There are also ``figures/``,
``evaluation.json`` and, during training, ``.lock``. Every file is written completely or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any

from .. import __version__
from ..data.dataset import Dataset, Digests
from ..errors import OptionError, RunError
from ..files import delete_all, delete_temporaries_of, is_temporary, read_small_file, unchecked, write_file
from ..settings import toml_text
from ..settings.options import TrainOptions, data_names, is_relevant
from ..settings.resolving import resolve
from .gradient_log import COLUMNS as GRADIENT_COLUMNS
from .owner import LOCK, Lock, is_empty, own, own_given, own_new
from .schema import are_columns

RUNS = Path("runs")  # where runs go by default
TABLES: dict[str, Callable[[tuple[str, ...]], bool]] = {  # whether columns are those of the table
    "metrics.csv": are_columns,
    "gradients.csv": lambda names: names == GRADIENT_COLUMNS,
}
LAST, BEST = "checkpoint.npz", "best.npz"
WRITTEN = (*TABLES, "config.toml", LAST, BEST)  # by training
SAVED_DATA = ("data.npy", "data.csv")  # what an estimator saves in a run's folder
MOST_BYTES = 1_000_000  # of a file in a folder without a checkpoint


def config_text(options: TrainOptions, version: str = __version__) -> str:
    """The options as TOML, without those that have no meaning in this run; a valid file for ``--config``."""
    return toml_text.dumps({"version": version} | config_values(options))


def config_values(options: TrainOptions) -> dict[str, Any]:
    """The options in ``config.toml``: those that have a meaning in this run."""
    values = dict(vars(options))
    return {name: value for name, value in values.items() if value is not None and is_relevant(name, values)}


def write_config(folder: Path, options: TrainOptions, check: Callable[[], object] = unchecked) -> None:
    """Write ``config.toml``; ``check`` is as for `minidecomp.files.write_file`."""
    write_file(folder / "config.toml", lambda file: file.write(config_text(options).encode()), check)


def holds_only_a_beginning(folder: Path) -> bool:
    """Whether a folder is empty or contains only what a run leaves that ends before its first checkpoint."""
    return all(_is_of_a_beginning(path) for path in folder.iterdir())


def clear_beginning(folder: Path) -> None:
    """Delete what ``holds_only_a_beginning`` allows, except the lock, which the caller holds.

    Raises
    ------
    RunError
        The folder contains anything else, or a file cannot be deleted.
    """
    if not holds_only_a_beginning(folder):
        raise RunError(f"{folder}: the folder holds more than the beginning of a run")
    delete_all(path for path in folder.iterdir() if path.name != LOCK)


def check_begun(folder: Path) -> None:
    """Raise RunError, with what to type, if a folder has a started run without a checkpoint."""
    if not folder.is_dir() or is_empty(folder) or not holds_only_a_beginning(folder):
        return
    own(folder).release()  # another process may be starting to train it
    config = f"--config {quote(str(folder / 'config.toml'))} " if (folder / "config.toml").is_file() else ""
    again = f"minidecomp train {config}--out {quote(str(folder))}"
    raise RunError(f"{folder}: the run was stopped before its first checkpoint; begin again with: {again}")


def delete_temporaries(folder: Path) -> None:
    """Delete the files that killed saves have left. The caller must own the run."""
    delete_temporaries_of(WRITTEN, folder)


def _is_of_a_beginning(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    if path.name == "config.toml":
        return _is_as_written(_content(path))
    if path.name in TABLES:
        header = _content(path).decode("utf-8", "replace")
        return header.endswith("\n") and TABLES[path.name](tuple(header[:-1].split(",")))  # a header without rows
    return path.name == LOCK or any(is_temporary(path.name, name) for name in WRITTEN)


def _content(path: Path) -> bytes:
    """A file's bytes; if they cannot be read, an empty text, which differs from every file of a started run."""
    try:
        return read_small_file(path, MOST_BYTES)
    except OSError:
        return b""


def _is_as_written(config: bytes) -> bool:
    """Whether a ``config.toml`` is exactly as some version writes it, so that nobody has edited it."""
    try:
        values = toml_text.loads(config.decode())
        version = values.pop("version", None)
        return isinstance(version, str) and config_text(resolve(values), version).encode() == config
    except (ValueError, OptionError):
        return False


def usual_folder(options: TrainOptions) -> Path:
    """A run's default folder: ``runs/DATA-PRIOR-alphaA-betaB-seedS``, with ``-warm`` if it starts from another run."""
    data = Path(str(options.data)).stem.lstrip("-") or "stdin"
    variance = "-pca" if options.prior_variance == "pca" else ""
    variance += "-learned" if options.learn_prior_variance else ""
    warm = "" if options.from_run is None else "-warm"
    name = f"{data}-{options.prior}{variance}-alpha{options.alpha:g}-beta{options.beta:g}-seed{options.seed}{warm}"
    return RUNS / name


def new_run(out: str | None, options: TrainOptions) -> tuple[Path, Lock]:
    """The folder of a new run, made and owned: ``out``, or one under ``runs/`` named after the run.

    It must be empty, except for the files of a run that ended before its first checkpoint.
    """
    if out is None:
        return own_new(usual_folder(options))
    is_run = os.path.isfile(os.path.join(out, "checkpoint.npz"))
    go_on = f"continue its run: minidecomp train --resume {quote(out)}" if is_run else ""
    folder, held = own_given(out, go_on, holds_only_a_beginning)
    try:
        clear_beginning(folder)
    except BaseException:
        held.release()
        raise
    return folder, held


def with_data_that_moved(options: TrainOptions, folder: Path) -> TrainOptions:
    """The options with the current place of the run's own data, if a file of that name is in the run's folder.

    For data that an estimator saved, the file in the folder counts even if the old place has another file by now.
    """
    beside = folder / Path(str(options.data)).name
    if options.data in data_names() or not beside.is_file():
        return options
    if beside.name not in SAVED_DATA and os.path.exists(str(options.data)):
        return options
    return options.replace(data=os.path.abspath(beside))


def check_data(folder: Path, digests: Digests, dataset: Dataset) -> Digests:
    """The digests of the data set; RunError unless they equal ``digests`` from the run's checkpoint."""
    found = dataset.digests()
    # A run that was saved without its data has no digests; an older checkpoint has none of the test points.
    if digests.train and found.train != digests.train:
        raise RunError(f"{folder}: {dataset.name} is not the data this run was trained on")
    if digests.test and found.test != digests.test:
        raise RunError(f"{folder}: the test points of {dataset.name} are not those that this run started with")
    if found.validation and digests.validation and found.validation != digests.validation:
        raise RunError(f"{folder}: the validation points of {dataset.name} are not those that this run started with")
    return found

"""Where a run stands, read from its headers and small files: how far it is trained, when, and its last objective."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError
from ..files import read_small_file
from ..settings import toml_text
from ..settings.resolving import resolve
from .checkpoint import Identity, identity
from .evaluation_file import read_whole
from .folder import MOST_BYTES, config_values
from .owner import LOCK, is_held

FINISHED, NOT_EVALUATED, UNFINISHED, BEGUN, DAMAGED = "finished", "not evaluated", "unfinished", "begun", "damaged"
MOST_OF_A_TABLE = 100_000_000  # bytes of a metrics.csv


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Attributes
    ----------
    folder : pathlib.Path
    state : str
        ``finished``, with an evaluation of its last epoch; ``not evaluated``, which only lacks that; ``unfinished``;
        ``begun``, without a checkpoint; or ``damaged``.
    training : bool
        Whether a process is at work on it now.
    epoch, epochs : int or None
        Of its checkpoint, and of its options.
    changed : float or None
        The time of its last checkpoint, in seconds since 1970.
    options : mapping
        Those that say something in it.
    objective : float or None
        The mean over the last epoch.
    reason : str
        Why it is damaged.
    stopped_early : bool
        Whether early stopping has ended it.
    """

    folder: Path
    state: str
    training: bool = False
    epoch: int | None = None
    epochs: int | None = None
    changed: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    objective: float | None = None
    reason: str = ""
    stopped_early: bool = False


def has_checkpoint(folder: Path) -> bool:
    """Whether a folder is a run's, as far as can be seen: a folder that cannot be looked into has none."""
    return os.path.isfile(folder / "checkpoint.npz")


def beginning(folder: Path) -> dict[str, Any] | None:
    """The options of a ``config.toml`` that a run wrote; None if there is none, or it is of something else."""
    try:
        values = toml_text.loads(read_small_file(folder / "config.toml", MOST_BYTES).decode())
        if not isinstance(values.pop("version", None), str):
            return None
        return config_values(resolve(values))
    except (OSError, ValueError, OptionError):
        return None


def standing(folder: Path) -> Standing:
    """Where the run in a folder stands; what is damaged says so in its state, and nothing is raised."""
    training = is_held(folder / LOCK)
    if not has_checkpoint(folder):
        return Standing(folder, BEGUN, training, options=beginning(folder) or {})
    changed = last_change(folder)
    try:
        trained = identity(folder)
    except RunError as error:
        return Standing(folder, DAMAGED, training, changed=changed, reason=str(error))
    try:
        evaluation = read_whole(folder) if os.path.isfile(folder / "evaluation.json") else {}
        state, reason = _state(trained, evaluation), ""
    except RunError as error:
        evaluation, state, reason = {}, DAMAGED, str(error)
    return Standing(
        folder,
        state,
        training,
        trained.epoch,
        trained.options.epochs,
        changed,
        config_values(trained.options),
        _objective(folder, trained),
        reason,
        trained.stopped_early,
    )


def last_change(folder: Path) -> float | None:
    """The time of a run's last checkpoint, in seconds since 1970; None if it has none."""
    try:
        return os.stat(folder / "checkpoint.npz").st_mtime
    except OSError:
        return None


def _state(trained: Identity, evaluation: Mapping[str, Any]) -> str:
    if not trained.is_trained:
        return UNFINISHED
    return FINISHED if trained.is_model_of(evaluation) else NOT_EVALUATED


def _objective(folder: Path, trained: Identity) -> float | None:
    """The objective of the last epoch, as metrics.csv has it."""
    with suppress(OSError, ValueError, csv.Error):
        text = read_small_file(folder / "metrics.csv", MOST_OF_A_TABLE).decode()
        # A save writes the table first: after a kill it may have a row more than the checkpoint.
        for row in reversed(list(csv.DictReader(text.splitlines()))):
            if row.get("epoch") == str(trained.epoch):
                value = float(row.get("objective") or "nan")
                return value if math.isfinite(value) else None
    return None

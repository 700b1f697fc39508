"""How far a run is, from its headers and small files: its progress, date, and last objective."""

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
from .checkpoint import Identity, UnknownVariant
from .evaluation_file import read_whole
from .folder import MOST_BYTES, config_values
from .owner import LOCK, is_held
from .remembered import identity

FINISHED, NOT_EVALUATED, UNFINISHED, BEGUN, DAMAGED = "finished", "not evaluated", "unfinished", "begun", "damaged"
MOST_OF_A_TABLE = 100_000_000  # bytes of a metrics.csv


@dataclass(frozen=True)
class Standing:
    """How far a run is.

    Attributes
    ----------
    folder : pathlib.Path
    state : str
        ``finished``, with an evaluation of its last epoch; ``not evaluated``, if only that is missing; ``unfinished``;
        ``begun``, without a checkpoint; ``damaged``; or ``unknown prior`` (or another variant, or option), if this
        program does not have what the run was trained with.
    training : bool
        Whether a process is training it now.
    epoch, epochs : int or None
        From its checkpoint, and from its options.
    changed : float or None
        The time of its last checkpoint, in seconds since 1970.
    options : mapping
        The options that have a meaning in it.
    objective : float or None
        The mean over the last epoch.
    reason : str
        Why it is damaged, or who may have written it.
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
    """Whether a folder is a run's, as far as one can see; a folder that cannot be read is not."""
    return os.path.isfile(folder / "checkpoint.npz")


def beginning(folder: Path) -> dict[str, Any] | None:
    """The options in a ``config.toml`` that a run wrote; None if there is none, or it is of something else."""
    try:
        values = toml_text.loads(read_small_file(folder / "config.toml", MOST_BYTES).decode())
        if not isinstance(values.pop("version", None), str):
            return None
        return config_values(resolve(values))
    except (OSError, ValueError, OptionError):
        return None


def standing(folder: Path) -> Standing:
    """How far the run in a folder is; a damaged run has that as its state, and nothing is raised."""
    training = is_held(folder / LOCK)
    if not has_checkpoint(folder):
        return Standing(folder, BEGUN, training, options=beginning(folder) or {})
    changed = last_change(folder)
    try:
        trained = identity(folder)
    except RunError as error:
        state = f"unknown {error.what}" if isinstance(error, UnknownVariant) else DAMAGED
        return Standing(folder, state, training, changed=changed, reason=str(error))
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
    """The time of a run's last checkpoint, in seconds since 1970; None if there is none."""
    try:
        return os.stat(folder / "checkpoint.npz").st_mtime
    except OSError:
        return None


def _state(trained: Identity, evaluation: Mapping[str, Any]) -> str:
    if not trained.is_trained:
        return UNFINISHED
    return FINISHED if trained.is_model_of(evaluation) else NOT_EVALUATED


def _objective(folder: Path, trained: Identity) -> float | None:
    """The objective of the last epoch in metrics.csv."""
    with suppress(OSError, ValueError, csv.Error):
        text = read_small_file(folder / "metrics.csv", MOST_OF_A_TABLE).decode()
        # A save writes the table first, so after a kill it may have one row more than the checkpoint.
        for row in reversed(list(csv.DictReader(text.splitlines()))):
            if row.get("epoch") == str(trained.epoch):
                value = float(row.get("objective") or "nan")
                return value if math.isfinite(value) else None
    return None

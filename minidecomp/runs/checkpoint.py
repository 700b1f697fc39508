"""The checkpoint: all that the next step of a run depends on, written and read back (docs/files.md)."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import Digests
from ..data.points import as_numbers
from ..data.rules import DataRules
from ..errors import Fault, RunError
from ..files import write_file
from ..model import from_options
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective, objective_from
from ..settings.options import TrainOptions
from ..settings.resolving import resolve
from .folder import config_text
from .gradient_log import COLUMNS as GRADIENT_COLUMNS
from .gradient_log import GradientLog

FORMAT, VERSION = "minidecomp checkpoint", 1
COLUMNS = ("epoch", "log_likelihood", "kl", "regulariser", "objective", "seconds")


@dataclass
class State:
    """Where a run stands: all that the next step depends on, the data apart.

    Attributes
    ----------
    vae, optimizer
        The parameters and Adam's state, in the run's dtype.
    epoch : int
        Epochs finished.
    row : int
        Rows of the next epoch's order that have been used.
    totals : numpy.ndarray of shape (4,)
        Sums of the present epoch: each term times the batch's size, and the batch's size.
    rows : list of dict
        What ``metrics.csv`` holds.
    seconds : float
        Training time so far.
    gradient_log : GradientLog or None
        What ``log_gradients`` asks for.
    """

    vae: VAE
    optimizer: Adam
    prior_logits: np.ndarray | None = None
    epoch: int = 0
    row: int = 0
    totals: np.ndarray = field(default_factory=lambda: np.zeros(4))
    rows: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    gradient_log: GradientLog | None = None

    def metrics(self) -> dict[str, np.ndarray]:
        """The columns of ``metrics.csv``; a term that was not computed is NaN."""
        return {column: np.array([row[column] for row in self.rows], float) for column in COLUMNS}


def fresh_state(options: TrainOptions, data_dim: int, prior_logits: np.ndarray | None) -> State:
    """The state of a new run, before its first step."""
    vae = from_options.vae(options, data_dim, prior_logits)
    adam = Adam.for_vector(vae.parameters.vector, options.lr, options.amsgrad)
    return State(vae, adam, prior_logits, gradient_log=GradientLog() if options.log_gradients else None)


def save(folder: Path, options: TrainOptions, state: State, rules: DataRules, digests: Digests) -> None:
    """Write ``checkpoint.npz``, and ``metrics.csv`` for people and other programs; only the first is read back."""
    adam = state.optimizer
    for name, array in (("parameters", state.vae.parameters.vector), ("adam.m", adam.m), ("adam.v", adam.v)):
        if not np.isfinite(array).all():
            raise Fault(f"{name}: no longer finite; the last good checkpoint stays in {folder}")
    _write_table(folder / "metrics.csv", COLUMNS, [[row[column] for column in COLUMNS] for row in state.rows])
    arrays: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "config": config_text(options),
        "data_dim": rules.width,
        "data_sha256": digests.train,
        "test_data_sha256": digests.test,
        **rules.arrays(),
        "epoch": state.epoch,
        "row": state.row,
        "totals": state.totals,
        "seconds": state.seconds,
        "metrics": np.array([[row[column] for column in COLUMNS] for row in state.rows]).reshape(-1, len(COLUMNS)),
        "adam.step": adam.step,
        "adam.m": adam.m,
        "adam.v": adam.v,
    }
    arrays |= {f"parameter.{name}": view for name, view in state.vae.parameters.items()}
    if adam.v_max is not None:
        arrays["adam.v_max"] = adam.v_max
    if state.gradient_log is not None:
        _write_table(folder / "gradients.csv", GRADIENT_COLUMNS, state.gradient_log.rows)
        arrays |= state.gradient_log.arrays()
    if state.prior_logits is not None:
        arrays["prior_logits"] = state.prior_logits
    write_file(folder / "checkpoint.npz", lambda file: np.savez(file, **arrays))


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    write_file(path, lambda file: file.write(("\n".join(lines) + "\n").encode()))


def _cell(value: float) -> str:
    return "" if value != value else str(value) if isinstance(value, int) else repr(float(value))


@dataclass
class Run:
    """A run folder that was read back."""

    folder: Path
    options: TrainOptions
    objective: Objective
    state: State
    rules: DataRules
    digests: Digests

    @property
    def vae(self) -> VAE:
        """The trained model."""
        return self.state.vae

    def encode(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x) for points X (N, dx) in the units of the training data.

        Where X could be understood in more than one way, a warning says how it was.

        Raises
        ------
        DataError
            X is not what the model was trained on.
        """
        points, note = self.rules.take(X, "X")
        if note:
            warnings.warn(note, stacklevel=2)
        return self.vae.encode(as_numbers(points, self.vae.dtype))


def load(folder: str | Path) -> Run:
    """Read a run folder.

    Raises
    ------
    RunError
        If it is no run folder, or its checkpoint is damaged, of another version, or does not fit its own settings.
    """
    folder = Path(folder)
    path = folder / "checkpoint.npz"
    if not folder.is_dir():
        raise RunError(f"{folder}: no such run folder")
    if not path.is_file():
        raise RunError(f"{folder}: no run folder, for it has no checkpoint.npz")
    arrays = _read_arrays(path)
    try:
        if str(arrays["format"]) != FORMAT:
            raise RunError(f"{path}: not a minidecomp checkpoint")
        if int(arrays["version"]) != VERSION:
            raise RunError(
                f"{path}: checkpoint version {int(arrays['version'])}; this minidecomp reads version {VERSION}"
            )
        config = tomllib.loads(str(arrays["config"]))
        config.pop("version", None)
        options = resolve(config)
        data_dim = int(arrays["data_dim"])
        if data_dim < 1:
            raise RunError(f"{path}: damaged, data_dim is {data_dim}")
        state = fresh_state(options, data_dim, arrays.get("prior_logits"))
        _fill(path, state, arrays)
        rules = DataRules.from_arrays(arrays, data_dim, str(options.likelihood), options.dtype)
        digests = Digests(str(arrays["data_sha256"]), str(arrays.get("test_data_sha256", "")))
        return Run(folder, options, objective_from(options), state, rules, digests)
    except KeyError as error:
        raise RunError(f"{path}: damaged, it has no {error.args[0]}") from error
    except (ValueError, TypeError, tomllib.TOMLDecodeError) as error:
        raise RunError(f"{path}: damaged: {error}") from error


def identity(folder: str | Path) -> tuple[TrainOptions, Digests, int]:
    """A run's options, the digests of its data, and how many epochs it has; no parameter is read.

    Raises
    ------
    RunError
        If there is no checkpoint, or it is damaged.
    """
    path = Path(folder) / "checkpoint.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            config = tomllib.loads(str(arrays["config"]))
            config.pop("version", None)
            test = str(arrays["test_data_sha256"]) if "test_data_sha256" in arrays else ""
            return resolve(config), Digests(str(arrays["data_sha256"]), test), int(arrays["epoch"])
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        raise RunError(f"{path}: damaged: {error}") from error


def epoch_of(folder: Path) -> int | None:
    """How many epochs a run's checkpoint has; None if it cannot be read. No other array is."""
    try:
        with np.load(folder / "checkpoint.npz", allow_pickle=False) as arrays:
            return int(arrays["epoch"])
    except Exception:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        return None


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        raise RunError(f"{path}: damaged, not a whole .npz file") from error


def _fill(path: Path, state: State, arrays: dict[str, np.ndarray]) -> None:
    """Copy the checkpoint's arrays into the state."""
    adam = state.optimizer
    targets = {f"parameter.{name}": view for name, view in state.vae.parameters.items()}
    targets |= {"adam.m": adam.m, "adam.v": adam.v, "totals": state.totals}
    if adam.v_max is not None:
        targets["adam.v_max"] = adam.v_max
    for name, target in targets.items():
        source = arrays[name]
        if source.shape != target.shape or source.dtype != target.dtype:
            raise RunError(
                f"{path}: {name} is {source.dtype} of shape {source.shape}, "
                f"the settings ask for {target.dtype} of shape {target.shape}"
            )
        if not np.isfinite(source).all():
            raise RunError(f"{path}: damaged, {name} is not finite")
        target[...] = source
    adam.step = int(arrays["adam.step"])
    state.epoch, state.row, state.seconds = int(arrays["epoch"]), int(arrays["row"]), float(arrays["seconds"])
    if min(adam.step, state.epoch, state.row) < 0 or not state.seconds >= 0:
        raise RunError(f"{path}: damaged, adam.step {adam.step}, epoch {state.epoch} or row {state.row} is below 0")
    if arrays["metrics"].shape != (state.epoch, len(COLUMNS)):
        raise RunError(f"{path}: damaged, metrics has shape {arrays['metrics'].shape} after {state.epoch} epochs")
    for row in arrays["metrics"].tolist():
        state.rows.append({**dict(zip(COLUMNS, row, strict=True)), "epoch": int(row[0])})
    if state.gradient_log is not None:
        state.gradient_log = GradientLog.from_arrays(arrays)

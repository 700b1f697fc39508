"""The checkpoint: everything that the next step of a run depends on, written and read back (docs/files.md)."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Digests
from ..data.points import as_numbers
from ..data.rules import DataRules, check_finite
from ..errors import Fault, OptionError, RunError, as_arguments, shown
from ..files import named_path, unchecked, write_file
from ..model import from_options
from ..model.optimizer import Adam
from ..model.vae import VAE, in_dtype
from ..objective import Objective, objective_at
from ..settings import toml_text
from ..settings.options import CHOOSERS, GOES_ON, TrainOptions, by_name, choices_of
from ..settings.resolving import resolve
from ..settings.schedules import weights_settled
from ..settings.validation import has_validation
from . import npz, schema
from .folder import BEST, LAST, check_data, config_text, config_values, with_data_that_moved
from .gradient_log import COLUMNS as GRADIENT_COLUMNS
from .gradient_log import GradientLog
from .schema import COLUMNS, FORMAT, VERSION, columns
from .summary import three_lines

WHICH = ("best", "last")


class UnknownVariant(RunError):
    """A checkpoint has an option, or a variant such as a prior, that this program does not have.

    Attributes
    ----------
    what : str
        "option", or the option that chooses the variant: "prior".
    """

    def __init__(self, what: str, text: str):
        super().__init__(what, text)
        self.what, self.text = what, text

    def message(self, spelled: Callable[[str], str] = str, mentioned: Callable[[str], str] = as_arguments) -> str:
        """The error's line."""
        return mentioned(self.text)


@dataclass
class State:
    """Where a run stands: everything that the next step depends on, except the data.

    Attributes
    ----------
    vae, optimizer
        The parameters and Adam's state, in the run's dtype.
    epoch : int
        The number of finished epochs.
    row : int
        How many rows of the next epoch's order have been used.
    totals : numpy.ndarray of shape (4,)
        Sums over the present epoch: each term times the batch's size, and the batch's size.
    rows : list of dict
        The rows of ``metrics.csv``.
    seconds : float
        Training time so far.
    gradient_log : GradientLog or None
        What ``log_gradients`` asks for.
    best : State or None
        With validation, the state after the epoch with the best value so far.
    stopped_early : bool
        Whether early stopping has ended the run.
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
    best: State | None = None
    stopped_early: bool = False

    @property
    def chosen(self) -> State:
        """The state with the model that counts: the best by validation or, without one, the present one."""
        return self if self.best is None else self.best

    def keep_as_best(self) -> None:
        """Copy the present model and optimiser into ``best``."""
        best = self.best
        if best is None:
            best = self.best = State(in_dtype(self.vae, self.vae.dtype), deepcopy(self.optimizer), self.prior_logits)
        best.vae.parameters.vector[...] = self.vae.parameters.vector
        best.optimizer.take_over(self.optimizer)
        best.epoch, best.seconds, best.rows = self.epoch, self.seconds, self.rows[: self.epoch]

    def __repr__(self) -> str:
        return f"State(epoch {self.epoch}, step {self.optimizer.step}, {self.vae})"

    @property
    def begun(self) -> int:
        """The number of epochs begun, at least one: the weights of the objective are those of the last of them."""
        return max(1, self.epoch + (self.row > 0))

    def metrics(self) -> dict[str, np.ndarray]:
        """The columns of ``metrics.csv``; a value that was not computed is NaN."""
        names = dict.fromkeys((*COLUMNS, *(name for row in self.rows[:1] for name in row)))
        return {name: np.array([row.get(name, np.nan) for row in self.rows], float) for name in names}

    def not_finite(self) -> str | None:
        """The name of an array that contains NaN or infinity, which a save refuses; None if there is none."""
        arrays = {"parameters": self.vae.parameters.vector, "adam.m": self.optimizer.m, "adam.v": self.optimizer.v}
        return next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)


def fresh_state(options: TrainOptions, data_dim: int, prior_logits: np.ndarray | None) -> State:
    """The state of a new run before its first step."""
    vae = from_options.vae(options, data_dim, prior_logits)
    adam = Adam.for_vector(vae.parameters.vector, options.lr, options.amsgrad)
    return State(vae, adam, prior_logits, gradient_log=GradientLog() if options.log_gradients else None)


def save(
    folder: Path,
    options: TrainOptions,
    state: State,
    rules: DataRules,
    digests: Digests,
    check: Callable[[], object] = unchecked,
) -> None:
    """Write ``checkpoint.npz``, and ``metrics.csv`` for people and other programs; only the checkpoint is read back.

    The checkpoint comes last, so that tables are never older. Only a folder's first one comes before tables with rows,
    since nobody could tell what such tables belong to. ``check`` is as for `minidecomp.files.write_file`.
    """
    if (name := state.not_finite()) is not None:
        raise Fault(f"{name}: the parameters are no longer finite; the last good checkpoint is kept in {folder}")
    tables: dict[str, tuple[Sequence[str], Sequence[Sequence[float]]]] = {
        "metrics.csv": (columns(options), _table(options, state))
    }
    arrays = _arrays(options, state, rules, digests)
    if state.gradient_log is not None:
        tables["gradients.csv"] = (GRADIENT_COLUMNS, state.gradient_log.rows)
        arrays |= state.gradient_log.arrays()
    first = state.epoch > 0 and not os.path.lexists(folder / LAST)
    if first:
        write_file(folder / LAST, lambda file: np.savez(file, **arrays), check)
    for name, (names, rows) in tables.items():
        _write_table(folder / name, names, rows, check)
    if not first:
        write_file(folder / LAST, lambda file: np.savez(file, **arrays), check)


def save_best(
    folder: Path,
    options: TrainOptions,
    best: State,
    rules: DataRules,
    digests: Digests,
    check: Callable[[], object] = unchecked,
) -> None:
    """Write ``best.npz``, in a checkpoint's format. It is written before the checkpoint, which is thus never newer."""
    arrays = _arrays(options, best, rules, digests)
    write_file(folder / BEST, lambda file: np.savez(file, **arrays), check)


def _table(options: TrainOptions, state: State) -> list[list[float]]:
    names = columns(options)
    return [[row.get(name, math.nan) for name in names] for row in state.rows]


def _arrays(options: TrainOptions, state: State, rules: DataRules, digests: Digests) -> dict[str, Any]:
    """The arrays of a checkpoint, except the log of the gradients."""
    adam = state.optimizer
    arrays: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "config": config_text(options),
        "data_dim": rules.width,
        "data_sha256": digests.train,
        "test_data_sha256": digests.test,
        "validation_data_sha256": digests.validation,
        "stopped_early": int(state.stopped_early),
        "best_epoch": 0 if state.best is None else state.best.epoch,
        **rules.arrays(),
        "parameters_sha256": parameters_digest(state.vae),
        "epoch": state.epoch,
        "row": state.row,
        "totals": state.totals,
        "seconds": state.seconds,
        "metrics_columns": ",".join(columns(options)),
        "metrics": np.array(_table(options, state)).reshape(-1, len(columns(options))),
        "adam.step": adam.step,
        "adam.m": adam.m,
        "adam.v": adam.v,
    }
    arrays |= {f"parameter.{name}": view for name, view in state.vae.parameters.items()}
    if adam.v_max is not None:
        arrays["adam.v_max"] = adam.v_max
    if state.prior_logits is not None:
        arrays["prior_logits"] = state.prior_logits
    return arrays


def _write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[float]], check: Callable[[], object]
) -> None:
    lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
    write_file(path, lambda file: file.write(("\n".join(lines) + "\n").encode()), check)


def _cell(value: float) -> str:
    return "" if value != value else str(value) if isinstance(value, int) else repr(float(value))


@dataclass
class Run:
    """A run read from its folder.

    Attributes
    ----------
    state : State
        The state of the requested model: the last, or the best by validation at its epoch.
    which : str
        ``last`` or ``best``.
    """

    folder: Path
    options: TrainOptions
    objective: Objective
    state: State
    rules: DataRules
    digests: Digests
    which: str = "last"

    def hold_against(self, dataset: Dataset) -> Digests:
        """Compare a data set with the run's own; what an older checkpoint does not say about the data is filled in.

        Returns
        -------
        Digests
            The digests of the data set.

        Raises
        ------
        RunError, DataError
            The data set is not the run's, or does not fit the model.
        """
        digests = check_data(self.folder, self.digests, dataset)
        self.rules = self.rules.settled(dataset)
        self.rules.check(dataset)
        return digests

    def training(self) -> State:
        """The state of the last epoch, with all rows and the log of the gradients, whichever model was requested."""
        return self.state if self.which == "last" else load(self.folder, "last").state

    def __repr__(self) -> str:
        note = "; the best by validation" if self.which == "best" else ""
        return three_lines(f"Run {self.folder}", self.options, self.state.rows, self.options.epochs, note)

    @property
    def vae(self) -> VAE:
        """The trained model."""
        return self.state.vae

    def encode(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x) for points X (N, dx) in the units of the training data.

        If X could have more than one meaning, a warning says which one was used.

        Raises
        ------
        DataError
            X is not like the training data, or so far from them that an encoding is not finite.
        """
        points, note = self.rules.take(X, "X")
        if note:
            warnings.warn(as_arguments(note), stacklevel=2)
        with np.errstate(all="ignore"):  # results that are not finite are refused below
            loc, scale = self.vae.encode(as_numbers(points, self.vae.dtype))
        check_finite("X", {"loc": loc, "scale": scale})
        return loc, scale


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to: the run's options and data, the finished epochs, and the model that counts.

    Attributes
    ----------
    epoch : int
        The number of finished epochs.
    parameters_sha256 : str
        That of the model that counts: the best by validation or, without one, the last. Empty for an older checkpoint.
    model_epoch : int
        The epoch of that model.
    stopped_early : bool
        Whether early stopping has ended the run.
    best_epoch : int
        The epoch of the best model when the checkpoint was written; 0 if there is none.
    """

    options: TrainOptions
    digests: Digests
    epoch: int
    data_dim: int
    parameters_sha256: str
    model_epoch: int
    stopped_early: bool = False
    best_epoch: int = 0

    @property
    def is_trained(self) -> bool:
        """Whether the run is at its end."""
        return self.epoch >= self.options.epochs or self.stopped_early

    def is_model_of(self, evaluation: Mapping[str, Any]) -> bool:
        """Whether an ``evaluation.json`` is of the model that counts; for an older one only the epochs are compared."""
        same = evaluation.get("parameters_sha256") == self.parameters_sha256 or not self.parameters_sha256
        return bool(same and evaluation.get("epochs") == self.model_epoch)


def parameters_digest(vae: VAE) -> str:
    """SHA-256 of a model's parameters, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(vae.parameters.vector).tobytes()).hexdigest()


def identity(folder: str | Path) -> Identity:
    """The options, digests and epoch of a run, and which model counts; parameters are not read.

    Raises
    ------
    RunError
        It is not a run folder, or its checkpoint is damaged, of another version, or has an unknown option.
    """
    folder = Path(folder)
    found = _last_identity(folder)
    if not has_best(folder):
        return found
    with npz.opened(folder / BEST) as file:
        best = _identity(file)
    _check_of_one_run(folder, found, best)
    return replace(found, parameters_sha256=best.parameters_sha256, model_epoch=best.epoch)


def _last_identity(folder: Path) -> Identity:
    with npz.opened(_checkpoint(folder)) as file:
        return _identity(file)


def _check_of_one_run(folder: Path, last: Identity, best: Identity) -> None:
    """Raise RunError if the best model by validation is not of the same run as the checkpoint."""
    had, has = config_values(best.options), config_values(last.options)
    differ = [name for name in had | has if name not in GOES_ON and had.get(name) != has.get(name)]
    if best.digests != last.digests or best.data_dim != last.data_dim:
        differ.append("data")
    if differ or best.epoch < 1:
        what = f" ({differ[0].replace('_', '-')} differs)" if differ else ""
        raise RunError(f"{folder / BEST}: it belongs to another run than {LAST}{what}; use `--which last`")


def has_best(folder: Path) -> bool:
    """Whether a run has a best model by validation."""
    return os.path.lexists(folder / BEST)


def load(folder: str | Path, which: str | None = None) -> Run:
    """Read a run folder.

    Parameters
    ----------
    folder : path
    which : str, optional
        ``best``, the best model by validation, or ``last``, the last one. By default the best if there is one.

    Raises
    ------
    RunError
        It is not a run folder, it has no such model, or its checkpoint is damaged, of another version, or does not fit
        its own settings.
    """
    folder = named_path(folder)
    check_which(which)
    if which == "last":
        return _load(folder, _checkpoint(folder), which)
    last = identity(folder)
    if has_best(folder):
        return _load(folder, folder / BEST, "best")
    if which == "best" or last.best_epoch:
        raise RunError(f"{folder}: it has no {BEST}, {_why_no_best(last)}; use `--which last`")
    return _load(folder, _checkpoint(folder), "last")


def _why_no_best(last: Identity) -> str:
    if last.best_epoch:
        return f"though its checkpoint says that the best model is that of epoch {last.best_epoch}"
    if not has_validation(last.options):
        return "for it was trained without validation"
    settled = weights_settled(last.options)
    if last.epoch <= settled:
        return f"for alpha or beta change until epoch {settled:g}, and models are not compared before"
    return "for no model was looked at yet"


def check_which(which: str | None) -> None:
    """Raise OptionError unless it is ``best``, ``last`` or None."""
    if which not in (None, *WHICH):
        raise OptionError("which", which, choices=WHICH)


def load_best(folder: Path) -> State | None:
    """The state of the best model by validation, if the run has one; RunError if it is damaged, or of another run."""
    if not has_best(folder):
        return None
    identity(folder)  # this compares the two
    return _load(folder, folder / BEST, "best").state


def _load(folder: Path, path: Path, which: str) -> Run:
    with npz.opened(path) as file:
        run = _identity(file)
        # Only the last checkpoint contains the log of the gradients.
        o = run.options if which == "last" else run.options.replace(log_gradients=False)
        arrays = _read(file, run, o)
    try:
        state = fresh_state(o, run.data_dim, arrays.get("prior_logits"))
        _fill(state, arrays, run.epoch)
        state.stopped_early = run.stopped_early
        rules = DataRules.from_arrays(arrays, run.data_dim, str(o.likelihood), o.dtype)
        objective = objective_at(o, state.begun - 1)
    except (ValueError, TypeError, OverflowError) as error:
        raise RunError(f"{path}: damaged: {shown(error)}") from error
    return Run(folder, with_data_that_moved(o, folder), objective, state, rules, run.digests, which)


def epoch_of(folder: Path) -> int | None:
    """The number of epochs in a run's checkpoint; None if it cannot be read. No other array is read."""
    try:
        with npz.opened(_checkpoint(folder)) as file:
            return int(schema.read(file, {"epoch": schema.head()["epoch"]})["epoch"])
    except RunError:
        return None


def _checkpoint(folder: Path) -> Path:
    if not folder.is_dir():
        what = "this is a file, not a run folder" if folder.exists() else "no such run folder"
        raise RunError(f"{folder}: {what}")
    if not (folder / LAST).is_file():
        raise RunError(f"{folder}: this is not a run folder, as it has no {LAST}")
    return folder / LAST


def _identity(file: npz.Npz) -> Identity:
    wanted = schema.head()
    known = schema.read(file, {name: wanted.pop(name) for name in ("format", "version")})
    if schema.as_text(file, "format", known["format"]) != FORMAT:
        raise RunError(f"{file.path}: not a minidecomp checkpoint")
    version = int(known["version"])
    if version != VERSION:
        raise RunError(f"{file.path}: checkpoint version {version}; this minidecomp reads version {VERSION}")
    arrays = schema.read(file, wanted)
    texts = {name: schema.as_text(file, name, array) for name, array in arrays.items() if array.dtype.kind == "U"}
    options = _options(file.path, texts["config"])
    digests = Digests(*(texts.get(f"{part}data_sha256", "") for part in ("", "test_", "validation_")))
    epoch, model = int(arrays["epoch"]), texts.get("parameters_sha256", "")
    stopped = bool(arrays.get("stopped_early", 0))
    best = int(arrays.get("best_epoch", 0))
    return Identity(options, digests, epoch, int(arrays["data_dim"]), model, epoch, stopped, best)


def _options(path: Path, config: str) -> TrainOptions:
    """The options in a checkpoint's ``config``."""
    try:
        values = toml_text.loads(config)
        wrote = values.pop("version", "")
        _refuse_unknown(path, values, wrote)
        options = resolve(values)
    except (toml_text.TOMLError, OptionError) as error:
        raise RunError(f"{path}: the file is damaged: config: {error}") from error
    if options.likelihood is None:
        raise RunError(f"{path}: the file is damaged: config has no likelihood")
    return options


def _refuse_unknown(path: Path, values: dict[str, Any], wrote: object) -> None:
    """Raise UnknownVariant if an option, or the variant that one names, comes from another program."""
    from .. import __version__

    for name, value in values.items():
        option = by_name().get(name)
        choices = () if option is None else choices_of(option)
        if choices is None or (option is not None and not isinstance(value, str)):
            continue
        word = CHOOSERS[name][0].named(value) if name in CHOOSERS else value
        if option is None or word not in choices:
            what = f"the option {shown(name)}" if option is None else f"{name} = {shown(value)}"
            kind = "option" if option is None else name
            or_added = f", or a program that adds this {kind}" if option is None or name in CHOOSERS else ""
            raise UnknownVariant(
                kind,
                f"{path}: it has {what}, which this minidecomp ({__version__}) does not know; a newer minidecomp "
                f"wrote it{or_added} (version {shown(wrote) or 'unknown'})",
            )


def _read(file: npz.Npz, run: Identity, options: TrainOptions) -> dict[str, np.ndarray]:
    """All arrays besides those of the identity, as the options ask for them."""
    shapes, names = from_options.shapes(options, run.data_dim), _columns(file)
    wanted = schema.members(options, shapes, run.epoch, run.data_dim, "data_unit" in file, len(names))
    arrays = schema.read(file, wanted) | {"metrics_columns": np.array(names)}
    for name in {"data_unit", "data_names", "data_scale_kind"} & arrays.keys():
        arrays[name] = np.array(schema.as_text(file, name, arrays[name]))
    if options.log_gradients:
        frames = schema.frames(len(arrays["gradients.frame_epochs"]))
        arrays |= schema.read(file, {"gradients.frames": frames})
    return arrays


def _columns(file: npz.Npz) -> tuple[str, ...]:
    """The columns of the metrics; an older checkpoint has only the first ones."""
    found = schema.read(file, {"metrics_columns": schema.text(1000, needed=False)})
    if not found:
        return COLUMNS
    names = tuple(schema.as_text(file, "metrics_columns", found["metrics_columns"]).split(","))
    if not schema.are_columns(names):
        raise RunError(f"{file.path}: the file is damaged: metrics_columns is {shown(','.join(names))}")
    return names


def _fill(state: State, arrays: dict[str, np.ndarray], epoch: int) -> None:
    """Copy the checkpoint's arrays into the state."""
    adam = state.optimizer
    targets = {f"parameter.{name}": view for name, view in state.vae.parameters.items()}
    targets |= {"adam.m": adam.m, "adam.v": adam.v, "totals": state.totals}
    if adam.v_max is not None:
        targets["adam.v_max"] = adam.v_max
    for name, target in targets.items():
        target[...] = arrays.pop(name)
    adam.step, state.row, state.seconds = int(arrays["adam.step"]), int(arrays["row"]), float(arrays["seconds"])
    state.epoch, state.rows = epoch, schema.numbered(arrays["metrics"].tolist(), arrays["metrics_columns"].tolist())
    if state.gradient_log is not None:
        state.gradient_log = GradientLog.from_arrays(arrays)

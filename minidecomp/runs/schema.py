"""The arrays of a checkpoint: the name, kind, shape and range of each, checked before use."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..errors import RunError, shown
from ..randomness import streams
from ..settings.options import TrainOptions, by_name
from ..settings.schedules import SCHEDULED, scheduled_names
from ..settings.validation import has_validation
from .gradient_log import COLUMNS as GRADIENT_COLUMNS
from .gradient_log import FRAME_COLUMNS, FRAMES
from .npz import Header, Npz

FORMAT, VERSION = "minidecomp checkpoint", 1
COLUMNS = ("epoch", "log_likelihood", "kl", "regulariser", "objective", "seconds")
OF_VALIDATION = "validation_"  # the prefix of the columns of validation points
VALIDATION_COLUMNS = tuple(OF_VALIDATION + term for term in ("log_likelihood", "kl", "regulariser", "objective"))

T = TypeVar("T")
TEXT, WHOLE, REAL = "U", "iu", "f"
_NOUNS = {TEXT: "text", WHOLE: "a whole number", REAL: "a number"}
MOST_UNPACKED = 4 * 2**30  # bytes of compressed arrays; minidecomp itself does not compress


@dataclass(frozen=True)
class Member:
    """What one array of a checkpoint must be like.

    Attributes
    ----------
    kind : str
        The allowed dtype kinds: texts, whole numbers or real numbers.
    shape : tuple of (int or None)
        None for a width that the array itself determines.
    dtype : str, optional
        The only allowed dtype.
    low, high : float
        The smallest and the largest value; for a text, ``high`` is the greatest length.
    finite : bool
        Whether NaN and infinities are refused.
    needed : bool
        Whether a checkpoint without it is damaged.
    most : int
        The greatest width if ``shape`` has None.
    """

    kind: str
    shape: tuple[int | None, ...] = ()
    dtype: str | None = None
    low: float = -math.inf
    high: float = math.inf
    finite: bool = True
    needed: bool = True
    most: int = 2**31

    def check_header(self, where: str, name: str, header: Header) -> None:
        """Raise RunError unless an array with this header may be read."""
        dtype, shape = header.dtype, header.shape
        fits = dtype is not None and (np.dtype(self.dtype) == dtype if self.dtype else dtype.kind in self.kind)
        widths = len(shape) == len(self.shape) and all(
            width <= self.most if wanted is None else width == wanted
            for wanted, width in zip(self.shape, shape, strict=False)
        )
        if not fits or not widths:
            found = f"{'another type' if dtype is None else dtype} of shape {shown(shape)}"
            raise RunError(f"{where}: the file is damaged: {name} is {found}; the settings ask for {self._wanted()}")
        if self.kind == TEXT and dtype is not None and dtype.itemsize > 4 * self.high:
            raise RunError(
                f"{where}: the file is damaged: {name} has {dtype.itemsize // 4} letters, more than {self.high}"
            )

    def _wanted(self) -> str:
        if not self.shape:
            return _NOUNS[self.kind]
        widths = ", ".join("N" if width is None else str(width) for width in self.shape)
        noun = self.dtype or {WHOLE: "whole numbers", REAL: "real numbers"}[self.kind]
        return f"{noun} of shape ({widths}{',' if len(self.shape) == 1 else ''})"

    def check_values(self, where: str, name: str, array: np.ndarray) -> None:
        """Raise RunError unless the array's values are allowed."""
        if array.size == 0:
            return
        if self.finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise RunError(f"{where}: the file is damaged: {name} is not finite")
        if self.kind == TEXT or (self.low == -math.inf and self.high == math.inf):
            return
        for value in (array.min().item(), array.max().item()):
            if not self.low <= value <= self.high:
                limits = " to ".join(shown(limit) for limit in (self.low, self.high))
                raise RunError(f"{where}: the file is damaged: {name} is {shown(value)}; it must be {limits}")


def columns(options: TrainOptions) -> tuple[str, ...]:
    """The columns of a run's ``metrics.csv``."""
    return (*COLUMNS, *scheduled_names(options), *(VALIDATION_COLUMNS if has_validation(options) else ()))


def of_validation(columns: Mapping[str, T]) -> dict[str, T]:
    """The columns of the validation points, by the terms' names."""
    return {name.removeprefix(OF_VALIDATION): columns[name] for name in VALIDATION_COLUMNS if name in columns}


def are_columns(names: Sequence[str]) -> bool:
    """Whether these are the columns of the ``metrics.csv`` of a run."""
    own, more = tuple(names[: len(COLUMNS)]), list(names[len(COLUMNS) :])
    known = [name for name in (*SCHEDULED, *VALIDATION_COLUMNS) if name in more]
    return own == COLUMNS and more == known


def text(most: int, needed: bool = True) -> Member:
    """A text of at most ``most`` characters."""
    return Member(TEXT, high=most, needed=needed)


def head() -> dict[str, Member]:
    """The arrays that identify a checkpoint's run and its progress; comparisons of runs read only these."""
    return {
        "format": text(100),
        "version": Member(WHOLE),
        "config": text(10**6),
        "data_dim": Member(WHOLE, low=1, high=2**31),
        "data_sha256": text(64),
        "test_data_sha256": text(64, needed=False),
        "validation_data_sha256": text(64, needed=False),
        "parameters_sha256": text(64, needed=False),
        "epoch": Member(WHOLE, low=0, high=by_name()["epochs"].high or math.inf),
        "stopped_early": Member(WHOLE, low=0, high=1, needed=False),
        "best_epoch": Member(WHOLE, low=0, high=by_name()["epochs"].high or math.inf, needed=False),
    }


def members(
    options: TrainOptions,
    shapes: Mapping[str, tuple[int, ...]],
    epoch: int,
    data_dim: int,
    rules_kept: bool,
    width: int = len(COLUMNS),
) -> dict[str, Member]:
    """The arrays besides those of `head` in the checkpoint of a run.

    Parameters
    ----------
    options : TrainOptions
    shapes : mapping
        The parameters' names and shapes.
    epoch : int
        The number of finished epochs.
    data_dim : int
        dx, the number of features.
    rules_kept : bool
        Whether it has the rules of the data; an older checkpoint does not.
    width : int
        The number of columns of ``metrics.csv``.
    """
    size, dtype = sum(map(math.prod, shapes.values())), options.dtype
    found = {
        "row": Member(WHOLE, low=0, high=2**62),
        "totals": Member(REAL, (4,), "float64"),
        "seconds": Member(REAL, low=0),
        # A term that was not computed, or is too large for a float, is not finite.
        "metrics": Member(REAL, (epoch, width), "float64", finite=False),
        "adam.step": Member(WHOLE, low=0, high=streams.TRAINING.steps - 1),
        "adam.m": Member(REAL, (size,), dtype),
        "adam.v": Member(REAL, (size,), dtype, low=0),
    }
    if options.amsgrad:
        found["adam.v_max"] = Member(REAL, (size,), dtype, low=0)
    found |= {f"parameter.{name}": Member(REAL, shape, dtype) for name, shape in shapes.items()}
    if options.prior_variance == "pca":
        found["prior_logits"] = Member(REAL, (options.latent_dim,), low=-1e3, high=1e3)
    if rules_kept:
        found["data_unit"] = text(16)
        found["data_range"] = Member(REAL, (2,))
        found["data_image_shape"] = Member(WHOLE, (None,), low=1, high=2**31, most=3)
        found["data_names"] = text(10**7, needed=False)
        found["data_scale_kind"] = text(16, needed=False)
        found["data_shift"] = Member(REAL, (data_dim,), "float64", needed=False)
        found["data_scale"] = Member(REAL, (data_dim,), "float64", low=5e-324, needed=False)
    if options.log_gradients:
        found["gradients"] = Member(REAL, (epoch, len(GRADIENT_COLUMNS)), "float64", finite=False)
        found["gradients.frame_epochs"] = Member(WHOLE, (None,), low=1, high=max(epoch, 1), most=FRAMES)
        found["gradients.gap"] = Member(WHOLE, low=1, high=2**32)
    return found


def frames(count: int) -> Member:
    """The logged frames, for this number of epochs."""
    if count == 0:
        return Member(REAL, (0,), "float64")
    return Member(REAL, (count, None, FRAME_COLUMNS), "float64", finite=False, most=10**6)


def read(file: Npz, wanted: Mapping[str, Member]) -> dict[str, np.ndarray]:
    """The requested arrays that exist. Each is checked, its header before its data are read.

    Raises
    ------
    RunError
        An array is missing or is not what it must be.
    """
    check_headers(file, wanted)
    arrays = {}
    for name, member in wanted.items():
        if name in file:
            arrays[name] = file.read(name)
            member.check_values(str(file.path), name, arrays[name])
    return arrays


def check_headers(file: Npz, wanted: Mapping[str, Member]) -> None:
    """Raise RunError unless every required array exists with the right dtype and shape."""
    total = 0
    for name, member in wanted.items():
        if name in file:
            header = file.header(name)
            member.check_header(str(file.path), name, header)
            total += header.data_size
        elif member.needed:
            raise RunError(f"{file.path}: the file is damaged: it has no {name}")
    if total > max(MOST_UNPACKED, file.size):
        raise RunError(f"{file.path}: {file.size} bytes hold {total} bytes of arrays; no minidecomp wrote them")


def as_text(file: Npz, name: str, array: np.ndarray) -> str:
    """The text in an array of one; RunError if UTF-8 cannot hold it."""
    try:
        big = array.dtype.byteorder == ">" or (array.dtype.byteorder == "=" and sys.byteorder == "big")
        return array.tobytes().decode("utf-32-be" if big else "utf-32-le").rstrip("\0")
    except ValueError as error:
        raise RunError(f"{file.path}: the file is damaged: {name} is not text") from error


def numbered(rows: Sequence[Sequence[float]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of ``metrics`` by column; ValueError unless they are the epochs 1, 2, 3, ..."""
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if [row["epoch"] for row in found] != list(range(1, len(found) + 1)):
        raise ValueError("metrics has other epochs than 1, 2, 3, ..")
    return [{**row, "epoch": int(row["epoch"])} for row in found]

"""The rules for a model's data: the width of a point, the meaning of a byte, the values allowed.

They are learned from the run's data, stored with the model, and applied to every array that the model gets later.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError, OptionError, counted, marked, number
from ..variants import LIKELIHOODS
from .cells import Reading
from .dataset import Dataset
from .frame_cells import is_frame, plain_frame
from .images import ImageShape, channels_last, channels_that_fit, in_words
from .learnt_scaling import learn_scaling
from .on_disk import OnDisk
from .points import Bits, Points, as_stored, as_type, blocks, value_range
from .scaling import BYTES as BYTES_SCALE
from .scaling import NONE, STANDARDISE, UNIT, Scaling
from .tables import table_of_frame

# UNKNOWN: the checkpoint is older than this rule.
BYTES, NUMBERS, UNKNOWN = "bytes", "numbers", "unknown"
UNITS = (BYTES, NUMBERS, UNKNOWN)

# Tried on six columns with two factors: where they reach 20 the defaults explain less than half of the variance, at
# 100 none of it, and none below 0.05. At a million no likelihood, precision or learning rate that was tried is of use.
LARGE, SMALL, LARGEST = 20.0, 0.05, 1e6
MOST_SCALED = 1e150  # the squares of larger ones overflow
FEW_OF_16_BITS = 65535 / 4  # below it a camera has used 14 bits or less, and the model sees little
LARGEST_OF_OLD = {"float32": 1e15, "float64": 1e150}  # of a checkpoint without a recorded range

_ALLOWED = (
    "allowed are bool, integer and real numbers of shape (N,), (N, dx), (N, rows, columns) or, in colour, "
    "(N, rows, columns, channels)"
)
_BYTES_TAKEN = "whole numbers from 0 to 255, or numbers from 0 to 1 that were divided by 255"


class Taken(NamedTuple):
    """Points for a model, and a line for the user if more than one meaning was possible."""

    points: Points
    note: str = ""


@dataclass(frozen=True)
class DataRules:
    """What a model's data must be, and what they mean.

    Attributes
    ----------
    width : int
        dx, the number of values of a point.
    unit : str
        ``bytes``: a whole number v from 0 to 255 stands for v / 255. ``numbers``: a number stands for itself.
        ``unknown``: the run's checkpoint is too old to say.
    low, high : float
        The least and greatest value allowed; for bytes, after the division.
    dtype : str
        Dtype of the model, ``float32`` or ``float64``.
    image_shape : tuple of int or None
        Rows and columns if a point is an image, and channels if it is coloured.
    names : tuple of str
        A name for each value of a point, if the data had names.
    scaling : Scaling or None
        How the original numbers become the model's; None if they are unchanged, or bytes.
    """

    width: int
    unit: str
    low: float
    high: float
    dtype: str
    image_shape: ImageShape | None = None
    names: tuple[str, ...] = ()
    scaling: Scaling | None = None

    def take(self, values: Any, name: str, channels: str = "") -> Taken:
        """Any array from the user as points (N, dx) for an engine in the model's dtype.

        Parameters
        ----------
        values : array_like or Bits of shape (N, dx), (N, rows, columns) or, in colour, four axes; or a frame
            Columns of a frame are found by name, if the model has names.
            If the model was trained on bytes, whole numbers of any dtype mean the same as those bytes. Floats from
            0 to 1 count as divided by 255 already, even if all are exactly 0 or 1: a float array is far more often a
            picture in black and white than one of the two darkest bytes.
        name : str
            Name of the data in errors.
        channels : str
            Whether the channels of images are ``first`` or ``last``; empty to detect it.

        Returns
        -------
        Taken

        Raises
        ------
        DataError
            The values are not what the model was trained on.
        """
        if self.names and is_frame(values):  # a frame of pandas or polars
            values = table_of_frame(
                plain_frame(values), Reading(model_names=self.names, model_width=self.width), name
            ).values
        points, note = self._meaning(values, name, self.scaling, channels)
        return Taken(as_stored(points, self.dtype), note)

    def give(self, x: np.ndarray) -> np.ndarray:
        """The model's points (.., dx) in the original units; those of bytes stay intensities v / 255."""
        return x if self.scaling is None else self.scaling.undo(x)

    def check(self, dataset: Dataset) -> None:
        """Raise DataError unless all parts of a data set obey the rules."""
        parts = {"training data": dataset.train, "test data": dataset.test}
        if dataset.grid is not None:
            parts["grid's points"] = dataset.grid.points
        for part, points in parts.items():
            if self.unit not in (UNKNOWN, unit_of(points)):
                raise DataError(f"the model takes {self.unit}; the {part} of {dataset.name} are {unit_of(points)}")
            self._meaning(points, dataset.name, None)
        if dataset.validation is not None:  # a file may have numbers where the model takes bytes
            self._meaning(dataset.validation, f"the validation points of {dataset.name}", None)
        self._check_image_shape(dataset.image_shape, dataset.name)

    def settled(self, dataset: Dataset) -> DataRules:
        """These rules, completed from the training data where the checkpoint is silent."""
        if self.unit != UNKNOWN:
            return self
        return replace(self, unit=unit_of(dataset.train), image_shape=dataset.image_shape, names=dataset.feature_names)

    @property
    def log_volume(self) -> float:
        """Nats per point that the model's log p exceeds log p of the original x; 0 for probabilities of 0 and 1."""
        return _log_volume(self.high, self.scaling, self.unit, self.width)

    @property
    def scale(self) -> str:
        """The scaling by its name, as ``--scale`` has it."""
        return self.scaling.kind if self.scaling is not None else BYTES_SCALE if self.unit == BYTES else NONE

    def arrays(self) -> dict[str, Any]:
        """The arrays of the rules in a checkpoint, which has width and dtype already."""
        return {
            "data_unit": self.unit,
            "data_range": np.array([self.low, self.high], float),
            "data_image_shape": np.array(self.image_shape or (), np.int64),
            "data_names": json.dumps(self.names),
            **({} if self.scaling is None else self.scaling.arrays()),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], width: int, likelihood: str, dtype: str) -> DataRules:
        """The rules in a checkpoint.

        An older checkpoint has none: the rules then follow from the options, and the unit is unknown.

        Raises
        ------
        ValueError
            They are damaged.
        """
        if "data_unit" not in arrays:
            limit = LARGEST_OF_OLD[dtype]
            low, high = LIKELIHOODS[likelihood].data_range or (-limit, limit)
            return cls(width, UNKNOWN, low, high, dtype)
        unit, limits, sizes = str(arrays["data_unit"]), arrays["data_range"], arrays["data_image_shape"]
        if unit not in UNITS or limits.dtype.kind != "f" or limits.shape != (2,) or not limits[0] < limits[1]:
            raise ValueError(f"data_unit is {unit!r}, data_range {limits.tolist()}")
        shape = tuple(sizes.tolist()) if sizes.dtype.kind in "iu" and sizes.ndim == 1 else (0,)
        if shape and (len(shape) not in (2, 3) or min(shape) < 1 or math.prod(shape) != width):
            raise ValueError(f"data_image_shape is {sizes.tolist()} for points of {width} numbers")
        names = json.loads(str(arrays.get("data_names", "[]")))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("data_names is no list of texts")
        if names and len(names) != width:
            raise ValueError(f"data_names has {len(names)} names for points of {width} numbers")
        scaling = Scaling.from_arrays(arrays, width) if "data_scale_kind" in arrays else None
        low, high = map(float, limits)
        return cls(width, unit, low, high, dtype, shape or None, tuple(names), scaling)

    # ---- what values mean ----

    def _meaning(self, values: Any, name: str, scaling: Scaling | None, channels: str = "") -> Taken:
        """The checked points in the model's units, in their own dtype if there is no scaling."""
        if isinstance(values, Bits):
            self._check_width(values.shape[1], name)
            return Taken(values)
        if not channels and getattr(values, "ndim", 0) == 4:
            channels = channels_that_fit(values.shape, self.image_shape)
        rows, image_shape = as_rows(values, name, channels)
        self._check_width(rows.shape[1], name)
        self._check_image_shape(image_shape, name)
        low, high = extremes(rows, name)
        if self.unit == BYTES:
            return _as_bytes(rows, low, high, name)
        if self.unit == UNKNOWN:
            return self._by_a_guess(rows, low, high, name)
        if scaling is not None:
            rows = _scaled(rows, scaling)
            low, high = extremes(rows, name)
            name = f"{name}, scaled by {marked('scale', scaling.kind)},"
        return self._as_numbers(rows, low, high, name)

    def _as_numbers(self, rows: np.ndarray | OnDisk, low: float, high: float, name: str) -> Taken:
        if low < self.low or high > self.high:
            raise DataError(
                f"the model takes numbers from {self.low:g} to {self.high:g}; {name} has {low:g} to {high:g}"
            )
        note = ""
        if rows.dtype == np.uint8 and high > 1:
            note = f"{name}: the model was trained on numbers, so the bytes are used as they are, not divided by 255"
        return Taken(_as_floats(rows), note)

    def _by_a_guess(self, rows: np.ndarray | OnDisk, low: float, high: float, name: str) -> Taken:
        """By the rule of the minidecomp that wrote the checkpoint: bytes are uint8 with more than zeros and ones."""
        as_bytes = rows.dtype == np.uint8 and high > 1
        taken = Taken(rows) if as_bytes else self._as_numbers(rows, low, high, name)
        if high <= 0 or not _is_whole(rows):
            return taken
        guess = "bytes, to be divided by 255" if as_bytes else "plain numbers"
        return Taken(
            taken.points,
            f"{name}: an older minidecomp wrote the run's checkpoint, which does not say whether the model was trained "
            f"on bytes; their type suggests that the values are {guess}",
        )

    def _check_width(self, width: int, name: str) -> None:
        if width != self.width:
            raise DataError(f"the model takes points of {counted(self.width, 'number')}; {name} has {width}")

    def _check_image_shape(self, shape: ImageShape | None, name: str) -> None:
        if shape is not None and self.image_shape is not None and shape != self.image_shape:
            ours, theirs = in_words(self.image_shape), in_words(shape)
            raise DataError(f"the model takes images of {ours} pixels; {name} has {theirs}")


def learn(dataset: Dataset, likelihood: str, dtype: str) -> DataRules:
    """The rules that a data set gives to a new model; its own parts must obey them.

    Raises
    ------
    OptionError
        The likelihood does not accept such values.
    DataError
        The parts differ in kind, or a value is not finite or is too large to learn from.
    """
    low, high = LIKELIHOODS[likelihood].data_range or (-LARGEST, LARGEST)
    shape, names, scaling = dataset.image_shape, dataset.feature_names, dataset.scaling
    rules = DataRules(dataset.data_dim, unit_of(dataset.train), low, high, dtype, shape, names, scaling)
    least, greatest = _extremes_of(dataset)
    if LIKELIHOODS[likelihood].data_range is not None:
        if least < low or greatest > high:
            came = f"{dataset.name} has {number(least)} to {number(greatest)}"
            if dataset.scaling is not None:
                came += f" after {marked('scale', dataset.scaling.kind)}, which goes by the training points' range"
            raise OptionError("likelihood", likelihood, f"this needs data from {low:g} to {high:g}; {came}")
    elif max(-least, greatest) > LARGEST:
        raise DataError(
            f"{dataset.name} has {number(least)} to {number(greatest)}; "
            f"beyond {number(LARGEST)} no model learns anything: "
            f"{_what_to_do(least, greatest)}"
        )
    rules.check(dataset)
    return rules


def _log_volume(high: float, scaling: Scaling | None, unit: str, width: int) -> float:
    if high <= 1:
        return 0.0
    if scaling is not None:
        return scaling.log_volume
    return width * math.log(255) if unit == BYTES else 0.0


def log_volume(dataset: Dataset, likelihood: str) -> float:
    """As `DataRules.log_volume`, of the rules that a data set gives."""
    high = (LIKELIHOODS[likelihood].data_range or (-LARGEST, LARGEST))[1]
    return _log_volume(high, dataset.scaling, unit_of(dataset.train), dataset.data_dim)


def size_note(dataset: Dataset) -> str:
    """A line about data whose size is far from 1, with their range and advice; empty if there is nothing to say."""
    if unit_of(dataset.train) == BYTES or isinstance(dataset.train, Bits):
        return ""
    low, high = _extremes_of(dataset)
    size = max(-low, high)
    if size == 0 or SMALL <= size <= LARGE:
        return ""
    if low >= 0 and 100 <= high <= 255 and _is_whole(dataset.train):
        return (
            f"{dataset.name}: whole numbers from {low:g} to {high:g} look like bytes but are not uint8, so they are "
            "trained on as they are, which is too large to train on well; if they are bytes, `--scale bytes` divides "
            "them by 255"
        )
    fault = f"too {'large' if size > LARGE else 'small'} to train on well"
    advice = _what_to_do(low, high) if dataset.scaling is None else _other_scale(dataset.scaling)
    return f"{dataset.name}: the numbers go from {_apart(low, high)}, {fault}: {advice}"


def _apart(low: float, high: float) -> str:
    """``0 to 1e+30``, with as many digits as distinguish the two."""
    for digits in range(6, 17):
        texts = [f"{value:.{digits}g}" for value in (low, high)]
        if low == high or texts[0] != texts[1]:
            break
    return " to ".join(texts)


def _other_scale(scaling: Scaling) -> str:
    better = "standardise" if scaling.kind == UNIT else "none"
    return f"this is due to {marked('scale', scaling.kind)}; {marked('scale', better)} may do better"


def _what_to_do(low: float, high: float) -> str:
    advice = "`--scale standardise` brings each column to mean 0 and standard deviation 1"
    return advice if low < 0 else f"{advice}, `--scale unit` to 0..1"


def _extremes_of(dataset: Dataset) -> tuple[float, float]:
    """The least and greatest value of the training and test points; for bytes, after the division."""
    lows, highs = zip(value_range(dataset.train), value_range(dataset.test), strict=True)
    return min(lows), max(highs)


def check_finite(name: str, results: Mapping[str, np.ndarray]) -> None:
    """Raise DataError if the results of a model, arrays (N, ..), are not finite; ``name`` names the data."""
    for result, array in results.items():
        finite = np.isfinite(np.asarray(array)).reshape(len(array), -1).all(1)
        if not finite.all():
            row = int(np.argmin(finite))
            raise DataError(
                f"{name}: {result} of row {row} (counted from 0) is not finite in the model's dtype; "
                f"values nearer to the training data are needed ({int((~finite).sum())} such rows)"
            )


def unit_of(points: Points) -> str:
    """The unit of points in memory: ``bytes``, or ``numbers`` (bits are the numbers 0 and 1)."""
    return BYTES if not isinstance(points, Bits) and points.dtype == np.uint8 else NUMBERS


class NewData(NamedTuple):
    """Rows (N, dx) of your own data for a new model, and how to scale them.

    ``kind`` is the kind of scaling, ``image_shape`` that of a data set, and ``note`` a line about the choice, or empty.
    """

    rows: np.ndarray | OnDisk
    image_shape: ImageShape | None
    kind: str
    note: str

    def scaled(self, train: np.ndarray | OnDisk) -> Scaling | None:
        """The scaling learnt from the training rows (N, dx); None if numbers stay unchanged, or are bytes.

        Raises
        ------
        DataError
            The numbers are too large to scale.
        """
        if self.kind not in (UNIT, STANDARDISE):
            return None
        low, high = extremes(train, "the training points")
        if max(-low, high) > MOST_SCALED:
            raise DataError(
                f"numbers up to {MOST_SCALED:g} can be scaled; the training points have {low:g} to {high:g}"
            )
        return learn_scaling(self.kind, train, together=self.image_shape is not None)

    def points(self, rows: np.ndarray | OnDisk, scaling: Scaling | None) -> np.ndarray | OnDisk:
        """Some of the rows as training points: bytes as uint8, everything else as float64 in the model's units."""
        if self.kind == BYTES_SCALE:
            return as_type(rows, np.uint8)
        return as_type(rows if scaling is None else _scaled(rows, scaling), np.float64)


def new_data(values: Any, name: str, scale: str | None = None, channels: str = "") -> NewData:
    """What an array means to a new model.

    Parameters
    ----------
    values : array_like of shape (N,), (N, dx), (N, rows, columns) or (N, rows, columns, channels)
    name : str
        Name of the data in errors.
    scale : str or None
        One of ``scaling.SCALES``. By default, uint8 with more than zeros and ones are bytes, such uint16 are divided
        by 65535, and everything else is unchanged.

    Raises
    ------
    DataError
        The array has a wrong dtype or shape, is empty, or has a value that is not finite.
    OptionError
        ``bytes`` is requested, and the values are not bytes.
    """
    rows, image_shape = as_rows(values, name, channels)
    low, high = extremes(rows, name)
    note = ""
    if rows.dtype.kind == "u" and high <= 1:
        rows = _as_floats(rows)  # black and white
    if scale is None:
        size = rows.dtype.itemsize if rows.dtype.kind == "u" else 0  # in whatever order of bytes
        scale = {1: BYTES_SCALE, 2: UNIT}.get(size, NONE)
        if scale == UNIT:
            note = f"{name}: 16-bit values, divided by 65535; change that with `--scale`"
            if high < FEW_OF_16_BITS:
                note = (
                    f"{name}: 16-bit values up to {high:g}, divided by 65535, so that they reach {high / 65535:.2g} at "
                    "most; `--scale standardise` may give a better model"
                )
    if scale == UNIT and rows.dtype == np.uint8:
        scale = BYTES_SCALE
    if scale == BYTES_SCALE and not (low >= 0 and high <= 255 and _is_whole(rows)):
        kind = "" if low < 0 or high > 255 else ", not all whole"
        came = f"{name} has {low:g} to {high:g}{kind}"
        raise OptionError("scale", scale, f"this needs whole numbers from 0 to 255; {came}")
    return NewData(rows, image_shape, scale, note)


def as_rows(values: Any, name: str, channels: str = "") -> tuple[np.ndarray | OnDisk, ImageShape | None]:
    """An array as (N, dx) in its own dtype, and the shape of an image if it has images.

    ``channels`` says whether channels are ``first`` or ``last``; empty to detect it.

    Raises
    ------
    DataError
        The array has no numbers, or another shape, or is empty.
    """
    if isinstance(values, OnDisk):
        shape = values.files.row_shape
        return values, shape if len(shape) > 1 else None
    if np.ma.is_masked(values):
        raise DataError(f"{name}: expected an array without a mask; this one hides {np.ma.count_masked(values)} values")
    try:
        values = np.asarray(values)
    except ValueError:
        raise DataError(f"{name}: all rows must have the same length") from None
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name}: has dtype {values.dtype}; {_ALLOWED}")
    if values.ndim not in (1, 2, 3, 4):
        raise DataError(f"{name}: has shape {values.shape}; {_ALLOWED}")
    if values.size == 0:
        raise DataError(f"{name}: is empty, of shape {values.shape}; expected points")
    if values.ndim == 4:
        values = channels_last(values, name, channels)
    return values.reshape(len(values), -1), values.shape[1:] if values.ndim > 2 else None


def extremes(rows: np.ndarray | OnDisk, name: str) -> tuple[float, float]:
    """The least and the greatest value of rows (N, dx).

    Raises
    ------
    DataError
        A value is not finite.
    """
    some = rows.bounds() if isinstance(rows, OnDisk) else rows
    low, high = float(some.min()), float(some.max())  # NaN if one is
    if math.isfinite(low) and math.isfinite(high):
        return low, high
    if isinstance(rows, OnDisk):
        raise DataError(_not_finite(name, *rows.first_bad()))
    finite = np.isfinite(rows)
    if finite.all():  # a long double that no float64 holds
        raise DataError(f"{name}: numbers must be smaller than 1e308")
    row, column = np.unravel_index(np.argmin(finite), finite.shape)
    raise DataError(_not_finite(name, int(row), int(column), rows[row, column]))


def _not_finite(name: str, row: int, column: int, value: float) -> str:
    return f"{name}: expected finite numbers, got {value} in row {row}, column {column} (counted from 0)"


def _as_bytes(rows: np.ndarray | OnDisk, low: float, high: float, name: str) -> Taken:
    """The values as bytes, or as numbers that are already divided."""
    whole, real = _is_whole(rows), rows.dtype.kind == "f"
    if low < 0 or high > 255 or (high > 1 and not whole):
        kind = "" if whole or low < 0 or high > 255 else ", not all whole"
        raise DataError(f"a model trained on bytes takes {_BYTES_TAKEN}; {name} has {low:g} to {high:g}{kind}")
    if not whole:
        return Taken(
            rows, f"{name}: numbers from 0 to 1 that are not all whole are assumed to be divided by 255 already"
        )
    if real and high == 1:
        return Taken(
            rows,
            f"{name}: floats that are all 0 or 1 are assumed to be divided by 255 already; "
            "give integers where the bytes 0 and 1 are meant",
        )
    note = ""
    if rows.dtype.kind == "b" and high == 1:
        note = f"{name}: the model was trained on bytes, so true and false count as the bytes 1 and 0"
    return Taken(as_type(rows, np.uint8), note)


def _is_whole(rows: np.ndarray | OnDisk) -> bool:
    return rows.dtype.kind != "f" or all(bool((block == np.floor(block)).all()) for block in blocks(rows))


def _as_floats(rows: np.ndarray | OnDisk) -> np.ndarray | OnDisk:
    return rows.astype(np.float64) if isinstance(rows, OnDisk) else rows.astype(np.float64, copy=False)


def _scaled(rows: np.ndarray | OnDisk, scaling: Scaling) -> np.ndarray | OnDisk:
    return rows.scaled(scaling) if isinstance(rows, OnDisk) else scaling.apply(rows)

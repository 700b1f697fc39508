"""The columns of a table on a picture's axes: their names, and individual ranges if one axis cannot show them all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import printable
from .cutting import cut_apart
from .style import LABEL_SIZE, LEGEND_SIZE, Extent, has_glyphs, short, square_axes, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 30  # columns whose points get markers
MOST_NAMES = 24  # below one axis
MOST_RANGES = 10  # columns whose ranges are below their names
LETTER = 0.055  # inches: about the width of a character in a tick's label
FLAT = 0.05  # of an axis: what varies less looks like a flat line
ALIKE = 5  # times: columns whose spreads differ less share one unit in the plane


def column_label(names: Sequence[str] | Mapping[int, str], i: int, longest: int = 30) -> str:
    """The name of column i, from 0; as a formula x_i if it has none, or if no font here has its characters."""
    if names and names[i].strip() and has_glyphs(printable(names[i])):
        return short(names[i], longest)
    return f"$x_{{{i}}}$"


def fitting_labels(names: Sequence[str], count: int, inches: float) -> list[str]:
    """Labels of the first columns, cut so that each fits into so many inches; different names stay different."""
    one_by_one = [_fitting([names[i]] if names else [], [i], inches)[0] for i in range(count)]
    if len(set(one_by_one)) == len(set(names[:count])) or not names:
        return one_by_one
    return _fitting(names[:count], range(count), inches)


def _fitting(names: Sequence[str], columns: Sequence[int], inches: float) -> list[str]:
    """The labels of some columns, all cut to the same number of letters."""
    labels: list[str] = []
    for longest in range(30, 8, -1):
        cut = cut_apart([printable(name) for name in names], longest)
        by_column = dict(zip(columns, cut, strict=False))
        labels = [column_label(by_column, i) for i in columns]
        if widest(labels) * LABEL_SIZE / LEGEND_SIZE <= inches:
            break
    return labels


@dataclass(frozen=True)
class FeatureAxes:
    """How points with several columns are drawn: columns side by side, values upwards.

    Attributes
    ----------
    low, spread : numpy.ndarray of shape (dx,)
        A value is drawn at (value - low) / spread; they are 0 and 1 if all columns fit on one axis.
    names : sequence of str
        The names of the columns; may be empty.
    own : bool
        Whether each column has its own range.
    """

    low: np.ndarray
    spread: np.ndarray
    names: Sequence[str]
    own: bool

    @classmethod
    def around(cls, data: np.ndarray, names: Sequence[str]) -> FeatureAxes:
        """Axes for data (N, dx): each column has its own range if some would be flat lines on a common axis.

        With many columns more than half must be flat, because a series or a spectrum may have quiet parts.
        """
        features = data.shape[1]
        low, spread = data.min(0), np.ptp(data, axis=0)
        flat = (spread > 0) & (spread < FLAT * np.ptp(data))
        if not (flat.any() if features <= FEW else flat.mean() > 0.5):
            return cls(np.zeros(features), np.ones(features), names, False)
        return cls(low, np.where(spread > 0, spread, 1.0), names, True)

    def place(self, values: np.ndarray) -> np.ndarray:
        """Values (.., dx) at their positions in the picture."""
        return (values - self.low) / self.spread

    @property
    def index(self) -> np.ndarray:
        """The positions of the columns side by side; columns without names count from 0, as everywhere."""
        return np.arange(len(self.low))

    @property
    def value_label(self) -> str:
        """The label of the vertical axis."""
        return "share of the column's range" if self.own else "value"

    @property
    def foot(self) -> float:
        """The inches that rotated names take below the axes."""
        if not self._labels or not self._turned:
            return 0.0
        return LETTER * max(len(line) for label in self._labels for line in label.split("\n"))

    def label(self, axes: Axes) -> None:
        """Name the columns below the lowest axes."""
        features = len(self.low)
        axes.set_xlim(-0.5, features - 0.5)
        if not self._labels:
            axes.set_xlabel("column")
            axes.locator_params(axis="x", integer=True)
            return
        turned: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "top", "ma": "right"} if self._turned else {}
        axes.set_xticks(self._named, self._labels, **turned)
        if self._step > 1:
            axes.set_xlabel(f"one in {self._step} of {features} columns is named")

    @property
    def _step(self) -> int:
        return math.ceil(len(self.low) / MOST_NAMES)

    @property
    def _named(self) -> np.ndarray:
        return np.arange(0, len(self.low), self._step)

    @property
    def _labels(self) -> list[str]:
        with_ranges = self.own and len(self.low) <= MOST_RANGES
        if not self.names and not with_ranges:
            return []
        labels = [column_label(self.names, i, 18) for i in self._named]
        if not with_ranges:
            return labels
        ends = zip(self.low, self.low + self.spread, strict=True)
        return [f"{label}\n{_range(*each)}" for label, each in zip(labels, ends, strict=True)]

    @property
    def _turned(self) -> bool:
        widest = max(len(line) for label in self._labels for line in label.split("\n"))
        return widest * len(self._labels) > 45


def _range(low: float, high: float) -> str:
    """Both ends of a range as text, with enough digits to distinguish them."""
    largest, spread = max(abs(low), abs(high)), high - low
    digits = min(3 + math.floor(math.log10(largest / spread)) if largest > spread else 3, 17)
    return " to ".join(_digits(end, digits, 1e-4 <= largest < 10.0 ** (digits + 3)) for end in (low, high))


def _digits(value: float, digits: int, plain: bool) -> str:
    return np.format_float_positional(value, digits, fractional=False, trim="-") if plain else f"{value:.{digits}g}"


def extent_around(data: np.ndarray, made: np.ndarray | None = None) -> Extent:
    """A rectangle with all of the data (N, 2), and of the model's points (M, 2) all but the farthest.

    It is a square in the data's unit if both columns have similar spreads.
    """
    low, high = data.min(0), data.max(0)
    if made is not None:
        low = np.minimum(low, np.quantile(made, 0.005, axis=0))
        high = np.maximum(high, np.quantile(made, 0.995, axis=0))
    spread = high - low
    centre, half = (low + high) / 2, np.where(spread > 0, 0.55 * spread, spread.max())
    if half.max() <= ALIKE * half.min() or spread.min() == 0:
        half = np.full(2, half.max())
    half = np.where(half > 0, half, 1.0)
    return (centre[0] - half[0], centre[0] + half[0], centre[1] - half[1], centre[1] + half[1])


def plane_axes(axes: Axes, extent: Extent) -> None:
    """Give axes of the plane the limits of `extent_around`: equal units for a square, otherwise one per column."""
    square_axes(axes, extent)
    if not math.isclose(extent[1] - extent[0], extent[3] - extent[2], rel_tol=1e-6):
        axes.set_aspect("auto")
        axes.set_box_aspect(1)
    axes.ticklabel_format(useOffset=True, scilimits=(-3, 4))

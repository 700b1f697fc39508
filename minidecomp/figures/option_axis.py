"""The horizontal axis of an option: numbers on a scale, texts side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cutting import cut_apart
from .style import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_TICK, MOST_TICKS = 20, 10  # characters; ticks
SPREAD = 30  # numbers that differ by a larger factor get a logarithmic axis
LETTER = 0.045  # inches: the mean width of a character in ticks and legends
LARGEST = 1e30  # an axis cannot show numbers beyond this size, or further apart than this factor
AXIS = 2.6  # inches: about the length of the horizontal axis
DODGE = 0.5  # of the distance between two texts, over which several series are spread


@dataclass(frozen=True)
class OptionAxis:
    """The positions and ticks of an option's values.

    Attributes
    ----------
    values : list of float or str
        The distinct values: numbers by size, then texts in the given order.
    is_scale : bool
        Whether all values are numbers that fit on one axis; otherwise they are side by side.
    words : list of str
        The ticks of values side by side; empty on a scale.
    """

    values: list[float | str]
    is_scale: bool
    words: list[str]

    @classmethod
    def through(cls, values: Sequence[float | str]) -> OptionAxis:
        """The axis for values (.., ) in the order of the series."""
        different = list(dict.fromkeys(values))
        numbers = [float(at) for at in different if not isinstance(at, str)]
        is_scale = len(numbers) == len(different) and _is_of_one_scale(numbers)
        different.sort(key=lambda at: (1, 0.0) if isinstance(at, str) else (0, at))
        texts = [] if is_scale else [at if isinstance(at, str) else f"{at:g}" for at in different]
        return cls(different, is_scale, cut_apart(texts, LONGEST_TICK))

    def place(self, at: float | str, series: int = 0, of_series: int = 1) -> float:
        """The position of a value; at a text, several series are side by side, so that none hides another."""
        if self.is_scale:
            return float(at)
        aside = (series - (of_series - 1) / 2) * DODGE / of_series
        return self.values.index(at) + aside

    @property
    def foot(self) -> float:
        """The inches that rotated texts take below the axis."""
        return LETTER * max(map(len, self.words), default=0) * math.sin(math.radians(self._angle))

    def draw(self, axes: Axes, with_ticks: bool) -> None:
        """Set the scale and the ticks; ``with_ticks`` puts them at the option's values."""
        if self.is_scale:
            _scale(axes, [float(at) for at in self.values], with_ticks)
        else:
            self._categories(axes)

    @property
    def _angle(self) -> float:
        """The rotation at which all texts can be read."""
        if LETTER * (sum(map(len, self.words)) + 2 * len(self.words)) <= AXIS:
            return 0
        return 40 if len(self.words) <= MOST_TICKS else 90

    def _categories(self, axes: Axes) -> None:
        words, angle = self.words, self._angle
        step = math.ceil(len(words) * 0.11 / AXIS)  # 0.11 inches: the height of a rotated text
        shown = range(0, len(words), step)
        turned: dict[str, Any] = {"ha": "right", "rotation_mode": "anchor"} if 0 < angle < 90 else {}
        axes.set_xticks(shown, [short(words[i], len(words[i])) for i in shown], rotation=angle, **turned)
        axes.set_xlim(-0.5, len(words) - 0.5)


def is_spread(numbers: Sequence[float], factor: float = SPREAD) -> bool:
    """Whether numbers of 0 or more need a logarithmic axis."""
    above = [number for number in numbers if number > 0]
    return bool(above) and min(numbers) >= 0 and max(above) / min(above) > factor


def _is_of_one_scale(numbers: Sequence[float]) -> bool:
    """Whether one axis can show all the numbers."""
    sizes = [abs(number) for number in numbers if number]
    return not sizes or (max(sizes) < LARGEST and max(sizes) / LARGEST < min(sizes))


def _scale(axes: Axes, numbers: Sequence[float], with_ticks: bool) -> None:
    """A linear axis; for spread numbers, a logarithmic one with a cut between 0 and the smallest other number."""
    if is_spread(numbers):
        if numbers[0] > 0:
            axes.set_xscale("log")
        else:
            least = next(number for number in numbers if number > 0)
            axes.set_xscale("symlog", linthresh=least)
            mark = {"facecolor": "white", "edgecolor": "none", "pad": 0}
            where: Any = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "center"}
            axes.text(least / 2, 0, "//", fontsize=7, color="0.25", bbox=mark, **where)
    if with_ticks and len(numbers) <= MOST_TICKS:
        axes.set_xticks(numbers, _thinned(axes, numbers))
        axes.set_xticks([], minor=True)


def _thinned(axes: Axes, numbers: Sequence[float]) -> list[str]:
    """The numbers' labels; a label that would overlap the one before is empty."""
    low, high = axes.transData.transform([(at, 0) for at in axes.get_xlim()])[:, 0]
    places = axes.transData.transform([(number, 0) for number in numbers])[:, 0]
    labels, end = [], -math.inf
    for number, place in zip(numbers, (places - low) / (high - low or 1) * AXIS, strict=True):
        label = f"{number:g}"
        half = LETTER * len(label) / 2
        fits = place - half > end
        labels.append(label if fits else "")
        end = place + half + LETTER if fits else end
    return labels

"""Strips of numbers below panels: one count for each of several runs, and one value of each on a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import DATA_COLOUR, MODEL_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 0.42  # inches
SIZE = 6  # points
MOST_DIGITS = 12


@dataclass(frozen=True)
class Strip:
    """What a strip shows: a count and a value above 0 of each run, in the same order."""

    counts: Sequence[float]
    values: Sequence[float]


def limits_of(strips: Sequence[Sequence[Strip]]) -> tuple[float, float]:
    """The ends of a logarithmic axis for the values of all strips."""
    values = [value for row in strips for strip in row for value in strip.values if value > 0]
    low, high = min(values, default=1.0), max(values, default=1.0)
    return low / 2, high * 2


def draw_strip(axes: Axes, strip: Strip, limits: tuple[float, float]) -> None:
    """The counts as digits, and below them a dot for each run's value, with the median as a bar and a number."""
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelsize=5.5, length=1.5, pad=1)
    axes.minorticks_off()
    axes.text(0.5, 0.98, _digits(strip.counts), transform=axes.transAxes, ha="center", va="top", fontsize=SIZE)
    values = np.maximum(strip.values, limits[0])  # an estimate may be 0 or below
    axes.plot(values, np.full(len(values), 0.2), ".", color=DATA_COLOUR, markersize=3.5, alpha=0.6, clip_on=False)
    middle = float(np.median(strip.values))
    axes.plot([max(middle, limits[0])] * 2, [0.05, 0.35], color=MODEL_COLOUR, linewidth=1.2, clip_on=False)
    at = float(np.log(max(middle, limits[0]) / limits[0]) / np.log(limits[1] / limits[0]))
    side, gap = ("left", 0.03) if at < 0.6 else ("right", -0.03)
    number = f"{middle:.2g}" if middle < 100 else f"{middle:.0f}"
    where: Any = {"transform": axes.transAxes, "ha": side, "va": "center", "fontsize": SIZE}
    axes.text(at + gap, 0.52, number, color=MODEL_COLOUR, **where)


def _digits(counts: Sequence[float]) -> str:
    """One digit for each run or, for many runs, how many have which count."""
    if len(counts) <= MOST_DIGITS:
        return " ".join(f"{count:g}" for count in counts)
    return "   ".join(f"{count:g}: {sum(each == count for each in counts)}" for count in sorted(set(counts)))


def explain_strips(axes: Axes, labels: tuple[str, str], runs: int) -> None:
    """Say in a place without a strip what the strips of so many runs show."""
    axes.set_axis_off()
    digits = "digits, one per seed" if runs <= MOST_DIGITS else "seeds that have so many"
    text = f"{digits}:\n{labels[0]}; dots: {labels[1]};\nbar: median; panels: one seed"
    axes.text(1.0, 1.0, text, transform=axes.transAxes, ha="right", va="top", fontsize=SIZE)

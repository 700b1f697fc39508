"""How a recorded value changes with an option, or with another recorded value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import counted_from_to
from ..evaluation.standard_errors import of_few, standard_error
from .cutting import cut_apart
from .option_axis import OptionAxis, is_spread
from .style import CLASS_COLOURS, COLUMN, PAGE, new_figure, short, styled, widest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES, MARKERS = ("-", "--", ":", "-."), ("o", "s", "^", "D", "v", "P", "X")
LONGEST_NAME = 56  # characters
SHORT_NAME = 25  # characters; two such names fit side by side
MOST_NAMED = 40
MOST_ABOVE = 8  # a legend with more names is beside the axes
LINE = 0.145  # inches from one line of the legend to the next
ROOM, HANDLE = COLUMN - 0.15, 0.3  # inches: the legend's width, and the part that its lines take
VALUES_SPREAD = 1000  # values above 0 that differ by a larger factor get a logarithmic axis
NOTE: Any = {"fontsize": 6.5, "color": "0.3"}


@styled
def value_against_option(
    curves: Mapping[str, Sequence[tuple[float | str, float]]],
    option: str,
    value: str,
    reference: float | None = None,
    joined: bool = True,
    note: str = "",
) -> Figure:
    """How a recorded value changes with an option, with a series for each setting of the other options.

    If an option's value occurs more than once (seeds), the mean is drawn with its standard error, and each run as a
    small dot. Lines join only points on a numeric axis. A line of text below the axis says what the points are.

    Parameters
    ----------
    curves : mapping of str to sequence of (float or str, float)
        The option's value and the recorded value, by the name in the legend. Numbers are on a numeric axis, which is
        logarithmic if they differ by a large factor; texts are side by side in their order.
    option, value : str
        The labels of the axes.
    reference : float, optional
        The height of a horizontal line.
    joined : bool
        Whether a series is over an option's values, with means, lines and ticks; otherwise each run is a point.
    note : str
        A further line below the axis, for example how many runs have no value.

    Returns
    -------
    matplotlib.figure.Figure
    """
    # A single series has no name if the runs differ only in this option.
    names = _fitting(list(curves)[:MOST_NAMED]) if any(curves) else []
    axis = OptionAxis.through([at for points in curves.values() for at, _ in points])
    counts = _counts(curves, joined)
    notes = [text for text in (_what_points_are(counts), of_few(counts, "seed", 1), short(note, 75)) if text]
    legend = _Legend.of(names)
    figure = new_figure(legend.width, 2.4 + 0.12 * len(notes) + max(axis.foot + legend.above, legend.beside - 2.4))
    axes = figure.subplots()
    lines = []
    for i, points in enumerate(curves.values()):
        placed = [(axis.place(at, i, len(curves)), v) for at, v in points]
        lines.append(_draw(axes, i, placed, joined, axis.is_scale))
    values = [v for points in curves.values() for _, v in points]
    if min(values, default=0) > 0 and is_spread(values, VALUES_SPREAD):
        axes.set_yscale("log")
    if reference is not None:
        axes.axhline(reference, color="0.5", linewidth=0.8, linestyle=(0, (1, 1)), zorder=0)
        where: Any = {"transform": axes.get_yaxis_transform(), "ha": "left", "va": "center"}
        axes.text(1.01, reference, f"{reference:g}", **where, **NOTE)
    axis.draw(axes, joined)
    axes.set_xlabel(short(option, 60))
    axes.set_ylabel(short(value, 60))
    if notes:
        figure.supxlabel("\n".join(notes), **NOTE)
    if names:
        if len(curves) > MOST_NAMED:
            names[-1] += f", and {len(curves) - MOST_NAMED} more"
        figure.legend(lines[: len(names)], names, loc=legend.place, ncols=legend.columns, handlelength=2.2)
    return figure


def colour_and_marker(series: int) -> dict[str, Any]:
    """Those of a series, for the lines of any picture."""
    return {"color": CLASS_COLOURS[series % len(CLASS_COLOURS)], "marker": MARKERS[series % len(MARKERS)]}


def _counts(curves: Mapping[str, Sequence[tuple[float | str, float]]], joined: bool) -> set[int]:
    """How many runs a point of a series stands for."""
    if not joined:
        return {1}
    return {sum(at == each for at, _ in points) for points in curves.values() for each, _ in points} or {1}


def _what_points_are(counts: set[int]) -> str:
    """What a point is, in words: a run, or a mean over seeds."""
    if max(counts) == 1:
        return "each point is one run"
    return f"mean ± standard error of {counted_from_to(counts, 'seed')}; small dots: single runs"


@dataclass(frozen=True)
class _Legend:
    """The place of the legend; ``above`` and ``beside`` are the inches of height that it takes there."""

    columns: int
    place: Any
    width: float
    above: float
    beside: float

    @classmethod
    def of(cls, names: Sequence[str]) -> _Legend:
        are_short = max(map(len, names), default=0) <= SHORT_NAME and widest(names) <= ROOM / 2 - HANDLE
        count = len(names)
        if count > MOST_ABOVE:
            columns = 2 if are_short and count > 2 * MOST_ABOVE else 1
            return cls(columns, "outside right upper", PAGE, 0.0, 0.2 + LINE * math.ceil(count / columns))
        columns = min(count, 2 if are_short else 1)
        above = LINE * max(0, math.ceil(count / max(columns, 1)) - 2)
        return cls(columns, "outside upper center", COLUMN, above, 0.0)


def _draw(axes: Axes, index: int, points: Sequence[tuple[float, float]], joined: bool, is_scale: bool) -> Any:
    """One series; the first forty look different even in grey."""
    style = colour_and_marker(index)
    colour = style["color"]
    if not joined:
        return axes.plot(*_columns(points), linestyle="none", **style)[0]
    style["linestyle"] = LINES[index % len(LINES)] if is_scale else "none"
    order = sorted({x for x, _ in points})
    found = [[v for x, v in points if x == each] for each in order]
    means = [float(np.mean(values)) for values in found]
    line = axes.plot(order, means, **style)[0]
    if len(points) > len(order):
        axes.plot(*_columns(points), ".", color=colour, markersize=2, alpha=0.7)
        errors = [standard_error(np.array(values)) if len(values) > 1 else np.nan for values in found]
        axes.errorbar(order, means, errors, fmt="none", ecolor=colour, elinewidth=0.8, capsize=2, capthick=0.8)
    return line


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [v for _, v in points]


def _fitting(names: Sequence[str]) -> list[str]:
    """The legend's names, shortened so that the widest one fits."""
    for longest in range(LONGEST_NAME, 8, -4):
        made = [short(name, len(name)) for name in cut_apart(names, longest)]
        if widest(made) <= ROOM - HANDLE:
            break
    return made

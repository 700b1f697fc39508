"""Differences from a reference with their intervals, in a panel for each value: a forest plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .against_option import NOTE, colour_and_marker
from .style import PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.17  # inches
GAP = 0.8  # rows between two names


@styled
def differences_with_intervals(
    panels: Mapping[str, Mapping[str, Mapping[str, tuple[float, float, float]]]],
    bands: Mapping[str, tuple[float, float]],
    note: str,
) -> Figure:
    """A point and a line from low to high for each row; a vertical line is at 0, and a band shows what is little.

    Parameters
    ----------
    panels : mapping of str to mapping of str to mapping of str to (float, float, float)
        By the panel's label, the group and the row: value, low and high.
    bands : mapping of str to (float, float)
        By the panel's label, the ends of its band.
    note : str
        A line below the panels.
    """
    groups = list(dict.fromkeys(group for rows in panels.values() for group in rows))
    there = [(name, group) for each in panels.values() for group, rows in each.items() for name in rows]
    names = list(dict.fromkeys(name for name, _ in there))
    places: dict[tuple[str, str], float] = {}
    ticks, y = [], 0.0
    for name in names:
        of_name = [group for group in groups if (name, group) in there]
        places |= {(name, group): y + i for i, group in enumerate(of_name)}
        ticks.append(y + (len(of_name) - 1) / 2)
        y += len(of_name) + GAP
    figure = new_figure(PAGE, 1.0 + ROW * max(4, y))
    axes_of = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (label, found) in zip(axes_of, panels.items(), strict=True):
        axes.axvline(0, color="0.4", linewidth=0.7)
        if label in bands:
            axes.axvspan(*bands[label], color="0.92", zorder=0)
        for g, group in enumerate(groups):
            rows = [(places[name, group], *values) for name, values in found.get(group, {}).items()]
            at = [place for place, *_ in rows]
            style = colour_and_marker(g)
            lows, highs = [low for *_, low, _ in rows], [high for *_, high in rows]
            axes.hlines(at, lows, highs, color=style["color"], linewidth=1.2)
            axes.plot([value for _, value, _, _ in rows], at, linestyle="none", label=group, markersize=4, **style)
        axes.set_xlabel(label)
    axes_of[0].set_yticks(ticks, names)
    axes_of[0].set_ylim(-GAP, y - 1)
    axes_of[0].invert_yaxis()
    for axes in axes_of:
        axes.tick_params(axis="y", length=0)
    if len(groups) > 1 or groups[0]:
        figure.legend(*axes_of[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(groups))
    figure.supxlabel(note, **NOTE)
    return figure

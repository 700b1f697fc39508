"""Differences from a reference with their intervals, in a panel for each value: a forest plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .against_option import MARKERS, NOTE
from .style import CLASS_COLOURS, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.2  # inches


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
    names = list(dict.fromkeys(name for each in panels.values() for rows in each.values() for name in rows))
    step = len(groups) + 1
    figure = new_figure(PAGE, 0.75 + ROW * max(4, step * len(names) * 0.8))
    axes_of = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (label, found) in zip(axes_of, panels.items(), strict=True):
        axes.axvline(0, color="0.4", linewidth=0.7)
        if label in bands:
            axes.axvspan(*bands[label], color="0.92", zorder=0)
        for g, group in enumerate(groups):
            rows = [(names.index(name), *values) for name, values in found.get(group, {}).items()]
            y = [place * step + g for place, *_ in rows]
            style: dict[str, Any] = {
                "color": CLASS_COLOURS[g % len(CLASS_COLOURS)],
                "marker": MARKERS[g % len(MARKERS)],
            }
            axes.hlines(
                y, [low for *_, low, _ in rows], [high for *_, high in rows], color=style["color"], linewidth=1.2
            )
            axes.plot([value for _, value, _, _ in rows], y, linestyle="none", label=group, markersize=4, **style)
        axes.set_xlabel(label)
    axes_of[0].set_yticks([place * step + (len(groups) - 1) / 2 for place in range(len(names))], names)
    axes_of[0].invert_yaxis()
    axes_of[0].tick_params(axis="y", length=0)
    if len(groups) > 1 or groups[0]:
        figure.legend(*axes_of[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(groups))
    figure.supxlabel(note, **NOTE)
    return figure

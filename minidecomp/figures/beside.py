"""The curves of some runs beside those of a paper. Each setting has a panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import counted_from_to
from .against_option import NOTE, colour_and_marker
from .style import PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ASIDE = 0.06  # of the distance between two ticks, so that curves do not hide each other


@styled
def curves_beside_others(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, Sequence[float]]]]],
    others: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    option: str,
    value: str,
    note: str = "",
) -> Figure:
    """Means over runs, with a small dot for each run, and single numbers of others as dotted lines.

    The option's values are side by side, since they may begin with 0 and span powers of ten.

    Parameters
    ----------
    panels : mapping of str to mapping of str to sequence of (float, sequence of float)
        By a panel's title and a curve's name, the option's value and the runs' numbers there. A curve without points
        keeps its colour for other panels and pictures.
    others : mapping of str to mapping of str to sequence of (float, float)
        By a panel's title and a curve's name, the option's value and the number there.
    option, value : str
        The labels of the axes.
    note : str
        A further line below the panels.
    """
    places = sorted({at for curves in (*panels.values(), *others.values()) for c in curves.values() for at, _ in c})
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))  # a name keeps its colour
    figure = new_figure(PAGE, 2.75)
    axes_of = figure.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    lines: dict[str, Any] = {}
    for axes, (title, curves) in zip(axes_of, panels.items(), strict=False):
        for i, (name, single) in enumerate(others.get(title, {}).items()):
            style: dict[str, Any] = {"color": ("0.35", "0.65")[i % 2], "marker": "+x"[i % 2], "linestyle": ":"}
            lines[name] = axes.plot([places.index(at) for at, _ in single], [v for _, v in single], **style)[0]
        for name, points in curves.items():
            if points:
                i = names.index(name)
                look = colour_and_marker(i)
                aside = (i - (len(names) - 1) / 2) * ASIDE
                x = [places.index(at) + aside for at, _ in points]
                means = [float(np.mean(values)) for _, values in points]
                lines[name] = axes.plot(x, means, **look)[0]
                for at, (_, values) in zip(x, points, strict=True):
                    if len(values) > 1:
                        axes.plot([at] * len(values), values, ".", color=look["color"], markersize=2.5, alpha=0.7)
        axes.set_title(title, fontsize=8)
        axes.set_xticks(range(len(places)), [f"{at:g}" for at in places])
        axes.set_xlabel(option)
    axes_of[0].set_ylabel(value)
    shown = sorted(lines, key=lambda name: names.index(name) if name in names else len(names))
    figure.legend([lines[name] for name in shown], shown, loc="outside upper center", ncols=3, handlelength=2.4)
    figure.supxlabel("\n".join(filter(None, (_what_points_are(panels), note))), **NOTE)
    return figure


def _what_points_are(panels: Mapping[str, Mapping[str, Sequence[tuple[float, Sequence[float]]]]]) -> str:
    counts = {len(values) for curves in panels.values() for points in curves.values() for _, values in points}
    if counts <= {1}:
        return "each point is one run"
    return f"means of {counted_from_to(counts, 'seed')}; small dots: single runs"

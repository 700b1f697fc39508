"""A disentanglement score against the reconstruction loss for several priors: Fig. 2 of Mathieu et al. (ICML 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import counted_from_to
from ..evaluation.standard_errors import of_few, standard_error
from .against_option import LINES, NOTE, colour_and_marker
from .style import PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Lines = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
Place = tuple[str, float, float, int]  # label, loss, score, number of the line
NEAR = (0.12, 0.06)  # of the axes: the room of a label


@styled
def loss_against_score(panels: Mapping[str, Lines]) -> Figure:
    """Means over seeds with two standard errors on each side, and a line for each prior, in a panel for each score.

    Parameters
    ----------
    panels : mapping of str to mapping of str to mapping of str to sequence of (float, float)
        The loss and score of each seed, by the score's name, the prior's name and the point's label.
    """
    figure = new_figure(PAGE, 3.0)
    axes_of = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, lines) in zip(axes_of, panels.items(), strict=True):
        _draw(axes, lines)
        axes.set_xlabel("reconstruction loss (nats)")
        axes.set_ylabel(label)
    figure.legend(*axes_of[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=2.4)
    counts = sorted({len(pairs) for lines in panels.values() for points in lines.values() for pairs in points.values()})
    what = "each point is one run"
    if counts and counts[-1] > 1:
        what = f"mean ± two standard errors of {counted_from_to(counts, 'seed')}"
    notes = (f"{what}; better: up and to the left", _along_lines(panels), of_few(counts, "seed"))
    figure.supxlabel("\n".join(filter(None, notes)), **NOTE)
    return figure


def _along_lines(panels: Mapping[str, Lines]) -> str:
    """The points of the lines in their order, since not every point has room for its label."""
    orders: dict[tuple[str, ...], list[str]] = {}
    for name, points in next(iter(panels.values()), {}).items():
        if points:
            orders.setdefault(tuple(points), []).append(name)
    if len(orders) == 1:
        labels = next(iter(orders))
        return f"all points: {labels[0]}" if len(labels) == 1 else f"along each line: {', '.join(labels)}"
    return "; ".join(f"{', '.join(names)}: {', '.join(labels)}" for labels, names in orders.items())


def _draw(axes: Axes, lines: Lines) -> None:
    from matplotlib.patheffects import withStroke

    places: list[Place] = []
    for i, (name, points) in enumerate(lines.items()):
        if not points:  # another picture's line, which keeps its colour
            continue
        values = [np.array(pairs, float) for pairs in points.values()]
        loss, score = np.array([pairs.mean(0) for pairs in values]).T
        loss_error, score_error = np.array(
            [[2 * standard_error(part) for part in pairs.T] if len(pairs) > 1 else (0, 0) for pairs in values]
        ).T
        style = colour_and_marker(i) | {"linestyle": LINES[i % len(LINES)], "markersize": 4.5, "label": name}
        axes.errorbar(loss, score, score_error, loss_error, elinewidth=0.6, capsize=1.5, **style)
        places += [(label, at, to, i) for label, at, to in zip(points, loss, score, strict=True)]
    if len({label for label, *_ in places}) == 1:
        return  # a line below says it once
    halo = [withStroke(linewidth=2, foreground="white")]
    for label, at, to, i in _far_apart(places, np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())):
        where: dict[str, Any] = {"xytext": (4, 4 if i % 2 else -9), "textcoords": "offset points"}
        axes.annotate(label, (at, to), fontsize=7, path_effects=halo, zorder=5, **where)


def _far_apart(places: Sequence[Place], width: float, height: float) -> list[Place]:
    """The labels without those that stand too close to another."""
    kept: list[Place] = []
    for place in places:
        _, at, to, _ = place
        near = [k for k in kept if abs(k[1] - at) < NEAR[0] * width and abs(k[2] - to) < NEAR[1] * height]
        if not near:
            kept.append(place)
    return kept

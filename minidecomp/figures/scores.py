"""A disentanglement score against the reconstruction loss for several priors: Fig. 2 of Mathieu et al. (ICML 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..standard_errors import of_few
from .against_option import LINES, MARKERS, NOTE
from .style import CLASS_COLOURS, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Lines = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
Place = tuple[str, float, float, int]  # label, loss, score, number of the line
NEAR = 0.2  # of an axis


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
    if counts and counts[-1] > 1:
        seeds = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        note = f"mean ± two standard errors of {seeds} seeds; better: up and to the left"
        figure.supxlabel("\n".join(filter(None, (note, of_few(counts, "seed")))), **NOTE)
    return figure


def _draw(axes: Axes, lines: Lines) -> None:
    from matplotlib.patheffects import withStroke

    places: list[Place] = []
    for i, (name, points) in enumerate(lines.items()):
        values = [np.array(pairs, float) for pairs in points.values()]
        loss, score = np.array([pairs.mean(0) for pairs in values]).T
        loss_error, score_error = np.array(
            [2 * pairs.std(0, ddof=1) / len(pairs) ** 0.5 if len(pairs) > 1 else (0, 0) for pairs in values]
        ).T
        style: dict[str, Any] = {"color": CLASS_COLOURS[i % len(CLASS_COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        style |= {"linestyle": LINES[i % len(LINES)], "markersize": 4.5, "label": name}
        axes.errorbar(loss, score, score_error, loss_error, elinewidth=0.6, capsize=1.5, **style)
        places += [(label, at, to, i) for label, at, to in zip(points, loss, score, strict=True)]
    halo = [withStroke(linewidth=2, foreground="white")]
    for label, at, to, i in _far_apart(places, np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())):
        where: dict[str, Any] = {"xytext": (4, 4 if i % 2 else -9), "textcoords": "offset points"}
        axes.annotate(label, (at, to), fontsize=7, path_effects=halo, zorder=5, **where)


def _far_apart(places: Sequence[Place], width: float, height: float) -> list[Place]:
    """The labels without those that stand close to an equal one, which says the same."""
    kept: list[Place] = []
    for place in places:
        label, at, to, _ = place
        near = [k for k in kept if k[0] == label and abs(k[1] - at) < NEAR * width and abs(k[2] - to) < NEAR * height]
        if not near:
            kept.append(place)
    return kept

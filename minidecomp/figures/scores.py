"""A disentanglement score against the reconstruction loss for several priors: Fig. 2 of Mathieu et al. (ICML 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..standard_errors import of_few
from .against_option import LINES, MARKERS, NOTE
from .style import CLASS_COLOURS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def loss_against_score(groups: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Means over seeds with two standard errors on each side, and a line for each prior.

    Parameters
    ----------
    groups : mapping of str to mapping of str to sequence of (float, float)
        The loss and score of each seed, by the prior's name and the point's label.
    """
    from matplotlib.patheffects import withStroke

    figure = new_figure(5.4, 3.2)
    axes = figure.subplots()
    for i, (name, points) in enumerate(groups.items()):
        values = [np.array(pairs, float) for pairs in points.values()]
        loss, score = np.array([pairs.mean(0) for pairs in values]).T
        loss_error, score_error = np.array(
            [2 * pairs.std(0, ddof=1) / len(pairs) ** 0.5 if len(pairs) > 1 else (0, 0) for pairs in values]
        ).T
        style: dict[str, Any] = {"color": CLASS_COLOURS[i % len(CLASS_COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
        style |= {"linestyle": LINES[i % len(LINES)], "markersize": 4.5, "label": name}
        axes.errorbar(loss, score, score_error, loss_error, elinewidth=0.6, capsize=1.5, **style)
        for label, at, to in zip(points, loss, score, strict=True):
            halo = [withStroke(linewidth=2, foreground="white")]
            where: dict[str, Any] = {"xytext": (4, 4 if i % 2 else -9), "textcoords": "offset points"}
            axes.annotate(label, (at, to), fontsize=7, path_effects=halo, zorder=5, **where)
    axes.set_xlabel("reconstruction loss (nats)")
    axes.set_ylabel("FactorVAE score")
    figure.legend(loc="outside right upper", title="prior", handlelength=2.4)
    counts = sorted({len(pairs) for points in groups.values() for pairs in points.values()})
    if counts and counts[-1] > 1:
        seeds = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        note = f"mean ± two standard errors of {seeds} seeds; better: up and to the left"
        figure.supxlabel("\n".join(filter(None, (note, of_few(counts, "seed")))), **NOTE)
    return figure

"""A disentanglement score against the reconstruction loss, for several priors: Fig. 2 of Mathieu et al. (ICML 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import CLASS_COLOURS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def loss_against_score(groups: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Means over seeds with two standard errors to each side, a line a prior.

    Parameters
    ----------
    groups : mapping of str to mapping of str to sequence of (float, float)
        By the prior's name and the point's (what stands beside it): loss and score of each seed.
    """
    figure = new_figure(5.2, 3.0)
    axes = figure.subplots()
    for (name, points), colour in zip(groups.items(), CLASS_COLOURS, strict=False):
        values = [np.array(pairs, float) for pairs in points.values()]
        loss, score = np.array([pairs.mean(0) for pairs in values]).T
        loss_error, score_error = np.array(
            [2 * pairs.std(0, ddof=1) / len(pairs) ** 0.5 if len(pairs) > 1 else (0, 0) for pairs in values]
        ).T
        axes.errorbar(
            loss, score, score_error, loss_error, fmt="o-", color=colour, label=name, elinewidth=0.6, capsize=1.5
        )
        for label, at, to in zip(points, loss, score, strict=True):
            axes.annotate(label, (at, to), xytext=(3, 3), textcoords="offset points", fontsize=6, color=colour)
    axes.set_xlabel("reconstruction loss (nats)")
    axes.set_ylabel("FactorVAE score")
    figure.legend(loc="outside right upper", title="prior")
    return figure

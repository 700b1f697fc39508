"""Learning curves: each term of the objective over the epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import MinidecompError
from ..runs.schema import of_validation
from .style import COLUMN, DATA_COLOUR, MODEL_COLOUR, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TERM_LABELS = {
    "log_likelihood": "log-likelihood (nats)",
    "kl": "KL (nats)",
    "regulariser": "regulariser $D$",  # no unit: the squared MMD is not in nats
    "objective": "objective (nats)",
}
SCHEDULE_LABELS = {"beta": "$\\beta$", "alpha": "$\\alpha$", "lr": "learning rate"}


@styled
def learning_curves(metrics: Mapping[str, np.ndarray], kl_title: str = "KL", best: int | None = None) -> Figure:
    """The terms of the objective over the epochs, one panel each.

    Parameters
    ----------
    metrics : mapping of str to numpy.ndarray of shape (epochs,)
        ``epoch`` and some of ``log_likelihood``, ``kl``, ``regulariser`` and ``objective``, in nats. A term
        that is nowhere finite is left out. A single epoch is drawn as a point. ``alpha``, ``beta`` and ``lr``, if they
        are there, get panels of their own; ``validation_kl`` and the like, where they are finite, a second line.
    kl_title : str
        What the objective's second term is called (`Objective.kl_title`).
    best : int, optional
        The epoch of the best model by validation, which is marked.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MinidecompError
        There is nothing to draw.
    """
    epoch, validation = np.asarray(metrics["epoch"], float), of_validation(metrics)
    labels = TERM_LABELS | SCHEDULE_LABELS
    terms = [term for term in labels if np.isfinite(np.asarray(metrics.get(term, ()), float)).any()]
    if not terms:
        raise MinidecompError("the metrics have no finite value; learning curves need at least one epoch")
    figure = new_figure(COLUMN, 0.4 + 1.05 * len(terms))
    panels = figure.subplots(len(terms), 1, sharex=True, squeeze=False)[:, 0]
    for axes, term in zip(panels, terms, strict=True):
        aside = np.asarray(validation.get(term, ()), float)
        _draw_curve(axes, epoch, np.asarray(metrics[term], float), aside)
        if best is not None:
            axes.axvline(best, color=MODEL_COLOUR, linewidth=0.7, linestyle=":")
        axes.set_ylabel(f"{kl_title} (nats)" if term == "kl" else labels[term])
    if any(np.isfinite(values).any() for values in validation.values()):
        shown = ["training", "validation", *([] if best is None else [f"best: epoch {best}"])]
        panels[0].legend(shown, fontsize=6, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    panels[-1].set_xlabel("epoch")
    panels[-1].locator_params(axis="x", integer=True, min_n_ticks=1)
    figure.align_ylabels(panels)
    return figure


def _draw_curve(axes: Axes, epoch: np.ndarray, value: np.ndarray, aside: np.ndarray) -> None:
    seen = np.isfinite(aside)  # not every epoch is validated
    shown = [(epoch, value, "-", DATA_COLOUR)]
    if seen.any():
        shown.append((epoch[seen], aside[seen], "--", MODEL_COLOUR))
    for at, values, style, colour in shown:
        alone = np.isfinite(values).sum() == 1
        axes.plot(at, values, "o" if alone else style, color=colour, clip_on=not alone)
    axes.grid(axis="y", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=4)
    limits = [_robust_limits(values) for _, values, _, _ in shown]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    if high > low:
        margin = 0.06 * (high - low)
        axes.set_ylim(low - margin, high + margin)
    if epoch[-1] > epoch[0]:
        axes.set_xlim(epoch[0], epoch[-1])
    else:
        axes.set_xlim(epoch[0] - 0.5, epoch[0] + 0.5)


def _robust_limits(value: np.ndarray) -> tuple[float, float]:
    """Limits in which what happens after the first quarter takes at least a quarter of the height."""
    finite = value[np.isfinite(value)]
    later = finite[len(finite) // 4 :]
    low, high = np.percentile(later, [2, 98])
    room = 3 * (high - low)
    if room == 0:
        return finite.min(), finite.max()
    return max(finite.min(), low - room), min(finite.max(), high + room)

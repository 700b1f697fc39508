"""Learning curves: each term of the objective over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MinidecompError
from ..runs.schema import of_validation
from .style import COLUMN, DATA_COLOUR, MODEL_COLOUR, epoch_axis, new_figure, styled

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
LEAST_SHARE = 1 / 8  # of the height, for what comes after the beginning; with less the beginning is compressed
LEAST_INNER = 1 / 300  # of the whole range: closer than that nothing is looked at
COMPRESSED = 0.2  # of the height, for what is compressed
MARKED = 40  # validations at most whose points are marked


@styled
def learning_curves(metrics: Mapping[str, np.ndarray], kl_title: str = "KL", best: int | None = None) -> Figure:
    """The terms of the objective over the epochs, one panel each.

    Parameters
    ----------
    metrics : mapping of str to numpy.ndarray of shape (epochs,)
        ``epoch`` and some of ``log_likelihood``, ``kl``, ``regulariser`` and ``objective``, in nats. A term
        without a finite value is left out. A single epoch is drawn as a point. ``alpha``, ``beta`` and ``lr`` get
        panels of their own if they are given. ``validation_kl`` and the like are drawn as a second line.
    kl_title : str
        Name of the objective's second term (`Objective.kl_title`).
    best : int, optional
        The epoch of the best model by validation, which is marked.

    Notes
    -----
    Every value is drawn. Where the first epochs would squash the rest into less than an eighth of the panel, the scale
    of their values is compressed; that part of the panel is shaded and says so.

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
    epoch_axis(panels[-1], epoch)
    figure.align_ylabels(panels)
    return figure


def _draw_curve(axes: Axes, epoch: np.ndarray, value: np.ndarray, aside: np.ndarray) -> None:
    seen = np.isfinite(aside)  # not every epoch is validated
    shown = [(epoch, value, "-", "", DATA_COLOUR)]
    if seen.any():
        marker = "o" if seen.sum() <= MARKED else ""
        shown.append((epoch[seen], aside[seen], "--", marker, MODEL_COLOUR))
    for at, values, style, marker, colour in shown:
        alone = np.isfinite(values).sum() == 1
        axes.plot(at, values, style, marker="o" if alone else marker, color=colour, markersize=2, clip_on=False)
    axes.grid(axis="y", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    _value_axis(axes, [values[np.isfinite(values)] for _, values, *_ in shown])


def _value_axis(axes: Axes, curves: list[np.ndarray]) -> None:
    """Limits that hold all values; a beginning that would squash the rest is compressed, and the panel says so."""
    low, high = (float(end) for end in (min(c.min() for c in curves), max(c.max() for c in curves)))
    inner = [_later_limits(curve) for curve in curves]
    bottom, top = min(each[0] for each in inner), max(each[1] for each in inner)
    slack = max(0.0, LEAST_INNER * (high - low) - (top - bottom)) / 2
    bottom, top = max(low, bottom - slack), min(high, top + slack)
    if not 0 < top - bottom < LEAST_SHARE * (high - low):
        axes.locator_params(axis="y", nbins=4)
        if high > low:
            margin = 0.06 * (high - low)
            axes.set_ylim(low - margin, high + margin)
        return
    below, above = low < bottom, high > top
    values = [low] * below + [bottom, top] + [high] * above
    places = [0.0] * below + [COMPRESSED * below, 1 - COMPRESSED * above] + [1.0] * above
    _piecewise_scale(axes, values, places)
    _ticks_of_both(axes, (bottom, top), [low] * below + [high] * above)
    for is_there, part in ((below, (low, bottom)), (above, (top, high))):
        if is_there:
            axes.axhspan(*part, color="0.94", linewidth=0, zorder=0)
            middle = 1 - COMPRESSED / 2 if part[1] == high else COMPRESSED / 2
            words: Any = {"ha": "right", "va": "center", "fontsize": 6, "color": "0.35"}
            axes.text(0.99, middle, "scale compressed", transform=axes.transAxes, **words)


def _piecewise_scale(axes: Axes, values: list[float], places: list[float]) -> None:
    """A vertical axis that is linear between ``values``, which stand at ``places``, shares of its height."""
    there, back = (lambda v: np.interp(v, values, places)), (lambda t: np.interp(t, places, values))
    axes.set_yscale("function", functions=(there, back))
    axes.set_ylim(values[0], values[-1])


def _ticks_of_both(axes: Axes, inner: tuple[float, float], ends: list[float]) -> None:
    """Round ticks where the scale is the usual one, and one at each compressed end, which is the value there."""
    from matplotlib.ticker import MaxNLocator

    every = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(*inner)
    round_ones = [tick for tick in every if inner[0] < tick < inner[1]]
    decimals = max(0, -math.floor(math.log10(every[1] - every[0]) + 1e-6))
    labels = {tick: f"{tick:.{decimals}f}" for tick in round_ones}
    labels |= {end: f"{end:.0f}" if abs(end) >= 1000 else f"{end:.4g}" for end in ends}
    axes.set_yticks(list(labels), [label.replace("-", "\u2212") for label in labels.values()])
    axes.minorticks_off()


def _later_limits(value: np.ndarray) -> tuple[float, float]:
    """Limits around what happens after the first quarter, which then takes at least a quarter of the height."""
    low, high = np.percentile(value[len(value) // 4 :], [2, 98])
    room = 1.5 * (high - low)
    return float(max(value.min(), low - room)), float(min(value.max(), high + room))

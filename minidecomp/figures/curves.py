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
    from matplotlib.lines import Line2D

TERM_LABELS = {
    "log_likelihood": "log-likelihood (nats)",
    "kl": "KL (nats)",
    "regulariser": "regulariser $D$",  # no unit: the squared MMD is not in nats
    "objective": "objective (nats)",
}
SCHEDULE_LABELS = {"beta": "$\\beta$", "alpha": "$\\alpha$", "lr": "learning rate"}
LEAST_SHARE = 1 / 4  # of the height, for most of the epochs; with less, the scale of the others is compressed
SAME = 1e-9  # of their size: values that differ by less count as equal
COMPRESSED, COMPRESSED_TWICE = 0.15, 0.1  # of the height, for what is compressed: at one end, at each of two
LARGEST = 1e300
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
    Every value is drawn. Where a few epochs, such as the first, would squash the others into less than a quarter of
    the panel, the scale of their values is compressed: the others then have four fifths of the panel. The compressed
    part is shaded and says so.

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
        _draw_curve(axes, epoch, _drawable(metrics[term]), _drawable(validation.get(term, ())))
        if best is not None:
            axes.axvline(best, color=MODEL_COLOUR, linewidth=0.7, linestyle=":")
        axes.set_ylabel(f"{kl_title} (nats)" if term == "kl" else labels[term])
    if any(np.isfinite(values).any() for values in validation.values()):
        shown = _legend_lines(best)
        panels[0].legend(handles=shown, fontsize=6, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    panels[-1].set_xlabel("epoch")
    epoch_axis(panels[-1], epoch)
    figure.align_ylabels(panels)
    return figure


def _legend_lines(best: int | None) -> list[Line2D]:
    from matplotlib.lines import Line2D

    training = Line2D([], [], color=DATA_COLOUR, label="training")
    validation = Line2D([], [], color=MODEL_COLOUR, linestyle="--", label="validation")
    chosen = Line2D([], [], color=MODEL_COLOUR, linewidth=0.7, linestyle=":", label=f"best: epoch {best}")
    return [training, validation] + [chosen] * (best is not None)


def _drawable(values: Any) -> np.ndarray:
    """The finite values, and nan for the others; none so large that axes about them would overflow."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), np.nan)


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
    """Limits that hold all values; few that would squash the rest are compressed, and the panel says so."""
    from matplotlib.patches import Rectangle

    low, high = (float(end) for end in (min(c.min() for c in curves), max(c.max() for c in curves)))
    inner = [_usual_limits(curve) for curve in curves]
    bottom, top = min(each[0] for each in inner), max(each[1] for each in inner)
    if not SAME * max(abs(bottom), abs(top)) < top - bottom < LEAST_SHARE * (high - low):
        axes.locator_params(axis="y", nbins=4)
        if high > low:
            margin = 0.06 * (high - low)
            axes.set_ylim(low - margin, high + margin)
        return
    below, above = low < bottom, high > top
    share = COMPRESSED_TWICE if below and above else COMPRESSED
    _compressed_scale(axes, (low, bottom, top, high), (share * below, 1 - share * above))
    _ticks_of_both(axes, (bottom, top), [low] * below + [high] * above)
    for is_there, start in ((below, 0.0), (above, 1 - share)):
        if is_there:
            shade: Any = {"transform": axes.transAxes, "color": "0.94", "linewidth": 0, "zorder": 0}
            axes.add_patch(Rectangle((0, start), 1, share, **shade))
            words: Any = {"ha": "right", "va": "center", "fontsize": 6, "color": "0.35"}
            axes.text(0.99, start + share / 2, "scale compressed", transform=axes.transAxes, **words)


def _compressed_scale(axes: Axes, values: tuple[float, float, float, float], inner: tuple[float, float]) -> None:
    """A vertical axis that is linear in the middle and logarithmic, by the distance from there, at the ends.

    Parameters
    ----------
    values : (float, float, float, float)
        The axis's end, the middle's ends, the axis's other end; in ascending order.
    inner : (float, float)
        Where the middle's ends stand, as shares of the height.
    """
    low, bottom, top, high = values
    unit = max(top - bottom, 1e-290 * (high - low))
    under, over = (np.log1p(gap / unit) for gap in (bottom - low, high - top))

    def there(v: np.ndarray) -> np.ndarray:
        v = np.clip(v, low, high)
        t = np.interp(v, (bottom, top), inner)
        t = t - inner[0] * np.log1p(np.maximum(bottom - v, 0) / unit) / (under or 1)
        return t + (1 - inner[1]) * np.log1p(np.maximum(v - top, 0) / unit) / (over or 1)

    def back(t: np.ndarray) -> np.ndarray:
        t = np.clip(t, 0, 1)
        v = np.interp(t, inner, (bottom, top))
        v = v - unit * np.expm1(np.maximum(inner[0] - t, 0) * under / (inner[0] or 1))
        return v + unit * np.expm1(np.maximum(t - inner[1], 0) * over / ((1 - inner[1]) or 1))

    axes.set_yscale("function", functions=(there, back))
    axes.set_ylim(low, high)


def _ticks_of_both(axes: Axes, inner: tuple[float, float], ends: list[float]) -> None:
    """Round ticks where the scale is the usual one, and one at each compressed end, which is the value there."""
    from matplotlib.ticker import MaxNLocator

    every = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(*inner)
    round_ones = [tick for tick in every if inner[0] <= tick <= inner[1]]
    labels = {tick: _tick_label(tick, every[1] - every[0]) for tick in round_ones}
    labels |= {end: _end_label(end) for end in ends}
    axes.set_yticks(list(labels), [label.replace("-", "\u2212") for label in labels.values()])
    axes.minorticks_off()


def _tick_label(tick: float, step: float) -> str:
    """A tick's number, with the digits that tell it from the next, a step away."""
    last = math.floor(math.log10(step) + 1e-6)
    if last >= -5 and abs(tick) < 1e6:
        return f"{tick:.{max(0, -last)}f}"
    digits = max(0, math.floor(math.log10(abs(tick)) + 1e-6) - last) if tick else 0
    return _without_padding(f"{tick:.{digits}e}") if tick else "0"


def _end_label(end: float) -> str:
    if 1000 <= abs(end) < 1e6:
        return f"{end:.0f}"
    return _without_padding(f"{end:.4g}" if abs(end) < 1000 else f"{end:.2e}")


def _without_padding(number: str) -> str:
    """The number without what does not count: 1.00e+06 is 1e6."""
    mantissa, e, exponent = number.partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if e and "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def _usual_limits(value: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value near those of most epochs after the first quarter."""
    later = np.sort(value[min(math.ceil(len(value) / 4), len(value) - 1) :])
    few = max(1, round(0.02 * len(later))) if len(later) >= 5 else 0
    low, high = later[few], later[len(later) - 1 - few]
    room = 1.5 * (high - low)
    near = value[(low - room <= value) & (value <= high + room)]
    return float(near.min()), float(near.max())

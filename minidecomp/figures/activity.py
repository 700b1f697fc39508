"""Which latent dimensions are active for which classes, and how a value moves with an option."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import CLASS_COLOURS, COLUMN, DATA_COLOUR, PAGE, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def class_magnitudes(loc: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes (C,), and the mean over each class's points of |loc_d|, (C, D), for loc (N, D)."""
    classes = np.unique(labels)
    return classes, np.stack([np.abs(loc[labels == each]).mean(0) for each in classes])


@styled
def class_activity(loc: np.ndarray, labels: np.ndarray) -> Figure:
    """The average magnitude of each latent dimension for each class, a panel each, as in the paper's bar plot.

    Parameters
    ----------
    loc : numpy.ndarray of shape (N, D)
        Posterior means.
    labels : numpy.ndarray of shape (N,)
        Classes, as numbers or names; those to be shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    classes, magnitudes = class_magnitudes(loc, labels)
    columns = 1 if len(classes) <= 3 else 2
    rows = math.ceil(len(classes) / columns)
    figure = new_figure(COLUMN if columns == 1 else PAGE, 0.45 + 0.72 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    dims = np.arange(1, loc.shape[1] + 1)
    for i, axes in enumerate(panels.T.flat):
        axes.set_visible(i < len(classes))
        if i < len(classes):
            axes.bar(dims, magnitudes[i], width=0.8, color=DATA_COLOUR, linewidth=0)
            axes.text(1, 0.98, short(classes[i], 20), transform=axes.transAxes, ha="right", va="top", fontsize=7)
            axes.locator_params(axis="y", nbins=3)
    for column in panels.T:
        shown = [axes for axes in column if axes.get_visible()]
        shown[-1].set_xlabel("latent dimension")
        shown[-1].tick_params(labelbottom=True)
    panels[0, 0].set_xlim(0.2, len(dims) + 0.8)
    panels[0, 0].locator_params(axis="x", integer=True)
    figure.supylabel("mean magnitude", fontsize=8)
    return figure


@styled
def value_against_option(
    curves: Mapping[str, Sequence[tuple[float | str, float]]], option: str, value: str, reference: float | None = None
) -> Figure:
    """How a recorded value moves with an option, a line for each setting of the others.

    Parameters
    ----------
    curves : mapping of str to sequence of (float or str, float)
        The option's value and the recorded one, under what the legend says; numbers stand in their order, texts behind
        them in theirs. Where the option's value occurs more than
        once (seeds), the mean is drawn, and each as a dot.
    option, value : str
        What the axes say.
    reference : float, optional
        A horizontal line.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(COLUMN, 2.4)
    axes = figure.subplots()
    # The option's values stand side by side, as 0, 10, 100, 1000 have no other common scale.
    values = list(dict.fromkeys(at for points in curves.values() for at, _ in points))
    values.sort(key=lambda at: (1, 0.0) if isinstance(at, str) else (0, at))
    places = {at: i for i, at in enumerate(values)}
    for i, (name, points) in enumerate(curves.items()):
        colour = CLASS_COLOURS[i % len(CLASS_COLOURS)]
        order = sorted({at for at, _ in points}, key=places.__getitem__)
        means = [np.mean([v for at, v in points if at == each]) for each in order]
        axes.plot([places[at] for at in order], means, "o-", color=colour, label=short(name, 60))
        if len(points) > len(order):
            axes.plot([places[at] for at, _ in points], [v for _, v in points], ".", color=colour, markersize=2)
    if reference is not None:
        axes.axhline(reference, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    axes.set_xticks(range(len(places)), [short(at, 20) if isinstance(at, str) else f"{at:g}" for at in places])
    axes.set_xlabel(short(option, 60))
    axes.set_ylabel(short(value, 60))
    if any(curves):  # else nothing differs between the runs but the option
        figure.legend(loc="outside upper center", ncols=min(len(curves), 2))
    return figure

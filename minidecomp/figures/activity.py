"""Which latent dimensions are active for which classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .style import COLUMN, DATA_COLOUR, PAGE, distinct, new_figure, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 20  # panels


def class_magnitudes(loc: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes (C,), and the mean over each class's points of |loc_d|, (C, D), for loc (N, D)."""
    classes, index = distinct(labels)
    return classes, np.stack([np.abs(loc[index == i]).mean(0) for i in range(len(classes))])


@styled
def class_activity(loc: np.ndarray, labels: np.ndarray) -> Figure:
    """The average magnitude of each latent dimension for each class, a panel each, as in the paper's bar plot.

    Parameters
    ----------
    loc : numpy.ndarray of shape (N, D)
        Posterior means.
    labels : numpy.ndarray of shape (N,)
        Classes, as numbers or names; the first 20 of them are shown.

    Returns
    -------
    matplotlib.figure.Figure
    """
    every, magnitudes = class_magnitudes(loc, labels)
    classes = every[:MOST_CLASSES]
    left_out = "" if len(every) <= MOST_CLASSES else f" ({len(classes)} of {len(every)} classes)"
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
        shown[-1].set_xlabel("latent dimension" + left_out)
        shown[-1].tick_params(labelbottom=True)
    panels[0, 0].set_xlim(0.2, len(dims) + 0.8)
    panels[0, 0].locator_params(axis="x", integer=True)
    figure.supylabel("mean magnitude", fontsize=8)
    return figure

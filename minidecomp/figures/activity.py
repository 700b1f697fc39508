"""Which latent dimensions are active for which classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data.labels import Classes
from .classes import MOST_NAMED, as_classes, class_colours, class_labels
from .style import COLUMN, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def class_magnitudes(loc: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes' names (C,), and the mean of |loc_d| over each class's points, (C, D), for loc (N, D)."""
    classes = as_classes(labels)
    there, magnitudes = _magnitudes(loc, classes)
    return np.array(classes.names)[there], magnitudes


def _magnitudes(loc: np.ndarray, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """The classes that occur among the points, and their magnitudes."""
    there = np.unique(classes.codes)
    return there, np.stack([np.abs(loc[classes.codes == code]).mean(0) for code in there])


@styled
def class_activity(loc: np.ndarray, labels: np.ndarray, class_names: Sequence[str] = ()) -> Figure:
    """The mean magnitude of each latent dimension, with a panel for each class, as in the paper's bar plot.

    Parameters
    ----------
    loc : numpy.ndarray of shape (N, D)
        Posterior means.
    labels : numpy.ndarray of shape (N,)
        Classes, as numbers or names; the first 20 are shown.
    class_names : sequence of str, optional
        Names of all classes of the data; labels are then indices into them, which determine the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    classes = as_classes(labels, class_names)
    every, magnitudes = _magnitudes(loc, classes)
    names, colours = class_labels(classes.names), class_colours(len(classes.names))
    count = min(len(every), MOST_NAMED)
    left_out = "" if len(every) == count else f" ({count} of {len(every)} classes)"
    columns = 1 if count <= 3 else 2
    rows = math.ceil(count / columns)
    figure = new_figure(COLUMN if columns == 1 else PAGE, 0.6 + 0.95 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    dims = np.arange(1, loc.shape[1] + 1)
    for i, axes in enumerate(panels.flat):
        axes.set_visible(i < count)
        if i < count:
            # The edge separates light colours from the background.
            axes.bar(dims, magnitudes[i], width=0.8, color=colours[every[i]], edgecolor="0.25", linewidth=0.3)
            axes.set_title(names[every[i]], fontsize=8, pad=3)
            axes.locator_params(axis="y", nbins=3)
    for column in panels.T:
        shown = [axes for axes in column if axes.get_visible()]
        shown[-1].set_xlabel("latent dimension" + left_out)
        shown[-1].tick_params(labelbottom=True)
    panels[0, 0].set_xlim(0.2, len(dims) + 0.8)
    panels[0, 0].set_xticks(_counted_ticks(len(dims)))
    figure.supylabel("mean of $|z_d|$", fontsize=8)
    between = " " if columns > 1 else "\n"
    text = f"each bar: the mean of $|z_d|$ over the points of the class,{between}where $z_d$ is the posterior mean"
    figure.supxlabel(text, fontsize=6.5, color="0.3")
    return figure


def _counted_ticks(count: int) -> list[int]:
    """Ticks at the first dimension, and then at round numbers."""
    step = next(each for each in (1, 2, 5, 10, 20, 50, 100, 10**9) if count <= 8 * each or each == 10**9)
    return [1, *range(max(step, 2), count + 1, step)]

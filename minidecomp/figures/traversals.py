"""Latent traversals: a row for each latent dimension, as a picture and as an animation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_file
from .columns import FeatureAxes, column_label, extent_around, plane_axes
from .images import as_pixels, draw_mosaic, grey_range, mosaic, mosaic_height
from .style import COLOUR_MAP, COLUMN, MODEL_COLOUR, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME_MILLISECONDS = 90
LEAST_SIDE = 96  # pixels of an image in the animation


@styled
def latent_traversals(
    values: np.ndarray,
    means: np.ndarray,
    names: list[str],
    span: float,
    data: np.ndarray,
    image_shape: tuple[int, ...] | None = None,
    columns: Sequence[str] = (),
) -> Figure:
    """What the decoder makes as one latent dimension moves: a row for each, a path for points of the plane.

    Parameters
    ----------
    values : numpy.ndarray of shape (R, steps)
        Of the dimension that moves, row by row.
    means : numpy.ndarray of shape (R, steps, dx)
        The decoder's means E[x | z] there.
    names : list of str
        What stands beside each row.
    span : float
        How far they go from the prior's centre, in its scales.
    data : numpy.ndarray of shape (M, dx)
        Whose range of grey images have: far out a decoder leaves it, and all else would turn grey. Other points have
        the range of each column from it, where the columns differ in size.
    image_shape : tuple of int, optional
        Rows and columns, and channels of coloured ones, if the points are images.
    columns : sequence of str, optional
        Names of the columns of points that are no images.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if image_shape is not None:
        return _image_rows(means, names, span, data, image_shape)
    if means.shape[2] == 2:
        return _planar_paths(values, means, names, columns)
    if means.shape[2] == 1:
        return _curves(values, means[:, :, 0], names, column_label(columns, 0, 18))
    return _feature_rows(values, means, names, FeatureAxes.around(np.asarray(data, float), columns))


def _image_rows(
    means: np.ndarray, names: list[str], span: float, data: np.ndarray, image_shape: tuple[int, ...]
) -> Figure:
    rows, steps, width = means.shape
    canvas = mosaic(means.reshape(-1, width), image_shape, steps)
    across = min(PAGE - 0.8, 0.55 * steps)
    figure = new_figure(across + 0.8, mosaic_height(canvas, across) + 0.35)
    axes = figure.subplots()
    draw_mosaic(axes, canvas, grey_range(data))
    down, along = canvas.shape[0] / rows, canvas.shape[1] / steps
    axes.set_yticks(down * (np.arange(rows) + 0.5) - 0.5, names)
    shown = np.unique([0, (steps - 1) // 2, steps - 1])
    places = np.linspace(-span, span, steps)[shown]
    axes.set_xticks(along * (shown + 0.5) - 0.5, [f"{place:.3g}".replace("-", "\u2212") for place in places])
    axes.set_xlabel("$z_d$, in scales of the prior from its centre")
    axes.tick_params(length=0)
    return figure


def _planar_paths(values: np.ndarray, means: np.ndarray, names: list[str], labels: Sequence[str]) -> Figure:
    rows = len(values)
    columns = min(rows, 3)
    across = PAGE if columns == 3 else COLUMN * columns / 1.5
    figure = new_figure(across, 0.3 + across / columns * math.ceil(rows / columns), "compressed")
    panels = figure.subplots(math.ceil(rows / columns), columns, sharex=True, sharey=True, squeeze=False)
    extent = extent_around(means.reshape(-1, 2))
    shown: Any = None
    for i, axes in enumerate(panels.flat):
        axes.set_visible(i < rows)
        if i < rows:
            axes.plot(*means[i].T, color="0.8", linewidth=0.6, zorder=1)
            shown = axes.scatter(*means[i].T, c=values[i], cmap=COLOUR_MAP, s=9, linewidths=0, zorder=2)
            axes.set_title(names[i], fontsize=8, pad=3)
            axes.set_xlabel(column_label(labels, 0))
            plane_axes(axes, extent)
    panels[0, 0].set_ylabel(column_label(labels, 1))
    figure.colorbar(shown, ax=panels, aspect=22, pad=0.02).set_label("$z_d$")
    return figure


def _curves(values: np.ndarray, means: np.ndarray, names: list[str], label: str) -> Figure:
    """The only column over the dimension that moves."""
    figure = new_figure(COLUMN, 0.6 + 0.8 * len(values))
    panels = figure.subplots(len(values), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, at, made, name in zip(panels, values, means, names, strict=True):
        axes.plot(at, made, color=MODEL_COLOUR, marker="o")
        axes.set_ylabel(name)
        axes.locator_params(axis="y", nbins=3)
    panels[-1].set_xlabel("$z_d$")
    figure.supylabel(label, fontsize=8)
    return figure


def _feature_rows(values: np.ndarray, means: np.ndarray, names: list[str], columns: FeatureAxes) -> Figure:
    rows, steps, _ = means.shape
    means = columns.place(means)
    beside = 0.7 if columns.foot else 0.0  # turned names need the width that the colour bar takes
    figure = new_figure(COLUMN + beside, 0.5 + 0.8 * rows + columns.foot)
    panels = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    import matplotlib

    colours = matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, steps))
    for i, axes in enumerate(panels):
        for step in range(steps):
            axes.plot(columns.index, means[i, step], color=colours[step], linewidth=0.8)
        axes.set_ylabel(names[i])
        axes.locator_params(axis="y", nbins=3)
    columns.label(panels[-1])
    figure.supylabel(columns.value_label, fontsize=8)
    limits = matplotlib.colors.Normalize(values.min(), values.max())
    scale = matplotlib.cm.ScalarMappable(limits, COLOUR_MAP)
    figure.colorbar(scale, ax=list(panels), aspect=30, pad=0.02).set_label("$z_d$")
    return figure


def write_animation(path: Path, means: np.ndarray, data: np.ndarray, image_shape: tuple[int, ...]) -> None:
    """Write a GIF in which all dimensions move forth and back at once, side by side in the rows' order.

    Parameters
    ----------
    path : pathlib.Path
    means, data : numpy.ndarray
        As for `latent_traversals`.
    image_shape : tuple of int

    Raises
    ------
    Fault
        It cannot be written.
    """
    from PIL import Image

    rows, steps, _ = means.shape
    grey = grey_range(data)
    columns = math.ceil(math.sqrt(rows))
    larger = max(1, round(LEAST_SIDE / max(image_shape[:2])))
    frames = []
    for step in [*range(steps), *range(steps - 2, 0, -1)]:
        canvas = mosaic(means[:, step], image_shape, columns)
        pixels = as_pixels(canvas, grey)
        frames.append(Image.fromarray(pixels.repeat(larger, 0).repeat(larger, 1)))
    settings: dict[str, Any] = {"duration": FRAME_MILLISECONDS, "loop": 0, "optimize": False}
    write_file(path, lambda file: frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], **settings))

"""Data beside the model's output: reconstructions and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data.labels import Classes
from .classes import Dots, as_classes, class_labels, draw_classes
from .columns import FEW, FeatureAxes, column_label, extent_around, fitting_labels, plane_axes
from .images import draw_mosaic, grey_range, mosaic, mosaic_height
from .style import (
    COLUMN,
    DATA_COLOUR,
    LINK_COLOUR,
    MODEL_COLOUR,
    PAGE,
    dots,
    new_figure,
    outside,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 1.25  # inches: the room for a name along each side of two small panels
SQUARE = 2.6  # inches: the height of a picture of the plane, without its legend


@styled
def data_and_reconstructions(
    x: np.ndarray,
    reconstruction: np.ndarray,
    image_shape: tuple[int, ...] | None = None,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    class_names: Sequence[str] = (),
) -> Figure:
    """Data and reconstructions: the first 20 images, all points of 1 or 2 dimensions, or the first 4 points.

    Parameters
    ----------
    x, reconstruction : numpy.ndarray of shape (N, dx)
    image_shape : tuple of int, optional
        Rows, columns and, for colour images, channels, if the points are images. 0 is black and 1 is white; if the data
        have a wider range, that is used instead.
    labels : numpy.ndarray of shape (N,), optional
        Classes, as numbers or names: they give titles for images, and colours for points in the plane.
    names : sequence of str, optional
        Names of the columns, for points that are not images.
    class_names : sequence of str, optional
        Names of all classes of the data; labels are then indices into them, which determine the colours.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x, reconstruction = np.asarray(x, float), np.asarray(reconstruction, float)
    classes = None if labels is None else as_classes(labels, class_names)
    if image_shape is not None:
        return _image_pairs(x, reconstruction, image_shape, classes)
    if x.shape[1] == 1:
        return _one_dimensional_pairs(x[:, 0], reconstruction[:, 0], names)
    if x.shape[1] == 2:
        return _planar_pairs(x, reconstruction, classes, names)
    return _line_pairs(x, reconstruction, classes, names)


def _image_pairs(
    x: np.ndarray, reconstruction: np.ndarray, image_shape: tuple[int, ...], classes: Classes | None
) -> Figure:
    count = min(len(x), 20)
    columns = min(count, 10)
    height, width, *channels = image_shape
    gap = max(1, width // 14)
    words = 0 if classes is None else round(0.25 * height)
    space = 2 * gap + words  # between two pairs of rows
    blocks: list[np.ndarray] = []
    ticks: list[float] = []
    row_top = 0
    for start in range(0, count, columns):
        part = slice(start, min(start + columns, count))
        for images, above in ((x, space if start else 0), (reconstruction, gap)):
            strip = mosaic(images[part], image_shape, columns)
            blocks += [np.full((above, strip.shape[1], *channels), np.nan), strip]
            row_top += above
            ticks.append(row_top + height / 2 - 0.5)
            row_top += height
    canvas = np.vstack(blocks)
    across, margin = min(PAGE - 0.86, 0.62 * columns), 0.1 if classes is None else 0.25
    figure = new_figure(across + 0.86, mosaic_height(canvas, across) + margin)
    axes = figure.subplots()
    draw_mosaic(axes, canvas, grey_range(x))
    axes.set_yticks(ticks, ["data", "reconstruction"] * (len(ticks) // 2))
    axes.tick_params(length=0)
    if classes is not None:
        names = class_labels(classes.names, 11)
        for i, code in enumerate(classes.codes[:count]):
            middle = i % columns * (width + gap) + width / 2 - 0.5
            foot = ticks[2 * (i // columns)] - 0.58 * height
            axes.text(middle, foot, names[code], ha="center", va="bottom", fontsize=7)
    return figure


def _one_dimensional_pairs(x: np.ndarray, reconstruction: np.ndarray, names: Sequence[str]) -> Figure:
    figure = new_figure(COLUMN, 2.6)
    axes = figure.subplots()
    extent = extent_around(np.stack([x, x], axis=1), np.stack([reconstruction, reconstruction], axis=1))
    low, high = extent[:2]
    (equal,) = axes.plot([low, high], [low, high], color=LINK_COLOUR, linewidth=0.8, zorder=0)
    axes.scatter(x, reconstruction, color=MODEL_COLOUR, **dots(len(x)))
    axes.set_xlabel(f"data: {column_label(names, 0)}")
    axes.set_ylabel("reconstruction")
    plane_axes(axes, extent)
    figure.legend([equal], ["reconstruction = data"], loc="outside upper center")
    return figure


def _planar_pairs(x: np.ndarray, reconstruction: np.ndarray, classes: Classes | None, names: Sequence[str]) -> Figure:
    from matplotlib.collections import LineCollection

    figure = new_figure(COLUMN, SQUARE)
    axes = figure.subplots()
    many = len(x) > 2000
    lines = np.stack([x, reconstruction], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=LINK_COLOUR, linewidths=0.4, zorder=1, rasterized=many))
    data = axes.scatter(*x.T, color="0.45", zorder=2, **dots(len(x)))
    if classes is None:
        made = axes.scatter(*reconstruction.T, color=MODEL_COLOUR, zorder=3, **dots(len(x)))
        legend = Dots([made], ["reconstruction, joined to its point"], "")
        title = ""
    else:
        legend = draw_classes(axes, reconstruction, classes, zorder=3)
        title = "reconstructions by class, joined to their points" + (f" ({legend.note})" if legend.note else "")
    axes.set_xlabel(column_label(names, 0))
    axes.set_ylabel(column_label(names, 1))
    extent = extent_around(x, reconstruction)
    plane_axes(axes, extent)
    if missed := outside(reconstruction, extent):
        axes.set_title(f"reconstructions{missed}", fontsize=7, pad=3)
    legend = legend.before(data, "data")
    columns = legend.columns(COLUMN)
    figure.set_figheight(SQUARE + legend.height(columns, title))
    legend.write(figure, title, loc="outside upper center", ncols=columns)
    return figure


def _line_pairs(x: np.ndarray, reconstruction: np.ndarray, classes: Classes | None, names: Sequence[str]) -> Figure:
    count, features = min(len(x), 4), x.shape[1]
    columns = FeatureAxes.around(x, names)
    x, reconstruction = columns.place(x), columns.place(reconstruction)
    titles = [] if classes is None else [class_labels(classes.names)[code] for code in classes.codes[:count]]
    figure = new_figure(COLUMN, 0.6 + (0.95 if titles else 0.8) * count + columns.foot)
    panels = figure.subplots(count, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    markers = ("o", "s") if features <= FEW else ("", "")
    for i, axes in enumerate(panels):
        axes.plot(columns.index, x[i], color=DATA_COLOUR, marker=markers[0], label="data")
        axes.plot(columns.index, reconstruction[i], "--", color=MODEL_COLOUR, marker=markers[1], label="reconstruction")
        axes.locator_params(axis="y", nbins=3)
        if titles:
            axes.set_title(titles[i], loc="right", fontsize=7, pad=2)
    columns.label(panels[-1])
    figure.supylabel(columns.value_label, fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def samples(
    generated: np.ndarray,
    data: np.ndarray,
    image_shape: tuple[int, ...] | None = None,
    names: Sequence[str] = (),
) -> Figure:
    """Generated points: the first 64 images, or points that are not images, with the data.

    Parameters
    ----------
    generated : numpy.ndarray of shape (N, dx)
        Drawn from p(x | z), with z from the prior; for images usually the means of p(x | z).
    data : numpy.ndarray of shape (M, dx)
        Data for comparison; for images only their range of values is used.
    image_shape : tuple of int, optional
        Rows, columns and, for colour images, channels, if the points are images.
    names : sequence of str, optional
        Names of the columns, for points that are not images.

    Returns
    -------
    matplotlib.figure.Figure
    """
    generated, data = np.asarray(generated, float), np.asarray(data, float)
    if image_shape is not None:
        return _image_samples(generated[:64], data, image_shape)
    if data.shape[1] == 1:
        return _one_dimensional_samples(generated[:, 0], data[:, 0], names)
    if data.shape[1] == 2:
        return _planar_samples(generated, data, names)
    return _feature_summary(generated, data, names)


def _image_samples(generated: np.ndarray, data: np.ndarray, image_shape: tuple[int, ...]) -> Figure:
    columns = min(8, math.ceil(math.sqrt(len(generated))))
    canvas = mosaic(generated, image_shape, columns)
    figure = new_figure(COLUMN, mosaic_height(canvas, COLUMN) + 0.2)
    axes = figure.subplots()
    draw_mosaic(axes, canvas, grey_range(data))
    axes.set_title("means $E[x|z]$ for $z$ drawn from the prior", fontsize=8, pad=3)
    return figure


def _one_dimensional_samples(generated: np.ndarray, data: np.ndarray, names: Sequence[str]) -> Figure:
    figure = new_figure(COLUMN, 2.2)
    axes = figure.subplots()
    low, high = np.quantile(np.concatenate([generated, data]), [0.005, 0.995])
    edges = np.linspace(low, high, 41) if high > low else np.linspace(low - 0.5, low + 0.5, 41)
    width = edges[1] - edges[0]
    share, share_generated = (np.histogram(x, edges)[0] / (len(x) * width) for x in (data, generated))
    axes.stairs(share, edges, color=DATA_COLOUR, fill=True, alpha=0.3)
    axes.stairs(share_generated, edges, color=MODEL_COLOUR, linewidth=1.1)
    axes.set_xlabel(column_label(names, 0))
    axes.set_ylabel("density")
    missed = [int(((x < low) | (x > high)).sum()) for x in (data, generated)]
    if any(missed):
        axes.set_title(f"{missed[0]} of the data and {missed[1]} of the generated are outside", fontsize=7, pad=3)
    figure.legend(axes.patches, ["data", "generated"], loc="outside upper center", ncols=2)
    return figure


def _planar_samples(generated: np.ndarray, data: np.ndarray, names: Sequence[str]) -> Figure:
    figure = new_figure(COLUMN, 1.85)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shown = ((data, "data", DATA_COLOUR), (generated, "generated", MODEL_COLOUR))
    extent = extent_around(data, generated)
    across, upwards = fitting_labels(names, 2, SIDE)
    for axes, (points, name, colour) in zip(panels, shown, strict=True):
        axes.scatter(*points.T, color=colour, **dots(len(points)))
        plane_axes(axes, extent)
        axes.set_title(name + outside(points, extent), fontsize=8, pad=3)
        axes.set_xlabel(across)
    panels[0].set_ylabel(upwards)
    return figure


def _feature_summary(generated: np.ndarray, data: np.ndarray, names: Sequence[str]) -> Figure:
    """The median and the central 90 percent of each feature."""
    features = data.shape[1]
    columns = FeatureAxes.around(data, names)
    figure = new_figure(COLUMN, 2.2 + columns.foot)
    axes = figure.subplots()
    index = columns.index
    shown = ((data, "data", DATA_COLOUR, "o-", -1), (generated, "generated", MODEL_COLOUR, "s--", 1))
    for points, name, colour, style, side in shown:
        low, middle, high = np.quantile(columns.place(points), [0.05, 0.5, 0.95], axis=0)
        if features <= FEW:
            spread = np.stack([middle - low, high - middle])
            axes.errorbar(index + 0.1 * side, middle, spread, fmt=style[0], color=colour, elinewidth=1, label=name)
        else:
            axes.fill_between(index, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(index, middle, style[1:], color=colour, label=name)
    columns.label(axes)
    of_range = ",\nas shares of the column's range" if columns.own else ""
    axes.set_ylabel(f"median and 5–95% range{of_range}")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure

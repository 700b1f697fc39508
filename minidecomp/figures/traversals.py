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
from .style import COLOUR_MAP, COLUMN, MODEL_COLOUR, PAGE, new_figure, outside, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAME_MILLISECONDS = 90
LEAST_SIDE = 96  # pixels of an image in the animation
LETTERS = 12  # pixels, the height of letters in the animation
MOST_HEADERS = 11  # columns that are all headed; of more, some are


@styled
def latent_traversals(
    values: np.ndarray,
    means: np.ndarray,
    names: list[str],
    span: float,
    data: np.ndarray,
    image_shape: tuple[int, ...] | None = None,
    columns: Sequence[str] = (),
    note: str = "",
) -> Figure:
    """What the decoder makes as one latent dimension moves: a row for each dimension.

    Images are drawn side by side, points of the plane as a path, and other points as lines over their columns.

    Parameters
    ----------
    values : numpy.ndarray of shape (R, steps)
        Of the dimension that moves, row by row.
    means : numpy.ndarray of shape (R, steps, dx)
        The decoder's means E[x | z] there.
    names : list of str
        Names of the rows, in one line or two.
    span : float
        How far the values go from the prior's centre, in its scales.
    data : numpy.ndarray of shape (M, dx)
        The greys of images range over the values of these points: far out a decoder leaves that range, and all else
        would turn grey. For other points, these set the range of each column where the columns differ in size.
    image_shape : tuple of int, optional
        Rows and columns, and channels of coloured ones, if the points are images.
    columns : sequence of str, optional
        Names of the columns of points that are not images.
    note : str, optional
        What stands below the picture, such as where the other dimensions stay.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if image_shape is not None:
        figure = _image_rows(values, means, names, span, data, image_shape)
    elif means.shape[2] == 2:
        figure = _planar_paths(values, means, names, columns)
    elif means.shape[2] == 1:
        figure = _curves(values, means[:, :, 0], names, column_label(columns, 0, 18))
    else:
        figure = _feature_rows(values, means, names, FeatureAxes.around(np.asarray(data, float), columns))
    if note:
        figure.supxlabel(note, fontsize=7, color="0.35")
        figure.set_figheight(figure.get_figheight() + 0.18)
    return figure


def _image_rows(
    values: np.ndarray,
    means: np.ndarray,
    names: list[str],
    span: float,
    data: np.ndarray,
    image_shape: tuple[int, ...],
) -> Figure:
    rows, steps, width = means.shape
    canvas = mosaic(means.reshape(-1, width), image_shape, steps)
    across = min(PAGE - 0.8, 0.55 * steps)
    figure = new_figure(across + 0.8, mosaic_height(canvas, across) + 0.4)
    axes = figure.subplots()
    draw_mosaic(axes, canvas, grey_range(data))
    down, along = canvas.shape[0] / rows, canvas.shape[1] / steps
    axes.set_yticks(down * (np.arange(rows) + 0.5) - 0.5, names, ma="right")
    shown = np.unique(np.round(np.linspace(0, steps - 1, min(steps, MOST_HEADERS))).astype(np.int64))
    is_shared = bool(np.allclose(values, values[0]))
    places = values[0] if is_shared else np.linspace(-span, span, steps)
    axes.set_xticks(along * (shown + 0.5) - 0.5, [_number(place) for place in places[shown]])
    axes.set_xlabel("$z_d$" if is_shared else "$z_d$, in scales of the prior from its centre")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    return figure


def _number(value: float, digits: str = ".3g") -> str:
    return f"{value + 0.0 if abs(value) > 1e-9 else 0.0:{digits}}".replace("-", "\u2212")


def _colours(values: np.ndarray) -> Any:
    """Colours by the value of the latent dimension, the same in all rows, and for the bar that tells them."""
    import matplotlib

    return matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(values.min(), values.max()), COLOUR_MAP)


def _planar_paths(values: np.ndarray, means: np.ndarray, names: list[str], labels: Sequence[str]) -> Figure:
    rows = len(values)
    columns = min(rows, 3)
    across = PAGE if columns == 3 else COLUMN * columns / 1.5
    figure = new_figure(across, 0.3 + across / columns * math.ceil(rows / columns), compress=True)
    panels = figure.subplots(math.ceil(rows / columns), columns, sharex=True, sharey=True, squeeze=False)
    extent, colours = extent_around(means.reshape(-1, 2)), _colours(values)
    for i, axes in enumerate(panels.flat):
        axes.set_visible(i < rows)
        if i < rows:
            axes.plot(*means[i].T, color="0.8", linewidth=0.6, zorder=1)
            shown: Any = {"norm": colours.norm, "cmap": colours.cmap}
            axes.scatter(*means[i].T, c=values[i], s=9, linewidths=0, zorder=2, **shown)
            axes.set_title(names[i].replace("\n", ", ") + outside(means[i], extent), fontsize=8, pad=3)
            axes.set_xlabel(column_label(labels, 0))
            plane_axes(axes, extent)
    panels[0, 0].set_ylabel(column_label(labels, 1))
    figure.colorbar(colours, ax=panels, aspect=22, pad=0.02).set_label("value of $z_d$")
    return figure


def _curves(values: np.ndarray, means: np.ndarray, names: list[str], label: str) -> Figure:
    """Points of one column: its value against that of the dimension that moves."""
    figure = new_figure(COLUMN, 0.6 + 0.8 * len(values))
    panels = figure.subplots(len(values), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, at, made, name in zip(panels, values, means, names, strict=True):
        axes.plot(at, made, color=MODEL_COLOUR, marker="o")
        axes.set_ylabel(name)
        axes.locator_params(axis="y", nbins=3)
    panels[-1].set_xlabel("value of $z_d$")
    figure.supylabel(label, fontsize=8)
    return figure


def _feature_rows(values: np.ndarray, means: np.ndarray, names: list[str], columns: FeatureAxes) -> Figure:
    rows, steps, _ = means.shape
    means, colours = columns.place(means), _colours(values)
    beside = 0.7 if columns.foot else 0.0  # turned names need the width that the colour bar takes
    figure = new_figure(COLUMN + beside, 0.5 + 0.8 * rows + columns.foot)
    panels = figure.subplots(rows, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for i, axes in enumerate(panels):
        for step in range(steps):
            axes.plot(columns.index, means[i, step], color=colours.to_rgba(values[i, step]), linewidth=0.8)
        axes.set_ylabel(names[i])
        axes.locator_params(axis="y", nbins=3)
    columns.label(panels[-1])
    figure.supylabel(columns.value_label, fontsize=8)
    figure.colorbar(colours, ax=list(panels), aspect=30, pad=0.02).set_label("value of $z_d$")
    return figure


def write_animation(
    path: Path,
    values: np.ndarray,
    means: np.ndarray,
    names: Sequence[str],
    data: np.ndarray,
    image_shape: tuple[int, ...],
) -> None:
    """Write a GIF in which all dimensions move forth and back at once, side by side in the order of the rows.

    The name of its dimension and the present value stand above each image.

    Parameters
    ----------
    path : pathlib.Path
    values, means, data : numpy.ndarray
        As for `latent_traversals`.
    names : sequence of str
        Such as ``z3``, which is written as ``z3 = 1.20``; where there are two lines, the value follows the second.
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
        texts = [f"{name} = {_number(value, '.2f')}" for name, value in zip(names, values[:, step], strict=True)]
        tiles = means[:, step].reshape(rows, *image_shape)
        frames.append(Image.fromarray(_titled(as_pixels(tiles, grey), larger, texts, columns)))
    settings: dict[str, Any] = {"duration": FRAME_MILLISECONDS, "loop": 0, "optimize": False}
    write_file(path, lambda file: frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], **settings))


def _titled(tiles: np.ndarray, larger: int, texts: Sequence[str], columns: int) -> np.ndarray:
    """Images (R, rows, columns, ..) as bytes, each enlarged and below its text, in rows on white."""
    from PIL import Image, ImageDraw, ImageFont

    head = LETTERS * 3 // 2 * max(text.count("\n") + 1 for text in texts)
    tiles = tiles.repeat(larger, 1).repeat(larger, 2)
    count, height, width, *channels = tiles.shape
    gap = 4
    font = ImageFont.truetype(_font_file(), LETTERS)
    cell = max(width, *(math.ceil(font.getlength(line)) for text in texts for line in text.split("\n")))
    shape = (math.ceil(count / columns) * (head + height + gap) - gap, columns * (cell + gap) - gap)
    canvas = Image.fromarray(np.full((*shape, *channels), 255, np.uint8))
    pen = ImageDraw.Draw(canvas)
    for i, (tile, text) in enumerate(zip(tiles, texts, strict=True)):
        left, top = i % columns * (cell + gap), i // columns * (head + height + gap)
        pen.text((left + 1, top + 1), text, fill=0 if not channels else (0,) * channels[0], font=font)
        canvas.paste(Image.fromarray(tile), (left, top + head))
    return np.asarray(canvas)


def _font_file() -> str:
    """A font that comes with matplotlib."""
    from matplotlib import get_data_path

    return str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))

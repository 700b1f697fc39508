"""Pictures of a run, as one would put them in a paper; they need matplotlib, the ``plots`` extra.

All functions but ``available`` and ``density_on_grid`` raise ``MinidecompError`` where matplotlib is missing.
Only figure objects are made: no window, no back end and no setting of matplotlib's is touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import random
from .draws import sample_prior
from .errors import MinidecompError, OptionError
from .files import make_folder, write_file
from .points import as_numbers
from .terms.priors import Prior

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .data.dataset import Dataset
    from .model import VAE

FORMATS = ("png", "pdf", "svg")
DPI = 200
COLUMN, PAGE = 3.25, 6.75  # widths in inches, those of a two-column page
MAX_POSTERIOR_POINTS = 10_000
MAX_SCATTER_POINTS = 500

TERM_LABELS = {
    "log_likelihood": "log-likelihood (nats)",
    "kl": "KL (nats)",
    "regulariser": "regulariser $D$",  # no unit: the squared MMD is not in nats
    "objective": "objective (nats)",
}

COLOUR_MAP = "viridis"
DATA_COLOUR, MODEL_COLOUR, LINK_COLOUR = "#3b528b", "#e66100", "0.75"
# Petroff (arXiv 2107.02270): ten colours that the colour-blind can tell apart.
CLASS_COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#94a4a2"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

STYLE: Any = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "0.25",
    "axes.formatter.useoffset": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.color": "0.25",
    "ytick.color": "0.25",
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "pdf.fonttype": 42,
}

LEGEND_OF_DOTS: dict[str, Any] = {
    "markerscale": 2.2,
    "handletextpad": 0.1,
    "columnspacing": 1.2,
    "title_fontsize": 7,
}

Extent = tuple[float, float, float, float]


def available() -> bool:
    """Whether matplotlib is installed; it is not imported."""
    return find_spec("matplotlib") is not None


def _styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with matplotlib checked and our style in force, and no other, while it runs."""

    @wraps(function)
    def draw(*args: Any, **kwargs: Any) -> Any:
        if not available():
            raise MinidecompError("pictures need matplotlib: pip install 'minidecomp[plots]'")
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            result = function(*args, **kwargs)
            if hasattr(result, "draw_without_rendering"):
                # Ticks take their style when they are first laid out, which has to be now; how many of them
                # there are follows from the size of their labels, even later.
                for axes in result.axes:
                    axes.tick_params(labelsize=STYLE["xtick.labelsize"])
                result.draw_without_rendering()
        return result

    return draw


def _figure(width: float, height: float, layout: Any = "constrained") -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


# ---- learning curves ----


@_styled
def learning_curves(metrics: Mapping[str, np.ndarray]) -> Figure:
    """The terms of the objective over the epochs, one panel each.

    Parameters
    ----------
    metrics : mapping of str to numpy.ndarray of shape (epochs,)
        ``epoch`` and some of ``log_likelihood``, ``kl``, ``regulariser`` and ``objective``, in nats. A term
        that is nowhere finite is left out. A single epoch is drawn as a point.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MinidecompError
        There is nothing to draw.
    """
    epoch = np.asarray(metrics["epoch"], float)
    terms = [term for term in TERM_LABELS if np.isfinite(np.asarray(metrics.get(term, ()), float)).any()]
    if not terms:
        raise MinidecompError("the metrics have no finite value; learning curves need at least one epoch")
    figure = _figure(COLUMN, 0.4 + 1.05 * len(terms))
    panels = figure.subplots(len(terms), 1, sharex=True, squeeze=False)[:, 0]
    for axes, term in zip(panels, terms, strict=True):
        _draw_curve(axes, epoch, np.asarray(metrics[term], float))
        axes.set_ylabel(TERM_LABELS[term])
    panels[-1].set_xlabel("epoch")
    panels[-1].locator_params(axis="x", integer=True, min_n_ticks=1)
    figure.align_ylabels(panels)
    return figure


def _draw_curve(axes: Axes, epoch: np.ndarray, value: np.ndarray) -> None:
    alone = np.isfinite(value).sum() == 1
    axes.plot(epoch, value, "o" if alone else "-", color=DATA_COLOUR, clip_on=not alone)
    axes.grid(axis="y", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=4)
    low, high = _robust_limits(value)
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


# ---- aggregate posterior ----


def density_on_grid(loc: np.ndarray, scale: np.ndarray, extent: Extent, grid: int = 300) -> np.ndarray:
    """The aggregate posterior's density q(z) = 1/N sum_i N(z; loc_i, diag scale_i^2) on a grid.

    The normal density is a product over the dimensions, so q at (a, b) is one product of two matrices:
    q_ba = 1/N sum_i N(z2_b; loc_i2, scale_i2^2) N(z1_a; loc_i1, scale_i1^2).

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, 2)
        Of q(z | x_i); the scales are above 0.
    extent : (float, float, float, float)
        Least and greatest z1, least and greatest z2; the grid's outer points lie on them.
    grid : int
        Points along each side.

    Returns
    -------
    numpy.ndarray of shape (grid, grid)
        Row b is z2_b, column a is z1_a; float64.

    Raises
    ------
    OptionError
        ``loc`` or ``scale`` has another shape.
    """
    loc, scale = _two_dimensional("loc", loc), _two_dimensional("scale", scale)
    z1, z2 = _grid_lines(extent, grid)
    density = np.zeros((grid, grid))
    for start in range(0, len(loc), 2000):
        part = slice(start, start + 2000)
        across = _normal_density(z1, loc[part, 0], scale[part, 0])
        up = _normal_density(z2, loc[part, 1], scale[part, 1])
        density += up @ across.T
    return density / len(loc)


def _two_dimensional(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value, np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) == 0:
        raise OptionError(name, f"an array of shape {array.shape}", "shape (N, 2) with N of at least 1 is")
    return array


def _grid_lines(extent: Extent, grid: int) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(*extent[:2], grid), np.linspace(*extent[2:], grid)


def _normal_density(z: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """N(z_g; loc_i, scale_i^2), of shape (grid, N)."""
    t = (z[:, None] - loc) / scale
    return np.exp(-0.5 * t**2) / (math.sqrt(2 * math.pi) * scale)


def _drawn_density(loc: Any, scale: Any, extent: Extent, grid: int) -> np.ndarray:
    """The density for a picture: scales of at least a step, as narrower spikes fall between the points."""
    return density_on_grid(loc, np.maximum(scale, _grid_step(extent, grid)), extent, grid)


def _grid_step(extent: Extent, grid: int) -> np.ndarray:
    return np.array([extent[1] - extent[0], extent[3] - extent[2]]) / max(grid - 1, 1)


def _prior_density(prior: Prior, extent: Extent, grid: int) -> np.ndarray:
    """p(z) on the grid of ``density_on_grid``."""
    z = np.stack(np.meshgrid(*_grid_lines(extent, grid)), axis=-1)
    return np.exp(prior.log_density(z))


def _covering_square(posteriors: Sequence[tuple[Any, Any]], prior: Prior) -> Extent:
    """A square about the prior's centre that holds the prior and nearly all of the posteriors.

    Three of the prior's scales, and the posteriors' quantiles, so that heavy tails do not count. It is the
    paper's [-2, 2]^2 where that is of a fitting size.
    """
    prior_loc = _two_dimensional("prior", np.atleast_2d(prior.loc))
    bounds = [prior_loc - 3 * prior.scale, prior_loc + 3 * prior.scale]
    for loc, scale in posteriors:
        loc, scale = _two_dimensional("loc", loc), _two_dimensional("scale", scale)
        bounds += [np.quantile(loc - scale, [0.02], axis=0), np.quantile(loc + scale, [0.98], axis=0)]
    reach = np.concatenate(bounds)
    if 0.7 < np.abs(reach).max() <= 2:
        return (-2.0, 2.0, -2.0, 2.0)
    centre = prior_loc.mean(0)
    half = np.abs(reach - centre).max()
    unit = 10.0 ** math.floor(math.log10(half)) / 2
    half = math.ceil(half / unit - 1e-9) * unit
    return (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)


def _colour_top(density: np.ndarray) -> float:
    """Where the colours end: at 1 as in the paper where that suits, else so that most of the mass is seen.

    A tenth of the mass at most is where the density is above the end, unless that leaves more than a fifth of
    it below a tenth of the end, where colours hardly differ from nothing.
    """
    level = np.sort(density, axis=None)
    mass = np.cumsum(level)
    if mass[-1] <= 0:
        return 1.0
    q20, q90 = level[np.searchsorted(mass, [0.2 * mass[-1], 0.9 * mass[-1]])]
    top = min(q90, 10 * q20)
    if 0.3 <= top <= 1.5:
        return 1.0
    return level[-1] if level[-1] <= 1.5 * top else top


def _mass_levels(density: np.ndarray) -> np.ndarray:
    """The densities whose contours hold 90 and 50 percent of what lies on the grid."""
    level = np.sort(density, axis=None)[::-1]
    mass = np.cumsum(level)
    return np.unique(level[np.searchsorted(mass, np.array([0.9, 0.5]) * mass[-1])])


def _draw_posterior(axes: Axes, density: np.ndarray, prior: Prior, extent: Extent, top: float) -> Any:
    """The density as an image and the prior's contours on axes; returns the image, for its colours."""
    grid = len(density)
    half1, half2 = _grid_step(extent, grid) / 2
    pixels = (extent[0] - half1, extent[1] + half1, extent[2] - half2, extent[3] + half2)
    image = axes.imshow(density, origin="lower", extent=pixels, cmap=COLOUR_MAP, vmin=0, vmax=top)
    p = _prior_density(prior, extent, grid)
    levels = _mass_levels(p)
    if p.max() > levels[0]:
        axes.contour(*_grid_lines(extent, grid), p, levels=levels, colors="white", linewidths=0.5, alpha=0.75)
    _square_axes(axes, extent)
    return image


def _square_axes(axes: Axes, extent: Extent) -> None:
    axes.set_xlim(*extent[:2])
    axes.set_ylim(*extent[2:])
    axes.set_aspect("equal")
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    axes.locator_params(nbins=5, steps=[1, 2, 5, 10])


def _colour_bar(figure: Figure, image: Any, axes: Any, clipped: bool) -> None:
    bar = figure.colorbar(image, ax=axes, extend="max" if clipped else "neither", aspect=22, pad=0.02)
    bar.set_label("$q(z)$ (contours: $p(z)$)")
    bar.outline.set_linewidth(0.5)
    bar.ax.locator_params(nbins=5)


@_styled
def aggregate_posterior(
    loc: np.ndarray,
    scale: np.ndarray,
    prior: Prior,
    labels: np.ndarray | None = None,
    extent: Extent | None = None,
    grid: int = 300,
) -> Figure:
    """The aggregate posterior's density in two latent dimensions, and the prior's as contours.

    The contours hold 50 and 90 percent of the prior's mass. A scale below the grid's step is drawn as a step.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, 2)
        Of q(z | x_i).
    prior : Gaussian, StudentT, Mixture or Sparse
        In two dimensions.
    labels : numpy.ndarray of shape (N,), optional
        Classes, as numbers or names; a second panel then shows the means by class.
    extent : (float, float, float, float), optional
        Least and greatest z1, least and greatest z2; if not given a square that holds both, [-2, 2]^2 where
        that suits.
    grid : int
        Points along each side.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        There are not two latent dimensions.
    """
    if extent is None:
        extent = _covering_square([(loc, scale)], prior)
    density = _drawn_density(loc, scale, extent, grid)
    top = _colour_top(density)
    if labels is None:
        figure = _figure(COLUMN, 2.6, "compressed")
        panels = [figure.subplots()]
    else:
        figure = _figure(6.1, 2.6, "compressed")
        panels = list(figure.subplots(1, 2, sharex=True, sharey=True))
    image = _draw_posterior(panels[0], density, prior, extent, top)
    _colour_bar(figure, image, panels[0], density.max() > top)
    panels[0].set_ylabel("$z_2$")
    for axes in panels:
        axes.set_xlabel("$z_1$")
    if labels is not None:
        _draw_classes(panels[1], np.asarray(loc), np.asarray(labels))
        _square_axes(panels[1], extent)
        beside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        panels[1].legend(title="posterior means", **beside, **LEGEND_OF_DOTS)
    return figure


def _class_colours(count: int) -> list[Any]:
    if count <= len(CLASS_COLOURS):
        return list(CLASS_COLOURS[:count])
    import matplotlib

    return list(matplotlib.colormaps[COLOUR_MAP](np.linspace(0, 1, count)))


def _draw_classes(axes: Axes, points: np.ndarray, labels: np.ndarray, **style: Any) -> None:
    """Points (N, 2) in the colours of their classes, in an order that hides no class behind another."""
    classes, index = np.unique(labels, return_inverse=True)
    colours = _class_colours(len(classes))
    order = np.random.default_rng(0).permutation(len(points))
    own = [colours[i] for i in index[order]]
    axes.scatter(points[order, 0], points[order, 1], c=own, **(_dots(len(points)) | style))
    for colour, name in zip(colours[:20], classes, strict=False):  # more names than that are no help
        axes.scatter([], [], color=colour, label=_short(name, 30), s=5, linewidths=0)


def _dots(count: int) -> dict[str, Any]:
    """A scatter's style for so many points; thousands would make a vector file huge."""
    return {"s": float(np.clip(1500 / count, 1, 5)), "linewidths": 0, "rasterized": count > 2000}


@_styled
def panel_grid(
    rows: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]],
    titles: Sequence[Sequence[str]],
    prior: Prior,
    extent: Extent | None = None,
    grid: int = 300,
    top: float | None = None,
) -> Figure:
    """Aggregate posteriors in rows and columns that share axes and colours, as in the paper's figure.

    Parameters
    ----------
    rows : sequence of sequences of (loc, scale)
        Each of shape (N, 2), as for ``aggregate_posterior``. The rows may differ in length.
    titles : sequence of sequences of str
        What stands under each, such as ``r"$\\alpha = 3$"``.
    prior : Gaussian, StudentT, Mixture or Sparse
        In two dimensions.
    extent, grid
        As for ``aggregate_posterior``.
    top : float, optional
        The density at which the colours end; chosen if not given, 1 where it suits.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        There are not two latent dimensions.
    """
    if extent is None:
        extent = _covering_square([pair for row in rows for pair in row], prior)
    densities = [[_drawn_density(*pair, extent, grid) for pair in row] for row in rows]
    every = [density for row in densities for density in row]
    if top is None:
        top = float(np.median([_colour_top(density) for density in every]))
    columns = max(len(row) for row in rows)
    side = (PAGE - 0.8) / columns
    figure = _figure(PAGE, (side + 0.22) * len(rows) + 0.25, "compressed")
    panels = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
    for r, row in enumerate(densities):
        for c, density in enumerate(row):
            image = _draw_posterior(panels[r, c], density, prior, extent, top)
            panels[r, c].set_xlabel(titles[r][c])
        for axes in panels[r, len(row) :]:
            axes.set_visible(False)
    panels[0, 0].locator_params(nbins=5, prune="both")  # or a label at an edge meets the next panel's
    figure.supxlabel("$z_1$", fontsize=8)
    figure.supylabel("$z_2$", fontsize=8)
    _colour_bar(figure, image, panels, max(density.max() for density in every) > top)
    return figure


# ---- data, reconstructions and samples ----


def _grey_range(data: np.ndarray) -> tuple[float, float]:
    """The values that are black and white in images: 0 and 1 if the data keep to them."""
    low, high = float(data.min()), float(data.max())
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _mosaic(images: np.ndarray, image_shape: tuple[int, int], columns: int) -> np.ndarray:
    """Images (n, dx) side by side in rows, with narrow gaps of NaN, which is drawn white."""
    height, width = image_shape
    gap = max(1, width // 14)
    rows = math.ceil(len(images) / columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image.reshape(image_shape)
    return canvas


def _mosaic_height(canvas: np.ndarray, across: float) -> float:
    """Inches for square pixels, within what a page holds however long or flat the images are."""
    return float(np.clip(across * canvas.shape[0] / canvas.shape[1], 0.5, 8))


def _draw_mosaic(axes: Axes, canvas: np.ndarray, grey: tuple[float, float]) -> None:
    axes.imshow(canvas, cmap="gray", interpolation="nearest", vmin=grey[0], vmax=grey[1])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


@_styled
def data_and_reconstructions(
    x: np.ndarray,
    reconstruction: np.ndarray,
    image_shape: tuple[int, int] | None = None,
    labels: np.ndarray | None = None,
) -> Figure:
    """Data and reconstructions: the first 20 images, all points of 1 or 2 dimensions, or the first 4 points.

    Parameters
    ----------
    x, reconstruction : numpy.ndarray of shape (N, dx)
    image_shape : (int, int), optional
        Rows and columns if the points are images; 0 is black and 1 is white, or the data's range if wider.
    labels : numpy.ndarray of shape (N,), optional
        Classes, as numbers or names: words over images, colours of points in the plane.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x, reconstruction = np.asarray(x, float), np.asarray(reconstruction, float)
    labels = None if labels is None else np.asarray(labels)
    if image_shape is not None:
        return _image_pairs(x, reconstruction, image_shape, labels)
    if x.shape[1] == 1:
        return _one_dimensional_pairs(x[:, 0], reconstruction[:, 0])
    if x.shape[1] == 2:
        return _planar_pairs(x, reconstruction, labels)
    return _line_pairs(x, reconstruction, labels)


def _image_pairs(
    x: np.ndarray, reconstruction: np.ndarray, image_shape: tuple[int, int], labels: np.ndarray | None
) -> Figure:
    count = min(len(x), 20)
    columns = min(count, 10)
    height, width = image_shape
    gap = max(1, width // 14)
    words = 0 if labels is None else round(0.25 * height)
    space = 2 * gap + words  # between one pair of rows and the next
    blocks: list[np.ndarray] = []
    ticks: list[float] = []
    row_top = 0
    for start in range(0, count, columns):
        part = slice(start, min(start + columns, count))
        for images, above in ((x, space if start else 0), (reconstruction, gap)):
            strip = _mosaic(images[part], image_shape, columns)
            blocks += [np.full((above, strip.shape[1]), np.nan), strip]
            row_top += above
            ticks.append(row_top + height / 2 - 0.5)
            row_top += height
    canvas = np.vstack(blocks)
    across, margin = min(PAGE - 0.78, 0.62 * columns), 0.1 if labels is None else 0.25
    figure = _figure(across + 0.78, _mosaic_height(canvas, across) + margin)
    axes = figure.subplots()
    _draw_mosaic(axes, canvas, _grey_range(x))
    axes.set_yticks(ticks, ["data", "reconstruction"] * (len(ticks) // 2))
    axes.tick_params(length=0)
    if labels is not None:
        for i, label in enumerate(labels[:count]):
            middle = i % columns * (width + gap) + width / 2 - 0.5
            foot = ticks[2 * (i // columns)] - 0.58 * height
            axes.text(middle, foot, _short(label), ha="center", va="bottom", fontsize=7)
    return figure


def _short(label: Any, longest: int = 11) -> str:
    """A class's name, cut if long, with no formula in it."""
    text = str(label)
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.replace("$", r"\$")


def _one_dimensional_pairs(x: np.ndarray, reconstruction: np.ndarray) -> Figure:
    figure = _figure(COLUMN, 2.6)
    axes = figure.subplots()
    extent = _square_around(np.stack([x, x], axis=1), np.stack([reconstruction, reconstruction], axis=1))
    low, high = extent[:2]
    axes.plot([low, high], [low, high], color=LINK_COLOUR, linewidth=0.8, zorder=0)
    axes.scatter(x, reconstruction, color=MODEL_COLOUR, **_dots(len(x)))
    axes.set_xlabel("data $x$")
    axes.set_ylabel("reconstruction of $x$")
    _square_axes(axes, extent)
    return figure


def _planar_pairs(x: np.ndarray, reconstruction: np.ndarray, labels: np.ndarray | None) -> Figure:
    from matplotlib.collections import LineCollection

    figure = _figure(COLUMN, 2.9)
    axes = figure.subplots()
    many = len(x) > 2000
    lines = np.stack([x, reconstruction], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=LINK_COLOUR, linewidths=0.4, zorder=1, rasterized=many))
    axes.scatter(*x.T, color="0.45", label="data", zorder=2, **_dots(len(x)))
    if labels is None:
        axes.scatter(*reconstruction.T, color=MODEL_COLOUR, label="reconstruction", zorder=3, **_dots(len(x)))
    else:
        _draw_classes(axes, reconstruction, labels, zorder=3)
    axes.set_xlabel("$x_1$")
    axes.set_ylabel("$x_2$")
    _square_axes(axes, _square_around(x, reconstruction))
    columns = 5 if labels is not None and max(len(str(name)) for name in labels) <= 7 else 3
    figure.legend(loc="outside upper center", ncols=columns, **LEGEND_OF_DOTS)
    return figure


def _square_around(data: np.ndarray, made: np.ndarray) -> Extent:
    """A square with all of the data (N, 2), and of what the model made (M, 2) all but the farthest."""
    low = np.minimum(data.min(0), np.quantile(made, 0.005, axis=0))
    high = np.maximum(data.max(0), np.quantile(made, 0.995, axis=0))
    centre, half = (low + high) / 2, 0.55 * (high - low).max()
    half = half if half > 0 else 1.0
    return (centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half)


def _line_pairs(x: np.ndarray, reconstruction: np.ndarray, labels: np.ndarray | None) -> Figure:
    count, features = min(len(x), 4), x.shape[1]
    figure = _figure(COLUMN, 0.6 + 0.8 * count)
    panels = figure.subplots(count, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    marker = "o" if features <= 30 else ""
    index = np.arange(1, features + 1)
    for i, axes in enumerate(panels):
        axes.plot(index, x[i], color=DATA_COLOUR, marker=marker, label="data")
        axes.plot(index, reconstruction[i], "--", color=MODEL_COLOUR, marker=marker, label="reconstruction")
        axes.locator_params(axis="y", nbins=3)
        if labels is not None:
            axes.text(1, 1, _short(labels[i], 30), transform=axes.transAxes, ha="right", va="top", fontsize=7)
    _feature_axis(panels[-1], features)
    figure.supylabel("value", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _feature_axis(axes: Axes, features: int) -> None:
    axes.set_xlabel("feature")
    axes.locator_params(axis="x", integer=True)
    axes.set_xlim(0.5, features + 0.5)


@_styled
def samples(generated: np.ndarray, data: np.ndarray, image_shape: tuple[int, int] | None = None) -> Figure:
    """Generated points: the first 64 images; beside or against data for points that are no images.

    Parameters
    ----------
    generated : numpy.ndarray of shape (N, dx)
        The decoder's means E[x | z], z from the prior.
    data : numpy.ndarray of shape (M, dx)
        To compare with; of images only the range of grey is used.
    image_shape : (int, int), optional
        Rows and columns if the points are images.

    Returns
    -------
    matplotlib.figure.Figure
    """
    generated, data = np.asarray(generated, float), np.asarray(data, float)
    if image_shape is not None:
        return _image_samples(generated[:64], data, image_shape)
    if data.shape[1] == 1:
        return _one_dimensional_samples(generated[:, 0], data[:, 0])
    if data.shape[1] == 2:
        return _planar_samples(generated, data)
    return _feature_summary(generated, data)


def _image_samples(generated: np.ndarray, data: np.ndarray, image_shape: tuple[int, int]) -> Figure:
    columns = min(8, math.ceil(math.sqrt(len(generated))))
    canvas = _mosaic(generated, image_shape, columns)
    figure = _figure(COLUMN, _mosaic_height(canvas, COLUMN))
    _draw_mosaic(figure.subplots(), canvas, _grey_range(data))
    return figure


def _one_dimensional_samples(generated: np.ndarray, data: np.ndarray) -> Figure:
    figure = _figure(COLUMN, 2.2)
    axes = figure.subplots()
    low, high = np.quantile(np.concatenate([generated, data]), [0.005, 0.995])
    edges = np.linspace(low, high, 41) if high > low else np.linspace(low - 0.5, low + 0.5, 41)
    width = edges[1] - edges[0]
    share, share_generated = (np.histogram(x, edges)[0] / (len(x) * width) for x in (data, generated))
    axes.stairs(share, edges, color=DATA_COLOUR, fill=True, alpha=0.3)
    axes.stairs(share_generated, edges, color=MODEL_COLOUR, linewidth=1.1)
    axes.set_xlabel("$x$")
    axes.set_ylabel("density")
    figure.legend(axes.patches, ["data", "generated"], loc="outside upper center", ncols=2)
    return figure


def _planar_samples(generated: np.ndarray, data: np.ndarray) -> Figure:
    figure = _figure(COLUMN, 1.85)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shown = ((data, "data", DATA_COLOUR), (generated, "generated", MODEL_COLOUR))
    extent = _square_around(data, generated)
    for axes, (points, name, colour) in zip(panels, shown, strict=True):
        axes.scatter(*points.T, color=colour, **_dots(len(points)))
        _square_axes(axes, extent)
        axes.set_title(name, fontsize=8, pad=3)
        axes.set_xlabel("$x_1$")
    panels[0].set_ylabel("$x_2$")
    return figure


def _feature_summary(generated: np.ndarray, data: np.ndarray) -> Figure:
    """Median and the central 90 percent of each feature."""
    features = data.shape[1]
    figure = _figure(COLUMN, 2.2)
    axes = figure.subplots()
    index = np.arange(1, features + 1)
    shown = ((data, "data", DATA_COLOUR, -1), (generated, "generated", MODEL_COLOUR, 1))
    for points, name, colour, side in shown:
        low, middle, high = np.quantile(points, [0.05, 0.5, 0.95], axis=0)
        if features <= 30:
            spread = np.stack([middle - low, high - middle])
            axes.errorbar(index + 0.1 * side, middle, spread, fmt="o", color=colour, elinewidth=1, label=name)
        else:
            axes.fill_between(index, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(index, middle, color=colour, label=name)
    _feature_axis(axes, features)
    axes.set_ylabel("median and 5–95% range")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


# ---- a run's pictures as files ----


def check_formats(formats: Sequence[str]) -> None:
    """Raise OptionError if one is not of ``FORMATS``."""
    for name in formats:
        if name not in FORMATS:
            raise OptionError("format", name, f"one of {', '.join(FORMATS)} is")


@_styled
def draw_all(
    folder: str | Path,
    metrics: Mapping[str, np.ndarray],
    vae: VAE,
    dataset: Dataset,
    seed: int = 0,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """Write a trained run's pictures: learning_curves, aggregate_posterior, reconstructions and samples.

    The aggregate posterior is that of the training points, 10,000 of them at most, and drawn if ``vae`` has
    two latent dimensions. Test points are reconstructed. Without an epoch in ``metrics`` there are no curves.

    Parameters
    ----------
    folder : path
        Made if need be.
    metrics : mapping of str to numpy.ndarray of shape (epochs,)
        As for ``learning_curves``.
    vae : VAE
    dataset : Dataset
    seed : int
        Of the samples, 0 to 2^64 - 1.
    formats : sequence of str
        Of ``png`` (200 dots an inch), ``pdf`` and ``svg``.

    Returns
    -------
    list of pathlib.Path
        What was written, picture by picture.

    Raises
    ------
    OptionError
        A format is none of these.
    """
    check_formats(formats)
    folder = make_folder(Path(folder))
    figures: dict[str, Figure] = {}
    if len(metrics["epoch"]):
        figures["learning_curves"] = learning_curves(metrics)
    if vae.latent_dim == 2:
        figures["aggregate_posterior"] = _training_posterior(vae, dataset)
    figures["reconstructions"] = _test_reconstructions(vae, dataset)
    figures["samples"] = _prior_samples(vae, dataset, seed)
    paths = []
    for name, figure in figures.items():
        for kind in formats:
            paths.append(folder / f"{name}.{kind}")
            write_file(paths[-1], partial(figure.savefig, format=kind))
    return paths


def _in_chunks(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """The function's results (..., B, width) for 1000 rows at a time, joined."""
    parts = [function(points[start : start + 1000]) for start in range(0, len(points), 1000)]
    return np.concatenate(parts, axis=-2)


def _evenly(total: int, count: int) -> np.ndarray:
    """Indices of ``count`` of ``total`` points, evenly spread, as classes may come one after the other."""
    return np.arange(total) if total <= count else np.linspace(0, total - 1, count).astype(np.int64)


def _class_by_class(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of ``count`` points: the first of every class, the second of every class, and so on."""
    order = np.argsort(labels, kind="stable")
    _, start, size = np.unique(labels[order], return_index=True, return_counts=True)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(start, size)
    return np.lexsort((labels, rank))[:count]


def _names(labels: np.ndarray | None, class_names: Sequence[str]) -> np.ndarray | None:
    """The classes' names, if they have any."""
    return np.array(class_names)[labels] if labels is not None and class_names else labels


def _training_posterior(vae: VAE, dataset: Dataset) -> Figure:
    chosen = _evenly(len(dataset.train), MAX_POSTERIOR_POINTS)
    x = as_numbers(dataset.train[chosen], vae.dtype)
    loc, scale = _in_chunks(lambda rows: np.stack(vae.encode(rows)), x)
    labels = _names(dataset.train_labels, dataset.class_names)
    return aggregate_posterior(loc, scale, vae.current_prior(), None if labels is None else labels[chosen])


def _test_reconstructions(vae: VAE, dataset: Dataset) -> Figure:
    labels, count = dataset.test_labels, MAX_SCATTER_POINTS
    few = dataset.image_shape is not None or dataset.data_dim > 2
    if few and labels is not None:
        chosen = _class_by_class(labels, 20)
    else:
        chosen = _evenly(len(dataset.test), 20 if few else count)
    x = as_numbers(dataset.test[chosen], vae.dtype)
    names = _names(labels, dataset.class_names)
    shown = None if names is None else names[chosen]
    return data_and_reconstructions(x, _in_chunks(vae.reconstruct, x), dataset.image_shape, shown)


def _prior_samples(vae: VAE, dataset: Dataset, seed: int) -> Figure:
    chosen = _evenly(len(dataset.test), 1000)
    data = as_numbers(dataset.test[chosen], vae.dtype)
    count = 64 if dataset.image_shape is not None else len(data)
    shape = (count, vae.latent_dim)
    z, _, _ = sample_prior(vae.current_prior(), shape, seed, 0, vae.dtype, purpose=random.SAMPLE)
    generated = _in_chunks(lambda rows: vae.likelihood.mean(vae.decode(rows)), z)
    return samples(generated, data, dataset.image_shape)

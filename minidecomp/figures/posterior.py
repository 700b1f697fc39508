"""The aggregate posterior's density in two latent dimensions, alone or in a grid of panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.labels import Classes
from ..errors import OptionError
from ..terms.priors import Prior
from .classes import Dots, as_classes, draw_classes
from .prior_plane import PriorPlane, about_contours, grid_lines, grid_step
from .style import COLOUR_MAP, PAGE, Extent, new_figure, outside, square_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOUR_OF_NOTHING = "#440154"  # viridis at 0
PANEL, BESIDE, FOOT = 1.75, 0.85, 0.55  # inches: a panel's side, what axis and colour bar take beside and below it


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
    z1, z2 = grid_lines(extent, grid)
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
        raise OptionError(name, f"shape {array.shape}", expected="an array of shape (N, 2) with N >= 1")
    return array


def _normal_density(z: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """N(z_g; loc_i, scale_i^2), of shape (grid, N)."""
    t = (z[:, None] - loc) / scale
    return np.exp(-0.5 * t**2) / (math.sqrt(2 * math.pi) * scale)


def drawn_density(loc: Any, scale: Any, extent: Extent, grid: int) -> np.ndarray:
    """The density for a picture: scales of at least a step, as narrower spikes fall between the points."""
    return density_on_grid(loc, np.maximum(scale, grid_step(extent, grid)), extent, grid)


def covering_square(posteriors: Sequence[tuple[Any, Any]], prior: Prior) -> Extent:
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


def colour_top(density: np.ndarray) -> float:
    """Where the colours end: at 1 as in the paper where that suits, else so that most of the mass is seen.

    A tenth of the mass at most is where the density is above the end, unless that leaves more than a fifth of
    it below a tenth of the end, where colours hardly differ from nothing.
    """
    top, largest = _robust_top(density), float(density.max())
    if 0.3 <= top <= 1.5 or largest <= 0:
        return 1.0
    return largest if largest <= 1.5 * top else top


def _robust_top(density: np.ndarray) -> float:
    level = np.sort(density, axis=None)
    mass = np.cumsum(level)
    q20, q90 = level[np.minimum(np.searchsorted(mass, [0.2 * mass[-1], 0.9 * mass[-1]]), level.size - 1)]
    return float(min(q90, 10 * q20))


def shared_top(*densities: np.ndarray) -> float:
    """Where colours end that several densities share: at their maximum, unless narrow peaks would hide the rest."""
    largest = max(float(density.max()) for density in densities)
    top = max(_robust_top(density) for density in densities)
    return largest if largest <= 1.5 * top else top


def draw_posterior(
    axes: Axes, density: np.ndarray, plane: PriorPlane, top: float, colours: str = COLOUR_MAP
) -> tuple[Any, list[float]]:
    """Draw a density and the prior's contours; returns the image, for its colours, and the shares the contours hold."""
    image = _draw_density(axes, density, plane.extent, top, colours)
    shares = plane.draw_contours(axes, "white" if colours == COLOUR_MAP else "0.1")
    square_axes(axes, plane.extent)
    return image, shares


def _draw_density(axes: Axes, density: np.ndarray, extent: Extent, top: float, colours: str = COLOUR_MAP) -> Any:
    half1, half2 = grid_step(extent, len(density)) / 2
    pixels = (extent[0] - half1, extent[1] + half1, extent[2] - half2, extent[3] + half2)
    return axes.imshow(density, origin="lower", extent=pixels, cmap=colours, vmin=0, vmax=top)


def _colour_bar(figure: Figure, image: Any, axes: Any, clipped: bool, label: str = "$q(z)$ (contours: $p(z)$)") -> None:
    bar = figure.colorbar(image, ax=axes, extend="max" if clipped else "neither", aspect=22, pad=0.02)
    bar.set_label(label)
    bar.outline.set_linewidth(0.5)
    bar.ax.locator_params(nbins=5)


@styled
def aggregate_posterior(
    loc: np.ndarray,
    scale: np.ndarray,
    prior: Prior,
    labels: np.ndarray | None = None,
    extent: Extent | None = None,
    grid: int = 300,
    class_names: Sequence[str] = (),
) -> Figure:
    """The densities of the prior and of the aggregate posterior in two latent dimensions, on one scale of colours.

    The closer the match, the more alike the two panels. In all panels contours hold 50 and 90 percent of the prior's
    mass, and the first panel says which of the two are seen: with heavy tails the outer one lies outside. A scale below
    the grid's step, of either density, is drawn as a step.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, 2)
        Of q(z | x_i).
    prior : Prior
        In two dimensions.
    labels : numpy.ndarray of shape (N,), optional
        Classes, as numbers or names; a third panel then shows the posterior means by class.
    extent : (float, float, float, float), optional
        Least and greatest z1, least and greatest z2. The default is a square that holds the prior and nearly all of
        the posterior, [-2, 2]^2 where that fits.
    grid : int
        Points along each side.
    class_names : sequence of str, optional
        Names of all classes of the data; a label is then an index into them, which gives the class its colour.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        There are not two latent dimensions.
    """
    if extent is None:
        extent = covering_square([(loc, scale)], prior)
    q, plane = drawn_density(loc, scale, extent, grid), PriorPlane.of_prior(prior, extent, grid)
    p = plane.density
    top = shared_top(q, p)
    count = 2 if labels is None else 3
    figure = new_figure(PANEL * count + BESIDE, PANEL + FOOT, compress=True)
    panels = list(figure.subplots(1, count, sharex=True, sharey=True))
    for axes, density, title in zip(panels, (p, q), ("prior $p(z)$", "aggregate posterior $q(z)$"), strict=False):
        image = _draw_density(axes, density, extent, top)
        shares = plane.draw_contours(axes, "white")
        axes.set_title(title, fontsize=8, pad=3)
    _write_in_corner(panels[0], about_contours(shares, "the mass"))
    _colour_bar(figure, image, panels[:2], max(p.max(), q.max()) > top, "density")
    panels[0].set_ylabel("$z_2$")
    if labels is not None:
        _draw_means(figure, panels[2], np.asarray(loc), as_classes(labels, class_names), plane)
    for axes in panels:
        axes.set_xlabel("$z_1$")
        square_axes(axes, extent)
    return figure


def _write_in_corner(axes: Axes, text: str) -> None:
    behind: Any = {"facecolor": COLOUR_OF_NOTHING, "edgecolor": "none", "pad": 1}
    axes.text(0.03, 0.03, text, transform=axes.transAxes, color="white", fontsize=5.5, bbox=behind if text else None)


def _draw_means(figure: Figure, axes: Axes, loc: np.ndarray, classes: Classes, plane: PriorPlane) -> None:
    """The posterior means by class, and how many are outside the panel."""
    plane.draw_contours(axes, "0.4")
    legend = draw_classes(axes, loc, classes)
    axes.set_title("posterior means" + outside(loc, plane.extent), fontsize=8, pad=3)
    _add_legend(figure, axes, legend)


def _add_legend(figure: Figure, axes: Axes, legend: Dots) -> None:
    """The classes beside the axes, or below the figure where the panels would have to shrink for them."""
    width, height = figure.get_size_inches()
    if legend.height(1, legend.note) <= height - 0.3 and width + legend.width <= PAGE + 0.3:
        figure.set_figwidth(width + legend.width)
        legend.write(axes, legend.note, loc="center left", bbox_to_anchor=(1, 0.5))
        return
    columns = legend.columns(width)
    figure.set_figheight(height + legend.height(columns, legend.note))
    legend.write(figure, legend.note, loc="outside lower center", ncols=columns)

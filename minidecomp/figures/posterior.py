"""The aggregate posterior's density in two latent dimensions, alone or in a grid of panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError
from ..terms.priors import Prior
from .classes import Dots, as_classes, draw_classes
from .style import COLOUR_MAP, COLUMN, PAGE, Extent, new_figure, square_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches: of a figure of two panels, of what its legend has at least, and upwards.
PANELS, LEGEND, HEIGHT = 5.3, 0.8, 2.6


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
        raise OptionError(name, f"shape {array.shape}", expected="an array of shape (N, 2) with N >= 1")
    return array


def _grid_lines(extent: Extent, grid: int) -> tuple[np.ndarray, np.ndarray]:
    return np.linspace(*extent[:2], grid), np.linspace(*extent[2:], grid)


def _normal_density(z: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """N(z_g; loc_i, scale_i^2), of shape (grid, N)."""
    t = (z[:, None] - loc) / scale
    return np.exp(-0.5 * t**2) / (math.sqrt(2 * math.pi) * scale)


def drawn_density(loc: Any, scale: Any, extent: Extent, grid: int) -> np.ndarray:
    """The density for a picture: scales of at least a step, as narrower spikes fall between the points."""
    return density_on_grid(loc, np.maximum(scale, _grid_step(extent, grid)), extent, grid)


def _grid_step(extent: Extent, grid: int) -> np.ndarray:
    return np.array([extent[1] - extent[0], extent[3] - extent[2]]) / max(grid - 1, 1)


def _prior_density(prior: Prior, extent: Extent, grid: int) -> np.ndarray:
    """p(z) on the grid of ``density_on_grid``."""
    z = np.stack(np.meshgrid(*_grid_lines(extent, grid)), axis=-1)
    return np.exp(prior.log_density(z))


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


def draw_posterior(axes: Axes, density: np.ndarray, prior: Prior, extent: Extent, top: float) -> Any:
    """The density as an image and the prior's contours on axes; returns the image, for its colours."""
    grid = len(density)
    half1, half2 = _grid_step(extent, grid) / 2
    pixels = (extent[0] - half1, extent[1] + half1, extent[2] - half2, extent[3] + half2)
    image = axes.imshow(density, origin="lower", extent=pixels, cmap=COLOUR_MAP, vmin=0, vmax=top)
    p = _prior_density(prior, extent, grid)
    levels = _mass_levels(p)
    if p.max() > levels[0]:
        axes.contour(*_grid_lines(extent, grid), p, levels=levels, colors="white", linewidths=0.5, alpha=0.75)
    square_axes(axes, extent)
    return image


def _colour_bar(figure: Figure, image: Any, axes: Any, clipped: bool) -> None:
    bar = figure.colorbar(image, ax=axes, extend="max" if clipped else "neither", aspect=22, pad=0.02)
    bar.set_label("$q(z)$ (contours: $p(z)$)")
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
    """The aggregate posterior's density in two latent dimensions, and the prior's as contours.

    The contours hold 50 and 90 percent of the prior's mass. A scale below the grid's step is drawn as a step.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, 2)
        Of q(z | x_i).
    prior : Prior
        In two dimensions.
    labels : numpy.ndarray of shape (N,), optional
        Classes, as numbers or names; a second panel then shows the means by class.
    extent : (float, float, float, float), optional
        Least and greatest z1, least and greatest z2; if not given a square that holds both, [-2, 2]^2 where
        that suits.
    grid : int
        Points along each side.
    class_names : sequence of str, optional
        Of all classes of the data; a label is then a place among them, which gives the class its colour.

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
    density = drawn_density(loc, scale, extent, grid)
    top = colour_top(density)
    if labels is None:
        figure = new_figure(COLUMN, HEIGHT, "compressed")
        panels = [figure.subplots()]
    else:
        figure = new_figure(PANELS + LEGEND, HEIGHT, "compressed")
        panels = list(figure.subplots(1, 2, sharex=True, sharey=True))
    image = draw_posterior(panels[0], density, prior, extent, top)
    _colour_bar(figure, image, panels[0], density.max() > top)
    panels[0].set_ylabel("$z_2$")
    for axes in panels:
        axes.set_xlabel("$z_1$")
    if labels is not None:
        legend = draw_classes(panels[1], np.asarray(loc), as_classes(labels, class_names))
        square_axes(panels[1], extent)
        _add_legend(figure, panels[1], legend)
    return figure


def _add_legend(figure: Figure, axes: Axes, legend: Dots) -> None:
    """The classes beside the axes, or below the figure where the panels would have to shrink for them."""
    title = f"posterior means ({legend.note})" if legend.note else "posterior means"
    if legend.height(1, title) <= HEIGHT - 0.3 and legend.width <= PAGE - PANELS:
        figure.set_figwidth(PANELS + max(LEGEND, legend.width))
        legend.write(axes, title, loc="center left", bbox_to_anchor=(1, 0.5))
        return
    columns = legend.columns(PANELS)
    figure.set_size_inches(PANELS, HEIGHT + legend.height(columns, title))
    legend.write(figure, title, loc="outside lower center", ncols=columns)

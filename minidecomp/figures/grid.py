"""The aggregate posteriors of several runs beside their prior, in named rows with common axes and colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..terms.priors import Prior
from .posterior import covering_square, draw_posterior, drawn_density
from .prior_plane import PriorPlane, about_contours
from .strips import HEIGHT, Strip, draw_strip, explain_strips, limits_of
from .style import COLOUR_MAP, PAGE, Extent, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DENSER = "#d7263d"  # where q is beyond the colours' range; in grey, too, dark beside yellow
TOP = 1.2  # times the prior's greatest density: the end of the colours


@styled
def panel_grid(
    rows: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]],
    titles: Sequence[Sequence[str]],
    prior: Prior,
    extent: Extent | None = None,
    grid: int = 300,
    top: float | None = None,
    names: Sequence[str] = (),
    strips: Sequence[Sequence[Strip]] = (),
    strip_labels: tuple[str, str] = ("", ""),
) -> Figure:
    """Aggregate posteriors in rows and columns with common axes and colours, as in the paper's figure, and the prior.

    The first panel shows the prior, for comparison. The colours end at 1.2 times the prior's greatest density; red
    marks larger values. Contours in each panel hold 50 and 90 percent of the prior's mass.

    Parameters
    ----------
    rows : sequence of sequences of pairs of arrays
        Each pair is (loc, scale), of shape (N, 2) each, as for ``aggregate_posterior``. The rows may differ in length.
    titles : sequence of sequences of str
        The panels' titles, such as ``r"$\\alpha = 3$"``.
    prior : Prior
        A prior in two dimensions.
    extent, grid
        As for ``aggregate_posterior``.
    top : float, optional
        The density at which the colours end.
    names : sequence of str, optional
        The rows' names, such as "beta = 0, alpha grows".
    strips : sequence of sequences of Strip, optional
        The numbers of several runs, which stand below each panel. The panel shows the first of these runs.
    strip_labels : pair of str
        What the strips' counts and values are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    OptionError
        The number of latent dimensions is not two.
    """
    if extent is None:
        extent = covering_square([pair for row in rows for pair in row], prior)
    densities = [[drawn_density(*pair, extent, grid) for pair in row] for row in rows]
    plane = PriorPlane.of_prior(prior, extent, grid)
    top = TOP * float(plane.density.max()) if top is None else top
    columns = 1 + max(len(row) for row in rows)
    side, below = (PAGE - 0.8) / columns, HEIGHT if strips else 0.0
    figure = new_figure(PAGE, (side + below + (0.07 if strips else 0.12)) * len(rows) + 0.35, compress=True)
    panels, under = _places(figure, len(rows), columns, below / side)
    panels[0, 0].locator_params(nbins=5, prune="both")  # a label at an edge would meet the next panel's
    for r, row in enumerate(densities):
        named = [(plane.density, "prior $p(z)$"), *zip(row, titles[r], strict=True)]
        for c, axes in enumerate(panels[r]):
            axes.set_visible(c < len(named) and (c, r > 0) != (0, True))
            if axes.get_visible():
                image, shares = _draw(axes, *named[c], plane, top)
        if names:
            panels[r, 1].set_ylabel(names[r])
    panels[0, 0].tick_params(labelbottom=True)
    if len(rows) > 1:
        _explain(panels[1, 0], about_contours(shares, "\nthe prior's mass"))
    if strips:
        _draw_strips(under, strips, strip_labels)
    if strips:  # whose own axis is the lowest
        panels[0, 0].set(xlabel="$z_1$", ylabel="$z_2$")
        panels[0, 0].xaxis.set_label_coords(1.08, -0.08)
    else:
        figure.supxlabel("$z_1$", fontsize=8)
        figure.supylabel("$z_2$", fontsize=8)
    _colour_bar(figure, image, panels, max(density.max() for row in densities for density in row) > top)
    return figure


def _places(figure: Figure, rows: int, columns: int, strip: float) -> tuple[Any, Any]:
    """The axes of the panels, which share their scales, and of the strips below them, of this share of their height."""
    from .layout import PanelLayout

    if not strip:
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        return panels, None
    figure.set_layout_engine(PanelLayout(compress=True, h_pad=0.01, hspace=0))
    every = figure.subplots(2 * rows, columns, squeeze=False, gridspec_kw={"height_ratios": [1, strip] * rows})
    panels, under = every[::2], every[1::2]
    for (r, c), axes in np.ndenumerate(panels):
        if (r, c) != (0, 0):
            axes.sharex(panels[0, 0])
            axes.sharey(panels[0, 0])
        axes.tick_params(labelbottom=False, labelleft=c == 0)
    return panels, under


def _draw_strips(under: Any, strips: Sequence[Sequence[Strip]], labels: tuple[str, str]) -> None:
    limits = limits_of(strips)
    for r, row in enumerate(under):
        for c, axes in enumerate(row):
            axes.set_visible(1 <= c <= len(strips[r]))
            if axes.get_visible():
                draw_strip(axes, strips[r][c - 1], limits)
                if r == len(under) - 1:
                    axes.set_xlabel(labels[1], fontsize=6, labelpad=1)
    under[0, 0].set_visible(True)
    explain_strips(under[0, 0], labels, max(len(strip.counts) for row in strips for strip in row))


def _draw(axes: Axes, density: np.ndarray, title: str, plane: PriorPlane, top: float) -> tuple[Any, list[float]]:
    from matplotlib import colormaps

    image, shares = draw_posterior(axes, density, plane, top)
    image.set_cmap(colormaps[COLOUR_MAP].with_extremes(over=DENSER))
    axes.set_title(title, fontsize=8, pad=3)
    return image, shares


def _explain(axes: Axes, lines: str) -> None:
    """Write what the panels show in a place without a panel."""
    axes.set_visible(True)
    axes.set_axis_off()
    text = f"colours: aggregate\nposterior $q(z)$\n\n{lines}"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=7)


def _colour_bar(figure: Figure, image: Any, panels: Any, clipped: bool) -> None:
    bar = figure.colorbar(image, ax=panels, extend="max" if clipped else "neither", aspect=22, pad=0.02)
    bar.set_label("density (red: denser)" if clipped else "density")
    bar.outline.set_linewidth(0.5)
    bar.ax.locator_params(nbins=5)

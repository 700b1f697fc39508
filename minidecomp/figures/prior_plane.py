"""A prior in two latent dimensions as pictures show it: its density on a grid, and contours of half and 90 % of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..randomness import philox
from ..terms.priors import Prior
from .style import Extent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

SHARES = (0.9, 0.5)  # of the prior's mass, inside a contour
LINE_WIDTH = 0.5
LEAST_WIDTH = 1 / 40  # of the picture: a smaller contour is a dot
POINTS = 4000  # that the contours' levels are found from
WIDTHS = ("scale", "spike_scale")  # the attributes of a prior that say how narrow it is


@dataclass(frozen=True)
class PriorPlane:
    """A prior in the plane.

    Attributes
    ----------
    extent : (float, float, float, float)
        Least and greatest z1, least and greatest z2; the grid's outer points lie on them.
    density : numpy.ndarray of shape (grid, grid)
        p(z); row b is z2_b, column a is z1_a.
    levels : numpy.ndarray of shape (2,)
        The densities on the contours that hold 90 and 50 percent of the prior's mass.
    """

    extent: Extent
    density: np.ndarray
    levels: np.ndarray

    @classmethod
    def of_prior(cls, prior: Prior, extent: Extent, grid: int) -> PriorPlane:
        """The prior on a grid; where it is narrower than the grid's step, it is taken as a step wide."""
        drawn = _widened(prior, grid_step(extent, grid))
        z = np.stack(np.meshgrid(*grid_lines(extent, grid)), axis=-1)
        return cls(extent, np.exp(drawn.log_density(z)), contour_levels(drawn))

    def draw_contours(self, axes: Axes, colour: str) -> list[float]:
        """Draw the contours and return the shares of those that are seen, in ascending order.

        A contour outside the extent is not seen. One around a spike is left out, as it would hide what lies inside.
        """
        low, high = self.density.min(), self.density.max()
        there = {level: share for level, share in zip(self.levels, SHARES, strict=True) if low < level < high}
        if not there:
            return []
        lines: Any = axes.contour(
            *grid_lines(self.extent, len(self.density)),
            self.density,
            levels=list(there),
            colors=colour,
            alpha=0.75,
            zorder=1.5,
        )
        least = LEAST_WIDTH * (self.extent[1] - self.extent[0])
        wide = [_width(path) >= least for path in lines.get_paths()]
        lines.set_linewidths([LINE_WIDTH * each for each in wide])
        return sorted(share for share, each in zip(there.values(), wide, strict=True) if each)


def _width(path: Path) -> float:
    """The longest side of the box around any of a contour's lines."""
    return max((np.ptp(line, axis=0).max() for line in path.to_polygons(closed_only=False)), default=0.0)


def about_contours(shares: Sequence[float], whole: str) -> str:
    """What a picture says of contours that hold these shares, such as "lines: 50 and 90 % of the mass"."""
    held = " and ".join(f"{100 * share:.0f}" for share in shares)
    return f"line{'s' * (len(shares) > 1)}: {held} % of {whole}" if shares else ""


def grid_lines(extent: Extent, grid: int) -> tuple[np.ndarray, np.ndarray]:
    """The grid's z1 and z2, (grid,) each."""
    return np.linspace(*extent[:2], grid), np.linspace(*extent[2:], grid)


def grid_step(extent: Extent, grid: int) -> np.ndarray:
    """The distance between neighbours in z1 and in z2, (2,)."""
    return np.array([extent[1] - extent[0], extent[3] - extent[2]]) / max(grid - 1, 1)


def _widened(prior: Prior, step: np.ndarray) -> Prior:
    """The prior with no scale below a step: narrower peaks would fall between the grid's points."""
    if not is_dataclass(prior):  # a user's own
        return prior
    there = {name: np.asarray(getattr(prior, name)) for name in WIDTHS if hasattr(prior, name)}
    wide = {name: np.maximum(width, step if width.ndim else step.max()) for name, width in there.items()}
    return replace(prior, **{name: width for name, width in wide.items() if (width > there[name]).any()})


def contour_levels(prior: Prior) -> np.ndarray:
    """The densities whose contours hold 90 and 50 percent of a prior's mass in two dimensions, (2,).

    Nine tenths of a prior's sample lie where the density is higher than on the first contour, half of it on the second.
    The sample is evenly spread, which makes the shares right within half a percent.
    """
    density = np.sort(prior.log_density(_even_sample(prior, POINTS)))
    return np.exp(density[[round((1 - share) * POINTS) for share in SHARES]])


def _even_sample(prior: Prior, count: int) -> np.ndarray:
    """Points (count, 2) that follow the prior, always the same and more evenly than random ones."""
    noise_at, choice_at = np.split(_even_numbers(count, 6), [4], axis=1)
    with np.errstate(all="ignore"):  # tails heavier than a float can hold
        if getattr(prior, "noise_kind", "normal") == "student-t":
            noise = philox.student_t_of(noise_at.reshape(-1, 2), prior.df).reshape(count, 2)  # type: ignore[attr-defined]
        else:
            noise = philox.normal_of(noise_at[:, :2])
        choice = {None: None, "point": choice_at[:, 0], "element": choice_at}[prior.choice_kind]
        return prior.sample(noise, choice)


def _even_numbers(count: int, dims: int) -> np.ndarray:
    """Numbers (count, dims) in (0, 1), evenly spread: u_nd = 1/2 + n g^-d modulo 1, where g^(dims + 1) = g + 1."""
    g = 1.0
    for _ in range(40):
        g = (1 + g) ** (1 / (dims + 1))
    return (0.5 + np.arange(1, count + 1)[:, None] * g ** -np.arange(1.0, dims + 1)) % 1

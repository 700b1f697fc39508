"""Pictures of gradients: over training, as arrows in the latent plane, and the error of differences by their step."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MinidecompError
from ..files import make_folder, write_file
from ..objective import TERMS
from ..terms.priors import Prior
from .posterior import colour_top, covering_square, draw_posterior, drawn_density
from .prior_plane import PriorPlane
from .style import COLUMN, PAGE, Extent, epoch_axis, new_figure, styled, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..runs.gradient_log import GradientLog

TERM_NAMES = {"log_likelihood": "reconstruction", "kl": "$\\beta$ KL", "regulariser": "$\\alpha D$"}
TERM_COLOURS = {"log_likelihood": "#3b528b", "kl": "#e66100", "regulariser": "#1b7837", "sum": "0.1"}
# Dashes and markers tell lines apart without colours.
TERM_LINES = {"log_likelihood": ("-", "o"), "kl": ("--", "s"), "regulariser": ("-.", "^")}
# A pair of terms has a colour of its own, which is neither term's.
PAIR_STYLES = {
    ("log_likelihood", "kl"): ("#832db6", "-", "o"),
    ("log_likelihood", "regulariser"): ("#717581", "--", "s"),
    ("kl", "regulariser"): ("#a96b59", "-.", "^"),
}
SUM = "their sum"
ARROW_GRID = 200
FAINTER = 2.2  # times: the greys end so far above the density's top, for arrows to stand out
LONGEST = 3.0  # typical lengths: a longer arrow would leave the panel
FRAME_MILLISECONDS = 150
SMOOTHED_FROM = 80  # epochs


@styled
def gradient_curves(columns: Mapping[str, np.ndarray]) -> Figure:
    """Each term's gradient norm, by all parameters, and the cosines between terms, over the epochs.

    Parameters
    ----------
    columns : mapping of str to numpy.ndarray of shape (epochs,)
        Of ``gradients.csv``.

    Raises
    ------
    MinidecompError
        There is no epoch.
    """
    epoch = np.asarray(columns["epoch"])
    if len(epoch) == 0:
        raise MinidecompError("no gradients were logged; curves need at least one epoch")
    figure = new_figure(COLUMN, 3.9)
    norms, cosines = figure.subplots(2, 1, sharex=True)
    for term, name in TERM_NAMES.items():
        norm = np.asarray(columns[f"norm_{term}"])
        if (norm > 0).any():
            _draw_noisy(norms, epoch, norm, (TERM_COLOURS[term], *TERM_LINES[term]), name)
    for column, values in columns.items():
        if column.startswith("cosine_") and np.isfinite(values).any():
            first, second = (term for term in TERM_NAMES if term in column)
            label = f"{TERM_NAMES[first]} and {TERM_NAMES[second]}"
            _draw_noisy(cosines, epoch, np.asarray(values), PAIR_STYLES[first, second], label)
    norms.set_yscale("log")
    norms.set_ylabel("norm of the gradient")
    cosines.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    cosines.set_ylim(-1.05, 1.05)
    cosines.set_ylabel("cosine of two gradients")
    cosines.set_xlabel("epoch")
    epoch_axis(cosines, epoch)
    for axes, columns_of_names in ((norms, 3), (cosines, 2)):
        if axes.get_legend_handles_labels()[1]:
            _legend_above(axes, columns_of_names)
    if len(epoch) >= SMOOTHED_FROM:
        figure.supxlabel(f"faint: each epoch; strong: mean over {_width(epoch)} epochs", fontsize=6, color="0.35")
    figure.align_ylabels([norms, cosines])
    return figure


def _legend_above(axes: Axes, columns: int) -> None:
    where: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    axes.legend(ncols=columns, handlelength=2.2, columnspacing=1.2, **where)


def _width(epoch: np.ndarray) -> int:
    """Epochs that a mean is over."""
    return len(epoch) // 40


def _draw_noisy(axes: Axes, epoch: np.ndarray, value: np.ndarray, style: tuple[str, str, str], label: str) -> None:
    """The value of every epoch and, where there are many, a mean over some of them in front."""
    colour, line, marker = style
    if len(epoch) < SMOOTHED_FROM:
        axes.plot(epoch, value, line, color=colour, label=label, marker=marker if len(epoch) == 1 else "")
        return
    width = _width(epoch)
    known = np.isfinite(value)
    ones = np.convolve(known, np.ones(width), "same")
    mean = np.convolve(np.where(known, value, 0), np.ones(width), "same") / np.maximum(ones, 1)
    axes.plot(epoch, value, color=colour, alpha=0.25, linewidth=0.5)
    axes.plot(epoch, np.where(ones > 0, mean, np.nan), line, color=colour, label=label)


@styled
def gradient_field(
    loc: np.ndarray,
    scale: np.ndarray,
    pulls: Mapping[str, np.ndarray],
    prior: Prior,
    extent: Extent | None = None,
    lengths: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Figure:
    """Where each term moves the encodings: arrows on the latent plane, over q(z) in grey.

    Contours hold 50 and 90 percent of the prior's mass; one outside the plane's part that is drawn is not seen.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (P, 2)
        Of q(z | x_i).
    pulls : mapping of str to numpy.ndarray of shape (P, 2)
        For each term its weighted gradient by loc, along which a step of training moves loc. Each term and
        their sum have a panel.
    prior : Prior
    extent : (float, float, float, float), optional
        Of the plane.
    lengths : mapping of str to float, optional
        For each panel the length of the gradient that is drawn as long as a twelfth of the plane. The default is the
        95th percentile, so that lengths compare inside a panel. The arrow below each panel is that long. A longer arrow
        ends at three times that length, and the panel says how many do.
    title : str, optional
    """
    shown = {term: pull for term, pull in pulls.items() if np.any(pull != 0)}
    panels = {TERM_NAMES.get(term, term): pull for term, pull in shown.items()}
    if len(panels) > 1:
        panels[SUM] = np.sum(list(shown.values()), axis=0)
    if not panels:
        raise MinidecompError("no term has a gradient by loc; there are no arrows to draw")
    extent = covering_square([(loc, scale)], prior) if extent is None else extent
    density, plane = drawn_density(loc, scale, extent, ARROW_GRID), PriorPlane.of_prior(prior, extent, ARROW_GRID)
    top = FAINTER * colour_top(density)
    width = min(PAGE, 0.4 + 1.85 * len(panels))
    side = (width - 0.4) / len(panels)
    figure = new_figure(width, side + (0.85 if title else 0.65), compress=True)
    axes_row: Any = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    colours = [*(TERM_COLOURS.get(term, TERM_COLOURS["sum"]) for term in shown), TERM_COLOURS["sum"]]
    for axes, (name, pull), colour in zip(axes_row, panels.items(), colours, strict=False):
        draw_posterior(axes, density, plane, top, "Greys")
        length = (lengths or {}).get(name) or typical_length(pull)
        drawn, cut = shortened(pull / length)
        unit = (extent[1] - extent[0]) / 12
        arrows = _arrows(axes, loc, drawn * unit, colour)
        axes.set_title(name, fontsize=8, pad=3)
        says = f"{length:.2g}" + (f" ({cut} longer, cut)" if cut else "")
        axes.quiverkey(arrows, 0.12, -0.52 / side, unit, says, labelpos="E", labelsep=0.05, fontproperties={"size": 7})
        axes.set_xlabel("$z_1$\n", fontsize=8)
    axes_row[0].set_ylabel("$z_2$")
    if title:
        figure.suptitle(title, fontsize=8)
    return figure


def typical_length(pull: np.ndarray) -> float:
    """The length that 95 percent of the arrows do not exceed; 1 if all are 0."""
    return float(np.quantile(np.linalg.norm(pull, axis=1), 0.95)) or 1.0


def shortened(arrows: np.ndarray) -> tuple[np.ndarray, int]:
    """Arrows (P, 2) in typical lengths, none longer than three of them, and how many were: their tips stay in view."""
    size = np.linalg.norm(arrows, axis=1, keepdims=True)
    too_long = size > LONGEST
    return arrows * np.where(too_long, LONGEST / np.where(too_long, size, 1), 1), int(too_long.sum())


def _arrows(axes: Axes, at: np.ndarray, by: np.ndarray, colour: str) -> Any:
    axes.plot(*at.T, ".", color="white", markersize=1.6, markeredgewidth=0.25, markeredgecolor=colour, zorder=1.8)
    shape: Any = {"width": 0.009, "headwidth": 3.5, "headlength": 4, "headaxislength": 3.6}
    return axes.quiver(*at.T, *by.T, angles="xy", scale_units="xy", scale=1, color=colour, **shape)


def write_field_animation(
    path: Path, frames: Sequence[np.ndarray], epochs: Sequence[int], terms: Sequence[str], prior: Prior
) -> None:
    """Write a GIF of `gradient_field` over training; axes and arrows keep their scale throughout.

    Parameters
    ----------
    path : pathlib.Path
    frames : sequence of numpy.ndarray of shape (P, 4 + 2 * len(terms))
        loc, scale and each term's pull on loc.
    epochs : sequence of int
        When.
    terms : sequence of str
    prior : Prior

    Raises
    ------
    Fault
        It cannot be written.
    """
    from PIL import Image

    from .shown import write_png

    parts = [(f[:, :2], f[:, 2:4], {term: f[:, 4 + 2 * i : 6 + 2 * i] for i, term in enumerate(terms)}) for f in frames]
    extent = covering_square([part[:2] for part in parts[len(parts) // 3 :]], prior)
    active = [term for term in terms if any(np.any(part[2][term] != 0) for part in parts)]
    late = parts[len(parts) // 3 :]
    lengths = {
        TERM_NAMES[term]: max(float(np.median([typical_length(part[2][term]) for part in late])), 1e-12)
        for term in active
    }
    if len(active) > 1:
        sums = [typical_length(np.sum([part[2][term] for term in active], axis=0)) for part in late]
        lengths[SUM] = float(np.median(sums))
    images = []
    for (loc, scale, pulls), epoch in zip(parts, epochs, strict=True):
        # A pull of nothing but zeros keeps its panel.
        kept = {term: pulls[term] + 1e-30 for term in active}
        figure = gradient_field(loc, scale, kept, prior, extent, lengths, f"epoch {epoch}")
        room = io.BytesIO()
        write_png(figure, room, dpi=110)
        images.append(Image.open(room).convert("P", palette=Image.Palette.ADAPTIVE, colors=128))
    settings: dict[str, Any] = {"duration": FRAME_MILLISECONDS, "loop": 0}
    write_file(path, lambda file: images[0].save(file, "GIF", save_all=True, append_images=images[1:], **settings))


@styled
def difference_errors(steps: Sequence[float], errors: Mapping[str, np.ndarray], kinks: Sequence[int]) -> Figure:
    """The error of central differences against the gradient by their step, term by term: the U.

    Parameters
    ----------
    steps : sequence of float
    errors : mapping of str to numpy.ndarray of shape (steps,)
        Relative, by a term's name.
    kinks : sequence of int
        How many kinks each step crosses; those that cross some are shaded.
    """
    figure = new_figure(COLUMN, 2.6)
    axes = figure.subplots()
    for term, values in errors.items():
        line, marker = TERM_LINES[term]
        style: Any = {"color": TERM_COLOURS[term], "label": TERM_NAMES[term], "marker": marker, "markersize": 2.5}
        axes.loglog(steps, np.maximum(values, 1e-16), line, **style)
    crossing = [step for step, count in zip(steps, kinks, strict=True) if count]
    if crossing:
        axes.axvspan(min(crossing) / 10**0.5, max(steps) * 1.5, color="0.92", zorder=0, label="crosses a kink")
    axes.set_xlabel("step $h$ of the central difference")
    axes.set_ylabel("relative error")
    _legend_above(axes, 2)
    return figure


def draw_gradient_log(folder: Path, log: GradientLog, prior: Prior, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write gradients and, where encodings in a plane were kept, gradient_field.gif; returns the paths."""
    make_folder(folder)
    paths = write_figure(gradient_curves(log.columns()), folder, "gradients", formats)
    if log.frames:
        paths.append(folder / "gradient_field.gif")
        write_field_animation(paths[-1], log.frames, log.frame_epochs, TERMS, prior)
    return paths

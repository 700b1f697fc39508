"""The content of the page as plain values: the run's numbers and, for a small model, its decoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.codes import LIKELIHOODS
from ..data.dataset import Dataset
from ..data.points import Bits, Points, as_numbers, evenly_spread
from ..data.rules import BYTES, check_finite
from ..engines.constants import is_built_in
from ..errors import MinidecompError, printable
from ..evaluation.everything import evaluated_dimension_kl
from ..figures.classes import class_colours
from ..figures.columns import FeatureAxes, extent_around
from ..figures.posterior import covering_square, density_on_grid
from ..inspection.by_term import term_gradients
from ..model.vae import VAE, in_dtype
from ..objective import Objective
from ..page.values import doubles, floats, prior_values, whole_bytes
from ..randomness import streams
from ..randomness.draws import draw
from ..runs.checkpoint import Run, has_best
from ..runs.evaluation_file import read_evaluation
from ..runs.schema import VALIDATION_COLUMNS, of_validation
from ..variants import REGULARISERS
from .evaluation import evaluation
from .settings import settings

MOST_WEIGHTS = 1_200_000  # of a decoder in the page: 4.8 MB, 6.4 MB as text
MOST_POINTS, MOST_VALUES = 100, 80_000  # test points, and numbers in all of them together
MOST_ENCODINGS = 2000
MOST_EPOCHS = 400  # points of a curve
PLANE = 120  # points along each side of the picture of the aggregate posterior
MARGINAL = 81  # points of a dimension's density
SLIDERS = 12


def content(run: Run, dataset: Dataset) -> dict[str, Any]:
    """The page's values, ready for JSON. The functions below make its parts.

    Parameters
    ----------
    run : Run
    dataset : Dataset
        The data that the run was trained on.
    """
    o, vae, training = run.options, run.vae, run.training()
    metrics, is_product = training.metrics(), getattr(vae.prior, "is_product", True)
    result: dict[str, Any] = {
        "name": printable(run.folder.resolve().name),
        "data": dataset.name,
        "epochs": training.epoch,
        "best": run.state.epoch if run.which == "best" else None,
        "last": run.which == "last" and has_best(run.folder),
        "objective": _objective(run.objective),
        "prior": o.prior,
        "settings": settings(o),
        "curves": _thinned({name: values for name, values in metrics.items() if name not in VALIDATION_COLUMNS}),
        "validation": _validation(metrics),
        "gradients": _thinned(training.gradient_log.columns()) if training.gradient_log is not None else {},
        "evaluation": evaluation(read_evaluation(run.folder, run.state), run.objective, is_product),
        "parameters": int(vae.parameters.vector.size),
        "unit": _unit(run),
    }
    return result | {"explorer": explorer(run, dataset)}


def _objective(objective: Objective) -> dict[str, Any]:
    """The weights and names of the terms."""
    regulariser = REGULARISERS[objective.regulariser]
    names = ("beta", "alpha", "regulariser", "kl", "samples")
    return {
        **{name: getattr(objective, name) for name in names},
        "D": regulariser.symbol,
        "D_unit": regulariser.unit,
        "kl_title": objective.kl_title,
    }


def _unit(run: Run) -> str:
    """How the data are scaled, in one or two sentences; empty if they are not, or if the run is too old to tell."""
    rules = run.rules
    if rules.unit == BYTES:
        return "A byte v of the data is the intensity v / 255."
    if rules.scaling is None:
        return ""
    text = (
        f"The model was trained on data scaled by --scale {rules.scale}; the page shows points "
        f"{'with the shades of the scaled images' if rules.image_shape else 'in the units of the data'}."
    )
    if nats := rules.log_volume:
        than = "lower" if nats >= 0 else "higher"
        text += " Log-likelihoods are those of the scaled data; "
        text += f"for the unscaled data they are {abs(nats):.4f} nats {than}."
    return text


def _thinned(columns: dict[str, np.ndarray]) -> dict[str, list[float | None]]:
    """Columns at evenly spread epochs, including the first and the last; NaN becomes None."""
    count = len(next(iter(columns.values())))
    rows = evenly_spread(count, MOST_EPOCHS)
    if count > 0:
        rows[0], rows[-1] = 0, count - 1
    return {
        name: [float(f"{value:.6g}") if np.isfinite(value) else None for value in np.asarray(values, float)[rows]]
        for name, values in columns.items()
    }


def _validation(metrics: dict[str, np.ndarray]) -> dict[str, list[float | None]]:
    """The terms on the validation points, by name, at the validated epochs; empty if there are none."""
    columns = of_validation(metrics)
    if not columns:
        return {}
    seen = np.isfinite(columns["log_likelihood"])
    return _thinned({name: values[seen] for name, values in ({"epoch": metrics["epoch"]} | columns).items()})


# ---- the explorer ----


def explorer(run: Run, dataset: Dataset) -> dict[str, Any]:
    """The decoder, the prior, some test points with their posteriors and gradients, and the aggregate posterior.

    Returns ``{"left_out": why}`` if the decoder is too large for the page, or if the page cannot compute the model.
    """
    vae, seed = run.vae, run.options.seed
    if not is_built_in(vae.prior) or vae.likelihood.name not in LIKELIHOODS:
        return {"left_out": f"the page cannot compute a {vae.prior.name} prior with a {vae.likelihood.name} likelihood"}
    decoder = np.concatenate([vae.parameters[name].ravel() for name in vae.decoder.shapes()])
    weights = decoder.size
    if weights > MOST_WEIGHTS:
        return {"left_out": f"the decoder has {weights:,} weights; a page holds at most {MOST_WEIGHTS:,}"}
    if vae.data_dim > MOST_VALUES:
        return {"left_out": f"a point has {vae.data_dim:,} values; a page holds at most {MOST_VALUES:,}"}
    chosen = evenly_spread(len(dataset.test), max(1, min(MOST_POINTS, MOST_VALUES // vae.data_dim)))
    known = dataset.train[evenly_spread(len(dataset.train), MOST_ENCODINGS)]
    loc, scale = _encodings(vae, known, f"the training points of {dataset.name}")
    loc, scale = np.asarray(loc, np.float64), np.asarray(scale, np.float64)
    tested = _encodings(vae, dataset.test, f"the test points of {dataset.name}")
    kl = evaluated_dimension_kl(run.folder, run.options, run.state, *tested)
    return {
        "decoder": {"widths": vae.decoder.widths, "activation": vae.decoder.activation, "vector": floats(decoder)},
        "likelihood": vae.likelihood.name,
        "likelihood_scale": getattr(vae.likelihood, "scale", 1.0),
        "data_dim": vae.data_dim,
        "latent_dim": vae.latent_dim,
        "image_shape": dataset.image_shape,
        "columns": [printable(name) or f"x_{i}" for i, name in enumerate(dataset.feature_names)],
        "given": _given(dataset),
        **_axes(dataset, chosen),
        "prior": prior_values(vae.current_prior()),
        "kl": [float(f"{value:.3g}") for value in kl],  # the labels of the sliders have three digits
        "shown": _shown(kl),
        "points": _points(vae, run.objective, dataset, chosen, seed),
        "marginals": _marginals(vae, loc, scale),
        "plane": _plane(vae, loc, scale) if vae.latent_dim == 2 else None,
    }


def _encodings(vae: VAE, points: Points, name: str) -> tuple[np.ndarray, np.ndarray]:
    """loc and scale (N, D) of points, encoded a few hundred at a time; DataError if one is not finite."""
    with np.errstate(all="ignore"):
        parts = [vae.encode(as_numbers(points[i : i + 500], vae.dtype)) for i in range(0, len(points), 500)]
    loc, scale = np.concatenate([loc for loc, _ in parts]), np.concatenate([scale for _, scale in parts])
    check_finite(name, {"loc": loc, "scale": scale})
    return loc, scale


def _shown(kl: np.ndarray) -> list[int]:
    """The dimensions that get a slider: all, or those with the largest KL, in descending order."""
    return list(range(len(kl))) if len(kl) <= SLIDERS else np.argsort(-kl, kind="stable")[:SLIDERS].tolist()


def _given(dataset: Dataset) -> dict[str, str] | None:
    """The shift and scale that convert points to the units of the data, value * scale + shift; None for images."""
    scaling = dataset.scaling
    if scaling is None or dataset.image_shape is not None:
        return None
    return {"shift": doubles(scaling.shift), "scale": doubles(scaling.scale)}


def _axes(dataset: Dataset, chosen: np.ndarray) -> dict[str, Any]:
    """How points that are not images are drawn, as in the pictures: in the plane, or by column."""
    if dataset.image_shape is not None:
        return {}
    x = dataset.given(dataset.test[chosen], np.float64)
    if dataset.data_dim == 2:
        return {"extent": [float(edge) for edge in extent_around(x)], "own_ranges": False}
    return {"own_ranges": bool(FeatureAxes.around(x, ()).own)}


def _stored(points: Points) -> dict[str, str]:
    """Points for the page: bits and bytes as bytes, with 255 for 1; numbers as float32."""
    if isinstance(points, Bits):
        return {"bytes": whole_bytes(255 * np.unpackbits(points.packed, axis=1))}
    return {"bytes": whole_bytes(points)} if points.dtype == np.uint8 else {"floats": floats(points)}


def _points(vae: VAE, objective: Objective, dataset: Dataset, chosen: np.ndarray, seed: int) -> dict[str, Any]:
    """Test points with their posteriors and classes, and each term's gradient with respect to loc and scale."""
    double, points = in_dtype(vae, np.float64), dataset.test[chosen]
    x = as_numbers(points, np.float64)
    with_prior = objective.alpha > 0 and len(x) >= objective.least_points
    step = streams.REPORT.step()
    drawn = draw(double.current_prior(), objective.samples, len(x), vae.latent_dim, seed, step, np.float64, with_prior)
    found = term_gradients(double, objective, x, drawn)
    loc, scale = double.encode(x)
    labels = dataset.test_labels
    classes = None if labels is None else _classes(labels[chosen], dataset.classes)
    pulls = {
        term: {"loc": floats(pulls_at["loc"] * len(x)), "scale": floats(pulls_at["scale"] * len(x))}
        for term, pulls_at in found.gradients.items()
    }
    return {
        "count": len(x),
        "index": chosen.tolist(),
        "loc": floats(loc),
        "scale": floats(scale),
        "labels": [] if classes is None else [classes["names"][code] for code in classes["codes"]],
        "classes": classes,
        "given": None if _given(dataset) is None else doubles(dataset.given(points, np.float64)),
        "pulls": pulls,
        **_stored(points),
    }


def _classes(labels: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """The class of each point, as an index into the classes that occur; the colours are those of the pictures."""
    there, codes = np.unique(labels, return_inverse=True)
    colours = class_colours(len(names))
    return {
        "codes": codes.tolist(),
        "names": [names[each] for each in there.tolist()],
        "colours": [colours[each] for each in there.tolist()],
    }


def _marginals(vae: VAE, loc: np.ndarray, scale: np.ndarray) -> list[dict[str, Any]]:
    """For each latent dimension a range, and the densities q(z_d) of the aggregate posterior and p(z_d) on it."""
    prior, result = vae.current_prior(), []
    spread = np.abs(np.concatenate([loc - 2 * scale, loc + 2 * scale]))
    prior_loc, prior_scale = np.atleast_2d(prior.loc), np.atleast_2d(prior.scale)
    for d in range(vae.latent_dim):
        own = np.quantile(spread[:, d], 0.98)
        reach = max(own, float((np.abs(prior_loc[:, d]) + 3 * prior_scale[:, d]).max()))
        z = np.linspace(-reach, reach, MARGINAL)
        wide = np.maximum(scale[:, d], z[1] - z[0])
        t = (z[:, None] - loc[:, d]) / wide
        q = (np.exp(-0.5 * t**2) / wide).mean(1) / np.sqrt(2 * np.pi)
        at = np.tile(np.asarray(prior_loc[0], np.float64), (MARGINAL, 1))
        at[:, d] = z
        p = np.exp(prior.marginal_log_density(at)[:, d])
        result.append({"reach": float(f"{reach:.4g}"), "q": _rounded(q), "p": _rounded(p)})
    return result


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


def _plane(vae: VAE, loc: np.ndarray, scale: np.ndarray) -> dict[str, Any]:
    """The aggregate posterior's density on a square, as bytes relative to its maximum; rows go upwards."""
    extent = covering_square([(loc, scale)], vae.current_prior())
    step = (extent[1] - extent[0]) / (PLANE - 1)
    q = density_on_grid(loc, np.maximum(scale, step), extent, PLANE)
    top = float(np.quantile(q, 0.995))
    if top <= 0:
        raise MinidecompError("the aggregate posterior has no density where it is drawn")
    return {"extent": [float(edge) for edge in extent], "size": PLANE, "q": whole_bytes(np.clip(q / top, 0, 1) * 255)}

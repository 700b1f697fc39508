"""Checks gradients against central differences in float64, and an engine's gradients against the textbook's.

    (f(t + h u) - f(t - h u)) / (2 h) = <grad f, u> + h^2 f''' / 6 + rounding / h

so as the step h falls, the error falls like h^2 until rounding, which grows like 1 / h, takes over: a U. A wrong
gradient has no such U; its error stays. A step across a kink of a rectifier or of the Laplace likelihood has an
additional error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import objective as textbook
from ..engines.cpu import CpuEngine
from ..errors import OptionError
from ..model.network import Parameters
from ..model.vae import VAE, in_dtype
from ..objective import Objective
from ..randomness.draws import Draws
from ..terms.posterior import sample
from .by_term import LATENT, TermGradients, term_gradients

STEPS = tuple(10.0**-k for k in range(1, 11))
TOLERANCE = 1e-6  # for differences
ENGINE_TOLERANCE = 1e-9  # relative to the largest entry
DIRECTIONS, ENTRIES = 2, 2
KINKED = ("relu", "leaky-relu")

Function = Callable[[float], dict[str, float]]


@dataclass(frozen=True)
class Probe:
    """<grad f, u> along one direction u, and its difference quotient, term by term.

    Attributes
    ----------
    analytic : dict
        <grad f_t, u> for each term t.
    size : dict
        What errors are relative to: |<grad f_t, u>|, or a thousandth of |grad f_t| if that is larger.
    errors : dict
        The absolute error of the difference quotient, for each of ``STEPS``.
    best : dict
        The smaller of that and the error of the extrapolation (100 Q(h) - Q(10 h)) / 99, which has no h^2 term.
    noise : dict
        How much rounding can change the quotient at each step.
    """

    analytic: dict[str, float]
    size: dict[str, float]
    errors: dict[str, np.ndarray]
    best: dict[str, np.ndarray]
    noise: dict[str, np.ndarray]

    def error(self, term: str) -> float:
        """The smallest relative error over the steps at which rounding does not hide the derivative.

        If it hides the derivative at all steps, as when that is 0: 0 if the differences are within rounding.
        """
        size = self.size[term]
        errors, noise = self.best[term], self.noise[term]
        usable = (noise < 1e-4 * size) & ~np.isnan(errors)
        if usable.any():
            return float((errors[usable] / size).min())
        # Steps of 1e-3 and below keep the h^2 part small.
        small = np.array(STEPS) <= 1e-3
        return 0.0 if (errors[small] <= noise[small] + TOLERANCE * size).any() else float("inf")


@dataclass
class Check:
    """The comparisons of a check, and their results.

    Attributes
    ----------
    differences : dict of dicts
        ``differences[block][term]``: the largest relative error of the block's probes against differences.
    engine : dict of dicts
        The CPU engine's largest difference from the textbook, relative to the block's largest entry.
    curve : dict of arrays
        For each term, the relative error along one direction of all parameters, at each of ``STEPS``.
    kinks : list of int
        How many kinks (of a rectifier, or of the Laplace likelihood) each of these steps crosses.
    """

    differences: dict[str, dict[str, float]] = field(default_factory=dict)
    engine: dict[str, dict[str, float]] = field(default_factory=dict)
    curve: dict[str, np.ndarray] = field(default_factory=dict)
    kinks: list[int] = field(default_factory=list)

    def failures(self) -> list[tuple[str, str, str, float]]:
        """Block, term, the other side of the comparison, and the error, for each gradient that disagrees."""
        found = []
        for against, errors, tolerance in (
            ("differences", self.differences, TOLERANCE),
            ("engine", self.engine, ENGINE_TOLERANCE),
        ):
            for block, by_term in errors.items():
                found += [(block, term, against, e) for term, e in by_term.items() if not e <= tolerance]
        return found


def check(vae: VAE, objective: Objective, x: np.ndarray, draws: Draws, seed: int = 0) -> Check:
    """Compare every term's gradient in every block with differences, and the CPU engine's with the textbook's.

    Parameters
    ----------
    vae, objective
        The model, converted to float64, and its objective.
    x : numpy.ndarray of shape (B, dx)
        A few points: each difference evaluates the objective twice.
    draws : Draws
        In float64; with the noise of the prior sample, so that a learned prior gets gradients through the sample.
    seed : int
        Seed of the directions.
    """
    vae, x = in_dtype(vae, np.float64), np.asarray(x, np.float64)
    found = term_gradients(vae, objective, x, draws)
    rng = np.random.default_rng(seed)
    result = Check()
    # A large step may make a scale negative, so that log s is NaN; the smaller steps decide.
    with np.errstate(all="ignore"):
        for block, gradient in _blocks(found).items():
            along = _along(vae, objective, x, draws, block)
            probes = [_probe(found, along, gradient, u) for u in _directions(gradient, rng)]
            result.differences[block] = {term: max(probe.error(term) for probe in probes) for term in found.terms}
        _curve(result, vae, objective, x, draws, found, rng)
    result.engine = _engine_errors(vae, objective, x, draws)
    return result


def _blocks(found: TermGradients) -> dict[str, dict[str, np.ndarray]]:
    first = next(iter(found.gradients.values()))
    return {block: {term: by_block[block] for term, by_block in found.gradients.items()} for block in first}


def _directions(gradient: dict[str, np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Random directions that lean towards each term's gradient, so that none is lost; the largest entry; and others."""
    shape = next(iter(gradient.values())).shape
    directions = []
    for _ in range(DIRECTIONS):
        u = _unit(rng.standard_normal(shape))
        directions.append(_unit(u + sum(rng.uniform(0.5, 1.5) * _unit(g) for g in gradient.values())))
    flat = {int(np.abs(g).argmax()) for g in gradient.values()} | set(rng.integers(0, u.size, ENTRIES).tolist())
    for i in sorted(flat):
        entry = np.zeros(shape)
        entry.flat[i] = 1.0
        directions.append(entry)
    return directions


def _unit(u: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(u)
    return u / size if size > 0 else u


def _probe(found: TermGradients, along: Callable[[Any], Function], gradient: dict[str, np.ndarray], u: Any) -> Probe:
    f = along(u)
    at = f(0.0)
    quotient: dict[str, list[float]] = {term: [] for term in found.terms}
    for h in STEPS:
        above, below = f(h), f(-h)
        for term in found.terms:
            quotient[term].append(found.weights[term] * (above[term] - below[term]) / (2 * h))
    analytic = {term: float((gradient[term] * u).sum()) for term in found.terms}
    errors = {term: np.abs(np.array(quotient[term]) - analytic[term]) for term in found.terms}
    best = {term: np.fmin(errors[term], _extrapolated(quotient[term], analytic[term])) for term in found.terms}
    size = {term: max(abs(analytic[term]), 1e-3 * float(np.linalg.norm(gradient[term]))) for term in found.terms}
    rounding = {term: 50 * 2.2e-16 * max(1.0, abs(found.weights[term] * at[term])) for term in found.terms}
    return Probe(analytic, size, errors, best, {term: rounding[term] / np.array(STEPS) for term in found.terms})


def _extrapolated(quotient: list[float], analytic: float) -> np.ndarray:
    """|(100 Q(h) - Q(10 h)) / 99 - analytic| for a step h other than the first."""
    q = np.array(quotient)
    return np.concatenate([[np.inf], np.abs((100 * q[1:] - q[:-1]) / 99 - analytic)])


def _moved(vae: VAE, name: str, change: np.ndarray) -> VAE:
    """The model with one parameter changed."""
    parameters = Parameters(vae.parameters.shapes, vae.parameters.vector.copy())
    parameters[name][...] += change
    return replace(vae, parameters=parameters)


def _values(vae: VAE, objective: Objective, x: np.ndarray, draws: Draws) -> dict[str, float]:
    """The terms, with the prior sample recomputed from its noise, since it moves with a learned prior."""
    if draws.prior_noise is not None:
        drawn = vae.current_prior().sample(draws.prior_noise, draws.prior_choice)
        draws = replace(draws, prior_sample=drawn)
    return textbook.value(vae, objective, x, draws)


def _along(vae: VAE, objective: Objective, x: np.ndarray, draws: Draws, block: str) -> Callable[[np.ndarray], Function]:
    """For a direction u in a block, the function t -> the terms at the block's value plus t u."""
    if block not in LATENT:
        return lambda u: lambda t: _values(_moved(vae, block, t * u), objective, x, draws)
    loc, scale = vae.encode(x)

    def terms(t: float, u: np.ndarray) -> dict[str, float]:
        mean = loc + t * u if block == "loc" else loc
        width = scale + t * u if block == "scale" else scale
        z = sample(mean, width, draws.eps) + (t * u if block == "z" else 0)
        return textbook.value_at(vae, objective, x, mean, width, z, draws)

    return lambda u: lambda t: terms(t, u)


def _curve(
    result: Check,
    vae: VAE,
    objective: Objective,
    x: np.ndarray,
    draws: Draws,
    found: TermGradients,
    rng: np.random.Generator,
) -> None:
    """The U-shaped error along one direction of all parameters together."""
    names = list(vae.parameters.shapes)
    by_term = {
        term: np.concatenate([by_block[name].ravel() for name in names]) for term, by_block in found.gradients.items()
    }
    u = _unit(_unit(rng.standard_normal(vae.parameters.vector.size)) + sum(_unit(g) for g in by_term.values()))

    def moved(t: float) -> VAE:
        return replace(vae, parameters=Parameters(vae.parameters.shapes, vae.parameters.vector + t * u))

    probe = _probe(found, lambda u: lambda t: _values(moved(t), objective, x, draws), by_term, u)
    for term in found.terms:
        size = abs(probe.analytic[term])
        result.curve[term] = probe.errors[term] / size if size > 0 else probe.errors[term]
    result.kinks = [int((_sides(moved(h), x, draws) != _sides(moved(-h), x, draws)).sum()) for h in STEPS]


def _sides(vae: VAE, x: np.ndarray, draws: Draws) -> np.ndarray:
    """Which side of its kink each rectifier, and each residual of a Laplace likelihood, is on."""
    _, inputs = vae.encoder.forward(vae.parameters, x)
    loc, scale = vae.encode(x)
    reconstruction, more = vae.decoder.forward(vae.parameters, sample(loc, scale, draws.eps))
    sides = [np.zeros(0, bool)]
    for network, layers in ((vae.encoder, inputs), (vae.decoder, more)):
        if network.activation in KINKED:
            sides += [(h > 0).ravel() for h in layers[1:]]
    if vae.likelihood.has_kink:
        sides.append((x > reconstruction).ravel())
    return np.concatenate(sides)


def _engine_errors(vae: VAE, objective: Objective, x: np.ndarray, draws: Draws) -> dict[str, dict[str, float]]:
    """The CPU engine's gradients against the textbook's."""
    found = term_gradients(vae, objective, x, draws)
    try:
        engine = CpuEngine(vae, objective, max_rows=len(x))
    except OptionError:  # compiled code does not know a part of the model, so there is nothing to compare
        return {}
    errors: dict[str, dict[str, float]] = {name: {} for name in vae.parameters.shapes}
    for term, weight in found.weights.items():
        gradient = Parameters(vae.parameters.shapes, engine.value_and_grad(x, draws, {term: weight})[1])
        # If a parameter's exact gradient is 0, rounding is compared with the size of the term's other gradients.
        least = max(1e-3 * max(float(np.abs(block).max()) for block in found.gradients[term].values()), 1e-12)
        for name in vae.parameters.shapes:
            expected = found.gradients[term][name]
            largest = max(float(np.abs(expected).max()), least)
            errors[name][term] = float(np.abs(gradient[name] - expected).max()) / largest
    return errors

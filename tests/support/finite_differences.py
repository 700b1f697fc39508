"""Gradients against finite differences: the checker, and random inputs in general position for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from minidecomp.terms import likelihoods, priors

PRIORS = ("gaussian", "student-t", "mixture", "sparse")
LIKELIHOODS = {
    "bernoulli": likelihoods.Bernoulli(),
    "gaussian": likelihoods.Gaussian(),
    "laplace": likelihoods.Laplace(0.3),
}


def derivative(f: Callable[[float], float], h: float) -> float:
    """f'(0) by central differences of fourth order; the error is h^4 f^(5) / 30 and f's rounding / h."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def pull_back(cotangent: np.ndarray, gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of <c, value> from each value's own: times c, summed over the axes the argument lacks."""
    total = cotangent.reshape(cotangent.shape + (1,) * (gradient.ndim - cotangent.ndim)) * gradient
    total = total.sum(tuple(range(total.ndim - len(shape))))
    return total.sum(tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)


def check_gradient(
    term: str,
    value: Callable[..., Any],
    arguments: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    *,
    zero: Collection[str] = (),
    step: float = 1e-4,
    rtol: float = 5e-6,
    directions: int = 2,
    entries: int = 3,
    seed: int = 0,
) -> None:
    """Assert that gradients are those of ``value``, in float64.

    With a random projection c of the value, <g, u> is compared with the difference quotient of <c, value>
    along random directions u of each argument, and along a few of its axes, among them that of the largest
    gradient.

    Parameters
    ----------
    term : str
        What is checked, for the message.
    value : callable
        Takes the arguments by name; gives a number or an array, one value a point.
    arguments : mapping from a name to an array
    gradients : mapping from a name to an array
        The gradient of each value by the argument: of the value's shape and then the argument's own axes.
        Where an argument is broadcast over some of the value's axes its gradient is summed over them here.
    zero : names of arguments whose gradient is to be zero everywhere
    step : float
        The difference's step; choose it so small that no kink lies within it.
    rtol : float
        Relative to the size of <g, u>.
    """
    rng = np.random.default_rng([seed, 20190612])
    arguments = {name: np.array(argument) for name, argument in arguments.items()}
    for name, argument in arguments.items():
        assert argument.dtype == np.float64, f"{term}, {name}: {argument.dtype} is too coarse for differences"
        if argument.size > 1:
            spread, size = np.ptp(argument), np.abs(argument).max()
            assert spread > 1e-6 * size, f"{term}, {name}: the input has no spread"
    at = np.asarray(value(**arguments))
    cotangent = rng.uniform(0.5, 1.5, at.shape) * rng.choice([-1, 1], at.shape)
    noise = 50 * np.finfo(np.float64).eps / step * max(1.0, float(np.abs(cotangent * at).sum()))

    for name, argument in arguments.items():
        gradient = pull_back(cotangent, np.asarray(gradients[name]), argument.shape)
        where = f"{term}, gradient by {name}"
        assert gradient.shape == argument.shape, f"{where}: shape {gradient.shape}, not {argument.shape}"
        assert np.isfinite(gradient).all(), f"{where}: not finite"
        assert np.any(gradient != 0) != (name in zero), f"{where}: all zero, or not zero where it is to be"

        probes = []
        for i in range(directions):
            u = rng.uniform(0.5, 1.5, argument.shape) * rng.choice([-1, 1], argument.shape)
            probes.append((f"along direction {i}", u))
        some = rng.choice(argument.size, min(entries, argument.size), replace=False)
        for flat in {int(np.abs(gradient).argmax()), *some.tolist()}:
            u = np.zeros(argument.shape)
            u.flat[flat] = 1
            index = tuple(int(i) for i in np.unravel_index(flat, argument.shape))
            probes.append((f"at entry {index}", u))

        for label, u in probes:

            def along(t: float, name: str = name, argument: np.ndarray = argument, u: np.ndarray = u) -> float:
                return float((cotangent * value(**(arguments | {name: argument + t * u}))).sum())

            analytic, numeric = float((gradient * u).sum()), derivative(along, step)
            size = float(np.sqrt(((gradient * u) ** 2).sum()))
            if "direction" in label and name not in zero:
                assert noise < 1e-2 * size, f"{where}: the differences' noise {noise:.1e} hides {size:.1e}"
            assert abs(analytic - numeric) <= rtol * size + noise, (
                f"{where}, {label}: analytic {analytic:.10g}, numeric {numeric:.10g}"
            )


def random_prior(
    kind: str,
    rng: np.random.Generator,
    latent_dim: int,
    components: int = 3,
    gamma: float = 0.6,
    df: float = 5.0,
    spike_scale: float = 0.2,
) -> Any:
    """A prior of a kind with random parameters; a mixture's components differ in scale as well."""
    shape = (components, latent_dim) if kind == "mixture" else (latent_dim,)
    loc, scale = rng.normal(0, 0.7, shape), rng.uniform(0.5, 1.5, shape)
    match kind:
        case "gaussian":
            return priors.Gaussian(loc, scale)
        case "student-t":
            return priors.StudentT(loc, scale, df)
        case "mixture":
            weight = rng.uniform(0.5, 1.5, components)
            return priors.Mixture(loc, scale, np.log(weight / weight.sum()))
        case "sparse":
            return priors.Sparse(loc, scale, gamma, spike_scale)
    raise ValueError(kind)


def random_points(prior: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Points where the prior's density is curved: of unit size, or by chance of the spike's."""
    z = rng.normal(0, 1.2, shape)
    if prior.name == "sparse":
        z *= np.where(rng.uniform(size=shape) < 0.5, prior.spike_scale, 1)
    return z


def with_variance(prior: Any, variance: np.ndarray) -> Any:
    """The prior with another variance, which may differ from point to point (..., D).

    A mixture's first component takes it, and the others' variances move by as much.
    """
    if prior.name == "mixture":
        return replace(prior, scale=np.sqrt(prior.scale**2 + (variance - prior.scale[0] ** 2)[..., None, :]))
    return replace(prior, scale=np.sqrt(variance))


def random_variance(prior: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Variances for ``with_variance``, a different one at each point, none below the prior's own."""
    first = prior.scale[0] if prior.name == "mixture" else prior.scale
    return first**2 + rng.uniform(0, 0.5, shape)

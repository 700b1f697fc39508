"""KL(q(z|x) || p(z)) for a posterior q = N(loc, diag scale^2): in closed form, and from samples."""

from __future__ import annotations

from typing import Any

from .arrays import LOG_2PI, array_module, normal_log_density
from .priors import Gaussian, Prior


def analytic_value(loc: Any, scale: Any, prior: Gaussian) -> Any:
    """KL(q(z|x) || p(z)) of two Gaussians in nats, (...,), for loc and scale of shape (..., D).

    KL = sum_d log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2

    with q = N(mu, s^2) and p = N(m, v) in each dimension (Kingma and Welling, ICLR 2014, appendix B).
    """
    xp = array_module(loc)
    v = prior.scale**2
    return (0.5 * xp.log(v) - xp.log(scale) + (scale**2 + (loc - prior.loc) ** 2) / (2 * v) - 0.5).sum(-1)


def analytic_value_and_grad(loc: Any, scale: Any, prior: Gaussian) -> tuple[Any, dict[str, Any]]:
    """The KL (...,) in nats, and its gradients (..., D) with respect to ``loc``, ``scale`` and the prior's variance.

    d/dmu = (mu - m) / v        d/ds = s / v - 1 / s        d/dv = 1 / (2 v) - (s^2 + (mu - m)^2) / (2 v^2)
    """
    v, r = prior.scale**2, loc - prior.loc
    grads = {
        "loc": r / v,
        "scale": scale / v - 1 / scale,
        "variance": 0.5 / v - 0.5 * (scale**2 + r**2) / v**2,
    }
    return analytic_value(loc, scale, prior), grads


def title(log_prior_multiplier: float = 1.0) -> str:
    """The name of log q - M log p in tables: it is a KL only if M is 1."""
    return "KL" if log_prior_multiplier == 1 else f"log q - {log_prior_multiplier:g} log p"


def sampled_log_density(z: Any, loc: Any, scale: Any, eps: Any = None) -> Any:
    """log q(z|x) of shape (...,) for samples z = mu + s eps (..., D).

    log q = sum_d -eps^2 / 2 - log s - log(2 pi) / 2

    Without ``eps``, it is computed as (z - mu) / s, which is inaccurate where s is much smaller than mu.
    """
    if eps is None:
        return normal_log_density(z, loc, scale).sum(-1)
    return (-0.5 * eps**2 - array_module(z).log(scale) - 0.5 * LOG_2PI).sum(-1)


def monte_carlo_value(
    z: Any, loc: Any, scale: Any, prior: Prior, log_prior_multiplier: float = 1.0, eps: Any = None
) -> Any:
    """An unbiased estimate of KL(q(z|x) || p(z)) in nats, (...,), from samples z (..., D) of the posterior.

    KL ~ log q(z|x) - M log p(z),   z = mu + s eps

    Parameters
    ----------
    z : array of shape (..., D), or (K, ..., D) for K samples of each posterior
    loc, scale : array of shape (..., D)
        mu and s of the posteriors.
    prior : Prior
    log_prior_multiplier : float
        M. The correct value is 1; the authors' code computes M = D for its mixture (``--log-prior-multiplier``).
    eps : array of z's shape, optional
        The noise that z was computed from, if it is known (`sampled_log_density`).
    """
    log_p = prior.log_density(z)
    _check_shape(prior, "log density", log_p, z.shape[:-1], z)
    return sampled_log_density(z, loc, scale, eps) - log_prior_multiplier * log_p


def _check_shape(prior: Prior, what: str, array: Any, shape: tuple[int, ...], z: Any) -> None:
    """Raise ValueError if a user's prior returned an array of the wrong shape, which would broadcast silently."""
    got = array_module(z).shape(array)
    if got != shape:
        raise ValueError(f"{prior.name}: the prior's {what} has shape {got}, not {shape}, for z of shape {z.shape}")


def monte_carlo_value_and_grad(
    z: Any, loc: Any, scale: Any, prior: Prior, log_prior_multiplier: float = 1.0, eps: Any = None
) -> tuple[Any, dict[str, Any]]:
    """The estimate (...,) in nats, and its derivatives with respect to ``z``, ``loc``, ``scale`` and ``variance``.

    d/dz = -(z - mu) / s^2 - M d log p(z)/dz        d/dmu = (z - mu) / s^2        d/ds = (z - mu)^2 / s^3 - 1 / s
    d/dv = -M d log p(z)/dv

    Each derivative has the shape of z, (..., D); ``variance`` is the prior's. With z = mu + s eps inserted, the terms
    with (z - mu) cancel in d/dmu and leave -1/s in d/ds. ``eps``, if given, is used for (z - mu) / s. The arguments are
    those of ``monte_carlo_value``.

    Raises
    ------
    ValueError
        If the prior returns a log density or a gradient of the wrong shape.
    """
    log_p, d_log_p = prior.log_density_and_grad(z)
    _check_shape(prior, "log density", log_p, z.shape[:-1], z)
    _check_shape(prior, "gradient", d_log_p["z"], z.shape, z)
    residual = (z - loc) / scale if eps is None else eps
    grads = {
        "z": -residual / scale - log_prior_multiplier * d_log_p["z"],
        "loc": residual / scale,
        "scale": (residual**2 - 1) / scale,
    }
    if "variance" in d_log_p:
        grads["variance"] = -log_prior_multiplier * d_log_p["variance"]
    return sampled_log_density(z, loc, scale, eps) - log_prior_multiplier * log_p, grads

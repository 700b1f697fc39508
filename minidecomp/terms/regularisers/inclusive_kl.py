"""KL(p(z) || q(z)) with the aggregate posterior of the batch, q(z) = 1/B sum_i N(z; loc_i, scale_i^2) (PAPER 4d).

The batch stands for the data: exact where it holds all of them, biased upwards otherwise (Jensen's inequality).
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays import array_module, logsumexp, normal_log_density
from ..priors import Prior


def _log_posteriors(prior_sample: Any, loc: Any, scale: Any) -> Any:
    """log q(z_j | x_i), of shape (J, B); one latent dimension at a time, so that nothing is J x B x D."""
    total = 0
    for d in range(loc.shape[1]):
        total = total + normal_log_density(prior_sample[:, d, None], loc[:, d], scale[:, d])
    return total


def value(prior_sample: Any, loc: Any, scale: Any, prior: Prior) -> float:
    """The estimate from z = prior_sample (J, D), a sample of the prior, and posteriors loc, scale (B, D).

    KL = 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B]
    """
    log_q = logsumexp(_log_posteriors(prior_sample, loc, scale), axis=1) - math.log(loc.shape[0])
    return (prior.log_density(prior_sample) - log_q).mean()


def value_and_grad(prior_sample: Any, loc: Any, scale: Any, prior: Prior) -> tuple[float, dict[str, Any]]:
    """The estimate and its gradient by ``loc``, ``scale`` (B, D), ``prior_sample`` (J, D) and ``variance`` (J, D).

    With W_ji = softmax_i log q(z_j | x_i):
    d/dmu_i = -1/J sum_j W_ji (z_j - mu_i) / s_i^2
    d/ds_i = -1/J sum_j W_ji ((z_j - mu_i)^2 / s_i^3 - 1 / s_i)
    d/dz_j = 1/J (d log p(z_j)/dz_j + sum_i W_ji (z_j - mu_i) / s_i^2)
    d/dv = 1/J d log p(z_j)/dv       the part through the prior's parameters at a fixed sample
    """
    xp = array_module(loc)
    draws, batch = prior_sample.shape[0], loc.shape[0]
    log_posteriors = _log_posteriors(prior_sample, loc, scale)
    log_sum = logsumexp(log_posteriors, axis=1)
    weight = xp.exp(log_posteriors - log_sum[:, None]) / draws
    log_p, d_log_p = prior.log_density_and_grad(prior_sample)
    d_loc, d_scale, d_sample = xp.empty_like(loc), xp.empty_like(scale), d_log_p["z"] / draws
    for d in range(loc.shape[1]):
        residual = (prior_sample[:, d, None] - loc[:, d]) / scale[:, d]
        pull = weight * residual / scale[:, d]
        d_loc[:, d] = -pull.sum(0)
        d_scale[:, d] = -(weight * (residual**2 - 1) / scale[:, d]).sum(0)
        d_sample[:, d] += pull.sum(1)
    estimate = (log_p - log_sum).mean() + math.log(batch)
    grads = {"loc": d_loc, "scale": d_scale, "prior_sample": d_sample}
    if "variance" in d_log_p:
        grads["variance"] = d_log_p["variance"] / draws
    return estimate, grads

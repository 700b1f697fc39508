"""KL(p(z) || q(z)) with the aggregate posterior of the batch, q(z) = 1/B sum_i N(z; loc_i, scale_i^2).

The batch stands for the data. q(z) is exact if the batch holds all data points; otherwise the estimate is biased
upwards (Jensen's inequality).
"""

from __future__ import annotations

import math
from typing import Any

from ..arrays import array_module, logsumexp, normal_log_density
from ..explanation import SMALL, Explanation, Worked, numbers
from ..priors import Prior
from .regulariser import Regulariser


def _log_posteriors(prior_sample: Any, loc: Any, scale: Any) -> Any:
    """log q(z_j | x_i), of shape (J, B); one latent dimension at a time, so that no array is J x B x D."""
    total = 0
    for d in range(loc.shape[1]):
        total = total + normal_log_density(prior_sample[:, d, None], loc[:, d], scale[:, d])
    return total


def value(prior_sample: Any, loc: Any, scale: Any, prior: Prior) -> float:
    """KL(p || q) in nats, from a sample z = prior_sample (J, D) of the prior, and posteriors loc, scale (B, D).

    KL ~ 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B]
    """
    log_q = logsumexp(_log_posteriors(prior_sample, loc, scale), axis=1) - math.log(loc.shape[0])
    return (prior.log_density(prior_sample) - log_q).mean()


def value_and_grad(prior_sample: Any, loc: Any, scale: Any, prior: Prior) -> tuple[float, dict[str, Any]]:
    """KL(p || q) in nats, and its gradients with respect to loc, scale (B, D), prior_sample and variance (J, D).

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


def _value(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Prior) -> float:
    return value(prior_sample, loc, scale, prior)


def _value_and_grad(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Prior) -> tuple[float, dict[str, Any]]:
    return value_and_grad(prior_sample, loc, scale, prior)


def _work_by_hand(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Prior) -> Worked:
    xp = array_module(loc)
    loc, scale, sample = loc[:SMALL], scale[:SMALL], prior_sample[:SMALL]
    log_q = xp.array(
        [
            [
                sum(-0.5 * ((a - m) / w) ** 2 - math.log(w) for a, m, w in zip(each, mu, sd, strict=True))
                for mu, sd in zip(loc, scale, strict=True)
            ]
            for each in sample
        ]
    )
    weight = xp.exp(log_q - log_q.max(1, keepdims=True))
    weight /= weight.sum(1, keepdims=True)
    pulls = (sample[:, 0] - loc[0, 0]) / scale[0, 0] ** 2
    J = len(sample)
    return Worked(
        [
            f"the batch's first {J} points and samples: z_j1 = {numbers(sample[:, 0])}, mu_11 = {loc[0, 0]:.6g}, "
            f"s_11 = {scale[0, 0]:.6g}",
            f"W_j1 = softmax over i of log q(z_j | x_i), at i = 1: {numbers(weight[:, 0])}",
            f"(z_j1 - mu_11) / s_11^2 = {numbers(pulls)}",
            f"d/dmu_11 = -1/{J} sum_j W_j1 (z_j1 - mu_11) / s_11^2",
        ],
        float(-(weight[:, 0] * pulls).sum() / J),
        float(value_and_grad(sample, loc, scale, prior)[1]["loc"][0, 0]),
    )


REGULARISER = Regulariser(
    name="kl-inc",
    label="KL(p || q)",
    title="KL(p || q)",
    symbol="KL(p(z) || q(z))",
    value=_value,
    value_and_grad=_value_and_grad,
    aliases=("kld_inc",),
    code=(value, value_and_grad),
    explanation=Explanation(
        "KL(p || q) from samples z_j of the prior, q(z) = 1/B sum_i N(z; mu_i, s_i^2)",
        (
            "KL = 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B]        "
            "W_ji = softmax_i log q(z_j | x_i)",
            "d/dmu_i = -1/J sum_j W_ji (z_j - mu_i) / s_i^2        "
            "d/ds_i = -1/J sum_j W_ji ((z_j - mu_i)^2 / s_i^3 - 1 / s_i)",
        ),
        (
            "the derivative of a logsumexp is the softmax-weighted sum of derivatives, sum_i W_ji d log q(z_j | x_i)",
            "q(z | x_i) is normal: d log q/dmu = (z - mu) / s^2, d log q/ds = (z - mu)^2 / s^3 - 1 / s",
            "each sample of the prior pulls the posteriors that explain it best towards itself, so no part of the "
            "prior stays empty",
            "with a learned prior, z_j moves too: d/dz_j = 1/J (d log p/dz_j + sum_i W_ji (z_j - mu_i) / s_i^2)",
        ),
    ),
    work_by_hand=_work_by_hand,
)

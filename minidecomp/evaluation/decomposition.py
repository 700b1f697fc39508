"""The two factors of a decomposition as numbers: how much encodings overlap, and how well together they match p(z).

KL(q(z|x) || p(z)), averaged over the data, splits into (Hoffman and Johnson, 2016; Chen et al., 2018)

    I_q(x; z)                            mutual information: log N if no encodings overlap, 0 if all are the same
    KL(q(z) || prod_d q(z_d))            total correlation
    sum_d KL(q(z_d) || p(z_d))           dimension-wise KL
    E_q(z)[log prod_d p(z_d) / p(z)]     the prior's own dependence; 0 if it is a product over dimensions

with q(z) = 1/N sum_i q(z|x_i) over all given points, not over a batch.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .._core.codes import LEAST_MMD_POINTS
from ..data.points import evenly_spread
from ..errors import counted
from ..randomness import philox, streams
from ..randomness.draws import sample_prior
from ..terms.arrays import LOG_2PI, normal_log_density
from ..terms.posterior import sample
from ..terms.priors import Prior, StudentT
from ..terms.regularisers import mmd
from .standard_errors import largest_share, standard_error, widened

MOST_POINTS, SAMPLES = 10_000, 2000
BLOCK = 100  # samples at once, so that no array is samples x points x dimensions
MMD_BLOCKS = 10
ROUNDING, ROUNDED_DECIMALS = 1e-11, 10  # differences of logarithms below it are those of the arithmetic
LEAST_SAMPLES = MMD_BLOCKS * LEAST_MMD_POINTS
# E |z|^k is infinite for a Student-t with df <= k: KL(p || q) has z^2, its samples' variance z^4.
MOST_DF_WITHOUT_MEAN, MOST_DF_WITHOUT_ERROR = 2, 4
TITLES = {  # of the parts that are not terms of the objective
    "posterior_entropy": "posterior entropy",
    "mutual_information": "mutual information I(x; z)",
    "total_correlation": "total correlation (sampled)",
    "dimension_wise_kl": "dimension-wise KL",
    "prior_dependence": "prior's own dependence",
}
DEFINITIONS = {
    "posterior_entropy": "the mean entropy of q(z|x) over the points",
    "mutual_information": "E[log q(z|x) - log q(z)]: 0 if all encodings are the same, log N if no two of N overlap",
    "total_correlation": "KL(q(z) || prod_d q(z_d)), from samples of q(z): 0 if the dimensions are independent",
    "dimension_wise_kl": "sum_d KL(q(z_d) || p(z_d))",
    "prior_dependence": "E_q(z)[log prod_d p(z_d) - log p(z)]: 0 if the prior's dimensions are independent",
    "kl": "KL(q(z|x) || p(z)), the sum of the four above",
    "mmd": "squared maximum mean discrepancy between q(z) and p(z), the mean of ten blocks of samples",
    "kl-inc": "KL(p(z) || q(z)), from samples of p(z)",
}


def decomposition(
    loc: np.ndarray, scale: np.ndarray, prior: Prior, samples: int = SAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Estimate overlap and match of a model's encodings.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, D)
        Of q(z|x_i). If there are more than 10,000 points, 10,000 evenly spread ones are used.
    prior : Prior
    samples : int
        Number of samples from q(z) and from p(z), at least 20, since the MMD is the mean of ten blocks.
    seed : int

    Returns
    -------
    dict
        ``overlap``: ``posterior_entropy`` (its mean over the points), ``mutual_information``, ``total_correlation``,
        ``dimension_wise_kl``, ``prior_dependence``, and ``kl``, the sum of the last four.
        ``match``: ``mmd``, ``kl-inc`` (KL(p || q)).
        Each is a dict of ``value`` and ``error``, its standard error over the samples; all are in nats except the MMD.
        ``largest_share`` is the part of the samples' squared deviations that a single sample has: if it is large, the
        error is a guess. The error of the MMD is that of ten blocks, widened by 15 % for their small number.
        With a Student-t prior, whose ``df`` is also there, KL(p || q) is infinite for df <= 2, and its error is NaN
        for df <= 4, since the samples' variance is infinite: log q(z) falls like z^2.
        ``points`` and ``samples`` are their numbers. The mutual information cannot exceed log(points).

    Raises
    ------
    ValueError
        There are too few samples, or loc and scale do not describe posteriors.
    """
    loc, scale = _checked(loc, scale, prior, samples)
    z, source = _sample_aggregate(loc, scale, samples, seed)
    df = prior.df if isinstance(prior, StudentT) else math.inf
    return {
        "overlap": _overlap(z, source, loc, scale, prior),
        "match": _match(z, loc, scale, prior, df, seed),
        "points": len(loc),
        "samples": samples,
        **({"df": df} if math.isfinite(df) else {}),
    }


def overlap(
    loc: np.ndarray, scale: np.ndarray, prior: Prior, samples: int = SAMPLES, seed: int = 0
) -> dict[str, dict[str, float]]:
    """The ``overlap`` of `decomposition`, with the same arguments, numbers and errors, in half the time."""
    loc, scale = _checked(loc, scale, prior, samples)
    return _overlap(*_sample_aggregate(loc, scale, samples, seed), loc, scale, prior)


def _checked(loc: np.ndarray, scale: np.ndarray, prior: Prior, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Location and scale of 10,000 points or fewer in double precision; ValueError if they cannot be right."""
    if operator.index(samples) < LEAST_SAMPLES:
        raise ValueError(f"{counted(samples, 'sample')}; a decomposition needs {LEAST_SAMPLES} or more")
    loc, scale = np.asarray(loc), np.asarray(scale)
    if loc.ndim != 2 or loc.shape != scale.shape or not len(loc):
        raise ValueError(
            f"loc has shape {loc.shape}, scale {scale.shape}; expected (N, D) for both, with N of 1 or more"
        )
    if (dims := prior.loc.shape[-1]) != loc.shape[1]:
        raise ValueError(f"loc has shape {loc.shape}, and the prior has {counted(dims, 'dimension')}")
    if not (np.isfinite(loc).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError("loc and scale must be finite, and scale above 0")
    chosen = evenly_spread(len(loc), MOST_POINTS)
    return loc[chosen].astype(np.float64), scale[chosen].astype(np.float64)


def _sample_aggregate(loc: np.ndarray, scale: np.ndarray, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples z (M, D) of q(z), and for each the index of the point whose q(z|x) it is from, (M,)."""
    points, dims = loc.shape
    # Independent draws: without replacement, pairs in the MMD would be further apart than in q(z).
    source = (points * philox.uniform((samples,), seed, *streams.DECOMPOSITION_SOURCE.at())).astype(np.int64)
    eps = philox.normal((samples, dims), seed, *streams.DECOMPOSITION_NOISE.at())
    return sample(loc[source], scale[source], eps), source


def _overlap(
    z: np.ndarray, source: np.ndarray, loc: np.ndarray, scale: np.ndarray, prior: Prior
) -> dict[str, dict[str, float]]:
    log_q_given_x = normal_log_density(z, loc[source], scale[source]).sum(1)
    log_q, log_q_marginals = _aggregate(z, loc, scale)
    log_p, log_p_marginals = prior.log_density(z), prior.marginal_log_density(z).sum(1)
    entropy = (np.log(scale) + 0.5 * (1 + LOG_2PI)).sum(1)
    return {
        "posterior_entropy": {"value": float(entropy.mean()), "error": 0.0},  # over all points
        "mutual_information": _estimate(log_q_given_x - log_q),
        "total_correlation": _estimate(log_q - log_q_marginals),
        "dimension_wise_kl": _estimate(log_q_marginals - log_p_marginals),
        "prior_dependence": _estimate(log_p_marginals - log_p),
        "kl": _estimate(log_q_given_x - log_p),
    }


def _match(
    z: np.ndarray, loc: np.ndarray, scale: np.ndarray, prior: Prior, df: float, seed: int
) -> dict[str, dict[str, float]]:
    prior_sample, _, _ = sample_prior(
        prior, z.shape, seed, streams.DECOMPOSITION_PRIOR.at(), streams.DECOMPOSITION_CHOICE.at(), np.float64
    )
    size = len(z) // MMD_BLOCKS
    discrepancies = np.array(
        [mmd.value(prior_sample[i * size : (i + 1) * size], z[i * size : (i + 1) * size]) for i in range(MMD_BLOCKS)]
    )
    log_q_of_prior, _ = _aggregate(prior_sample, loc, scale)
    inclusive = _estimate(prior.log_density(prior_sample) - log_q_of_prior)
    if df <= MOST_DF_WITHOUT_ERROR:
        inclusive["error"] = math.nan
    if df <= MOST_DF_WITHOUT_MEAN:
        inclusive["value"] = math.inf
    return {"mmd": {"value": float(discrepancies.mean()), "error": widened(discrepancies)}, "kl-inc": inclusive}


def _estimate(values: np.ndarray) -> dict[str, float]:
    """The mean of a sample's values, its standard error, and the share of one sample in it.

    If they differ by rounding only, as the logarithms of equal densities do, the mean is exact.
    """
    if np.ptp(values) < ROUNDING:
        return {"value": round(float(values.mean()), ROUNDED_DECIMALS) + 0.0, "error": 0.0, "largest_share": 0.0}
    return {
        "value": float(values.mean()),
        "error": standard_error(values),
        "largest_share": largest_share(values),
    }


def _aggregate(z: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log q(z) and sum_d log q(z_d), (M,) each, for z (M, D) and posteriors (N, D).

    log q(z) = logsumexp_i sum_d log N(z_d; mu_id, s_id^2) - log N,   log q(z_d) = logsumexp_i log N(...) - log N
    """
    log_q, log_marginals = np.empty(len(z)), np.zeros(len(z))
    inverse, constant = 1 / scale, -np.log(scale) - 0.5 * LOG_2PI
    for first in range(0, len(z), BLOCK):
        part = z[first : first + BLOCK]
        joint = np.zeros((len(part), len(loc)))
        for d in range(loc.shape[1]):
            log_density = constant[:, d] - 0.5 * ((part[:, d, None] - loc[:, d]) * inverse[:, d]) ** 2
            joint += log_density
            log_marginals[first : first + len(part)] += _log_mean_exp(log_density)
        log_q[first : first + len(part)] = _log_mean_exp(joint)
    return log_q, log_marginals


def _log_mean_exp(a: np.ndarray) -> np.ndarray:
    """log 1/N sum_i e^a_i along rows, in place."""
    largest = a.max(1, keepdims=True)
    a -= largest
    np.exp(a, out=a)
    return largest[:, 0] + np.log(a.mean(1))

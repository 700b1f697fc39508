"""The marginal log-likelihood log p(x) by importance sampling (Burda, Grosse and Salakhutdinov, ICLR 2016, eq. 8)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..data.points import Points, as_stored
from ..engines import make
from ..model.vae import VAE
from ..objective import Objective
from ..randomness import streams
from .standard_errors import standard_error

# Samples and points in memory at once, however many samples are wanted.
SAMPLES_AT_ONCE, POINTS_AT_ONCE = 50, 64
SAMPLES = 1000  # per point, by default
DOMINANT = 0.1  # part of a point's weight; a sample with more dominates the point


@dataclass(frozen=True)
class MarginalLogLikelihood:
    """An estimate of the mean of log p(x) over data, in nats per point.

    Attributes
    ----------
    mean : float
        The estimate. Its expectation is a lower bound that rises with ``samples`` to the true mean.
    standard_error : float
        Standard error of the mean, from the spread over the points: how far another test set would move it.
    sampling_error : float
        The part that comes from importance sampling (by the delta method). It is too small if points are
        ``dominated``, and NaN with one sample per point.
    bias : float
        An estimate of how far the expectation is below the true mean: half the mean over the points of the variance of
        log p(x), by the delta method. It does not fall with more points, so it can be larger than the sampling error.
        It is too small if points are ``dominated``, and NaN with one sample per point.
    effective_samples : float
        The mean of (sum w)^2 / sum w^2 over the points; near 1, a single sample determines the estimate.
    dominated : int
        The number of points of which a single sample has more than a tenth of the weight. There the sampling error and
        the bias are a guess: the samples may all have missed where p(z|x) is.
    samples, points : int
        K, and the number of points.
    """

    mean: float
    standard_error: float
    sampling_error: float
    bias: float
    effective_samples: float
    dominated: int
    samples: int
    points: int

    def as_dict(self) -> dict[str, Any]:
        """The estimate as a dict of numbers for JSON."""
        return asdict(self)


def marginal_log_likelihood(
    vae: VAE,
    data: Points,
    samples: int = SAMPLES,
    seed: int = 0,
    engine: str = "cpu",
    threads: int = 1,
    progress: Callable[[int], object] = lambda points: None,
) -> MarginalLogLikelihood:
    """Estimate the mean of log p(x) over the data.

    log p(x) ~ logsumexp_k log w_k - log K,   w_k = p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q(z|x)

    Only running sums over k are kept, so memory does not depend on K.

    Parameters
    ----------
    vae : VAE
    data : Points of shape (N, dx)
    samples : int
        K.
    seed : int
        Seed of the draws.
    engine, threads
        As for ``minidecomp.engines.make``.
    progress : callable
        Called with the number of points done.

    Raises
    ------
    ValueError
        There is no sample or no point, or the data do not fit the model.
    """
    if operator.index(samples) < 1:
        raise ValueError(f"samples must be 1 or more, not {samples}")
    if len(data.shape) != 2 or not data.shape[0] or data.shape[1] != vae.data_dim:
        raise ValueError(f"the data have shape {data.shape}; expected (N, {vae.data_dim}), with N of 1 or more")
    chunks = math.ceil(samples / SAMPLES_AT_ONCE)
    at_once = math.ceil(samples / chunks)
    objective = Objective(kl="monte-carlo", samples=at_once)
    sampler = make(engine, replace(vae), objective, max_rows=POINTS_AT_ONCE, threads=threads)
    data = as_stored(data, vae.dtype)
    log_p, variance, effective, heaviest = np.empty((4, len(data)))
    firsts = range(0, len(data), POINTS_AT_ONCE)
    steps = [
        [streams.MARGINAL.step(number * chunks + chunk) for chunk in range(chunks)] for number in range(len(firsts))
    ]
    weights = sampler.log_weights_by_batch(data, POINTS_AT_ONCE, seed, steps)
    for first in firsts:
        points = min(POINTS_AT_ONCE, len(data) - first)
        largest, total, squares = np.full(points, -np.inf), np.zeros(points), np.zeros(points)
        for chunk in range(chunks):
            log_w = next(weights)[: samples - chunk * at_once]
            # sum_k w_k and sum_k w_k^2 relative to e^largest and its square; rescaled when a larger weight comes.
            top = np.maximum(largest, log_w.max(0))
            shrink, w = np.exp(largest - top), np.exp(log_w - top)
            total, squares, largest = total * shrink + w.sum(0), squares * shrink**2 + (w**2).sum(0), top
        part = slice(first, first + points)
        log_p[part] = largest + np.log(total) - math.log(samples)
        effective[part] = total**2 / squares
        heaviest[part] = 1 / total
        # Var log p ~ Var(mean w) / (mean w)^2 = (1 / effective - 1 / K) K / (K - 1)
        variance[part] = np.maximum(1 / effective[part] - 1 / samples, 0) * samples / max(samples - 1, 1)
        progress(first + points)
    count = len(data)
    return MarginalLogLikelihood(
        mean=float(log_p.mean()),
        standard_error=standard_error(log_p) if count > 1 else math.nan,
        sampling_error=float(math.sqrt(variance.sum()) / count) if samples > 1 else math.nan,
        # log of the mean of w: E log w = log E w - Var(w) / (2 E[w]^2)
        bias=float(variance.mean() / 2) if samples > 1 else math.nan,
        effective_samples=float(effective.mean()),
        dominated=int((heaviest > DOMINANT).sum()),
        samples=samples,
        points=count,
    )

"""What each latent dimension encodes: its KL, and whether it is active."""

from __future__ import annotations

import numpy as np

from ..randomness import philox, streams
from ..terms.arrays import normal_log_density
from ..terms.posterior import sample
from ..terms.priors import Prior

# Burda, Grosse and Salakhutdinov (ICLR 2016), section 5.2.
ACTIVE_VARIANCE = 0.01


def dimension_kl(loc: np.ndarray, scale: np.ndarray, prior: Prior, seed: int = 0) -> np.ndarray:
    """The mean of KL(q(z_d|x) || p(z_d)) over the points, from one sample per point, in nats.

    KL_d ~ 1/N sum_i log N(z_id; mu_id, s_id^2) - log p_d(z_id)

    Their sum is the KL term if the prior is a product over dimensions; a mixture is not.

    Parameters
    ----------
    loc, scale : numpy.ndarray of shape (N, D)
        Of the posteriors.
    prior : Prior
    seed : int
        Seed of the samples.

    Returns
    -------
    numpy.ndarray of shape (D,)
    """
    loc, scale = loc.astype(np.float64), scale.astype(np.float64)
    z = sample(loc, scale, philox.normal(loc.shape, seed, *streams.DIMENSIONS.at()))
    return (normal_log_density(z, loc, scale) - prior.marginal_log_density(z)).mean(0)


def active_dimensions(loc: np.ndarray) -> list[int]:
    """Indices (0 for z1) of the dimensions whose means loc (N, D) have a variance above 0.01 (Burda et al., 2016)."""
    return np.flatnonzero(loc.astype(np.float64).var(0) > ACTIVE_VARIANCE).tolist()

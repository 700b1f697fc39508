"""Latent traversals: what changes when one latent dimension moves and the others stay."""

from __future__ import annotations

import numpy as np

from ..model.vae import VAE
from ..terms.priors import Mixture, Prior

STEPS, SPAN = 11, 3.0


def prior_spread(prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale (D,) of each dimension of the prior; of a mixture its mean and standard deviation."""
    if isinstance(prior, Mixture):
        weight = np.exp(prior.log_weight.astype(np.float64))[:, None]
        centre = (weight * prior.loc).sum(0)
        return centre, np.sqrt((weight * (prior.scale**2 + (prior.loc - centre) ** 2)).sum(0))
    return np.broadcast_to(prior.loc, prior.scale.shape).astype(np.float64), prior.scale.astype(np.float64)


def traverse(vae: VAE, base: np.ndarray, steps: int = STEPS, span: float = SPAN) -> tuple[np.ndarray, np.ndarray]:
    """Move each dimension through the prior, from ``span`` of its scales below the centre to as many above.

    Parameters
    ----------
    vae : VAE
    base : numpy.ndarray of shape (D,)
        The latent point that the other dimensions keep.
    steps : int
        Values for each dimension.
    span : float

    Returns
    -------
    values : numpy.ndarray of shape (D, steps)
    means : numpy.ndarray of shape (D, steps, dx)
        E[x | z] at each of them.
    """
    centre, scale = prior_spread(vae.current_prior())
    values = centre[:, None] + scale[:, None] * np.linspace(-span, span, steps)
    z = np.tile(base.astype(vae.dtype), (len(base), steps, 1))
    for d in range(len(base)):
        z[d, :, d] = values[d]
    return values, vae.likelihood.mean(vae.decode(z))

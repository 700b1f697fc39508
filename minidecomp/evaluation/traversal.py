"""Latent traversals: what changes when one latent dimension moves and the others stay fixed."""

from __future__ import annotations

import numpy as np

from ..model.vae import VAE

STEPS, SPAN = 11, 3.0


def traverse(vae: VAE, base: np.ndarray, steps: int = STEPS, span: float = SPAN) -> tuple[np.ndarray, np.ndarray]:
    """Move each dimension through the prior, from ``span`` of its scales below the centre to ``span`` above.

    Parameters
    ----------
    vae : VAE
    base : numpy.ndarray of shape (D,)
        The latent point, from which the other dimensions keep their values.
    steps : int
        Number of values for each dimension.
    span : float

    Returns
    -------
    values : numpy.ndarray of shape (D, steps)
    means : numpy.ndarray of shape (D, steps, dx)
        E[x | z] at each of them.
    """
    centre, scale = vae.current_prior().centre_and_spread()
    values = centre[:, None] + scale[:, None] * np.linspace(-span, span, steps)
    z = np.tile(base.astype(vae.dtype), (len(base), steps, 1))
    for d in range(len(base)):
        z[d, :, d] = values[d]
    return values, vae.likelihood.mean(vae.decode(z))

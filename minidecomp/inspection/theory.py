"""Theorem 1 of Mathieu et al. (ICML 2019), its corollary and Theorem 2: both sides of each, evaluated on a model.

Both sides use the same single posterior sample z = loc + scale eps of each point for E_q[log p(x|z)]. Everything else
is in closed form or by quadrature, so the two sides agree up to rounding if the statement holds (docs/theory.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ..errors import OptionError
from ..model.network import Parameters
from ..model.vae import VAE
from ..terms import kl
from ..terms.posterior import sample
from ..terms.priors import Gaussian, Prior

NODES = 96  # of the Gauss-Hermite rule for E_q
GRID, GRID_2D = 20001, 1201  # grid points per axis for integrals over a mixture


@dataclass(frozen=True)
class Sides:
    """A statement's two sides, means over the batch in nats, and the parts of each."""

    statement: str
    left: float
    right: float
    left_parts: dict[str, float]
    right_parts: dict[str, float]

    @property
    def difference(self) -> float:
        """The first side minus the second, in nats."""
        return self.left - self.right


# ---- Theorem 1 ----


def log_F(prior: Prior, beta: float) -> float:
    """log F_beta = log int p(z)^beta dz in nats, in closed form or by quadrature, depending on the prior.

    Raises
    ------
    OptionError
        p^beta has no finite integral (a Student-t with beta (nu + 1) <= 1), or the integral is not known (a mixture in
        more than two dimensions, which has no closed form and is not a product).
    """
    try:
        return prior.log_power_integral(beta)
    except NotImplementedError as error:
        raise OptionError("prior", prior.name, str(error)) from None


def expected_log_prior(prior: Prior, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """E_q[log p(z)] of each posterior in nats, (B,), for loc and scale (B, D), by Gauss-Hermite quadrature.

    It is exact for a Gaussian prior.
    """
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    weight = weight / weight.sum()
    if not prior.is_product and loc.shape[1] == 2:
        a, b = np.meshgrid(node, node, indexing="ij")
        z = loc[:, None, None] + scale[:, None, None] * np.stack([a, b], -1)
        return np.einsum("bij,i,j->b", prior.log_density(z), weight, weight)
    if not prior.is_product and loc.shape[1] > 2:
        raise OptionError("prior", prior.name, "E_q[log p] cannot be integrated here in more than two dimensions")
    z = loc[:, None] + scale[:, None] * node[:, None]
    return np.einsum("bid,i->b", prior.marginal_log_density(z), weight)


def entropy(scale: np.ndarray) -> np.ndarray:
    """H[q] of each posterior in nats, (B,), for scale (B, D).

    H[q] = sum_d log s + (1 + log 2 pi) / 2
    """
    return (np.log(scale) + 0.5 * (1 + math.log(2 * math.pi))).sum(-1)


def divergence(prior: Prior, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """KL(q || p) of each posterior in nats, (B,): closed form for a Gaussian prior, otherwise -H[q] - E_q[log p]."""
    if isinstance(prior, Gaussian):
        return kl.analytic_value(loc, scale, prior)
    return -entropy(scale) - expected_log_prior(prior, loc, scale)


def theorem_1(vae: VAE, x: np.ndarray, eps: np.ndarray, beta: float) -> Sides:
    """Theorem 1 (Mathieu et al., ICML 2019): both sides, means over the batch in nats.

    beta-VAE = ELBO with the beta-annealed prior + (beta - 1) H[q] + log F_beta

    Parameters
    ----------
    vae : VAE
        In float64.
    x : numpy.ndarray of shape (B, dx)
    eps : numpy.ndarray of shape (B, D)
        Noise of the one sample that estimates E_q[log p(x|z)].
    beta : float
        Above 0.
    """
    prior, (loc, scale) = vae.current_prior(), vae.encode(x)
    log_likelihood = float(vae.likelihood.value(x, vae.decode(sample(loc, scale, eps))).mean())
    own = float(divergence(prior, loc, scale).mean())
    log_f, spread, other = log_F(prior, beta), float(entropy(scale).mean()), prior.annealed(beta)
    if other is not None:
        to_annealed = float(divergence(other, loc, scale).mean())
    else:  # KL(q || f_beta) by the quadrature of log f_beta = beta log p - log F_beta
        to_annealed = -spread - (beta * float(expected_log_prior(prior, loc, scale).mean()) - log_f)
    return Sides(
        "L_beta = ELBO with prior p^beta / F_beta + (beta - 1) H[q] + log F_beta",
        log_likelihood - beta * own,
        log_likelihood - to_annealed + (beta - 1) * spread + log_f,
        {"E_q[log p(x|z)]": log_likelihood, "-beta KL(q || p)": -beta * own},
        {
            "E_q[log p(x|z)]": log_likelihood,
            "-KL(q || p^beta / F_beta)": -to_annealed,
            "(beta - 1) H[q]": (beta - 1) * spread,
            "log F_beta": log_f,
        },
    )


# ---- the corollary: a Gaussian prior, and a rescaled model ----


def _with_first_weights(vae: VAE, change: np.ndarray) -> VAE:
    """The model whose decoder receives ``z @ change``: its first layer's weights times a matrix (D, D)."""
    parameters = Parameters(vae.parameters.shapes, vae.parameters.vector.copy())
    parameters["dec.0.W"][...] = change @ parameters["dec.0.W"]
    return replace(vae, parameters=parameters)


def corollary(vae: VAE, x: np.ndarray, eps: np.ndarray, beta: float) -> Sides:
    """The corollary of Theorem 1 for a Gaussian prior: both sides, means over the batch in nats.

    beta-VAE = ELBO of a rescaled model + (beta - 1) / 2 log|S'| + c

    mu' = sqrt(beta) mu,  s' = sqrt(beta) s
    p'(x|z) = p(x | z / sqrt(beta)): the decoder's first weights divided by sqrt(beta)
    c = D (beta - 1) / 2 (1 + log(2 pi / beta)) + log F_beta

    Raises
    ------
    OptionError
        The prior is not Gaussian, or its mean is not 0.
    """
    prior, (loc, scale) = vae.current_prior(), vae.encode(x)
    if not isinstance(prior, Gaussian) or np.any(prior.loc != 0):
        raise OptionError("prior", prior.name, "the corollary is about the gaussian prior")
    root, D = math.sqrt(beta), vae.latent_dim
    z = sample(loc, scale, eps)
    left = float(vae.likelihood.value(x, vae.decode(z)).mean()), -beta * float(divergence(prior, loc, scale).mean())
    rescaled = _with_first_weights(vae, np.eye(D) / root)
    log_likelihood = float(rescaled.likelihood.value(x, rescaled.decode(root * loc + root * scale * eps)).mean())
    own = float(divergence(prior, root * loc, root * scale).mean())
    log_det = float(2 * np.log(root * scale).sum(-1).mean())
    c = D * (beta - 1) / 2 * (1 + math.log(2 * math.pi / beta)) + log_F(prior, beta)
    right = {
        "E_q'[log p'(x|z)]": log_likelihood,
        "-KL(q' || p)": -own,
        "(beta - 1)/2 log|S'|": 0.5 * (beta - 1) * log_det,
        "c": c,
    }
    return Sides(
        "L_beta = ELBO of the rescaled model + (beta - 1)/2 log|S'| + c",
        sum(left),
        sum(right.values()),
        {"E_q[log p(x|z)]": left[0], "-beta KL(q || p)": left[1]},
        right,
    )


# ---- Theorem 2: rotations ----


def rotation(latent_dim: int, seed: int = 0) -> np.ndarray:
    """A random rotation (D, D) with determinant 1, from the QR decomposition of a normal matrix."""
    q, r = np.linalg.qr(np.random.default_rng(seed).standard_normal((latent_dim, latent_dim)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q


def theorem_2(vae: VAE, x: np.ndarray, eps: np.ndarray, beta: float, seed: int = 0) -> Sides:
    """Theorem 2 (Mathieu et al., ICML 2019): the objective at alpha = 0, in nats, of a model and of its rotation by R.

    z' = R z,  q' = N(R mu, R S R^T),  p'(x|z') = p(x | R^T z'). log q'(z') = log q(z), because a rotation preserves
    volumes. The sides agree if p(R z) = p(z) for all z. Among the priors here, only a Gaussian with equal variances
    satisfies this.

    Raises
    ------
    OptionError
        There is one latent dimension, which has no rotation.
    """
    prior, (loc, scale) = vae.current_prior(), vae.encode(x)
    if vae.latent_dim < 2:
        raise OptionError("latent_dim", vae.latent_dim, must_be="at least 2 for a rotation")
    R, z = rotation(vae.latent_dim, seed), sample(loc, scale, eps)
    turned = _with_first_weights(vae, R)  # z' = z R^T as a row, so z' R = z
    z_turned = z @ R.T
    covariance = np.einsum("ij,bj,kj->bik", R, scale**2, R)
    residual = z_turned - loc @ R.T
    solved = np.linalg.solve(covariance, residual[..., None])[..., 0]
    log_q_turned = -0.5 * (
        (residual * solved).sum(-1) + np.linalg.slogdet(covariance)[1] + vae.latent_dim * math.log(2 * math.pi)
    )
    log_q = (-0.5 * eps**2 - np.log(scale) - 0.5 * math.log(2 * math.pi)).sum(-1)
    parts = []
    for model, at, log_density in ((vae, z, log_q), (turned, z_turned, log_q_turned)):
        parts.append(
            {
                "E_q[log p(x|z)]": float(model.likelihood.value(x, model.decode(at)).mean()),
                "-beta E_q[log q(z|x)]": -beta * float(log_density.mean()),
                "beta E_q[log p(z)]": beta * float(prior.log_density(at).mean()),
            }
        )
    return Sides(
        "L_beta of the model = L_beta of the model with its latent space rotated",
        sum(parts[0].values()),
        sum(parts[1].values()),
        *parts,
    )


STATEMENTS = {"1": theorem_1, "corollary": corollary, "2": theorem_2}

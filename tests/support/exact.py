"""Overlap and match without samples: closed forms of a linear-Gaussian model, and integrals over a grid."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from minidecomp.terms.arrays import normal_log_density
from minidecomp.terms.regularisers import mmd


@dataclass(frozen=True)
class LinearGaussian:
    """x ~ N(0, I), mu(x) = A x, q(z|x) = N(A x, diag s^2) and p(z) = N(0, diag v), so q(z) = N(0, A A^T + diag s^2)."""

    matrix: np.ndarray  # (D, dx)
    scale: np.ndarray  # (D,)
    prior_scale: np.ndarray  # (D,)

    @property
    def covariance(self):
        return self.matrix @ self.matrix.T + np.diag(self.scale**2)

    def encodings(self, points):
        """The posteriors of a Sobol sequence and its mirror image, mapped to x ~ N(0, I): loc and scale (N, D)."""
        uniform = stats.qmc.Sobol(self.matrix.shape[1], scramble=True, seed=0).random(points // 2)
        x = stats.norm.ppf(uniform)
        loc = np.concatenate([x, -x]) @ self.matrix.T
        return loc, np.tile(self.scale, (points, 1))

    def values(self):
        """What `decomposition` estimates.

        I = 1/2 log det C / det S,   TC = 1/2 log prod_d C_dd / det C,   C = A A^T + S,   S = diag s^2
        sum_d KL(q(z_d) || p(z_d)) = 1/2 sum_d [C_dd / v_d - 1 - log C_dd / v_d]
        KL(p || q) = 1/2 [tr C^-1 V - D + log det C / det V]
        """
        c, v = self.covariance, self.prior_scale**2
        log_det, diagonal = np.linalg.slogdet(c)[1], np.diag(c)
        log_s, log_v = np.log(self.scale**2).sum(), np.log(v).sum()
        information = 0.5 * (log_det - log_s)
        correlation = 0.5 * (np.log(diagonal).sum() - log_det)
        dimensions = 0.5 * (diagonal / v - 1 - np.log(diagonal / v)).sum()
        dims = len(v)
        return {
            "posterior_entropy": 0.5 * (log_s + dims * (1 + math.log(2 * math.pi))),
            "mutual_information": information,
            "total_correlation": correlation,
            "dimension_wise_kl": dimensions,
            "prior_dependence": 0.0,
            "kl": information + correlation + dimensions,
            "mmd": sum(map(mmd_of_normals, np.sqrt(diagonal), self.prior_scale)),
            "kl-inc": 0.5 * (np.trace(np.linalg.inv(c) * v) - dims + log_det - log_v),
        }


def mmd_of_normals(first, second):
    """MMD^2 between N(0, a^2) and N(0, b^2): E k(x - x') + E k(y - y') - 2 E k(x - y).

    Each difference is a normal with a variance t^2 of 2 a^2, 2 b^2 or a^2 + b^2. Gauss-Hermite's rule is too coarse
    for the narrowest kernel, so the expectation is a sum over a grid.
    """
    u = np.linspace(-12, 12, 200_001)
    weight = stats.norm.pdf(u) * (u[1] - u[0])
    within = [weight @ mmd.kernel(math.sqrt(2) * each * u) for each in (first, second)]
    return sum(within) - 2 * weight @ mmd.kernel(math.hypot(first, second) * u)


def log_mixture(z, loc, scale):
    """log 1/N sum_i N(z; mu_i, s_i^2) of one dimension, for z of any shape."""
    return special.logsumexp(normal_log_density(z[..., None], loc, scale), axis=-1) - math.log(len(loc))


@dataclass(frozen=True)
class Grid:
    """Points of an axis with the weights of the trapezoidal rule."""

    at: np.ndarray
    weight: np.ndarray

    @classmethod
    def even(cls, reach, step):
        at = np.arange(-reach, reach + step / 2, step)
        return cls(at, np.full(len(at), step))

    @classmethod
    def wide(cls, reach, step):
        """z = sinh u for even u: for heavy tails."""
        even = cls.even(math.asinh(reach), step)
        return cls(np.sinh(even.at), even.weight * np.cosh(even.at))


def by_integration(loc, scale, prior, of_q, of_p):
    """What `decomposition` estimates for encodings of one or two dimensions, by integrals over two grids.

    ``of_q`` is fine enough for the narrowest encoding, and ``of_p`` wide enough for the prior's tails.
    """
    dims = loc.shape[1]
    entropy = (np.log(scale) + 0.5 * (1 + math.log(2 * math.pi))).sum(1).mean()
    # q on the grid of an axis for each point: their product over the axes is the joint density.
    each = [np.exp(normal_log_density(of_q.at[:, None], m, s)) for m, s in zip(loc.T, scale.T, strict=True)]
    of_axes = sum(of_q.weight @ special.xlogy(q.mean(1), q.mean(1)) for q in each)  # -sum_d H(q(z_d))
    if dims == 1:
        mass = of_q.weight * each[0].mean(1)
        points, of_joint = of_q.at[:, None], of_axes
    else:
        joint = each[0] @ each[1].T / len(loc)
        mass = np.outer(of_q.weight, of_q.weight) * joint
        of_joint = (np.outer(of_q.weight, of_q.weight) * special.xlogy(joint, joint)).sum()
        points = np.stack(np.meshgrid(of_q.at, of_q.at, indexing="ij"), axis=-1)
    np.testing.assert_allclose(mass.sum(), 1, atol=1e-7)
    of_prior = (mass * prior.log_density(points)).sum()
    of_prior_axes = (mass * prior.marginal_log_density(points).sum(-1)).sum()
    return {
        "posterior_entropy": entropy,
        "mutual_information": -of_joint - entropy,
        "total_correlation": of_joint - of_axes,
        "dimension_wise_kl": of_axes - of_prior_axes,
        "prior_dependence": of_prior_axes - of_prior,
        "kl": -entropy - of_prior,
        "mmd": _mmd(each, prior, of_q),
        "kl-inc": _inclusive(loc, scale, prior, of_p),
    }


def _mmd(each, prior, grid):
    """sum_d of the double integral of (q - p)(z) (q - p)(z') k(z - z')."""
    kernel = mmd.kernel(grid.at[:, None] - grid.at)
    p = np.exp(prior.marginal_log_density(np.repeat(grid.at[:, None], len(each), 1)))
    total = 0.0
    for d, q in enumerate(each):
        difference = (q.mean(1) - p[:, d]) * grid.weight
        total += difference @ kernel @ difference
    return total


def _inclusive(loc, scale, prior, grid):
    """KL(p || q) = integral of p(z) (log p(z) - log q(z))."""
    if loc.shape[1] == 1:
        log_p = prior.log_density(grid.at[:, None])
        log_q, weight = log_mixture(grid.at, loc[:, 0], scale[:, 0]), grid.weight
    else:
        points = np.stack(np.meshgrid(grid.at, grid.at, indexing="ij"), axis=-1)
        log_p, weight = prior.log_density(points), np.outer(grid.weight, grid.weight)
        first, second = (normal_log_density(grid.at[:, None], m, s) for m, s in zip(loc.T, scale.T, strict=True))
        rows = [special.logsumexp(row + second, axis=1) for row in first]
        log_q = np.stack(rows) - math.log(len(loc))
    mass = np.exp(log_p) * weight
    np.testing.assert_allclose(mass.sum(), 1, atol=1e-5)
    return (mass * (log_p - log_q)).sum()

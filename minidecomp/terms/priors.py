"""p(z): the four priors, their densities, gradients and samples (PAPER section 4b).

Each prior has

``log_density(z)``
    log p(z) of shape (...,) for z of shape (..., D).
``marginal_log_density(z)``
    log p_d(z_d) of each dimension by itself, (..., D).
``log_density_and_grad(z)``
    the same, and its gradient by ``z`` (..., D) and by the prior's ``variance`` v = scale^2, one for each point and
    dimension (..., D) (the mixture's is summed over its components, which share what is learned).
``sample(noise, choice)`` and ``sample_grad(d_sample, noise, choice)``
    z from standard noise e (..., D), Student-t for that prior and normal otherwise, and from uniform u that choose
    a component, of shape (...,) where ``choice_kind`` is "point" and (..., D) where it is "element"; and how a gradient
    by the sample becomes one by the variance: z = m + sqrt(v) e gives dz/dv = e / (2 sqrt(v)).

A prior of one's own is an object with ``name``, ``choice_kind``, ``log_density``, ``log_density_and_grad`` (the
gradient by ``z`` is enough) and ``sample``: the textbook and the CPU engine take it (docs/python.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .arrays import array_module, logsumexp, normal_log_density


@dataclass(frozen=True)
class Gaussian:
    """N(m, diag v).

    log p = sum_d -(z - m)^2 / (2 v) - log(2 pi v) / 2
    d/dz = -(z - m) / v            d/dv = ((z - m)^2 / v^2 - 1 / v) / 2
    """

    loc: Any
    scale: Any
    name: ClassVar[str] = "gaussian"
    choice_kind: ClassVar[str | None] = None

    def marginal_log_density(self, z: Any) -> Any:
        return normal_log_density(z, self.loc, self.scale)

    def log_density(self, z: Any) -> Any:
        return self.marginal_log_density(z).sum(-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        v, r = self.scale**2, z - self.loc
        return self.log_density(z), {"z": -r / v, "variance": 0.5 * (r**2 / v**2 - 1 / v)}

    def sample(self, noise: Any, choice: Any = None) -> Any:
        return self.loc + self.scale * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        return d_sample * noise / (2 * self.scale)


@dataclass(frozen=True)
class StudentT:
    """A Student-t in each dimension, with nu = df degrees of freedom and scale^2 = v.

    log p = sum_d c - log(v) / 2 - (nu + 1) / 2 log(1 + (z - m)^2 / (nu v))
        c = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu pi) / 2
    d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2)
    d/dv = ((nu + 1) / 2 (z - m)^2 / (nu v + (z - m)^2) - 1/2) / v
    """

    loc: Any
    scale: Any
    df: float = 9.0
    name: ClassVar[str] = "student-t"
    choice_kind: ClassVar[str | None] = None

    @property
    def log_normaliser(self) -> float:
        """c above: one dimension's constant.

        For a large nu the difference of lgammas would lose its digits: log(nu / 2) / 2 - 1 / (4 nu) + 1 / (24 nu^3).
        """
        if self.df > 1000:
            return -0.5 * math.log(2 * math.pi) - 0.25 / self.df + 1 / (24 * self.df**3)
        return math.lgamma((self.df + 1) / 2) - math.lgamma(self.df / 2) - 0.5 * math.log(self.df * math.pi)

    def marginal_log_density(self, z: Any) -> Any:
        xp = array_module(z)
        t = (z - self.loc) / self.scale
        return self.log_normaliser - xp.log(self.scale) - 0.5 * (self.df + 1) * xp.log1p(t**2 / self.df)

    def log_density(self, z: Any) -> Any:
        return self.marginal_log_density(z).sum(-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        v, r = self.scale**2, z - self.loc
        pull = (self.df + 1) / (self.df * v + r**2)
        return self.log_density(z), {"z": -pull * r, "variance": (0.5 * pull * r**2 - 0.5) / v}

    def sample(self, noise: Any, choice: Any = None) -> Any:
        return self.loc + self.scale * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        return d_sample * noise / (2 * self.scale)


@dataclass(frozen=True)
class Mixture:
    """sum_m pi_m N(m_m, diag v_m): loc and scale (K, D), log_weight (K,).

    log p = logsumexp_m (log pi_m + log N(z; m_m, v_m))
    R_m = softmax_m (log pi_m + log N(z; m_m, v_m))      one responsibility for a point, over all its dimensions
    d/dz = -sum_m R_m (z - m_m) / v_m            d/dv_m = R_m ((z - m_m)^2 / v_m^2 - 1 / v_m) / 2
    """

    loc: Any
    scale: Any
    log_weight: Any
    name: ClassVar[str] = "mixture"
    choice_kind: ClassVar[str | None] = "point"

    def joint_log_density(self, z: Any) -> Any:
        """log pi_m + log N(z; m_m, v_m), of shape (..., K)."""
        return self.log_weight + normal_log_density(z[..., None, :], self.loc, self.scale).sum(-1)

    def marginal_log_density(self, z: Any) -> Any:
        parts = self.log_weight[:, None] + normal_log_density(z[..., None, :], self.loc, self.scale)
        return logsumexp(parts, axis=-2)

    def log_density(self, z: Any) -> Any:
        return logsumexp(self.joint_log_density(z), axis=-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        xp = array_module(z)
        joint = self.joint_log_density(z)
        log_p = logsumexp(joint, axis=-1)
        responsibility = xp.exp(joint - log_p[..., None])[..., None]
        v, r = self.scale**2, z[..., None, :] - self.loc
        d_z = -(responsibility * r / v).sum(-2)
        d_variance = (responsibility * 0.5 * (r**2 / v**2 - 1 / v)).sum(-2)
        return log_p, {"z": d_z, "variance": d_variance}

    def component(self, choice: Any) -> Any:
        """The component that u chooses: the first m with u < pi_1 + ... + pi_m."""
        xp = array_module(choice)
        edges = xp.cumsum(xp.exp(self.log_weight))[:-1]
        return (choice[..., None] >= edges).sum(-1)

    def sample(self, noise: Any, choice: Any) -> Any:
        c = self.component(choice)
        return self.loc[c] + self.scale[c] * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any) -> Any:
        return d_sample * noise / (2 * self.scale[self.component(choice)])


@dataclass(frozen=True)
class Sparse:
    """Spike and slab in each dimension: (1 - gamma) N(m, v) + gamma N(0, a^2), with a = spike_scale.

    log p = sum_d log((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))
    rho = gamma N(z; 0, a^2) / ((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))
    d/dz = -rho z / a^2 - (1 - rho) (z - m) / v
    d/dv = (1 - rho) ((z - m)^2 / v^2 - 1 / v) / 2
    """

    loc: Any
    scale: Any
    gamma: float = 0.8
    spike_scale: float = 0.05
    name: ClassVar[str] = "sparse"
    choice_kind: ClassVar[str | None] = "element"

    def _parts(self, z: Any) -> tuple[Any, Any]:
        """log(1 - gamma) + log N(z; m, v) and log gamma + log N(z; 0, a^2); a weight of 0 has log -inf."""
        xp = array_module(z)
        log_slab = math.log1p(-self.gamma) if self.gamma < 1 else -math.inf
        log_spike = math.log(self.gamma) if self.gamma > 0 else -math.inf
        a = xp.asarray(self.spike_scale, dtype=z.dtype)
        return log_slab + normal_log_density(z, self.loc, self.scale), log_spike + normal_log_density(z, 0, a)

    def marginal_log_density(self, z: Any) -> Any:
        return array_module(z).logaddexp(*self._parts(z))

    def log_density(self, z: Any) -> Any:
        return self.marginal_log_density(z).sum(-1)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        xp = array_module(z)
        slab, spike = self._parts(z)
        log_p = xp.logaddexp(slab, spike)
        rho, rest = xp.exp(spike - log_p), xp.exp(slab - log_p)
        v, r = self.scale**2, z - self.loc
        d_z = -rho * z / self.spike_scale**2 - rest * r / v
        return log_p.sum(-1), {"z": d_z, "variance": rest * 0.5 * (r**2 / v**2 - 1 / v)}

    def sample(self, noise: Any, choice: Any) -> Any:
        xp = array_module(noise)
        return xp.where(choice < self.gamma, self.spike_scale * noise, self.loc + self.scale * noise)

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any) -> Any:
        xp = array_module(noise)
        return xp.where(choice < self.gamma, 0, d_sample * noise / (2 * self.scale))


Prior = Gaussian | StudentT | Mixture | Sparse


def variance_from_logits(logits: Any, prior_variance_scale: float) -> Any:
    """v_d = S D softmax(l)_d for logits l (D,): the mean over the dimensions is S whatever the logits."""
    xp = array_module(logits)
    w = xp.exp(logits - logits.max())
    return prior_variance_scale * logits.shape[0] * w / w.sum()


def logits_grad(d_variance: Any, variance: Any) -> Any:
    """d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j) with w = softmax(l) = v / sum v; all of shape (D,)."""
    w = variance / variance.sum()
    return variance * (d_variance - (w * d_variance).sum())


def ring_of_components(components: int, latent_dim: int, radius: float) -> np.ndarray:
    """Locations (K, D) of a mixture's components: evenly on a circle in the first two dimensions (a line if D = 1).

    Four components in two dimensions are the paper's (1, 0), (0, 1), (-1, 0), (0, -1).
    """
    loc = np.zeros((components, latent_dim))
    if latent_dim == 1:
        loc[:, 0] = np.linspace(-radius, radius, components) if components > 1 else 0.0
        return loc
    angle = 2 * np.pi * np.arange(components) / components
    loc[:, :2] = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1).round(15)
    return loc

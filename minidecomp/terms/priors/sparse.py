"""The spike-and-slab prior: log density, gradient, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..arrays import array_module, normal_log_density
from ..explanation import Explanation, Worked
from .gaussian import describe_annealed_gaussian
from .prior import Prior


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


@dataclass(frozen=True)
class Sparse(Prior):
    """A spike and a slab in each dimension, (1 - gamma) N(m, v) + gamma N(0, a^2); loc m, scale sqrt(v), each (D,).

    a = spike_scale
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
    label: ClassVar[str] = "spike and slab"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "gamma", float, "Sparse prior: weight of the spike; 0 gives a standard normal prior.", 0.8, low=0, high=1
        ),
        Option(
            "spike_scale",
            float,
            "Sparse prior: standard deviation of the spike: 0.05 in the authors' code, 0.2236 in the paper's text.",
            0.05,
            above=0,
            below=1e6,
        ),
    )
    usual_data: ClassVar[str | None] = "fashion-mnist"
    choice_kind: ClassVar[str | None] = "element"
    of_whole_beta: ClassVar[str] = (
        "In each dimension it is a mixture of beta + 1 Gaussians, because beta is a whole number: each product of beta "
        "spikes and slabs is a Gaussian, up to a factor."
    )
    explanation: ClassVar[Explanation | None] = Explanation(
        "Spike-and-slab prior, (1 - gamma) N(m, v) + gamma N(0, a^2) in each dimension",
        (
            "log p = sum_d log((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))        rho = the spike's share",
            "d/dz = -rho z / a^2 - (1 - rho) (z - m) / v",
        ),
        (
            "each dimension has its own mixture of two, and so its own responsibility rho",
            "d log(u + w) = (du + dw) / (u + w) = rho dlog u + (1 - rho) dlog w, with u the spike's part and w the "
            "slab's",
        ),
    )

    @classmethod
    def from_options(cls, options: Any, scale: np.ndarray) -> Prior:
        return cls(np.zeros_like(scale), scale, options.gamma, options.spike_scale)

    def _parts(self, z: Any) -> tuple[Any, Any]:
        """log(1 - gamma) + log N(z; m, v) and log gamma + log N(z; 0, a^2); for a weight of 0, -inf."""
        xp = array_module(z)
        log_slab = math.log1p(-self.gamma) if self.gamma < 1 else -math.inf
        a = xp.asarray(self.spike_scale, dtype=z.dtype)
        slab = log_slab + normal_log_density(z, self.loc, self.scale)
        return slab, _log(self.gamma) + normal_log_density(z, 0, a)

    def marginal_log_density(self, z: Any) -> Any:
        return array_module(z).logaddexp(*self._parts(z))

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        xp = array_module(z)
        slab, spike = self._parts(z)
        log_p = xp.logaddexp(slab, spike)
        rho, rest = xp.exp(spike - log_p), xp.exp(slab - log_p)
        v, r = self.scale**2, z - self.loc
        d_z = -rho * z / self.spike_scale**2 - rest * r / v
        return log_p.sum(-1), {"z": d_z, "variance": rest * 0.5 * (r**2 / v**2 - 1 / v)}

    def sample(self, noise: Any, choice: Any = None) -> Any:
        xp = array_module(noise)
        return xp.where(choice < self.gamma, self.spike_scale * noise, self.loc + self.scale * noise)

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        xp = array_module(noise)
        return xp.where(choice < self.gamma, 0, d_sample * noise / (2 * self.scale))

    def describe_annealed(self, beta: float) -> str:
        if self.gamma in (0, 1):
            only = "spike" if self.gamma == 1 else "slab"
            return f"With gamma = {self.gamma:g} this prior is the {only} alone. {describe_annealed_gaussian(beta)}"
        if (self.loc == 0).all() and (self.scale == self.spike_scale).all():
            return f"Here spike and slab are the same Gaussian. {describe_annealed_gaussian(beta)}"
        return super().describe_annealed(beta)

    def log_power_integral(self, beta: float) -> float:
        """log F_beta = sum_d log int p_d^beta dz, by quadrature."""
        return float(sum(self._log_integral_of_dimension(d, beta) for d in range(self.scale.size)))

    def _log_integral_of_dimension(self, d: int, beta: float) -> float:
        """Gauss-Legendre rules on panels that resolve both the spike and the slab."""
        one = replace(self, loc=self.loc[d : d + 1], scale=self.scale[d : d + 1])
        # p^beta is about 1 / sqrt(beta) times as wide as p; a panel is a fraction of that.
        steps = np.arange(-60, 60.5, 0.5) / math.sqrt(beta)
        edges = np.unique(np.concatenate([steps * self.spike_scale, one.loc + steps * one.scale]))
        node, weight = np.polynomial.legendre.leggauss(12)
        half = 0.5 * np.diff(edges)[:, None]
        z = edges[:-1, None] + half * (1 + node)
        log_f = beta * one.log_density(z[..., None])
        return float(log_f.max() + math.log((half * weight * np.exp(log_f - log_f.max())).sum()))

    def constants(self) -> dict[str, Any]:
        weights = {"log_slab": _log(1 - self.gamma), "log_spike": _log(self.gamma)}
        return {"gamma": self.gamma, "spike_scale": self.spike_scale, **weights}

    def work_by_hand(self, z: np.ndarray) -> Worked:
        m, v, a, at = float(self.loc[0]), float(self.scale[0]) ** 2, self.spike_scale, float(z[0, 0])

        def log_normal(mean: float, variance: float) -> float:
            return -((at - mean) ** 2) / (2 * variance) - 0.5 * math.log(2 * math.pi * variance)

        log_slab, log_spike = _log(1 - self.gamma) + log_normal(m, v), _log(self.gamma) + log_normal(0, a**2)
        top = max(log_slab, log_spike)
        rho = math.exp(log_spike - top) / (math.exp(log_spike - top) + math.exp(log_slab - top))
        return Worked(
            [
                f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}, a = {a:g}, gamma = {self.gamma:g}",
                f"log slab = {log_slab:.6g}, log spike = {log_spike:.6g}, rho = spike / (spike + slab) = {rho:.6g}",
                f"d/dz = -rho z / a^2 - (1 - rho) (z - m) / v = {-rho * at / a**2:.6g} - "
                f"{(1 - rho) * (at - m) / v:.6g}",
            ],
            -rho * at / a**2 - (1 - rho) * (at - m) / v,
            float(self.log_density_and_grad(z)[1]["z"][0, 0]),
        )

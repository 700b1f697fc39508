"""The Gaussian mixture prior: log density, gradient, sample, explanation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import OptionError
from ...variants import Option
from ..arrays import array_module, logsumexp, normal_log_density
from ..explanation import Explanation, Worked, numbers
from .gaussian import describe_annealed_gaussian
from .prior import Prior

GRID, GRID_2D = 20001, 1201  # points along each side of the integral of p^beta


@dataclass(frozen=True)
class Mixture(Prior):
    """p(z) = sum_m pi_m N(m_m, diag v_m): M Gaussians with loc m_m, scale sqrt(v_m) (M, D), log_weight log pi_m (M,).

    log p = logsumexp_m (log pi_m + log N(z; m_m, v_m))
    R_m = softmax_m (log pi_m + log N(z; m_m, v_m))      one responsibility for each point, not for each dimension
    d/dz = -sum_m R_m (z - m_m) / v_m            d/dv_m = R_m ((z - m_m)^2 / v_m^2 - 1 / v_m) / 2
    """

    loc: Any
    scale: Any
    log_weight: Any
    name: ClassVar[str] = "mixture"
    aliases: ClassVar[tuple[str, ...]] = ("normalmixture",)
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "components",
            int,
            "Mixture prior: number of components, which lie evenly on a circle in the first two dimensions.",
            4,
            low=1,
            high=1000,
        ),
        Option("component_radius", float, "Mixture prior: radius of the circle.", 1.0, low=0, high=1e6),
    )
    defaults: ClassVar[Mapping[str, Any]] = {
        "prior_variance_scale": 0.03,
        "regulariser": "kl-inc",  # the MMD compares one dimension at a time: it cannot see clusters
    }
    usual_data: ClassVar[str | None] = "pinwheel"
    choice_kind: ClassVar[str | None] = "point"
    is_product: ClassVar[bool] = False
    takes_data_variances: ClassVar[bool] = False
    of_whole_beta: ClassVar[str] = (
        "It is again a mixture of Gaussians, because beta is a whole number: each product of beta components is a "
        "Gaussian, up to a factor."
    )
    explanation: ClassVar[Explanation | None] = Explanation(
        "Mixture prior sum_m pi_m N(m_m, v_m)",
        (
            "log p = logsumexp_m (log pi_m + log N(z; m_m, v_m))        R_m = softmax_m of the same",
            "d/dz = -sum_m R_m (z - m_m) / v_m        d/dv_m = R_m ((z - m_m)^2 / v_m^2 - 1 / v_m) / 2",
        ),
        (
            "d log sum_m e^(l_m) = sum_m e^(l_m) / sum e^l  dl_m = sum_m R_m dl_m",
            "l_m = log pi_m + log N(z; m_m, v_m), whose derivatives are a Gaussian's",
            "R_m is one number for each point, not one for each dimension: the mixture is of whole points, not of each "
            "dimension",
        ),
    )

    @classmethod
    def from_options(cls, options: Any, scale: np.ndarray) -> Prior:
        loc = ring_of_components(options.components, len(scale), options.component_radius)
        log_weight = np.full(options.components, -math.log(options.components))
        return cls(loc, np.tile(scale, (options.components, 1)), log_weight)

    @classmethod
    def with_scale(cls, loc: np.ndarray, scale: np.ndarray) -> Prior:
        loc, scale = np.atleast_2d(loc), np.atleast_2d(scale)
        return cls(loc, scale, np.full(len(loc), -math.log(len(loc))))

    def joint_log_density(self, z: Any) -> Any:
        """log pi_m + log N(z; m_m, v_m) in nats, (..., M): point z (..., D) and component m together."""
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
        """The components (...,) chosen by uniform numbers u (...,): the first m with u < pi_1 + ... + pi_m."""
        xp = array_module(choice)
        edges = xp.cumsum(xp.exp(self.log_weight))[:-1]
        return (choice[..., None] >= edges).sum(-1)

    def sample(self, noise: Any, choice: Any = None) -> Any:
        c = self.component(choice)
        return self.loc[c] + self.scale[c] * noise

    def sample_grad(self, d_sample: Any, noise: Any, choice: Any = None) -> Any:
        return d_sample * noise / (2 * self.scale[self.component(choice)])

    def centre_and_spread(self) -> tuple[np.ndarray, np.ndarray]:
        """The mixture's mean and standard deviation (D,)."""
        weight = np.exp(self.log_weight.astype(np.float64))[:, None]
        centre = (weight * self.loc).sum(0)
        return centre, np.sqrt((weight * (self.scale**2 + (self.loc - centre) ** 2)).sum(0))

    def describe_annealed(self, beta: float) -> str:
        if (self.loc == self.loc[0]).all() and (self.scale == self.scale[0]).all():
            return f"Here all components are the same Gaussian. {describe_annealed_gaussian(beta)}"
        return super().describe_annealed(beta)

    def log_power_integral(self, beta: float) -> float:
        """log F_beta in nats, computed as a sum over a grid; one or two dimensions only."""
        z, area = self._plane(beta)
        log_p = beta * self.log_density(z)
        return float(log_p.max() + math.log(np.exp(log_p - log_p.max()).sum() * area))

    def _plane(self, beta: float) -> tuple[np.ndarray, float]:
        """A grid (n, n, D) that covers the components, and the area of a cell."""
        loc, scale = self.loc, self.scale
        if loc.shape[1] > 2:
            raise OptionError(
                "prior", self.name, "the integral of p^beta has no closed form in more than two dimensions"
            )
        count = GRID_2D if loc.shape[1] == 2 else GRID
        lines = []
        for d in range(loc.shape[1]):
            reach = 12 * float(scale[:, d].max()) / math.sqrt(min(beta, 1))
            lines.append(np.linspace(loc[:, d].min() - reach, loc[:, d].max() + reach, count))
        area = float(np.prod([line[1] - line[0] for line in lines]))
        return np.stack(np.meshgrid(*lines, indexing="ij"), -1), area

    def constants(self) -> dict[str, Any]:
        weight = self.log_weight
        return {"components": len(weight), "log_weight": weight, "edge": np.cumsum(np.exp(weight))}

    def work_by_hand(self, z: np.ndarray) -> Worked:
        joint = self.joint_log_density(z)[0]
        weight = np.exp(joint - joint.max())
        R = weight / weight.sum()
        pulls = -(z[0, 0] - self.loc[:, 0]) / self.scale[:, 0] ** 2
        return Worked(
            [
                f"first z = {numbers(z[0])}",
                f"log pi_m + log N(z; m_m, v_m) = {numbers(joint)}",
                f"R = softmax of these = {numbers(R)}",
                f"-(z_1 - m_m1) / v_m1 = {numbers(pulls)}",
                "d/dz_1 = sum_m R_m (-(z_1 - m_m1) / v_m1)",
            ],
            float((R * pulls).sum()),
            float(self.log_density_and_grad(z)[1]["z"][0, 0]),
        )


def ring_of_components(components: int, latent_dim: int, radius: float) -> np.ndarray:
    """Locations (M, D) of a mixture's M components: evenly on a circle in the first two dimensions (a line if D = 1).

    Four components in two dimensions are at (1, 0), (0, 1), (-1, 0), (0, -1), as in Mathieu et al. (ICML 2019).
    """
    loc = np.zeros((components, latent_dim))
    if latent_dim == 1:
        loc[:, 0] = np.linspace(-radius, radius, components) if components > 1 else 0.0
        return loc
    angle = 2 * np.pi * np.arange(components) / components
    loc[:, :2] = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1).round(15)
    return loc

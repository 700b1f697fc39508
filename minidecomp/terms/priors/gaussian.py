"""The Gaussian prior: log density, gradient, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..arrays import LOG_2PI, normal_log_density
from ..explanation import Explanation, Worked
from .prior import Prior


def describe_annealed_gaussian(beta: float) -> str:
    """What p^beta / F_beta is if p is a Gaussian."""
    return f"The annealed prior is a Gaussian with variances divided by beta = {beta:g}."


@dataclass(frozen=True)
class Gaussian(Prior):
    """p(z) = N(m, diag v), with loc m and scale sqrt(v), each (D,).

    log p = sum_d -(z - m)^2 / (2 v) - log(2 pi v) / 2
    d/dz = -(z - m) / v            d/dv = ((z - m)^2 / v^2 - 1 / v) / 2
    """

    loc: Any
    scale: Any
    name: ClassVar[str] = "gaussian"
    aliases: ClassVar[tuple[str, ...]] = ("normal",)
    usual_data: ClassVar[str | None] = "dsprites"
    closed_form_kl: ClassVar[bool] = True
    explanation: ClassVar[Explanation | None] = Explanation(
        "Gaussian prior N(m, v)",
        (
            "log p = sum_d -(z - m)^2 / (2 v) - log(2 pi v) / 2        d/dz = -(z - m) / v        "
            "d/dv = ((z - m)^2 / v^2 - 1 / v) / 2",
        ),
        ("d(z - m)^2/dz = 2 (z - m)", "d(1 / v)/dv = -1 / v^2, d log v/dv = 1 / v"),
    )

    def marginal_log_density(self, z: Any) -> Any:
        return normal_log_density(z, self.loc, self.scale)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        v, r = self.scale**2, z - self.loc
        return self.log_density(z), {"z": -r / v, "variance": 0.5 * (r**2 / v**2 - 1 / v)}

    def log_power_integral(self, beta: float) -> float:
        """log F_beta = sum_d (1 - beta) / 2 log(2 pi v) - log(beta) / 2."""
        log_v = 2 * np.log(self.scale)
        return float((0.5 * (1 - beta) * (LOG_2PI + log_v) - 0.5 * math.log(beta)).sum())

    def annealed(self, beta: float) -> Prior | None:
        """N(m, v / beta)."""
        return replace(self, scale=self.scale / math.sqrt(beta))

    def describe_annealed(self, beta: float) -> str:
        return describe_annealed_gaussian(beta)

    def work_by_hand(self, z: np.ndarray) -> Worked:
        m, v, at = float(self.loc[0]), float(self.scale[0]) ** 2, float(z[0, 0])
        return Worked(
            [
                f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}",
                f"d/dz = -(z - m) / v = -{at - m:.6g} / {v:.6g}",
            ],
            -(at - m) / v,
            float(self.log_density_and_grad(z)[1]["z"][0, 0]),
        )

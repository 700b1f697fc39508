"""The Student-t prior: log density, gradient, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...errors import OptionError
from ...variants import Option
from ..arrays import array_module
from ..explanation import Explanation, Worked
from .prior import Prior


@dataclass(frozen=True)
class StudentT(Prior):
    """A Student-t in each dimension, with nu = df degrees of freedom, loc m and scale sqrt(v), each (D,).

    log p = sum_d c - log(v) / 2 - (nu + 1) / 2 log(1 + (z - m)^2 / (nu v))
        c = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu pi) / 2
    d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2)
    d/dv = ((nu + 1) / 2 (z - m)^2 / (nu v + (z - m)^2) - 1/2) / v
    """

    loc: Any
    scale: Any
    df: float = 9.0
    name: ClassVar[str] = "student-t"
    aliases: ClassVar[tuple[str, ...]] = ("studentt",)
    options: ClassVar[tuple[Option, ...]] = (
        Option("df", float, "Student-t prior: degrees of freedom.", 9.0, above=0, below=1e9),
    )
    usual_data: ClassVar[str | None] = "dsprites"
    noise_kind: ClassVar[str] = "student-t"
    explanation: ClassVar[Explanation | None] = Explanation(
        "Student-t prior with nu degrees of freedom, v = scale^2",
        (
            "log p = sum_d c - log(v) / 2 - (nu + 1) / 2 log(1 + (z - m)^2 / (nu v))",
            "d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2)",
        ),
        (
            "with r = z - m: d/dz log(1 + r^2 / (nu v)) = 2 r / (nu v) / (1 + r^2 / (nu v)) = 2 r / (nu v + r^2)",
            "multiplied by -(nu + 1) / 2; for large |r| the pull falls like 1 / |r|, while a Gaussian's grows like |r|",
            "d/dv of the logarithm is -r^2 / (v (nu v + r^2)), so d/dv = ((nu + 1) / 2 r^2 / (nu v + r^2) - 1/2) / v",
        ),
    )

    @classmethod
    def from_options(cls, options: Any, scale: np.ndarray) -> Prior:
        return cls(np.zeros_like(scale), scale, options.df)

    @property
    def log_normaliser(self) -> float:
        """The constant c of one dimension's log density, in nats.

        For a large nu, where the difference of the lgammas is inaccurate, it is taken as
        log(nu / 2) / 2 - 1 / (4 nu) + 1 / (24 nu^3).
        """
        if self.df > 1000:
            return -0.5 * math.log(2 * math.pi) - 0.25 / self.df + 1 / (24 * self.df**3)
        return math.lgamma((self.df + 1) / 2) - math.lgamma(self.df / 2) - 0.5 * math.log(self.df * math.pi)

    def marginal_log_density(self, z: Any) -> Any:
        xp = array_module(z)
        t = (z - self.loc) / self.scale
        return self.log_normaliser - xp.log(self.scale) - 0.5 * (self.df + 1) * xp.log1p(t**2 / self.df)

    def log_density_and_grad(self, z: Any) -> tuple[Any, dict[str, Any]]:
        v, r = self.scale**2, z - self.loc
        pull = (self.df + 1) / (self.df * v + r**2)
        return self.log_density(z), {"z": -pull * r, "variance": (0.5 * pull * r**2 - 0.5) / v}

    def _annealed_df(self, beta: float) -> float:
        """nu' = beta (nu + 1) - 1: p^beta falls like |z|^-(nu' + 1)."""
        df = beta * (self.df + 1) - 1
        if df <= 0:
            raise OptionError(
                "beta", beta, must_be=f"above {1 / (self.df + 1):g} for a Student-t prior with df {self.df:g}"
            )
        return df

    def log_power_integral(self, beta: float) -> float:
        """log F_beta = sum_d beta log c + log s + log(nu) / 2 + log Beta(1/2, nu' / 2), with c the density's peak."""
        df = self._annealed_df(beta)
        log_beta = math.lgamma(0.5) + math.lgamma(df / 2) - math.lgamma((df + 1) / 2)
        log_scale = np.log(self.scale)
        each = beta * (self.log_normaliser - log_scale) + log_scale + 0.5 * math.log(self.df) + log_beta
        return float(each.sum())

    def annealed(self, beta: float) -> Prior | None:
        """A Student-t with nu' = beta (nu + 1) - 1 degrees of freedom and v' = v nu / nu'."""
        df = self._annealed_df(beta)
        return replace(self, scale=self.scale * math.sqrt(self.df / df), df=df)

    def describe_annealed(self, beta: float) -> str:
        df, tails = self._annealed_df(beta), "lighter" if beta > 1 else "heavier"
        return f"Here the annealed prior is a Student-t with {df:g} degrees of freedom: it has {tails} tails."

    def constants(self) -> dict[str, Any]:
        return {"df": self.df, "log_normaliser": self.log_normaliser}

    def work_by_hand(self, z: np.ndarray) -> Worked:
        m, v, nu, at = float(self.loc[0]), float(self.scale[0]) ** 2, self.df, float(z[0, 0])
        return Worked(
            [
                f"first z, first dimension: z = {at:.12g}, m = {m:.6g}, v = {v:.6g}, nu = {nu:g}",
                f"d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2) = -{nu + 1:g} x {at - m:.6g} / "
                f"({nu * v:.6g} + {(at - m) ** 2:.6g})",
            ],
            -(nu + 1) * (at - m) / (nu * v + (at - m) ** 2),
            float(self.log_density_and_grad(z)[1]["z"][0, 0]),
        )

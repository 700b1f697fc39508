"""The Laplace likelihood with a fixed scale: value, gradient, mean, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...variants import Option
from ..arrays import array_module
from ..explanation import Explanation, Worked
from .likelihood import Likelihood


@dataclass(frozen=True)
class Laplace(Likelihood):
    """p(x|z) = Laplace(m, b) for real x. The decoder's output (..., dx) is m; the scale b is fixed.

    log p = sum_d -|x - m| / b - log(2 b)            d/dm = sign(x - m) / b
    """

    scale: float = 0.1
    name: ClassVar[str] = "laplace"
    label: ClassVar[str] = "fixed scale"
    options: ClassVar[tuple[Option, ...]] = (
        Option("likelihood_scale", float, "Laplace likelihood: its scale b.", 0.1, above=0, below=1e6),
    )
    noise_kind: ClassVar[str] = "uniform"
    has_kink: ClassVar[bool] = True
    explanation: ClassVar[Explanation | None] = Explanation(
        "Laplace likelihood with a fixed scale b",
        ("log p(x | m) = sum_d -|x - m| / b - log(2 b)        d/dm = sign(x - m) / b",),
        (
            "d|r|/dr = sign(r) for r other than 0; at the kink, r = 0, the code uses 0",
            "dr/dm = -1 for r = x - m",
        ),
    )

    @classmethod
    def from_options(cls, options: Any) -> Likelihood:
        return cls(options.likelihood_scale)

    def value(self, x: Any, output: Any) -> Any:
        xp = array_module(output)
        return (-xp.abs(x - output) / self.scale - math.log(2 * self.scale)).sum(-1)

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        xp = array_module(output)
        return self.value(x, output), {"output": xp.sign(x - output) / self.scale}

    def mean(self, output: Any) -> Any:
        """E[x | z] = m."""
        return output

    def sample(self, output: Any, noise: Any) -> Any:
        """x = m - b sign(u - 1/2) log(1 - 2 |u - 1/2|)"""
        xp = array_module(output)
        return output - self.scale * xp.sign(noise - 0.5) * xp.log1p(-2 * xp.abs(noise - 0.5))

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        residual, b = float(x[0, 0] - output[0, 0]), self.scale
        return Worked(
            [
                f"first point, first value: x - m = {residual:.6g}, b = {b:g}",
                f"d/dm = sign(x - m) / b = {np.sign(residual):g} / {b:g}",
            ],
            float(np.sign(residual)) / b,
            float(self.value_and_grad(x, output)[1]["output"][0, 0]),
        )

"""The Gaussian likelihood with a learned scale: value, gradient, mean, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..arrays import LOG_2PI, MIN_SCALE, array_module, sigmoid, softplus
from ..explanation import Explanation, Worked
from .likelihood import Likelihood


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """p(x|z) = N(m, s^2) for real x. The decoder's output (..., 2 dx) is (m, r), and s = softplus(r) + 1e-6 is learned.

    log p = sum_d -((x - m) / s)^2 / 2 - log s - log(2 pi) / 2
    d/dm = (x - m) / s^2        d/ds = (x - m)^2 / s^3 - 1 / s        d/dr = d/ds sigmoid(r)
    """

    name: ClassVar[str] = "gaussian"
    label: ClassVar[str] = "learned scale"
    outputs_per_value: ClassVar[int] = 2
    learns_scale: ClassVar[bool] = True
    explanation: ClassVar[Explanation | None] = Explanation(
        "Gaussian likelihood with a learned scale: output (m, r), s = softplus(r) + 1e-6",
        (
            "log p(x | m, r) = sum_d -t^2 / 2 - log s - log(2 pi) / 2,   t = (x - m) / s",
            "d/dm = t / s        d/dr = (t^2 - 1) / s sigmoid(r)",
        ),
        (
            "dt/dm = -1 / s, so d/dm (-t^2 / 2) = t / s",
            "dt/ds = -t / s, so d/ds (-t^2 / 2 - log s) = t^2 / s - 1 / s",
            "ds/dr = sigmoid(r)",
        ),
    )

    def loc_and_raw(self, output: Any) -> tuple[Any, Any]:
        """m and r, (..., dx) each, of the decoder's output (..., 2 dx)."""
        width = output.shape[-1] // 2
        return output[..., :width], output[..., width:]

    def value(self, x: Any, output: Any) -> Any:
        xp = array_module(output)
        loc, raw = self.loc_and_raw(output)
        scale = softplus(raw) + MIN_SCALE
        return (-0.5 * ((x - loc) / scale) ** 2 - xp.log(scale) - 0.5 * LOG_2PI).sum(-1)

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        xp = array_module(output)
        loc, raw = self.loc_and_raw(output)
        scale = softplus(raw) + MIN_SCALE
        residual = (x - loc) / scale
        d_loc = residual / scale
        d_raw = (residual**2 - 1) / scale * sigmoid(raw)
        return self.value(x, output), {"output": xp.concatenate([d_loc, d_raw], axis=-1)}

    def mean(self, output: Any) -> Any:
        """E[x | z] = m."""
        return self.loc_and_raw(output)[0]

    def sample(self, output: Any, noise: Any) -> Any:
        """x = m + s e"""
        loc, raw = self.loc_and_raw(output)
        return loc + (softplus(raw) + MIN_SCALE) * noise

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        loc, raw = (float(each[0, 0]) for each in self.loc_and_raw(output))
        scale, value = math.log1p(math.exp(raw)) + MIN_SCALE, float(x[0, 0])
        t, slope = (value - loc) / scale, 1 / (1 + math.exp(-raw))
        return Worked(
            [
                f"first point, first value: x = {value:.6g}, m = {loc:.6g}, raw r = {raw:.6g}",
                f"s = log(1 + e^r) + 1e-6 = {scale:.12g},   t = (x - m) / s = {t:.12g}",
                f"d/dr = (t^2 - 1) / s sigmoid(r) = ({t**2:.6g} - 1) / {scale:.6g} x {slope:.6g}",
            ],
            (t**2 - 1) / scale * slope,
            float(self.value_and_grad(x, output)[1]["output"][0, output.shape[-1] // 2]),
        )

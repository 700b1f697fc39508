"""The Bernoulli likelihood: value, gradient, mean, sample, explanation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..arrays import sigmoid, softplus
from ..explanation import Explanation, Worked
from .likelihood import Likelihood


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """p(x|z) for x in {0, 1}, or an intensity in between. The decoder's output (..., dx) holds the logits o.

    log p = sum_d x o - softplus(o)            d/do = x - sigmoid(o)
    """

    name: ClassVar[str] = "bernoulli"
    label: ClassVar[str] = "logits"
    noise_kind: ClassVar[str] = "uniform"
    data_range: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    mean_link: ClassVar[str] = "sigmoid"
    explanation: ClassVar[Explanation | None] = Explanation(
        "Bernoulli likelihood with logits o",
        ("log p(x | o) = sum_d x o - log(1 + e^o)        d/do = x - sigmoid(o)",),
        (
            "p = sigmoid(o):  log p(x) = x log p + (1 - x) log(1 - p)",
            "log p = o - log(1 + e^o) and log(1 - p) = -log(1 + e^o), so log p(x) = x o - log(1 + e^o)",
            "d/do log(1 + e^o) = e^o / (1 + e^o) = sigmoid(o)",
        ),
    )

    def value(self, x: Any, output: Any) -> Any:
        return (x * output - softplus(output)).sum(-1)

    def value_and_grad(self, x: Any, output: Any) -> tuple[Any, dict[str, Any]]:
        return self.value(x, output), {"output": x - sigmoid(output)}

    def mean(self, output: Any) -> Any:
        """E[x | z] = sigmoid(o)."""
        return sigmoid(output)

    def sample(self, output: Any, noise: Any) -> Any:
        """x = [u < sigmoid(o)]"""
        return (noise < sigmoid(output)).astype(output.dtype)

    def work_by_hand(self, x: np.ndarray, output: np.ndarray) -> Worked:
        at = int(np.abs(x[0] - sigmoid(output[0])).argmax())
        value, o = float(x[0, at]), float(output[0, at])
        p = 1 / (1 + math.exp(-o)) if o > 0 else math.exp(o) / (1 + math.exp(o))
        return Worked(
            [
                f"first point, value {at}: x = {value:g}, logit o = {o:.12g}",
                f"sigmoid(o) = {p:.12g}",
                f"d/do = {value:g} - {p:.6g}",
            ],
            value - p,
            float(self.value_and_grad(x, output)[1]["output"][0, at]),
        )

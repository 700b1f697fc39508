"""Adam (Kingma and Ba, ICLR 2015) with AMSGrad (Reddi, Kale and Kumar, ICLR 2018), on one parameter vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..terms.arrays import array_module


@dataclass
class Adam:
    """Adam's state; ``update`` takes one step down the gradient of a loss.

    m <- b1 m + (1 - b1) g          v <- b2 v + (1 - b2) g^2          v_max <- max(v_max, v)   (AMSGrad)
    theta <- theta - lr / (1 - b1^t) m / (sqrt(v_max) / sqrt(1 - b2^t) + eps)      with v in place of v_max otherwise

    Attributes
    ----------
    m, v, v_max : array of shape (size,)
        The moments of the gradient; ``v_max`` is None without AMSGrad.
    step : int
        t, the number of updates made so far.
    """

    m: Any
    v: Any
    v_max: Any | None
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    step: int = 0

    @classmethod
    def for_vector(cls, vector: Any, lr: float = 1e-3, amsgrad: bool = True) -> Adam:
        """Adam before its first step, for parameters of shape (size,); the moments take their dtype and start at 0."""
        xp = array_module(vector)
        return cls(xp.zeros_like(vector), xp.zeros_like(vector), xp.zeros_like(vector) if amsgrad else None, lr)

    def take_over(self, other: Adam) -> None:
        """Copy the moments and the step of another Adam of the same size, with AMSGrad if this one has it."""
        self.step = other.step
        self.m[...], self.v[...] = other.m, other.v
        if self.v_max is not None:
            self.v_max[...] = other.v_max

    def corrections(self, step: int) -> tuple[float, float]:
        """lr / (1 - b1^t) and 1 / sqrt(1 - b2^t) after t = ``step`` updates, to correct for moments that start at 0."""
        return self.lr / (1 - self.beta1**step), 1 / math.sqrt(1 - self.beta2**step)

    def update(self, vector: Any, gradient: Any) -> None:
        """Take one step in place.

        Parameters
        ----------
        vector, gradient : array of shape (size,)
            The parameters, and the gradient of the loss with respect to them.
        """
        xp = array_module(vector)
        self.step += 1
        rate, root = self.corrections(self.step)
        self.m += (1 - self.beta1) * (gradient - self.m)
        self.v += (1 - self.beta2) * (gradient**2 - self.v)
        second = self.v
        if self.v_max is not None:
            xp.maximum(self.v_max, self.v, out=self.v_max)
            second = self.v_max
        vector -= rate * self.m / (xp.sqrt(second) * root + self.eps)

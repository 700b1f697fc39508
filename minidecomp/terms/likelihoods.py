"""log p(x | z): the likelihood of a data point under the decoder's output (PAPER section 4e).

Each likelihood has ``value(x, output)``, ``value_and_grad(x, output)``, ``mean(output)`` and ``sample(output, noise)``,
from standard noise as ``noise_kind`` says: normal, or uniform in (0, 1). ``output`` is what the decoder's last layer
gives, (..., output_dim); x broadcasts against it; the value sums over the dx dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from .arrays import LOG_2PI, MIN_SCALE, array_module, sigmoid, softplus


@dataclass(frozen=True)
class Bernoulli:
    """x in {0, 1} (or an intensity between), output = logits o.

    log p = sum_d x o - softplus(o)            d/do = x - sigmoid(o)
    """

    name: ClassVar[str] = "bernoulli"
    noise_kind: ClassVar[str] = "uniform"

    def output_dim(self, data_dim: int) -> int:
        return data_dim

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


@dataclass(frozen=True)
class Gaussian:
    """x real, output = (m, r), each dx wide; the scale s = softplus(r) + 1e-6 is learned.

    log p = sum_d -((x - m) / s)^2 / 2 - log s - log(2 pi) / 2
    d/dm = (x - m) / s^2        d/ds = (x - m)^2 / s^3 - 1 / s        d/dr = d/ds sigmoid(r)
    """

    name: ClassVar[str] = "gaussian"
    noise_kind: ClassVar[str] = "normal"

    def output_dim(self, data_dim: int) -> int:
        return 2 * data_dim

    def loc_and_raw(self, output: Any) -> tuple[Any, Any]:
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


@dataclass(frozen=True)
class Laplace:
    """x real, output = m; the scale b is fixed.

    log p = sum_d -|x - m| / b - log(2 b)            d/dm = sign(x - m) / b
    """

    scale: float = 0.1
    name: ClassVar[str] = "laplace"
    noise_kind: ClassVar[str] = "uniform"

    def output_dim(self, data_dim: int) -> int:
        return data_dim

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


Likelihood = Bernoulli | Gaussian | Laplace

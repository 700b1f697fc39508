"""MMD^2 between a sample of the prior and one of the aggregate posterior, dimension by dimension (PAPER 4c).

The kernel is a sum of inverse multiquadrics, k(x - y) = sum_c c / (c + (x - y)^2) with c = 2 (.1, .2, .5, 1, 2, 5). The
estimator is the unbiased U-statistic, so it can be negative; it is summed over the latent dimensions and the kernels.
"""

from __future__ import annotations

from typing import Any

from ..._core.codes import KERNEL_SCALES
from ..arrays import array_module


def kernel(difference: Any) -> Any:
    """k(r) = sum_c c / (c + r^2)."""
    square = difference**2
    return sum(c / (c + square) for c in KERNEL_SCALES)


def kernel_slope(difference: Any) -> Any:
    """k'(r) = -2 r sum_c c / (c + r^2)^2."""
    square = difference**2
    return -2 * difference * sum(c / (c + square) ** 2 for c in KERNEL_SCALES)


def value(prior_sample: Any, z: Any) -> float:
    """The estimate from x = prior_sample and y = z, both (B, D), B at least 2.

    MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)
    """
    batch, diagonal = z.shape[0], len(KERNEL_SCALES) * z.shape[0]
    total = 0.0
    for x, y in zip(prior_sample.T, z.T, strict=True):
        within = kernel(x[:, None] - x).sum() + kernel(y[:, None] - y).sum() - 2 * diagonal
        across = kernel(x[:, None] - y).sum()
        total += within / (batch * (batch - 1)) - 2 * across / batch**2
    return total


def value_and_grad(prior_sample: Any, z: Any) -> tuple[float, dict[str, Any]]:
    """The estimate and its gradient by ``z`` (B, D) and by ``prior_sample`` (B, D).

    d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j)
    d/dx_a = 2/(B (B-1)) sum_j k'(x_a - x_j) - 2/B^2 sum_j k'(x_a - y_j)
    """
    xp = array_module(z)
    batch = z.shape[0]
    d_z, d_prior_sample = xp.empty_like(z), xp.empty_like(prior_sample)
    for d, (x, y) in enumerate(zip(prior_sample.T, z.T, strict=True)):
        across = kernel_slope(y[:, None] - x)
        d_z[:, d] = 2 / (batch * (batch - 1)) * kernel_slope(y[:, None] - y).sum(1) - 2 / batch**2 * across.sum(1)
        d_prior_sample[:, d] = 2 / (batch * (batch - 1)) * kernel_slope(x[:, None] - x).sum(
            1
        ) + 2 / batch**2 * across.sum(0)
    return value(prior_sample, z), {"z": d_z, "prior_sample": d_prior_sample}

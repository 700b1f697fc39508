"""MMD^2 between a sample of the prior and one of the aggregate posterior, dimension by dimension, without a unit.

The kernel is a sum of inverse multiquadrics, k(x - y) = sum_c c / (c + (x - y)^2) with c = 2 (.1, .2, .5, 1, 2, 5). The
estimator is the unbiased U-statistic (Gretton et al., JMLR 2012, eq. 3), so it can be negative; it is summed over the
latent dimensions and the kernels.
"""

from __future__ import annotations

from typing import Any

from ..._core.codes import KERNEL_SCALES, LEAST_MMD_POINTS
from ..arrays import array_module
from ..explanation import SMALL, Explanation, Worked, numbers
from .regulariser import Regulariser


def kernel(difference: Any) -> Any:
    """k(r) for each difference r = x - y, in its shape.

    k(r) = sum_c c / (c + r^2)
    """
    square = difference**2
    return sum(c / (c + square) for c in KERNEL_SCALES)


def kernel_slope(difference: Any) -> Any:
    """dk/dr for each difference r = x - y, in its shape.

    k'(r) = -2 r sum_c c / (c + r^2)^2
    """
    square = difference**2
    return -2 * difference * sum(c / (c + square) ** 2 for c in KERNEL_SCALES)


def _check(prior_sample: Any, z: Any) -> None:
    """Raise ValueError unless both samples have the same shape (B, D), with B at least 2."""
    if prior_sample.shape != z.shape or z.ndim != 2 or len(z) < LEAST_MMD_POINTS:
        shapes = f"a prior sample of shape {prior_sample.shape} and z of {z.shape}"
        raise ValueError(f"{shapes}; the MMD needs both of one shape (B, D), B at least {LEAST_MMD_POINTS}")


def value(prior_sample: Any, z: Any) -> float:
    """The estimate of MMD^2 from x = prior_sample and y = z, both (B, D), B at least 2.

    MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)
    """
    _check(prior_sample, z)
    batch, diagonal = z.shape[0], len(KERNEL_SCALES) * z.shape[0]
    total = 0.0
    for x, y in zip(prior_sample.T, z.T, strict=True):
        within = kernel(x[:, None] - x).sum() + kernel(y[:, None] - y).sum() - 2 * diagonal
        across = kernel(x[:, None] - y).sum()
        total += within / (batch * (batch - 1)) - 2 * across / batch**2
    return total


def value_and_grad(prior_sample: Any, z: Any) -> tuple[float, dict[str, Any]]:
    """The estimate and its gradients with respect to ``z`` (B, D) and by ``prior_sample`` (B, D).

    d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j)
    d/dx_a = 2/(B (B-1)) sum_j k'(x_a - x_j) - 2/B^2 sum_j k'(x_a - y_j)
    """
    _check(prior_sample, z)
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


def _mean_value(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Any) -> float:
    """The mean over the K posterior samples z (K, B, D)."""
    return sum(value(prior_sample, z_k) for z_k in z) / len(z)


def _mean_value_and_grad(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Any) -> tuple[float, dict[str, Any]]:
    """The mean over the K posterior samples z (K, B, D), and its gradients with respect to z and prior_sample."""
    xp = array_module(z)
    total, d_z, d_prior_sample = 0.0, xp.empty_like(z), xp.zeros_like(prior_sample)
    for k in range(len(z)):
        each, grads = value_and_grad(prior_sample, z[k])
        total += each / len(z)
        d_z[k] = grads["z"] / len(z)
        d_prior_sample += grads["prior_sample"] / len(z)
    return total, {"z": d_z, "prior_sample": d_prior_sample}


def _work_by_hand(prior_sample: Any, z: Any, loc: Any, scale: Any, prior: Any) -> Worked:
    y, x = z[0, :SMALL, :1], prior_sample[:SMALL, :1]
    xp, B = array_module(z), len(y)
    within = [float(kernel_slope(y[0, 0] - y[j, 0])) for j in range(B)]
    across = [float(kernel_slope(y[0, 0] - x[j, 0])) for j in range(B)]
    return Worked(
        [
            f"the batch's first {B} points, first dimension: y = {numbers(y)}, x = {numbers(x)}",
            f"k'(y_1 - y_j) = {numbers(xp.array(within))}",
            f"k'(y_1 - x_j) = {numbers(xp.array(across))}",
            f"d/dy_1 = 2 / ({B} x {B - 1}) x {sum(within):.6g} - 2 / {B}^2 x {sum(across):.6g}",
        ],
        2 / (B * (B - 1)) * sum(within) - 2 / B**2 * sum(across),
        float(value_and_grad(x, y)[1]["z"][0, 0]),
    )


REGULARISER = Regulariser(
    name="mmd",
    label="one dimension at a time",
    title="MMD",
    symbol="MMD(q(z), p(z))",
    value=_mean_value,
    value_and_grad=_mean_value_and_grad,
    least_points=LEAST_MMD_POINTS,
    unit="",
    aliases=("mmd_dim",),
    code=(value, value_and_grad),
    explanation=Explanation(
        "MMD^2 between x, a sample of the prior, and y = z, in each dimension, with k(r) = sum_c c / (c + r^2)",
        (
            "MMD^2 = 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)",
            "d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j),   "
            "k'(r) = -2 r sum_c c / (c + r^2)^2",
        ),
        (
            "y_a occurs twice in the double sum over (i, j), as y_i and as y_j; k is even, so both give k'(y_a - y_j), "
            "hence the factor 2",
            "k'(0) = 0, so the term j = a may stay in the sum",
            "in the sum over pairs (x, y), k(x_j - y_a) = k(y_a - x_j) occurs once; the 2 is that of the formula",
            "to lower MMD^2, the y move away from each other and towards the x, so they spread out over the x",
        ),
    ),
    work_by_hand=_work_by_hand,
)

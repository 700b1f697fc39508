"""What the GPU's MMD needs besides the step's own arrays (``_core/gpu/mmd.cuh``): its coefficients and its room."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.codes import GPU_MMD_ORDER, GPU_MMD_SPAN, GPU_MMD_WIDTH
from ..terms.regularisers.mmd import kernel
from .device import Device

# From so many points on, cells of points are faster than pairs. Microseconds on an H100, in float32 with K = 1:
#   B      D = 2: pairs, cells     D = 10           D = 50
#   128        8.9   16.0          9.1   16.7      10.9   19.4
#   256       14.4   16.5         15.1   17.2      27.8   20.6
#   400       21.0   16.6         22.0   17.5      52.9   24.5
#   2000      91.8   17.5        233.6   22.9     975.1   47.2
# They cross at about B = 290 for D = 2 and 10, and at about 190 for D = 50.
CELLS_FROM = 250

POINTS_OF_A_PART = 128  # at least, where the points of a sample are spread over several blocks
ENOUGH_BLOCKS = 1024  # with so many, all multiprocessors have work


def coefficients(dtype: np.dtype) -> np.ndarray:
    """C_kl(o) of the kernel at [o, l, k], (GPU_MMD_SPAN, order, order) float64.

    k(H (o + (t - u) / 2)) = sum_kl C_kl(o) T_k(t) T_l(u) for t and u in [-1, 1] and cells of width H, o cells apart
    """
    order = GPU_MMD_ORDER[dtype.name]
    angle = np.pi * (np.arange(order + 8) + 0.5) / (order + 8)
    t = np.cos(angle)
    share = np.where(np.arange(order) == 0, 1, 2) / len(t)
    T = np.cos(np.arange(order)[:, None] * angle) * share[:, None]
    apart = np.arange(GPU_MMD_SPAN)[:, None, None]
    values = kernel(GPU_MMD_WIDTH * (apart + (t - t[:, None]) / 2))
    return T @ values @ T.T


def parts(B: int, K: int, D: int) -> int:
    """Over how many blocks the B points of a sample and a dimension are spread."""
    return min(-(-B // POINTS_OF_A_PART), -(-ENOUGH_BLOCKS // ((K + 1) * D)))


def no_cells(device: Device) -> dict[str, Any]:
    """The kernel ``mmd``'s arguments where it sums over pairs alone."""
    return {"with_cells": 0, "window": device.zeros(0, dtype=np.int32), "fields": device.zeros(0)}


def cells(device: Device, max_rows: int, K: int, D: int) -> dict[str, Any]:
    """The kernels' arrays for up to ``max_rows`` points, under the names of their parameters."""
    order, zeros, most = GPU_MMD_ORDER[device.dtype.name], device.zeros, parts(max_rows, K, D)
    return {
        "with_cells": 1,
        "coefficients": device.array(coefficients(device.dtype)),
        "moments": zeros(K + 1, most, D, GPU_MMD_SPAN, order, dtype=np.float64),
        "ends": zeros(K + 1, most, D, 2),
        "window": zeros(D, 2, dtype=np.int32),
        "charges": zeros(K + 1, D, GPU_MMD_SPAN, order),
        "fields": zeros(K + 1, D, GPU_MMD_SPAN, order),
    }

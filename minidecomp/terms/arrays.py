"""The few array functions that several terms share."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.codes import LOG_2PI, MIN_SCALE

__all__ = ["LOG_2PI", "MIN_SCALE", "array_module", "logsumexp", "normal_log_density", "sigmoid", "softplus"]


def array_module(array: Any) -> Any:
    """The module that an array belongs to: cupy for a CuPy array, numpy for anything else."""
    if type(array).__module__.split(".")[0] == "cupy":
        import cupy

        return cupy
    return np


def softplus(x: Any) -> Any:
    """log(1 + e^x) for each element, in x's shape.

    Computed as max(x, 0) + log(1 + e^-|x|), which cannot overflow.
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x) for each element, in x's shape.

    Computed as (1 or e^x) / (1 + e^-|x|), which cannot overflow.
    """
    xp = array_module(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def logsumexp(x: Any, axis: int) -> Any:
    """log sum_i e^x_i along an axis, which is removed.

    Computed as m + log sum_i e^(x_i - m) with m = max_i x_i, which cannot overflow.
    """
    xp = array_module(x)
    m = x.max(axis=axis, keepdims=True)
    return xp.squeeze(m, axis) + xp.log(xp.exp(x - m).sum(axis=axis))


def normal_log_density(z: Any, loc: Any, scale: Any) -> Any:
    """log N(z; loc, scale^2) in nats for each element; z, loc and scale broadcast against each other.

    log N(z; m, s^2) = -((z - m) / s)^2 / 2 - log s - log(2 pi) / 2
    """
    xp = array_module(z)
    return -0.5 * ((z - loc) / scale) ** 2 - xp.log(scale) - 0.5 * LOG_2PI

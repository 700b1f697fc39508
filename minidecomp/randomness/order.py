"""Random orders of rows: the textbook's or, for many rows, the compiled core's, which needs 8 bytes per row."""

from __future__ import annotations

import numpy as np

from . import philox

MANY = 100_000  # the textbook needs some 130 bytes per row


def permutation(n: int, seed: int, purpose: int, step: int) -> np.ndarray:
    """A uniformly random order of 0..n-1, int64 of shape (n,), identical to ``philox.permutation``."""
    if n < MANY:
        return philox.permutation(n, seed, purpose, step)
    from .._core import engine_float32  # a model can be used without the core

    order = np.empty(n, np.int64)
    engine_float32.permutation(order, seed, purpose, step)
    return order

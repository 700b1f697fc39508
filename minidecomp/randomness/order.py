"""Random orders of rows: the textbook's, and for many rows the compiled core's, which takes 8 bytes a row."""

from __future__ import annotations

import numpy as np

from . import philox

MANY = 100_000  # the textbook takes some 130 bytes a row


def permutation(n: int, seed: int, purpose: int, step: int) -> np.ndarray:
    """A uniformly random order of 0..n-1, int64 of shape (n,): ``philox.permutation``'s, to the number."""
    if n < MANY:
        return philox.permutation(n, seed, purpose, step)
    from .._core import engine_float32  # a model alone is used without the core

    order = np.empty(n, np.int64)
    engine_float32.permutation(order, seed, purpose, step)
    return order

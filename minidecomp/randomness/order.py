"""Random orders of many rows, by the compiled core: `philox.permutation`'s, to the number, in 8 bytes a row."""

from __future__ import annotations

import numpy as np

from .._core import engine_float32


def permutation(n: int, seed: int, purpose: int, step: int) -> np.ndarray:
    """A uniformly random order of 0..n-1, int64 of shape (n,)."""
    order = np.empty(n, np.int64)
    engine_float32.permutation(order, seed, purpose, step)
    return order

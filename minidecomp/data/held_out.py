"""Which training points are kept for validation."""

from __future__ import annotations

import numpy as np

from ..errors import DataError, counted, marked
from ..randomness import streams
from ..randomness.order import permutation

FEWEST = 2  # that are left to train on


def held_out(count: int, fraction: float, seed: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Which of ``count`` points are for training, and which for validation: two rising arrays of indices.

    At least one is kept if ``fraction`` is above 0. ``name`` names the data in the error.

    Raises
    ------
    DataError
        Too few points are left.
    """
    if not fraction:
        return np.arange(count), np.arange(0)
    kept = max(1, round(fraction * count))
    if count - kept < FEWEST:
        share = marked("validation_fraction", f"{fraction:g}")
        raise DataError(
            f"{name}: has {counted(count, 'training point')}; of these {share} leaves {count - kept}, "
            f"and at least {FEWEST} are needed"
        )
    order = permutation(count, seed, *streams.VALIDATION_SPLIT.at())
    return np.sort(order[kept:]), np.sort(order[:kept])

"""The representation of the golden numbers: mixtures of dSprites' factors, and three collapsed codes."""

from __future__ import annotations

import numpy as np

from minidecomp.evaluation.metrics.sampling import all_factors

SIZES = (3, 6, 40, 32, 32)


def mixing() -> np.ndarray:
    w = np.random.RandomState(7).randn(10, 5) * 0.35
    for code, factor, weight in ((0, 3, 1), (1, 4, 1), (2, 1, 0.9), (3, 0, 0.7), (4, 2, 0.6), (5, 2, -0.5)):
        w[code, factor] += weight
    w[7:] *= 1e-3
    return w


def codes(factors: np.ndarray) -> np.ndarray:
    u = factors / (np.array(SIZES) - 1) - 0.5
    wave = np.sin(37 * (u @ [1, 2, 3, 5, 7])[:, None] * (1 + np.arange(10)))
    return u @ mixing().T + 0.2 * wave * np.where(np.arange(10) < 7, 1, 1e-3)


def table() -> np.ndarray:
    """All 737,280 points' codes."""
    return codes(all_factors(SIZES))

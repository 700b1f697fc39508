"""Random numbers from a counter: Philox 4x32-10 (Salmon et al., SC 2011), read by seed, purpose and step.

A draw depends only on its position, so the textbook, the CPU engine and a GPU draw the same numbers, and a run can
resume from a counter alone. Word ``j`` of block ``b`` is
``philox((b, step, step >> 32, purpose), seed)[j]``.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF


def words(count: int, seed: int, purpose: int, step: int, xp: ModuleType = np) -> Any:
    """The first ``count`` 32-bit words of a stream, as uint32 of shape (count,).

    Parameters
    ----------
    count : int
        The number of words.
    seed : int
        0 to 2^64 - 1.
    purpose : int
        The stream's purpose; see `minidecomp.randomness.streams`.
    step : int
        The stream's step, 0 to 2^64 - 1.
    xp : module
        numpy or cupy.
    """
    blocks = (count + 3) // 4
    c0 = xp.arange(blocks, dtype=xp.uint64)
    c1 = xp.full(blocks, step & _LOW, dtype=xp.uint64)
    c2 = xp.full(blocks, step >> 32 & _LOW, dtype=xp.uint64)
    c3 = xp.full(blocks, purpose, dtype=xp.uint64)
    k0, k1 = seed & _LOW, seed >> 32 & _LOW
    low, high = np.uint64(_LOW), np.uint64(32)
    for _ in range(10):
        p0 = c0 * np.uint64(_MULTIPLIERS[0])
        p1 = c2 * np.uint64(_MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            (p1 >> high) ^ c1 ^ np.uint64(k0),
            p1 & low,
            (p0 >> high) ^ c3 ^ np.uint64(k1),
            p0 & low,
        )
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return xp.stack([c0, c1, c2, c3], axis=1).astype(xp.uint32).reshape(-1)[:count]


def _open_unit(w: Any) -> Any:
    """u = (floor(w / 2^9) + 1/2) / 2^23: in (0, 1), and exact both in float32 and in float64."""
    return ((w >> 9) + 0.5) * 2.0**-23


def uniform(
    shape: tuple[int, ...],
    seed: int,
    purpose: int,
    step: int,
    dtype: Any = np.float64,
    xp: ModuleType = np,
) -> Any:
    """Uniform numbers in the open interval (0, 1), one word each."""
    count = math.prod(shape)
    return _open_unit(words(count, seed, purpose, step, xp)).astype(dtype).reshape(shape)


def normal(
    shape: tuple[int, ...],
    seed: int,
    purpose: int,
    step: int,
    dtype: Any = np.float64,
    xp: ModuleType = np,
) -> Any:
    """Standard normal numbers by Box and Muller (1958), two from two words; none exceeds 5.8 in absolute value.

    z_2i = sqrt(-2 log u_2i) cos(2 pi u_2i+1),   z_2i+1 = sqrt(-2 log u_2i) sin(2 pi u_2i+1)
    """
    count = math.prod(shape)
    u = _open_unit(words(count + count % 2, seed, purpose, step, xp)).reshape(-1, 2)
    return normal_of(u, xp).reshape(-1)[:count].astype(dtype).reshape(shape)


def normal_of(u: Any, xp: ModuleType = np) -> Any:
    """Standard normal numbers (N, 2) from uniform ones (N, 2)."""
    radius, angle = xp.sqrt(-2 * xp.log(u[:, 0])), 2 * np.pi * u[:, 1]
    return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=1)


def student_t(
    shape: tuple[int, ...],
    df: float,
    seed: int,
    purpose: int,
    step: int,
    dtype: Any = np.float64,
    xp: ModuleType = np,
) -> Any:
    """Student-t numbers by Bailey's polar method (Math. Comp. 62, 1994), one from two words; exact for any df > 0.

    t_i = sqrt(df (u_2i^(-2/df) - 1)) cos(2 pi u_2i+1)
    """
    count = math.prod(shape)
    u = _open_unit(words(2 * count, seed, purpose, step, xp)).reshape(-1, 2)
    return student_t_of(u, df, xp).astype(dtype).reshape(shape)


def student_t_of(u: Any, df: float, xp: ModuleType = np) -> Any:
    """Student-t numbers (N,) from uniform ones (N, 2)."""
    return xp.sqrt(df * xp.expm1(-2 / df * xp.log(u[:, 0]))) * xp.cos(2 * np.pi * u[:, 1])


def permutation(n: int, seed: int, purpose: int, step: int) -> np.ndarray:
    """A uniformly random order of 0..n-1 by Fisher and Yates, as int64 of shape (n,).

    For i = n-1 down to 1:  j = floor(w_i (i + 1) / 2^32),  swap entries i and j.
    """
    picks = (words(n, seed, purpose, step).astype(np.uint64) * np.arange(1, n + 1, dtype=np.uint64)) >> np.uint64(32)
    order = list(range(n))
    for i, j in zip(range(n - 1, 0, -1), picks[:0:-1].tolist(), strict=True):
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)

"""This GPU's limits, measured on the spot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cupy

from minidecomp.engines.probe import describe


def _best(work: Callable[[], object], repetitions: int = 15) -> float:
    times = []
    for _ in range(repetitions):
        cupy.cuda.runtime.deviceSynchronize()
        begun = time.perf_counter()
        work()
        cupy.cuda.runtime.deviceSynchronize()
        times.append(time.perf_counter() - begun)
    return min(times)


def measure(threads: int = 0) -> dict[str, Any]:
    """Operations per second in float32 products without TF32, and bytes per second of x += y; ignores ``threads``."""
    n, size = 8192, 2**28
    a, b, c = (cupy.ones((n, n), cupy.float32) for _ in range(3))
    operations = 2 * n**3 / _best(lambda: cupy.matmul(a, b, out=c))
    x, y = cupy.ones(size, cupy.float32), cupy.ones(size, cupy.float32)
    return {"operations": operations, "bytes": 12 * size / _best(lambda: cupy.add(x, y, out=x)), "blas": describe()}

"""This machine's limits, measured on the spot, and how much of them a row needs."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from minidecomp._core import blas
from minidecomp._core import engine_float32 as core


def _best(function: Any, repetitions: int = 15) -> float:
    times = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


def product_rate(threads: int, n: int = 1024) -> float:
    """Floating-point operations per second in float32 matrix products n x n: the better of the core's and numpy's."""
    a, b, c = np.ones((3, n, n), np.float32)
    pool = core.Pool(threads)
    with blas.single_threaded():
        own = _best(lambda: pool.gemm(a, b, c))
    return 2 * n**3 / min(own, _best(lambda: np.dot(a, b, out=c)))


def bandwidth(threads: int, megabytes: int = 256) -> float:
    """Bytes per second of x += y on arrays far larger than the caches: two are read, one is written."""
    size = megabytes * 2**18
    x, y = np.ones(size, np.float32), np.ones(size, np.float32)
    parts = [slice(size * i // threads, size * (i + 1) // threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as executor:

        def add() -> None:
            list(executor.map(lambda part: np.add(x[part], y[part], out=x[part]), parts))

        return 12 * size / _best(add)


def measure(threads: int) -> dict[str, Any]:
    return {"operations": product_rate(threads), "bytes": bandwidth(threads), "blas": blas.config()}


def needed(settings: dict[str, Any]) -> dict[str, float]:
    """Operations in matrix products and bytes of Adam's state and parameters for one training step of a row.

    A product counts once forward and twice backward, except that no gradient with respect to the data is needed. Adam
    with AMSGrad reads and writes theta, m, v and v_max; gradients and activations are counted as free.
    """
    batch, operations, parameters = settings["batch_size"], 0, 0
    for widths, is_encoder in ((settings["encoder_widths"], True), (settings["decoder_widths"], False)):
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            operations += 2 * batch * n_in * n_out * (2 if is_encoder and i == 0 else 3)
            parameters += n_in * n_out + n_out
    return {"operations": float(operations), "bytes": 32.0 * parameters, "parameters": parameters}

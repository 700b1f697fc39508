"""The principal variances of data, from which ``--prior-variance pca`` takes the prior's variances."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import Fault
from ..files import make_folder, write_file
from . import folders
from .on_disk import OnDisk
from .points import Bits, Points, as_numbers
from .waiting import SILENT, Count, Waiting

BLOCK = 4096
# Runs with other latent dimensions then find what they need in the cache.
COUNT_CACHED = 64
WORTH_CACHING = 50_000_000  # values: about a second of work


def principal_variances(
    points: Points, count: int, centre: bool = True, counted: Count = lambda done: None, threads: int = 1
) -> np.ndarray:
    """The largest eigenvalues of the data's covariance, or of its second moment, in falling order.

    They are the squares of the singular values of the (centred) data matrix, divided by N.

    Parameters
    ----------
    points : Points of shape (N, dx)
        Read in blocks, so that no second copy of the data is made.
    count : int
        How many.
    centre : bool
        Whether the mean is subtracted.
    counted : callable
        Given how many points are done.
    threads : int
        That count bits; the result is the same with any number.

    Returns
    -------
    numpy.ndarray of shape (min(count, dx),)
    """
    from scipy.linalg import eigh

    width = points.shape[1]
    total, second = _of_bits(points, counted, threads) if isinstance(points, Bits) else _of_numbers(points, counted)
    moving = np.flatnonzero(second.diagonal())
    moment = second[np.ix_(moving, moving)] / len(points)
    if centre:
        mean = total[moving] / len(points)
        moment -= np.outer(mean, mean)
    variances = np.zeros(min(count, width))
    kept = min(len(variances), len(moving))
    if kept:
        last = len(moving) - 1
        found = eigh(moment, eigvals_only=True, subset_by_index=(last - kept + 1, last), overwrite_a=True)
        variances[:kept] = found[::-1]
    return variances


def _of_bits(points: Bits, counted: Count, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """The sum (dx,) and X^T X (dx, dx) of bits, exact."""
    from .._core import popcount

    width = points.shape[1]
    second = np.zeros((width, width))
    popcount.add_second_moment(np.ascontiguousarray(points.packed), second, threads, counted)
    return second.diagonal(), second  # x^2 = x


def _of_numbers(points: np.ndarray | OnDisk, counted: Count) -> tuple[np.ndarray, np.ndarray]:
    """The sum (dx,) and X^T X (dx, dx) of numbers or bytes."""
    width = points.shape[1]
    total, second = np.zeros(width), np.zeros((width, width))
    for first in range(0, len(points), BLOCK):
        block = as_numbers(points[first : first + BLOCK], np.float64)
        total += block.sum(0)
        second += block.T @ block
        counted(min(first + BLOCK, len(points)))
    return total, second


def cached_principal_variances(
    points: Points, count: int, centre: bool, fingerprint: str, waiting: Waiting = SILENT, threads: int = 1
) -> np.ndarray:
    """`principal_variances`; those of large data are kept in the user's cache, under the data's fingerprint."""
    if points.shape[0] * points.shape[1] < WORTH_CACHING:
        return principal_variances(points, count, centre, threads=threads)
    key = f"{fingerprint}-{'centred' if centre else 'uncentred'}"
    path: Path = folders.cache() / "principal_variances" / f"{key}.npz"
    known = _read_cache(path, key, points.shape[1])
    if known is not None and len(known) >= min(count, points.shape[1]):
        return known[:count]
    moment = "covariance" if centre else "second moment"
    waiting.say(f"computing the {moment} of {len(points):,} points, once, for --prior-variance pca")
    with waiting.bar(len(points)) as counted:
        variances = principal_variances(points, max(count, COUNT_CACHED), centre, counted, threads)
    try:
        make_folder(path.parent)
        write_file(path, lambda file: np.savez(file, key=key, variances=variances))
    except Fault as error:  # the next run computes them again
        waiting.say(f"the principal variances are not kept for later runs: {error}")
    else:
        waiting.say(f"principal variances: kept for later runs in {path.parent}")
    return variances[:count]


def _read_cache(path: Path, key: str, width: int) -> np.ndarray | None:
    """The variances in a file of the cache; None unless the file is whole and is about these data."""
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            found, known = str(arrays["key"]), arrays["variances"]
    except Exception:  # numpy, zipfile and zlib raise nearly anything for a damaged file
        return None
    if found != key or known.dtype != np.float64 or known.ndim != 1 or not 0 < len(known) <= width:
        return None
    # Rounding puts what is zero a little below it.
    falling = bool((np.diff(known) <= 0).all()) and bool((known >= -1e-9 * abs(known[0])).all())
    return known if np.isfinite(known).all() and falling else None

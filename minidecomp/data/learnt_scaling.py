"""Learning a scaling from points: the result is the same, to the bit, for any order and any blocks of reading."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .on_disk import OnDisk
from .points import blocks, bounds
from .scaling import BYTES, NONE, UNIT, Scaling, plain

DIGITS = 30  # binary digits of each of the two whole numbers that stand for a fraction


def learn_scaling(kind: str, points: np.ndarray | OnDisk, together: bool) -> Scaling:
    """The scaling learnt from training points.

    Parameters
    ----------
    kind : str
        One of ``SCALES``.
    points : numpy.ndarray or OnDisk of shape (N, dx)
        Of any real dtype. ``unit`` uses the whole range of unsigned integers of 8 and 16 bits, and otherwise from the
        least to the greatest value; constant columns become 0.
    together : bool
        Whether all columns share one shift and one scale, as pixels do.
    """
    width = points.shape[1]
    if kind in (NONE, BYTES):
        return plain(kind, width)
    if kind == UNIT and points.dtype.kind == "u" and points.dtype.itemsize <= 2:
        shift, spread = np.zeros(()), np.array(float(np.iinfo(points.dtype).max))
    else:
        least, greatest = bounds(points).astype(np.float64)
        if together:
            least, greatest = least.min(), greatest.max()
        shift, spread = (least, greatest - least) if kind == UNIT else _mean_and_deviation(points, least, greatest)
    scale = np.where(spread > 0, spread, 1.0)
    return Scaling(kind, np.broadcast_to(shift, width).copy(), np.broadcast_to(scale, width).copy())


def _mean_and_deviation(
    points: np.ndarray | OnDisk, least: np.ndarray, greatest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each column, or for all together if ``least`` and ``greatest`` are one number."""
    together, count = least.ndim == 0, points.shape[0]
    size = np.maximum(np.maximum(-least, greatest), 1e-300)
    mean = size * _means((np.asarray(block, np.float64) / size for block in blocks(points)), count, together)
    reach = np.maximum(np.maximum(mean - least, greatest - mean), 1e-300)
    squares = (((np.asarray(block, np.float64) - mean) / reach) ** 2 for block in blocks(points))
    return mean, reach * np.sqrt(_means(squares, count, together))


def _means(fractions: Iterable[np.ndarray], count: int, together: bool) -> np.ndarray:
    """The columns' means of ``count`` rows of numbers from -1 to 1, or the mean of all.

    Sums of whole numbers do not depend on their order, so each number is split into two of 30 binary digits.
    """
    unit = 2.0**DIGITS
    upper, lower = 0, 0
    for block in fractions:
        large = block * unit
        whole = np.rint(large)
        upper = upper + whole.astype(np.int64).sum(0)
        lower = lower + np.rint((large - whole) * unit).astype(np.int64).sum(0)
    sums = [
        (high << DIGITS) + low for high, low in zip(np.asarray(upper).tolist(), np.asarray(lower).tolist(), strict=True)
    ]
    if together:
        return np.array(sum(sums) / (count * len(sums) << 2 * DIGITS))
    return np.array([each / (count << 2 * DIGITS) for each in sums])

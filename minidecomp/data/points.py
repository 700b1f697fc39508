"""Data points as numbers, bytes or bits, or on disk; a batch becomes numbers when it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..randomness import philox, streams
from .on_disk import BLOCK, OnDisk, read_ahead


@dataclass(frozen=True)
class Bits:
    """Binary points, with eight values in a byte.

    Attributes
    ----------
    packed : numpy.ndarray of shape (N, dx / 8)
        uint8, C-contiguous, from ``numpy.packbits(values, axis=1)``: the first value is the highest bit of a byte.
    """

    packed: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(N, dx), as if each bit were a number."""
        return len(self.packed), 8 * self.packed.shape[1]

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, rows: Any) -> Bits:
        """The points that a slice or an array of indices selects."""
        return Bits(self.packed[rows])


# float32 or float64 (N, dx); uint8 (N, dx), where a byte v stands for v / 255; or bits. On the disk it is an array's
# dtype that tells which: an index or a slice gives the array.
Points = np.ndarray | Bits | OnDisk


def as_numbers(points: Points, dtype: Any) -> np.ndarray:
    """The points (N, dx) as numbers in ``dtype``, float32 or float64; bytes are divided by 255."""
    dtype = np.dtype(dtype)
    if isinstance(points, Bits):
        return np.unpackbits(points.packed, axis=1).astype(dtype)
    if isinstance(points, OnDisk):
        points = points[:]
    if points.dtype == np.uint8:
        return points * dtype.type(1 / 255)
    return points.astype(dtype, copy=False)


def as_stored(points: Points, dtype: Any) -> Points:
    """The points for an engine: bits and bytes unchanged, numbers in its dtype, C-contiguous."""
    if isinstance(points, Bits) or points.dtype == np.uint8:
        return points
    return as_type(points, dtype)


def as_type(points: np.ndarray | OnDisk, dtype: Any) -> np.ndarray | OnDisk:
    """Points in another dtype, C-contiguous; points on disk stay there."""
    return points.astype(dtype) if isinstance(points, OnDisk) else np.ascontiguousarray(points, dtype)


def pick(points: np.ndarray | OnDisk, rows: np.ndarray) -> np.ndarray | OnDisk:
    """Some of the points, by their indices; points on disk stay there."""
    return points.pick(rows) if isinstance(points, OnDisk) else points[rows]


def blocks(points: np.ndarray | OnDisk) -> Iterator[np.ndarray]:
    """All points, some at a time, in any order."""
    if isinstance(points, OnDisk):
        return points.in_file_order().blocks()
    step = max(1, BLOCK // max(1, points[:1].nbytes))
    return (points[first : first + step] for first in range(0, len(points), step))


def bounds(points: np.ndarray | OnDisk) -> np.ndarray:
    """The least and greatest value of each column, (2, dx); NaN if a column has one."""
    return points.bounds() if isinstance(points, OnDisk) else np.stack([points.min(0), points.max(0)])


def stretches(points: Points, multiple: int) -> Iterator[tuple[int, Points]]:
    """All points in order: at once or, from disk, so many (or a multiple) at a time, with the index of the first."""
    if not isinstance(points, OnDisk):
        return iter([(0, points)])
    pieces = list(points.pieces(multiple))
    return zip((piece.start for piece in pieces), read_ahead(points, pieces), strict=True)


def value_range(points: Points) -> tuple[float, float]:
    """The least and the greatest value of points (N, dx)."""
    if isinstance(points, Bits):
        return 0.0, 1.0
    unit = 255 if points.dtype == np.uint8 else 1
    if isinstance(points, OnDisk):
        points = points.bounds()
    return float(points.min()) / unit, float(points.max()) / unit


def all_zero_or_one(points: Points) -> bool:
    """Whether every value of the points is 0 or 1."""
    if isinstance(points, Bits):
        return True
    one = 255 if points.dtype == np.uint8 else 1
    return all(bool(((block == 0) | (block == one)).all()) for block in blocks(points))


def evenly_spread(total: int, count: int) -> np.ndarray:
    """Indices of ``count`` of ``total`` points, one at random from each of ``count`` pieces; all if there are fewer.

    Data are often sorted, so the first points would be a bad choice; or they are periodic, as in dSprites,
    so that equal steps would meet the same few values again. The choice is always the same.
    """
    if total <= count:
        return np.arange(total, dtype=np.int64)
    edges = np.arange(count + 1, dtype=np.int64) * total // count
    within = philox.uniform((count,), 0, *streams.SPREAD.at()) * np.diff(edges)
    return edges[:-1] + within.astype(np.int64)


def fingerprint(data: Points) -> str:
    """SHA-256 of the points' shape, kind and bytes."""
    kind = "bits" if isinstance(data, Bits) else data.dtype
    digest = hashlib.sha256(f"{data.shape} {kind}".encode())
    for _, part in stretches(data, 1):
        digest.update(np.ascontiguousarray(part.packed if isinstance(part, Bits) else part).data)
    return digest.hexdigest()

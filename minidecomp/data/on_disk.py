"""Points that stay on disk: a batch is read and converted to the model's numbers when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .npy_files import NpyFiles
from .scaling import Scaling

BLOCK = 1 << 24  # bytes of the model's numbers that are read and changed at once, about


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Points (N, dx) in files. An index or a slice gives an array with the same values as points in memory.

    Attributes
    ----------
    files : NpyFiles
    dtype : numpy.dtype
        Of the arrays.
    numbers : numpy.ndarray of shape (N,) or None
        int64, the rows of the points in the files; None for all rows in order.
    scaling : Scaling or None
        How the numbers in the files become the points.
    known : dict
        Cached facts about these rows of the files.
    """

    files: NpyFiles
    dtype: np.dtype
    numbers: np.ndarray | None = None
    scaling: Scaling | None = None
    known: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files) if self.numbers is None else len(self.numbers)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, dx)."""
        return len(self), int(np.prod(self.files.row_shape))

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The points that a slice or an array of indices selects, C-contiguous; (dx,) for one index."""
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        raw = self._raw(rows)
        if self.scaling is None and raw.dtype == self.dtype:
            return raw
        made = np.empty(raw.shape, self.dtype)
        step = self._rows_of(BLOCK)
        for first in range(0, len(raw), step):
            made[first : first + step] = self._made(raw[first : first + step])
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All points in memory, for code that needs an array."""
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def _raw(self, rows: Any) -> np.ndarray:
        if self.numbers is not None:
            return self.files.read(self.numbers[rows])
        if isinstance(rows, slice):
            return self.files.read(np.arange(*rows.indices(len(self)), dtype=np.int64))
        chosen = np.asarray(rows, np.int64)
        if len(chosen) and not -len(self) <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"rows {chosen.min()} to {chosen.max()} of {len(self)}")
        return self.files.read(np.where(chosen < 0, chosen + len(self), chosen))

    def _made(self, raw: np.ndarray) -> np.ndarray:
        """Rows of the files as points, converted through float64, as in memory."""
        if self.scaling is not None:
            raw = self.scaling.apply(raw)
        elif self.dtype.kind == "f" and not np.can_cast(raw.dtype, self.dtype):
            raw = raw.astype(np.float64)
        return raw.astype(self.dtype, copy=False)

    def _rows_of(self, size: int) -> int:
        return max(1, size // max(1, self.shape[1] * self.dtype.itemsize))

    def astype(self, dtype: Any) -> OnDisk:
        """The same points in another dtype."""
        return replace(self, dtype=np.dtype(dtype))

    def scaled(self, scaling: Scaling) -> OnDisk:
        """The points with a scaling, float64."""
        return replace(self, dtype=np.dtype(np.float64), scaling=scaling)

    def pick(self, rows: np.ndarray) -> OnDisk:
        """Some of the points, which stay on disk."""
        return replace(self, numbers=rows if self.numbers is None else self.numbers[rows], known={})

    def in_file_order(self) -> OnDisk:
        """The points in their order on disk."""
        return self if self.numbers is None else replace(self, numbers=np.sort(self.numbers))

    def pieces(self, multiple: int = 1, size: int | None = None, count: int | None = None) -> Iterator[slice]:
        """Slices of ``count`` (or all) points, of about ``size`` bytes each and a multiple of so many points."""
        count = len(self) if count is None else count
        step = max(1, self._rows_of(size or BLOCK) // multiple) * multiple
        return (slice(first, min(first + step, count)) for first in range(0, count, step))

    def blocks(self) -> Iterator[np.ndarray]:
        """All points, some at a time."""
        return read_ahead(self, self.pieces())

    def bounds(self) -> np.ndarray:
        """The least and greatest value of each column, (2, dx); NaN if a column has one.

        Scaling keeps the order of numbers, even after rounding, so the bounds of the files become those of the points.
        """
        if "bounds" not in self.known:
            unchanged = replace(self.in_file_order(), dtype=self.files.dtype, scaling=None)
            least = greatest = unchanged[:1][0]
            for block in unchanged.blocks():
                least, greatest = np.minimum(least, block.min(0)), np.maximum(greatest, block.max(0))
            self.known["bounds"] = np.stack([least, greatest])
        return self._made(self.known["bounds"])

    def first_bad(self) -> tuple[int, int, float]:
        """Row (in the files) and column of the first number that is not finite, and the number."""
        ordered, first = self.in_file_order(), 0
        for block in ordered.blocks():
            finite = np.isfinite(block.astype(np.float64))  # which a long double may be beyond
            if not finite.all():
                row, column = np.unravel_index(np.argmin(finite), finite.shape)
                at = first + int(row)
                return at if ordered.numbers is None else int(ordered.numbers[at]), int(column), block[row, column]
            first += len(block)
        raise ValueError("all numbers are finite")


def read_ahead(points: OnDisk, pieces: Iterable[Any]) -> Iterator[np.ndarray]:
    """The points of each piece (a slice or indices), while another thread reads the next piece."""
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(1, "reading") as reader:
        waiting: Future[np.ndarray] | None = None
        for piece in pieces:
            coming = reader.submit(points.__getitem__, piece)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()

"""What an engine gets of an epoch: the data with rows of them or, from disk, one piece after another."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from .on_disk import OnDisk, read_ahead
from .points import Points

STRETCH = 1 << 25  # bytes of the points that are in memory at once, about; as many are read meanwhile


class Feed:
    """The training points as an engine takes them, for one epoch after another.

    Points in memory are passed on unchanged. Of points on disk, the engine gets the next batches as an array,
    while another thread reads those that follow. Both ways take the same steps with the same draws.

    Parameters
    ----------
    data : Points of shape (N, dx)
    batch_size : int
    """

    def __init__(self, data: Points, batch_size: int):
        self._data, self._batch_size = data, batch_size
        self._order: Any = None
        self._stretches: Iterator[np.ndarray] = iter(())
        self._stretch, self._first, self._next = np.empty((0, 0)), 0, 0

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    @property
    def in_memory(self) -> bool:
        """Whether an engine can take rows of several epochs at once, from the data itself."""
        return not isinstance(self._data, OnDisk)

    def take(self, order: Any, row: int, count: int) -> tuple[Points, Any]:
        """Points, and their rows from ``row`` on in the order of the epoch: ``count`` rows, or fewer whole batches.

        Parameters
        ----------
        order : array of shape (N,)
            The same object until the epoch ends; for points on disk it must be on the host.
        row, count : int
            Whole batches, except for the last one of the epoch.
        """
        if not isinstance(self._data, OnDisk):
            return self._data, order[row : row + count]
        if order is not self._order or row != self._next:
            self._begin(self._data, order, row)
        if row == self._first + len(self._stretch):
            self._stretch, self._first = next(self._stretches), row
        at = row - self._first
        rows = np.arange(at, min(at + count, len(self._stretch)), dtype=np.int64)
        self._next = row + len(rows)
        return self._stretch, rows

    def _begin(self, data: OnDisk, order: Any, row: int) -> None:
        self._close()
        self._order, self._stretch, self._first = order, np.empty((0, 0)), row
        pieces = data.pieces(self._batch_size, STRETCH, len(order) - row)
        self._stretches = read_ahead(data, (order[row:][piece] for piece in pieces))

    def _close(self) -> None:
        if hasattr(self._stretches, "close"):
            self._stretches.close()

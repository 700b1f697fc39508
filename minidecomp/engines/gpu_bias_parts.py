"""The gradients of the biases on a GPU: each part of the rows is summed by its own blocks, then the parts in order."""

from __future__ import annotations

import numpy as np

from .device import Device
from .gpu_layout import Layout

LEAST_ROWS = 64  # of a part
MOST_PARTS = 64


def row_parts(rows: int) -> tuple[int, int]:
    """The number of parts, and the rows of each but the last. They depend on the number of rows alone."""
    rows_of_part = max(LEAST_ROWS, -(-rows // MOST_PARTS))
    return -(-rows // rows_of_part), rows_of_part


class BiasParts:
    """The sums over each part of the rows, in an array (parts, width) with a column for each bias of the model.

    Parameters
    ----------
    biases : list of str
        The names of the biases, in the order of the columns.
    max_rows : int
        The largest number of rows that are summed.

    Attributes
    ----------
    width : int
        The number of columns.
    sums : array of shape (parts * width,)
        On the device.
    place : array of shape (width,)
        On the device: the place of each column's bias in the gradient.
    """

    def __init__(self, device: Device, layout: Layout, biases: list[str], max_rows: int):
        places = [layout.places(name) for name in biases]
        self._first = dict(zip(biases, np.cumsum([0, *map(len, places)]).tolist(), strict=False))
        self.place = device.array(np.concatenate(places), np.int64)
        self.width: int = self.place.size
        self.sums = device.zeros(min(MOST_PARTS, -(-max_rows // LEAST_ROWS)) * self.width)

    def column(self, bias: str) -> int:
        """The first column of a bias."""
        return self._first[bias]

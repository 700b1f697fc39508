"""Where a model's parameters stand on a GPU: every tensor begins at a multiple of 16 bytes, with zeros in the gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._core.codes import PACK


def in_packs(count: int) -> int:
    """The number of packs that hold ``count`` numbers."""
    return -(-count // PACK)


class Layout:
    """The places of named tensors in a vector on the device, which has gaps, and in the host's, which has none.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Names and shapes, in the order of both vectors.

    Attributes
    ----------
    size : int
        The length of the device's vector, a multiple of ``PACK``.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self._shapes = dict(shapes)
        self._counts = [math.prod(shape) for shape in shapes.values()]
        self._starts = [0, *np.cumsum([PACK * in_packs(count) for count in self._counts]).tolist()]
        self.size: int = self._starts.pop()
        self._number = {name: i for i, name in enumerate(shapes)}

    def views(self, vector: Any) -> dict[str, Any]:
        """The tensors of a vector (size,) on the device, by name; they share its memory."""
        places = zip(self._shapes.items(), self._starts, self._counts, strict=True)
        return {name: vector[start : start + count].reshape(shape) for (name, shape), start, count in places}

    def places(self, name: str) -> np.ndarray:
        """The indices of a tensor's numbers in the device's vector."""
        start, count = self._starts[self._number[name]], self._counts[self._number[name]]
        return np.arange(start, start + count)

    def with_gaps(self, vector: np.ndarray) -> np.ndarray:
        """A vector of the host as the device has it, (size,)."""
        padded, first = np.zeros(self.size, vector.dtype), 0
        for start, count in zip(self._starts, self._counts, strict=True):
            padded[start : start + count] = vector[first : first + count]
            first += count
        return padded

    def without_gaps(self, padded: np.ndarray) -> np.ndarray:
        """The reverse of ``with_gaps``, for a copy of the device's vector on the host."""
        parts = zip(self._starts, self._counts, strict=True)
        return np.concatenate([padded[start : start + count] for start, count in parts])

"""How your own numbers become those that a model is trained on, and back; learnt once from the training points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NONE, UNIT, STANDARDISE, BYTES = "none", "unit", "standardise", "bytes"
SCALES = (NONE, UNIT, STANDARDISE, BYTES)
MOST_PLACES = 290  # decimals of numbers that can be rounded


@dataclass(frozen=True)
class Scaling:
    """The model's x is (x - shift) / scale.

    Attributes
    ----------
    kind : str
        ``none``, ``unit`` (from 0 to 1), ``standardise`` (mean 0, standard deviation 1) or ``bytes`` (v / 255).
    shift, scale : numpy.ndarray of shape (dx,)
        float64, in the original units; scale is above 0.
    """

    kind: str
    shift: np.ndarray
    scale: np.ndarray

    @property
    def changes(self) -> bool:
        """Whether the model's numbers differ from the original ones."""
        return bool(self.shift.any() or (self.scale != 1).any())

    @property
    def farness(self) -> float:
        """Distance of the data from 0, in their scales; beyond about 1e4, float32 keeps little of them."""
        return float((np.abs(self.shift) / self.scale).max())

    @property
    def log_volume(self) -> float:
        """In nats per point: log p of the original x is the model's log p minus this, the sum of log scale."""
        return float(np.log(self.scale).sum())

    def apply(self, X: np.ndarray) -> np.ndarray:
        """The original points (N, dx) as the model's, float64."""
        return (np.asarray(X, np.float64) - self.shift) / self.scale

    def undo(self, X: np.ndarray) -> np.ndarray:
        """The model's points (.., dx) in the original units, float64, as float32 loses digits far from 0."""
        return np.asarray(X, np.float64) * self.scale + self.shift

    def restore(self, X: np.ndarray) -> np.ndarray:
        """Points (N, dx) before `apply`, float64, rounded to the digits that are left."""
        undone = self.undo(X)
        lost = 4 * np.finfo(np.float64).eps * (np.abs(X) * self.scale + np.abs(self.shift))
        with np.errstate(divide="ignore"):
            places = np.floor(-np.log10(lost))
        for each in np.unique(places[np.abs(places) <= MOST_PLACES]):
            there = places == each
            undone[there] = np.round(undone[there], int(each))
        return undone + 0.0  # no -0

    def arrays(self) -> dict[str, Any]:
        """The arrays of the scaling in a checkpoint."""
        return {"data_scale_kind": self.kind, "data_shift": self.shift, "data_scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], width: int) -> Scaling:
        """As a checkpoint has it.

        Raises
        ------
        ValueError
            It is damaged.
        """
        kind, shift, scale = str(arrays["data_scale_kind"]), arrays["data_shift"], arrays["data_scale"]
        if kind not in SCALES or any(
            part.dtype != np.float64 or part.shape != (width,) or not np.isfinite(part).all() for part in (shift, scale)
        ):
            raise ValueError(f"data_scale_kind is {kind!r}, data_shift and data_scale are not {width} numbers each")
        if not (scale > 0).all():
            raise ValueError(f"data_scale has {scale.min():g}; it must be above 0")
        return cls(kind, shift, scale)


def plain(kind: str, width: int) -> Scaling:
    """The scaling that needs no data: ``none``, or ``bytes``."""
    return Scaling(kind, np.zeros(width), np.full(width, 255.0 if kind == BYTES else 1.0))

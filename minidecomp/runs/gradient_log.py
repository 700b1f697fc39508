"""What ``train --log-gradients`` keeps for each epoch (docs/files.md)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..objective import TERMS

PAIRS = tuple(itertools.combinations(TERMS, 2))
COLUMNS = ("epoch", *(f"norm_{term}" for term in TERMS), *(f"cosine_{a}_{b}" for a, b in PAIRS))
FRAME_COLUMNS = 2 + 2 + 2 * len(TERMS)
FRAMES = 60  # the most moments of training that are kept


@dataclass
class GradientLog:
    """The gradients that ``train --log-gradients`` keeps.

    Attributes
    ----------
    rows : list of tuples
        A row for each epoch, in the order of ``COLUMNS``; NaN for a term with weight 0.
    frame_epochs : list of int
        The epochs of ``frames``. When there are ``FRAMES`` of them, every second one is dropped and the gap doubles.
    frames : list of numpy.ndarray of shape (P, 2 + 2 + 2 * 3)
        For up to 100 training points: loc, scale, and the gradient of each weighted term with respect to loc.
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    frame_epochs: list[int] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    gap: int = 1

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of ``gradients.csv``."""
        table = np.array(self.rows, float).reshape(-1, len(COLUMNS))
        return {name: table[:, i] for i, name in enumerate(COLUMNS)}

    def arrays(self) -> dict[str, Any]:
        """The arrays of the log in a checkpoint."""
        return {
            "gradients": np.array(self.rows, float).reshape(-1, len(COLUMNS)),
            "gradients.frame_epochs": np.array(self.frame_epochs, np.int64),
            "gradients.frames": np.array(self.frames),
            "gradients.gap": self.gap,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> GradientLog:
        """The log from a checkpoint's arrays, which `runs.schema` describes; ValueError if they do not fit."""
        rows, frames = arrays["gradients"].tolist(), arrays["gradients.frames"]
        at, gap = arrays["gradients.frame_epochs"].tolist(), int(arrays["gradients.gap"])
        if [row[0] for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError("gradients has other epochs than 1, 2, 3, ..")
        if at != sorted(set(at)):
            raise ValueError("gradients.frame_epochs is not in order")
        return cls([(int(row[0]), *row[1:]) for row in rows], at, list(frames), gap)

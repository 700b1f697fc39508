"""The engines: one contract, by the textbook's array code or compiled.

An engine holds a model and an objective. It trains in place, evaluates, encodes and decodes; with the same seed all
engines draw the same numbers. What an engine cannot do it says; none falls back to another.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..model import VAE
from ..objective import Objective
from ..optimizer import Adam
from ..points import Points

NAMES = ("cpu", "textbook")


class Engine(Protocol):
    """What every engine does. ``data`` is (N, dx) in the model's dtype, or bytes, or bits (minidecomp/points.py)."""

    vae: VAE
    objective: Objective

    def train(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """One step for each batch of rows in ``order``; adds each term times its size, and its size, to totals.

        Returns the name of a term that was not finite, or ``gradient`` if its square was not; the parameters are
        then those before its step.
        """

    def value_and_grad(self, x: Points, draws: Any, weights: Any = None) -> tuple[dict[str, float], np.ndarray]:
        """The terms for one batch with given draws, and the gradient (size,) of their weighted sum."""

    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms for one batch, with the draws of a seed and a step."""

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x) of each posterior sample, (K, B); the KL must be monte-carlo."""

    def encode(self, data: Points) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D)."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim)."""

    def permutation(self, n: int, seed: int, step: int) -> np.ndarray:
        """The order of an epoch's rows, (n,) int64."""


def make(name: str, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1) -> Engine:
    """The engine of that name, with room for batches of ``max_rows`` points."""
    if name == "textbook":
        from .textbook import TextbookEngine

        return TextbookEngine(vae, objective)
    if name == "cpu":
        from .cpu import CpuEngine

        return CpuEngine(vae, objective, max_rows=max_rows, threads=threads)
    raise ValueError(f"engine {name!r} is none of {', '.join(NAMES)}")

"""The textbook engine: the terms' own array code, step by step. Slow on purpose; every line can be read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .. import objective as textbook
from .. import random
from ..draws import Draws, draw
from ..model import VAE
from ..objective import TERMS, Objective
from ..optimizer import Adam


class TextbookEngine:
    """See ``minidecomp.engines.Engine``."""

    def __init__(self, vae: VAE, objective: Objective):
        self.vae, self.objective = vae, objective

    def rows(self, data: np.ndarray) -> np.ndarray:
        """Data in the model's dtype; a byte v becomes v / 255."""
        if data.dtype == np.uint8:
            return data * self.vae.dtype.type(1 / 255)
        return data

    def _draw(self, batch: int, seed: int, step: int, with_prior: bool) -> Draws:
        vae = self.vae
        prior = vae.current_prior()
        return draw(prior, self.objective.samples, batch, vae.latent_dim, seed, step, vae.dtype, with_prior)

    def train(
        self,
        data: np.ndarray,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        with_prior = self.objective.alpha > 0
        for first in range(0, len(order), batch_size):
            x = self.rows(data[order[first : first + batch_size]])
            if with_prior and self.objective.regulariser == "mmd" and len(x) == 1:
                continue  # the estimator needs two points
            # What is not finite is said below, once and by name.
            with np.errstate(all="ignore"):
                values, gradient = self.value_and_grad(x, self._draw(len(x), seed, optimizer.step, with_prior))
            for term in TERMS:
                if not math.isfinite(values.get(term, 0)):
                    return term
            optimizer.update(self.vae.parameters.vector, -gradient)
            totals += [len(x) * values.get(term, 0) for term in TERMS] + [len(x)]
        return None

    def value_and_grad(
        self, x: np.ndarray, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        values, gradient = textbook.value_and_grad(self.vae, self.objective, self.rows(x), draws, weights)
        return values, np.concatenate([gradient[name].ravel() for name in self.vae.parameters.shapes])

    def values(self, x: np.ndarray, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        objective = self.objective if regulariser is None else replace(self.objective, regulariser=regulariser)
        return textbook.value(self.vae, objective, self.rows(x), self._draw(len(x), seed, step, True))

    def encode(self, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.vae.encode(self.rows(data))

    def decode(self, z: np.ndarray) -> np.ndarray:
        return self.vae.decode(z)

    def permutation(self, n: int, seed: int, step: int) -> np.ndarray:
        return random.permutation(n, seed, random.SHUFFLE, step)

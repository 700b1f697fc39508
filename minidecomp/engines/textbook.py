"""The textbook engine: the terms' own array code, step by step. It is slow, but every line can be read."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import objective as textbook
from .._core.codes import LARGEST_GRADIENT
from ..data.points import Points, as_numbers
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import TERMS, Objective
from ..randomness import philox, streams
from ..randomness.draws import Draws, draw
from ..terms import kl
from ..terms.posterior import sample
from . import rules
from .batches import BatchByBatch


class TextbookEngine(BatchByBatch):
    """The NumPy engine; see ``minidecomp.engines.Engine``. It accepts batches of any size.

    Parameters
    ----------
    vae, objective
        The model and its objective.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, vae: VAE, objective: Objective):
        self.vae, self.objective, self.lock = vae, objective, threading.Lock()

    def with_objective(self, objective: Objective) -> TextbookEngine:
        """See the contract, ``minidecomp.engines.Engine``."""
        return TextbookEngine(self.vae, objective)

    def _draw(self, batch: int, seed: int, step: int, with_prior: bool) -> Draws:
        vae = self.vae
        prior = vae.current_prior()
        return draw(prior, self.objective.samples, batch, vae.latent_dim, seed, step, vae.dtype, with_prior)

    @rules.one_call_at_a_time
    def train(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """Train over the epochs of ``order``; see ``Engine.train``."""
        rules.check_training(data, order, batch_size, optimizer, totals, self.vae, None)
        for rows, sums in zip(np.atleast_2d(order), totals.reshape(-1, 4), strict=True):
            if (fault := self._train_epoch(data, rows, batch_size, optimizer, seed, sums)) is not None:
                return fault
        return None

    def _train_epoch(
        self, data: Points, order: np.ndarray, batch_size: int, optimizer: Adam, seed: int, totals: np.ndarray
    ) -> str | None:
        with_prior, largest = self.objective.alpha > 0, LARGEST_GRADIENT[self.vae.dtype.name]
        rows = rules.trained_rows(len(order), batch_size, self.objective.regulariser if with_prior else None)
        for first in range(0, rows, batch_size):
            x = as_numbers(data[order[first : min(first + batch_size, rows)]], self.vae.dtype)
            step = streams.TRAINING.step(optimizer.step)
            # Values that are not finite are reported below, once and by name.
            with np.errstate(all="ignore"):
                values, gradient = self._value_and_grad(x, self._draw(len(x), seed, step, with_prior))
            for term in TERMS:
                if not math.isfinite(values.get(term, 0)):
                    return term
            if not (np.abs(gradient) < largest).all():
                return "gradient"
            with np.errstate(over="ignore", invalid="ignore"):  # saving reports it and keeps the last good checkpoint
                optimizer.update(self.vae.parameters.vector, -gradient)
            totals += [len(x) * values.get(term, 0) for term in TERMS] + [len(x)]
        return None

    @rules.one_call_at_a_time
    def value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        """The terms of x (B, dx) with given draws, and the gradient (size,) of their weighted sum."""
        return self._value_and_grad(x, draws, weights)

    def _value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        rules.check_batch(x, self.vae, None if draws.prior_sample is None else self.objective.regulariser)
        rules.check_draws(draws, len(x), self.vae, self.objective)
        values, gradient = textbook.value_and_grad(
            self.vae, self.objective, as_numbers(x, self.vae.dtype), draws, weights
        )
        return values, np.concatenate([gradient[name].ravel() for name in self.vae.parameters.shapes])

    @rules.one_call_at_a_time
    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms of x (B, dx) with the draws of a seed and a step."""
        wanted = rules.asked(regulariser, self.objective)
        rules.check_batch(x, self.vae, wanted)
        changes: dict[str, Any] = {"alpha": 0.0} if wanted is None else {"regulariser": wanted}
        drawn = self._draw(len(x), seed, step, wanted is not None)
        values = textbook.value(self.vae, replace(self.objective, **changes), as_numbers(x, self.vae.dtype), drawn)
        del values["objective"]  # it is that of the changed objective
        return rules.with_objective(values, self.objective)

    @rules.one_call_at_a_time
    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x), (K, B) float64, in nats."""
        rules.check_importance(self.objective)
        rules.check_batch(x, self.vae, None)
        vae, numbers = self.vae, as_numbers(x, self.vae.dtype)
        loc, scale = vae.encode(numbers)
        eps = self._draw(len(x), seed, step, False).eps
        z = sample(loc, scale, eps)
        log_p = vae.likelihood.value(numbers, vae.decode(z))
        return (log_p - kl.monte_carlo_value(z, loc, scale, vae.current_prior(), eps=eps)).astype(np.float64)

    @rules.one_call_at_a_time
    def encode(self, data: Points) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x), a thousand rows at a time."""
        rules.check_batch(data, self.vae, None)
        parts = [self.vae.encode(as_numbers(data[i : i + 1000], self.vae.dtype)) for i in range(0, len(data), 1000)]
        loc, scale = (np.concatenate(each) for each in zip(*parts, strict=True))
        return loc, scale

    @rules.one_call_at_a_time
    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D)."""
        return self.vae.decode(z)

    def permutation(self, n: int, seed: int, step: int) -> np.ndarray:
        """The order of an epoch's rows, (n,) int64."""
        return philox.permutation(n, seed, streams.SHUFFLE, step)

    def permutations(self, n: int, seed: int, step: int, count: int) -> np.ndarray:
        """The orders of ``count`` epochs, (count, n) int64."""
        return np.stack([self.permutation(n, seed, step + epoch) for epoch in range(count)])

    def push(self) -> None:
        """Do nothing: this engine works on the model itself."""

    def pull(self) -> None:
        """Do nothing: this engine works on the model itself."""

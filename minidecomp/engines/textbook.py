"""The textbook engine: the terms' own array code, step by step. It is slow, but every line can be read."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

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
from ..variants import REGULARISERS
from . import ROWS_AT_ONCE, rules
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

    def values_with(
        self, x: Points, seed: int, step: int, regularisers: Sequence[str | None]
    ) -> Iterator[dict[str, float]]:
        """See ``BatchEngine``."""
        with rules.at_work(self):
            vae, wanted = self.vae, [rules.asked(name, self.objective) for name in regularisers]
            for name in wanted:
                rules.check_batch(x, vae, name)
            drawn, numbers = self._draw(len(x), seed, step, any(wanted)), as_numbers(x, vae.dtype)
            loc, scale = vae.encode(numbers)
            z, without = sample(loc, scale, drawn.eps), replace(self.objective, alpha=0.0)
            values = textbook.value_at(vae, without, numbers, loc, scale, z, Draws(drawn.eps), drawn.eps)
            del values["objective"]  # it is that of the changed objective
            for name in wanted:
                terms = dict(values)
                if name is not None:
                    found = REGULARISERS[name].value(drawn.prior_sample, z, loc, scale, vae.current_prior())
                    terms["regulariser"] = float(found)
                yield rules.with_objective(terms, self.objective)

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
    def encode(self, data: Points, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x); if ``alone``, so many rows at a time that the products are all alike."""
        rules.check_batch(data, self.vae, None)
        rows = ROWS_AT_ONCE if alone else 1000
        parts = [self._encode_part(data[i : i + rows], rows if alone else 0) for i in range(0, len(data), rows)]
        loc, scale = (np.concatenate(each) for each in zip(*parts, strict=True))
        return loc, scale

    def _encode_part(self, data: Points, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale of some points, filled up with zeros to so many rows."""
        x, n = as_numbers(data, self.vae.dtype), len(data)
        loc, scale = self.vae.encode(np.pad(x, ((0, max(0, rows - n)), (0, 0))))
        return loc[:n], scale[:n]

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

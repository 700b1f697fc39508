"""The CPU engine: an interface to the compiled core, ``minidecomp._core``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import variants
from .._core import blas
from .._core.codes import (
    ACTIVATIONS,
    FAULTS,
    KL_ESTIMATORS,
    LIKELIHOODS,
    NO_REGULARISER,
    REGULARISERS,
    SCALE_LINKS,
    TERMS,
)
from ..data.points import Points, stretches
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..randomness import streams
from ..randomness.draws import Draws, prior_of_step
from ..terms import kl
from ..terms.posterior import sample
from ..terms.priors import Gaussian
from . import rules
from .batches import BatchByBatch
from .constants import is_built_in, prior_constants
from .textbook import TextbookEngine


def _core(dtype: np.dtype) -> Any:
    if dtype == np.float32:
        from .._core import engine_float32 as core
    else:
        from .._core import engine_float64 as core
    return core


class CpuEngine(BatchByBatch):
    """The compiled engine; see ``minidecomp.engines.Engine``.

    The compiled core refuses a second call, so everything that a call needs is passed as arguments.

    Parameters
    ----------
    vae, objective
        The model and its objective.
    max_rows : int
        The largest batch; working memory is allocated for it.
    threads : int
        The number of threads.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1):
        rules.check_known("cpu", vae, objective)
        self.vae, self.objective, self.max_rows, self._threads = vae, objective, max_rows, threads
        self._module = _core(vae.dtype)
        # If the core does not support the terms, KL and regulariser are computed here, by the textbook, whenever it
        # asks. In place of the prior it gets a standard normal with weight 0.
        self._external = not is_built_in(vae.prior) or not rules.knows_regulariser(objective)
        prior = Gaussian(np.zeros(vae.latent_dim), np.ones(vae.latent_dim)) if self._external else vae.prior
        alpha = 0.0 if self._external else objective.alpha
        self._engine = self._module.Engine(
            vae.parameters.vector,
            vae.encoder.widths,
            vae.decoder.widths,
            encoder_activation=ACTIVATIONS.index(vae.encoder.activation),
            decoder_activation=ACTIVATIONS.index(vae.decoder.activation),
            scale_link=SCALE_LINKS.index(vae.scale_link),
            likelihood=LIKELIHOODS.index(vae.likelihood.name),
            likelihood_scale=getattr(vae.likelihood, "scale", 1.0),
            prior=prior_constants(prior),
            learn_prior_variance=vae.learn_prior_variance,
            prior_variance_scale=vae.prior_variance_scale,
            kl=KL_ESTIMATORS.index("monte-carlo" if self._external else objective.kl),
            log_prior_multiplier=objective.log_prior_multiplier,
            regulariser=REGULARISERS.index(objective.regulariser) if alpha > 0 else NO_REGULARISER,
            beta=0.0 if self._external else objective.beta,
            alpha=alpha,
            samples=objective.samples,
            max_rows=max_rows,
            threads=threads,
        )
        if self._external:
            self._pool = self._module.Pool(threads)

    def with_objective(self, objective: Objective) -> CpuEngine:
        """See the contract, ``minidecomp.engines.Engine``."""
        return CpuEngine(self.vae, objective, max_rows=self.max_rows, threads=self._threads)

    def _external_terms(
        self, weights: Mapping[str, float], wanted: str | None, prior_sample: np.ndarray | None = None
    ) -> Callable[..., Any] | None:
        """The function that the core calls for terms that it does not support; None if it supports them all."""
        return partial(self._kl_and_regulariser, weights, wanted, prior_sample) if self._external else None

    def _kl_and_regulariser(
        self,
        weights: Mapping[str, float],
        wanted: str | None,
        prior_sample: np.ndarray | None,
        loc: np.ndarray,
        scale: np.ndarray,
        eps: np.ndarray,
        seed: int,
        step: int,
        backward: bool,
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """The textbook's KL and regulariser, and the gradient of their weighted sum by loc and scale (B, D)."""
        z, prior = sample(loc, scale, eps), self.vae.prior  # external terms have no learned variance
        if self.objective.kl == "analytic":
            divergence, grads = kl.analytic_value_and_grad(loc, scale, prior)  # type: ignore[arg-type]
        else:
            multiplier = self.objective.log_prior_multiplier
            divergence, grads = kl.monte_carlo_value_and_grad(z, loc, scale, prior, multiplier, eps)
        w = weights.get("kl", 0) / divergence.size
        d_z = w * grads["z"] if "z" in grads else np.zeros_like(z)
        d_loc, d_scale = (w * grads[name].reshape(-1, *loc.shape).sum(0) for name in ("loc", "scale"))
        discrepancy, w = 0.0, weights.get("regulariser", 0)
        if wanted is not None:
            if prior_sample is None:
                prior_sample = prior_of_step(prior, loc.shape, seed, step, self.vae.dtype)[0]
            discrepancy, grads = self._regulariser(wanted, prior_sample, z, loc, scale)
            for name, total in (("z", d_z), ("loc", d_loc), ("scale", d_scale)):
                if name in grads:
                    total += w * grads[name]
        return float(divergence.mean()), discrepancy, d_loc + d_z.sum(0), d_scale + (d_z * eps).sum(0)

    def _regulariser(
        self, name: str, x: np.ndarray, z: np.ndarray, loc: np.ndarray, scale: np.ndarray
    ) -> tuple[float, dict[str, np.ndarray]]:
        """The regulariser's value and gradients. The core computes the MMD, because its time does not grow like B^2."""
        x = np.ascontiguousarray(x, self.vae.dtype)
        if x.shape != loc.shape:
            raise ValueError(f"{self.vae.prior.name}: the prior's sample has shape {x.shape}, not {loc.shape}")
        if name != "mmd":
            value, grads = variants.REGULARISERS[name].checked_value_and_grad(x, z, loc, scale, self.vae.prior)
            return float(value), grads
        total, d_z = 0.0, np.empty_like(z)
        for k in range(len(z)):
            value, _, by_z = self._module.mmd(self._pool, x, np.ascontiguousarray(z[k]))
            total += float(value) / len(z)
            d_z[k] = by_z / len(z)
        return total, {"z": d_z}

    def train(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """Train with the compiled core over the epochs of ``order``; see ``Engine.train``."""
        wanted = self.objective.used_regulariser
        rules.check_training(data, order, batch_size, optimizer, totals, self.vae, self.max_rows)
        rows = rules.trained_rows(order.shape[-1], batch_size, wanted)
        if rows == 0:
            return None
        # Training goes down the gradient of the loss.
        terms = self._external_terms({term: -weight for term, weight in self.objective.weights.items()}, wanted)
        with blas.single_threaded():
            flat, sums = order.reshape(-1), totals.reshape(-1, 4)
            fault = self._engine.train(data, flat, rows, batch_size, seed, optimizer, sums, terms)
        return FAULTS[fault] if fault >= 0 else None

    def value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        """The terms of x (B, dx) with given draws, and the gradient (size,) of their weighted sum."""
        weights = self.objective.weights if weights is None else weights
        wanted = None if draws.prior_sample is None else self.objective.regulariser
        rules.check_batch(x, self.vae, wanted, self.max_rows)
        rules.check_draws(draws, len(x), self.vae, self.objective)
        if wanted is not None and not self._external and wanted not in REGULARISERS:
            with self._engine:
                return TextbookEngine(self.vae, self.objective).value_and_grad(x, draws, weights)
        known: dict[str, Any] = {"regulariser": NO_REGULARISER}
        if wanted is not None and not self._external:
            known = {"regulariser": REGULARISERS.index(wanted), "prior_sample": draws.prior_sample}
            known |= {"prior_noise": draws.prior_noise}
            if self.vae.prior.choice_kind == "element":
                known["prior_choice"] = draws.prior_choice
        gradient = np.empty_like(self.vae.parameters.vector)
        with blas.single_threaded():
            values = self._engine.step(
                x,
                tuple(0.0 if self._external and term != TERMS[0] else weights.get(term, 0.0) for term in TERMS),
                eps=draws.eps,
                gradient=gradient,
                terms=self._external_terms(weights, wanted, draws.prior_sample),
                **known,
            )
        return rules.named_terms(values, wanted, self.objective), gradient

    def values_with(
        self, x: Points, seed: int, step: int, regularisers: Sequence[str | None]
    ) -> Iterator[dict[str, float]]:
        """See ``BatchEngine``."""
        wanted = [rules.asked(name, self.objective) for name in regularisers]
        for name in wanted:
            rules.check_batch(x, self.vae, name, self.max_rows)
        found = (self._external_values if self._external else self._compiled_values)(x, seed, step, wanted)
        for name, values in zip(wanted, found, strict=True):
            yield rules.named_terms(values, name, self.objective)

    def _compiled_values(
        self, x: Points, seed: int, step: int, wanted: Sequence[str | None]
    ) -> Iterator[Sequence[float]]:
        """The terms with each regulariser. The textbook computes those that the core does not support."""
        known = [name for name in wanted if name is not None and name in REGULARISERS]
        theirs = [name for name in wanted if name is not None and name not in known]
        by_textbook = TextbookEngine(self.vae, self.objective).values_with(x, seed, step, theirs)
        if len(theirs) < len(wanted):
            first, *others = [REGULARISERS.index(name) for name in known] or [NO_REGULARISER]
            with blas.single_threaded():
                terms = self._engine.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=first, others=tuple(others))
            of_known = dict(zip(known, terms[2:], strict=False))
        for name in wanted:
            if name in theirs:
                with self._engine:  # no other call changes the parameters meanwhile
                    values = next(by_textbook)
                yield [values[term] for term in TERMS]
            else:
                yield *terms[:2], 0.0 if name is None else of_known[name]

    def _external_values(
        self, x: Points, seed: int, step: int, wanted: Sequence[str | None]
    ) -> Iterator[Sequence[float]]:
        """The terms with each regulariser, of a model whose terms the core asks for."""
        noted: list[np.ndarray] = []

        def kl_of(loc: np.ndarray, scale: np.ndarray, eps: np.ndarray, *more: Any) -> Any:
            noted[:] = loc, scale, eps
            return self._kl_and_regulariser({}, None, None, loc, scale, eps, *more)

        with blas.single_threaded():
            terms = self._engine.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=NO_REGULARISER, terms=kl_of)
        loc, scale, eps = noted
        z, prior_sample = sample(loc, scale, eps), None
        for name in wanted:
            discrepancy = 0.0
            if name is not None:
                with self._engine, blas.single_threaded():  # a regulariser that calls the engine is refused
                    if prior_sample is None:
                        prior_sample = prior_of_step(self.vae.prior, loc.shape, seed, step, self.vae.dtype)[0]
                    discrepancy, _ = self._regulariser(name, prior_sample, z, loc, scale)
            yield *terms[:2], discrepancy

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x), (K, B) float64, in nats."""
        rules.check_importance(self.objective)
        rules.check_batch(x, self.vae, None, self.max_rows)
        if self._external:
            with self._engine:
                return TextbookEngine(self.vae, self.objective).log_weights(x, seed, step)
        out = np.empty((self.objective.samples, len(x)))
        with blas.single_threaded():
            self._engine.log_weights(x, seed, step, out)
        return out

    def encode(self, data: Points, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x); if ``alone``, the core's own products are used, whatever their size."""
        rules.check_batch(data, self.vae, None)
        loc, scale = np.empty((2, len(data), self.vae.latent_dim), self.vae.dtype)
        with blas.single_threaded():
            for first, part in stretches(data, self.max_rows):
                rows, to = np.arange(len(part), dtype=np.int64), slice(first, first + len(part))
                self._engine.encode(part, rows, loc[to], scale[to], alone)
        return loc, scale

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D)."""
        output = np.empty((len(z), self.vae.decoder.widths[-1]), self.vae.dtype)
        with blas.single_threaded():
            self._engine.decode(np.ascontiguousarray(z, self.vae.dtype), output)
        return output

    def permutation(self, n: int, seed: int, step: int) -> np.ndarray:
        """The order of an epoch's rows, (n,) int64."""
        return self.permutations(n, seed, step, 1)[0]

    def permutations(self, n: int, seed: int, step: int, count: int) -> np.ndarray:
        """The orders of ``count`` epochs, (count, n) int64."""
        orders = np.empty((count, n), np.int64)
        self._module.permutations(orders, seed, streams.SHUFFLE, step)
        return orders

    def push(self) -> None:
        """Does nothing: the core reads and writes the model's own vector."""

    def pull(self) -> None:
        """Does nothing: the core reads and writes the model's own vector."""

"""The CPU engine: a face for the compiled core, ``minidecomp._core``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

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
from ..data.points import Points
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..randomness import streams
from ..randomness.draws import Draws, prior_of_step
from ..terms import kl
from ..terms.posterior import sample
from ..terms.priors import Gaussian
from ..terms.regularisers import inclusive_kl
from . import rules
from .constants import is_built_in, prior_constants
from .textbook import TextbookEngine


def _core(dtype: np.dtype) -> Any:
    if dtype == np.float32:
        from .._core import engine_float32 as core
    else:
        from .._core import engine_float64 as core
    return core


class CpuEngine:
    """See ``minidecomp.engines.Engine``. Holds the working memory for batches of ``max_rows`` points."""

    def __init__(self, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1):
        self.vae, self.objective, self.max_rows = vae, objective, max_rows
        self._module = _core(vae.dtype)
        # Of a prior of one's own the core knows nothing: it gets a standard normal, without weight, in its place.
        self._own = not is_built_in(vae.prior)
        if self._own and (vae.learn_prior_variance or objective.kl == "analytic"):
            raise ValueError(
                f"{vae.prior.name}: a prior of one's own has no variance to learn, and no KL in closed form"
            )
        prior = Gaussian(np.zeros(vae.latent_dim), np.ones(vae.latent_dim)) if self._own else vae.prior
        alpha = 0.0 if self._own else objective.alpha
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
            kl=KL_ESTIMATORS.index(objective.kl),
            log_prior_multiplier=objective.log_prior_multiplier,
            regulariser=REGULARISERS.index(objective.regulariser) if alpha > 0 else NO_REGULARISER,
            beta=0.0 if self._own else objective.beta,
            alpha=alpha,
            samples=objective.samples,
            max_rows=max_rows,
            threads=threads,
        )
        if self._own:
            self._pool = self._module.Pool(threads)
            # Training goes down the gradient of the loss.
            self._weights: Mapping[str, float] = {term: -weight for term, weight in objective.weights.items()}
            self._wanted: str | None = objective.regulariser if objective.alpha > 0 else None
            self._prior_sample: np.ndarray | None = None
            self._engine.ask(self._terms)

    def _terms(
        self, loc: np.ndarray, scale: np.ndarray, eps: np.ndarray, seed: int, step: int, backward: bool
    ) -> tuple[float, float, np.ndarray, np.ndarray]:
        """KL and regulariser for a prior of one's own, and the gradient of their weighted sum by loc and scale."""
        z, prior, count = sample(loc, scale, eps), self.vae.prior, eps.shape[0] * eps.shape[1]
        divergence, grads = kl.monte_carlo_value_and_grad(z, loc, scale, prior, self.objective.log_prior_multiplier)
        w = self._weights.get("kl", 0) / count
        d_z, d_loc, d_scale = w * grads["z"], w * grads["loc"].sum(0), w * grads["scale"].sum(0)
        discrepancy, w = 0.0, self._weights.get("regulariser", 0)
        if self._wanted is not None:
            x = self._prior_sample
            if x is None:
                x = prior_of_step(prior, loc.shape, seed, step, self.vae.dtype)[0]
            x = np.ascontiguousarray(x, self.vae.dtype)
            if self._wanted == "mmd":
                for z_k, d_z_k in zip(z, d_z, strict=True):
                    value, _, by_z = self._module.mmd(self._pool, x, np.ascontiguousarray(z_k))
                    discrepancy += float(value) / len(z)
                    d_z_k += w / len(z) * by_z
            else:
                value, grads = inclusive_kl.value_and_grad(x, loc, scale, prior)
                discrepancy = float(value)
                d_loc, d_scale = d_loc + w * grads["loc"], d_scale + w * grads["scale"]
        return float(divergence.mean()), discrepancy, d_loc + d_z.sum(0), d_scale + (d_z * eps).sum(0)

    def _raise_what_the_prior_raised(self) -> None:
        if self._own and self._engine.failure is not None:
            error, self._engine.failure = self._engine.failure, None
            raise error

    def train(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        rules.check_training(data, order, batch_size, totals, self.vae, self.max_rows)
        rows = rules.trained_rows(
            len(order), batch_size, self.objective.regulariser if self.objective.alpha > 0 else None
        )
        if rows == 0:
            return None
        o = optimizer
        with blas.single_threaded():
            done, fault = self._engine.train(
                data,
                order[:rows],
                batch_size,
                seed,
                o.step,
                o.m,
                o.v,
                o.v_max,
                o.lr,
                o.beta1,
                o.beta2,
                o.eps,
                totals,
            )
        o.step += done
        self._raise_what_the_prior_raised()
        return FAULTS[fault] if fault >= 0 else None

    def value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        weights = self.objective.weights if weights is None else weights
        wanted = None if draws.prior_sample is None else self.objective.regulariser
        rules.check_batch(x, self.vae, wanted, self.max_rows)
        rules.check_draws(draws, len(x), self.vae, self.objective)
        known = {}
        if wanted is not None and not self._own:
            known = {"regulariser": REGULARISERS.index(wanted), "prior_sample": draws.prior_sample}
            known |= {"prior_noise": draws.prior_noise}
            if self.vae.prior.choice_kind == "element":
                known["prior_choice"] = draws.prior_choice
        with blas.single_threaded(), self._asked(weights, wanted, draws.prior_sample):
            values = self._engine.step(
                x,
                tuple(0.0 if self._own and term != "log_likelihood" else weights.get(term, 0.0) for term in TERMS),
                eps=draws.eps,
                **{"regulariser": NO_REGULARISER, **known},
            )
        self._raise_what_the_prior_raised()
        return self._named(values, wanted), self._engine.gradient.copy()

    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        wanted = regulariser or self.objective.regulariser
        rules.check_batch(x, self.vae, wanted, self.max_rows)
        number = NO_REGULARISER if self._own else REGULARISERS.index(wanted)
        with blas.single_threaded(), self._asked({}, wanted, None):
            values = self._engine.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=number, backward=False)
        self._raise_what_the_prior_raised()
        return self._named(values, wanted)

    @contextmanager
    def _asked(
        self, weights: Mapping[str, float], regulariser: str | None, prior_sample: np.ndarray | None
    ) -> Iterator[None]:
        """What ``_terms`` is to compute in this call; afterwards what training asks for again."""
        if not self._own:
            yield
            return
        kept = self._weights, self._wanted, self._prior_sample
        self._weights, self._wanted, self._prior_sample = weights, regulariser, prior_sample
        try:
            yield
        finally:
            self._weights, self._wanted, self._prior_sample = kept

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        rules.check_importance(self.objective)
        rules.check_batch(x, self.vae, None, self.max_rows)
        if self._own:
            return TextbookEngine(self.vae, self.objective).log_weights(x, seed, step)
        out = np.empty((self.objective.samples, len(x)))
        with blas.single_threaded():
            self._engine.log_weights(x, seed, step, out)
        return out

    def _named(self, values: tuple[float, float, float], regulariser: str | None) -> dict[str, float]:
        named = dict(zip(TERMS, values, strict=True))
        if regulariser is None:
            del named["regulariser"]
        return named | {"objective": self.objective.combine(named)}

    def encode(self, data: Points) -> tuple[np.ndarray, np.ndarray]:
        rules.check_batch(data, self.vae, None)
        loc, scale = np.empty((2, len(data), self.vae.latent_dim), self.vae.dtype)
        with blas.single_threaded():
            self._engine.encode(data, np.arange(len(data)), loc, scale)
        return loc, scale

    def decode(self, z: np.ndarray) -> np.ndarray:
        output = np.empty((len(z), self.vae.decoder.widths[-1]), self.vae.dtype)
        with blas.single_threaded():
            self._engine.decode(np.ascontiguousarray(z, self.vae.dtype), output)
        return output

    def permutation(self, n: int, seed: int, step: int) -> np.ndarray:
        order = np.empty(n, np.int64)
        self._module.permutation(order, seed, streams.SHUFFLE, step)
        return order

    def push(self) -> None:
        """Nothing: the core reads and writes the model's own vector."""

    def pull(self) -> None:
        """Nothing, likewise."""

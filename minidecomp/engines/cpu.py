"""The CPU engine: a face for the compiled core, ``minidecomp._core``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import random
from .._core import blas
from ..draws import Draws
from ..model import VAE
from ..network import ACTIVATIONS
from ..objective import KL_ESTIMATORS, REGULARISERS, TERMS, Objective
from ..optimizer import Adam
from ..points import Points
from ..terms.posterior import SCALE_LINKS
from .constants import FAULTS, LIKELIHOODS, prior_constants

NO_REGULARISER = 0


def _core(dtype: np.dtype) -> Any:
    if dtype == np.float32:
        from .._core import engine_float32 as core
    else:
        from .._core import engine_float64 as core
    return core


def _regulariser(name: str) -> int:
    return 1 + REGULARISERS.index(name)


class CpuEngine:
    """See ``minidecomp.engines.Engine``. Holds the working memory for batches of ``max_rows`` points."""

    def __init__(self, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1):
        self.vae, self.objective = vae, objective
        self._module = _core(vae.dtype)
        self._engine = self._module.Engine(
            vae.parameters.vector,
            vae.encoder.widths,
            vae.decoder.widths,
            encoder_activation=ACTIVATIONS.index(vae.encoder.activation),
            decoder_activation=ACTIVATIONS.index(vae.decoder.activation),
            scale_link=SCALE_LINKS.index(vae.scale_link),
            likelihood=LIKELIHOODS.index(vae.likelihood.name),
            likelihood_scale=getattr(vae.likelihood, "scale", 1.0),
            prior=prior_constants(vae.prior),
            learn_prior_variance=vae.learn_prior_variance,
            prior_variance_scale=vae.prior_variance_scale,
            kl=KL_ESTIMATORS.index(objective.kl),
            log_prior_multiplier=objective.log_prior_multiplier,
            regulariser=_regulariser(objective.regulariser) if objective.alpha > 0 else NO_REGULARISER,
            beta=objective.beta,
            alpha=objective.alpha,
            samples=objective.samples,
            max_rows=max_rows,
            threads=threads,
        )

    def train(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        o = optimizer
        with blas.single_threaded():
            done, fault = self._engine.train(
                data,
                order,
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
        return FAULTS[fault] if fault >= 0 else None

    def value_and_grad(
        self, x: Points, draws: Draws, weights: Mapping[str, float] | None = None
    ) -> tuple[dict[str, float], np.ndarray]:
        weights = self.objective.weights if weights is None else weights
        regulariser = NO_REGULARISER if draws.prior_sample is None else _regulariser(self.objective.regulariser)
        with blas.single_threaded():
            values = self._engine.step(
                x,
                tuple(weights.get(term, 0.0) for term in TERMS),
                eps=draws.eps,
                prior_sample=draws.prior_sample,
                regulariser=regulariser,
            )
        return self._named(values, regulariser), self._engine.gradient.copy()

    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        number = _regulariser(regulariser or self.objective.regulariser)
        with blas.single_threaded():
            values = self._engine.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=number, backward=False)
        return self._named(values, number)

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        out = np.empty((self.objective.samples, len(x)))
        with blas.single_threaded():
            self._engine.log_weights(x, seed, step, out)
        return out

    def _named(self, values: tuple[float, float, float], regulariser: int) -> dict[str, float]:
        named = dict(zip(TERMS, values, strict=True))
        if regulariser == NO_REGULARISER:
            del named["regulariser"]
        return named | {"objective": self.objective.combine(named)}

    def encode(self, data: Points) -> tuple[np.ndarray, np.ndarray]:
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
        self._module.permutation(order, seed, random.SHUFFLE, step)
        return order

    def push(self) -> None:
        """Nothing: the core reads and writes the model's own vector."""

    def pull(self) -> None:
        """Nothing, likewise."""

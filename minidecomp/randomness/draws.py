"""The random numbers of one step: the posterior's noise and a sample of the prior, at a seed and a step."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..terms.priors import Prior
from . import philox, streams


@dataclass(frozen=True)
class Draws:
    """One step's randomness.

    Attributes
    ----------
    eps : array of shape (K, B, D)
        Standard normal noise of the posterior's K samples.
    prior_sample : array of shape (B, D) or None
        What the regulariser compares with.
    prior_noise, prior_choice : array or None
        The standard numbers that made ``prior_sample``. Without them the sample counts as a constant, and no gradient
        goes through it to a learned prior.
    """

    eps: Any
    prior_sample: Any = None
    prior_noise: Any = None
    prior_choice: Any = None


def sample_prior(
    prior: Prior,
    shape: tuple[int, int],
    seed: int,
    step: int,
    dtype: Any,
    purpose: int = streams.PRIOR,
    xp: ModuleType = np,
) -> tuple[Any, Any, Any]:
    """A sample (B, D) of the prior, its noise (B, D), and its choices (B,) or (B, D) or None."""
    # A prior of your own need not say it.
    if getattr(prior, "noise_kind", "normal") == "student-t":
        noise = philox.student_t(
            shape,
            prior.df,  # type: ignore[attr-defined]
            seed,
            purpose,
            step,
            dtype,
            xp,
        )
    else:
        noise = philox.normal(shape, seed, purpose, step, dtype, xp)
    choice = None
    if prior.choice_kind is not None:
        count = shape if prior.choice_kind == "element" else shape[:1]
        choice = philox.uniform(count, seed, streams.PRIOR_CHOICE, step, dtype, xp)
    return prior.sample(noise, choice), noise, choice


def draw(
    prior: Prior,
    samples: int,
    batch: int,
    latent_dim: int,
    seed: int,
    step: int,
    dtype: Any,
    with_prior: bool = True,
    xp: ModuleType = np,
) -> Draws:
    """The draws of step ``step`` (0 for the first) of a run with this seed."""
    eps = philox.normal((samples, batch, latent_dim), seed, streams.POSTERIOR, step, dtype, xp)
    if not with_prior:
        return Draws(eps)
    return Draws(eps, *sample_prior(prior, (batch, latent_dim), seed, step, dtype, xp=xp))

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
    """The random numbers of one step.

    Attributes
    ----------
    eps : array of shape (K, B, D)
        Standard normal noise of the posterior's K samples.
    prior_sample : array of shape (B, D) or None
        The sample of the prior that the regulariser compares with.
    prior_noise : array of shape (B, D) or None
        The standard numbers that made ``prior_sample``. Without them the sample counts as a constant, and no gradient
        goes through it to a learned prior.
    prior_choice : array of shape (B,) or (B, D), or None
        The uniform numbers that chose its components.
    """

    eps: Any
    prior_sample: Any = None
    prior_noise: Any = None
    prior_choice: Any = None


def sample_prior(
    prior: Prior,
    shape: tuple[int, int],
    seed: int,
    noise_at: tuple[int, int],
    choice_at: tuple[int, int],
    dtype: Any,
    xp: ModuleType = np,
) -> tuple[Any, Any, Any]:
    """A sample (B, D) of the prior, its noise (B, D), and its choices (B,) or (B, D) or None.

    Parameters
    ----------
    prior : Prior
    shape : (int, int)
        (B, D).
    seed : int
    noise_at, choice_at : (int, int)
        (purpose, step) of each, as the streams give it.
    dtype, xp
        Of the arrays; numpy or cupy.
    """
    # A prior of your own need not say it.
    if getattr(prior, "noise_kind", "normal") == "student-t":
        noise = philox.student_t(shape, prior.df, seed, *noise_at, dtype, xp)  # type: ignore[attr-defined]
    else:
        noise = philox.normal(shape, seed, *noise_at, dtype, xp)
    choice = None
    if prior.choice_kind is not None:
        count = shape if prior.choice_kind == "element" else shape[:1]
        choice = philox.uniform(count, seed, *choice_at, dtype, xp)
    return prior.sample(noise, choice), noise, choice


def prior_of_step(
    prior: Prior, shape: tuple[int, int], seed: int, step: int, dtype: Any, xp: ModuleType = np
) -> tuple[Any, Any, Any]:
    """A sample (B, D) of the prior, its noise and choices, as every engine draws them at a step; see `sample_prior`."""
    return sample_prior(prior, shape, seed, (streams.PRIOR, step), (streams.PRIOR_CHOICE, step), dtype, xp)


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
    """The draws of every engine for a batch at a step: a training step, counted from 0, or a step of another stream.

    Parameters
    ----------
    prior : Prior
    samples, batch, latent_dim : int
        K, B and D.
    seed, step : int
        Where the streams are read.
    dtype, xp
        Of the arrays; numpy or cupy.
    with_prior : bool
        Whether there is a sample of the prior.
    """
    eps = philox.normal((samples, batch, latent_dim), seed, streams.POSTERIOR, step, dtype, xp)
    if not with_prior:
        return Draws(eps)
    return Draws(eps, *prior_of_step(prior, (batch, latent_dim), seed, step, dtype, xp))

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
        The sample of the prior that the regulariser compares with the encodings.
    prior_noise : array of shape (B, D) or None
        The standard noise that ``prior_sample`` was computed from. Without it the sample is a constant, and no gradient
        goes through it to a learned prior.
    prior_choice : array of shape (B,) or (B, D), or None
        The uniform numbers that chose the components of ``prior_sample``.
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
        (purpose, step) of each, from the streams.
    dtype, xp
        Of the arrays; numpy or cupy.
    """
    # A user's prior may lack it.
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
    """A sample (B, D) of the prior, its noise and its choices, as every engine draws them at a step: `sample_prior`."""
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
    """The draws for a batch at a step, the same in every engine: a training step, from 0, or one of another stream.

    Parameters
    ----------
    prior : Prior
    samples, batch, latent_dim : int
        K, B and D.
    seed, step : int
        The place in the streams.
    dtype, xp
        Of the arrays; numpy or cupy.
    with_prior : bool
        Whether to draw a sample of the prior.
    """
    eps = philox.normal((samples, batch, latent_dim), seed, streams.POSTERIOR, step, dtype, xp)
    if not with_prior:
        return Draws(eps)
    return Draws(eps, *prior_of_step(prior, (batch, latent_dim), seed, step, dtype, xp))

"""Gradients over training: norms and cosines of the terms in each epoch and, in a latent plane, where they pull."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..data.points import Points, as_numbers, evenly_spread
from ..engines import Engine
from ..model.vae import in_dtype
from ..objective import TERMS
from ..randomness import streams
from ..randomness.draws import draw
from ..runs.gradient_log import FRAMES, GradientLog
from .by_term import PAIRS, cosine, term_gradients

POINTS = 100  # the most points whose arrows are kept


def record(log: GradientLog, engine: Engine, data: Points, batch_size: int, epoch: int, seed: int) -> None:
    """Add the gradients at the end of an epoch to the log, always at the same evenly spread training points.

    The noise depends on the seed and the epoch, so it differs from epoch to epoch.
    """
    x = data[evenly_spread(len(data), batch_size)]
    if len(x) < engine.objective.least_points:
        engine = engine.with_objective(replace(engine.objective, alpha=0.0))
    vae, objective = engine.vae, engine.objective
    weights = {term: weight for term, weight in objective.weights.items() if weight != 0}
    drawn = draw(
        vae.current_prior(),
        objective.samples,
        len(x),
        vae.latent_dim,
        seed,
        streams.GRADIENT_LOG.step(epoch),
        vae.dtype,
        "regulariser" in weights,
    )
    gradients = {
        term: engine.value_and_grad(x, drawn, {term: weight})[1].astype(np.float64) for term, weight in weights.items()
    }
    norms = [float(np.linalg.norm(gradients[term])) if term in gradients else math.nan for term in TERMS]
    angles = [cosine(gradients[a], gradients[b]) if {a, b} <= gradients.keys() else math.nan for a, b in PAIRS]
    log.rows.append((epoch, *norms, *angles))
    if vae.latent_dim == 2 and epoch % log.gap == 0:
        _keep(log, engine, data, epoch, seed)


def _keep(log: GradientLog, engine: Engine, data: Points, epoch: int, seed: int) -> None:
    objective, vae = engine.objective, in_dtype(engine.vae, np.float64)
    x = as_numbers(data[evenly_spread(len(data), POINTS)], np.float64)
    with_prior = objective.alpha > 0 and len(x) >= objective.least_points
    step = streams.GRADIENT_ARROWS.step(epoch)
    drawn = draw(vae.current_prior(), objective.samples, len(x), 2, seed, step, np.float64, with_prior)
    found = term_gradients(vae, objective, x, drawn)
    pulls = [found.gradients[term]["loc"] if term in found.terms else np.zeros((len(x), 2)) for term in TERMS]
    log.frame_epochs.append(epoch)
    log.frames.append(np.concatenate([*vae.encode(x), *pulls], axis=1))
    if len(log.frames) >= FRAMES:
        log.gap *= 2
        kept = [i for i, at in enumerate(log.frame_epochs) if at % log.gap == 0]
        log.frame_epochs, log.frames = [log.frame_epochs[i] for i in kept], [log.frames[i] for i in kept]

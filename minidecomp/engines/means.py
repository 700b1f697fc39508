"""The means of the objective's terms over points that are not used in training, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ..data.points import Points, as_stored
from ..errors import Fault, MinidecompError
from ..randomness import streams
from ..randomness.order import permutation
from ..variants import REGULARISERS
from . import Engine
from .rules import NO_REGULARISER


def means(
    engine: Engine,
    data: Points,
    batch_size: int,
    seed: int,
    regularisers: Collection[str],
    draws: streams.Stream,
    order: streams.Stream,
) -> dict[str, Any]:
    """Means over the data of each term of the engine's objective, and of regularisers, batch by batch.

    The points are put into batches in random order. Data are often stored class by class, so in their stored order a
    batch would hold the encodings of only one class.

    Parameters
    ----------
    engine : Engine
        The engine, with its model.
    data : Points of shape (N, dx)
    batch_size : int
        The regularisers take a batch's encodings as the aggregate posterior. The MMD needs two points, so it leaves out
        a last batch of one.
    seed : int
        The seed of the draws and of the order, which is always the same for the same data.
    regularisers : collection of str
        The names of the regularisers; may be empty.
    draws, order : Stream
        The streams of a batch's draws and of the points' order.

    Returns
    -------
    dict
        ``log_likelihood``, ``kl`` and each regulariser in nats (the MMD has no unit, and is NaN for a single point);
        ``points`` and ``batch_size``.
    """
    data = as_stored(data, engine.vae.dtype)
    rows = permutation(len(data), seed, *order.at())
    sums, weights = dict.fromkeys(("log_likelihood", "kl", *regularisers), 0.0), dict.fromkeys(regularisers, 0)
    for number, first in enumerate(range(0, len(data), batch_size)):
        x = data[rows[first : first + batch_size]]
        usable = [name for name in regularisers if len(x) >= REGULARISERS[name].least_points]
        step = draws.step(number)
        found = {name: _values(engine, x, seed, step, name) for name in usable or [NO_REGULARISER]}
        for name in usable:
            sums[name] += len(x) * found[name]["regulariser"]
            weights[name] += len(x)
        # Every regulariser gives the same; the first is compiled if the engine is, while a user's may not be.
        one = next(iter(found.values()))
        for term in ("log_likelihood", "kl"):
            sums[term] += len(x) * one[term]
    points = len(data)
    result = {name: total / (weights.get(name, points) or math.nan) for name, total in sums.items()}
    return result | {"points": points, "batch_size": min(batch_size, points)}


def _values(engine: Engine, x: Points, seed: int, step: int, regulariser: str) -> dict[str, float]:
    try:
        return engine.values(x, seed, step, regulariser)
    except (MinidecompError, MemoryError):
        raise
    except Exception as error:  # a user's regulariser or prior may raise anything
        raise Fault(f"the terms with regulariser {regulariser} failed: {type(error).__name__}: {error}") from error

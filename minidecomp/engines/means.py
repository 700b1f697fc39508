"""The means of the objective's terms over points that are not trained on, batch by batch."""

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

    The batches are of points in random order, for data often come class by class: in the order that they are stored in
    a batch's encodings would be those of one class.

    Parameters
    ----------
    engine : Engine
        With the model.
    data : Points of shape (N, dx)
    batch_size : int
        The regularisers take a batch's encodings as the aggregate posterior. The MMD needs two points: a last batch of
        one is left out of it.
    seed : int
        Of the draws, and of the order: the same for the same data each time.
    regularisers : collection of str
        Which of them; perhaps none.
    draws, order : Stream
        Of a batch's draws, and of the points' order.

    Returns
    -------
    dict
        ``log_likelihood``, ``kl`` and each regulariser in nats (the MMD has no unit, and is NaN of a single point);
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
        # By each of them the same; the first is compiled, where the engine is, and one of your own need not be.
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
    except Exception as error:  # a regulariser or a prior of your own may raise anything
        raise Fault(f"the terms with regulariser {regulariser} failed: {type(error).__name__}: {error}") from error

"""The means of the objective's terms over points that are not used in training, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from ..data.points import Points, as_stored
from ..randomness import streams
from ..randomness.order import permutation
from . import Engine


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
    steps = [draws.step(number) for number in range(-(-len(data) // batch_size))]
    sums, weights = dict.fromkeys(("log_likelihood", "kl", *regularisers), 0.0), dict.fromkeys(regularisers, 0)
    found = engine.values_by_batch(data, rows, batch_size, seed, steps, list(regularisers))
    for number, terms in enumerate(found):
        count = min(batch_size, len(data) - number * batch_size)
        for name in terms:
            if name in weights:
                sums[name] += count * terms[name]["regulariser"]
                weights[name] += count
        # Every regulariser gives the same; the first is compiled if the engine is, while a user's may not be.
        one = next(iter(terms.values()))
        for term in ("log_likelihood", "kl"):
            sums[term] += count * one[term]
    points = len(data)
    result = {name: total / (weights.get(name, points) or math.nan) for name, total in sums.items()}
    return result | {"points": points, "batch_size": min(batch_size, points)}

"""The terms of the objective on data that were not trained on."""

from __future__ import annotations

from typing import Any

from .data.dataset import Dataset
from .dimensions import active_dimensions, dimension_kl
from .engines import Engine
from .objective import REGULARISERS
from .points import Points, as_stored

# Training counts steps from 0; these draws are its own.
FIRST_STEP = 1 << 62


def evaluate(engine: Engine, data: Points, batch_size: int, seed: int) -> dict[str, Any]:
    """Means over the data of each term, and both regularisers, batch by batch.

    Parameters
    ----------
    engine : Engine
        With the model.
    data : Points of shape (N, dx)
    batch_size : int
        The regularisers take a batch's encodings as the aggregate posterior; a last batch of one point is left out.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        ``log_likelihood``, ``kl``, ``mmd``, ``kl-inc`` in nats (the MMD has no unit), ``points`` and ``batch_size``.
    """
    data = as_stored(data, engine.vae.dtype)
    names = ("log_likelihood", "kl", *REGULARISERS)
    totals, points = dict.fromkeys(names, 0.0), 0
    for number, first in enumerate(range(0, len(data), batch_size)):
        x = data[first : first + batch_size]
        if len(x) == 1:
            continue
        points += len(x)
        for regulariser in REGULARISERS:
            values = engine.values(x, seed, FIRST_STEP + number, regulariser)
            totals[regulariser] += len(x) * values["regulariser"]
        for term in ("log_likelihood", "kl"):
            totals[term] += len(x) * values[term]
    if points == 0:
        return dict.fromkeys(names) | {"points": 0, "batch_size": batch_size}
    return {name: total / points for name, total in totals.items()} | {
        "points": points,
        "batch_size": min(batch_size, points),
    }


def evaluate_model(engine: Engine, dataset: Dataset, batch_size: int, seed: int) -> dict[str, Any]:
    """What is always reported of a model, on the test data.

    Returns
    -------
    dict
        ``test``, as `evaluate` gives it; ``dimensions``: ``kl``, each latent dimension's in nats, and ``active``.
    """
    test = evaluate(engine, dataset.test, batch_size, seed)
    loc, scale = engine.encode(as_stored(dataset.test, engine.vae.dtype))
    kl = dimension_kl(loc, scale, engine.vae.current_prior(), seed)
    return {"test": test, "dimensions": {"kl": kl.tolist(), "active": active_dimensions(loc)}}

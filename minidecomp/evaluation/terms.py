"""The terms of the objective on data that were not trained on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import __version__, files
from ..data.dataset import Dataset
from ..data.points import Points, as_stored
from ..engines import Engine
from ..objective import REGULARISERS
from ..randomness import streams
from ..training import Trainer
from .dimensions import active_dimensions, dimension_kl


def evaluate(engine: Engine, data: Points, batch_size: int, seed: int) -> dict[str, Any]:
    """Means over the data of each term, and both regularisers, batch by batch.

    Parameters
    ----------
    engine : Engine
        With the model.
    data : Points of shape (N, dx)
    batch_size : int
        The regularisers take a batch's encodings as the aggregate posterior. The MMD needs two points: a last batch of
        one is left out of it.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        ``log_likelihood``, ``kl``, ``mmd``, ``kl-inc`` in nats (the MMD has no unit, and is NaN of a single point),
        ``points`` and ``batch_size``.
    """
    data = as_stored(data, engine.vae.dtype)
    sums, weights = dict.fromkeys(("log_likelihood", "kl", *REGULARISERS), 0.0), dict.fromkeys(REGULARISERS, 0)
    for number, first in enumerate(range(0, len(data), batch_size)):
        x = data[first : first + batch_size]
        for regulariser in REGULARISERS if len(x) > 1 else ("kl-inc",):
            values = engine.values(x, seed, streams.EVALUATION.step(number), regulariser)
            sums[regulariser] += len(x) * values["regulariser"]
            weights[regulariser] += len(x)
        for term in ("log_likelihood", "kl"):
            sums[term] += len(x) * values[term]
    points = len(data)
    means = {name: total / (weights.get(name, points) or math.nan) for name, total in sums.items()}
    return means | {"points": points, "batch_size": min(batch_size, points)}


def evaluate_model(
    engine: Engine, dataset: Dataset, batch_size: int, seed: int
) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """What is always reported of a model, on the test data.

    Returns
    -------
    result : dict
        ``test``, as `evaluate` gives it; ``dimensions``: ``kl``, each latent dimension's in nats, and ``active``.
    encodings : (numpy.ndarray, numpy.ndarray) of shape (N, D)
        loc and scale of the test data, for what else is to be said of them.
    """
    test = evaluate(engine, dataset.test, batch_size, seed)
    loc, scale = engine.encode(as_stored(dataset.test, engine.vae.dtype))
    kl = dimension_kl(loc, scale, engine.vae.current_prior(), seed)
    return {"test": test, "dimensions": {"kl": kl.tolist(), "active": active_dimensions(loc)}}, (loc, scale)


def evaluate_and_write(trainer: Trainer) -> dict[str, Any]:
    """Evaluate a run that is trained to its end, and write its evaluation.json; returns what that has."""
    assert trainer.folder is not None
    options, last = trainer.options, trainer.state.rows[-1]
    result = {"version": __version__, "epochs": trainer.state.epoch, "seed": options.seed, "train": dict(last)}
    result |= evaluate_model(trainer.engine, trainer.dataset, options.batch_size, options.seed)[0]
    files.write_json(trainer.folder / "evaluation.json", result)
    return result

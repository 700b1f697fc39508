"""The terms of the objective on data that were not trained on, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.dataset import Dataset
from ..data.points import Points, as_stored
from ..engines import Engine
from ..errors import Fault, MinidecompError
from ..randomness import streams
from ..randomness.order import permutation
from ..terms import kl as kl_term
from ..variants import REGULARISERS
from .dimensions import active_dimensions, dimension_kl


def evaluate(
    engine: Engine, data: Points, batch_size: int, seed: int, regularisers: Collection[str] = REGULARISERS
) -> dict[str, Any]:
    """Means over the data of each term, and of the regularisers, batch by batch.

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
        Of the draws, and of the order.
    regularisers : collection of str
        Which of them; ``kl-inc`` at least.

    Returns
    -------
    dict
        ``log_likelihood``, ``kl``, ``mmd``, ``kl-inc`` in nats (the MMD has no unit, and is NaN of a single point),
        ``points`` and ``batch_size``. ``kl`` is the KL, whatever the objective's ``log_prior_multiplier``.
    """
    engine = _of_the_kl(engine)
    data = as_stored(data, engine.vae.dtype)
    order = permutation(len(data), seed, *streams.TEST_ORDER.at())
    sums, weights = dict.fromkeys(("log_likelihood", "kl", *regularisers), 0.0), dict.fromkeys(regularisers, 0)
    for number, first in enumerate(range(0, len(data), batch_size)):
        x = data[order[first : first + batch_size]]
        usable = [name for name in regularisers if len(x) >= REGULARISERS[name].least_points]
        found = {name: _values(engine, x, seed, streams.EVALUATION.step(number), name) for name in usable}
        for name, values in found.items():
            sums[name] += len(x) * values["regulariser"]
            weights[name] += len(x)
        # By each of them the same; the first is compiled, where the engine is, and one of your own need not be.
        for term in ("log_likelihood", "kl"):
            sums[term] += len(x) * found[usable[0]][term]
    points = len(data)
    means = {name: total / (weights.get(name, points) or math.nan) for name, total in sums.items()}
    return means | {"points": points, "batch_size": min(batch_size, points)}


def _values(engine: Engine, x: Points, seed: int, step: int, regulariser: str) -> dict[str, float]:
    try:
        return engine.values(x, seed, step, regulariser)
    except (MinidecompError, MemoryError):
        raise
    except Exception as error:  # a regulariser or a prior of your own may raise anything
        raise Fault(f"the terms with regulariser {regulariser} failed: {type(error).__name__}: {error}") from error


def _of_the_kl(engine: Engine) -> Engine:
    """The engine, or one like it whose KL term is the KL."""
    if engine.objective.log_prior_multiplier == 1:
        return engine
    return engine.with_objective(replace(engine.objective, log_prior_multiplier=1.0))


def evaluate_model(
    engine: Engine, dataset: Dataset, batch_size: int, seed: int
) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """The numbers that every evaluation has, on the test data.

    Returns
    -------
    result : dict
        ``test``, as `evaluate` gives it; ``dimensions``: ``kl``, each latent dimension's in nats, and ``active``.
    encodings : (numpy.ndarray, numpy.ndarray) of shape (N, D)
        loc and scale of the test data, for further results.
    """
    test = evaluate(engine, dataset.test, batch_size, seed)
    loc, scale = engine.encode(as_stored(dataset.test, engine.vae.dtype))
    with np.errstate(all="ignore"):  # that an encoding overflowed is said of the term that it spoils
        kl = dimension_kl(loc, scale, engine.vae.current_prior(), seed)
    return {"test": test, "dimensions": {"kl": kl.tolist(), "active": active_dimensions(loc)}}, (loc, scale)


def titles() -> dict[str, str]:
    """The title of each term in tables: log-likelihood, KL, and every regulariser's."""
    names = {"log_likelihood": "log-likelihood", "kl": kl_term.title()}
    return names | {name: each.title for name, each in REGULARISERS.items()}


def units() -> str:
    """The unit of the means: "nats (the MMD has no unit)"."""
    without = [each.title for each in REGULARISERS.values() if not each.unit]
    if not without:
        return "nats"
    return f"nats (the {' and the '.join(without)} {'has' if len(without) == 1 else 'have'} no unit)"


def unit_of(column: str) -> str:
    """The unit of a recorded value, by its name in tables (``test.kl``, ``train.seconds``); empty without one."""
    part, _, name = column.partition(".")
    if column == "marginal_log_likelihood":
        return "nats"
    if part not in ("train", "test", "overlap", "match") or name in ("epoch", "regulariser"):
        return ""
    return REGULARISERS[name].unit if name in REGULARISERS else "s" if name == "seconds" else "nats"

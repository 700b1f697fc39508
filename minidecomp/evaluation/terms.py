"""The terms of the objective on test data, batch by batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from ..data.dataset import Dataset
from ..data.points import Points, as_stored
from ..engines import Engine
from ..engines.means import means
from ..randomness import streams
from ..terms import kl as kl_term
from ..variants import REGULARISERS
from .dimensions import active_dimensions, dimension_kl


def evaluate(
    engine: Engine, data: Points, batch_size: int, seed: int, regularisers: Collection[str] = REGULARISERS
) -> dict[str, Any]:
    """`minidecomp.engines.means.means` with the KL itself, whatever the objective's ``log_prior_multiplier``."""
    return means(_of_the_kl(engine), data, batch_size, seed, regularisers, streams.EVALUATION, streams.TEST_ORDER)


def _of_the_kl(engine: Engine) -> Engine:
    """The engine, or a copy whose second term is the KL itself."""
    if engine.objective.log_prior_multiplier == 1:
        return engine
    return engine.with_objective(replace(engine.objective, log_prior_multiplier=1.0))


def evaluate_model(
    engine: Engine, dataset: Dataset, batch_size: int, seed: int
) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """The numbers in every evaluation, on the test data.

    Returns
    -------
    result : dict
        ``test``, as `evaluate` gives it; ``dimensions``: ``kl`` of each latent dimension, in nats, and ``active``.
    encodings : (numpy.ndarray, numpy.ndarray) of shape (N, D)
        loc and scale of the test data, for further results.
    """
    test = evaluate(engine, dataset.test, batch_size, seed)
    loc, scale = engine.encode(as_stored(dataset.test, engine.vae.dtype))
    with np.errstate(all="ignore"):  # an overflow is reported for the term that it spoils
        kl = dimension_kl(loc, scale, engine.vae.current_prior(), seed)
    return {"test": test, "dimensions": {"kl": kl.tolist(), "active": active_dimensions(loc)}}, (loc, scale)


def titles() -> dict[str, str]:
    """The title of each term in tables: the log-likelihood, the KL, and every regulariser."""
    names = {"log_likelihood": "log-likelihood", "kl": kl_term.title()}
    return names | {name: each.title for name, each in REGULARISERS.items()}


def units() -> str:
    """The unit of the means: "nats (the MMD has no unit)"."""
    without = [each.title for each in REGULARISERS.values() if not each.unit]
    if not without:
        return "nats"
    return f"nats (the {' and the '.join(without)} {'has' if len(without) == 1 else 'have'} no unit)"


def unit_of(column: str) -> str:
    """The unit of a recorded value, by its name in tables (``test.kl``, ``train.seconds``); empty if it has none."""
    part, _, name = column.partition(".")
    if column == "marginal_log_likelihood":
        return "nats"
    if not name or part not in ("train", "validation", "test", "overlap", "match") or name in ("epoch", "regulariser"):
        return ""
    return REGULARISERS[name].unit if name in REGULARISERS else "s" if name == "seconds" else "nats"

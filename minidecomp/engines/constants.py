"""What compiled code has to know of a prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.codes import PRIORS
from ..terms.priors import Mixture, Prior


def is_built_in(prior: Any) -> bool:
    """Whether compiled code knows the prior."""
    return isinstance(prior, Prior)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def prior_constants(prior: Prior) -> dict[str, Any]:
    """Everything that compiled code may want to know of a prior."""
    values: dict[str, Any] = {
        "kind": PRIORS.index(prior.name),
        "components": 1,
        "loc": np.broadcast_to(prior.loc, prior.scale.shape),
        "scale": prior.scale,
        "df": getattr(prior, "df", 1.0),
        "log_normaliser": getattr(prior, "log_normaliser", 0.0),
        "gamma": getattr(prior, "gamma", 0.0),
        "spike_scale": getattr(prior, "spike_scale", 1.0),
        "log_weight": [0.0],
        "edge": [1.0],
    }
    values |= {"log_spike": _log(values["gamma"]), "log_slab": _log(1 - values["gamma"])}
    if isinstance(prior, Mixture):
        weight = prior.log_weight
        values |= {"components": len(weight), "log_weight": weight, "edge": np.cumsum(np.exp(weight))}
    return values

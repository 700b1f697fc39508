"""What compiled code needs to know about a prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import variants
from .._core.codes import PRIORS
from ..terms.priors import Prior


def is_built_in(prior: Any) -> bool:
    """Whether compiled code supports the prior."""
    return prior.name in PRIORS and type(prior) is variants.PRIORS[prior.name]


def prior_constants(prior: Prior) -> dict[str, Any]:
    """All constants of a prior that compiled code may need, by name.

    Constants that only other priors have get a neutral value.
    """
    values: dict[str, Any] = {
        "kind": PRIORS.index(prior.name),
        "components": 1,
        "loc": np.broadcast_to(prior.loc, prior.scale.shape),
        "scale": prior.scale,
        "df": 1.0,
        "log_normaliser": 0.0,
        "gamma": 0.0,
        "log_slab": 0.0,
        "log_spike": -math.inf,
        "spike_scale": 1.0,
        "log_weight": [0.0],
        "edge": [1.0],
    }
    return values | prior.constants()

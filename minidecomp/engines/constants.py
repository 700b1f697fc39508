"""What compiled code has to know of a prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import variants
from .._core.codes import PRIORS
from ..terms.priors import Prior


def is_built_in(prior: Any) -> bool:
    """Whether compiled code knows the prior."""
    return prior.name in PRIORS and type(prior) is variants.PRIORS[prior.name]


def prior_constants(prior: Prior) -> dict[str, Any]:
    """Everything that compiled code may want to know of a prior, by name.

    What only other priors have gets a neutral number.
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

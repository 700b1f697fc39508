"""A model's parts as plain values for the page's engine."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..engines.constants import prior_constants
from ..terms.priors import Prior

# The engine's names for a prior's constants
_PRIOR = {
    "df": "df",
    "log_normaliser": "logNormaliser",
    "gamma": "gamma",
    "spike_scale": "spikeScale",
    "log_weight": "logWeight",
}


def prior_values(prior: Prior) -> dict[str, Any]:
    """A prior for JSON, in the form that the engine's ``typedPrior`` expects: loc and scale flat, (D,) or (M D,)."""
    constants = prior_constants(prior)
    return {
        "name": prior.name,
        "dims": int(prior.scale.shape[-1]),
        "components": int(constants["components"]),
        "loc": np.asarray(constants["loc"], np.float64).ravel().tolist(),
        "scale": np.asarray(prior.scale, np.float64).ravel().tolist(),
        **{name: np.asarray(constants[own]).tolist() for own, name in _PRIOR.items()},
    }


def floats(array: Any) -> str:
    """float32, little-endian, in base 64."""
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def doubles(array: Any) -> str:
    """float64, little-endian, in base 64. Far from 0, float32 would lose the digits in which points differ."""
    return base64.b64encode(np.ascontiguousarray(array, "<f8").tobytes()).decode()


def whole_bytes(array: Any) -> str:
    """uint8 in base 64."""
    return base64.b64encode(np.ascontiguousarray(array, np.uint8).tobytes()).decode()

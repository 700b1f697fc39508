"""A run's ``evaluation.json``: the model that it is about, and what of it stays when more is added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_json
from .checkpoint import State


def model_of(state: State) -> dict[str, Any]:
    """The model's identity in ``evaluation.json``: its epochs, and a digest of its parameters."""
    digest = hashlib.sha256(np.ascontiguousarray(state.vae.parameters.vector).tobytes())
    return {"epochs": state.epoch, "parameters_sha256": digest.hexdigest()}


def read_evaluation(folder: Path, state: State) -> dict[str, Any]:
    """The values in ``evaluation.json`` about this very model; empty if there are none, or they are damaged."""
    known: Any = None
    with suppress(OSError, ValueError):
        known = json.loads((folder / "evaluation.json").read_text("utf-8"))
    if isinstance(known, dict) and known | model_of(state) == known:
        return known
    return {}


def update_evaluation(folder: Path, state: State, values: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``: these values over those that it has of this very model; other models' are dropped.

    Each value says of itself with which seed and which points it was made, so that what is kept stays true. Metrics are
    kept one by one.
    """
    known = read_evaluation(folder, state)
    merged = known | dict(values) | model_of(state)
    for name in ("metrics", "metrics_of_gaussian_quantiles"):
        if isinstance(known.get(name), dict):
            merged[name] = known[name] | values.get(name, {})
    write_json(folder / "evaluation.json", merged)

"""A run's ``evaluation.json``: of which model it is, and what of it stays when more is added."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_json
from ..settings.options import TrainOptions
from .checkpoint import State


def model_of(state: State) -> dict[str, Any]:
    """What names a model in ``evaluation.json``: its epochs, and a digest of its parameters."""
    digest = hashlib.sha256(np.ascontiguousarray(state.vae.parameters.vector).tobytes())
    return {"epochs": state.epoch, "parameters_sha256": digest.hexdigest()}


def recorded_terms(row: Mapping[str, Any], options: TrainOptions) -> dict[str, Any]:
    """A row of ``metrics.csv`` as ``train``: log q - M log p is called ``kl_term`` where it is no KL."""
    no_kl = options.log_prior_multiplier != 1
    return {"kl_term" if no_kl and name == "kl" else name: value for name, value in row.items()}


def read_evaluation(folder: Path, state: State) -> dict[str, Any]:
    """What ``evaluation.json`` has, if it is of this very model; nothing if there is none, or it is damaged."""
    known: Any = None
    with suppress(OSError, ValueError):
        known = json.loads((folder / "evaluation.json").read_text("utf-8"))
    if isinstance(known, dict) and known | model_of(state) == known:
        return known
    return {}


def update_evaluation(folder: Path, state: State, values: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``: the values over what it has of this very model; of another model nothing is kept.

    Each value says of itself with which seed and which points it was made, so that what is kept stays true. Metrics are
    kept one by one.
    """
    known = read_evaluation(folder, state)
    merged = known | dict(values) | model_of(state)
    for name in ("metrics", "metrics_of_gaussian_quantiles"):
        if isinstance(known.get(name), dict):
            merged[name] = known[name] | values.get(name, {})
    write_json(folder / "evaluation.json", merged)

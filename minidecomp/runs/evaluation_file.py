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
from ..settings.options import TrainOptions
from .checkpoint import State

METRIC_PARTS = {"metrics", "metrics_of_gaussian_quantiles"}
PARTS = METRIC_PARTS | {"train", "test", "dimensions", "decomposition", "marginal_log_likelihood", "factors"}


def model_of(state: State) -> dict[str, Any]:
    """The model's identity in ``evaluation.json``: its epochs, and a digest of its parameters."""
    digest = hashlib.sha256(np.ascontiguousarray(state.vae.parameters.vector).tobytes())
    return {"epochs": state.epoch, "parameters_sha256": digest.hexdigest()}


def recorded_terms(row: Mapping[str, Any], options: TrainOptions) -> dict[str, Any]:
    """A row of ``metrics.csv`` as ``train``: log q - M log p is called ``kl_term`` where it is no KL."""
    no_kl = options.log_prior_multiplier != 1
    return {"kl_term" if no_kl and name == "kl" else name: value for name, value in row.items()}


def read_evaluation(folder: Path, state: State) -> dict[str, Any]:
    """The values in ``evaluation.json`` about this very model; empty if there are none, or they are damaged."""
    known = parts_in_form(folder)
    return known if known and known | model_of(state) == known else {}


def parts_in_form(folder: Path) -> dict[str, Any]:
    """What ``evaluation.json`` has of the form that docs/files.md describes; empty if it cannot be read."""
    found: Any = None
    with suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / "evaluation.json").read_text("utf-8"))
    if not isinstance(found, dict):
        return {}
    kept = {name: part for name, part in found.items() if name not in PARTS or isinstance(part, dict)}
    for name in METRIC_PARTS & kept.keys():
        scores = kept[name].items()
        kept[name] = {metric: score for metric, score in scores if isinstance(score, dict) and "score" in score}
    return kept


def update_evaluation(folder: Path, state: State, values: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``: these values over those that it has of this very model; other models' are dropped.

    Each value says of itself with which seed and which points it was made, so that what is kept stays true. Metrics are
    kept one by one.
    """
    known = read_evaluation(folder, state)
    merged = known | dict(values) | model_of(state)
    for name in METRIC_PARTS & known.keys():
        merged[name] = known[name] | values.get(name, {})
    write_json(folder / "evaluation.json", merged)

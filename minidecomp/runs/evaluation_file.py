"""A run's ``evaluation.json``: which model it is about, and which results stay when new ones are added."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

from ..errors import Fault, Overtaken, RunError, shown
from ..files import delete_temporaries_of, read_small_file, unchecked, write_json
from .checkpoint import State, parameters_digest
from .owner import Lock, lock
from .remembered import REMEMBERED, Stamp, identity, stamp
from .schema import COLUMNS, of_validation

METRIC_PARTS = {"metrics", "metrics_of_gaussian_quantiles"}
EVALUATION = "evaluation.json"
LOCK, LOCK_SECONDS = ".evaluation.lock", 10  # a lock held longer is that of a stopped process
MOST_BYTES, DEEPEST, LARGEST = 10_000_000, 20, sys.float_info.max


def model_of(state: State) -> dict[str, Any]:
    """The model's identity in ``evaluation.json``: its epochs, and a digest of its parameters."""
    return {"epochs": state.epoch, "parameters_sha256": parameters_digest(state.vae)}


def recorded_terms(row: Mapping[str, Any], log_prior_multiplier: float, part: str = "train") -> dict[str, Any]:
    """The terms' values in a row of ``metrics.csv``, by name: those of training or, by ``part``, of validation.

    log q - M log p is called ``kl_term`` if it is not a KL.
    """
    if part == "train":
        values = {name: value for name, value in row.items() if name in COLUMNS}
    else:
        values = of_validation(row)
    no_kl = log_prior_multiplier != 1
    return {"kl_term" if no_kl and name == "kl" else name: value for name, value in values.items()}


def read_evaluation(folder: Path, state: State) -> dict[str, Any]:
    """The values in ``evaluation.json`` about this same model; empty if there are none, or they are damaged."""
    known = parts_in_form(folder)
    return known if known and known | model_of(state) == known else {}


def parts_in_form(folder: Path) -> dict[str, Any]:
    """The parts of ``evaluation.json`` that are as docs/files.md describes; empty if it cannot be read."""
    try:
        found = _parse(folder / EVALUATION)
    except (OSError, ValueError):
        return {}
    kept = {}
    for name, part in found.items():
        if name in METRIC_PARTS and isinstance(part, dict):
            part = {metric: score for metric, score in part.items() if _is_score(score)}
        if is_in_form(name, part):
            kept[name] = part
    return kept


def remembered_parts(folder: Path) -> Mapping[str, Any]:
    """`parts_in_form`, read again only when the file is another one; the result must not be changed."""
    found = stamp(folder, EVALUATION)
    try:
        return {} if found is None else _remembered_parts(folder, found)
    except LookupError:
        return {}


@lru_cache(maxsize=REMEMBERED)
def _remembered_parts(folder: Path, found: Stamp) -> Mapping[str, Any]:
    parts = parts_in_form(folder)
    if not parts:
        raise LookupError  # it may be readable a moment later, so this is not remembered
    return parts


def read_whole(folder: Path) -> dict[str, Any]:
    """The content of ``evaluation.json``, whichever model it is about.

    Raises
    ------
    RunError
        A part is not as docs/files.md describes.
    """
    path = folder / EVALUATION
    again = f"minidecomp evaluate {folder} makes it anew"
    try:
        found = _parse(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: the file is damaged; {again}") from error
    wrong = [name for name, part in found.items() if not is_in_form(name, part)]
    wrong += [name for name in ("epochs", "test", "dimensions") if name not in found]
    if wrong:
        raise RunError(f"{path}: the file is damaged in {shown(wrong[0])}; {again}")
    return found


def _parse(path: Path) -> dict[str, Any]:
    """A JSON object with few levels, normal texts and finite numbers; ValueError if the file has something else."""
    try:
        found = json.loads(read_small_file(path, MOST_BYTES).decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    _check_plain(found)
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _check_plain(value: Any, depth: int = 0) -> None:
    """Raise ValueError for a number too large for a float, a text that UTF-8 cannot hold, or too many levels."""
    if depth > DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ValueError("a number beyond all floats")
    elif isinstance(value, dict | list):
        for inner in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_plain(inner, depth + 1)


def is_in_form(name: str, part: Any) -> bool:
    """Whether a part of an evaluation is as docs/files.md says; parts that it does not name may be anything."""
    match name:
        case "epochs" | "seed":
            return _is_whole(part)
        case "version" | "parameters_sha256" | "factors_sha256":
            return isinstance(part, str)
        case "log_volume":
            return _is_number(part)
        case "train" | "validation" | "test":
            return _is_of(part, _is_number)
        case "factors":
            return _is_of(part, _is_whole)
        case "metrics" | "metrics_of_gaussian_quantiles":
            return _is_of(part, _is_score)
        case "dimensions":
            return isinstance(part, dict) and _is_list(part.get("active"), _is_whole) and _is_list(part.get("kl"))
        case "decomposition":
            factors = [part.get("overlap"), part.get("match")] if isinstance(part, dict) else [None]
            return all(_is_of(factor, lambda each: _has_number(each, "value")) for factor in factors)
        case "marginal_log_likelihood":
            return _has_number(part, "mean")
    return True


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    """A number, or null for a number that was not finite."""
    return value is None or (isinstance(value, Real) and not isinstance(value, bool))


def _is_list(value: Any, each: Callable[[Any], bool] = _is_number) -> bool:
    return isinstance(value, list) and all(map(each, value))


def _is_of(part: Any, each: Callable[[Any], bool]) -> bool:
    return isinstance(part, dict) and all(map(each, part.values()))


def _has_number(value: Any, name: str) -> bool:
    return isinstance(value, dict) and name in value and _is_number(value[name])


def _is_score(value: Any) -> bool:
    return _has_number(value, "score")


def update_evaluation(
    folder: Path, state: State, values: Mapping[str, Any], check: Callable[[], object] = unchecked
) -> None:
    """Write ``evaluation.json``: these values over its values for this same model; other models' values are dropped.

    Each value states the seed and the points that it was made with, so that the values kept stay true. Metrics are kept
    one by one, unless their factors are different. Several processes may write at once. ``check`` is as for
    `minidecomp.files.write_file`.

    Raises
    ------
    Overtaken
        The run has another model by now; the file keeps its content.
    Fault
        The file cannot be written; it keeps its content.
    """

    def check_all() -> None:
        check()
        if not is_still_the_model(folder, state):
            raise Overtaken(
                f"{folder}: it no longer has the model that was evaluated, of epoch {state.epoch}; nothing was written"
            )

    check_all()
    held = _locked(folder)
    try:
        delete_temporaries_of([EVALUATION], folder)  # of writers that were killed: nobody else writes now
        known = read_evaluation(folder, state)
        merged = known | dict(values) | model_of(state)
        of_same_factors = _factors_of(known) == _factors_of(merged)
        for name in METRIC_PARTS & known.keys():
            merged[name] = (known[name] if of_same_factors else {}) | values.get(name, {})
        write_json(folder / EVALUATION, merged, check_all)
    finally:
        held.release()


def _factors_of(evaluation: Mapping[str, Any]) -> tuple[list[Any], str]:
    """What identifies the factors of an evaluation's metrics."""
    return list(evaluation.get("factors", {}).items()), evaluation.get("factors_sha256", "")


def is_still_the_model(folder: Path, state: State) -> bool:
    """Whether the run's checkpoint has the model of ``state``: another process may have trained it further."""
    try:
        return identity(folder).is_model_of(model_of(state))
    except RunError:
        return False


def _locked(folder: Path) -> Lock:
    """The lock of a run's evaluation. It is waited for, because its holder only writes the file."""
    end = time.monotonic() + LOCK_SECONDS
    try:
        while (held := lock(folder / LOCK)) is None:
            if time.monotonic() > end:
                raise Fault(f"{folder / LOCK}: held by another process for {LOCK_SECONDS} seconds")
            time.sleep(0.02)
    except RunError as error:
        raise Fault(str(error)) from error
    return held

"""evaluation.json as the page shows it: tables with names in words, and numbers with their errors."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..errors import counted
from ..evaluation.decomposition import DEFINITIONS, TITLES
from ..evaluation.notes import (
    of_each_dimension,
    of_errors,
    of_importance_sampling,
    points_and_batches,
    why_they_differ,
)
from ..evaluation.terms import titles, units
from ..objective import Objective
from ..rounding import DECIMALS, rounded, typeset, with_error
from ..variants import METRICS, REGULARISERS

KL_OF_ALL = "KL, the sum of the four above"
OBJECTIVE = "objective"
DETAIL_NAMES = {
    "active": "active dimensions",
    "kept": "dimensions used",
    "completeness": "DCI completeness",
    "informativeness_train": "DCI informativeness, training points",
    "informativeness_test": "DCI informativeness, test points",
    "gaussian_wasserstein": "Gaussian Wasserstein correlation",
    "gaussian_wasserstein_normalised": "the same, normalised",
    "mutual_information": "mean mutual information between codes",
    "train_accuracy": "accuracy on the training votes",
    "train_score": "score on the training points",
    "zero_points": "points with all codes zero",
    "values_left_out": "values left out",
    "scikit_learn": "scikit-learn version",
}
IMPORTANCE = (
    ("sampling_error", "its sampling error"),
    ("bias", "too low by about"),
    ("effective_samples", "effective samples"),
)
DIMENSIONS = ("active", "kept")  # details that are lists of latent dimensions
MOST_LISTED, MOST_NAMED = 20, 5  # dimensions in a table, and in a list
NONE = "–"


def evaluation(found: Mapping[str, Any], objective: Objective, is_product: bool = True) -> list[dict[str, Any]]:
    """The parts of an evaluation as tables; empty if there are none.

    Parameters
    ----------
    found : mapping
        The part of evaluation.json about the run's model.
    objective : Objective
        The run's.
    is_product : bool
        Whether the run's prior is a product over the dimensions.

    Returns
    -------
    list of dict
        Each table has a ``title``, a ``note`` about its numbers, ``head`` (the names of the columns after the first,
        possibly none), ``rows`` of texts, and ``definitions``, pairs of a name and its meaning.
    """
    if not found:
        return []
    made = [_batches(found, objective), _all_points(found), _dimensions(found, is_product)]
    for key, title in (("metrics", "Metrics"), ("metrics_of_gaussian_quantiles", "Metrics of the Gaussian quantiles")):
        made.append(_metrics(found.get(key, {}), title, found))
    return [each for each in made if each["rows"]]


def _table(title: str, note: str, rows: list[list[str]], head: list[str] | None = None, definitions: Any = ()) -> dict:
    return {"title": title, "note": note, "head": head or [], "rows": rows, "definitions": list(definitions)}


def _batches(found: Mapping[str, Any], objective: Objective) -> dict[str, Any]:
    """The means over batches, with columns for training, validation and test points."""
    parts = {part: found[part] for part in ("train", "validation", "test") if isinstance(found.get(part), dict)}
    own = REGULARISERS[objective.regulariser].title
    names = titles() | {"kl_term": objective.kl_title, OBJECTIVE: OBJECTIVE}
    known = {
        part: {own if name == "regulariser" else names.get(name, ""): value for name, value in values.items()}
        for part, values in parts.items()
    }
    order = list(dict.fromkeys(names[name] for name in ("log_likelihood", "kl", "kl_term", *REGULARISERS, OBJECTIVE)))
    rows = [[name, *(number(values.get(name)) for values in known.values())] for name in order]
    rows = [row for row in rows if set(row[1:]) != {NONE}]
    test = parts.get("test", {})
    note = f"In {units()}."
    if is_number(test.get("points")) and is_number(test.get("batch_size")):
        note += f" Test: {_grouped(points_and_batches(test['points'], test['batch_size']))}."
    if "train" in parts:
        note += f" Training: mean over epoch {found['epochs']}, during which the weights changed."
    heads = {"train": "training", "validation": "validation", "test": "test"}
    return _table("Means over batches", note, rows, [heads[part] for part in parts])


def _all_points(found: Mapping[str, Any]) -> dict[str, Any]:
    """What is computed from all test points together: overlap, match, and the marginal log-likelihood."""
    parts, names = found.get("decomposition", {}), titles() | TITLES
    rows: list[list[str]] = []
    notes, definitions = [], []
    for part, title in (("overlap", "Overlap of the encodings"), ("match", "Match of q(z) to the prior")):
        if part in parts:
            rows.append([title])
        for name, each in parts.get(part, {}).items():
            called = KL_OF_ALL if name == "kl" else names.get(name, spelled(name))
            rows.append([called.replace("; z", ";\u00a0z"), *estimate(each["value"], each.get("error"))])
            definitions += [[called, DEFINITIONS[name]]] if name in DEFINITIONS else []
    if rows:
        notes.append(
            f"In {units()}. q(z) is the mean of the posteriors of {_count(parts, 'points', 'test point')}, estimated "
            f"from {_count(parts, 'samples', 'sample')}. ±: standard error over the samples."
        )
        test = found.get("test", {})
        batch, points, together = test.get("batch_size"), test.get("points"), parts.get("points")
        if all(map(is_number, (batch, points, together))):
            notes.append(_grouped(why_they_differ(batch, points, together, parts.get("df", math.inf))))
        notes += map(_grouped, of_errors(parts))
    marginal = found.get("marginal_log_likelihood")
    if marginal:
        rows += [["Marginal log-likelihood"], ["log p(x)", *estimate(marginal["mean"], marginal.get("standard_error"))]]
        for name, called in IMPORTANCE:
            if is_number(marginal.get(name)):
                shown = number(marginal[name], 1 if name == "effective_samples" else DECIMALS)
                rows.append(["· " + called, shown, ""])
        notes.append(
            f"log p(x) by importance sampling, {_count(marginal, 'samples', 'sample')} for each of "
            f"{_count(marginal, 'points', 'point')}. ±: standard error over the points."
        )
        notes += map(_grouped, of_importance_sampling(marginal))
    return _table("All test points", "\n".join(notes), rows, ["value", ""], definitions)


def _count(part: Mapping[str, Any], key: str, noun: str) -> str:
    """A count with its noun: "2,000 samples"; without the number if the file does not have it."""
    value = part.get(key)
    return _grouped(counted(value, noun)) if isinstance(value, int) else f"{noun}s"


def _grouped(text: str) -> str:
    """The text with commas in its whole numbers."""
    return re.sub(r"(?<![\d.])\d{4,}(?![\d.])", lambda found: f"{int(found[0]):,}", text)


def _dimensions(found: Mapping[str, Any], is_product: bool) -> dict[str, Any]:
    """Which latent dimensions are active, and the KL of each."""
    part = found.get("dimensions", {})
    kl, active = part.get("kl", []), part.get("active", [])
    shown = [[f"z{d}", number(each), "yes" if d - 1 in active else "no"] for d, each in enumerate(kl, 1)]
    left = len(shown) - MOST_LISTED
    rows = shown[:MOST_LISTED] + ([[f"and {left:,} more", "", ""]] if left > 0 else [])
    note = f"{len(active)} of {len(kl)} active. KL of each: mean over the test points, in nats."
    note = f"{note} {of_each_dimension(is_product, len(kl))}".strip()
    return _table("Latent dimensions", note, rows, ["KL", "active"])


def _metrics(scores: Mapping[str, Any], title: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Each metric's score and, below it, its numeric details."""
    rows, definitions, seeds, kl = [], [], set(), found.get("dimensions", {}).get("kl")
    for name, score in scores.items():
        metric = METRICS.get(name)
        called = metric.title if metric else spelled(name)
        rows.append([called, number(score["score"])])
        seeds |= {score["seed"]} if isinstance(score.get("seed"), int) else set()
        details = score.get("details")
        for detail, value in details.items() if isinstance(details, dict) else ():
            text = _detail(detail, value, len(kl) if isinstance(kl, list) else 0)
            if text and value != score["score"]:
                rows.append(["· " + DETAIL_NAMES.get(detail, spelled(detail)), text])
        scale = f" ({metric.scale})" if metric and metric.scale else ""
        definitions.append([called + scale, str(score.get("definition") or (metric.help if metric else ""))])
    factors = ", ".join(f"{name} ({size})" for name, size in found.get("factors", {}).items())
    mapped = ", mapped to Gaussian quantiles" if "quantiles" in title else ""
    notes = [f"Computed from the posterior means{mapped}."]
    notes += [f"Factors and their numbers of values: {factors}."] if factors else []
    notes += [f"Seed {', '.join(map(str, sorted(seeds)))}."] if seeds else []
    return _table(title, " ".join(notes), rows, definitions=definitions)


def _detail(name: str, value: Any, latent_dim: int) -> str:
    """A detail's text; empty for lists and tables of numbers, which only programs need."""
    if isinstance(value, list) and name in DIMENSIONS:
        if MOST_NAMED < latent_dim == len(value):
            return f"all {latent_dim}"
        more = " …" if len(value) > MOST_LISTED else ""
        return ", ".join(f"z{each + 1}" for each in value[:MOST_LISTED]) + more or "none"
    return "" if isinstance(value, list | dict) else _counted_or_measured(value)


def _counted_or_measured(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return number(value) if is_number(value) else str(value)


def spelled(key: str) -> str:
    """A key of the file as words, for keys without a name here."""
    return key.replace("_", " ")


def is_number(value: Any) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, decimals: int = DECIMALS) -> str:
    """A measured value, rounded as in the commands' texts; a dash if there is none."""
    return typeset(rounded(value, decimals)) if is_number(value) else NONE


def estimate(value: Any, error: Any) -> list[str]:
    """A value and its error, ``["1.234", "± 0.056"]``; without an error the second text is empty."""
    if not (is_number(value) and is_number(error)):
        return [number(value), ""]
    value, error = map(typeset, with_error(value, error))
    return [value, f"± {error}" if error else ""]

"""The lines that ``minidecomp evaluate`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from minidecomp.errors import counted
from minidecomp.rounding import rounded

from .printing import aligned, plus_minus, wrapped

if TYPE_CHECKING:
    from .evaluating import Evaluated

LABEL = 26  # width of the column of names
METRICS = {
    "metrics": "metrics of the posterior means",
    "metrics_of_gaussian_quantiles": "metrics of the posterior means, mapped to Gaussian quantiles",
}


def evaluation_lines(result: Mapping[str, Any], verbose: bool = False, is_product: bool = True) -> list[str]:
    """An evaluation under its headings, as lines.

    With ``verbose`` they include the definitions, each metric's samples and seed, and the KL of each dimension.
    ``is_product`` says whether the prior is a product over the dimensions.
    """
    lines = [_about(result), *_over_batches(result)]
    if "decomposition" in result:
        lines += _of_all_points(result, verbose)
    if "marginal_log_likelihood" in result:
        lines += _by_importance_sampling(result)
    for key, title in METRICS.items():
        if result.get(key):
            lines += _of_metrics(title, result[key], result["factors"], verbose)
    if verbose:
        return lines + _of_dimensions(result["dimensions"], is_product)
    return [*lines, "", "--verbose adds the definitions and the KL of each dimension"]


def dimension_names(dimensions: Sequence[int]) -> str:
    """The names of latent dimensions, counted from z1, for rising indices from 0: "z1, z3-z5"."""
    stretches: list[list[int]] = []
    for d in dimensions:
        if stretches and d == stretches[-1][-1] + 1:
            stretches[-1].append(d)
        else:
            stretches.append([d])
    named = []
    for each in stretches:
        if len(each) > 2:
            named.append(f"z{each[0] + 1}-z{each[-1] + 1}")
        else:
            named += [f"z{d + 1}" for d in each]
    return ", ".join(named)


def notes_on_columns(found: Sequence[Evaluated], columns: Sequence[str], verbose: bool = False) -> list[str]:
    """What the columns of a table of several runs mean; with ``verbose`` also the definitions of the metrics."""
    from minidecomp.evaluation.terms import units
    from minidecomp.variants import METRICS as KNOWN

    lines = wrapped(f"test.*: means over batches of test points; {units()}")
    if "marginal_log_likelihood" in columns:
        lines += wrapped("marginal_log_likelihood: by importance sampling, in nats")
    for name in columns:
        if name in KNOWN:
            scale = f" ({KNOWN[name].scale})" if KNOWN[name].scale else ""
            lines += wrapped(f"{name}: {KNOWN[name].title}{scale}")
            scores = [each.result["metrics"][name] for each in found if name in each.result.get("metrics", {})]
            if verbose and scores:
                lines += wrapped(scores[0]["definition"], "  ")
    return lines


def _about(result: Mapping[str, Any]) -> str:
    active, dims = result["dimensions"]["active"], len(result["dimensions"]["kl"])
    names = f": {dimension_names(active)}" if active else ""
    return f"{counted(result['test']['points'], 'test point')}; {len(active)} of {dims} latent dimensions active{names}"


def _over_batches(result: Mapping[str, Any]) -> list[str]:
    from minidecomp.evaluation.notes import points_and_batches
    from minidecomp.evaluation.terms import titles, units

    test = result["test"]
    rows = [(label, test[name], None) for name, label in titles().items() if not math.isnan(test[name])]
    taken = points_and_batches(test["points"], test["batch_size"])
    return ["", "means over batches", *wrapped(f"{taken}; {units()}", "  "), *_rows(rows)]


def _of_all_points(result: Mapping[str, Any], verbose: bool) -> list[str]:
    from minidecomp.evaluation.decomposition import DEFINITIONS, TITLES
    from minidecomp.evaluation.notes import of_errors, why_they_differ
    from minidecomp.evaluation.terms import titles, units

    found, names = result["decomposition"], titles() | TITLES
    test, points = result["test"], found["points"]
    part = f"{points} of {test['points']} test points" if points < test["points"] else counted(points, "test point")
    lines = ["", f"all test points (value {plus_minus()} standard error)"]
    lines += wrapped(f"{part} together, {found['samples']} samples; {units()}", "  ")
    lines += wrapped(why_they_differ(test["batch_size"], test["points"], points, found.get("df", math.inf)), "  ")
    for note in of_errors(found):
        lines += wrapped(note, "  ")
    parts = [(factor, name) for factor in ("overlap", "match") for name in found[factor]]
    numbers = _numbers([(found[factor][name]["value"], found[factor][name]["error"]) for factor, name in parts])
    before = ""
    for (factor, name), number in zip(parts, numbers, strict=True):
        if factor != before:
            lines.append(f"  {factor}")
            before = factor
        lines.append(_row("  " + names.get(name, name.replace("_", " ")), number))
        if verbose and name in DEFINITIONS:
            lines += wrapped(DEFINITIONS[name], "      ")
    return lines


def _by_importance_sampling(result: Mapping[str, Any]) -> list[str]:
    from minidecomp.evaluation.notes import of_importance_sampling

    found, test = result["marginal_log_likelihood"], result["test"]
    points = counted(test["points"], "test point")
    part = f"{found['points']} of {points}" if found["points"] < test["points"] else points
    if found["samples"] == 1:
        how = "1 sample of each, so the sampling error and the bias are unknown"
    else:
        how = (
            f"{found['samples']} samples of each, {rounded(found['effective_samples'], 1)} effective; sampling error "
            f"{rounded(found['sampling_error'])}; the estimate is too low by about {rounded(found['bias'])}"
        )
    row = ("marginal log-likelihood", found["mean"], found["standard_error"])
    heading = f"importance sampling (value {plus_minus()} standard error)"
    notes = [line for note in of_importance_sampling(found) for line in wrapped(note, "  ")]
    return ["", heading, *wrapped(f"{part}, {how}; nats", "  "), *notes, *_rows([row])]


def _of_metrics(title: str, scores: Mapping[str, Any], factors: Mapping[str, int], verbose: bool) -> list[str]:
    from minidecomp.variants import METRICS as KNOWN

    lines = ["", *wrapped(title)]
    if factors:
        shown = ", ".join(f"{name} ({size} values)" for name, size in factors.items())
        lines += wrapped(f"factors: {shown}", "  ")
    numbers = _numbers([(score["score"], None) for score in scores.values()])
    for (name, score), number in zip(scores.items(), numbers, strict=True):
        lines.append(f"{_row(KNOWN[name].title, number)}  {KNOWN[name].scale}".rstrip())
        if verbose:
            samples = ", ".join(f"{part} {count}" for part, count in score["samples"].items())
            seed = "" if score["seed"] is None else f"; seed {score['seed']}"
            lines += wrapped(f"{name}: {score['definition']} ({samples}{seed})", "    ")
    return lines


def _of_dimensions(dimensions: Mapping[str, Any], is_product: bool) -> list[str]:
    from minidecomp.evaluation.notes import of_each_dimension

    rows = [(f"z{d}", kl, None) for d, kl in enumerate(dimensions["kl"], 1)]
    note = " ".join(["means over the test points; nats.", of_each_dimension(is_product, len(rows))])
    return ["", "KL of each dimension", *wrapped(note.strip(), "  "), *_rows(rows)]


def _rows(rows: Iterable[tuple[str, float, float | None]]) -> list[str]:
    """One line for each name, value and error."""
    rows = list(rows)
    numbers = _numbers([(value, error) for _, value, error in rows])
    return [_row(label, number) for (label, *_), number in zip(rows, numbers, strict=True)]


def _numbers(numbers: Sequence[tuple[float, float | None]]) -> list[str]:
    return aligned(numbers, plus_minus())


def _row(label: str, number: str) -> str:
    """A name and its number; a long name uses the spaces before a short number."""
    short = number.lstrip(" ")
    blanks = max(LABEL + len(number) - len(short) - len(label), 1)
    return f"  {label}{' ' * blanks}{short}".rstrip()

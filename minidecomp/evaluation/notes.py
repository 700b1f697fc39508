"""Sentences about the numbers of an evaluation, for the command's text and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import counted
from ..rounding import has_error
from .decomposition import MOST_DF_WITHOUT_ERROR, MOST_DF_WITHOUT_MEAN, TITLES
from .standard_errors import LARGEST_SHARE, of_few
from .terms import titles

OF_MARGINALS = (
    "The prior is not a product over the dimensions: the KL of each is against the prior's marginal p(z_d), so they do "
    "not add up to the KL."
)


def points_and_batches(points: int, batch_size: int) -> str:
    """How the means over batches take the test points: "400 test points in batches of 64"."""
    said = counted(points, "test point")
    return f"{said} in batches of {batch_size}" if batch_size < points else f"{said}, one batch"


def why_they_differ(batch_size: int, test_points: int, points: int, df: float = math.inf) -> str:
    """Why a term has one value among the means over batches, and another from ``points`` test points together.

    df is that of a Student-t prior: with few degrees of freedom, KL(p || q) is no matter of chance (`of_errors`).
    """
    names = titles()
    kl, mmd, inclusive = names["kl"], names["mmd"], names["kl-inc"]
    again = f"{kl}, {mmd} and {inclusive} appear again"
    known = df > MOST_DF_WITHOUT_ERROR
    if batch_size >= test_points == points:
        return f"{again}, from other samples, so {'the values' if known else f'{kl} and {mmd}'} differ by chance."
    raises = f"A smaller mixture raises {inclusive}; " if known else ""
    return (
        f"{again}. Here q(z) is the mixture of {points} encodings; above, it is that of a batch of {batch_size}. "
        f"{raises}{kl} and {mmd} differ by chance."
    )


def of_each_dimension(is_product: bool, latent_dim: int) -> str:
    """What the KL of each dimension is, if their sum is not the KL; otherwise empty."""
    return "" if is_product or latent_dim == 1 else OF_MARGINALS


def of_errors(found: Mapping[str, Any]) -> list[str]:
    """Which errors of a decomposition are a guess, and why; empty if none is."""
    names, notes, heavy = titles() | TITLES, [], found.get("df", math.inf)
    inclusive = names["kl-inc"]
    if heavy <= MOST_DF_WITHOUT_MEAN:
        notes.append(f"{inclusive} is infinite: a Student-t prior with df {heavy:g} has an infinite variance.")
        notes.append("Its mean over batches is that of finitely many samples, and says nothing.")
    elif heavy <= MOST_DF_WITHOUT_ERROR:
        notes.append(
            f"{inclusive} is a guess and has no error, over batches, too: with a Student-t prior of df {heavy:g}, its "
            "samples have an infinite variance."
        )
    guesses = []
    for part in ("overlap", "match"):
        for name, each in found.get(part, {}).items():
            share = each.get("largest_share")
            if isinstance(share, float) and share > LARGEST_SHARE and has_error(each["error"]):
                guesses.append(f"{names.get(name, name)} ({100 * share:.0f} %)")
    if guesses:
        notes.append(
            f"Errors that are a guess, because 1 of {counted(found['samples'], 'sample')} makes a quarter or more of "
            f"the squared error: {', '.join(guesses)}."
        )
    return notes


def of_importance_sampling(found: Mapping[str, Any]) -> list[str]:
    """Why a marginal log-likelihood's errors are a guess; empty if they are not."""
    dominated, points = found.get("dominated"), found.get("points")
    notes: list[str] = []
    if not (isinstance(dominated, int) and isinstance(points, int)):  # an older file
        return notes
    if dominated and found["samples"] > 1:
        notes.append(
            f"The sampling error and the bias are a guess: for {dominated} of {counted(points, 'point')}, 1 sample has "
            "more than a tenth of the weight. log p(x) of such points, and of others near them, can be far higher."
        )
    if few := of_few([points], "point"):
        notes.append(f"{few[0].upper()}{few[1:]}.")
    return notes

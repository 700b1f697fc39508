"""Modularity (Ridgeway and Mozer, 2018), as disentanglement_lib computes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..dimensions import active_dimensions
from .arrays import MOST_CLASSES, as_codes, as_count, as_factors, varied
from .discrete import BINS, discretise, mutual_information
from .labelled import LabelledCodes, of_all_points
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def modularity(truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, bins: int = BINS) -> Score:
    """Modularity of ``num_train`` points drawn from the ground truth; see `modularity_from_codes`."""
    random = legacy_random(seed)
    codes, factors = draw_points(truth, as_count("num_train", num_train, least=2), random)
    return replace(modularity_from_codes(codes, factors, bins=bins), seed=int(seed))


def modularity_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """Modularity of all points of a user's own data; see `modularity_from_codes`. Nothing is drawn."""
    return of_all_points(points, modularity_from_codes)


def modularity_from_codes(codes: Any, factors: Any, *, bins: int = BINS) -> Score:
    """Whether each code encodes only one factor, from 0 to 1; factors that no code encodes do not matter.

    modularity = mean over codes i of 1 - (sum_j m_ij^2 - max_j m_ij^2) / ((F - 1) max_j m_ij^2)

    where m_ij = I(z_i; y_j). A code without any information (its largest m is exactly 0) counts as 0. A collapsed code
    with a little noise by chance tells a little about everything and counts in full: read the score together with
    ``active``.

    Parameters
    ----------
    codes : array (n, D)
        Each is put into bins of equal width.
    factors : array (n, F)
        Each distinct value counts as a class; a factor with only one value is left out, also from F. Two or more vary.
    bins : int
        The number of bins.

    Returns
    -------
    Score
        ``details``: ``modularity`` of each code (D), ``mutual_information`` (D, F) in nats, and ``active``,
        the active dimensions (variance above 0.01).

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or fewer than two factors vary.
    """
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes), classes=True)
    factors = factors[:, varied(factors, least=2)]
    bins = as_count("bins", bins)
    information = mutual_information(discretise(codes, bins), factors)
    # Divide by the largest first, because the square of a tiny m would underflow.
    largest = information.max(1, keepdims=True)
    share = np.divide(information, largest, out=np.zeros_like(information), where=largest > 0) ** 2
    others = (share.sum(1) - share.max(1)) / (factors.shape[1] - 1)
    scores = np.where(largest[:, 0] > 0, 1 - others, 0)
    return Score(
        score=float(scores.mean()),
        details={
            "modularity": scores.tolist(),
            "mutual_information": information.tolist(),
            "active": active_dimensions(codes),
        },
        samples={"train": len(codes)},
        seed=None,
        definition="modularity (Ridgeway and Mozer, 2018): mean over all codes of 1 - (sum m^2 - max m^2) / "
        f"((F - 1) max m^2), m = I(code; factor), codes in {bins} bins, as in disentanglement_lib",
    )


MODULARITY = Metric(
    "modularity",
    "whether each code encodes only one factor",
    of_truth=modularity,
    of_points=modularity_of_points,
    title="modularity",
    scale="0 to 1, 1 is best",
    least_factors=2,
    most_values=MOST_CLASSES,
)

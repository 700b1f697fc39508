"""A user's own points: the factors of each are known, but points cannot be drawn at will."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...data.points import evenly_spread
from .score import Score

MOST_TRAIN, MOST_TEST = 10000, 5000  # as in disentanglement_lib


@dataclass(frozen=True)
class LabelledCodes:
    """The codes of a user's points, and what is known about their factors.

    Attributes
    ----------
    codes, test_codes : numpy.ndarray of shape (n, D), (m, D)
        Of the training and the test points.
    factors, test_factors : numpy.ndarray of shape (n, F), (m, F)
        int64 classes from 0, for the factors with two values or more.
    """

    codes: np.ndarray
    factors: np.ndarray
    test_codes: np.ndarray
    test_factors: np.ndarray


def of_all_points(points: LabelledCodes, from_codes: Callable[[Any, Any], Score]) -> Score:
    """The score of training and test points together, by a metric of codes and factors."""
    codes = np.concatenate([points.codes, points.test_codes])
    factors = np.concatenate([points.factors, points.test_factors])
    score = from_codes(codes, factors)
    samples = score.samples if "points" in score.samples else {"points": len(codes)}
    return replace(score, samples=samples, definition=f"{score.definition}; of all training and test points")


def of_both_parts(points: LabelledCodes, from_codes: Callable[[Any, Any, Any, Any], Score]) -> Score:
    """The score of a metric that is fitted to training points and evaluated on test points.

    At most 10,000 and 5,000 points are used, evenly spread, and only the factors from `in_both_parts`, which the detail
    ``factors`` names.
    """
    fit, held_out = parts(len(points.codes), len(points.test_codes))
    factors, test_factors = points.factors[fit], points.test_factors[held_out]
    used = in_both_parts(factors, test_factors)
    score = from_codes(points.codes[fit], factors[:, used], points.test_codes[held_out], test_factors[:, used])
    return replace(
        score,
        details=score.details | {"factors": used},
        definition=f"{score.definition}; fitted to the data's training points, scored on its test points",
    )


def parts(train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """The training points that a metric is fitted to, and the test points that it is evaluated on, as indices."""
    return evenly_spread(train, MOST_TRAIN), evenly_spread(test, MOST_TEST)


def in_both_parts(factors: np.ndarray, test_factors: np.ndarray) -> list[int]:
    """Which factors have two values or more that occur both in training (n, F) and in test points (m, F)."""
    columns = zip(factors.T, test_factors.T, strict=True)
    return [f for f, (fitted, scored) in enumerate(columns) if len(np.intersect1d(fitted, scored)) > 1]


def holdable(factors: np.ndarray) -> list[list[np.ndarray]]:
    """For each factor (n, F) and each of its values with two points or more: the indices of these points.

    A value with a single point is left out: that point would be drawn again and again, and has no variance.
    """
    groups = []
    for column in factors.T:
        count = np.unique(column, return_counts=True)[1]
        order = np.argsort(column, kind="stable")
        groups.append([points for points in np.split(order, np.cumsum(count)[:-1]) if len(points) > 1])
    return groups

"""Differences between runs with the same seed: their mean, its interval, and how many seeds a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

COVERAGE, POWER = 0.95, 0.8
RESAMPLES = 9999
LEAST_PAIRS = 8  # for an interval: resamples never leave the pairs' range, and fewer pairs may all lie on one side
Statistic = Callable[..., np.ndarray]  # of an array along an axis: numpy.mean, numpy.median


@dataclass(frozen=True)
class Difference:
    """A mean (or median) of paired differences.

    Attributes
    ----------
    value : float
    low, high : float
        The ends of the 95 % interval; NaN for fewer than eight pairs.
    count : int
        The number of pairs.
    std : float
        The standard deviation of the differences (with count - 1); NaN for one pair.
    """

    value: float
    low: float
    high: float
    count: int
    std: float


def differences(
    first: Mapping[Hashable, float], second: Mapping[Hashable, float], statistic: Statistic = np.mean
) -> Difference:
    """first - second over the keys (seeds) that both have, with a bootstrap interval; ValueError if they share none.

    The pairs are drawn again with replacement, 9,999 times. The interval lies between two quantiles of the statistic,
    which for few pairs are further out than 2.5 and 97.5 %, since a resample varies less than the pairs would:

        Phi(sqrt(n / (n - 1)) t) with t the 2.5 % quantile of Student's t with n - 1 degrees of freedom

    (Hesterberg, 2015, "What teachers should know about the bootstrap", The American Statistician 69, section 5.3).
    """
    from scipy.special import ndtr, stdtrit

    shared = sorted(set(first) & set(second), key=str)
    if not shared:
        raise ValueError("no seed is in both groups of runs")
    found = np.array([first[key] - second[key] for key in shared])
    n, value = len(found), float(statistic(found))
    std = float(found.std(ddof=1)) if n > 1 else math.nan
    if n < LEAST_PAIRS:
        return Difference(value, math.nan, math.nan, n, std)
    level = ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - COVERAGE) / 2))
    again = statistic(found[np.random.default_rng(0).integers(n, size=(RESAMPLES, n))], axis=1)
    low, high = np.quantile(again, [level, 1 - level])
    return Difference(value, float(low), float(high), n, std)


def pairs_needed(difference: float, std: float) -> int:
    """How many pairs show a difference four times in five, at the level of 5 %, two-sided.

    n = ((z_0.975 + z_0.8) std / difference)^2, with std the standard deviation of a pair's difference
    """
    return max(LEAST_PAIRS, math.ceil((_z() * std / difference) ** 2))


def least_difference(pairs: int, std: float) -> float:
    """The difference that this many pairs show four times in five; the inverse of `pairs_needed`."""
    return _z() * std / math.sqrt(pairs)


def _z() -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + COVERAGE) / 2) + ndtri(POWER))


def by_seed(rows: Sequence[Mapping[str, object]], value: str) -> dict[Hashable, float]:
    """A recorded value by seed."""
    return {str(row["seed"]): float(str(row[value])) for row in rows}

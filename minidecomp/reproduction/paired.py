"""Differences between runs with the same seed: their mean, its interval, and how many seeds a difference needs."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..runs.comparison import Row

COVERAGE, POWER = 0.95, 0.8
RESAMPLES = 9999
LEAST_PAIRS = 8  # for an interval: resamples never leave the pairs' range, and fewer pairs may all lie on one side


@dataclass(frozen=True)
class Difference:
    """A mean of paired differences.

    Attributes
    ----------
    value : float
        NaN without a pair.
    low, high : float
        The ends of the interval; NaN for fewer than eight pairs.
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


def differences(first: Mapping[Any, float], second: Mapping[Any, float], among: int = 1) -> Difference:
    """first - second over the keys (seeds) that both have, with a bootstrap interval.

    The interval covers 95 % or, for the most striking one among several differences, 1 - 0.05 / among (Bonferroni).

    The pairs are drawn again with replacement, 9,999 times. The interval lies between two quantiles of the means. For
    few pairs they are further out than 2.5 and 97.5 %, since a resample varies less than the pairs would:

        Phi(sqrt(n / (n - 1)) t) with t the 2.5 % quantile of Student's t with n - 1 degrees of freedom

    (Hesterberg, 2015, "What teachers should know about the bootstrap", The American Statistician 69, section 5.3).
    """
    from scipy.special import ndtr, stdtrit

    shared = sorted(set(first) & set(second), key=str)
    if not shared:
        return Difference(math.nan, math.nan, math.nan, 0, math.nan)
    found = np.array([first[key] - second[key] for key in shared])
    n, value = len(found), float(found.mean())
    std = float(found.std(ddof=1)) if n > 1 else math.nan
    if n < LEAST_PAIRS:
        return Difference(value, math.nan, math.nan, n, std)
    level = ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - COVERAGE) / 2 / among))
    again = found[np.random.default_rng(0).integers(n, size=(RESAMPLES, n))].mean(1)
    low, high = np.quantile(again, [level, 1 - level])
    return Difference(value, float(low), float(high), n, std)


def pairs_needed(difference: float, std: float) -> int:
    """How many pairs show a difference four times in five, by the t-test at the level of 5 %, two-sided.

    std is the standard deviation of a pair's difference.
    """
    enough = LEAST_PAIRS
    while power(enough, difference, std) < POWER:
        enough *= 2
    known = range(LEAST_PAIRS, enough)
    return LEAST_PAIRS + bisect.bisect_left(known, POWER, key=lambda pairs: power(pairs, difference, std))


def least_difference(pairs: int, std: float) -> float:
    """The difference that this many pairs show four times in five; the inverse of `pairs_needed`."""
    low, high = 0.0, 10 * std
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power(pairs, middle, std) < POWER else (low, middle)
    return high


def power(pairs: int, difference: float, std: float) -> float:
    """How often the paired t-test finds a positive difference.

    P(t > t_0.975), with t noncentral by difference sqrt(n) / std and n - 1 degrees of freedom
    """
    from scipy.special import nctdtr, stdtrit

    return float(1 - nctdtr(pairs - 1, difference * math.sqrt(pairs) / std, stdtrit(pairs - 1, (1 + COVERAGE) / 2)))


def share(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share of which ``count`` of ``total``, not 0, were seen (Clopper and Pearson, 1934)."""
    from scipy.special import betaincinv

    tail = (1 - COVERAGE) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return low, high


def by_seed(rows: Sequence[Row], value: str) -> dict[int, float]:
    """A recorded value by seed."""
    return {row["seed"]: row[value] for row in rows}

"""How far to trust a standard error: of few values, and of values among which one outweighs the others."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

FEW = 10  # values; the error of fewer is called a guess, since ± 2 of it cover less than 92 % of true means
LARGEST_SHARE = 0.25  # of the squared deviations; if one value has more, the error is called a guess
NORMAL_95 = 1.959964  # a normal value is within as many standard deviations in 95 % of cases


def standard_error(values: np.ndarray) -> float:
    """The standard error of the mean of independent values (M,), M at least 2: their deviation over the root of M."""
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def largest_share(values: np.ndarray) -> float:
    """The part of the sum of squared deviations that one of the values (M,) has; 0 if all are equal.

    It is 1 if the sum is not finite: such an error is a guess, whatever its number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (values - values.mean()) ** 2
        total = squares.sum()
    if not math.isfinite(total):
        return 1.0
    return float(squares.max() / total) if total > 0 else 0.0


def coverage(count: int, errors: float = NORMAL_95) -> float:
    """How often the mean of ``count`` normal values, 2 or more, is within ``errors`` standard errors of the true mean.

    P(|t| < e), Student's t with count - 1 degrees of freedom
    """
    from scipy.special import stdtr

    return float(2 * stdtr(count - 1, errors) - 1)


def widened(values: np.ndarray) -> float:
    """A standard error of few values, made so wide that 1.96 of it cover as often as 1.96 errors of many.

    error t / 1.96, with t the quantile for 95 % of Student's distribution with M - 1 degrees of freedom
    """
    from scipy.special import stdtrit

    return standard_error(values) * float(stdtrit(len(values) - 1, 0.975)) / NORMAL_95


def of_few(counts: Iterable[int], noun: str, errors: int = 2) -> str:
    """A sentence about errors of means over few values; empty if no count is from 2 to 9.

    Parameters
    ----------
    counts : iterable of int
        Of the values in each mean; a single value has no error.
    noun : str
        What a value is of: "seed".
    errors : int
        How many errors on each side the sentence is about.
    """
    few = min((count for count in counts if count > 1), default=FEW)
    if few >= FEW:
        return ""
    usual = {1: 68, 2: 95}[errors]
    percent = f"{100 * coverage(few, errors):.0f} %"
    error = "standard errors contain" if errors > 1 else "standard error contains"
    holds = f"± {errors} {error} the true mean in {percent} of cases, not {usual} %"
    return f"errors are a guess: with {few} {noun}s, {holds}"

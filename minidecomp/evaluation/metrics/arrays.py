"""Codes and factors as arrays: checks, and which codes vary."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from ...errors import OptionError, counted

LARGEST = 1e70  # fourth powers of codes stay finite
MOST_CLASSES = 1000


def as_codes(codes: Any, name: str = "codes", least_dims: int = 1, least_points: int = 2) -> np.ndarray:
    """Codes as float64 (n, D), whatever their type, so that a score does not depend on the type.

    Raises
    ------
    OptionError
        They are not numbers, not two-dimensional, too few points or codes, or not finite.
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "biuf":
        raise OptionError(name, f"dtype {array.dtype}", expected="an array of real numbers")
    if array.ndim != 2 or array.shape[0] < least_points or array.shape[1] < least_dims:
        wanted = f"(n, D) with n >= {least_points} points and D >= {least_dims} codes"
        raise OptionError(name, f"shape {array.shape}", expected=f"shape {wanted}")
    array = array.astype(np.float64, copy=False)
    usable = np.abs(array) < LARGEST
    if not usable.all():
        row, column = np.unravel_index(np.argmin(usable), array.shape)
        found = f"{array[row, column]} in row {row}, column {column}"
        raise OptionError(name, found, expected=f"finite numbers of size below {LARGEST:g}")
    return array


def as_factors(
    factors: Any,
    points: int,
    name: str = "factors",
    classes: bool = False,
) -> np.ndarray:
    """Factors as an array (n, F) with one row for each of ``points`` codes.

    Parameters
    ----------
    classes : bool
        Each distinct value is a class: refuse a factor with more than 1000.

    Raises
    ------
    OptionError
        They are not numbers, have another shape, are not finite, or have too many classes.
    """
    array = np.asarray(factors)
    if array.dtype.kind not in "biuf":
        raise OptionError(name, f"dtype {array.dtype}", expected="an array of real numbers")
    if array.ndim != 2 or len(array) != points or array.shape[1] < 1:
        wanted = f"({points}, F) with F >= 1, one row for each row of the codes"
        raise OptionError(name, f"shape {array.shape}", expected=f"shape {wanted}")
    if not (np.abs(array.astype(np.float64)) < LARGEST).all():
        raise OptionError(
            name, "a number that is not finite or too large", expected=f"finite numbers below {LARGEST:g}"
        )
    for f, column in enumerate(array.T):
        if classes and (count := len(np.unique(column))) > MOST_CLASSES:
            found = f"{count} distinct values in factor {f}"
            allowed = f"at most {MOST_CLASSES}, as each is a class; group them first"
            raise OptionError(name, found, expected=allowed)
    return array


def varied(factors: np.ndarray, least: int = 1) -> np.ndarray:
    """The indices of the factors with two values or more; a factor with a single value says nothing.

    Raises
    ------
    OptionError
        Fewer than ``least`` factors have.
    """
    kept = np.flatnonzero((factors != factors[:1]).any(0))
    if len(kept) < least:
        found = f"two values or more in {len(kept)} of {factors.shape[1]} factors"
        raise OptionError("factors", found, expected=f"F >= {least} factors that vary")
    return kept


def as_test_points(codes: Any, factors: Any, dims: int, factor_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and factors of test points, with as many columns as those of the training points."""
    codes = as_codes(codes, "test_codes", least_points=1)
    factors = as_factors(factors, len(codes), "test_factors")
    if codes.shape[1] != dims:
        raise OptionError("test_codes", f"shape {codes.shape}", expected=f"{counted(dims, 'column')}, as in training")
    if factors.shape[1] != factor_count:
        allowed = f"{counted(factor_count, 'column')}, as in training"
        raise OptionError("test_factors", f"shape {factors.shape}", expected=allowed)
    return codes, factors


def as_count(name: str, value: Any, least: int = 1) -> int:
    """A whole number, at least ``least``."""
    if not isinstance(value, Integral) or value < least:
        raise OptionError(name, value, must_be=f"a whole number, {least} or more")
    return int(value)


def varying(codes: np.ndarray) -> np.ndarray:
    """Which codes are not constant, bool (D,).

    A constant code can have a variance of 1e-34 by rounding, and a tiny one can have a variance of 0 by underflow; both
    count as constant.
    """
    return (codes.max(0) > codes.min(0)) & (codes.var(0) > 0)


def top_gap(table: np.ndarray) -> np.ndarray:
    """The largest minus the second largest entry of each column, (D, F) -> (F,)."""
    ordered = np.sort(table, axis=0)
    return ordered[-1] - ordered[-2]

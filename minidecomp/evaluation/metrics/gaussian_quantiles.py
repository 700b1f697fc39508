"""From a Student-t to a Gaussian: optimal transport of each code, as in Mathieu et al. (2019)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import OptionError
from .arrays import LARGEST, as_codes


def gaussian_quantiles(codes: Any, df: float, loc: Any = 0.0, scale: Any = 1.0) -> np.ndarray:
    """Codes (n, D) of a Student-t prior mapped to codes of a Gaussian prior, so that variances can be compared.

    x = Phi^-1(F_df((z - loc) / scale))

    F_df is the Student-t's distribution function and Phi the standard Gaussian's. Near loc, F_df is computed from
    P(|T| < t) = I_y(1/2, df / 2), y = t^2 / (df + t^2), and far from it from the logarithm of the nearer tail, so
    that x is finite and accurate everywhere.

    Parameters
    ----------
    codes : array (n, D)
    df : float
        Degrees of freedom, above 0.
    loc, scale : float or array (D,)
        Those of the prior.

    Returns
    -------
    array (n, D)
        float64, in units of a standard Gaussian. The published code scales them back by loc and scale, which
        `factor_vae_mathieu19` does not see.

    Raises
    ------
    OptionError
        A shape or a number is not allowed.
    """
    from scipy.special import betainc, erfinv, ndtri_exp

    codes = as_codes(codes, least_points=1)
    if not 0 < df < math.inf:
        raise OptionError("df", df, must_be="a finite number above 0")
    loc, scale = _per_code("loc", loc, codes), _per_code("scale", scale, codes)
    if not (scale >= 1 / LARGEST).all():
        raise OptionError("scale", scale.min(), must_be=f"{1 / LARGEST:g} or more")
    t = (codes - loc) / scale
    size = np.abs(t)
    inside = betainc(0.5, df / 2, (t / np.hypot(t, math.sqrt(df))) ** 2)
    tail = inside >= 0.5
    x = math.sqrt(2) * erfinv(inside, where=~tail, out=np.zeros_like(t))
    x[tail] = -ndtri_exp(_log_tail(size[tail], df))
    return np.copysign(x, t)


def _per_code(name: str, value: Any, codes: np.ndarray) -> np.ndarray:
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (codes.shape[1],)) or not (np.abs(array) < LARGEST).all():
        raise OptionError(name, value, expected=f"a finite number, or one for each of {codes.shape[1]} codes")
    return array


def _log_tail(t: np.ndarray, df: float) -> np.ndarray:
    """log P(T > t) for t (n,) of 0 or more:  P(T > t) = I_x(df / 2, 1/2) / 2,  x = df / (df + t^2)."""
    from scipy.special import betainc

    tail = 0.5 * betainc(df / 2, 0.5, (math.sqrt(df) / np.hypot(t, math.sqrt(df))) ** 2)
    far = tail < 1e-290
    result = np.log(tail, where=~far, out=np.zeros_like(t))
    result[far] = _log_far_tail(t[far], df)
    return result


def _log_far_tail(t: np.ndarray, df: float) -> np.ndarray:
    """The same if P(T > t) is too small for a float, by the continued fraction of I_x (DLMF 8.17.22).

    P(T > t) = x^a (1 - x)^b / (2 a B(a, b)) / (1 + d1 / (1 + d2 / (1 + d3 / ...))),   a = df / 2,   b = 1/2,
        d1 = -(a + b) x / (a + 1),   d2 = (b - 1) x / ((a + 1) (a + 2)),
        d3 = -(a + 1) (a + b + 1) x / ((a + 2) (a + 3))

    This far out x is tiny or a is large: the terms after d3 are lost in rounding.
    """
    from scipy.special import betaln

    a, b = df / 2, 0.5
    log_hypot = np.log(np.hypot(math.sqrt(df), t))
    log_x, log_rest = math.log(df) - 2 * log_hypot, 2 * (np.log(t) - log_hypot)  # log x and log(1 - x)
    x = np.exp(log_x)
    d1, d2 = -(a + b) * x / (a + 1), (b - 1) * x / ((a + 1) * (a + 2))
    d3 = -(a + 1) * (a + b + 1) * x / ((a + 2) * (a + 3))
    fraction = 1 + d1 / (1 + d2 / (1 + d3))
    return a * log_x + b * log_rest - math.log(2 * a) - betaln(a, b) - np.log(fraction)

"""Hoyer's measure of sparsity (Hoyer, 2004), normalised as in Mathieu et al. (2019), or unscaled."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .arrays import as_codes, varying
from .metric import Metric
from .score import Score


def hoyer(codes: Any, normalise: bool = True) -> Score:
    """How sparse a point's codes are, on average: 0 if all have the same size, 1 if all but one are zero.

    H = mean over points of (sqrt(D) - |y|_1 / |y|_2) / (sqrt(D) - 1),   y_d = z_d / std_d, or z_d

    Dividing by the standard deviation (ddof 1, over the data; codes are not centred) keeps a code that hardly moves
    from counting as sparse: it is scaled to the size of the others. A constant code cannot be scaled, so it is left
    out, also from D; with fewer than two codes left the score is 0. A point whose codes are all zero counts as 0, like
    points with all codes equal. The published code gives NaN in these cases.

    Parameters
    ----------
    codes : array (n, D)
        The encoder's means, one row per point, with two codes or more.
    normalise : bool
        Divide by the standard deviations. Otherwise no code is left out.

    Returns
    -------
    Score
        ``details``: ``kept``, the codes that were used, and ``zero_points``, the number of points where these are
        all zero.

    Raises
    ------
    OptionError
        A shape or a number is not allowed.
    """
    codes = as_codes(codes, least_dims=2)
    kept = varying(codes) if normalise else np.ones(codes.shape[1], dtype=bool)
    y = np.abs(codes[:, kept])
    if normalise:
        y = y / codes[:, kept].std(0, ddof=1)

    # Divide by each point's largest code first, so that squares neither overflow nor underflow; the ratio is the same.
    largest = y.max(1, initial=0)
    full = largest > 0
    y = y[full] / largest[full, None]
    root = np.sqrt(y.shape[1])
    score = 0.0
    if y.shape[1] > 1:
        ratio = y.sum(1) / np.sqrt((y**2).sum(1))
        score = float(((root - ratio) / (root - 1)).sum() / len(codes))
    normalised = "each code divided by its standard deviation (ddof 1), constant codes left out"
    form = normalised if normalise else "codes not scaled"
    return Score(
        score=score,
        details={"kept": np.flatnonzero(kept).tolist(), "zero_points": int((~full).sum())},
        samples={"points": len(codes)},
        seed=None,
        definition=f"Hoyer sparsity, {form}, mean over points; all-zero points count as 0",
    )


HOYER = Metric(
    "hoyer",
    "sparsity of a point's codes, each divided by its standard deviation",
    of_codes=hoyer,
    title="Hoyer sparsity",
    scale="0 to 1, 1 is sparse",
    least_latent_dims=2,
)
HOYER_PLAIN = Metric(
    "hoyer_plain",
    "sparsity of a point's codes, without scaling",
    of_codes=partial(hoyer, normalise=False),
    title="Hoyer sparsity, unscaled",
    scale="0 to 1, 1 is sparse",
    least_latent_dims=2,
)

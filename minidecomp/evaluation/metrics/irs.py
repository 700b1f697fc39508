"""The interventional robustness score (Suter et al., 2019), as disentanglement_lib computes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import OptionError
from .arrays import as_codes, as_count, as_factors, varied, varying
from .discrete import BINS, discretise
from .labelled import LabelledCodes, of_all_points
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def irs(
    truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, quantile: float = 0.99, bins: int = BINS
) -> Score:
    """IRS of ``num_train`` points drawn from the ground truth; see `irs_from_codes`."""
    random = legacy_random(seed)
    codes, factors = draw_points(truth, as_count("num_train", num_train, least=2), random)
    return replace(irs_from_codes(codes, factors, quantile=quantile, bins=bins), seed=int(seed))


def irs_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """IRS of all points of a user's own data; see `irs_from_codes`. Nothing is drawn."""
    return of_all_points(points, irs_from_codes)


def irs_from_codes(codes: Any, factors: Any, *, quantile: float = 0.99, bins: int = BINS) -> Score:
    """How little a code moves when its own factor is held fixed and all others change, from 0 to 1.

    m_ij = 1 - (mean over values v of factor j of Q{|z_i - mean_v z_i| : y_j = v}) / max |z_i - mean z_i|
    IRS  = sum_i w_i max_j m_ij / sum_i w_i,   w_i = max |z_i - mean z_i|,   Q the quantile over points

    Parameters
    ----------
    codes : array (n, D)
        Constant codes are left out; the score is 0 if no others remain.
    factors : array (n, F)
        Put into bins of equal width (the codes are not); a factor with only one value is left out.
    quantile : float
        0 to 1, with linear interpolation between points.
    bins : int
        The number of bins.

    Returns
    -------
    Score
        ``details``: ``matrix`` m (codes kept, F), ``kept``, their indices, and the ``factor`` of each.

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    """
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes))
    factors = factors[:, varied(factors)]
    bins = as_count("bins", bins)
    if not 0 <= quantile <= 1:
        raise OptionError("quantile", quantile, must_be="from 0 to 1")
    kept = np.flatnonzero(varying(codes))
    z = codes[:, kept]
    width = np.abs(z - z.mean(0)).max(0)

    matrix = np.empty((len(kept), factors.shape[1]))
    for j, values in enumerate(discretise(factors.astype(np.float64), bins).T):
        groups = [z[values == value] for value in np.unique(values)]
        spread = [np.quantile(np.abs(group - group.mean(0)), quantile, axis=0) for group in groups]
        matrix[:, j] = 1 - np.mean(spread, axis=0) / width
    return Score(
        score=float(matrix.max(1) @ width / width.sum()) if len(kept) else 0.0,
        details={
            "matrix": matrix.tolist(),
            "kept": kept.tolist(),
            "factor": matrix.argmax(1).tolist(),
        },
        samples={"train": len(codes)},
        seed=None,
        definition=f"interventional robustness (Suter et al., 2019): deviation at quantile {quantile:g}, "
        f"factors in {bins} bins, constant codes left out, as in disentanglement_lib",
    )


IRS = Metric(
    "irs",
    "whether a code stays the same when other factors change",
    of_truth=irs,
    of_points=irs_of_points,
    title="interventional robustness",
    scale="0 to 1, 1 is best",
)

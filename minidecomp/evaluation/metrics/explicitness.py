"""Explicitness (Ridgeway and Mozer, 2018), as disentanglement_lib computes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import MinidecompError, OptionError
from . import logistic
from .arrays import MOST_CLASSES, as_codes, as_count, as_factors, as_test_points, varied, varying
from .known import IN_BOTH_PARTS
from .labelled import LabelledCodes, of_both_parts
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def explicitness(truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, num_test: int = 5000) -> Score:
    """Explicitness of points drawn from the ground truth; see `explicitness_from_codes`."""
    random = legacy_random(seed)
    train = draw_points(truth, as_count("num_train", num_train, least=2), random)
    test = draw_points(truth, as_count("num_test", num_test, least=2), random)
    return replace(explicitness_from_codes(*train, *test), seed=int(seed))


def explicitness_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """Explicitness of a user's own points; see `of_both_parts` and `explicitness_from_codes`. Nothing is drawn."""
    return of_both_parts(points, explicitness_from_codes)


def explicitness_from_codes(codes: Any, factors: Any, test_codes: Any, test_factors: Any) -> Score:
    """How well linear classifiers on all codes rank each factor's values, from 0.5 (chance) to 1.

    explicitness = mean over factors of the mean over its values v of AUC(P(y = v | z) for v against the rest)

    P is a multinomial logistic regression (C = 1, bias not penalised), fitted to the training points to its optimum.
    Codes are standardised by the training points' mean and standard deviation (ddof 0); a constant code becomes 0.
    A value without a test point has no AUC and is left out of the mean; disentanglement_lib fails in that case.

    Parameters
    ----------
    codes, test_codes : array (n, D), (m, D)
    factors, test_factors : array (n, F), (m, F)
        Each distinct value counts as a class; a factor with only one value in training is left out.

    Returns
    -------
    Score
        ``score`` is that of the test points. ``details``: ``train`` and ``test``, the AUC of each factor (F),
        ``train_score``, and ``values_left_out``, the number of values without a test point.

    Raises
    ------
    OptionError
        A shape or a number is not allowed, no factor varies in training, or a factor that does has only one value in
        the test points.
    MinidecompError
        A factor has no value in both the training and the test points, or the optimum was not reached.
    """
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes), classes=True)
    kept = varied(factors)
    test_codes, test_factors = as_test_points(test_codes, test_factors, codes.shape[1], factors.shape[1])
    factors, test_factors = factors[:, kept], test_factors[:, kept]
    if len(kept) != len(varied(test_factors, least=0)):
        found = "one value only in a factor that varies in training"
        raise OptionError("test_factors", found, expected="at least two values, as a rank needs both")

    scale = np.where(varying(codes), codes.std(0), np.inf)
    x, test_x = (codes - codes.mean(0)) / scale, (test_codes - codes.mean(0)) / scale
    areas = np.empty((2, factors.shape[1]))
    left_out = 0
    for j in range(factors.shape[1]):
        values, labels = np.unique(factors[:, j], return_inverse=True)
        w = logistic.fit(x, labels, len(values))
        for part, (points, truth) in enumerate(((x, factors[:, j]), (test_x, test_factors[:, j]))):
            p = logistic.probabilities(points, w)
            present = [k for k, value in enumerate(values) if (truth == value).any()]
            if not present:
                raise MinidecompError(f"factor {j} has no value that is both in training and in the test")
            areas[part, j] = np.mean([auc(p[:, k], truth == values[k]) for k in present])
            left_out += len(values) - len(present)
    return Score(
        score=float(areas[1].mean()),
        details={
            "train": areas[0].tolist(),
            "test": areas[1].tolist(),
            "train_score": float(areas[0].mean()),
            "values_left_out": left_out,
        },
        samples={"train": len(codes), "test": len(test_codes)},
        seed=None,
        definition="explicitness (Ridgeway and Mozer, 2018): mean one-against-rest ROC AUC on test points of "
        "a multinomial logistic regression (C = 1) at its optimum, codes standardised",
    )


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The area under the ROC curve for scores (n,) and labels, bool (n,), with both values.

    AUC = P(score of a positive > score of a negative) + P(equal) / 2 = (R - m (m + 1) / 2) / (m (n - m))

    where R is the sum of the ranks of the m positives; equal scores share their mean rank.
    """
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    n, m = len(scores), int(positive.sum())
    return float((rank[positive].sum() - m * (m + 1) / 2) / (m * (n - m)))


EXPLICITNESS = Metric(
    "explicitness",
    "whether linear classifiers on all codes rank each factor's values",
    of_truth=explicitness,
    of_points=explicitness_of_points,
    title="explicitness",
    scale="0 to 1, 1 is best",
    uses=IN_BOTH_PARTS,
    most_values=MOST_CLASSES,
)

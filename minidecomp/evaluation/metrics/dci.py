"""DCI: disentanglement, completeness and informativeness (Eastwood and Williams, 2018, section 2)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ...errors import MinidecompError
from ...packages import missing
from .arrays import MOST_CLASSES, as_codes, as_count, as_factors, as_test_points, varied
from .known import IN_BOTH_PARTS
from .labelled import LabelledCodes, of_both_parts
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def dci(truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, num_test: int = 5000) -> Score:
    """DCI of points drawn from the ground truth; see `dci_from_codes`, whose ``random_state`` is the seed.

    Slow at this size: six to eleven minutes for dSprites.
    """
    random = legacy_random(seed)
    train = draw_points(truth, as_count("num_train", num_train, least=2), random)
    test = draw_points(truth, as_count("num_test", num_test), random)
    return replace(dci_from_codes(*train, *test, random_state=seed), seed=seed)


def dci_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """DCI of a user's own points; see `of_both_parts` and `dci_from_codes`, whose ``random_state`` is the seed."""
    return of_both_parts(points, partial(dci_from_codes, random_state=seed))


def dci_from_codes(codes: Any, factors: Any, test_codes: Any, test_factors: Any, *, random_state: int = 0) -> Score:
    """Whether each code encodes one factor, each factor needs one code, and how well codes predict factors.

    R_ij is the importance of code i in scikit-learn's ``GradientBoostingClassifier()`` (with its defaults) fitted to
    factor j; `disentanglement` and `completeness` are computed from R. The classifier breaks ties between splits at
    random: another ``random_state`` changes the scores by about 1e-3. disentanglement_lib does not fix it.

    Parameters
    ----------
    codes, test_codes : array (n, D), (m, D)
    factors, test_factors : array (n, F), (m, F)
        Each distinct value counts as a class; a factor with only one value is left out.
    random_state : int
        Seed of the classifiers; 0 to 2^32 - 1.

    Returns
    -------
    Score
        ``score`` is the disentanglement. ``details``: ``disentanglement``, ``completeness``,
        ``informativeness_train`` and ``informativeness_test`` (mean accuracies), ``importance`` R (D, F), and
        ``scikit_learn``, its version.

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    MinidecompError
        scikit-learn is not installed.
    """
    random_state = as_count("random_state", random_state, least=0)
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes), classes=True)
    kept = varied(factors)
    test_codes, test_factors = as_test_points(test_codes, test_factors, codes.shape[1], factors.shape[1])
    factors, test_factors = factors[:, kept], test_factors[:, kept]
    if reason := missing("sklearn.ensemble", "minidecomp[metrics]", "scikit-learn"):
        raise MinidecompError(f"dci: {reason}")
    import sklearn
    from sklearn.ensemble import GradientBoostingClassifier

    importance = np.empty((codes.shape[1], factors.shape[1]))
    train_accuracy, test_accuracy = [], []
    for j in range(factors.shape[1]):
        labels = factors[:, j]
        model = GradientBoostingClassifier(random_state=random_state).fit(codes, labels)
        importance[:, j] = np.abs(model.feature_importances_)
        train_accuracy.append(np.mean(model.predict(codes) == labels))
        test_accuracy.append(np.mean(model.predict(test_codes) == test_factors[:, j]))
    score = disentanglement(importance)
    return Score(
        score=score,
        details={
            "disentanglement": score,
            "completeness": completeness(importance),
            "informativeness_train": float(np.mean(train_accuracy)),
            "informativeness_test": float(np.mean(test_accuracy)),
            "importance": importance.tolist(),
            "scikit_learn": sklearn.__version__,
        },
        samples={"train": len(codes), "test": len(test_codes)},
        seed=random_state,
        definition="DCI disentanglement (Eastwood and Williams, 2018) from the importances of scikit-learn's "
        f"gradient boosted trees with random_state={random_state}, as in disentanglement_lib",
    )


def disentanglement(importance: np.ndarray) -> float:
    """Whether each code matters to only one factor, from importances R (D, F); 0 to 1.

    D = sum_i rho_i (1 - H_F(R_i. / sum_j R_ij)),   rho_i = sum_j R_ij / sum_ij R_ij

    H_F is the entropy to base F; 1e-11 is added to R inside it. If R is 0 everywhere, every rho_i is 1 / D.
    """
    weight = importance.sum(1)
    rho = weight / weight.sum() if weight.sum() > 0 else np.full(len(weight), 1 / len(weight))
    return float(rho @ (1 - _entropy_of_rows(importance + 1e-11)))


def completeness(importance: np.ndarray) -> float:
    """Whether each factor needs only one code: the disentanglement of R transposed, with entropies to base D."""
    return disentanglement(importance.T)


def _entropy_of_rows(table: np.ndarray) -> np.ndarray:
    """Each row's entropy divided by that of a uniform row; 0 for rows with one entry."""
    p = table / table.sum(1, keepdims=True)
    return -(p * np.log(p)).sum(1) / np.log(max(p.shape[1], 2))


DCI = Metric(
    "dci",
    "disentanglement, completeness and informativeness by boosted trees",
    of_truth=dci,
    of_points=dci_of_points,
    title="DCI disentanglement",
    scale="0 to 1, 1 is best",
    uses=IN_BOTH_PARTS,
    most_values=MOST_CLASSES,
    slow="about 8 minutes for dSprites",
    package="scikit-learn",
    module="sklearn",
    install="minidecomp[metrics]",
)

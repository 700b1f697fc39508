"""SAP, separated attribute predictability (Kumar et al., 2018, section 3), as in disentanglement_lib."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import MinidecompError
from .arrays import MOST_CLASSES, as_codes, as_count, as_factors, as_test_points, top_gap, varied
from .known import IN_BOTH_PARTS
from .labelled import LabelledCodes, of_both_parts
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score

COST = 0.01


def sap(
    truth: GroundTruth,
    *,
    seed: int = 0,
    num_train: int = 10000,
    num_test: int = 5000,
    continuous: bool = False,
) -> Score:
    """SAP of points drawn from the ground truth; see `sap_from_codes`."""
    random = legacy_random(seed)
    train = draw_points(truth, as_count("num_train", num_train, least=2), random)
    if continuous:
        return replace(sap_from_codes(*train, continuous=True), seed=int(seed))
    test = draw_points(truth, as_count("num_test", num_test), random)
    return replace(sap_from_codes(*train, *test), seed=int(seed))


def sap_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """SAP of a user's own points; see `of_both_parts` and `sap_from_codes`. Nothing is drawn."""
    return of_both_parts(points, sap_from_codes)


def sap_from_codes(
    codes: Any, factors: Any, test_codes: Any = None, test_factors: Any = None, *, continuous: bool = False
) -> Score:
    """How much better the best single code predicts a factor than the second best, from 0 to 1.

    SAP = mean over factors j of S_top1,j - S_top2,j

    S_ij is the test accuracy of a linear support vector machine that sees only code i (see `fit_machine`) or, if
    ``continuous``, the squared correlation of code and factor over the training points (0 for a code with variance
    1e-12 or less). Codes are not standardised, so the accuracy depends on their scale.

    Parameters
    ----------
    codes, test_codes : array (n, D), (m, D)
        Two codes or more; test points are not used if ``continuous``.
    factors, test_factors : array (n, F), (m, F)
        Each distinct value counts as a class or, if ``continuous``, as a number; a factor with only one value is left
        out.

    Returns
    -------
    Score
        ``details``: ``gaps`` (F) and ``matrix`` S (D, F).

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    """
    codes = as_codes(codes, least_dims=2)
    factors = as_factors(factors, len(codes), classes=not continuous)
    kept = varied(factors)
    if continuous:
        kind, samples = "squared correlation", {"train": len(codes)}
        matrix = _squared_correlation(codes, factors[:, kept])
    else:
        kind = f"test accuracy of a balanced linear SVM (C = {COST}) on one code, at its optimum"
        test_codes, test_factors = as_test_points(test_codes, test_factors, codes.shape[1], factors.shape[1])
        samples = {"train": len(codes), "test": len(test_codes)}
        matrix = _accuracy(codes, factors[:, kept], test_codes, test_factors[:, kept])
    gaps = top_gap(matrix)
    return Score(
        score=float(gaps.mean()),
        details={"gaps": gaps.tolist(), "matrix": matrix.tolist()},
        samples=samples,
        seed=None,
        definition="SAP (Kumar et al., 2018): mean over factors of the gap between the two best codes, "
        f"by {kind}, as in disentanglement_lib",
    )


def _squared_correlation(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """S_ij = cov(z_i, y_j)^2 / (var z_i var y_j), (D, F)."""
    y = factors / np.abs(factors).max(0)  # squares of tiny or huge values would underflow or overflow
    z, y = codes - codes.mean(0), y - y.mean(0)
    variance, degrees = (z**2).sum(0), len(codes) - 1
    squared = (z.T @ y) ** 2 / (y**2).sum(0)
    used = variance > 1e-12 * degrees
    return np.divide(squared, variance[:, None], out=np.zeros_like(squared), where=used[:, None])


def _accuracy(codes: np.ndarray, factors: np.ndarray, test_codes: np.ndarray, test_factors: np.ndarray) -> np.ndarray:
    matrix = np.empty((codes.shape[1], factors.shape[1]))
    for j in range(factors.shape[1]):
        values, labels = np.unique(factors[:, j], return_inverse=True)
        for i in range(codes.shape[1]):
            w, b = fit_machine(codes[:, i], labels, len(values))
            chosen = values[np.argmax(test_codes[:, i, None] * w + b, axis=1)]
            matrix[i, j] = np.mean(chosen == test_factors[:, j])
    return matrix


def fit_machine(z: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Slope and bias of each class against the rest, (K,) each, from codes (n,) and labels 0 to K - 1.

    minimise  (w^2 + b^2) / 2 + C sum_n k_n max(0, 1 - t_n (w z_n + b))^2,   t_n = 1 in the class, else -1

    with k_n = n / (K n_class) in the class and 1 elsewhere. With two classes both have their weight. This is the
    problem that liblinear solves for scikit-learn's ``LinearSVC(class_weight="balanced")``, with the bias penalised.
    It is smooth and strictly convex, and Newton's method reaches the optimum in a few steps.
    """
    own = len(z) / (classes * np.bincount(labels, minlength=classes))
    rest = own[::-1] if classes == 2 else np.ones(classes)
    inside = labels == np.arange(classes)[:, None]  # (K, n): sums run along contiguous memory
    sign = np.where(inside, 1.0, -1.0)
    cost = COST * np.where(inside, own[:, None], rest[:, None])
    signed_z = sign * z

    def objective(w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slack = np.maximum(1 - signed_z * w[:, None] - sign * b[:, None], 0)
        return 0.5 * (w**2 + b**2) + (cost * slack**2).sum(1), slack

    w, b = np.zeros(classes), np.zeros(classes)
    value, slack = objective(w, b)
    for _ in range(200):
        pull, curve = 2 * cost * sign * slack, 2 * cost * (slack > 0)
        grad_b, grad_w = b - pull.sum(1), w - (pull * z).sum(1)
        bb, bw, ww = 1 + curve.sum(1), (curve * z).sum(1), 1 + (curve * z**2).sum(1)
        det = bb * ww - bw**2
        step_w, step_b = (bb * grad_w - bw * grad_b) / det, (ww * grad_b - bw * grad_w) / det
        decrement = grad_w * step_w + grad_b * step_b
        if (np.abs(decrement) <= 1e-20 * value).all():
            return w, b
        size = np.ones(classes)
        for _ in range(60):
            new_w, new_b = w - size * step_w, b - size * step_b
            new_value, slack = objective(new_w, new_b)
            short = new_value > value - 1e-4 * size * decrement + 1e-13 * value
            if not short.any():
                break
            size[short] /= 2
        w, b, value = new_w, new_b, new_value
    raise MinidecompError("sap: a machine did not reach its optimum in 200 steps; scale the codes")


SAP = Metric(
    "sap",
    "gap in a linear SVM's accuracy between a factor's two best codes",
    of_truth=sap,
    of_points=sap_of_points,
    title="SAP score",
    scale="0 to 1, 1 is best",
    uses=IN_BOTH_PARTS,
    least_latent_dims=2,
    most_values=MOST_CLASSES,
)

"""Multinomial logistic regression, solved to the optimum by Newton's method.

disentanglement_lib takes the result of scikit-learn's solver at its default tolerance, which changes scores by 4e-6
from one version to another. The optimum is a single value, which scikit-learn approaches at a small tolerance.
"""

from __future__ import annotations

import numpy as np

from ...errors import MinidecompError

_ROWS = 2048


def fit(x: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The coefficients (D + 1, K), the last row the bias, that minimise

    f(W) = sum_n (log sum_k exp(x_n . W_k) - x_n . W_y_n) + l/2 |W without bias|^2

    with l = 1 (scikit-learn's C = 1), as exactly as rounding allows: for codes of ordinary size each entry of the
    gradient is well below 1e-7.

    Parameters
    ----------
    x : array (n, D)
    labels : array (n,) of int
        0 to K - 1; each class must occur.
    classes : int
        K.
    """
    x = with_ones(x)
    n, width = x.shape
    onehot = np.zeros((n, classes))
    onehot[np.arange(n), labels] = 1
    # By convention two classes are fitted with one vector w; that is W = (-w/2, w/2), so |w|^2 is 2 |W|^2.
    penalty = np.full((width, classes), 2.0 if classes == 2 else 1.0)
    penalty[-1] = 0

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        score = x @ w
        score -= score.max(1, keepdims=True)
        p = np.exp(score)
        total = p.sum(1, keepdims=True)
        value = np.log(total).sum() - (onehot * score).sum() + 0.5 * (penalty * w**2).sum()
        return float(value), p / total

    w = np.zeros((width, classes))
    value, p = objective(w)
    for _ in range(100):
        gradient = x.T @ (p - onehot) + penalty * w
        step = _solve(_hessian(x, p, penalty), gradient.T.ravel()).reshape(classes, width).T
        decrement = float((gradient * step).sum())
        if decrement <= 1e-16 * (1 + value):  # for any scale of the codes; the last step squares the rest
            return w - step
        size = 1.0
        while size > 1e-10:
            candidate = w - size * step
            new_value, new_p = objective(candidate)
            if new_value <= value - 1e-4 * size * decrement + 1e-13 * abs(value):
                break
            size /= 2
        w, value, p = candidate, new_value, new_p
    raise MinidecompError("logistic regression did not reach its optimum in 100 steps; scale the codes")


def probabilities(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The probability of each class, (n, D) and (D + 1, K) -> (n, K)."""
    score = with_ones(x) @ w
    p = np.exp(score - score.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def with_ones(x: np.ndarray) -> np.ndarray:
    """x (n, D) with a column of ones appended, (n, D + 1)."""
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _hessian(x: np.ndarray, p: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """H_kl = sum_n p_nk (1[k = l] - p_nl) x_n x_n' + 1[k = l] diag(penalty_k), as (K (D + 1), K (D + 1))."""
    n, width = x.shape
    classes = p.shape[1]
    size = classes * width
    hessian = np.diag(penalty.T.ravel())
    for start in range(0, n, _ROWS):  # the products of one block of rows stay in cache
        part, q = x[start : start + _ROWS], p[start : start + _ROWS]
        products = (q[:, :, None] * part[:, None, :]).reshape(len(part), size)
        hessian -= products.T @ products
        blocks = (products.T @ part).reshape(classes, width, width)
        for k in range(classes):
            hessian[k * width : (k + 1) * width, k * width : (k + 1) * width] += blocks[k]
    # Moving all biases together changes nothing: this fixes that direction and leaves the others unchanged.
    bias = np.arange(width - 1, size, width)
    hessian[np.ix_(bias, bias)] += 1
    return hessian


def _solve(hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """H^-1 g after scaling H to a unit diagonal; the 1e-12 is for classes so far apart that H is singular."""
    root = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    scaled = hessian / np.outer(root, root)
    scaled[np.diag_indices_from(scaled)] += 1e-12
    return np.linalg.solve(scaled, gradient / root) / root

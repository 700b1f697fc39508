"""Codes in bins, and the mutual information of discrete variables, in nats."""

from __future__ import annotations

import numpy as np

BINS = 20


def discretise(values: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Each column in bins of equal width from its smallest to its largest value, (n, D) -> int64 (n, D).

    Bins count from 1; the largest value is in the last bin. The number of bins changes a score (MIG of one
    representation: .1068, .1088, .1085, .1055 for 10, 20, 40, 100).
    """
    edges = np.linspace(values.min(0), values.max(0), bins + 1)[:-1]
    columns = zip(values.T, edges.T, strict=True)
    return np.stack([np.digitize(column, edge) for column, edge in columns], axis=1)


def mutual_information(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """I(a_i; b_j) for all pairs of columns, (n, A) and (n, B) -> (A, B); each distinct value is a class.

    I = sum_uv p(u, v) log(p(u, v) / (p(u) p(v))),   p the observed frequencies
    """
    n = len(a)
    left, right = _classes(a), _classes(b)
    result = np.empty((len(left), len(right)))
    for i, u in enumerate(left):
        for j, v in enumerate(right):
            width = v.max() + 1
            count = np.bincount(u * width + v, minlength=(u.max() + 1) * width).reshape(-1, width)
            product = count.sum(1, keepdims=True) * count.sum(0)
            full = count > 0
            # Counts, not frequencies: a constant column then has exactly 0, and modularity relies on that.
            result[i, j] = (count[full] / n) @ np.log(n * count[full] / product[full])
    return np.maximum(result, 0)


def entropy(b: np.ndarray) -> np.ndarray:
    """H(b_j) = -sum_v p(v) log p(v) of each column, (n, B) -> (B,)."""
    frequencies = [np.bincount(column) / len(b) for column in _classes(b)]
    return np.array([-(p @ np.log(p)) for p in frequencies])


def _classes(values: np.ndarray) -> list[np.ndarray]:
    """Each column's distinct values numbered from 0 in ascending order."""
    return [np.unique(column, return_inverse=True)[1] for column in values.T]

"""The BetaVAE score (Higgins et al., 2017, section 3), as disentanglement_lib computes it."""

from __future__ import annotations

import numpy as np

from . import logistic
from .arrays import as_count
from .metric import Metric
from .sampling import GroundTruth, codes_of, draw_factors, legacy_random
from .score import Score

_BLOCK = 128


def beta_vae(
    truth: GroundTruth,
    *,
    seed: int = 0,
    batch_size: int = 64,
    num_train: int = 10000,
    num_eval: int = 5000,
) -> Score:
    """How often a linear classifier finds the factor that was held fixed, from 1 / F (chance) to 1.

    A point is the mean of |z(f) - z(f')| over ``batch_size`` pairs, where all factors of f and f' are drawn, except
    one that is the same in both; its label is that factor. The classifier is a multinomial logistic regression
    (C = 1) at its optimum. Codes are not scaled, so the score depends on their scale. It needs factors that can be
    drawn at will, so there is no form for arrays.

    Parameters
    ----------
    truth : GroundTruth
        A factor with one value is left out, since it cannot vary. Two or more must vary.
    seed : int
        0 to 2^32 - 1.
    batch_size, num_train, num_eval : int
        Pairs per point, points to fit, and points to score.

    Returns
    -------
    Score
        ``score`` is the accuracy on fresh points. ``details``: ``train_accuracy``, and ``predicted`` (F, F), the number
        of fresh points with factor k held for which each factor was predicted.

    Raises
    ------
    OptionError
        A number is not allowed, fewer than two factors vary, or the representation does not return codes.
    MinidecompError
        The optimum was not reached.
    """
    truth = truth.of_those_that_vary()
    count = as_count("number of factors that vary", len(truth.factor_sizes), least=2)
    batch_size = as_count("batch_size", batch_size)
    num_train, num_eval = as_count("num_train", num_train, least=2), as_count("num_eval", num_eval)
    random = legacy_random(seed)
    x, held = _points(truth, num_train, batch_size, random)
    values, labels = np.unique(held, return_inverse=True)
    w = logistic.fit(x, labels, len(values))
    train_accuracy = float(np.mean(_predict(x, w, values) == held))
    x, held = _points(truth, num_eval, batch_size, random)
    predicted = np.zeros((count, count), dtype=np.int64)
    np.add.at(predicted, (held, _predict(x, w, values)), 1)
    return Score(
        score=float(np.trace(predicted) / num_eval),
        details={"train_accuracy": train_accuracy, "predicted": predicted.tolist()},
        samples={"train": num_train, "eval": num_eval, "batch": batch_size},
        seed=int(seed),
        definition="BetaVAE score (Higgins et al., 2017): accuracy on fresh points of a multinomial logistic "
        "regression (C = 1) at its optimum; draws as in disentanglement_lib",
    )


def _predict(x: np.ndarray, w: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values[np.argmax(logistic.with_ones(x) @ w, axis=1)]


def _points(
    truth: GroundTruth, n: int, batch_size: int, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """The mean differences (n, D) of n points, and the factors held fixed (n,)."""
    held = np.empty(n, dtype=np.int64)
    means = []
    for start in range(0, n, _BLOCK):
        block = []
        for i in range(start, min(start + _BLOCK, n)):
            held[i] = random.randint(len(truth.factor_sizes))
            first = draw_factors(truth.factor_sizes, batch_size, random)
            second = draw_factors(truth.factor_sizes, batch_size, random)
            second[:, held[i]] = first[:, held[i]]
            block += [first, second]
        codes = codes_of(truth, np.concatenate(block)).reshape(len(block) // 2, 2, batch_size, -1)
        means.append(np.abs(codes[:, 0] - codes[:, 1]).mean(1))
    return np.concatenate(means), held


BETA_VAE = Metric(
    "beta_vae",
    "how often a linear classifier finds the factor that was held fixed",
    of_truth=beta_vae,
    title="BetaVAE score",
    scale="0 to 1, 1 is best",
    least_factors=2,
)

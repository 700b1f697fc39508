"""The FactorVAE score (Kim and Mnih, 2018, section 4) by two protocols, whose scores must not be compared."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...errors import OptionError
from .arrays import as_codes, as_count, as_factors, varied, varying
from .known import HOLDABLE
from .labelled import LabelledCodes, holdable, of_all_points
from .metric import Metric
from .sampling import GroundTruth, all_factors, codes_of, draw_factors, legacy_random
from .score import Score

_BLOCK = 256


def factor_vae(
    truth: GroundTruth,
    *,
    seed: int = 0,
    batch_size: int = 64,
    num_train: int = 10000,
    num_eval: int = 5000,
    num_variance_estimate: int = 10000,
    prune_below: float = 0.05,
) -> Score:
    """How often the code that varies least tells which factor was held fixed; chance is about 1 / F, the best is 1.

    For each vote, fix a random factor k at a random value, draw ``batch_size`` points, and take d = argmin_d
    var(z_d) / v_d over the codes kept, where v is the variance over ``num_variance_estimate`` points (ddof 1). A code
    is kept if sqrt(v_d) >= ``prune_below``. A constant code never is, and without a code the score is 0. The
    classifier gives d the factor of most of its training votes (the first if several are equal). It needs factors
    that can be drawn at will; `factor_vae_from_codes` is for arrays.

    Parameters
    ----------
    truth : GroundTruth
        A factor with one value is left out, since it cannot vary.
    seed : int
        0 to 2^32 - 1.
    batch_size, num_train, num_eval, num_variance_estimate : int
        Points per vote, votes to fit, votes to score, and points for the variances.
    prune_below : float
        0 or more. disentanglement_lib's published scores used 0.05. The default in its code, 0, prunes nothing and
        gives higher scores, because collapsed codes can then win votes.

    Returns
    -------
    Score
        ``details``: ``train_accuracy``, ``kept``, the codes that took part, and the training ``votes`` for each
        factor and each of these codes, (F, len(kept)).

    Raises
    ------
    OptionError
        A number is not allowed, no factor varies, or the representation does not return codes.
    """
    batch_size = as_count("batch_size", batch_size, least=2)
    num_train, num_eval = as_count("num_train", num_train), as_count("num_eval", num_eval)
    num_variance_estimate = as_count("num_variance_estimate", num_variance_estimate, least=2)
    if not prune_below >= 0:
        raise OptionError("prune_below", prune_below, must_be="0 or more")
    random = legacy_random(seed)
    truth = truth.of_those_that_vary()
    sizes = truth.factor_sizes
    codes = codes_of(truth, draw_factors(sizes, num_variance_estimate, random))
    variance, kept = _kept(codes, prune_below)
    train = np.zeros((len(sizes), len(kept)), dtype=np.int64)
    fresh = np.zeros_like(train)
    if kept.size:
        _vote(train, truth, num_train, batch_size, kept, variance[kept], random)
        _vote(fresh, truth, num_eval, batch_size, kept, variance[kept], random)
    return Score(
        score=_share_by_majority(train, fresh),
        details={
            "train_accuracy": _share_by_majority(train, train),
            "kept": kept.tolist(),
            "votes": train.tolist(),
        },
        samples={
            "train": num_train,
            "eval": num_eval,
            "batch": batch_size,
            "variance": num_variance_estimate,
        },
        seed=int(seed),
        definition="FactorVAE score (Kim and Mnih, 2018) as in disentanglement_lib: majority vote, accuracy "
        f"on fresh votes, codes with standard deviation below {prune_below:g} left out",
    )


def factor_vae_from_codes(
    codes: Any,
    factors: Any,
    *,
    seed: int = 0,
    batch_size: int = 64,
    num_train: int = 10000,
    num_eval: int = 5000,
    prune_below: float = 0.05,
) -> Score:
    """The votes of `factor_vae`, drawn from given points whose other factors may depend on the fixed one.

    For each vote, take a random factor k and a random one of its values that at least two points have, ``batch_size``
    different points with this value (all of them if there are fewer), and d = argmin_d var(z_d) / v_d over the codes
    kept, where v is the variance over all points (ddof 1). The rest is as in `factor_vae`. If every combination of
    factors occurs equally often, the two agree up to the draws; otherwise this is not disentanglement_lib's number.

    Parameters
    ----------
    codes : array (n, D)
    factors : array (n, F)
        A factor with only one value is left out. A factor whose values have a single point each is never fixed.
    seed : int
        Seed for ``numpy.random.default_rng``.
    batch_size, num_train, num_eval : int
        The most points per vote, votes to fit, and votes to score.
    prune_below : float
        0 or more.

    Returns
    -------
    Score
        ``details`` as in `factor_vae`. If no factor can be fixed, the score is 0.

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    """
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes))
    factors = factors[:, varied(factors)]
    batch_size = as_count("batch_size", batch_size, least=2)
    num_train, num_eval = as_count("num_train", num_train), as_count("num_eval", num_eval)
    seed = as_count("seed", seed, least=0)
    if not prune_below >= 0:
        raise OptionError("prune_below", prune_below, must_be="0 or more")
    variance, kept = _kept(codes, prune_below)
    y = codes[:, kept] / np.sqrt(variance[kept])
    held, random = holdable(factors), np.random.default_rng(seed)
    train = np.zeros((factors.shape[1], len(kept)), dtype=np.int64)
    fresh = np.zeros_like(train)
    for votes, count in ((train, num_train), (fresh, num_eval)):
        for _ in range(count if kept.size and any(held) else 0):
            k, points = _draw(held, batch_size, random)
            votes[k, np.argmin(y[points].var(0, ddof=1))] += 1
    return Score(
        score=_share_by_majority(train, fresh),
        details={"train_accuracy": _share_by_majority(train, train), "kept": kept.tolist(), "votes": train.tolist()},
        samples={"points": len(codes), "train": num_train, "eval": num_eval, "batch": batch_size},
        seed=seed,
        definition="FactorVAE score (Kim and Mnih, 2018) by drawing from the points that are there, which is not "
        "disentanglement_lib's number: majority vote, accuracy on fresh votes, codes with standard deviation below "
        f"{prune_below:g} left out",
    )


def factor_vae_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """The FactorVAE score of all points of a user's own data; see `factor_vae_from_codes`."""
    return of_all_points(points, partial(factor_vae_from_codes, seed=seed))


def _kept(codes: np.ndarray, prune_below: float) -> tuple[np.ndarray, np.ndarray]:
    """The variances of codes (n, D), and which codes take part."""
    variance = codes.var(0, ddof=1)
    return variance, np.flatnonzero(varying(codes) & (np.sqrt(variance) >= prune_below))


def _share_by_majority(train: np.ndarray, votes: np.ndarray) -> float:
    """The share of votes (F, D) for the factor that has most training votes for the same code."""
    return float(votes[train.argmax(0), np.arange(train.shape[1])].sum() / max(votes.sum(), 1))


def _draw(held: list[list[np.ndarray]], batch_size: int, random: np.random.Generator) -> tuple[int, np.ndarray]:
    """A random factor among those that can be fixed, and points with a random value of it, without replacement."""
    factors = [k for k, groups in enumerate(held) if groups]
    k = factors[random.integers(len(factors))]
    points = held[k][random.integers(len(held[k]))]
    if len(points) > batch_size:
        points = points[random.choice(len(points), batch_size, replace=False, shuffle=False)]
    return k, points


def _vote(
    votes: np.ndarray,
    truth: GroundTruth,
    n: int,
    batch_size: int,
    kept: np.ndarray,
    variance: np.ndarray,
    random: np.random.RandomState,
) -> None:
    """Add n votes to votes (F, codes kept)."""
    for start in range(0, n, _BLOCK):
        held, block = [], []
        for _ in range(start, min(start + _BLOCK, n)):
            k = random.randint(len(truth.factor_sizes))
            factors = draw_factors(truth.factor_sizes, batch_size, random)
            factors[:, k] = factors[0, k]
            held.append(k)
            block.append(factors)
        codes = codes_of(truth, np.concatenate(block)).reshape(len(block), batch_size, -1)
        winner = np.argmin(codes[:, :, kept].var(1, ddof=1) / variance, axis=1)
        np.add.at(votes, (held, winner), 1)


def factor_vae_mathieu19(truth: GroundTruth, *, seed: int = 0, num_votes: int = 20000, batch_size: int = 1000) -> Score:
    """The score of Mathieu et al. (2019) over all combinations of factors; see `factor_vae_mathieu19_from_codes`."""
    factors = all_factors(truth.factor_sizes)
    codes = codes_of(truth, factors)
    return factor_vae_mathieu19_from_codes(codes, factors, seed=seed, num_votes=num_votes, batch_size=batch_size)


def factor_vae_mathieu19_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """The score of Mathieu et al. (2019) of all points of a user's own data; see `factor_vae_mathieu19_from_codes`."""
    return of_all_points(points, partial(factor_vae_mathieu19_from_codes, seed=seed))


def factor_vae_mathieu19_from_codes(
    codes: Any, factors: Any, *, seed: int = 0, num_votes: int = 20000, batch_size: int = 1000
) -> Score:
    """The disentanglement score of Mathieu et al. (2019) as their code computes it, except for its random numbers.

    For each vote, take a random factor k and a random one of its values, ``batch_size`` points with this value without
    replacement (all of them if there are fewer), and d = argmin_d var(z_d / std_d), std over all points (ddof 1). A
    value with a single point is never taken: it has no variance, and the published code would vote for the first
    code. If all values have single points, there is no vote, and the score is 0.

    score = sum_d max_k V_dk / ``num_votes``,   V_dk the votes of factor k for code d

    This is the training accuracy of the majority vote, and no code is pruned: collapsed codes win the votes of
    factors that are not encoded, and raise the score. On one representation it is 1.000 where `factor_vae` is 0.953;
    the two must not be compared. Constant codes, which the published code cannot handle, win no vote; without other
    codes the score is 0. With a Student-t prior the paper scores the codes' `gaussian_quantiles`.

    Parameters
    ----------
    codes : array (n, D)
        All points of the data.
    factors : array (n, F)
        The values need not occur in all combinations; a factor with only one value is left out.
    seed : int
        Seed for ``numpy.random.default_rng``.
    num_votes, batch_size : int

    Returns
    -------
    Score
        ``details``: ``votes`` V (D, F).

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    """
    codes = as_codes(codes)
    factors = as_factors(factors, len(codes))
    factors = factors[:, varied(factors)]
    num_votes, seed = as_count("num_votes", num_votes), as_count("seed", seed, least=0)
    batch_size = as_count("batch_size", batch_size, least=2)
    random = np.random.default_rng(seed)
    kept = np.flatnonzero(varying(codes))
    y = codes[:, kept] / codes[:, kept].std(0, ddof=1)

    held = holdable(factors)
    votes = np.zeros((codes.shape[1], factors.shape[1]), dtype=np.int64)
    for _ in range(num_votes if kept.size and any(held) else 0):
        k, points = _draw(held, batch_size, random)
        votes[kept[np.argmin(y[points].var(0))], k] += 1
    return Score(
        score=float(votes.max(1).sum() / num_votes),
        details={"votes": votes.tolist()},
        samples={"points": len(codes), "votes": num_votes, "batch": batch_size},
        seed=seed,
        definition="FactorVAE score as Mathieu et al. (2019) compute it: training accuracy of the majority "
        "vote, no code pruned; drawn with numpy.random.default_rng(seed)",
    )


FACTOR_VAE = Metric(
    "factor_vae",
    "how often the code that varies least tells which factor was held fixed, by disentanglement_lib's protocol",
    of_truth=factor_vae,
    of_points=factor_vae_of_points,
    title="FactorVAE score",
    scale="0 to 1, 1 is best",
    uses=HOLDABLE,
    least_factors=2,
)
FACTOR_VAE_MATHIEU19 = Metric(
    "factor_vae_mathieu19",
    "the same idea, as the paper's authors computed it; not comparable with factor_vae",
    of_truth=factor_vae_mathieu19,
    of_points=factor_vae_mathieu19_of_points,
    title="FactorVAE, Mathieu et al.",
    scale="0 to 1, 1 is best",
    uses=HOLDABLE,
    least_factors=2,
)

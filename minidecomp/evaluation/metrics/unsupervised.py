"""Scores that need no factors: how much the codes depend on each other, as in disentanglement_lib."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..dimensions import active_dimensions
from .arrays import as_codes, as_count, varying
from .discrete import BINS, discretise, mutual_information
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def unsupervised(truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, bins: int = BINS) -> Score:
    """The scores of ``num_train`` points drawn from the ground truth; see `unsupervised_from_codes`."""
    codes, _ = draw_points(truth, as_count("num_train", num_train, least=2), legacy_random(seed))
    return replace(unsupervised_from_codes(codes, bins=bins), samples={"train": len(codes)}, seed=int(seed))


def unsupervised_from_codes(codes: Any, *, bins: int = BINS) -> Score:
    """Dependence between codes; 0 means none, lower is better.

    total correlation = (sum_d log cov_dd - log det cov) / 2, the Gaussian's KL(q(z) || prod_d q(z_d)) in nats
    wasserstein       = 2 tr cov - 2 tr (diag(cov) cov)^(1/2), the squared distance of these two Gaussians
    mutual information = mean over pairs of codes i != j of I(z_i; z_j) in nats, the codes in bins

    Constant codes are independent of everything: their mutual information counts as 0, and they are left out of the
    total correlation, which disentanglement_lib does not define for them. If one code is a linear function of others,
    the total correlation is infinite; here the eigenvalues of the correlation matrix then count as at least 2.2e-16,
    which gives about 18 nats for each such code.

    Parameters
    ----------
    codes : array (n, D)
        Two codes or more.
    bins : int
        The number of bins for the mutual information.

    Returns
    -------
    Score
        ``score`` is the total correlation. ``details``: ``gaussian_total_correlation``,
        ``gaussian_wasserstein``, ``gaussian_wasserstein_normalised`` (divided by tr cov; 0 where that is 0),
        ``mutual_information`` and ``active``, the active dimensions (variance above 0.01).

    Raises
    ------
    OptionError
        A shape or a number is not allowed.
    """
    codes = as_codes(codes, least_dims=2)
    bins = as_count("bins", bins)
    cov = np.cov(codes, rowvar=False)
    variance = np.diag(cov)

    kept = varying(codes)
    root = np.sqrt(variance[kept])
    eigenvalues = np.linalg.eigvalsh(cov[np.ix_(kept, kept)] / np.outer(root, root))
    total_correlation = float(-0.5 * np.log(np.maximum(eigenvalues, np.finfo(float).eps)).sum())

    # diag(v) cov has the eigenvalues of the symmetric diag(v)^(1/2) cov diag(v)^(1/2).
    trace = float(variance.sum())
    share = cov / (trace or 1)
    root = np.sqrt(np.diag(share))
    eigenvalues = np.linalg.eigvalsh(share * np.outer(root, root))
    normalised = float(2 * root @ root - 2 * np.sqrt(np.maximum(eigenvalues, 0)).sum())

    binned = discretise(codes, bins)
    information = mutual_information(binned, binned)
    pairs = ~np.eye(codes.shape[1], dtype=bool)
    return Score(
        score=total_correlation,
        details={
            "gaussian_total_correlation": total_correlation,
            "gaussian_wasserstein": normalised * trace,
            "gaussian_wasserstein_normalised": normalised,
            "mutual_information": float(information[pairs].mean()),
            "active": active_dimensions(codes),
        },
        samples={"points": len(codes)},
        seed=None,
        definition="total correlation of a Gaussian with the codes' covariance, in nats (lower is better), "
        f"as in disentanglement_lib; the mutual information in the details has {bins} bins",
    )


UNSUPERVISED = Metric(
    "unsupervised",
    "the total correlation of a Gaussian with the codes' covariance",
    of_truth=unsupervised,
    of_codes=unsupervised_from_codes,
    title="Gaussian total correlation",
    scale="nats, 0 is best",
    least_latent_dims=2,
)

"""The mutual information gap (Chen et al., 2018, section 4.1), as disentanglement_lib computes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .arrays import MOST_CLASSES, as_codes, as_count, as_factors, top_gap, varied
from .discrete import BINS, discretise, entropy, mutual_information
from .labelled import LabelledCodes, of_all_points
from .metric import Metric
from .sampling import GroundTruth, draw_points, legacy_random
from .score import Score


def mig(truth: GroundTruth, *, seed: int = 0, num_train: int = 10000, bins: int = BINS) -> Score:
    """MIG of ``num_train`` points drawn from the ground truth; see `mig_from_codes`."""
    random = legacy_random(seed)
    codes, factors = draw_points(truth, as_count("num_train", num_train, least=2), random)
    return replace(mig_from_codes(codes, factors, bins=bins), seed=int(seed))


def mig_of_points(points: LabelledCodes, *, seed: int = 0) -> Score:
    """MIG of all points of a user's own data; see `mig_from_codes`. Nothing is drawn."""
    return of_all_points(points, mig_from_codes)


def mig_from_codes(codes: Any, factors: Any, *, bins: int = BINS) -> Score:
    """How much more the best code tells about a factor than the second best, from 0 to 1.

    MIG = mean over factors j of (I(z_top1; y_j) - I(z_top2; y_j)) / H(y_j)

    Parameters
    ----------
    codes : array (n, D)
        Two codes or more; each is put into bins of equal width.
    factors : array (n, F)
        Each distinct value counts as a class; a factor with only one value is left out.
    bins : int
        The number of bins.

    Returns
    -------
    Score
        ``details``: ``gaps`` (F), ``mutual_information`` (D, F) and ``entropy`` (F), in nats.

    Raises
    ------
    OptionError
        A shape or a number is not allowed, or no factor varies.
    """
    codes = as_codes(codes, least_dims=2)
    factors = as_factors(factors, len(codes), classes=True)
    factors = factors[:, varied(factors)]
    bins = as_count("bins", bins)
    information = mutual_information(discretise(codes, bins), factors)
    entropies = entropy(factors)
    gaps = top_gap(information) / entropies
    return Score(
        score=float(gaps.mean()),
        details={
            "gaps": gaps.tolist(),
            "mutual_information": information.tolist(),
            "entropy": entropies.tolist(),
        },
        samples={"train": len(codes)},
        seed=None,
        definition=f"mutual information gap (Chen et al., 2018): mean over factors of (I_top1 - I_top2) / H, "
        f"codes in {bins} bins of equal width, as in disentanglement_lib",
    )


MIG = Metric(
    "mig",
    "gap in mutual information between a factor's two best codes",
    of_truth=mig,
    of_points=mig_of_points,
    title="mutual information gap",
    scale="0 to 1, 1 is best",
    least_latent_dims=2,
    most_values=MOST_CLASSES,
)

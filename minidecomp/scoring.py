"""The metrics of a trained model: its encodings' means against the factors that made the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import metrics
from .data.dataset import Grid
from .errors import OptionError
from .metrics import GroundTruth, Score
from .terms.priors import Prior, StudentT

# By the factors; all but dci take seconds.
OF_FACTORS: dict[str, Callable[..., Score]] = {
    "factor_vae": metrics.factor_vae,
    "factor_vae_mathieu19": metrics.factor_vae_mathieu19,
    "beta_vae": metrics.beta_vae,
    "mig": metrics.mig,
    "sap": metrics.sap,
    "modularity": metrics.modularity,
    "explicitness": metrics.explicitness,
    "irs": metrics.irs,
    "dci": metrics.dci,
}
LABEL_FREE = ("unsupervised", "hoyer", "hoyer_plain")
SLOW = {"dci": "about 8 minutes"}
DEFAULT = "factor_vae"


def choose(wanted: str, has_factors: bool, latent_dim: int) -> list[str]:
    """The metrics that a text such as ``factor_vae,mig``, ``all`` or ``none`` means.

    ``all`` leaves out dci, which takes minutes: it is named. Without factors, or of a single latent dimension, the
    metrics that need them are left out of ``all`` and of the default (an empty text).

    Raises
    ------
    OptionError
        If there is no such metric, or it needs factors and there are none, or two dimensions and there is one.
    """
    usable = ([*OF_FACTORS] if has_factors else []) + ([*LABEL_FREE] if latent_dim > 1 else [])
    if latent_dim == 1:
        usable = [name for name in usable if name not in ("mig", "sap")]
    chosen: list[str] = []
    for name in (wanted or (DEFAULT if has_factors else "all")).split(","):
        name = name.strip()
        if name == "all":
            chosen += [each for each in usable if each not in SLOW]
        elif name in usable:
            chosen.append(name)
        elif name != "none":
            known = name in OF_FACTORS or name in LABEL_FREE
            why = "it needs the data's factors, or a second latent dimension" if known else "there is no such metric"
            raise OptionError("metrics", name, f"{why}: all, none, or of {', '.join(usable) or 'none'} is")
    return list(dict.fromkeys(chosen))


def ground_truth(codes: np.ndarray, grid: Grid) -> GroundTruth:
    """The grid with its codes (N, D); a factor of one value says nothing and is left out."""
    return GroundTruth.from_table(codes, tuple(size for size in grid.sizes if size > 1))


def scores(
    names: Sequence[str],
    codes: np.ndarray,
    grid: Grid | None,
    seed: int = 0,
    before: Callable[[str], Any] = lambda name: None,
) -> dict[str, Score]:
    """The metrics of codes.

    Parameters
    ----------
    names : sequence of str
        As `choose` gives them.
    codes : numpy.ndarray of shape (N, D)
        Of the grid's points, or, where there is none, of any.
    grid : Grid or None
    seed : int
        0 to 2^32 - 1; disentanglement_lib's protocol has 0.
    before : callable
        Given each metric's name before it is computed.
    """
    truth = None if grid is None else ground_truth(codes, grid)
    found: dict[str, Score] = {}
    for name in names:
        before(name)
        if name.startswith("hoyer"):
            found[name] = metrics.hoyer(codes, normalise=name == "hoyer")
        elif name == "unsupervised":
            found[name] = (
                metrics.unsupervised_from_codes(codes) if truth is None else metrics.unsupervised(truth, seed=seed)
            )
        else:
            found[name] = OF_FACTORS[name](truth, seed=seed)
    return found


def gaussian_codes(codes: np.ndarray, prior: Prior) -> np.ndarray | None:
    """The codes as Gaussian quantiles, for a Student-t prior, as the paper scores them; None for another."""
    if not isinstance(prior, StudentT):
        return None
    return metrics.gaussian_quantiles(codes, prior.df, prior.loc, prior.scale)

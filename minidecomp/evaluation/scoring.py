"""The metrics of a trained model: its encodings' means against the factors that made the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..data.dataset import Grid
from ..errors import MinidecompError, OptionError
from ..terms.priors import Prior, StudentT
from . import metrics
from .metrics import GroundTruth, Score

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
# These are of a code against the next best, and these of a factor against others.
NEED_TWO_DIMENSIONS = (*LABEL_FREE, "mig", "sap")
NEED_TWO_FACTORS = ("factor_vae", "factor_vae_mathieu19", "beta_vae", "modularity")
SLOW = {"dci": "about 8 minutes for dSprites"}
DEFAULT = "factor_vae"


def varying(grid: Grid | None) -> dict[str, int]:
    """Names and sizes of the factors that have two values or more; a single value says nothing."""
    if grid is None:
        return {}
    return {name: size for name, size in zip(grid.names, grid.sizes, strict=True) if size > 1}


def choose(wanted: str, factors: int, latent_dim: int) -> list[str]:
    """The metrics that a text such as ``factor_vae,mig``, ``all`` or ``none`` means.

    ``all`` is what the data and the model allow, but for dci, which takes minutes: it is named.

    Parameters
    ----------
    wanted : str
        Empty for factor_vae, or for ``all`` where that needs more factors than there are.
    factors : int
        How many vary.
    latent_dim : int

    Raises
    ------
    OptionError
        If there is no such metric, or it needs more factors or latent dimensions than there are.
    MinidecompError
        If it needs scikit-learn, which is not installed.
    """
    lacks = {name: _lacks(name, factors, latent_dim) for name in (*OF_FACTORS, *LABEL_FREE)}
    usable = [name for name, lack in lacks.items() if not lack]
    chosen: list[str] = []
    for name in (wanted or (DEFAULT if DEFAULT in usable else "all")).split(","):
        name = name.strip()
        if name == "all":
            chosen += [each for each in usable if each not in SLOW]
        elif name and name != "none":
            if name not in usable:
                why = lacks.get(name, "there is no such metric")
                raise OptionError("metrics", name, f"{why}; {', '.join(['all', 'none', *usable])} are")
            chosen.append(name)
    if "dci" in chosen and find_spec("sklearn") is None:
        raise MinidecompError("--metrics dci needs scikit-learn: pip install 'minidecomp[metrics]'")
    return list(dict.fromkeys(chosen))


def _lacks(name: str, factors: int, latent_dim: int) -> str:
    """Why a metric cannot be computed, or nothing."""
    if name in OF_FACTORS and factors == 0:
        return "it needs data with known factors that vary"
    if name in NEED_TWO_FACTORS and factors == 1:
        return "it needs two factors that vary"
    return "it needs two latent dimensions" if name in NEED_TWO_DIMENSIONS and latent_dim == 1 else ""


def ground_truth(codes: np.ndarray, grid: Grid) -> GroundTruth:
    """The grid with its codes (N, D), of the factors that vary."""
    return GroundTruth.from_table(codes, tuple(varying(grid).values()))


def scores(
    names: Sequence[str],
    codes: np.ndarray,
    grid: Grid | None,
    seed: int = 0,
    before: Callable[[str], Any] = lambda name: None,
    after: Callable[[str, Score], Any] = lambda name, score: None,
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
    after : callable
        Given its name and score as soon as it is there.
    """
    truth = ground_truth(codes, grid) if grid is not None and varying(grid) else None
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
        after(name, found[name])
    return found


def gaussian_codes(codes: np.ndarray, prior: Prior) -> np.ndarray | None:
    """The codes as quantiles of a Gaussian of the prior's loc and scale, for a Student-t prior; None for another.

    x = m + s Phi^-1(F_nu((z - m) / s)), as the paper scores them; in the codes' own units, as thresholds are absolute.
    """
    if not isinstance(prior, StudentT):
        return None
    return prior.loc + prior.scale * metrics.gaussian_quantiles(codes, prior.df, prior.loc, prior.scale)

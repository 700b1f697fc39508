"""The metrics of a trained model: which are wanted, and their scores of its encodings' means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.dataset import Grid
from ..errors import Fault, MinidecompError, OptionError
from ..terms.priors import Prior, StudentT
from ..variants import METRICS
from .metrics import GroundTruth, Score, gaussian_quantiles
from .metrics.sampling import legacy_seed

DEFAULT = "factor_vae"


def varying(grid: Grid | None) -> dict[str, int]:
    """Names and sizes of the factors that have two values or more; a single value says nothing."""
    if grid is None:
        return {}
    return {name: size for name, size in zip(grid.names, grid.sizes, strict=True) if size > 1}


def choose(wanted: str, factors: int, latent_dim: int) -> list[str]:
    """The metrics that a text such as ``factor_vae,mig``, ``all`` or ``none`` means.

    ``all`` is what the data and the model allow, but for those that take minutes: they are named.

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
        If it needs a package that is not installed.
    """
    lacks = {name: metric.lacks(factors, latent_dim) for name, metric in METRICS.items()}
    usable = [name for name, lack in lacks.items() if not lack]
    chosen: list[str] = []
    for name in (wanted or (DEFAULT if DEFAULT in usable else "all")).split(","):
        name = name.strip()
        if name == "all":
            chosen += [each for each in usable if not METRICS[each].slow and METRICS[each].is_installed()]
        elif name and name != "none":
            if name not in usable:
                why = lacks.get(name, "there is no such metric")
                raise OptionError("metrics", name, f"{why}; {', '.join(['all', 'none', *usable])} are")
            chosen.append(name)
    for name in chosen:
        METRICS[name].check_package()
    return list(dict.fromkeys(chosen))


def ground_truth(codes: np.ndarray, grid: Grid) -> GroundTruth:
    """The grid's factors that vary, with the codes (N, D) of its points."""
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
        0 to 2^64 - 1, used as `legacy_seed` says; disentanglement_lib's protocol has 0.
    before : callable
        Given each metric's name before it is computed.
    after : callable
        Given its name and score as soon as it is there.
    """
    truth = ground_truth(codes, grid) if grid is not None and varying(grid) else None
    found: dict[str, Score] = {}
    for name in names:
        before(name)
        found[name] = _score(name, codes, truth, legacy_seed(seed))
        after(name, found[name])
    return found


def known_metrics(evaluation: Mapping[str, Any], prior: str) -> set[str]:
    """The metrics that an evaluation.json has of a model with that prior: for Student-t, of means and of quantiles."""
    known = set(evaluation.get("metrics", {}))
    return known & set(evaluation.get("metrics_of_gaussian_quantiles", {})) if prior == StudentT.name else known


def _score(name: str, codes: np.ndarray, truth: GroundTruth | None, seed: int) -> Score:
    try:
        score = METRICS[name].score(codes, truth, seed)
    except MinidecompError:
        raise
    except Exception as error:  # a metric of your own may raise anything
        raise Fault(f"the metric {name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(score, Score):
        raise Fault(f"the metric {name} gave a {type(score).__name__}, not a Score")
    if not math.isfinite(score.score):
        raise Fault(f"the metric {name} gave {score.score}, which is no number")
    return score


def gaussian_codes(codes: np.ndarray, prior: Prior) -> np.ndarray | None:
    """The codes (N, D) as quantiles of a Gaussian with the prior's loc and scale; None unless the prior is a Student-t.

    x = m + s Phi^-1(F_nu((z - m) / s)), as Mathieu et al. (2019) score them; in the codes' own units, since thresholds
    are absolute.
    """
    if not isinstance(prior, StudentT):
        return None
    return prior.loc + prior.scale * gaussian_quantiles(codes, prior.df, prior.loc, prior.scale)

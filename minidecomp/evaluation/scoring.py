"""The metrics of a trained model: which are wanted, and the scores of its posterior means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..data.dataset import Dataset, Factors, Grid
from ..errors import Fault, MinidecompError, OptionError, did_you_mean
from ..settings.options import OWN, TrainOptions, chosen_variant
from ..terms.priors import StudentT
from ..variants import METRICS
from .metrics import GroundTruth, KnownFactors, LabelledCodes, Score, gaussian_quantiles
from .metrics.sampling import legacy_seed

DEFAULT = "factor_vae"


def known_factors(dataset: Dataset, options: TrainOptions) -> KnownFactors:
    """What is known about the factors of a run's data; a factor with a single value is left out."""
    if dataset.grid is not None:
        return KnownFactors.drawn(dataset.grid.names, dataset.grid.sizes)
    if dataset.factors is not None:
        return KnownFactors.of_points(dataset.factors.names, dataset.factors.train, dataset.factors.test)
    own = chosen_variant("data", options.data).name == OWN
    return KnownFactors.none("; `--factors` names them" if own else "")


def choose(wanted: str, known: KnownFactors | None, latent_dim: int, points: int | None = None) -> list[str]:
    """The metrics that a text such as ``factor_vae,mig``, ``all`` or ``none`` stands for.

    ``all`` is every metric that the data and the model allow, except those that take minutes.

    Parameters
    ----------
    wanted : str
        Empty for factor_vae or, if the data do not allow that, ``all``.
    known : KnownFactors or None
        None if the data cannot be read; then every metric is allowed.
    latent_dim : int
    points : int, optional
        The number of test points; by default there are enough.

    Raises
    ------
    OptionError
        There is no such metric, or it needs more factors or latent dimensions than there are.
    MinidecompError
        A metric needs a package that is not installed.
    """
    lacks = {name: metric.lacks(known, latent_dim, points) if known else "" for name, metric in METRICS.items()}
    usable = [name for name, lack in lacks.items() if not lack]
    chosen: list[str] = []
    for name in (wanted or (DEFAULT if DEFAULT in usable else "all")).split(","):
        name = name.strip()
        if name == "all":
            chosen += [each for each in usable if not METRICS[each].slow and METRICS[each].is_installed()]
        elif name and name != "none":
            if name not in usable:
                why = lacks.get(name, "there is no such metric")
                near = "" if name in METRICS else did_you_mean(name, ["all", "none", *METRICS])
                hint = near or f"possible here: {', '.join(['all', 'none', *usable])}"
                raise OptionError("metrics", name, why, hint=hint)
            chosen.append(name)
    for name in chosen:
        METRICS[name].check_package()
    return list(dict.fromkeys(chosen))


def left_out(wanted: str, chosen: Sequence[str], known: KnownFactors, latent_dim: int, points: int) -> str:
    """A line about the metrics that ``all`` leaves out although they need no factors; empty if there is none."""
    if DEFAULT in chosen or (wanted and "all" not in wanted.split(",")):
        return ""
    lacks = {name: each.lacks(known, latent_dim, points) for name, each in METRICS.items() if not each.needs_factors}
    reasons = [f"{name} ({lack})" for name, lack in lacks.items() if lack]
    return f"left out: {', '.join(reasons)}" if reasons else ""


def ground_truth(codes: np.ndarray, grid: Grid) -> GroundTruth | None:
    """The grid's factors that vary, with the codes (N, D) of its points; None if none varies."""
    sizes = tuple(size for size in grid.sizes if size > 1)
    return GroundTruth.from_table(codes, sizes) if sizes else None


def labelled_codes(codes: np.ndarray, test_codes: np.ndarray, factors: Factors, known: KnownFactors) -> LabelledCodes:
    """The codes (N, D) of your own training and test points, with their factors that vary."""
    kept = [f for f, name in enumerate(factors.names) if name in known.sizes]
    return LabelledCodes(codes, factors.train[:, kept], test_codes, factors.test[:, kept])


def truth_of(
    codes: Mapping[str, np.ndarray], dataset: Dataset, known: KnownFactors
) -> GroundTruth | LabelledCodes | None:
    """What is known about the factors, with the codes of the ``grid``, or of the ``train`` and ``test`` points."""
    if dataset.grid is not None:
        return ground_truth(codes["grid"], dataset.grid)
    if dataset.factors is not None and "train" in codes:
        return labelled_codes(codes["train"], codes["test"], dataset.factors, known)
    return None


def scores(
    names: Sequence[str],
    codes: np.ndarray,
    truth: GroundTruth | LabelledCodes | None,
    seed: int = 0,
    before: Callable[[str], Any] = lambda name: None,
    after: Callable[[str, Score], Any] = lambda name, score: None,
) -> dict[str, Score]:
    """The metrics of codes.

    Parameters
    ----------
    names : sequence of str
        From `choose`.
    codes : numpy.ndarray of shape (N, D)
        For the metrics that need no factors and do not take the truth.
    truth : GroundTruth, LabelledCodes or None
        What is known about the factors.
    seed : int
        0 to 2^64 - 1, converted by `legacy_seed`; disentanglement_lib's protocol uses 0.
    before : callable
        Called with each metric's name before it is computed.
    after : callable
        Called with its name and score when it is done.
    """
    found: dict[str, Score] = {}
    for name in names:
        before(name)
        found[name] = _score(name, codes, truth, legacy_seed(seed))
        after(name, found[name])
    return found


def known_metrics(evaluation: Mapping[str, Any], prior: str) -> set[str]:
    """The metrics in an evaluation.json; with a Student-t prior, those that it has for means and for quantiles."""
    known = set(evaluation.get("metrics", {}))
    return known & set(evaluation.get("metrics_of_gaussian_quantiles", {})) if prior == StudentT.name else known


def _score(name: str, codes: np.ndarray, truth: GroundTruth | LabelledCodes | None, seed: int) -> Score:
    try:
        score = METRICS[name].score(codes, truth, seed)
    except OptionError as error:  # about an argument of the metric's function, which the user did not give
        raise OptionError("metrics", name, error.message()) from error
    except MinidecompError:
        raise
    except Exception as error:  # a metric of your own may raise anything
        raise Fault(f"the metric {name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(score, Score):
        raise Fault(f"the metric {name} gave a {type(score).__name__}, not a Score")
    if not math.isfinite(score.score):
        raise Fault(f"the metric {name} gave {score.score}, which is not a number")
    return score


def gaussian_codes(codes: np.ndarray, prior: StudentT) -> np.ndarray:
    """The codes (N, D) as quantiles of a Gaussian with the prior's loc and scale.

    x = m + s Phi^-1(F_nu((z - m) / s)), as Mathieu et al. (2019) score them. They are in the codes' own units, because
    thresholds are absolute.
    """
    return prior.loc + prior.scale * gaussian_quantiles(codes, prior.df, prior.loc, prior.scale)

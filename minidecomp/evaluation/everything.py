"""Evaluates a trained model: first checks what is wanted, then computes it.

``evaluate``, the end of ``train`` and sweeps all use this module, so that each number in an ``evaluation.json`` is
computed in one way.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.dataset import Dataset
from ..data.points import Points, as_stored, evenly_spread
from ..data.rules import check_finite, log_volume
from ..engines import Engine, make_for_use
from ..errors import Overtaken, counted
from ..files import unchecked
from ..runs.checkpoint import State
from ..runs.evaluation_file import model_of, read_evaluation, recorded_terms, update_evaluation
from ..settings.options import SEED, TrainOptions
from ..settings.resolving import whole_number
from ..terms.priors import StudentT
from ..training import Trainer
from ..variants import METRICS
from . import scoring
from .decomposition import decomposition
from .dimensions import dimension_kl
from .marginal import SAMPLES, marginal_log_likelihood
from .metrics import Score
from .terms import evaluate_model

MOST_SAMPLES, MOST_POINTS = 10**7, 10**9


@dataclass(frozen=True)
class Wanted:
    """What an evaluation computes besides the terms on the test data and the active latent dimensions.

    Attributes
    ----------
    metrics : str
        Names separated by commas, ``all`` or ``none``; empty for the default (`scoring.choose`).
    decomposition : bool
        Whether to estimate overlap and match.
    marginal_log_likelihood : bool
        Whether to estimate it.
    importance_samples : int
        Samples per point, for the marginal log-likelihood.
    points : int, optional
        Number of test points for it, evenly spread; None for all.
    seed : int, optional
        Seed of all draws, 0 to 2^64 - 1; None for the run's own.

    Raises
    ------
    OptionError
        A number is not allowed. Numbers may be given as text.
    """

    metrics: str = "none"
    decomposition: bool = False
    marginal_log_likelihood: bool = False
    importance_samples: int = SAMPLES
    points: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        limits = {"importance_samples": (1, MOST_SAMPLES), "points": (1, MOST_POINTS), "seed": (0, SEED)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole_number(name, value, low, high))


@dataclass(frozen=True)
class Listener:
    """The functions that an evaluation calls as it goes.

    Attributes
    ----------
    say : callable
        Called with a line about what comes next.
    found : callable
        Called with all results so far, whenever there is a new one.
    points : callable
        Called with the number of points whose marginal log-likelihood is done, and the number of all points.
    """

    say: Callable[[str], object] = lambda line: None
    found: Callable[[dict[str, Any]], object] = lambda result: None
    points: Callable[[int, int], object] = lambda done, count: None


def check_wanted(wanted: Wanted, options: TrainOptions, dataset: Dataset) -> list[str]:
    """The names of the wanted metrics. Call it before training or computing anything.

    Raises
    ------
    OptionError
        There is no such metric, or the data or the model do not allow it.
    MinidecompError
        A package is missing.
    """
    return scoring.choose(
        wanted.metrics, scoring.known_factors(dataset, options), options.latent_dim, len(dataset.test)
    )


def evaluate(
    options: TrainOptions,
    state: State,
    engine: Engine,
    dataset: Dataset,
    wanted: Wanted | None = None,
    listener: Listener | None = None,
) -> dict[str, Any]:
    """Evaluate a trained model.

    Parameters
    ----------
    options : TrainOptions
        The run's options; importance sampling uses their ``engine`` and ``threads``.
    state : State
        The state with the model.
    engine : Engine
        An engine with the same model.
    dataset : Dataset
        The data that the model was trained on, with the test points.
    wanted : Wanted, optional
    listener : Listener, optional

    Returns
    -------
    dict
        The content of ``evaluation.json`` (docs/files.md).

    Raises
    ------
    DataError
        An encoding is not finite, and something that needs the encodings is wanted.
    """
    wanted, listener = wanted or Wanted(), listener or Listener()
    seed = options.seed if wanted.seed is None else wanted.seed
    names = check_wanted(wanted, options, dataset)
    known = scoring.known_factors(dataset, options)
    if line := scoring.left_out(wanted.metrics, names, known, options.latent_dim, len(dataset.test)):
        listener.say(line)
    for name in names:
        if METRICS[name].slow:
            listener.say(f"{name} will take {METRICS[name].slow}, and twice that with a Student-t prior")
    result: dict[str, Any] = {"version": __version__, **model_of(state), "seed": seed}
    row = state.rows[-1] if state.rows else {}
    result["train"] = recorded_terms(row, options.log_prior_multiplier)
    if validation := recorded_terms(row, options.log_prior_multiplier, "validation"):
        result["validation"] = validation
    terms, (loc, scale) = evaluate_model(engine, dataset, options.batch_size, seed)
    if names or wanted.decomposition or wanted.marginal_log_likelihood:
        check_finite(f"the test points of {dataset.name}", {"loc": loc, "scale": scale})
    result |= terms | {"log_volume": log_volume(dataset, state.vae.likelihood.name)}
    listener.found(result)
    if wanted.decomposition:
        listener.say("computing overlap and match")
        found = decomposition(loc, scale, state.vae.current_prior(), seed=seed)
        result["decomposition"] = found | {"seed": seed}
        listener.found(result)
    if wanted.marginal_log_likelihood:
        result["marginal_log_likelihood"] = _marginal(options, state, dataset, wanted, seed, listener)
        listener.found(result)
    if names:
        _add_metrics(result, names, options, loc, state, engine, dataset, seed, listener)
    return result


def evaluate_run(
    folder: Path,
    options: TrainOptions,
    state: State,
    engine: Engine,
    dataset: Dataset,
    wanted: Wanted | None = None,
    listener: Listener | None = None,
    check: Callable[[], object] = unchecked,
    overtaken: list[Overtaken] | None = None,
) -> dict[str, Any]:
    """`evaluate`, and write each result into the run's evaluation.json at once, since the next may take long.

    Results already in the file are kept if they are about this same model. ``check`` is as for
    `minidecomp.files.write_file`. If the run has another model by now, the error is raised, or appended to
    ``overtaken`` if that is given; the remaining results are then computed but not written.
    """
    listener = listener or Listener()
    tell = listener.found

    def found(result: dict[str, Any]) -> None:
        try:
            if not overtaken:
                update_evaluation(folder, state, result, check)
        except Overtaken as error:
            if overtaken is None:
                raise
            overtaken.append(error)
        tell(result)

    return evaluate(options, state, engine, dataset, wanted, replace(listener, found=found))


def evaluate_trainer(trainer: Trainer, metrics: str = "none", listener: Listener | None = None) -> dict[str, Any]:
    """`evaluate_run` for a run that has just been trained: its best model, with the run's seed."""
    assert trainer.folder is not None
    wanted, o, state = Wanted(metrics), trainer.options, trainer.state.chosen
    engine = make_for_use(o.engine, state.vae, trainer.objective, batch_size=o.batch_size, threads=o.threads)
    return evaluate_run(trainer.folder, o, state, engine, trainer.dataset, wanted, listener, trainer.check_folder)


def evaluated_dimension_kl(folder: Path, options: TrainOptions, state: State, loc: Any, scale: Any) -> np.ndarray:
    """Each latent dimension's KL on the test data, in nats, from evaluation.json if that is about this same model.

    Otherwise it is computed with the run's seed, as at the end of training.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder.
    options : TrainOptions
    state : State
    loc, scale : numpy.ndarray of shape (N, D)
        Of the posteriors of all test points.

    Returns
    -------
    numpy.ndarray of shape (D,)
        NaN for a dimension whose KL is not finite.
    """
    dimensions = read_evaluation(folder, state).get("dimensions")
    if isinstance(dimensions, dict):
        with suppress(TypeError, ValueError):
            known = np.asarray(dimensions.get("kl"), np.float64)  # null is NaN
            if known.shape == (loc.shape[1],):
                return known
    return dimension_kl(loc, scale, state.vae.current_prior(), options.seed)


def _marginal(
    options: TrainOptions, state: State, dataset: Dataset, wanted: Wanted, seed: int, listener: Listener
) -> dict[str, Any]:
    data = dataset.test
    if wanted.points is not None and wanted.points < len(data):
        data = data[evenly_spread(len(data), wanted.points)]
    estimate = marginal_log_likelihood(
        state.vae,
        data,
        wanted.importance_samples,
        seed,
        options.engine,
        options.threads,
        lambda done: listener.points(done, len(data)),
    )
    return estimate.as_dict() | {"seed": seed}


def _add_metrics(
    result: dict[str, Any],
    names: list[str],
    options: TrainOptions,
    loc: np.ndarray,
    state: State,
    engine: Engine,
    dataset: Dataset,
    seed: int,
    listener: Listener,
) -> None:
    """The metrics, each for the points that it takes; with a Student-t prior also for their Gaussian quantiles."""
    known, prior = scoring.known_factors(dataset, options), state.vae.current_prior()
    result["factors"] = dict(known.sizes)
    result["factors_sha256"] = "" if dataset.factors is None else dataset.factors.digest()
    encoded = {"test": loc}
    if dataset.grid is not None:
        encoded["grid"] = _encode(engine, dataset.grid.points, f"the grid's points of {dataset.name}", listener)
    elif any(METRICS[name].function_of(known) for name in names):
        encoded["train"] = _encode(engine, dataset.train, f"the training points of {dataset.name}", listener)
    ways = {"metrics": encoded}
    if isinstance(prior, StudentT):
        quantiles = {part: scoring.gaussian_codes(codes, prior) for part, codes in encoded.items()}
        ways["metrics_of_gaussian_quantiles"] = quantiles
    for key, codes in ways.items():
        result[key] = {}

        def before(name: str, key: str = key) -> None:
            listener.say(
                f"computing {METRICS[name].title}" + ("" if key == "metrics" else " of the Gaussian quantiles")
            )

        def after(name: str, score: Score, key: str = key) -> None:
            result[key][name] = score.as_dict()
            listener.found(result)

        truth = scoring.truth_of(codes, dataset, known)
        scoring.scores(names, codes.get("grid", codes["test"]), truth, seed, before, after)


def _encode(engine: Engine, points: Points, name: str, listener: Listener) -> np.ndarray:
    """The posterior means of points (N, dx) -> (N, D)."""
    listener.say(f"encoding {counted(len(points), 'point')}")
    loc, _ = engine.encode(as_stored(points, engine.vae.dtype))
    check_finite(name, {"loc": loc})
    return loc

"""The rules that every engine applies, with the same messages: for its batches, its draws and its calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np

from .._core import codes
from ..data.points import Points
from ..errors import OptionError
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..randomness.draws import Draws
from ..variants import LIKELIHOODS, REGULARISERS
from .constants import is_built_in

NO_REGULARISER = "none"  # given as a regulariser's name, it means that none is computed
# The compiled engine has the same message (_core/engine.pxi).
AT_WORK = (
    "the engine is at work: it does one call at a time, so make one for each thread, and another "
    "for a prior that calls one"
)


class HasLock(Protocol):
    """An engine with a plain lock, held by the call that is running."""

    lock: threading.Lock


E = TypeVar("E", bound=HasLock)
P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def at_work(engine: HasLock) -> Iterator[None]:
    """Holds the engine's lock; RuntimeError if another call, in another thread or further up in this one, holds it."""
    if not engine.lock.acquire(blocking=False):
        raise RuntimeError(AT_WORK)
    try:
        yield
    finally:
        engine.lock.release()


def one_call_at_a_time(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
    """An engine's method that holds the engine's lock while it runs, as `at_work` does."""

    @wraps(method)
    def call(engine: E, *arguments: P.args, **more: P.kwargs) -> R:
        with at_work(engine):
            return method(engine, *arguments, **more)

    return call


def pairs(regulariser: str | None, rows: int, samples: int) -> int:
    """How many pairs of points a regulariser compares in a batch of ``rows`` with so many posterior samples each."""
    if regulariser is None:
        return 0
    return rows**2 * (samples if regulariser == "mmd" else 1)


def knows_regulariser(objective: Objective) -> bool:
    """Whether compiled code supports the regulariser, or does not need to because its weight is 0."""
    return objective.alpha == 0 or objective.regulariser in codes.REGULARISERS


def check_known(engine: str, vae: VAE, objective: Objective) -> None:
    """Raise OptionError if a part of the model is not in compiled code and the cpu or gpu engine needs it.

    The cpu engine computes the terms of such a prior or regulariser in Python, unless a variance is learned.
    """
    prior, likelihood = vae.prior, vae.likelihood
    if likelihood.name not in codes.LIKELIHOODS or type(likelihood) is not LIKELIHOODS[likelihood.name]:
        raise OptionError(
            "engine", engine, f"it does not know the {likelihood.name} likelihood; use `--engine textbook`"
        )
    known = {f"{prior.name} prior": is_built_in(prior)}
    known[f"{objective.regulariser} regulariser"] = knows_regulariser(objective)
    for part, is_known in known.items():
        if not is_known and engine == "gpu":
            raise OptionError(
                "engine", engine, f"it does not know the {part}; use `--engine cpu` or `--engine textbook`"
            )
        if not is_known and vae.learn_prior_variance:
            raise OptionError("engine", engine, f"it cannot learn a variance with the {part}; use `--engine textbook`")
    if objective.kl == "analytic" and not getattr(prior, "closed_form_kl", False):
        raise OptionError("kl", "analytic", f"the {prior.name} prior has no closed form; use `--kl monte-carlo`")


def asked(regulariser: str | None, objective: Objective) -> str | None:
    """The regulariser that ``Engine.values`` computes: the named one, or the objective's; None if none."""
    wanted = regulariser or objective.regulariser
    return None if wanted == NO_REGULARISER else wanted


def named_terms(values: Sequence[float], regulariser: str | None, objective: Objective) -> dict[str, float]:
    """The terms that an engine has computed, in the order of ``codes.TERMS``, by name, and their objective."""
    named = dict(zip(codes.TERMS, values, strict=True))
    if regulariser is None:
        del named["regulariser"]
    return with_objective(named, objective)


def with_objective(values: dict[str, float], objective: Objective) -> dict[str, float]:
    """The terms' values, and the objective's if every term with a weight is there."""
    if objective.alpha != 0 and "regulariser" not in values:
        return values
    return values | {"objective": objective.combine(values)}


def least_points(regulariser: str | None) -> int:
    """How many points a batch needs for the regulariser, or without one."""
    return 1 if regulariser is None else REGULARISERS[regulariser].least_points


def trained_rows(rows: int, batch_size: int, regulariser: str | None) -> int:
    """How many of ``rows`` rows are used: a last batch with too few points for the regulariser is left out."""
    if batch_size < least_points(regulariser):
        return 0
    last = rows % batch_size
    return rows - last if last < least_points(regulariser) else rows


def steps(rows: int, batch_size: int, regulariser: str | None) -> int:
    """How many steps an epoch of ``rows`` rows has."""
    return -(-trained_rows(rows, batch_size, regulariser) // batch_size)


def check_training(
    data: Points, order: Any, batch_size: int, optimizer: Adam, totals: np.ndarray, vae: VAE, room: int | None
) -> None:
    """Raise ValueError or IndexError if ``train`` cannot use these; ``room`` is the largest batch that fits."""
    check_batch(data, vae, None)
    check_order(order)
    check_optimizer(optimizer, vae)
    if not isinstance(batch_size, int | np.integer):
        raise ValueError(f"the batch size is {batch_size!r}, not a whole number")
    if order.ndim not in (1, 2):
        raise ValueError(f"order has {order.ndim} dimensions, not the rows of one epoch or of several")
    batch = min(batch_size, order.shape[-1]) if order.size else 0
    if batch < 1 or (room is not None and batch > room):
        raise ValueError(f"batches of {batch} points, room for 1 to {'any number' if room is None else room}")
    expected = (*order.shape[:-1], 4)
    good = totals.shape == expected and totals.dtype == np.float64 and totals.flags.c_contiguous
    if not (good and totals.flags.writeable):
        given = f"{totals.dtype} of shape {totals.shape}" + ("" if totals.flags.writeable else ", read-only")
        raise ValueError(f"totals is {given}, not float64 of shape {expected}")
    # A permutation on a device comes from the engine itself and needs no check.
    if isinstance(order, np.ndarray):
        check_rows_exist(order, data)


def check_order(order: Any) -> None:
    """Raise ValueError if the rows are not an array of int64."""
    if getattr(order, "dtype", None) != np.int64:
        kind = order.dtype if hasattr(order, "dtype") else f"a {type(order).__name__}"
        raise ValueError(f"order is {kind}; expected an array of int64")


def check_rows_exist(order: np.ndarray, data: Points) -> None:
    """Raise IndexError if the data do not have one of the rows."""
    if not 0 <= order.min() <= order.max() < len(data):
        raise IndexError(f"rows {order.min()} to {order.max()} of {len(data)}")


def check_optimizer(optimizer: Adam, vae: VAE) -> None:
    """Raise ValueError if Adam's moments are not those of the model's parameters."""
    vector = vae.parameters.vector
    for name in ("m", "v", "v_max"):
        moments = getattr(optimizer, name)
        if moments is not None and (moments.shape != vector.shape or moments.dtype != vector.dtype):
            expected = f"{vector.dtype} of shape {vector.shape}"
            raise ValueError(f"the optimiser's {name} is {moments.dtype} of shape {moments.shape}, not {expected}")


def check_batch(x: Points, vae: VAE, regulariser: str | None, room: int | None = None) -> None:
    """Raise ValueError if the batch has the wrong width, too few points, or more points than ``room``."""
    if x.shape[1] != vae.data_dim:
        raise ValueError(f"the data are {x.shape[1]} wide, the model takes {vae.data_dim}")
    if isinstance(x, np.ndarray) and not x.flags.c_contiguous:
        raise ValueError("the data are not stored row by row: make them C-contiguous")
    check_rows(len(x), regulariser, room)


def check_rows(rows: int, regulariser: str | None, room: int | None = None) -> None:
    """Raise ValueError if a batch of so many rows is empty, too small for the regulariser, or larger than ``room``."""
    if rows < 1:
        raise ValueError("no rows")
    if room is not None and rows > room:
        raise ValueError(f"{rows} rows, room for {room}")
    least = least_points(regulariser)
    if rows < least:
        raise ValueError(f"{regulariser} needs {'two' if least == 2 else least} points or more")


def check_batches(
    data: Points, order: np.ndarray, batch_size: int, steps: Sequence[int], vae: VAE, room: int | None
) -> None:
    """Raise ValueError or IndexError if the data cannot be used in batches of the rows in ``order``."""
    check_batch(data, vae, None)
    check_order(order)
    check_rows(min(batch_size, len(order)), None, room)
    check_rows_exist(order, data)
    if len(steps) != -(-len(order) // batch_size):
        raise ValueError(f"{len(steps)} steps, {-(-len(order) // batch_size)} batches")


def check_draws(draws: Draws, batch: int, vae: VAE, objective: Objective) -> None:
    """Raise ValueError if a draw's shape does not match the batch, or the prior's noise comes without its choices."""
    rows = (batch, vae.latent_dim)
    wanted = {"eps": (objective.samples, *rows), "prior_sample": rows, "prior_noise": rows}
    kind = vae.prior.choice_kind
    if kind is not None:
        wanted["prior_choice"] = rows if kind == "element" else rows[:1]
    for name, shape in wanted.items():
        given = getattr(draws, name)
        if given is None and name == "eps":
            raise ValueError("the draws have no eps, the posterior's noise")
        if given is not None and given.shape != shape:
            raise ValueError(f"{name} has another shape, {given.shape}, not {shape}")
    if draws.prior_noise is not None and kind is not None and draws.prior_choice is None:
        raise ValueError("prior_noise needs prior_choice")


def check_importance(objective: Objective) -> None:
    """Raise ValueError if the objective's KL does not contain the log weights of its samples."""
    if objective.kl != "monte-carlo" or objective.log_prior_multiplier != 1:
        raise ValueError("importance weights need the Monte-Carlo KL, with a log prior multiplier of 1")

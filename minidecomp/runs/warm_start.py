"""A new run that starts with another run's weights: its options, and what it takes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ..data.scaling import Scaling
from ..errors import DataError, OptionError, RunError, counted
from ..settings.options import OF_THE_MACHINE, TrainOptions, is_relevant
from ..settings.sources import override
from . import checkpoint
from .checkpoint import Run, State
from .comparison import short_text
from .folder import config_values

# What the weights were trained for stays, unless it is given, even if other data or another prior have other defaults.
OF_THE_NETWORK = (
    *("latent_dim", "hidden", "decoder_hidden", "activation", "decoder_activation"),
    *("scale_link", "likelihood", "dtype"),
)
OF_A_WARM_START = ("from_run", "from_which", "keep_optimizer")

Read = TypeVar("Read")


def with_its_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a new run: the given ones and, for the rest, those of the run that ``from_run`` names.

    A value may be a list, as in a sweep.

    Raises
    ------
    RunError
        There is no such run, or it is damaged.
    OptionError
        Several runs are named.
    """
    origin = given.get("from_run")
    if origin is None:
        return dict(given)
    if isinstance(origin, list):
        raise OptionError(
            "from_run", ",".join(map(str, origin)), "all runs must start from the same weights; name one run"
        )
    options = _read(checkpoint.identity, origin).options
    own = {
        name: value for name, value in config_values(options).items() if name not in (*OF_THE_MACHINE, *OF_A_WARM_START)
    }
    kept = {name: own[name] for name in OF_THE_NETWORK if name in own}
    made = {**kept, **override(own, given)}
    # Options of the run's own prior or data have no meaning for others.
    one = {name: value for name, value in made.items() if not isinstance(value, list)}
    return {name: value for name, value in made.items() if name in given or is_relevant(name, one)}


def _read(read: Callable[[str], Read], origin: str) -> Read:
    try:
        return read(origin)
    except (RunError, OSError) as error:  # the latter for a name that is too long
        reason = error.args[0] if isinstance(error, RunError) else str(error.strerror or error)
        raise OptionError("from_run", origin, reason.removeprefix(f"{origin}: ")) from None


def begin(state: State, options: TrainOptions, scaling: Scaling | None) -> tuple[str, ...]:
    """Give a new state the weights of the run that ``from_run`` names and, if wanted, its optimiser's state.

    The prior's learned variances are included if both runs learn them. ``scaling`` is that of the new run's data.

    Returns
    -------
    tuple of str
        Lines about the weights, and how they were trained differently; none if no run is named.

    Raises
    ------
    RunError
        There is no such run, or it is damaged.
    OptionError
        An option needs other shapes; it is named.
    DataError
        The data have another width.
    """
    if options.from_run is None:
        return ()
    run = _read(lambda folder: checkpoint.load(folder, options.from_which), options.from_run)
    _check_shapes(run, state, options)
    theirs, ours = run.vae.parameters, state.vae.parameters
    for name, view in ours.items():
        if name in theirs.shapes:
            view[...] = theirs[name]
    if options.keep_optimizer:
        _take_optimizer(run, state)
    return _what_differs(run, scaling)


def _check_shapes(run: Run, state: State, options: TrainOptions) -> None:
    width = state.vae.data_dim
    if run.rules.width != width:
        raise DataError(
            f"{run.folder}: its model takes points of {counted(run.rules.width, 'number')}, the data have {width}; "
            "`--from` needs the same number"
        )
    for name in ("latent_dim", "hidden", "decoder_hidden"):
        theirs, ours = getattr(run.options, name), getattr(options, name)
        if theirs != ours:
            raise OptionError(name, short_text(ours), f"the run that `--from` names has {short_text(theirs)}")
    if run.vae.decoder.widths != state.vae.decoder.widths:
        raise OptionError(
            "likelihood", options.likelihood, f"the run that `--from` names has outputs for {run.options.likelihood}"
        )


def _take_optimizer(run: Run, state: State) -> None:
    adam, theirs = state.optimizer, run.state.optimizer
    if run.vae.parameters.shapes != state.vae.parameters.shapes:
        raise OptionError("keep_optimizer", True, "only one of the two runs has `--learn-prior-variance`")
    if (adam.v_max is None) != (theirs.v_max is None):
        raise OptionError("keep_optimizer", True, "only one of the two runs has `--amsgrad`")
    adam.take_over(theirs)


def _what_differs(run: Run, scaling: Scaling | None) -> tuple[str, ...]:
    begins = f"starts with the weights of {run.folder}, from epoch {run.state.epoch}"
    theirs = run.rules.scaling
    same = (scaling is None) == (theirs is None) and (
        scaling is None
        or theirs is None
        or (np.array_equal(scaling.shift, theirs.shift) and np.array_equal(scaling.scale, theirs.scale))
    )
    if same:
        return (begins,)
    return begins, "the data are scaled differently from that run's, so its weights may fit badly at first"

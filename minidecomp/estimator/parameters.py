"""The estimator's parameters: the options of ``minidecomp train`` that apply to arrays, and three more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import OptionError
from ..settings.options import DATA, OF_THE_MACHINE, OWN, by_name, chosen_variant
from ..settings.schedules import SCHEDULED, own_options
from ..settings.validation import GO_WITH_IT

OF_VALIDATION = ("validation_fraction", "early_stopping", *GO_WITH_IT)
PATIENCE = 10  # validations, of early_stopping=True, as in scikit-learn

OF_AN_ARRAY = ("scale", "channels", "validation_fraction")  # options for a file that also apply to an array
OF_A_FOLDER = ("log_gradients", "checkpoint_every", "log")  # options for what goes into a run folder
# The parameters that are not options, and their defaults.
OF_PYTHON: dict[str, Any] = {"reshape": False, "verbose": 0, "callbacks": ()}
# What `set_params` may change between two calls of `partial_fit`: everything but the model and its prior.
CHANGEABLE = (
    *("alpha", "beta", "regulariser", "kl", "samples", "log_prior_multiplier"),
    *("lr", "batch_size", "seed", "epochs", *OF_THE_MACHINE),
    *OF_VALIDATION,  # not used by partial_fit
    *(option for name in SCHEDULED for option in own_options(name)),
)


def option_names() -> list[str]:
    """The options of ``minidecomp train`` that are also parameters of the estimator."""
    options = (each for each in by_name().values() if each.group != DATA or each.name in OF_AN_ARRAY)
    return [each.name for each in options if each.name not in OF_A_FOLDER]


def parameters() -> dict[str, Any]:
    """The estimator's parameters, with the command's defaults for your own data."""
    own, table = chosen_variant("data", OWN).defaults, by_name()
    return {name: own.get(name, table[name].default) for name in option_names()} | OF_PYTHON


def patience(value: Any) -> Any:
    """The patience that ``early_stopping`` asks for: ten validations for True, none for False."""
    return {True: PATIENCE, False: 0}[value] if isinstance(value, bool) else value


def is_verbose(value: Any) -> bool:
    """The value of ``verbose``; OptionError unless it is 0 or 1."""
    if not isinstance(value, int | np.integer | np.bool_) or value not in (0, 1):
        raise OptionError("verbose", value, must_be="0 or 1")
    return bool(value)


def checked_callbacks(value: Any) -> Sequence[Callable[[Any], object]]:
    """The functions in ``callbacks``; None means none. OptionError unless it is a sequence of functions."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(map(callable, value)):
        raise OptionError("callbacks", value, expected="a list of functions, each of which takes the trainer")
    return value

"""What the page's engine and controls take from Python's tables, so that each number is defined in one place."""

from __future__ import annotations

from typing import Any

from .._core import codes
from ..figures.classes import CLASS_COLOURS, SHAPES
from ..randomness import streams
from ..settings.options import by_name, choices_of
from ..settings.resolving import resolve
from ..variants import Option

LARGEST_EXACT = 2**53  # JavaScript represents every whole number up to this exactly
ORDERS = ("ACTIVATIONS", "SCALE_LINKS", "LIKELIHOODS", "PRIORS", "KL_ESTIMATORS", "REGULARISERS", "TERMS")
NUMBERS = ("MIN_SCALE", "LOG_2PI", "LEAKY_SLOPE", "KERNEL_SCALES", "LEAST_MMD_POINTS")

# The options that a page uses in training; the others have the command's defaults.
PAGE_OPTIONS = (
    *("data", "data_seed", "arms", "points_per_arm", "radial_std", "tangential_std", "rate"),
    *("prior", "prior_variance_scale", "learn_prior_variance", "components", "component_radius"),
    *("df", "gamma", "spike_scale", "latent_dim", "hidden", "decoder_hidden", "activation", "decoder_activation"),
    *("init", "scale_link", "likelihood", "likelihood_scale", "beta", "alpha", "regulariser", "kl", "samples"),
    *("log_prior_multiplier", "batch_size", "lr", "amsgrad", "seed"),
)
# The page's limits: weights, hidden layers of a network, and numbers in all training points.
LIMITS = {"weights": 20_000, "hidden": 3, "numbers": 120_000}


def constants() -> dict[str, Any]:
    """The page's ``CONSTANTS``, ready for JSON.

    ``ACTIVATIONS``, ``PRIORS`` and so on hold names in the order of their codes. ``streams`` holds the purposes and the
    first step of each stream of random numbers.
    """
    return {
        **{name: getattr(codes, name) for name in (*ORDERS, *NUMBERS)},
        "LARGEST_GRADIENT": codes.LARGEST_GRADIENT["float64"],
        "streams": {name: _stream(each) for name, each in vars(streams).items() if isinstance(each, streams.Stream)},
        "classColours": CLASS_COLOURS,
        "classShapes": SHAPES,
    }


def option_constants() -> dict[str, Any]:
    """Additional constants for a page with controls.

    ``options`` has the kind, limits, choices and default of each option of a run; ``defaults`` has the options of
    ``minidecomp train --data pinwheel --prior mixture``, ``usualVarianceScale`` each prior's default, and ``limits``
    the page's limits.
    """
    first = _usual("mixture")
    return {
        "options": {name: _option(option) for name, option in by_name().items()},
        "defaults": {name: getattr(first, name) for name in PAGE_OPTIONS},
        "usualVarianceScale": {name: _usual(name).prior_variance_scale for name in codes.PRIORS},
        "limits": LIMITS,
    }


def _usual(prior: str) -> Any:
    return resolve(data="pinwheel", prior=prior)


def whole(value: Any) -> Any:
    """The value; a whole number that JavaScript would round becomes the text of its digits."""
    return str(value) if isinstance(value, int) and abs(value) > LARGEST_EXACT else value


def _stream(stream: streams.Stream) -> dict[str, Any]:
    return {"purposes": stream.purposes, "first_step": str(stream.first_step)}


def _option(option: Option) -> dict[str, Any]:
    limits = {name: whole(getattr(option, name)) for name in ("low", "high", "above", "below", "most")}
    return {
        "kind": option.kind.__name__,
        **limits,
        "choices": choices_of(option),
        "default": option.default,
    }

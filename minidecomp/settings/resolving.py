"""From the options that were given to those of a run: fills in the rest and refuses what is not allowed."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Mapping
from typing import Any

from ..errors import OptionError
from .options import (
    ALIASES,
    DATA_DEFAULTS,
    DATA_OF_PRIOR,
    NAMES,
    PRIOR_OF_DATA,
    TrainOptions,
    by_name,
    default,
    kind,
    says_something,
)

MAX_THREADS = 256


def allowed(name: str) -> str:
    """What the option takes, as the end of a sentence: "a whole number from 1 to 8 is"."""
    meta, of = by_name()[name].metadata, kind(name)
    if "choices" in meta:
        return "one of " + ", ".join(str(choice) for choice in meta["choices"]) + " is"
    return "yes or no is" if of is bool else in_words(of, meta)


def in_words(of: Any, meta: Mapping[str, Any]) -> str:
    """A type and its limits: "a whole number from 1 to 8 is"."""
    noun = {int: "a whole number", float: "a number", tuple: "whole numbers"}.get(of, "a text")
    if "low" in meta and "high" in meta:
        bounds = f"from {_shown(meta['low'])} to {_shown(meta['high'])}"
    else:
        words = (("low", "of at least"), ("above", "above"), ("below", "below"))
        bounds = " and ".join(f"{word} {_shown(meta[key])}" for key, word in words if key in meta)
    end = f" with commas between, {meta['most']} at most, are" if of is tuple else " is"
    return f"{noun} {bounds}".rstrip() + end


def _shown(bound: float) -> str:
    return f"{bound:g}" if abs(bound) < 1e6 else str(bound)


def check(name: str, value: Any) -> Any:
    """The value in the option's type.

    Parameters
    ----------
    name : str
        As in ``TrainOptions``.
    value : object
        Of the option's type, or the text of it.

    Raises
    ------
    OptionError
        If it is not allowed.
    """
    meta, of = by_name()[name].metadata, kind(name)
    if isinstance(value, str) and name in ALIASES:
        value = ALIASES[name].get(value.lower(), value)
    try:
        converted = _convert(of, value)
    except (TypeError, ValueError, OverflowError):
        raise OptionError(name, value, allowed(name)) from None
    if name == "factors":
        from ..data.dsprites import selection

        selection(converted)
    if "choices" in meta and converted not in meta["choices"]:
        near = difflib.get_close_matches(str(converted), [str(choice) for choice in meta["choices"]], 1)
        raise OptionError(name, value, allowed(name) + (f"; did you mean {near[0]}?" if near else ""))
    numbers = converted if of is tuple else (converted,) if of in (int, float) else ()
    if not all(_within(number, meta) for number in numbers) or len(numbers) > meta.get("most", 1):
        raise OptionError(name, value, allowed(name))
    return converted


def check_known(name: str, value: Any) -> None:
    """Raise OptionError, with the nearest name, if there is no such option."""
    known = by_name()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise OptionError(name, value, f"there is no such option{hint}")


def _within(number: float, limits: Mapping[str, Any]) -> bool:
    return (
        math.isfinite(number)
        and limits.get("low", -math.inf) <= number <= limits.get("high", math.inf)
        and limits.get("above", -math.inf) < number < limits.get("below", math.inf)
    )


def _convert(of: Any, value: Any) -> Any:
    if of is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return value if isinstance(value, bool) else words[value.lower()] if value in words else _refuse()
    if isinstance(value, bool):
        return _refuse()
    if of is tuple:
        parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else list(value)
        return tuple(_convert(int, part) for part in parts if part != "")
    if of is int and isinstance(value, float) and not value.is_integer():
        return _refuse()
    if of is str:
        return os.fspath(value)
    return of(value)


def _refuse() -> Any:
    raise TypeError


def number(name: str, value: Any, **limits: float) -> float:
    """A number within ``low`` or ``above``, and ``high`` or ``below``, for an option that is not of training.

    Raises
    ------
    OptionError
        If it is none, or beyond its limits.
    """
    return _checked(name, value, float, limits)


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, for an option that is not of training; else OptionError."""
    return _checked(name, value, int, {"low": low, "high": high})


def _checked(name: str, value: Any, of: Any, limits: Mapping[str, Any]) -> Any:
    try:
        converted = _convert(of, value)
    except (TypeError, ValueError, OverflowError):
        converted = math.nan
    if not _within(converted, limits):
        raise OptionError(name, value, in_words(of, limits))
    return converted


def resolve(given: Mapping[str, Any] | None = None, /, **more: Any) -> TrainOptions:
    """The options of a run from those that were given; the rest are the paper's for the data set.

    Parameters
    ----------
    given : mapping, optional
        Values by name; None counts as not given.
    **more
        Further values, for ``resolve(prior="mixture", alpha=5)``.

    Returns
    -------
    TrainOptions
        For one's own data with ``likelihood`` None if it was not given: it is inferred once the data are read.

    Raises
    ------
    OptionError
        For an unknown name, a value that is not allowed, or options that contradict each other.
    """
    known = by_name()
    values: dict[str, Any] = {}
    for name, value in {**(given or {}), **more}.items():
        check_known(name, value)
        if value is not None:
            values[name] = check(name, value)

    prior, data = values.get("prior"), values.get("data")
    if prior is None:
        prior = PRIOR_OF_DATA.get(data, "gaussian") if data is not None else "mixture"
    data = DATA_OF_PRIOR[prior] if data is None else data

    defaults = {name: default(name) for name in known} | DATA_DEFAULTS.get(data, {})
    defaults |= {"prior": prior, "data": data, "kl": "analytic" if prior == "gaussian" else "monte-carlo"}
    defaults |= {"prior_variance_scale": 0.03 if prior == "mixture" else 1.0, "threads": cores()}
    resolved = defaults | values
    # A decoder mirrors the encoder, unless it is given, or the data's own encoder is left as it is.
    if "decoder_hidden" not in values and ("hidden" in values or resolved["decoder_hidden"] is None):
        resolved["decoder_hidden"] = tuple(reversed(resolved["hidden"]))
    if "decoder_activation" not in values and ("activation" in values or resolved["decoder_activation"] is None):
        resolved["decoder_activation"] = resolved["activation"]
    if resolved["engine"] == "auto":
        from ..engines import chosen

        resolved["engine"] = chosen("auto")
    _refuse_contradictions(resolved, values)
    return TrainOptions(**resolved)


def cores() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, MAX_THREADS)


def _refuse_contradictions(resolved: dict[str, Any], given: dict[str, Any]) -> None:
    for name in given:
        # One that has its default does no harm: another run's config.toml may bring it along.
        if not says_something(name, resolved) and given[name] != default(name):
            other, needed = by_name()[name].metadata["only_with"]
            need = f"--{other.replace('_', '-')} {' or '.join(needed)}"
            raise OptionError(name, given[name], f"it goes with {need} only, not with {resolved[other]}")
    own = resolved["data"] not in NAMES
    for name, needs_own in (("array", True), ("test_fraction", True), ("data_dir", False)):
        if given.get(name, default(name)) != default(name) and own != needs_own:
            need = "a file of one's own" if needs_own else "a named data set"
            raise OptionError(name, given[name], f"it goes with --data {need} only, not with {resolved['data']}")
    if resolved["kl"] == "analytic" and resolved["prior"] != "gaussian":
        raise OptionError("kl", "analytic", f"the {resolved['prior']} prior has no closed form; monte-carlo is")
    if resolved["kl"] == "analytic" and resolved["log_prior_multiplier"] != 1:
        multiplier = resolved["log_prior_multiplier"]
        raise OptionError("log_prior_multiplier", multiplier, "it goes with --kl monte-carlo only")
    if resolved["alpha"] > 0 and resolved["regulariser"] == "mmd" and resolved["batch_size"] < 2:
        raise OptionError("batch_size", resolved["batch_size"], "for --regulariser mmd at least 2 is")
    if resolved["prior_variance"] == "pca" and resolved["prior"] == "mixture":
        raise OptionError("prior_variance", "pca", "a mixture's components have equal variances: iso is")

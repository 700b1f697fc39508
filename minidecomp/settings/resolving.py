"""From the given options to those of a run: fills in the rest and refuses what is not allowed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from types import SimpleNamespace
from typing import Any

from ..errors import YES_OR_NO, OptionError, either, is_text, marked, shown
from ..errors import number as in_sentence
from ..variants import OPTION_CHECKS, Option
from . import schedules, validation
from .common_names import unknown_option
from .options import (
    ALIASES,
    CHOOSERS,
    OWN,
    REGULARISER,
    SEED,
    TrainOptions,
    by_name,
    choices_of,
    chosen_variant,
    cores,
    data_names,
    default,
    is_relevant,
)

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Python would also accept 1_000, digits of every script, and more.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _wrong_kind(option: Option, value: Any) -> OptionError:
    """The error about a value of another kind than the option's."""
    choices = choices_of(option)
    if choices is not None:
        return OptionError(option.name, value, choices=choices)
    if option.kind is bool:
        return OptionError(option.name, value, must_be=YES_OR_NO)
    return OptionError(option.name, value, expected=in_words(option.kind, limits_of(option), with_noun=True))


def limits_of(option: Option) -> dict[str, Any]:
    """The limits that the option has, by name: low, high, above, below and most."""
    limits = {name: getattr(option, name) for name in ("low", "high", "above", "below", "most")}
    return {name: limit for name, limit in limits.items() if limit is not None}


def in_words(kind: Any, limits: Mapping[str, Any], with_noun: bool = False) -> str:
    """A type and its limits: "a whole number from 1 to 8"; a number without its noun is "0 or more" or "above 0"."""
    noun = {int: "a whole number", float: "a number" if with_noun else "", tuple: "whole numbers"}.get(kind, "text")
    if "low" in limits and "high" in limits:
        bounds = f"from {_shown(limits['low'])} to {_shown(limits['high'])}"
    elif "low" in limits and len(limits) == 1:
        bounds = f"{'of ' if noun else ''}{_shown(limits['low'])} or more"
    else:
        words = (("low", "at least"), ("above", "above"), ("below", "below"))
        bounds = " and ".join(f"{word} {_shown(limits[key])}" for key, word in words if key in limits)
    if kind is tuple:
        return f"at most {limits['most']} {noun} {bounds}".strip() + ", separated by commas"
    return f"{noun} {bounds}".strip()


def _shown(bound: float) -> str:
    if bound == SEED:
        return "2^64 - 1"
    return f"{bound:,}" if abs(bound) >= 10_000 and isinstance(bound, int) else in_sentence(bound)


def check(name: str, value: Any) -> Any:
    """Convert a value to the option's type.

    Parameters
    ----------
    name : str
        As in ``TrainOptions``.
    value : object
        Of the option's type, or its text.

    Raises
    ------
    OptionError
        The value is not allowed.
    """
    return _check(by_name()[name], value)


def _check(option: Option, value: Any) -> Any:
    name = option.name
    limits, choices = limits_of(option), choices_of(option)
    if isinstance(value, str):
        value = ALIASES.get(name, {}).get(value.lower(), value)
        value = CHOOSERS[name][0].named(value) if name in CHOOSERS else value
    try:
        converted = _convert(option.kind, value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong_kind(option, value) from None
    if isinstance(converted, str) and not is_text(converted):
        raise OptionError(name, value, "names must be UTF-8 without zero bytes")
    if option.verify is not None:
        option.verify(converted)
    if choices is not None and converted not in choices:
        raise OptionError(name, value, choices=choices)
    numbers = converted if option.kind is tuple else (converted,) if option.kind in (int, float) else ()
    if not all(map(_is_finite, numbers)):
        raise _wrong_kind(option, value)
    if not all(_within(number, limits) for number in numbers) or len(numbers) > limits.get("most", 1):
        raise OptionError(name, value, must_be=in_words(option.kind, limits))
    return converted


def _check_own_option(option: Option) -> None:
    """Raise ValueError if the table cannot hold a variant's option."""
    if option.kind not in (str, int, float, bool, tuple) or (option.kind is tuple and option.most is None):
        raise ValueError(
            f"the option {option.name} has the kind {option.kind}; expected str, int, float, bool, or tuple with most"
        )
    if option.flags:
        _check_flags(option)
    if option.default is not None:
        try:
            _check(option, option.default)
        except OptionError as error:
            raise ValueError(f"the option {option.name} refuses its own default: {error}") from None


def _check_flags(option: Option) -> None:
    """Raise ValueError if another option already has one of the flags."""
    others = [other for other in by_name().values() if other != option]
    taken = {flag for other in others for flag in (*other.flags.split(), f"--{other.name.replace('_', '-')}")}
    for flag in option.flags.split():
        if flag in taken | {"-c", "-o", "-q", "-h"}:
            raise ValueError(f"the option {option.name} cannot have {flag}: another option has it")


OPTION_CHECKS.append(_check_own_option)


def named(options: Mapping[Any, Any]) -> dict[str, Any]:
    """The same options; OptionError if a name is not text."""
    for name in options:
        if not isinstance(name, str):
            raise OptionError("name", name, expected="the name of an option as text")
    return dict(options)


def check_known(name: str) -> None:
    """Raise UnknownOption, with the nearest name, if there is no such option."""
    if name not in by_name():
        raise unknown_option(name, by_name())


def _is_finite(number: float) -> bool:
    return isinstance(number, int) or math.isfinite(number)  # a whole number may be too large for isfinite


def _within(number: float, limits: Mapping[str, Any]) -> bool:
    return (
        _is_finite(number)
        and limits.get("low", -math.inf) <= number <= limits.get("high", math.inf)
        and limits.get("above", -math.inf) < number < limits.get("below", math.inf)
    )


def _convert(kind: Any, value: Any) -> Any:
    """Convert a value; TypeError, ValueError or OverflowError if that is impossible or would change the value."""
    if getattr(value, "ndim", None) == 0 and getattr(getattr(value, "dtype", None), "kind", "-") in "biufU":
        value = value.item()  # a number or text of NumPy
    if kind is bool:
        return value if isinstance(value, bool) else _yes_or_no(value)
    if isinstance(value, bool):
        return _refuse()
    if kind is tuple:
        return tuple(_convert(int, part) for part in _parts(value))
    if kind is str:
        path = os.fspath(value)
        return str(path) if isinstance(path, str) and "\0" not in path else _refuse()
    if isinstance(value, str):
        value = kind(value) if _NUMBER.fullmatch(value.strip()) else _refuse()
    return _as_number(kind, value) if isinstance(value, Real | Decimal) else _refuse()


def _as_number(kind: Any, value: Any) -> Any:
    as_float = float(value)  # what no float holds is beyond every limit, and might have endless digits as an int
    return as_float if kind is float else int(value) if math.isfinite(as_float) and value == int(value) else _refuse()


def _yes_or_no(value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else ""
    return _WORDS[word] if word in _WORDS else _refuse()


def _parts(value: Any) -> list[Any]:
    """The whole numbers in a list, or in a text that separates them by commas."""
    if isinstance(value, str):
        return value.strip().removesuffix(",").split(",") if value.strip() else []
    if isinstance(value, Real):
        return [value]
    taken = isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)
    return list(value) if taken or getattr(value, "ndim", 0) == 1 else _refuse()


def _refuse() -> Any:
    raise TypeError


def number(name: str, value: Any, **limits: float) -> float:
    """A number from ``low`` or ``above``, to ``high`` or ``below``, for an option that is not in the table.

    Raises
    ------
    OptionError
        It is not a number, or is outside its limits.
    """
    return _checked(name, value, float, limits)


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``, for an option that is not in the table; otherwise OptionError."""
    return _checked(name, value, int, {"low": low, "high": high})


def _checked(name: str, value: Any, kind: Any, limits: Mapping[str, Any]) -> Any:
    try:
        converted = _convert(kind, value)
    except (TypeError, ValueError, OverflowError):
        converted = math.nan
    if not _is_finite(converted):
        raise OptionError(name, value, expected=in_words(kind, limits, with_noun=True))
    if not _within(converted, limits):
        raise OptionError(name, value, must_be=in_words(kind, limits))
    return converted


def resolve(given: Mapping[str, Any] | None = None, /, **more: Any) -> TrainOptions:
    """The options of a run from those that were given; the rest are the paper's values for the data set.

    Parameters
    ----------
    given : mapping, optional
        Values by name; None counts as not given.
    **more
        Further values, as in ``resolve(prior="mixture", alpha=5)``.

    Returns
    -------
    TrainOptions
        For your own file, ``likelihood`` is None if it was not given; it is chosen when the data are read.

    Raises
    ------
    OptionError
        A name is unknown, a value is not allowed, or options contradict each other.
    """
    known = by_name()
    values: dict[str, Any] = {}
    for name, value in schedules.spelled_out(named({**(given or {}), **more})).items():
        if name not in known:
            raise unknown_option(name, known)
        if value is not None:
            values[name] = _check(known[name], value)

    prior, data = values.get("prior"), values.get("data")
    if prior is None:
        prior = chosen_variant("data", data).defaults.get("prior", "gaussian") if data is not None else "mixture"
    if data is None:
        data = chosen_variant("prior", prior).usual_data or "pinwheel"

    prior_is, data_is = chosen_variant("prior", prior), chosen_variant("data", data)
    resolved: dict[str, Any] = {name: option.default for name, option in known.items()}
    resolved |= {"prior_variance_scale": 1.0, "threads": cores(), "regulariser": REGULARISER}
    resolved |= {"kl": "analytic" if prior_is.closed_form_kl else "monte-carlo"}
    resolved |= {**prior_is.defaults, **data_is.defaults} | {"prior": prior, "data": data} | values
    # The decoder mirrors the encoder, unless it is given, or the data set has both and none is given.
    if "decoder_hidden" not in values and ("hidden" in values or resolved["decoder_hidden"] is None):
        resolved["decoder_hidden"] = tuple(reversed(resolved["hidden"]))
    if "decoder_activation" not in values and ("activation" in values or resolved["decoder_activation"] is None):
        resolved["decoder_activation"] = resolved["activation"]
    schedules.settle(resolved, values)
    validation.settle(resolved)
    _refuse_contradictions(resolved, values)
    return TrainOptions(**resolved)


def _refuse_contradictions(resolved: dict[str, Any], given: dict[str, Any]) -> None:
    for name in given:
        # A default does no harm, and may come from another run's config.toml.
        if not is_relevant(name, resolved) and given[name] != default(name):
            other, needed = by_name()[name].only_with or ("", ())
            raise OptionError(
                name, given[name], f"this is for {_need(other, needed)}, not for {shown(resolved[other])}"
            )
    prior, regulariser = (
        chosen_variant("prior", resolved["prior"]),
        chosen_variant("regulariser", resolved["regulariser"]),
    )
    if resolved["kl"] == "analytic" and not prior.closed_form_kl:
        raise OptionError("kl", "analytic", f"the {resolved['prior']} prior has no closed form; use `--kl monte-carlo`")
    if resolved["kl"] == "analytic" and resolved["log_prior_multiplier"] != 1:
        multiplier = resolved["log_prior_multiplier"]
        raise OptionError("log_prior_multiplier", multiplier, "this needs `--kl monte-carlo`")
    for name in ("keep_optimizer", "from_which"):
        if resolved[name] and resolved["from_run"] is None:
            raise OptionError(name, resolved[name], "this needs `--from RUN`")
    alpha = schedules.largest(SimpleNamespace(**resolved), "alpha")
    if alpha > 0 and resolved["batch_size"] < regulariser.least_points:
        need = f"at least {regulariser.least_points} for {marked('regulariser', regulariser.name)}"
        raise OptionError("batch_size", resolved["batch_size"], must_be=need)
    if resolved["prior_variance"] == "pca" and not prior.takes_data_variances:
        raise OptionError(
            "prior_variance", "pca", f"the {prior.name} prior has equal variances; use `--prior-variance iso`"
        )


def _need(other: str, needed: tuple[str, ...]) -> str:
    """`--prior mixture` or `--prior sparse`; your own data"""
    if other == "data" and set(data_names()) <= set(needed):
        return "named data sets"
    if other == "data" and needed == (OWN,):
        return "your own data"
    return either("your own data" if other == "data" and name == OWN else marked(other, name) for name in needed)

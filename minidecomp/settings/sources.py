"""Options from other places than the command line: a TOML file and the environment."""

from __future__ import annotations

import codecs
import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError, as_flags, shown
from ..files import named_path, read_small_file
from . import toml_text
from .resolving import check, check_known, resolve
from .schedules import SCHEDULED, own_options, spelled_out

PREFIX = "MINIDECOMP_"
# Variables that are not options of a run.
OTHERS = ("MINIDECOMP_DATA", "MINIDECOMP_NO_BLAS", "MINIDECOMP_NO_CLONES", "MINIDECOMP_DEBUG")

MOST_BYTES = 10_000_000


def from_environment() -> dict[str, Any]:
    """The options that MINIDECOMP_* variables set, checked.

    Raises
    ------
    RunError
        A variable does not name an option, or its value is not allowed; the message names the variable.
    """
    found = {}
    for variable, value in os.environ.items():
        if variable.startswith(PREFIX) and variable not in OTHERS and value:
            name = variable.removeprefix(PREFIX).lower().replace("regularizer", "regulariser")
            try:
                found[name] = _checked(name, value)
            except OptionError as error:
                raise RunError(error.message(_variable, as_flags)) from None
    return found


def _variable(option: str) -> str:
    return PREFIX + option.upper()


@contextmanager
def naming(
    given: Mapping[str, Any], environment: Mapping[str, Any], config: str | None, from_file: Mapping[str, Any]
) -> Iterator[None]:
    """Name the variable or the file in the error about an option that is not ``given`` but comes from there."""
    try:
        yield
    except OptionError as error:
        names = {error.option, error.option.removesuffix("_schedule")}
        if names & given.keys():
            raise
        if names & environment.keys():
            raise RunError(error.message(_variable, as_flags)) from None
        if names & from_file.keys():
            raise RunError(f"{config}: {error.message()}") from None
        raise


def read_config(path: str) -> dict[str, Any]:
    """The options in a TOML file, checked.

    Raises
    ------
    RunError
        The file cannot be read, or an option is unknown or has a value that is not allowed; the message names the file.
    """
    found = {}
    for name, value in read_toml(named_path(path)).items():
        if isinstance(value, Mapping):
            raise RunError(f"{path}: [{shown(name)}] is a table; options must stand at the top, outside any table")
        try:
            found[name] = _checked(name, value)
        except OptionError as error:
            raise RunError(f"{path}: {error.message()}") from None
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by name; ``batch-size`` counts as ``batch_size``.

    Raises
    ------
    RunError
        The file cannot be read, or is not TOML.
    """
    try:
        content = read_small_file(path, MOST_BYTES, streams=True)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise RunError(f"{path} is not a TOML file of options: {error.strerror}") from error
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        values = toml_text.loads(_decoded(content))
    except toml_text.TOMLError as error:
        raise RunError(f"{path} is not a TOML file: {error}") from error
    values.pop("version", None)
    found: dict[str, Any] = {}
    for name, value in values.items():
        option = name.replace("-", "_")
        if option in found:
            raise RunError(f"{path}: {option.replace('_', '-')} and {option} are the same option; give it once")
        found[option] = value
    return found


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise toml_text.TOMLError("the text is UTF-16; TOML must be UTF-8")
    try:
        return content.decode("utf-8-sig")  # some editors put a mark before the text
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise toml_text.TOMLError(f"a byte in line {line} is not UTF-8, which TOML must be") from None


def _checked(name: str, value: Any) -> Any:
    check_known(name)
    if name in SCHEDULED and isinstance(value, str) and ":" in value:
        spelled_out({name: value})  # refuses a wrong schedule
        return value
    return check(name, value)


def without_replaced_schedules(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options without values and schedules of alpha, beta and lr that the given ones replace."""
    kept = spelled_out(options)
    for name in SCHEDULED:
        own = (name, *own_options(name))
        if any(given.get(each) is not None for each in own):
            gone = own if given.get(own[1]) is not None else own[1:]
            kept = {each: value for each, value in kept.items() if each not in gone}
    return kept


def over(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, overridden by those given; a schedule replaces its value. A value may be a list, as in a sweep."""
    given = spelled_out(given)
    return {**without_replaced_schedules(options, given), **given}


def override(from_file: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The file's options, overridden by those given elsewhere.

    If these choose another prior or other data, values in the file that are defaults of its own prior and data are
    replaced by the new defaults.
    """
    given = spelled_out(given)
    from_file = without_replaced_schedules(from_file, given)
    choice: dict[str, Any] = {name: from_file[name] for name in ("prior", "data") if name in from_file}
    changed = any(given.get(name, value) != value for name, value in choice.items())
    if not changed:
        return {**from_file, **given}
    usual = vars(resolve(choice))
    return {name: value for name, value in from_file.items() if name in choice or value != usual[name]} | dict(given)

"""Where options come from besides the command line: a TOML file and the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import OptionError, RunError
from .resolving import check, check_known, resolve

PREFIX = "MINIDECOMP_"
# Variables that are no options of a run.
OTHERS = ("MINIDECOMP_DATA", "MINIDECOMP_NO_BLAS", "MINIDECOMP_NO_CLONES")


def from_environment() -> dict[str, Any]:
    """The options that MINIDECOMP_* variables set, checked.

    Raises
    ------
    OptionError
        If one has no option of its name, or its value is not allowed; the variable is named.
    """
    found = {}
    for variable, value in os.environ.items():
        if variable.startswith(PREFIX) and variable not in OTHERS and value:
            name = variable.removeprefix(PREFIX).lower().replace("regularizer", "regulariser")
            try:
                found[name] = _checked(name, value)
            except OptionError as error:
                raise RunError(error.message(variable)) from None
    return found


def read_config(path: str) -> dict[str, Any]:
    """The options in a TOML file, checked.

    Raises
    ------
    RunError
        If it cannot be read, or an option is not known or has a value that is not allowed; the file is named.
    """
    found = {}
    for name, value in read_toml(Path(path)).items():
        if isinstance(value, Mapping):
            raise RunError(f"{path}: [{name}] is a table; the options stand at the top, outside of any")
        try:
            found[name] = _checked(name, value)
        except OptionError as error:
            raise RunError(f"{path}: {error.message(error.option)}") from None
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """The options in a TOML file, by name; ``batch-size`` counts as ``batch_size``.

    Raises
    ------
    RunError
        If the file cannot be read or is no TOML.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, no TOML, an endless number, or too many brackets
        raise RunError(f"{path} is no TOML file: {error}") from error
    values.pop("version", None)
    return {name.replace("-", "_"): value for name, value in values.items()}


def _checked(name: str, value: Any) -> Any:
    check_known(name, value)
    return check(name, value)


def override(from_file: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The file's options and, over them, those given otherwise.

    Where these choose another prior or other data, what the file has only as the default of its own prior and data
    gives way to the new ones' defaults.
    """
    choice = {name: from_file[name] for name in ("prior", "data") if name in from_file}
    changed = any(given.get(name, value) != value for name, value in choice.items())
    if not changed:
        return {**from_file, **given}
    usual = vars(resolve(choice))
    return {name: value for name, value in from_file.items() if name in choice or value != usual[name]} | dict(given)

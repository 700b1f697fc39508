"""Reads TOML from any source, and writes flat TOML, which the standard library cannot."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from ..errors import shown


class TOMLError(ValueError):
    """A text is not TOML; the message is one line."""


def loads(text: str) -> dict[str, Any]:
    """The values in a TOML text.

    Raises
    ------
    TOMLError
        The text is not TOML, or has numbers of thousands of digits or endless brackets.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TOMLError(shown(error)) from None
    except RecursionError:
        raise TOMLError("too many nested brackets") from None
    except ValueError:
        raise TOMLError("a number or date that is out of range") from None


def dumps(values: Mapping[str, Any]) -> str:
    """One line ``key = value`` each; a value is a str, bool, int, float, or a list or tuple of these."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return repr(value)

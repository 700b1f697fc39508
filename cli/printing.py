"""How results are printed: values with their errors, decimal points below each other; texts in lines that fit."""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from .tables import terminal_width

USUAL_WIDTH = 100  # of a line where the output is not a terminal
DECIMALS, MOST_DECIMALS = 4, 9
HEAD = 6  # characters before the decimal point


def plus_minus(stream: Any = None) -> str:
    """The sign between a value and its error: ± where the stream (stdout by default) can show it, else +-."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        "±".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "+-"
    return "±"


def has_error(error: float | None) -> bool:
    """Whether there is an error to print: an exact value has none (0), and sometimes it is not known (NaN)."""
    return error is not None and math.isfinite(error) and error > 0


def with_decimals(value: float, error: float | None = None) -> tuple[str, str]:
    """A value and its error as text: two digits of the error, and as many decimals of the value.

    A value without an error has four decimals, and its error is an empty text.
    """
    if not math.isfinite(value) or abs(value) >= 1e9:
        return f"{value:.4g}", f"{error:.2g}" if error is not None and has_error(error) else ""
    if error is None or not has_error(error):
        return _unsigned_zero(f"{value:.{DECIMALS}f}"), ""
    decimals = min(max(0, 1 - math.floor(math.log10(error))), MOST_DECIMALS)
    return _unsigned_zero(f"{value:.{decimals}f}"), f"{error:.{decimals}f}"


def aligned(numbers: Sequence[tuple[float, float | None]], sign: str) -> list[str]:
    """Values with their errors, their decimal points below each other; ``sign`` stands between the two."""
    texts = [with_decimals(*each) for each in numbers]
    tails = [value[_point(value) :] for value, _ in texts]
    width = max([DECIMALS + 1, *map(len, tails)])
    return [
        f"{value[: _point(value)]:>{HEAD}}{tail:{width}}" + (f" {sign} {error}" if error else "")
        for (value, error), tail in zip(texts, tails, strict=True)
    ]


def _point(text: str) -> int:
    """Where the decimal point is, or the end of a text without one."""
    return text.find(".") if "." in text else len(text)


def _unsigned_zero(text: str) -> str:
    return text.lstrip("-") if float(text) == 0 else text


def wrapped(text: str, indent: str = "") -> list[str]:
    """The text in lines that fit the terminal, each with the indent."""
    width = max(terminal_width() or USUAL_WIDTH, 30)
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

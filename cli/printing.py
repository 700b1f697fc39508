"""How results are printed: values with their errors and aligned decimal points, and text that fits the terminal."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

USUAL_WIDTH = 100  # of a line if the output is not a terminal
DECIMALS, MOST_DECIMALS = 4, 9
HEAD = 6  # characters before the decimal point


def plus_minus(stream: Any = None) -> str:
    """The sign between a value and its error: ± where the stream (stdout by default) can show it, otherwise +-."""
    return _shown("±", "+-", stream)


def ellipsis() -> str:
    """The sign for what is left out of a word: … where stdout can show it, otherwise two dots."""
    return _shown("…", "..")


def _shown(sign: str, otherwise: str, stream: Any = None) -> str:
    """The sign if the stream (stdout by default) can show it."""
    try:
        sign.encode(getattr(stream or sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return otherwise
    return sign


def has_error(error: float | None) -> bool:
    """Whether there is an error to print: it is 0 for an exact value and NaN if it is not known."""
    return error is not None and math.isfinite(error) and error > 0


def with_decimals(value: float, error: float | None = None) -> tuple[str, str]:
    """A value and its error as text: two digits of the error, and the same number of decimals for the value.

    A value without an error has four decimals, and the text of its error is empty.
    """
    if not math.isfinite(value) or abs(value) >= 1e9:
        return f"{value:.4g}", f"{error:.2g}" if error is not None and has_error(error) else ""
    if error is None or not has_error(error):
        return _unsigned_zero(f"{value:.{DECIMALS}f}"), ""
    decimals = max(0, 1 - math.floor(math.log10(error)))
    if decimals > MOST_DECIMALS:
        return f"{value:.4g}", f"{error:.2g}"
    return _unsigned_zero(f"{value:.{decimals}f}"), f"{error:.{decimals}f}"


def aligned(numbers: Sequence[tuple[float, float | None]], sign: str) -> list[str]:
    """Values with their errors, aligned at the decimal point; ``sign`` stands between value and error."""
    texts = [with_decimals(*each) for each in numbers]
    tails = [value[_point(value) :] for value, _ in texts]
    width = max([DECIMALS + 1, *map(len, tails)])
    return [
        f"{value[: _point(value)]:>{HEAD}}{tail:{width}}" + (f" {sign} {error}" if error else "")
        for (value, error), tail in zip(texts, tails, strict=True)
    ]


def _point(text: str) -> int:
    """The position of the decimal point, or the length of a text without one."""
    return text.find(".") if "." in text else len(text)


def _unsigned_zero(text: str) -> str:
    return text.lstrip("-") if float(text) == 0 else text


def terminal_width() -> int | None:
    """The width of the terminal in characters; None if the output does not go to a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def wrapped(text: str, indent: str = "") -> list[str]:
    """The text as indented lines that fit the terminal."""
    width = max(terminal_width() or USUAL_WIDTH, 30)
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

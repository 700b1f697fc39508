"""How results are printed: values with their errors below each other, and text that fits the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from minidecomp.rounding import DECIMALS, with_error

USUAL_WIDTH = 100  # of a line if the output is not a terminal
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


def aligned(numbers: Sequence[tuple[float, float | None]], sign: str) -> list[str]:
    """Values with their errors, aligned at the decimal point; ``sign`` stands between value and error."""
    texts = [with_error(*each) for each in numbers]
    values = points_below_each_other([value for value, _ in texts], HEAD, DECIMALS + 1)
    return [value + (f" {sign} {error}" if error else "") for value, (_, error) in zip(values, texts, strict=True)]


def points_below_each_other(texts: Sequence[str], head: int = 0, tail: int = 0) -> list[str]:
    """Numbers of one length, aligned at the decimal point.

    ``head`` and ``tail`` are the least numbers of characters before it, and from it on.
    """
    parts = [(text[: _point(text)], text[_point(text) :]) for text in texts]
    head = max([head, *(len(before) for before, _ in parts)])
    tail = max([tail, *(len(after) for _, after in parts)])
    return [f"{before:>{head}}{after:{tail}}" for before, after in parts]


def _point(text: str) -> int:
    """The position of the decimal point, or the length of a text without one."""
    return text.find(".") if "." in text else len(text)


def terminal_width() -> int | None:
    """The width of the terminal in characters; None if the output does not go to a terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def wrapped(text: str, indent: str = "") -> list[str]:
    """The text as indented lines that fit the terminal."""
    width = max(terminal_width() or USUAL_WIDTH, 30)
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

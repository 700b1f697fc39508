"""What a term says of itself to ``minidecomp gradients --explain``: formula, derivation, an entry by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SMALL = 3  # points of the batch in a worked sum, so that every number can be shown


@dataclass(frozen=True)
class Explanation:
    """A term in words.

    Attributes
    ----------
    title : str
    formula, steps : tuple of str
        The value; and, a line a step, how the gradient follows.
    """

    title: str
    formula: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Worked:
    """One entry of a gradient by hand: the lines that lead to it, its value there, and the textbook code's."""

    lines: list[str]
    by_hand: float
    by_code: float


def numbers(values: Any) -> str:
    """(1.5, -2, 0.25)"""
    return "(" + ", ".join(f"{value:.6g}" for value in values.ravel()) + ")"

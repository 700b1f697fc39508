"""What ``minidecomp gradients --explain`` says about a term: its formula, its derivation, one entry by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SMALL = 3  # points in a sum worked by hand: few enough to show every number


@dataclass(frozen=True)
class Explanation:
    """A term in words, as ``minidecomp gradients --explain`` prints it.

    Attributes
    ----------
    title : str
        The term's name.
    formula : tuple of str
        The value and the gradient, one formula in each string.
    steps : tuple of str
        How the gradient follows from the value, one step in each string.
    """

    title: str
    formula: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class Worked:
    """One entry of a gradient worked by hand.

    Attributes
    ----------
    lines : list of str
        The numbers that lead to the entry, step by step.
    by_hand, by_code : float
        The entry as these lines compute it, and as the textbook's code does.
    """

    lines: list[str]
    by_hand: float
    by_code: float


def numbers(values: Any) -> str:
    """The entries of an array as text, with six significant digits: (1.5, -2, 0.25)."""
    return "(" + ", ".join(f"{value:.6g}" for value in values.ravel()) + ")"

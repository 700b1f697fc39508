"""What a term says of itself to ``minidecomp gradients --explain``: formula, derivation, an entry by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SMALL = 3  # points of the batch in a worked sum, so that every number can be shown


@dataclass(frozen=True)
class Explanation:
    """A term in words, as ``minidecomp gradients --explain`` prints it.

    Attributes
    ----------
    title : str
        The term's name.
    formula : tuple of str
        The value and the gradient, a formula on each line.
    steps : tuple of str
        How the gradient follows from the value, a step on each line.
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
        The numbers that lead to it, step by step.
    by_hand, by_code : float
        The entry from these lines, and from the textbook's code.
    """

    lines: list[str]
    by_hand: float
    by_code: float


def numbers(values: Any) -> str:
    """The entries of an array as text with six digits: (1.5, -2, 0.25)."""
    return "(" + ", ".join(f"{value:.6g}" for value in values.ravel()) + ")"

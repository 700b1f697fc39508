"""What an explanation is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.vae import VAE
from ..objective import Objective
from ..randomness.draws import Draws


@dataclass(frozen=True)
class Situation:
    """What the numbers are taken from: a float64 model, a batch x (B, dx) and its draws."""

    vae: VAE
    objective: Objective
    x: np.ndarray
    draws: Draws


@dataclass(frozen=True)
class Worked:
    """One entry by hand: the lines that lead to it, its value there, and the textbook code's."""

    lines: list[str]
    by_hand: float
    by_code: float


@dataclass(frozen=True)
class Explanation:
    """What ``minidecomp gradients --explain`` prints of a term.

    Attributes
    ----------
    title : str
    formula, steps : tuple of str
        The value; and, a line a step, how the gradient follows.
    code : tuple of callables
        The textbook's functions.
    work : callable
        Takes a Situation, returns a Worked.
    """

    title: str
    formula: tuple[str, ...]
    steps: tuple[str, ...]
    code: tuple[Callable[..., Any], ...]
    work: Callable[[Situation], Worked]

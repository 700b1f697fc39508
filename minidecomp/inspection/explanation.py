"""The parts of an explanation: the model, points and noise behind its numbers, and the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.vae import VAE
from ..objective import Objective
from ..randomness.draws import Draws
from ..terms.explanation import Explanation, Worked


@dataclass(frozen=True)
class Situation:
    """The source of the numbers: a float64 model, a batch x (B, dx) and its draws."""

    vae: VAE
    objective: Objective
    x: np.ndarray
    draws: Draws


@dataclass(frozen=True)
class Explained:
    """A term as ``minidecomp gradients --explain`` prints it.

    Attributes
    ----------
    explanation : Explanation
    code : tuple of callables
        The textbook's functions.
    work : callable
        Takes a Situation, returns a Worked.
    """

    explanation: Explanation
    code: tuple[Callable[..., Any], ...]
    work: Callable[[Situation], Worked]

"""What every metric returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """A metric's value, and all that is needed to interpret it and to compute it again.

    Attributes
    ----------
    score : float
        The metric's main value; never NaN.
    details : dict
        Other results by name: numbers, and (nested) lists of numbers. Codes and factors count from 0.
    samples : dict of str to int
        The number of points, or votes, in each part of the computation.
    seed : int or None
        The seed of the draws; None if nothing was drawn.
    definition : str
        The definition in one line, with the thresholds used.
    """

    score: float
    details: dict[str, Any]
    samples: dict[str, int]
    seed: int | None
    definition: str

    def as_dict(self) -> dict[str, Any]:
        """The score as a dict for ``json.dumps``."""
        return asdict(self)

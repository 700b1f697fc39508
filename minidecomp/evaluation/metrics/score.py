"""What every metric returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """A metric's value, and all that is needed to say what it means and to compute it again.

    Attributes
    ----------
    score : float
        The metric's headline; never NaN.
    details : dict
        What else it found, by name: numbers, and lists (of lists) of numbers. Codes and factors count from 0.
    samples : dict of str to int
        How many points, or votes, each part of the computation used.
    seed : int or None
        The seed of the draws; None where nothing was drawn.
    definition : str
        The definition in one line, with the thresholds used.
    """

    score: float
    details: dict[str, Any]
    samples: dict[str, int]
    seed: int | None
    definition: str

    def as_dict(self) -> dict[str, Any]:
        """The score as a dict that ``json.dumps`` takes."""
        return asdict(self)

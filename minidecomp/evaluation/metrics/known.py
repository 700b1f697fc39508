"""What is known about a data set's factors before anything is computed, which decides the metrics it allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .labelled import in_both_parts, parts

ALL, IN_BOTH_PARTS, HOLDABLE = "all", "in both parts", "holdable"


@dataclass(frozen=True)
class KnownFactors:
    """The factors of a data set that vary: those with two values or more.

    Attributes
    ----------
    sizes : mapping of str to int
        Each factor's name and number of values.
    at_will : bool
        Whether points of any combination can be drawn; otherwise the factors are known only for the given points.
    usable : mapping of str to int
        For given points: how many factors have two values that occur both in training and in test points
        (``IN_BOTH_PARTS``), and how many have a value of two points or more (``HOLDABLE``).
    advice : str
        If no factor varies: what to do about it, or why; empty if there is nothing to say.
    """

    sizes: Mapping[str, int]
    at_will: bool
    usable: Mapping[str, int]
    advice: str = ""

    @classmethod
    def none(cls, advice: str = "") -> KnownFactors:
        """For data without factors."""
        return cls({}, False, {}, advice)

    @classmethod
    def drawn(cls, names: Sequence[str], sizes: Sequence[int]) -> KnownFactors:
        """For data whose points can be drawn by the values of factors."""
        return cls({name: size for name, size in zip(names, sizes, strict=True) if size > 1}, True, {})

    @classmethod
    def of_points(cls, names: Sequence[str], factors: np.ndarray, test_factors: np.ndarray) -> KnownFactors:
        """From the factors (n, F) of a user's training points and (m, F) of the test points, int64 from 0."""
        counts = [np.bincount(column) for column in np.concatenate([factors, test_factors]).T]
        sizes = {name: np.count_nonzero(count) for name, count in zip(names, counts, strict=True)}
        varying = {name: int(size) for name, size in sizes.items() if size > 1}
        if not varying:
            return cls.none(f"; one value only: {', '.join(names)}")
        fit, held_out = parts(len(factors), len(test_factors))
        usable = {
            IN_BOTH_PARTS: len(in_both_parts(factors[fit], test_factors[held_out])),
            HOLDABLE: sum(np.count_nonzero(count) > 1 < count.max() for count in counts),
        }
        return cls(varying, False, usable)

    def count(self, which: str) -> int:
        """The number of factors of a kind; if factors can be drawn at will, all of them are of every kind."""
        return self.usable.get(which, len(self.sizes))

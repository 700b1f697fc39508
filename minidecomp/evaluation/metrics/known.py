"""What is known of a data set's factors before anything is computed: which metrics it allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .labelled import in_both_parts, parts

ALL, IN_BOTH_PARTS, HOLDABLE = "all", "in both parts", "holdable"


@dataclass(frozen=True)
class KnownFactors:
    """The factors of a data set that vary: those of which two values or more are there.

    Attributes
    ----------
    sizes : mapping of str to int
        Each one's name, and how many values it has.
    at_will : bool
        Whether points of any combination can be drawn; else the factors are known of the points that are there.
    usable : mapping of str to int
        Of the latter: how many of them have two values that are both in training and in the test (``IN_BOTH_PARTS``),
        and how many have a value of two points or more (``HOLDABLE``).
    advice : str
        Where none varies: what to do about it, or why; empty if nothing is to be said.
    """

    sizes: Mapping[str, int]
    at_will: bool
    usable: Mapping[str, int]
    advice: str = ""

    @classmethod
    def none(cls, advice: str = "") -> KnownFactors:
        """Of data without factors."""
        return cls({}, False, {}, advice)

    @classmethod
    def drawn(cls, names: Sequence[str], sizes: Sequence[int]) -> KnownFactors:
        """Of data whose points can be drawn by the factors' values."""
        return cls({name: size for name, size in zip(names, sizes, strict=True) if size > 1}, True, {})

    @classmethod
    def of_points(cls, names: Sequence[str], factors: np.ndarray, test_factors: np.ndarray) -> KnownFactors:
        """Of the factors (n, F) of a person's training points, and (m, F) of the test points, int64 from 0."""
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
        """How many factors there are of a kind; of those that can be drawn at will all are of every kind."""
        return self.usable.get(which, len(self.sizes))

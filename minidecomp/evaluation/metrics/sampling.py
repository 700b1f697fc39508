"""Ground truth: factors that can be drawn at will, and the codes of the points that they give.

Scores equal those of disentanglement_lib only if the draws do. They come from NumPy's legacy ``RandomState``, whose
stream never changes, in that library's order: factor by factor, and in batches of 16 for most metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import OptionError, counted
from ...randomness import philox, streams
from .arrays import as_codes, as_count

BATCH = 16


@dataclass(frozen=True)
class GroundTruth:
    """Independent factors, uniform over their values, and a representation of the points that they give.

    Attributes
    ----------
    factor_sizes : tuple of int
        The number of values of each of the F factors; factor f takes 0 to ``factor_sizes[f] - 1``.
    represent : callable
        Takes factors (n, F) int64 and returns the codes (n, D) of these points; for a VAE, the means of the encoder. A
        row's codes must depend on that row alone, because points are represented in other batches than they are drawn
        in.

    Raises
    ------
    OptionError
        ``factor_sizes`` is empty or has a size below 1.
    """

    factor_sizes: tuple[int, ...]
    represent: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        sizes = tuple(as_count("factor_sizes", size) for size in self.factor_sizes)
        if not sizes:
            raise OptionError("factor_sizes", sizes, expected="at least one factor")
        object.__setattr__(self, "factor_sizes", sizes)

    @classmethod
    def from_table(cls, codes: Any, factor_sizes: tuple[int, ...]) -> GroundTruth:
        """Ground truth from codes that were computed before.

        Parameters
        ----------
        codes : array (N, D)
            The codes of all N = prod(factor_sizes) points, the last factor moving fastest (row-major), in the order of
            dSprites.
        factor_sizes : tuple of int
            The number of values of each factor; dSprites without its colour has (3, 6, 40, 32, 32).

        Raises
        ------
        OptionError
            The table has another number of rows, or does not contain codes.
        """
        table = np.asarray(codes)  # not as float64: a large table of float32 stays as it is
        as_codes(table, least_points=1)

        def look_up(factors: np.ndarray) -> np.ndarray:
            return table[np.ravel_multi_index(tuple(factors.T), truth.factor_sizes)]

        truth = cls(factor_sizes, look_up)
        rows = math.prod(truth.factor_sizes)
        if len(table) != rows:
            allowed = f"{counted(rows, 'row')}, one for each combination of factors {truth.factor_sizes}"
            raise OptionError("codes", f"shape {table.shape}", expected=allowed)
        return truth

    def of_those_that_vary(self) -> GroundTruth:
        """The same without the factors that have one value; they keep it.

        Raises
        ------
        OptionError
            No factor has two values.
        """
        kept = [f for f, size in enumerate(self.factor_sizes) if size > 1]
        if len(kept) == len(self.factor_sizes):
            return self
        if not kept:
            raise OptionError("factor_sizes", self.factor_sizes, expected="a factor with at least two values")

        def represent(factors: np.ndarray) -> np.ndarray:
            every = np.zeros((len(factors), len(self.factor_sizes)), np.int64)
            every[:, kept] = factors
            return self.represent(every)

        return GroundTruth(tuple(self.factor_sizes[f] for f in kept), represent)


def codes_of(truth: GroundTruth, factors: np.ndarray) -> np.ndarray:
    """The codes (n, D), float64, of factors (n, F), checked."""
    codes = as_codes(truth.represent(factors), "represent", least_points=0)
    if len(codes) != len(factors):
        raise OptionError(
            "represent", f"{len(codes)} rows for {len(factors)} points", expected="one row for each point"
        )
    return codes


def legacy_seed(seed: int) -> int:
    """The seed for NumPy's legacy generators, from a run's or an evaluation's seed, which may have 64 bits.

    Below 2^32 it stays the same, as disentanglement_lib's scores require; above, the first word of its stream.
    """
    return int(seed) if seed < 2**32 else int(philox.words(1, seed, *streams.METRICS.at())[0])


def legacy_random(seed: int) -> np.random.RandomState:
    """NumPy's legacy generator; ``seed`` is 0 to 2^32 - 1."""
    if as_count("seed", seed, least=0) >= 2**32:
        raise OptionError("seed", seed, must_be="a whole number from 0 to 2^32 - 1")
    return np.random.RandomState(seed)


def draw_factors(sizes: tuple[int, ...], n: int, random: np.random.RandomState) -> np.ndarray:
    """The factors (n, F) int64 of n points, drawn one factor after the other."""
    return np.stack([random.randint(size, size=n) for size in sizes], axis=1).astype(np.int64, copy=False)


def draw_points(truth: GroundTruth, n: int, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """The codes (n, D) and factors (n, F) of n points, drawn 16 at a time: other batches would give other points."""
    batches = [draw_factors(truth.factor_sizes, min(BATCH, n - i), random) for i in range(0, n, BATCH)]
    factors = np.concatenate(batches)
    return codes_of(truth, factors), factors


def all_factors(sizes: tuple[int, ...]) -> np.ndarray:
    """Every combination of factors once, (prod(sizes), F) int64, the last factor moving fastest."""
    return np.indices(sizes).reshape(len(sizes), -1).T

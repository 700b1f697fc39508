"""A data set in batches through an engine that takes one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from ..data.points import Points
from ..errors import Fault, MinidecompError
from . import Engine
from .rules import NO_REGULARISER, check_batches, least_points


def usable(regularisers: Sequence[str], points: int) -> list[str]:
    """The regularisers that can be computed from a batch of so many points, or ``none`` if there are none."""
    wanted = [name for name in regularisers if name == NO_REGULARISER or points >= least_points(name)]
    return wanted or [NO_REGULARISER]


class BatchEngine(Engine, Protocol):
    """An engine that takes one batch at a time."""

    def values_with(
        self, x: Points, seed: int, step: int, regularisers: Sequence[str | None]
    ) -> Iterator[dict[str, float]]:
        """The ``values`` of a batch x (B, dx) with each of some regularisers, in order, from one forward pass.

        It is a generator, so that what raises an error is known: the regulariser whose turn it is.
        """


class BatchByBatch:
    """What a ``BatchEngine`` has of ``Engine`` from its ``values_with``: data sets are batches one after another."""

    def values(self: BatchEngine, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms of x (B, dx) with the draws of a seed and a step."""
        (found,) = self.values_with(x, seed, step, [regulariser])
        return found

    def values_by_batch(
        self: BatchEngine,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        seed: int,
        steps: Sequence[int],
        regularisers: Sequence[str],
    ) -> list[dict[str, dict[str, float]]]:
        """See the contract, ``minidecomp.engines.Engine``."""
        check_batches(data, order, batch_size, steps, self.vae, None)
        found = []
        for first, step in zip(range(0, len(order), batch_size), steps, strict=True):
            x = data[order[first : first + batch_size]]
            names = usable(regularisers, len(x))
            found.append(_by_name(names, self.values_with(x, seed, step, names)))
        return found

    def log_weights_by_batch(
        self: Engine, data: Points, batch_size: int, seed: int, steps: Sequence[Sequence[int]]
    ) -> Iterator[np.ndarray]:
        """See the contract, ``minidecomp.engines.Engine``."""
        for first, own in zip(range(0, len(data), batch_size), steps, strict=True):
            x = data[first : first + batch_size]
            for step in own:
                yield self.log_weights(x, seed, step)


def _by_name(regularisers: Sequence[str], values: Iterator[dict[str, float]]) -> dict[str, dict[str, float]]:
    """The values with each regulariser, by its name; Fault with the name of the one that failed."""
    found = {}
    for name in regularisers:
        try:
            found[name] = next(values)
        except (MinidecompError, MemoryError):
            raise
        except Exception as error:  # a user's regulariser or prior may raise anything
            raise Fault(f"the terms with regulariser {name} failed: {type(error).__name__}: {error}") from error
    next(values, None)  # it ends, and lets go of the engine
    return found

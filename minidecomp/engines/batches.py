"""A data set in batches through an engine that takes one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..data.points import Points
from ..errors import Fault, MinidecompError
from . import Engine
from .rules import NO_REGULARISER, check_batches, least_points


def usable(regularisers: Sequence[str], points: int) -> list[str]:
    """The regularisers that can be computed from a batch of so many points, or ``none`` if there are none."""
    wanted = [name for name in regularisers if name == NO_REGULARISER or points >= least_points(name)]
    return wanted or [NO_REGULARISER]


class BatchByBatch:
    """What an engine has of ``Engine`` if it takes one batch at a time: data sets are its batches one after another."""

    def values_by_batch(
        self: Engine,
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
            found.append({name: _values(self, x, seed, step, name) for name in usable(regularisers, len(x))})
        return found

    def log_weights_by_batch(
        self: Engine, data: Points, batch_size: int, seed: int, steps: Sequence[Sequence[int]]
    ) -> Iterator[np.ndarray]:
        """See the contract, ``minidecomp.engines.Engine``."""
        for first, own in zip(range(0, len(data), batch_size), steps, strict=True):
            x = data[first : first + batch_size]
            for step in own:
                yield self.log_weights(x, seed, step)


def _values(engine: Engine, x: Points, seed: int, step: int, regulariser: str) -> dict[str, float]:
    try:
        return engine.values(x, seed, step, regulariser)
    except (MinidecompError, MemoryError):
        raise
    except Exception as error:  # a user's regulariser or prior may raise anything
        raise Fault(f"the terms with regulariser {regulariser} failed: {type(error).__name__}: {error}") from error

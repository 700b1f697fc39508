"""The engines: one contract, implemented by the textbook's array code, compiled code on the CPU, and a GPU.

An engine holds a model and an objective. It trains in place, evaluates, encodes and decodes. With the same seed, all
engines draw the same numbers. An engine raises an error for what it cannot do; it never falls back to another engine.

Shapes: B points in a batch, data of width dx, D latent dimensions, K posterior samples; rows are points. Values are
means over the batch and the K samples, in nats (the MMD has no unit).

Signs: a gradient is that of the weighted sum of terms, sum_T weights[T] T. With the objective's weights,
(1, -beta, -alpha), it is the objective's gradient, along which the objective grows. ``train`` goes down the gradient of
the loss, which is minus the objective.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from ..data.points import Points
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..settings.options import ENGINES
from .choice import check_engine


class Engine(Protocol):
    """What every engine does. ``data`` is (N, dx) in the model's dtype, or bytes, or bits (minidecomp/data/points.py).

    An engine may work on its own copy of the model. ``pull`` copies what ``train`` has changed to ``vae.parameters``
    and to the optimiser; ``push`` copies ``vae.parameters`` to the engine.

    An engine does one call at a time. A call during another one, from a second thread or from a prior's method, raises
    RuntimeError.

    An engine may keep a copy of the last data, so data that it has seen are not to be changed in place.

    A call that fails changes nothing. It raises ValueError if the data do not have the model's width, if there are no
    rows or more than there is room for, if a draw has the wrong shape, or if the MMD is asked for with a single point
    (``mmd needs two points or more``). It raises IndexError if ``order`` has a row that the data do not have.
    """

    vae: VAE
    objective: Objective

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the engine works on this machine: a sentence each."""

    def with_objective(self, objective: Objective) -> Engine:
        """An engine of the same kind and size, for the same model in its current state, with another objective."""

    def train(
        self,
        data: Points,
        order: Any,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """Train in place: one step for each batch of rows in ``order``, epoch by epoch.

        No batch crosses two epochs, and each epoch has as many steps, s = ``rules.steps(n, batch_size, regulariser)``.
        So after a fault, with k the number of steps by which the optimiser's count has grown, the fault is in epoch
        k // s, counted from 0, and the totals of all earlier epochs are complete.

        Parameters
        ----------
        data : Points of shape (N, dx)
        order : array of shape (n,) or (E, n)
            Rows of the data, int64: those of one epoch, or of E epochs that follow each other. They may be a part of a
            ``permutation``, or ``permutations``.
        batch_size : int
            An epoch's last batch with too few points for the regulariser (one, for the MMD, if alpha is not 0) is left
            out and not counted.
        optimizer : Adam
            Changed in place, like the parameters.
        seed : int
            The seed of the draws; the step's number is the optimiser's.
        totals : numpy.ndarray of shape (4,) or (E, 4)
            For every batch, each term times the batch size, and the batch size itself, are added to its epoch's totals.

        Returns
        -------
        str or None
            The name of a term that was not finite, or ``gradient`` if its square was not. The parameters are then those
            from before that step. None if every step succeeded.
        """

    def value_and_grad(self, x: Points, draws: Any, weights: Any = None) -> tuple[dict[str, float], np.ndarray]:
        """The terms of a batch x (B, dx) with given draws, and the gradient (size,) of their weighted sum.

        The regulariser's gradient reaches a learned variance through ``draws.prior_sample`` if ``draws.prior_noise``
        (and ``prior_choice``, for a prior that has choices) is given. Otherwise the sample is a constant.
        """

    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms of a batch x (B, dx), with the draws of a seed and a step, by name.

        The regulariser is the named one, or by default the objective's; "none" leaves it out.
        """

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x) of each posterior sample, (K, B), in nats; the KL must be monte-carlo."""

    def values_by_batch(
        self,
        data: Points,
        order: np.ndarray,
        batch_size: int,
        seed: int,
        steps: Sequence[int],
        regularisers: Sequence[str],
    ) -> list[dict[str, dict[str, float]]]:
        """The ``values`` of each batch of rows in ``order``, with the draws of its own step, by regulariser.

        A batch with too few points for every regulariser has them under ``none``, without a regulariser. A batch is
        encoded, sampled and decoded once, however many regularisers there are.
        """

    def log_weights_by_batch(
        self, data: Points, batch_size: int, seed: int, steps: Sequence[Sequence[int]]
    ) -> Iterator[np.ndarray]:
        """The ``log_weights`` of each batch of rows, in order: one array (K, B) for each of the batch's own steps."""

    def encode(self, data: Points, alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x) for data (N, dx).

        With ``alone`` a row's codes are the same, to the bit, whatever other rows there are. Otherwise the last bits
        may depend on how many rows are multiplied together.
        """

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D)."""

    def permutation(self, n: int, seed: int, step: int) -> Any:
        """The order of an epoch's rows, (n,) int64, in the memory that holds the engine's data."""

    def permutations(self, n: int, seed: int, step: int, count: int) -> Any:
        """The orders of ``count`` epochs, (count, n) int64: row e is the ``permutation`` of step + e."""

    def push(self) -> None:
        """Copy the parameters from ``vae.parameters`` to the engine."""

    def pull(self) -> None:
        """Update ``vae.parameters`` and the optimiser of the last training from the engine."""


def make(name: str, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1) -> Engine:
    """The engine ``cpu``, ``gpu`` or ``textbook``, with room for ``max_rows`` points; only the CPU uses ``threads``.

    Raises
    ------
    OptionError
        If the GPU is asked for and none can be used.
    """
    check_engine(name)
    if name == "gpu":
        from .gpu import GpuEngine

        return GpuEngine(vae, objective, max_rows=max_rows)
    if name == "textbook":
        from .textbook import TextbookEngine

        return TextbookEngine(vae, objective)
    if name == "cpu":
        from .cpu import CpuEngine

        return CpuEngine(vae, objective, max_rows=max_rows, threads=threads)
    raise ValueError(f"engine {name!r} is none of {', '.join(ENGINES)}")


ROWS_AT_ONCE = 512  # enough rows for fast encoding of many points


def make_for_use(name: str, vae: VAE, objective: Objective, *, batch_size: int, threads: int = 1) -> Engine:
    """An engine for a trained model. It always gives exactly the same codes.

    A code's last bits depend on how many rows are multiplied together, so the number of rows is fixed. The GPU engine
    has a number of its own, whatever the batch size (gpu_coder.py).

    Raises
    ------
    OptionError
        As `make`.
    """
    return make(name, vae, objective, max_rows=max(batch_size, ROWS_AT_ONCE), threads=threads)

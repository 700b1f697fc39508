"""The engines: one contract, by the textbook's array code, compiled for the CPU, or on a GPU.

An engine holds a model and an objective. It trains in place, evaluates, encodes and decodes; with the same seed all
engines draw the same numbers. What an engine cannot do it says; none falls back to another.

Shapes: B points in a batch, dx data width, D latent dimensions, K posterior samples; rows are points. Values are means
over the batch and the K samples, in nats (the MMD has no unit).

Signs: a gradient is that of the weighted sum of terms, sum_T weights[T] T. With the weights of the objective,
(1, -beta, -alpha), it is the objective's, along which the objective grows. ``train`` goes down the gradient of the
loss, which is minus the objective.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..data.points import Points
from ..errors import OptionError
from ..model.optimizer import Adam
from ..model.vae import VAE
from ..objective import Objective
from ..settings.options import ENGINES
from .device import missing


def usable_engine(name: str) -> str:
    """The engine that a name stands for here: for ``auto`` the GPU where there is one, else the CPU.

    Raises
    ------
    OptionError
        If it is the GPU and none can be used.
    """
    if name == "auto":
        return "cpu" if missing() else "gpu"
    if name == "gpu" and (reason := missing()):
        raise OptionError("engine", "gpu", reason)
    return name


class Engine(Protocol):
    """What every engine does. ``data`` is (N, dx) in the model's dtype, or bytes, or bits (minidecomp/data/points.py).

    An engine may work on memory of its own. What ``train`` does to the parameters and to the optimiser is seen in them
    after a ``pull``, and a change of ``vae.parameters`` by others is seen by the engine after a ``push``.

    An engine does one call at a time. A call that comes while another is at work, of a second thread or from within a
    prior's method, gets a RuntimeError.

    A call that cannot be done changes nothing. ValueError says that data are of another width than the model's, that
    there are no rows, or more than there is room for, that a draw has another shape, or, of one point where the MMD is
    asked for, ``mmd needs two points or more``. IndexError says that ``order`` has a row that the data do not have.
    """

    vae: VAE
    objective: Objective

    def with_objective(self, objective: Objective) -> Engine:
        """An engine of the same kind and size for the same model as it now is, with another objective."""

    def train(
        self,
        data: Points,
        order: Any,
        batch_size: int,
        optimizer: Adam,
        seed: int,
        totals: np.ndarray,
    ) -> str | None:
        """Train in place: one step for each batch of rows in ``order``.

        Parameters
        ----------
        data : Points of shape (N, dx)
        order : array of shape (n,)
            Rows of the data, int64, or a stretch of a ``permutation``.
        batch_size : int
            A last batch that has too few points for the regulariser (one, for the MMD, if alpha is not 0) is left out,
            and counts nowhere.
        optimizer : Adam
            Changed in place, as the parameters are.
        seed : int
            Of the draws; the step's number is the optimiser's.
        totals : numpy.ndarray of shape (4,)
            Each term times the batch's size, and that size, are added to it.

        Returns
        -------
        str or None
            The name of a term that was not finite, or ``gradient`` if its square was not; the parameters are then those
            before its step. None if all went well.
        """

    def value_and_grad(self, x: Points, draws: Any, weights: Any = None) -> tuple[dict[str, float], np.ndarray]:
        """The terms of a batch x (B, dx) with given draws, and the gradient (size,) of their weighted sum.

        The regulariser's gradient goes through ``draws.prior_sample`` to a learned variance if ``draws.prior_noise``
        (and ``prior_choice``, for a prior that has choices) is given; otherwise the sample is a constant.
        """

    def values(self, x: Points, seed: int, step: int, regulariser: str | None = None) -> dict[str, float]:
        """The terms of a batch x (B, dx), with the draws of a seed and a step, by name.

        The regulariser is the one that is named, else the objective's; "none" asks for none.
        """

    def log_weights(self, x: Points, seed: int, step: int) -> np.ndarray:
        """log p(x|z) + log p(z) - log q(z|x) of each posterior sample, (K, B), in nats; the KL must be monte-carlo."""

    def encode(self, data: Points) -> tuple[np.ndarray, np.ndarray]:
        """loc and scale (N, D) of q(z|x) for data (N, dx)."""

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The decoder's output (N, output_dim) for z (N, D)."""

    def permutation(self, n: int, seed: int, step: int) -> Any:
        """The order of an epoch's rows, (n,) int64, where the engine has its data."""

    def push(self) -> None:
        """Take over the parameters from ``vae.parameters``."""

    def pull(self) -> None:
        """Bring ``vae.parameters`` and the optimiser that was last trained with up to date."""


def make(name: str, vae: VAE, objective: Objective, *, max_rows: int, threads: int = 1) -> Engine:
    """The engine of that name, with room for batches of ``max_rows`` points; ``threads`` are the CPU's.

    Raises
    ------
    OptionError
        If no GPU can be used where one is asked for.
    """
    name = usable_engine(name)
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


ROWS_AT_ONCE = 512  # with so many rows a large encoding is fast


def make_for_use(name: str, vae: VAE, objective: Objective, *, batch_size: int, threads: int = 1) -> Engine:
    """An engine for a model that is trained: whoever encodes with it gets the same codes, to the bit.

    A code's last bits depend on how many rows go through the products together.

    Raises
    ------
    OptionError
        As `make`.
    """
    return make(name, vae, objective, max_rows=max(batch_size, ROWS_AT_ONCE), threads=threads)

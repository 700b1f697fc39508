"""The rows of the table: what is computed, and the target for how much faster than the peers it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DSPRITES = {"data": "dsprites", "lr": 1e-4}


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes
    ----------
    work : str
        ``step`` (value, gradient and Adam), ``mmd`` (its value and gradient alone) or ``encode``.
    options : dict
        Options for ``minidecomp.resolve``, which describe the model.
    points : int
        The number of data points to load and, for ``encode``, to encode.
    torch, jax : float
        The target ratio of the CPU engine.
    torch_cuda : float, optional
        The target ratio of the GPU engine.
    """

    name: str
    title: str
    torch: float
    jax: float
    options: dict[str, Any] = field(default_factory=dict)
    work: str = "step"
    points: int = 4096
    torch_cuda: float | None = None


ROWS = (
    Row(
        "pinwheel-kl-inc",
        "pinwheel step, batch 400, mixture prior, kl-inc",
        25,
        15,
        {"prior": "mixture", "alpha": 5.0, "beta": 0.0, "batch_size": 400},
        points=400,
    ),
    Row(
        "pinwheel-mmd",
        "pinwheel step, batch 64, mmd",
        25,
        10,
        {"prior": "mixture", "alpha": 5.0, "beta": 0.0, "batch_size": 64, "regulariser": "mmd"},
        points=400,
    ),
    Row(
        "mmd",
        "MMD alone, 500 points, 50 dimensions",
        300,
        60,
        {"prior": "sparse", "batch_size": 500},
        "mmd",
        torch_cuda=10,
    ),
    Row(
        "fashion-mnist",
        "Fashion-MNIST step, batch 500, sparse prior, mmd",
        80,
        15,
        {"prior": "sparse", "alpha": 100.0, "batch_size": 500},
    ),
    Row("dsprites-64", "dSprites step, 1200 wide, batch 64", 3, 2.4, DSPRITES | {"batch_size": 64}),
    Row("dsprites-256", "dSprites step, 1200 wide, batch 256", 2, 1.7, DSPRITES | {"batch_size": 256}, torch_cuda=1.5),
    Row("encode", "encode 10,000 dSprites images", 2, 2, DSPRITES | {"batch_size": 500}, "encode", 10000),
)

COMMAND = Row("command", "the whole command: pinwheel, 500 epochs, pictures", 8, 8, work="command")

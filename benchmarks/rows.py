"""The rows of the table: what is computed, and the target for its time, its rate or how much slower the peers are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DSPRITES = {"data": "dsprites", "lr": 1e-4}


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes
    ----------
    torch, jax : float, optional
        The target ratio of the CPU engine: how many times as long the peer should take.
    options : dict
        Options for ``minidecomp.resolve``, which describe the model.
    work : str
        ``step`` (value, gradient and Adam), ``mmd`` (its value and gradient alone), ``encode`` and ``predict`` (one
        point), which worker processes do; or ``install``, ``command``, ``sweep`` and ``pca``, which have modules.
    points : int
        The number of data points to load and, for ``encode``, to encode.
    torch_cuda : float, optional
        The target ratio of the GPU engine.
    seconds : float, optional
        The target time of minidecomp itself: at most this.
    rate : float, optional
        The target rate of minidecomp itself: at least this many units a second.
    unit : str
        What is counted, if the row shows a rate and not a time.
    most : int, optional
        At most this many repetitions, for work that takes long.
    """

    name: str
    title: str
    torch: float | None = None
    jax: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    work: str = "step"
    points: int = 4096
    torch_cuda: float | None = None
    seconds: float | None = None
    rate: float | None = None
    unit: str = ""
    most: int | None = None

    @property
    def targets(self) -> dict[str, float]:
        """Those that the row has, by name."""
        every = {name: getattr(self, name) for name in ("torch", "jax", "torch_cuda", "seconds", "rate")}
        return {name: target for name, target in every.items() if target is not None}

    def repetitions(self, wanted: int) -> int:
        """How often to repeat it."""
        return min(wanted, self.most or wanted)


ROWS = (
    Row(
        "pinwheel-kl-inc",
        "pinwheel step, batch 400, mixture prior, kl-inc",
        25,
        25,
        {"prior": "mixture", "alpha": 5.0, "beta": 0.0, "batch_size": 400},
        points=400,
    ),
    Row(
        "pinwheel-mmd",
        "pinwheel step, batch 64, mmd",
        25,
        20,
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
    Row("dsprites-64", "dSprites step, 1200 wide, batch 64", 3, 2, DSPRITES | {"batch_size": 64}),
    Row("dsprites-256", "dSprites step, 1200 wide, batch 256", 2, 1.7, DSPRITES | {"batch_size": 256}, torch_cuda=1.5),
    Row("encode", "encode 10,000 dSprites images", 2, 2, DSPRITES | {"batch_size": 500}, "encode", 10000),
)

# Only on the CPU.
CPU_ROWS = (
    Row(
        "predict",
        "encode one point, 784-512-512-50",
        options={"prior": "sparse", "batch_size": 1},
        work="predict",
        points=64,
        seconds=0.3e-3,
    ),
    Row("command", "the whole command: pinwheel, 500 epochs, pictures", 8, 8, work="command", seconds=0.7),
    Row("install", "`pip install .` from a clone; the peers are wheels", work="install", seconds=45, most=3),
    Row("start-help", "cold start: `minidecomp --help`", work="command", seconds=0.2),
    Row("start-runs", "cold start: `minidecomp runs`, an empty folder", work="command", seconds=0.2),
    Row("start-encode", "cold start: load a pinwheel model, encode one point", work="command", seconds=0.2),
    Row("evaluate", "`minidecomp evaluate` of a pinwheel run", work="command"),
    Row("sweep", "a sweep: pinwheel runs of 20 epochs", work="sweep", rate=64, unit="runs", most=3),
    Row("pca", "principal variances of all dSprites", work="pca", seconds=30, most=3),
)

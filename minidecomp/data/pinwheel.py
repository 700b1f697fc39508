"""The pinwheel of Johnson et al. (2016): noisy arms, bent around the origin, one class each."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..randomness import philox, streams
from ..settings.resolving import check
from ..variants import Option
from .dataset import Dataset
from .source import DATA_DIR, Available, DataSource


def pinwheel(
    arms: int = 4,
    points_per_arm: int = 100,
    radial_std: float = 0.1,
    tangential_std: float = 0.3,
    rate: float = 0.25,
    data_seed: int = 0,
) -> Dataset:
    """Draw training points and equally many test points, ordered arm by arm.

    With K arms, arm k's points are, for x0 ~ N(1, tangential_std^2) and x1 ~ N(0, radial_std^2),

        (x0 cos t + x1 sin t, -x0 sin t + x1 cos t),   t = 2 pi k / K + rate exp(x0).

    Parameters
    ----------
    arms, points_per_arm : int
        At least 1.
    radial_std, tangential_std : float
        0 to 100. The names are those of the published experiment (Mathieu et al., 2019), though there, as
        here, ``tangential_std`` spreads the points along an arm and ``radial_std`` across it.
    rate : float
        How far an arm bends, -1e6 to 1e6.
    data_seed : int
        0 to 2^64 - 1.

    Returns
    -------
    Dataset
        Parts of shape (arms * points_per_arm, 2), float64, with the arm as label.

    Raises
    ------
    OptionError
        A parameter is out of its range.
    """
    check("arms", arms), check("points_per_arm", points_per_arm), check("rate", rate)
    check("radial_std", radial_std), check("tangential_std", tangential_std)
    labels = np.repeat(np.arange(arms, dtype=np.int64), points_per_arm)

    def part(stream: streams.Stream) -> np.ndarray:
        noise = philox.normal((labels.size, 2), data_seed, *stream.at())
        x0, x1 = 1 + tangential_std * noise[:, 0], radial_std * noise[:, 1]
        theta = 2 * np.pi * labels / arms + rate * np.exp(x0)
        cos, sin = np.cos(theta), np.sin(theta)
        return np.stack([x0 * cos + x1 * sin, -x0 * sin + x1 * cos], axis=1)

    return Dataset(
        name="pinwheel",
        train=part(streams.PINWHEEL_TRAIN),
        test=part(streams.PINWHEEL_TEST),
        train_labels=labels,
        test_labels=labels.copy(),
        class_names=tuple(f"arm {k}" for k in range(arms)),
        source=f"drawn with data seed {data_seed}",
    )


def _load(options: Any) -> Dataset:
    o = options
    return pinwheel(o.arms, o.points_per_arm, o.radial_std, o.tangential_std, o.rate, o.data_seed)


# fmt: off
SOURCE = DataSource(
    name="pinwheel",
    load=_load,
    options=(
        # Not needed, but accepted, as a sweep over several data sets passes it to all.
        DATA_DIR,
        Option("arms", int, "Pinwheel: number of arms.", 4, low=1, high=1000),
        Option("points_per_arm", int, "Pinwheel: training points in each arm.", 100, low=1, high=10**7),
        Option("radial_std", float, "Pinwheel: standard deviation across an arm.", 0.1, low=0, high=100),
        Option("tangential_std", float, "Pinwheel: standard deviation along an arm.", 0.3, low=0, high=100),
        Option("rate", float, "Pinwheel: how fast the arms wind.", 0.25, low=-1e6, high=1e6),
    ),
    defaults={"prior": "mixture", "likelihood": "gaussian", "epochs": 500, "batch_size": 400, "regulariser": "kl-inc"},
    available=lambda: Available("pinwheel", True, "drawn when it is loaded", 400, 400, 2),
)
# fmt: on

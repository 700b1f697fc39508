"""Small trained runs of every kind of model and data, for tests of what is made of a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main

MODELS = {
    "plane": "--prior mixture --alpha 3 --points-per-arm 20 --epochs 5 --hidden 8 --log-gradients",
    "bits": "--data dsprites --prior student-t --limit 200 --epochs 1 --hidden 10 --latent-dim 3 "
    "--factors shape=heart,orientation=0,scale=1",
    "bytes": "--data images.npy --prior sparse --alpha 2 --epochs 2 --hidden 9,7 --latent-dim 14 "
    "--likelihood laplace --activation leaky-relu",
    "numbers": "--data numbers.csv --prior gaussian --epochs 2 --hidden 9 --latent-dim 4 --activation tanh "
    "--decoder-activation softplus --scale-link exp",
    "scaled": "--data sizes.csv --scale standardise --epochs 2 --hidden 9 --latent-dim 3",
}


def make_runs(folder: Path, wanted: Iterable[str] = tuple(MODELS)) -> Path:
    """A run for each of ``MODELS``, or for those ``wanted``, in a folder of its name."""
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (60, 6, 5), dtype=np.uint8))
    np.savetxt(folder / "numbers.csv", rng.normal(size=(60, 7)), delimiter=",")
    sizes = rng.normal(size=(60, 4)) * [1, 1000, 0.01, 3] + [0, 5e3, 1, -40]
    np.savetxt(folder / "sizes.csv", sizes, delimiter=",", header="a,b,c,d", comments="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in wanted:
            assert main(["train", *MODELS[name].split(), "--quiet", "--no-plots", "--threads", "1", "--out", name]) == 0
    return folder

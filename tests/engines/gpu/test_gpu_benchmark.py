"""The benchmark's own use of the GPU engine: the regulariser alone."""

from pathlib import Path

import numpy as np
import pytest
from devices import KINDS, make_device
from numpy.testing import assert_allclose

from minidecomp.terms.regularisers.mmd import value_and_grad

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("points", [70, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_the_regulariser_alone_is_the_textbooks(kind, points, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.with_minidecomp_gpu import Mmd

    noise = np.random.default_rng(0)
    z, prior_sample = (noise.normal(size=(points, 5)).astype(np.float32) for _ in range(2))
    options = {"prior": "sparse", "latent_dim": 5, "hidden": "3", "batch_size": points}
    arrays = {"eps": z, "prior_sample": prior_sample}
    work = Mmd({"options": options}, arrays, 1, make_device(kind, np.float32))
    value = work.check(str(tmp_path / "check.npz"))["regulariser"]
    expected, gradient = value_and_grad(prior_sample.astype(float), z.astype(float))
    assert_allclose(value, expected, rtol=1e-4)
    assert_allclose(np.load(tmp_path / "check.npz")["z"], gradient["z"], rtol=1e-3, atol=1e-6)

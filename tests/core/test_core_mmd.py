"""The MMD's fast sum over cells of points (_core/mmd.h) against the textbook and against the sum over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp._core import engine_float32, engine_float64
from minidecomp.terms.regularisers import mmd as textbook

CORES = {"float32": engine_float32, "float64": engine_float64}
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def compare(prior_sample, z, dtype, tolerance=None):
    """Value and both gradients against the textbook's in float64, to a part of the largest gradient."""
    core, tolerance = CORES[dtype], tolerance or TOLERANCE[dtype]
    x, y = (np.asarray(points, dtype) for points in (prior_sample, z))
    value, d_x, d_y = core.mmd(core.Pool(1), x, y)
    expected, gradients = textbook.value_and_grad(x.astype(np.float64), y.astype(np.float64))
    largest = max(abs(gradients["z"]).max(), abs(gradients["prior_sample"]).max())
    eps = float(np.finfo(dtype).eps)
    least = eps / len(x)  # what a point's own terms are rounded to
    np.testing.assert_allclose(d_y, gradients["z"], rtol=0, atol=tolerance * largest + least)
    np.testing.assert_allclose(d_x, gradients["prior_sample"], rtol=0, atol=tolerance * largest + least)
    assert value == pytest.approx(expected, rel=tolerance, abs=20 * eps * x.shape[1])


@given(
    n=st.integers(2, 300),
    spread=st.sampled_from((1e-3, 0.1, 1.0, 3.0, 20.0, 1e3)),
    shift=st.sampled_from((0.0, 0.25, -3.0, 1e2)),
    spikes=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("dtype", CORES)
def test_against_the_textbook(dtype, n, spread, shift, spikes, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, 2))
    if spikes:
        x = np.where(rng.random(x.shape) < 0.8, 0.05 * x, x)
    # Differences of float32 numbers far from 0 carry that distance's rounding, in the textbook's as well.
    compare(x, spread * y + shift, dtype)


@pytest.mark.parametrize("dtype", CORES)
@pytest.mark.parametrize("used", [1, 2, 5, 20])
def test_around_the_switch(dtype, used):
    """Cells pay from 3 points a cell on: just below, at and above that."""
    rng = np.random.default_rng(used)
    for n in range(max(2, 3 * used - 2), 3 * used + 3):
        places = np.arange(n) % used * 0.25
        compare((places + rng.uniform(0.01, 0.24, n))[:, None], (places + rng.uniform(0.01, 0.24, n))[:, None], dtype)


@pytest.mark.parametrize("dtype", CORES)
def test_equal_points(dtype):
    core = CORES[dtype]
    for place in (0.0, -7.3, 1e6):
        x = np.full((100, 3), place, dtype)
        value, d_x, d_y = core.mmd(core.Pool(1), x, x)
        # 2 k(0) (1 - 1) = 0 a dimension, where each sum is 6
        assert value == pytest.approx(0, abs=1e-10)
        assert abs(d_x).max() < 1e-7
        assert abs(d_y).max() < 1e-7


@pytest.mark.parametrize("dtype", CORES)
def test_two_points_of_each(dtype):
    compare([[0.0], [0.5]], [[0.1], [-2.0]], dtype)
    compare([[0.0], [0.0]], [[0.0], [0.0]], dtype)


@pytest.mark.parametrize("dtype", CORES)
@pytest.mark.parametrize("far", [200.0, 255.5, 256.0, 300.0, 1e4, 1e9])
def test_far_points(dtype, far):
    """Within the table's reach (256), at its end, and beyond, where all pairs are summed."""
    x, y = np.random.default_rng(3).normal(size=(2, 200, 2))
    y[7], y[11] = far, -1.0
    compare(x, y, dtype, tolerance=3e-5 if dtype == "float32" else None)


@pytest.mark.parametrize("dtype", CORES)
def test_more_cells_than_there_is_room_for(dtype):
    x, y = np.random.default_rng(4).uniform(0, 200, size=(2, 2000, 1))
    compare(x, y, dtype, tolerance=1e-4 if dtype == "float32" else None)


@pytest.mark.parametrize("dtype", CORES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_no_numbers_are_told(dtype, bad):
    core = CORES[dtype]
    x, y = np.random.default_rng(5).normal(size=(2, 300, 1)).astype(dtype)
    y[40] = bad
    value, _, d_y = core.mmd(core.Pool(1), x, y)
    assert not np.isfinite(value) or not np.isfinite(d_y).all()


@pytest.mark.parametrize("kind", ["normal", "sparse", "heavy tails"])
def test_large_samples(kind):
    """At equilibrium, where the gradient is a small difference of large sums, against float64's sum over all pairs."""
    rng = np.random.default_rng(6)
    x, y = (rng.standard_t(3, (2, 5000, 1)) if kind == "heavy tails" else rng.normal(size=(2, 5000, 1))).astype("f")
    if kind == "sparse":
        x, y = (np.where(rng.random(x.shape) < 0.8, np.float32(0.05) * a, a) for a in (x, y))
    pool = engine_float64.Pool(2)
    expected, e_x, e_y = engine_float64.mmd(pool, x, y, exact=True)
    for core, tolerance in ((engine_float32, 1e-5), (engine_float64, 1e-11)):
        value, d_x, d_y = core.mmd(core.Pool(2), x, y)
        assert value == pytest.approx(expected, abs=1e-9)
        np.testing.assert_allclose(d_x, e_x, rtol=0, atol=tolerance * abs(e_x).max())
        np.testing.assert_allclose(d_y, e_y, rtol=0, atol=tolerance * abs(e_y).max())


def test_any_number_of_threads_gives_the_same_bits_and_wrong_shapes_are_told():
    x, y = np.random.default_rng(7).normal(size=(2, 500, 9)).astype("f")
    first = engine_float32.mmd(engine_float32.Pool(1), x, y)
    for threads in (2, 3):
        again = engine_float32.mmd(engine_float32.Pool(threads), x, y)
        assert first[0] == again[0]
        assert np.array_equal(first[1], again[1])
        assert np.array_equal(first[2], again[2])
    assert engine_float32.mmd(engine_float32.Pool(1), x, y, backward=False) == (first[0], None, None)
    for wrong in (y[:, :8], y[:499]):
        with pytest.raises(ValueError, match="mmd needs"):
            engine_float32.mmd(engine_float32.Pool(1), x, wrong)

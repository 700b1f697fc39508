"""The inclusive KL's sum over near pairs alone (_core/posteriors.h) against NumPy's sum over all pairs in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp._core import engine_float32, engine_float64

CORES = {"float32": engine_float32, "float64": engine_float64}
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def all_pairs(z, loc, scale):
    """sum_j log sum_i q(z_j | x_i), and the gradients of minus that by loc, scale and z, all (n, D)."""
    z, loc, scale = (np.asarray(a, np.float64) for a in (z, loc, scale))
    r = (z[:, None] - loc) / scale
    log_q = (-0.5 * r**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)).sum(2)
    largest = log_q.max(1, keepdims=True)
    log_sum = largest[:, 0] + np.log(np.exp(log_q - largest).sum(1))
    weight = np.exp(log_q - log_sum[:, None])[:, :, None]
    pull, stretch = weight * r / scale, weight * (r**2 - 1) / scale
    return log_sum.sum(), -pull.sum(0), -stretch.sum(0), pull.sum(1)


def compare(z, loc, scale, dtype):
    """Value and gradients, to a part of the largest gradient; returns the part of all pairs that was met."""
    z, loc, scale = (np.asarray(a, dtype) for a in (z, loc, scale))
    value, *gradients, pairs = CORES[dtype].inclusive_log_density(z, loc, scale)
    expected, *exact = all_pairs(z, loc, scale)
    assert value == pytest.approx(expected, rel=TOLERANCE[dtype], abs=TOLERANCE[dtype] * len(z))
    # A dimension that hardly moves its posteriors, next to one that does, has the rounding of the weights.
    for got, right in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(got, right, rtol=0, atol=TOLERANCE[dtype] * (abs(right).max() + 1e-30))
    return pairs / len(z) ** 2


@given(
    n=st.integers(1, 150),
    dimensions=st.integers(1, 6),
    scale=st.sampled_from((1e-3, 0.05, 1.0, 1e3, None)),
    clusters=st.integers(1, 5),
    away=st.sampled_from((0.0, 3.0, 100.0)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("dtype", CORES)
def test_against_all_pairs(dtype, n, dimensions, scale, clusters, away, seed):
    """Any scales, each posterior's its own where `scale` is None; clusters; samples far from every posterior."""
    rng = np.random.default_rng(seed)
    loc, z = 0.1 * rng.normal(size=(2, n, dimensions))
    centres = rng.normal(size=(clusters, dimensions))
    loc += centres[rng.integers(clusters, size=n)]
    z += centres[rng.integers(clusters, size=n)] + away
    shape = (n, dimensions)
    compare(z, loc, np.full(shape, scale) if scale else 10 ** rng.uniform(-3, 3, shape), dtype)


def pinwheel(rng, n):
    """n points in five arms, like the prior of a trained pinwheel."""
    radius, arm = rng.uniform(0.3, 1.5, n), rng.integers(5, size=n)
    angle = arm * 2 * np.pi / 5 + 0.6 * radius
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) + 0.05 * rng.normal(size=(n, 2))


@pytest.mark.parametrize("dtype", CORES)
def test_most_pairs_of_a_trained_pinwheel_are_left_out(dtype):
    rng = np.random.default_rng(0)
    z, loc = pinwheel(rng, 400), pinwheel(rng, 400)
    assert compare(z, loc, rng.uniform(0.04, 0.08, (400, 2)), dtype) < 0.4
    # At the start, every posterior covers the prior.
    assert compare(z, 0.2 * loc, np.full((400, 2), 0.7), dtype) >= 1


@pytest.mark.parametrize("dtype", CORES)
def test_one_wide_posterior_is_met_from_everywhere(dtype):
    """Far from all others its share is 1: no bound of its group's narrow members hides it."""
    rng = np.random.default_rng(1)
    z, loc, scale = pinwheel(rng, 200), pinwheel(rng, 200), np.full((200, 2), 0.01)
    scale[77], z[:50] = 20.0, z[:50] + 30
    assert compare(z, loc, scale, dtype) < 0.7


@pytest.mark.parametrize("dtype", CORES)
@pytest.mark.parametrize("tight", [1e-2, 1e-4, 1e-6])
def test_no_gradient_of_tight_posteriors_is_lost(dtype, tight):
    """A weight that is nothing to the sum is something to a gradient, which divides it by the scale."""
    n, lanes = 128, 8
    loc, scale = np.ones((n, 1)), np.ones((n, 1))
    loc[:lanes], scale[:lanes] = 0, tight
    left_out = []
    for far in np.arange(5, 14, 0.5):
        z, loc_, scale_ = (np.asarray(a, dtype) for a in (np.full((n, 1), far * tight), loc, scale))
        _, d_loc, d_scale, _, pairs = CORES[dtype].inclusive_log_density(z, loc_, scale_)
        _, *exact, _ = all_pairs(z, loc_, scale_)
        largest = max(np.abs(exact[0]).max(), 1)
        for got, right in zip((d_loc, d_scale), exact, strict=True):
            np.testing.assert_allclose(got, right, rtol=0, atol=TOLERANCE[dtype] * largest)
        left_out.append(pairs < n * n)
    assert left_out[-1] and not left_out[0]


@pytest.mark.parametrize("dtype", CORES)
def test_equal_posteriors_share_each_sample(dtype):
    z = np.random.default_rng(2).normal(size=(100, 2))
    _, d_loc, d_scale, _, _ = CORES[dtype].inclusive_log_density(z, np.zeros((100, 2)), np.full((100, 2), 0.1))
    np.testing.assert_allclose(d_loc, np.broadcast_to(d_loc[0], d_loc.shape), rtol=1e-5)
    np.testing.assert_allclose(d_scale, np.broadcast_to(d_scale[0], d_scale.shape), rtol=1e-5)


@pytest.mark.parametrize("dtype", CORES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 1, 2], ids=["sample", "loc", "scale"])
def test_what_is_no_number_is_never_left_out(dtype, where, bad):
    """One bad entry among 400, far from most of the others, makes the value no number."""
    rng = np.random.default_rng(3)
    arrays = [pinwheel(rng, 400), pinwheel(rng, 400), np.full((400, 2), 0.05)]
    arrays[where][123, 1] = bad
    value, *_ = CORES[dtype].inclusive_log_density(*arrays)
    # A posterior of infinite scale weighs nothing, as in the textbook.
    assert np.isfinite(value) == (where == 2 and bad == np.inf)


@pytest.mark.parametrize("dtype", CORES)
def test_shapes_are_checked(dtype):
    with pytest.raises(ValueError, match="one shape"):
        CORES[dtype].inclusive_log_density(np.zeros((3, 2)), np.zeros((4, 2)), np.ones((4, 2)))

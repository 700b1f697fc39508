"""Scaling: what the model's numbers are, and that the way back leads home."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minidecomp.data.learnt_scaling import learn_scaling
from minidecomp.data.rules import new_data
from minidecomp.data.scaling import SCALES, Scaling

X = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1000, 1e-3] + [0, 5e4, 1e4]


@pytest.mark.parametrize("together", [False, True])
def test_standardised_points_have_mean_0_and_deviation_1(together):
    made = learn_scaling("standardise", X, together).apply(X)
    axis = None if together else 0
    np.testing.assert_allclose(made.mean(axis), 0, atol=1e-8)
    np.testing.assert_allclose(made.std(axis), 1, rtol=1e-9)


def test_unit_is_from_the_least_to_the_greatest_or_the_types_whole_range():
    made = learn_scaling("unit", X, False).apply(X)
    np.testing.assert_allclose(made.min(0), 0, atol=1e-12)
    np.testing.assert_allclose(made.max(0), 1)
    deep = np.array([[0, 500], [65535, 40]], np.uint16)
    np.testing.assert_array_equal(learn_scaling("unit", deep, True).apply(deep), deep / 65535)


@pytest.mark.parametrize("kind", ["unit", "standardise"])
def test_a_constant_column_becomes_0_and_comes_back(kind):
    points = np.column_stack([X[:, 0], np.full(50, 0.1), np.full(50, 1e8 / 3)])
    scaling = learn_scaling(kind, points, False)
    made = scaling.apply(points)
    np.testing.assert_allclose(made[:, 1:], 0, atol=1e-6)
    np.testing.assert_allclose(scaling.undo(made), points, rtol=1e-12)


@given(
    points=arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(1, 4)), elements=st.floats(-1e12, 1e12)),
    kind=st.sampled_from(SCALES),
    together=st.booleans(),
)
def test_the_way_back_leads_home(points, kind, together):
    scaling = learn_scaling(kind, points, together)
    assert (scaling.scale > 0).all()
    size = np.abs(points).max() + 1
    np.testing.assert_allclose(scaling.undo(scaling.apply(points)), points, atol=1e-12 * size)
    again = Scaling.from_arrays(scaling.arrays(), points.shape[1])
    np.testing.assert_array_equal(again.apply(points), scaling.apply(points))
    assert again.kind == kind
    assert scaling.changes or kind == "none" or (scaling.apply(points) == points).all()


def test_log_volume_is_what_a_change_of_variables_asks_for():
    from scipy import stats

    scaling = learn_scaling("standardise", X, False)
    model = stats.norm.logpdf(scaling.apply(X)).sum(1)
    person = stats.norm.logpdf(X, scaling.shift, scaling.scale).sum(1)
    np.testing.assert_allclose(model - scaling.log_volume, person)


@pytest.mark.parametrize(
    "change",
    [
        {"data_scale_kind": "other"},
        {"data_shift": np.zeros(2)},
        {"data_shift": np.array([0, np.nan, 0])},
        {"data_scale": np.array([1.0, 0, 1])},
        {"data_scale": np.ones(3, np.float32)},
    ],
)
def test_damage_is_refused(change):
    with pytest.raises(ValueError, match="data_scale"):
        Scaling.from_arrays(learn_scaling("standardise", X, False).arrays() | change, 3)


def test_restored_points_are_a_persons_own():
    """Whichever others are restored beside them; to the last digit where they have fewer than float64."""
    columns = [[0, 1, 3], [0.1, -7.25, 0.3], [1.7e9, 1.7e9 + 42, 1.7e9 + 7], [1e-300, 2e-300, 4e-300], [0, 0, 5e200]]
    own = np.array(columns).T
    scaling = Scaling("standardise", own.mean(0), np.array([1.1, 3.3, 17.0, 1e-300, 2.2e200]))
    model = scaling.apply(own)
    np.testing.assert_array_equal(scaling.restore(model)[:, :3], own[:, :3])
    np.testing.assert_allclose(scaling.restore(model), own, rtol=1e-14)
    np.testing.assert_array_equal(scaling.restore(model[1:2]), scaling.restore(model)[1:2])
    assert not np.signbit(scaling.restore(model)[0, 0])
    exact = np.random.default_rng(0).normal(size=(50, 5)) * scaling.scale
    assert (np.abs(scaling.restore(scaling.apply(exact)) - exact) <= 1e-14 * np.abs(own).max(0)).all()


@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
def test_unit_of_large_integers_is_their_own_range(dtype):
    X = np.random.default_rng(0).integers(0, 1000, (50, 3)).astype(dtype)
    scaling = learn_scaling("unit", X, together=False)
    assert scaling.apply(X).min() == 0 and scaling.apply(X).max() == 1


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_in_either_order(dtype):
    X = np.random.default_rng(0).integers(0, 65536, (50, 3)).astype(dtype)
    new = new_data(X, "x")
    assert new.kind == "unit" and "16-bit" in new.note
    assert np.array_equal(new.points(new.rows, new.scaled(new.rows)), X / 65535)


def test_little_spread_far_from_zero_is_no_constant():
    X = 1e15 + np.random.default_rng(0).normal(0, 30, (50, 2)).round()
    for kind, low, high in (("standardise", -5, 5), ("unit", 0, 1)):
        scaled = learn_scaling(kind, X, together=False).apply(X)
        assert low <= scaled.min() < scaled.max() <= high
    constant = learn_scaling("standardise", np.full((50, 2), 0.1), together=False)
    assert constant.scale.tolist() == [1, 1]

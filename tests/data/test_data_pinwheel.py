import numpy as np
import pytest

from minidecomp import data
from minidecomp.data.pinwheel import pinwheel
from minidecomp.errors import OptionError
from minidecomp.randomness import philox, streams


def test_shapes_and_labels():
    made = pinwheel(arms=3, points_per_arm=5)
    for points, labels in ((made.train, made.train_labels), (made.test, made.test_labels)):
        assert points.shape == (15, 2)
        assert points.dtype == np.float64
        assert points.flags.c_contiguous
        assert labels is not None
        assert labels.dtype == np.int64
        assert labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert made.class_names == ("arm 0", "arm 1", "arm 2")
    assert made.image_shape is None


def test_each_point_follows_the_definition():
    made = pinwheel(arms=3, points_per_arm=4, radial_std=0.2, tangential_std=0.5, rate=0.7, data_seed=11)
    for stream, points in ((streams.PINWHEEL_TRAIN, made.train), (streams.PINWHEEL_TEST, made.test)):
        noise = philox.normal((12, 2), 11, *stream.at())
        for i in range(12):
            x0, x1 = 1 + 0.5 * noise[i, 0], 0.2 * noise[i, 1]
            t = 2 * np.pi * (i // 4) / 3 + 0.7 * np.exp(x0)
            expected = [x0 * np.cos(t) + x1 * np.sin(t), -x0 * np.sin(t) + x1 * np.cos(t)]
            np.testing.assert_allclose(points[i], expected, rtol=1e-14, atol=1e-15)


def test_class_means_lie_in_the_four_corners():
    made = pinwheel(points_per_arm=2000)
    corners = [(0.7, -0.7), (-0.7, -0.7), (-0.7, 0.7), (0.7, 0.7)]
    for k, corner in enumerate(corners):
        np.testing.assert_allclose(made.train[made.train_labels == k].mean(axis=0), corner, atol=0.06)


def test_tangential_std_spreads_the_radius():
    # |(x0, x1)| is x0 where radial_std is 0, so the radius has the standard deviation 0.3, not 0.1.
    made = pinwheel(points_per_arm=2000, radial_std=0, tangential_std=0.3)
    assert np.linalg.norm(made.train, axis=1).std() == pytest.approx(0.3, abs=0.01)


def test_test_part_and_seeds_differ_and_repeat():
    first, other = pinwheel(data_seed=1), pinwheel(data_seed=2)
    assert not np.array_equal(first.train, first.test)
    assert not np.array_equal(first.train, other.train)
    np.testing.assert_array_equal(first.train, pinwheel(data_seed=1).train)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("arms", 0),
        ("arms", 2.5),
        ("points_per_arm", 0),
        ("points_per_arm", -3),
        ("radial_std", -0.1),
        ("radial_std", float("nan")),
        ("tangential_std", -1),
        ("tangential_std", float("inf")),
        ("rate", float("nan")),
        ("rate", float("-inf")),
        ("data_seed", -1),
        ("data_seed", 2**64),
        ("limit", 0),
    ],
)
def test_out_of_range(name, value):
    with pytest.raises(OptionError) as caught:
        data.load("pinwheel", **{name: value})
    assert caught.value.option == name
    assert str(value) in str(caught.value)


def test_extreme_parameters_stay_finite():
    made = pinwheel(radial_std=100, tangential_std=100, rate=1e6)
    assert np.isfinite(made.train).all()


def test_load_passes_everything_on():
    loaded = data.load("pinwheel", arms=3, points_per_arm=7, radial_std=0.2, tangential_std=0.4, rate=0.5, data_seed=2)
    made = pinwheel(3, 7, 0.2, 0.4, 0.5, 2)
    np.testing.assert_array_equal(loaded.train, made.train)
    np.testing.assert_array_equal(loaded.test, made.test)


def test_limit_keeps_some_of_the_training_points_in_their_order():
    whole, limited = data.load("pinwheel"), data.load("pinwheel", limit=150)
    kept = np.flatnonzero((whole.train[:, None] == limited.train).all(2).any(1))
    assert len(kept) == 150 and set(whole.train_labels[kept]) == {0, 1, 2, 3}
    np.testing.assert_array_equal(limited.train, whole.train[kept])
    np.testing.assert_array_equal(limited.train_labels, whole.train_labels[kept])
    np.testing.assert_array_equal(limited.test, whole.test)
    assert len(data.load("pinwheel", limit=10**6).train) == 400


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("pinwhel", "did you mean 'pinwheel'?"),
        ("mnist", "did you mean 'fashion-mnist'?"),
        ("qqq", "the data sets are pinwheel, dsprites and fashion-mnist"),
    ],
)
def test_unknown_name(name, guess):
    with pytest.raises(OptionError) as caught:
        data.load(name)
    message = str(caught.value)
    assert message == f"data={name}: there is no such data set, file or folder; {guess}"

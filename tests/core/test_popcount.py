"""Second moments of bits are NumPy's, to the last one, for each variant of the kernel that this machine runs."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp._core import popcount


def bits(points, width_bytes, seed=0):
    """Random bits, some of whose columns are constant and many of whose words are 0."""
    rng = np.random.default_rng(seed)
    ones = rng.random((points, 8 * width_bytes)) < rng.random(8 * width_bytes)
    ones[points // 3 : points // 2] = False
    ones[:, 1], ones[:, 2] = False, True
    return ones


def second_moment(ones, threads=1, **given):
    made = np.zeros((ones.shape[1],) * 2)
    popcount.add_second_moment(np.packbits(ones, axis=1), made, threads, **given)
    return made


@pytest.mark.parametrize("variant", popcount.VARIANTS)
@pytest.mark.parametrize("points", [0, 1, 65, 4097, 9001])
@pytest.mark.parametrize("width_bytes", [1, 8, 13, 33])
def test_counts_are_numpys_with_any_number_of_threads(variant, points, width_bytes):
    ones = bits(points, width_bytes)
    expected = ones.T.astype(float) @ ones
    for threads in (1, 3):
        assert_array_equal(second_moment(ones, threads, variant=variant), expected)


@pytest.mark.parametrize("variant", popcount.VARIANTS)
def test_a_word_of_ones_and_a_word_with_one(variant):
    assert_array_equal(second_moment(np.ones((4096 + 64, 16), bool), variant=variant), np.full((16, 16), 4160.0))
    assert_array_equal(second_moment(np.eye(128, dtype=bool), variant=variant), np.eye(128))


def test_portable_code_runs_everywhere_and_an_unknown_variant_nowhere():
    assert popcount.VARIANTS[-1] == "portable"
    with pytest.raises(ValueError):
        second_moment(bits(10, 1), variant="abacus")


def test_counts_are_moved_before_they_stand_for_too_many_points():
    ones = bits(5 * popcount.BLOCK, 9)
    expected = second_moment(ones)
    for most in (popcount.BLOCK, 2 * popcount.BLOCK + 1):
        assert_array_equal(second_moment(ones, most_held=most), expected)
    assert popcount.MOST_HELD == 2**32 - 1


def test_what_was_there_is_kept_and_each_block_is_counted():
    ones, done = bits(popcount.BLOCK + 5, 2), []
    made = np.full((16, 16), 0.5)
    popcount.add_second_moment(np.packbits(ones, axis=1), made, 1, done.append)
    assert_array_equal(made, second_moment(ones) + 0.5)
    assert done == [popcount.BLOCK, popcount.BLOCK + 5]


def test_an_error_while_it_is_counted_comes_out():
    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        second_moment(bits(10, 1), counted=stop)


@pytest.mark.parametrize(
    ("packed", "second"),
    [
        (np.zeros((3, 2)), np.zeros((16, 16))),
        (np.zeros((3, 2), np.uint8), np.zeros((16, 16), np.float32)),
        (np.zeros((3, 2), np.uint8), np.zeros((16, 8))),
        (np.zeros((3, 2), np.uint8), np.zeros((8, 8))),
        (np.zeros(3, np.uint8), np.zeros((8, 8))),
        (np.zeros((3, 4), np.uint8)[:, ::2], np.zeros((16, 16))),
        (np.zeros((3, 2), np.uint8), np.zeros((32, 32))[::2, ::2]),
    ],
)
def test_other_arrays_are_refused(packed, second):
    with pytest.raises(ValueError):
        popcount.add_second_moment(packed, second, 1)

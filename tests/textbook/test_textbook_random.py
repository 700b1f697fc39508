"""The random numbers: Random123's known answers, distributions, and which draws are the same."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from minidecomp.randomness import philox, streams

few = settings(derandomize=True, deadline=None, max_examples=30, database=None)
counters = st.integers(0, 2**64 - 1)
purposes = st.integers(0, 8)
DRAWS = {
    "uniform": philox.uniform,
    "normal": philox.normal,
    "student-t": lambda shape, *rest, **named: philox.student_t(shape, 3.0, *rest, **named),
}


def at_block(block):
    """A numpy whose blocks begin at ``block``: the known answers' counters lie 2^34 words into a stream."""
    return SimpleNamespace(
        arange=lambda blocks, dtype: np.arange(block, block + blocks, dtype=dtype),
        full=np.full,
        stack=np.stack,
        uint32=np.uint32,
        uint64=np.uint64,
    )


def hexadecimal(words):
    return " ".join(f"{word:08x}" for word in words.tolist())


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers_of_random123(counter, key, answer):
    block, low, high, purpose = counter
    words = philox.words(4, key[0] | key[1] << 32, purpose, low | high << 32, xp=at_block(block))
    assert words.dtype == np.uint32
    assert hexadecimal(words) == answer


def test_the_first_known_answer_without_help():
    assert hexadecimal(philox.words(4, seed=0, purpose=0, step=0)) == "6627e8d5 e169c58d bc57ac4c 9b00dbd8"


def philox_by_hand(counter, key):
    """Philox 4x32-10 in Python's integers, from the paper's round function."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [b >> 32 ^ c[1] ^ k[0], b & 0xFFFFFFFF, a >> 32 ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


@few
@given(seed=counters, step=counters, purpose=purposes, count=st.integers(0, 23))
def test_words_are_philox_of_their_position(seed, step, purpose, count):
    low = 0xFFFFFFFF
    key = (seed & low, seed >> 32)
    expected = [word for block in range(6) for word in philox_by_hand((block, step & low, step >> 32, purpose), key)]
    assert philox.words(count, seed, purpose, step).tolist() == expected[:count]


def test_words_have_even_bits():
    words = philox.words(40_000, 1, streams.POSTERIOR, 0)
    bits = words[:, None] >> np.arange(32, dtype=np.uint32) & 1
    assert np.abs(bits.mean(0) - 0.5).max() < 4.5 * 0.5 / 200
    assert np.abs(np.corrcoef(bits.T) - np.eye(32)).max() < 5 / 200


# Distributions


@pytest.mark.parametrize("seed", [0, 2**63 + 5])
def test_uniform(seed):
    u = philox.uniform((20_000,), seed, streams.PRIOR_CHOICE, 3)
    assert 0 < u.min() < u.max() < 1
    assert_allclose([u.mean(), u.var()], [1 / 2, 1 / 12], atol=0.01)
    assert stats.kstest(u, "uniform").pvalue > 1e-3


def test_the_extreme_words_stay_inside_the_open_interval():
    u = philox._open_unit(np.array([0, 511, 512, 2**32 - 1], dtype=np.uint32))
    assert_array_equal(u, [2.0**-24, 2.0**-24, 3 * 2.0**-24, 1 - 2.0**-24])
    assert_array_equal(u.astype(np.float32).astype(np.float64), u)


@pytest.mark.parametrize("seed", [0, 2**63 + 5])
def test_normal(seed):
    z = philox.normal((10_000, 2), seed, streams.POSTERIOR, 3)
    assert_allclose([z.mean(), z.var(), (z**3).mean(), (z**4).mean()], [0, 1, 0, 3], atol=0.12)
    assert np.abs(z).max() < 5.8
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.04  # the cosine's and the sine's
    assert abs(np.corrcoef(z.T**2)[0, 1]) < 0.04
    assert stats.kstest((z**2).sum(1), "chi2", (2,)).pvalue > 1e-3


@pytest.mark.parametrize("df", [0.5, 1, 3, 9, 200])
def test_student_t(df):
    t = philox.student_t((20_000,), df, 5, streams.PRIOR, 1)
    assert np.isfinite(t).all()
    assert stats.kstest(t, "t", (df,)).pvalue > 1e-3
    if df > 4:
        assert_allclose(t.var(), df / (df - 2), rtol=0.05)


def test_student_t_at_the_ends_of_its_words(monkeypatch):
    """u = 2^-24 and u = 1 - 2^-24 at half a degree of freedom: finite, in float32 as well."""
    ends = np.array([0, 0, 2**32 - 1, 0], dtype=np.uint32)
    monkeypatch.setattr(philox, "words", lambda count, *_: ends[:count])
    with np.errstate(all="raise"):
        for dtype in (np.float32, np.float64):
            t = philox.student_t((2,), 0.5, 0, streams.PRIOR, 0, dtype)
            assert np.isfinite(t).all()
            assert t[0] > 1e12 and 0 < t[1] < 1e-2
            z = philox.normal((4,), 0, streams.PRIOR, 0, dtype)
            assert np.isfinite(z).all() and 5.7 < z[0] < 5.8


# Streams


@pytest.mark.parametrize("name", DRAWS)
def test_streams_are_apart(name):
    """Seeds, purposes and steps give uncorrelated draws, also where they differ above 32 bits."""
    keys = [
        (0, 0, 0),
        (1, 0, 0),
        (2**32, 0, 0),
        (0, 1, 0),
        (0, 2, 0),
        (0, 0, 1),
        (0, 0, 2),
        (0, 0, 2**32),
        (1, 1, 1),
    ]
    streams = np.array([DRAWS[name]((4000,), *key) for key in keys])
    ranks = stats.rankdata(streams, axis=1)
    assert np.abs(np.corrcoef(ranks) - np.eye(len(keys))).max() < 4.5 / np.sqrt(4000)
    lagged = [abs(np.corrcoef(a[1:], b[:-1])[0, 1]) for a, b in itertools.product(ranks, repeat=2)]
    assert max(lagged) < 4.5 / np.sqrt(4000)


def test_streams_share_no_words():
    keys = itertools.product((0, 1, 2**32), range(9), (0, 1, 2**32))
    blocks = {hexadecimal(philox.words(4, *key)) for key in keys}
    assert len(blocks) == 81


@pytest.mark.parametrize("name", DRAWS)
@few
@given(seed=counters, purpose=purposes, step=counters, n=st.integers(0, 20), more=st.integers(0, 20))
def test_a_longer_draw_begins_with_the_shorter(name, seed, purpose, step, n, more):
    long = DRAWS[name]((n + more,), seed, purpose, step)
    assert_array_equal(DRAWS[name]((n,), seed, purpose, step), long[:n])
    assert_array_equal(philox.words(n, seed, purpose, step), philox.words(n + more, seed, purpose, step)[:n])


@pytest.mark.parametrize("name", DRAWS)
@few
@given(seed=counters, step=counters, shape=st.sampled_from([(7,), (3, 5), (2, 3, 3), (1, 1), (0, 3)]))
def test_float32_draws_are_float64_draws_rounded(name, seed, step, shape):
    double = DRAWS[name](shape, seed, streams.PRIOR, step)
    single = DRAWS[name](shape, seed, streams.PRIOR, step, dtype=np.float32)
    assert double.dtype == np.float64 and single.dtype == np.float32
    assert double.shape == single.shape == shape
    assert_array_equal(single, double.astype(np.float32))
    assert_array_equal(double.ravel(), DRAWS[name]((double.size,), seed, streams.PRIOR, step))


# Permutations


@few
@given(seed=counters, step=counters, n=st.integers(0, 200))
def test_a_permutation_is_one(seed, step, n):
    order = philox.permutation(n, seed, streams.SHUFFLE, step)
    assert order.dtype == np.int64
    assert_array_equal(np.sort(order), np.arange(n))


def test_all_orders_of_four_are_as_likely():
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for step in range(4800):
        counts[tuple(philox.permutation(4, 9, streams.SHUFFLE, step).tolist())] += 1
    assert min(counts.values()) > 0
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_every_entry_goes_everywhere():
    places = np.array([philox.permutation(10, 1, streams.SHUFFLE, step) for step in range(2000)])
    counts = np.array([np.bincount(column, minlength=10) for column in places.T])
    assert stats.chisquare(counts, axis=None).pvalue > 1e-3
    assert len({tuple(order) for order in places.tolist()}) > 1990

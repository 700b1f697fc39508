"""The first layer on bits as sums of rows, and Adam on a gradient's tiles: the same numbers as by products."""

import numpy as np
import pytest
from engine_cases import cpu_engine, draws, make
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp.data.points import Bits
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam


def points(rows, data_dim, share, seed=0):
    """Numbers of which a share is 1, and the same as bits; one point has no 1 at all, and a quarter of the columns."""
    ones = np.random.default_rng(seed).random((rows, data_dim)) < share
    ones[:, data_dim // 4 : data_dim // 2] = False
    ones[rows // 2] = False
    return ones.astype(np.float64), Bits(np.packbits(ones, axis=1))


def model(data_dim, hidden, dtype="float64", **more):
    options = {"latent_dim": 3, "likelihood": "bernoulli", "prior": "gaussian", "alpha": 1.0}
    return make(data_dim, dtype, hidden=hidden, **(options | more))


@settings(deadline=None, max_examples=30)
@given(
    bytes_wide=st.integers(1, 40),
    width=st.integers(1, 200),
    rows=st.integers(2, 70),
    share=st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.3]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 100),
)
def test_gradient_on_bits_is_that_on_numbers(bytes_wide, width, rows, share, threads, seed):
    """Widths beside the strips' and the vectors', images too bright for sums of rows, and small ones are all here."""
    numbers, bits = points(rows, 8 * bytes_wide, share, seed)
    vae, objective = model(8 * bytes_wide, (width,))
    given_draws = draws(vae, objective, rows)
    expected, expected_gradient = TextbookEngine(vae, objective).value_and_grad(numbers, given_draws)
    values, gradient = cpu_engine(vae, objective, rows + 3, threads, narrow=False).value_and_grad(bits, given_draws)
    assert_allclose(values["objective"], expected["objective"], rtol=1e-10)
    assert_allclose(gradient, expected_gradient, rtol=1e-8, atol=1e-10 * np.abs(expected_gradient).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(600, 40), (1100,)])
def test_training_on_bits(hidden, dtype):
    """Wide enough for several tiles a layer; the bits are the same with one thread and with three."""
    numbers, bits = points(150, 264, 0.04)
    vectors = []
    for engine_type, data, threads in (
        (TextbookEngine, numbers.astype(dtype), 1),
        (CpuEngine, bits, 1),
        (CpuEngine, bits, 3),
        (CpuEngine, numbers.astype(dtype), 2),
    ):
        vae, objective = model(264, hidden, dtype)
        more = {} if engine_type is TextbookEngine else {"max_rows": 50, "threads": threads}
        engine = engine_type(vae, objective, **more)
        adam = Adam.for_vector(vae.parameters.vector)
        # Of the columns that are 0 in every point some have moved before: those go on moving.
        still = vae.parameters["enc.0.W"].size // 264
        adam.m[70 * still : 75 * still] = adam.v[80 * still + 7] = 1e-3
        assert engine.train(data, np.arange(150), 50, adam, 3, np.zeros(4)) is None
        vectors.append(np.concatenate([vae.parameters.vector, adam.m, adam.v, adam.v_max]))
    tolerance = {"float32": 2e-4, "float64": 1e-9}[dtype]
    assert_array_equal(vectors[1], vectors[2])
    for vector in vectors[1:]:
        # Adam divides by the gradient's size: where that is near 0 its sign is rounding.
        assert_allclose(vector, vectors[0], rtol=tolerance, atol=tolerance)


def test_a_bright_point_wakes_rows_for_good():
    """A batch with a bright point is computed by a product; what it moved goes on moving in batches of dark points."""
    ones = np.random.default_rng(0).random((200, 264)) < 0.03
    ones[:, 66:] = False
    ones[20, 66:200] = True
    vectors = []
    for data in (ones.astype(np.float64), Bits(np.packbits(ones, axis=1))):
        vae, objective = model(264, (60,))
        adam = Adam.for_vector(vae.parameters.vector)
        engine = CpuEngine(vae, objective, max_rows=50)
        assert engine.train(data, np.arange(200), 50, adam, 3, np.zeros(4)) is None
        vectors.append(np.concatenate([vae.parameters.vector, adam.m, adam.v]))
    assert_allclose(vectors[1], vectors[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("share", [0.04, 0.5])
def test_encoding_bits(share):
    numbers, bits = points(130, 512, share)
    vae, objective = model(512, (90,))
    engine = CpuEngine(vae, objective, max_rows=60, threads=2)
    for got, expected in zip(engine.encode(bits), engine.encode(numbers), strict=True):
        assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_a_step_on_numbers_after_one_on_bits():
    numbers, bits = points(60, 256, 0.05)
    vae, objective = model(256, (70,))
    engine, given_draws = CpuEngine(vae, objective, max_rows=60), draws(vae, objective, 60)
    first = engine.value_and_grad(numbers, given_draws)
    second = engine.value_and_grad(bits, given_draws)
    third = engine.value_and_grad(numbers, given_draws)
    assert first[0] == third[0]
    assert_array_equal(first[1], third[1])
    assert_allclose(second[1], first[1], rtol=1e-8, atol=1e-10 * np.abs(first[1]).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_only_may_be_too_large_is_taken(dtype):
    """Its bound is beyond what Adam can hold, itself it is not: the slow way gives the same step."""
    weight = {"float32": 1e15, "float64": 1e147}[dtype]
    numbers, _ = points(64, 160, 0.5)
    vectors = []
    for engine_type in (TextbookEngine, CpuEngine):
        vae, objective = model(160, (300,), dtype, beta=weight, alpha=0.0)
        more = {} if engine_type is TextbookEngine else {"max_rows": 64}
        engine = engine_type(vae, objective, **more)
        adam = Adam.for_vector(vae.parameters.vector)
        assert engine.train(numbers.astype(dtype), np.arange(64), 64, adam, 3, np.zeros(4)) is None
        assert adam.step == 1
        vectors.append(vae.parameters.vector)
    assert_allclose(vectors[1], vectors[0], rtol=1e-4, atol=1e-4)


def test_points_of_bits_can_be_encoded_alone():
    """Points with few ones are sums of rows or products, by the batch, unless they are to be the same in any batch."""
    vae, objective = make(64, "float32", latent_dim=3, hidden=(300,), likelihood="bernoulli")
    share = np.where(np.arange(40) < 30, 0.05, 0.9)[:, None]
    data = Bits(np.packbits(np.random.default_rng(0).random((40, 64)) < share, axis=1))
    engine = CpuEngine(vae, objective, max_rows=16, threads=2)
    loc, scale = engine.encode(data, alone=True)
    for rows in (slice(0, 1), slice(2, 29), slice(39, 40)):
        one, other = engine.encode(data[rows], alone=True)
        assert_array_equal(one, loc[rows])
        assert_array_equal(other, scale[rows])

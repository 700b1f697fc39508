"""Kernels by themselves against NumPy, at sizes that are no multiple of a pack, of a warp or of a block."""

import contextlib

import numpy as np
import pytest
from devices import KINDS, make_device
from engine_cases import assert_gradients_agree, batch, draws, make
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp._core.codes import (
    ACTIVATIONS,
    ADAM,
    BIT_DATA,
    BYTE_DATA,
    LINEAR,
    NUMBER_COUNT,
    RATES,
    REAL_DATA,
    STATE,
    TOTAL_COUNT,
)
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.gpu_bias_parts import MOST_PARTS, row_parts
from minidecomp.engines.gpu_layout import PACK, Layout, in_packs
from minidecomp.engines.gpu_step import ADAM as ADAM_AT
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.network import activate, activation_slope
from minidecomp.model.optimizer import Adam

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
devices = pytest.mark.parametrize("device", KINDS)
AT = {name: i for i, name in enumerate(STATE)}
EPSILON = {"float32": 1e-6, "float64": 1e-14}


@pytest.fixture
def opened():
    """Makes devices whose queue is open until the test ends."""
    with contextlib.ExitStack() as stack:

        def make_and_open(kind, dtype):
            device = make_device(kind, dtype)
            stack.enter_context(device.queue)
            return device

        yield make_and_open


def state_of(device, fault=-1):
    state = np.zeros(len(STATE), np.int64)
    state[AT["fault"]] = fault
    return device.array(state, np.int64)


# ---- where the parameters stand ----


def test_tensors_begin_at_multiples_of_sixteen_bytes():
    shapes = {"W": (3, 5), "b": (5,), "V": (4, 2), "c": (1,)}
    layout, vector = Layout(shapes), np.arange(1.0, 30, dtype=np.float32)
    padded = layout.with_gaps(vector)
    assert padded.dtype == np.float32 and layout.size == padded.size == 16 + 8 + 8 + 4
    first = 0
    for name, view in layout.views(padded).items():
        assert view.shape == shapes[name] and (view.ctypes.data - padded.ctypes.data) % (4 * PACK) == 0
        assert_array_equal(view.ravel(), vector[first : first + view.size])
        first += view.size
    assert np.count_nonzero(padded) == 29
    assert_array_equal(layout.without_gaps(padded), vector)


@devices
def test_the_gaps_stay_zero(device):
    """Widths that are no multiple of four, in all vectors, after steps that did something."""
    vae, objective = make(5, "float32", latent_dim=3, hidden=(7,), alpha=1.0, learn_prior_variance=True)
    engine = GpuEngine(vae, objective, max_rows=9, device=make_device(device, vae.dtype))
    adam, before, step = Adam.for_vector(vae.parameters.vector), vae.parameters.vector.copy(), engine._step
    assert engine.train(batch(vae, 18), np.arange(18), 9, adam, 0, np.zeros(4)) is None
    gaps = step.layout.with_gaps(np.ones_like(before)) == 0
    assert gaps.sum() > 8
    for vector in (step.vector, step.gradient, *(step.arrays[name] for name in ("m", "v", "v_max"))):
        host = engine._device.to_host(vector)
        assert not host[gaps].any() and np.count_nonzero(host[~gaps]) > before.size / 2
    engine.pull()
    assert (vae.parameters.vector != before).mean() > 0.5


# ---- the end of a step ----


@dtypes
@devices
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("packs", [1, 33, 257])
def test_adam(packs, amsgrad, device, dtype, opened):
    """Also with a fault: then nothing changes."""
    on, rng, size = opened(device, np.dtype(dtype)), np.random.default_rng(packs), PACK * packs
    gradient, vector = rng.normal(size=(2, size)).astype(dtype)
    adam = Adam.for_vector(vector, 0.01, amsgrad)
    for _ in range(3):
        adam.update(vector, (rng.normal(size=size) * 2).astype(dtype))
    rate, root = adam.corrections(adam.step + 1)
    numbers = {"rate": rate, "root": root, "rest1": 1 - adam.beta1, "rest2": 1 - adam.beta2, "tiny": adam.eps}
    arrays = {"vector": vector, "gradient": gradient, "m": adam.m, "v": adam.v}
    arrays |= {"v_max": adam.v_max} if amsgrad else {}
    before = {name: array.copy() for name, array in arrays.items()}
    arguments = {name: on.array(array) for name, array in arrays.items()}
    arguments |= {"size": size, "rates": on.array([numbers[name] for name in RATES])}
    kernel, grid = "adam_amsgrad" if amsgrad else "adam", (-(-packs // 64), 1)
    on.bind(kernel, grid, 64, arguments | {"state": state_of(on, fault=2)})()
    for name, array in before.items():
        assert_array_equal(on.to_host(arguments[name]), array)
    on.bind(kernel, grid, 64, arguments | {"state": state_of(on)})()
    adam.update(vector, -gradient)
    for name, array in arrays.items():
        assert_allclose(on.to_host(arguments[name]), array, rtol=20 * EPSILON[dtype], atol=EPSILON[dtype])


@dtypes
@devices
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e160])
def test_a_bad_entry_anywhere_in_the_gradient(value, device, dtype, opened):
    """At either end of a thread's packs and of the vector, where blocks do not fill the grid."""
    on, size = opened(device, np.dtype(dtype)), PACK * 301
    state, gradient = state_of(on), np.full(size, 1e17, dtype)
    with np.errstate(over="ignore"):
        bad = np.array(value).astype(dtype)
    for at in (None, 0, 3, PACK * 64 - 1, PACK * 64, size - PACK, size - 1):
        state[AT["bad"]] = 0
        given = gradient.copy()
        if at is not None:
            given[at] = bad
        on.bind("look_at_gradient", (3, 1), 64, {"size": size, "gradient": on.array(given), "state": state})()
        assert on.to_host(state)[AT["bad"]] == (at is not None), at


@dtypes
@devices
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.0, 0.5), (0.99, 0.999999)])
def test_the_rates_need_no_double(beta1, beta2, device, dtype, opened):
    """lr / (1 - b1^t) and 1 / sqrt(1 - b2^t) to the accuracy of the dtype, from the first step to the last."""
    on, numbers = opened(device, np.dtype(dtype)), np.zeros(NUMBER_COUNT)
    adam = Adam.for_vector(np.zeros(1), 0.003)
    adam.beta1, adam.beta2, adam.eps = beta1, beta2, 1e-7
    numbers[ADAM_AT] = [getattr(adam, name) for name in ADAM]
    for step in (1, 2, 3, 10, 1000, 12_345, 10**6, 2**40):
        state = np.zeros(len(STATE), np.int64)
        state[[AT["fault"], AT["step"], AT["epoch_rows"], AT["used_rows"]]] = -1, step - 1, 5, 5
        rates, totals = on.zeros(len(RATES)), on.zeros(TOTAL_COUNT, dtype=np.float64)
        given = {"state": on.array(state, np.int64), "numbers": on.array(numbers, np.float64), "totals": totals}
        given |= {"B": 5, "rates": rates}
        on.bind("finish", (1, 1), 1, given)()
        rate, root = adam.corrections(step)
        expected = {"rate": rate, "root": root, "rest1": 1 - beta1, "rest2": 1 - beta2, "tiny": 1e-7}
        got = dict(zip(RATES, on.to_host(rates).tolist(), strict=True))
        # 1 - b in float64, which the textbook takes from b^t, loses digits where b is near 1.
        tolerance = max(EPSILON[dtype], 1e-15 / (1 - beta2))
        assert_allclose([got[name] for name in RATES], [expected[name] for name in RATES], rtol=tolerance)


# ---- reading a batch, and the likelihood ----


def stored(kind, rng, rows, dx):
    """Points of a kind, and the numbers they stand for."""
    if kind == BIT_DATA:
        bits = rng.random((rows, dx)) < 0.4
        return np.packbits(bits, axis=1), bits.astype(float)
    if kind == BYTE_DATA:
        data = rng.integers(0, 256, (rows, dx), dtype=np.uint8)
        return data, data / 255
    data = rng.normal(size=(rows, dx))
    return data, data


@dtypes
@devices
@pytest.mark.parametrize("dx", [1, 3, 8, 24, 30, 132, 200])
@pytest.mark.parametrize("kind", [REAL_DATA, BYTE_DATA, BIT_DATA])
def test_gather(kind, dx, device, dtype, opened):
    """Rows in an order, from some row on; what stands behind the batch stays."""
    if kind == BIT_DATA and dx % 8:
        dx += 8 - dx % 8
    on, rng = opened(device, np.dtype(dtype)), np.random.default_rng(dx)
    data, numbers = stored(kind, rng, 9, dx)
    order, state, x = rng.permutation(9), state_of(on), on.array(np.full((6, dx), 7.0))
    state[AT["first"]] = 3
    arguments = {"state": state, "order": on.array(order, np.int64), "data_kind": kind, "dx": dx, "x": x}
    arguments["data"] = on.array(data, on.dtype if kind == REAL_DATA else np.uint8)
    block = on.block_for(in_packs(dx))
    on.bind("gather", (5, -(-in_packs(dx) // block)), block, arguments)()
    got = on.to_host(x)
    assert_allclose(got[:5], numbers[order[3:8]].astype(dtype), rtol=EPSILON[dtype])
    assert_array_equal(got[5], 7)


@devices
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "laplace"])
@pytest.mark.parametrize("dx", [1, 31, 130, 1029])
def test_likelihood_of_any_width(dx, likelihood, device):
    """Widths that a block's threads do not share evenly."""
    vae, objective = make(dx, likelihood=likelihood, latent_dim=2, hidden=(3,), samples=2)
    x, given = batch(vae, 3), draws(vae, objective, 3)
    expected, wanted = TextbookEngine(vae, objective).value_and_grad(x, given, {"log_likelihood": 0.7})
    engine = GpuEngine(vae, objective, max_rows=3, device=make_device(device, vae.dtype))
    values, gradient = engine.value_and_grad(x, given, {"log_likelihood": 0.7})
    assert_allclose(values["log_likelihood"], expected["log_likelihood"], rtol=1e-11)
    assert_gradients_agree(vae, gradient, wanted, 1e-10)


# ---- layers ----

SIZES = pytest.mark.parametrize(("rows", "n"), [(1, 1), (3, 3), (7, 5), (65, 33), (9, 64), (130, 2)])


@dtypes
@devices
@SIZES
def test_bias_activation(rows, n, device, dtype, opened):
    """What stands behind the last row stays."""
    on, rng = opened(device, np.dtype(dtype)), np.random.default_rng(rows)
    before, bias = rng.normal(size=(rows + 1, n)).astype(dtype), rng.normal(size=n).astype(dtype)
    for code, name in enumerate(ACTIVATIONS):
        h = on.array(before)
        arguments = {"activation": code, "rows": rows, "n": n, "bias": on.array(bias), "h": h}
        on.bind("bias_activation", (-(-in_packs(rows * n) // 32), 1), 32, arguments)()
        got = on.to_host(h)
        assert_allclose(got[:rows], activate(before[:rows] + bias, name), rtol=10 * EPSILON[dtype], atol=EPSILON[dtype])
        assert_array_equal(got[rows:], before[rows:])


@devices
@SIZES
@pytest.mark.parametrize("block", [32, 128])
def test_activation_grad(rows, n, block, device, opened):
    """In one part and in several, with what stands behind the last row untouched; ``linear`` stores nothing."""
    on, rng = opened(device, np.dtype("float64")), np.random.default_rng(rows)
    d_h, h = rng.normal(size=(2, rows + 1, n))
    for code, name in enumerate((*ACTIVATIONS, "linear")):
        expected = d_h[:rows] * (1 if code == LINEAR else activation_slope(h[:rows], name))
        for rows_of_part in (rows, -(-rows // 3)):
            parts, d_a = -(-rows // rows_of_part), on.array(d_h)
            sums = on.zeros(parts, n + 2)
            arguments = {"activation": code, "rows": rows, "rows_of_part": rows_of_part, "n": n, "stride": n + 2}
            grid, arguments = (-(-n // 32), parts), arguments | {"h": on.array(h), "d_a": d_a, "sums": sums}
            on.bind("activation_grad", grid, block, arguments)()
            got = on.to_host(d_a)
            assert_allclose(got[:rows], expected, rtol=1e-13)
            assert_array_equal(got[rows:], d_h[rows:])
            for p, part in enumerate(on.to_host(sums)):
                wanted = expected[p * rows_of_part : (p + 1) * rows_of_part].sum(0)
                assert_allclose(part, [*wanted, 0, 0], rtol=1e-12, atol=1e-13)


def test_the_parts_of_the_rows():
    for rows in (1, 64, 65, 4096, 4097, 4225, 100_000):
        parts, rows_of_part = row_parts(rows)
        assert parts <= min(MOST_PARTS, -(-rows // 64)) and (parts - 1) * rows_of_part < rows <= parts * rows_of_part
    assert row_parts(64)[0] == 1 and row_parts(65)[0] == 2


@devices
@pytest.mark.parametrize(("rows", "samples"), [(70, 1), (40, 2), (70, 3)])
def test_biases_summed_in_parts(rows, samples, device):
    """Of the decoder alone or of both networks; a smaller batch after a larger one takes no part of that one."""
    vae, objective = make(5, latent_dim=3, hidden=(7, 34), alpha=1.0, samples=samples)
    engine = GpuEngine(vae, objective, max_rows=rows + 70, device=make_device(device, vae.dtype))
    for count in (rows + 70, rows):
        x, given = batch(vae, count), draws(vae, objective, count)
        expected = TextbookEngine(vae, objective).value_and_grad(x, given)[1]
        assert_gradients_agree(vae, engine.value_and_grad(x, given)[1], expected, 1e-10)

"""The C foundations: elementary functions to the ulp, products against numpy, the pool, the BLAS."""

import os
import threading
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp._core import blas, engine_float32, engine_float64

ENGINES = [
    SimpleNamespace(core=engine_float32, dtype=np.float32, bits=np.uint32, reference=np.float64),
    SimpleNamespace(core=engine_float64, dtype=np.float64, bits=np.uint64, reference=np.longdouble),
]
both = pytest.mark.parametrize("engine", ENGINES, ids=["float32", "float64"])
FUNCTIONS = ["exp", "expm1", "log", "log1p", "tanh"]


def elementwise(engine, name, x):
    """f(x), with a guard behind the output."""
    out = np.full(x.size + 16, 123.5, engine.dtype)
    engine.core.elementwise(name, x, out[: x.size])
    assert (out[x.size :] == 123.5).all()
    return out[: x.size]


def ulps(engine, got, exact):
    """Errors in units of the exact value's last place; where it is not finite, 0 if equal, else infinity."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(engine.dtype)
        unit = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 0)))
        error = np.abs(got.astype(engine.reference) - exact) / unit
    same = (np.isnan(got) & np.isnan(rounded)) | (got == rounded)
    return np.where(np.isfinite(rounded), error, np.where(same, 0, np.inf))


def every_kind_of_number(engine):
    """Every 9973rd bit pattern of float32, and random ones of float64: subnormals, infinities, NaNs."""
    if engine.dtype == np.float32:
        patterns = np.arange(0, 2**32, 9973, dtype=np.uint64).astype(np.uint32)
    else:
        patterns = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64)
    return patterns.view(engine.dtype)


def grid(engine, name):
    ends = {"exp": (-105, 90), "expm1": (-20, 90), "log": (0, 4), "log1p": (-1, 4), "tanh": (-10, 10)}
    low, high = ends[name]
    near_zero = np.geomspace(1e-30, 1, 20_001)
    x = np.concatenate([np.linspace(low, high, 100_003), near_zero, -near_zero, 1 + near_zero, 1 - near_zero])
    return x.astype(engine.dtype)


@both
@pytest.mark.parametrize("name", FUNCTIONS)
def test_two_ulps(engine, name):
    for x in grid(engine, name), every_kind_of_number(engine):
        with np.errstate(all="ignore"):
            exact = getattr(np, name)(x.astype(engine.reference))
        error = ulps(engine, elementwise(engine, name, x), exact)
        worst = np.argmax(error)
        assert error[worst] <= 2, f"{name}({x[worst]!r}) is {error[worst]} ulp off"


@both
def test_edges(engine):
    inf, nan = np.inf, np.nan
    x = np.array([0.0, inf, -inf, nan, -1.0, -2.0, 1000.0, -1000.0], engine.dtype)
    expected = {
        "exp": [1, inf, 0, nan, np.exp(-1), np.exp(-2), inf, 0],
        "expm1": [0, inf, -1, nan, np.expm1(-1), np.expm1(-2), inf, -1],
        "log": [-inf, inf, nan, nan, nan, nan, np.log(1000), nan],
        "log1p": [0, inf, nan, nan, -inf, nan, np.log(1001), nan],
        "tanh": [0, 1, -1, nan, np.tanh(-1), np.tanh(-2), 1, -1],
    }
    for name in FUNCTIONS:
        # Alone and in the middle of a vector: the scalar end of a loop agrees with its vectors.
        for repeats in 1, 9:
            got = elementwise(engine, name, np.repeat(x, repeats))
            np.testing.assert_allclose(got, np.repeat(expected[name], repeats), rtol=3e-7, err_msg=name)


def test_exp_of_float32_overflows_and_underflows_where_it_should():
    x = np.array([88.72283, 88.72284, -87.33655, -103.97208, -103.97209], np.float32)
    got = elementwise(ENGINES[0], "exp", x)
    assert np.isfinite(got[0]) and np.isinf(got[1])
    assert 0 < got[2] < 1.2e-38 and got[3] == np.float32(1e-45) and got[4] == 0


@both
@pytest.mark.parametrize(
    ("name", "exact", "least"), [("exp-of-negative", np.exp, 87), ("exp2-of-negative", np.exp2, 90)]
)
def test_exponentials_of_negative_numbers(engine, name, exact, least):
    """As exp or exp2 down to -87 or -90; below it, float32 has 0 and no subnormal."""
    x = -np.concatenate([np.linspace(0, least, 100_003), np.geomspace(1e-30, least, 20_001)[:-1]]).astype(engine.dtype)
    assert ulps(engine, elementwise(engine, name, x), exact(x.astype(engine.reference))).max() <= 2
    far = np.array([-least - 0.5, -1e3, -1e30, -np.inf], engine.dtype)
    got = elementwise(engine, name, far)
    assert (got == 0).all() if engine.dtype == np.float32 else np.allclose(got, exact(far), rtol=1e-15)
    assert np.isnan(elementwise(engine, name, np.full(9, np.nan, engine.dtype))).all()


@both
def test_sine_and_cosine_of_a_turn(engine):
    count = 2**20 if engine.dtype == np.float32 else 2**16
    u = np.concatenate([np.arange(count) / count, (np.arange(2**16) + 0.5) * 2.0**-23]).astype(engine.dtype)
    out = np.full((2, u.size + 16), 9.0, engine.dtype)
    engine.core.sincos2pi(u, out[0, : u.size], out[1, : u.size])
    assert (out[:, u.size :] == 9).all()
    pi = np.arctan(engine.reference(1)) * 4
    for got, exact in (out[0], np.sin(2 * pi * u)), (out[1], np.cos(2 * pi * u)):
        error = np.abs(got[: u.size] - exact.astype(engine.reference))
        epsilon = np.finfo(engine.dtype).eps
        assert error.max() < (0.8 if engine.dtype == np.float32 else 5) * epsilon
        if engine.dtype == np.float32:
            far = np.abs(exact) > 1e-12
            assert ulps(engine, got[: u.size][far], exact[far]).max() <= 2


@both
def test_lengths_are_checked(engine):
    x = np.ones(3, engine.dtype)
    with pytest.raises(ValueError, match="out has 2 elements, x has 3"):
        engine.core.elementwise("exp", x, x[:2].copy())
    with pytest.raises(ValueError, match="not 'sinh'"):
        engine.core.elementwise("sinh", x, x.copy())
    with pytest.raises(ValueError, match="u has 3"):
        engine.core.sincos2pi(x, x.copy(), x[:2].copy())
    with pytest.raises(ValueError, match=r"\(2, 3\) times \(2, 3\) into \(2, 3\)"):
        engine.core.Pool(1).gemm(*np.ones((3, 2, 3), engine.dtype))


# ---- products ----


@pytest.fixture(params=["own", "blas"])
def kernels(request):
    """Own kernels, or numpy's BLAS for the large products."""
    if request.param == "own":
        for engine in ENGINES:
            engine.core.use_blas(False)
    elif any(engine.core.use_blas(True) is None for engine in ENGINES):
        pytest.skip("numpy has no OpenBLAS")
    with blas.single_threaded() if request.param == "blas" else nullcontext():
        yield request.param
    for engine in ENGINES:
        engine.core.use_blas(True)


def padded(rng, rows, columns, dtype, padding, integers):
    """A matrix whose rows are apart, with NaN in between: whoever reads it will be noticed."""
    store = np.full((rows + 2, columns + padding), np.nan, dtype)
    matrix = store[1 : rows + 1, :columns]
    matrix[...] = rng.integers(-3, 4, matrix.shape) if integers else rng.standard_normal(matrix.shape)
    return store, matrix


def check_product(engine, m, n, k, trans_a, trans_b, accumulate, padding=3, threads=1):
    """Small integers, so that every order of summation gives the same number."""
    rng = np.random.default_rng([m, n, k])
    _, a = padded(rng, *((k, m) if trans_a else (m, k)), engine.dtype, padding, True)
    _, b = padded(rng, *((n, k) if trans_b else (k, n)), engine.dtype, padding, True)
    store, c = padded(rng, m, n, engine.dtype, padding, True)
    exact = (a.T if trans_a else a).astype(int) @ (b.T if trans_b else b).astype(int)
    expected = store.copy()
    expected[1 : m + 1, :n] = exact + c if accumulate else exact
    if not accumulate:
        c[...] = np.nan
    engine.core.Pool(threads).gemm(a, b, c, trans_a, trans_b, accumulate)
    np.testing.assert_array_equal(store, expected)


SHAPES = [
    (400, 100, 2), (400, 4, 100), (400, 100, 4), (100, 4, 400), (2, 100, 400), (100, 2, 400), (1, 1, 1),
    (1, 1, 700), (1, 40, 1), (700, 1, 3), (3, 700, 300), (5, 17, 600), (600, 5, 2100), (245, 33, 513),
    (128, 130, 129), (64, 300, 257), (17, 3000, 40), (3000, 17, 40),
    (64, 103, 2700), (70, 16, 1500), (256, 77, 130),
]  # fmt: skip


@both
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
def test_products_of_typical_shapes(engine, kernels, trans_a, trans_b):
    for m, n, k in SHAPES:
        for accumulate in False, True:
            check_product(engine, m, n, k, trans_a, trans_b, accumulate)


size = st.integers(1, 40) | st.sampled_from([63, 64, 65, 239, 241, 255, 257, 300])


@both
@settings(max_examples=60, deadline=None)
@given(m=size, n=size, k=size, flags=st.tuples(*[st.booleans()] * 3), padding=st.integers(0, 9))
def test_products_of_any_shape(engine, m, n, k, flags, padding):
    check_product(engine, m, n, k, *flags, padding=padding)


@both
def test_products_with_an_empty_side(engine):
    for m, n, k in (0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0):
        a, b = np.ones((m, k), engine.dtype), np.ones((k, n), engine.dtype)
        c = np.full((m, n), 7, engine.dtype)
        engine.core.Pool(1).gemm(a, b, c, accumulate=True)
        assert (c == 7).all()
        engine.core.Pool(1).gemm(a, b, c)
        assert (c == 0).all()


@both
@pytest.mark.parametrize(
    "flags",
    [(False, False), (True, True)]
    + [pytest.param(flags, marks=pytest.mark.slow) for flags in ((False, True), (True, False))],
)
def test_products_are_accurate_and_the_same_with_any_number_of_threads(engine, kernels, flags):
    rng = np.random.default_rng(1)
    for m, n, k in (400, 100, 4), (300, 200, 100), (65, 1201, 333), (1000, 37, 100), (257, 300, 400):
        assert engine.core.gemm_tasks(m, n, k) > 1 or k == 4
        _, a = padded(rng, *((k, m) if flags[0] else (m, k)), engine.dtype, 5, False)
        _, b = padded(rng, *((n, k) if flags[1] else (k, n)), engine.dtype, 5, False)
        results = []
        for threads in 1, 2, 3, 1:
            store, c = padded(rng, m, n, engine.dtype, 5, False)
            engine.core.Pool(threads).gemm(a, b, c, *flags)
            assert np.isnan(store[:, n:]).all() and np.isnan(store[[0, -1]]).all()
            results.append(c)
        for c in results[1:]:
            np.testing.assert_array_equal(c, results[0])
        left, right = ((x.T if t else x).astype(np.float64) for x, t in zip((a, b), flags, strict=True))
        # |error| <= k eps sum |a b|, here with a small constant since errors cancel
        bound = 8 * np.finfo(engine.dtype).eps * (np.abs(left) @ np.abs(right))
        assert (np.abs(results[0] - left @ right) <= bound).all()


@both
def test_rows_must_be_contiguous(engine):
    a = np.ones((4, 8), engine.dtype)
    with pytest.raises(ValueError, match="bytes apart"):
        engine.core.Pool(1).gemm(a[:, ::2], np.ones((4, 4), engine.dtype), np.ones((4, 4), engine.dtype))


# ---- threads ----


@pytest.mark.parametrize("threads", [-1, 0, 1, 2, 3, 8])
def test_the_pool_does_each_task_once(threads):
    pool = engine_float32.Pool(threads)
    assert pool.threads == max(threads, 1)
    assert pool.stress(3000, 37)
    assert pool.stress(50, 3000)


def test_the_pool_wakes_up():
    pool = engine_float32.Pool(2)
    for _ in range(100):
        assert pool.stress(5, 4)
        threading.Event().wait(0.0005)  # long enough for its workers to fall asleep


def test_pools_come_and_go():
    for i in range(300):
        assert engine_float64.Pool(1 + i % 4).stress(i % 3, 5)


def test_many_pools_at_once_and_one_pool_for_many_threads():
    shared, right = engine_float32.Pool(2), []

    def work():
        own = engine_float32.Pool(2)
        right.append(own.stress(1500, 20) and shared.stress(1500, 20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_works_without_the_threads():
    pool = engine_float32.Pool(3)
    assert pool.stress(100, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        right = pool.stress(100, 20) and engine_float32.Pool(2).stress(100, 20)
        del pool
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.stress(100, 20)


# ---- the BLAS ----


def blas_threads():
    library = blas._library()
    return library.function("openblas_get_num_threads")()


@pytest.mark.skipif(blas.find("float") is None, reason="numpy has no OpenBLAS")
def test_the_blas_has_one_thread_while_engines_compute():
    set_threads = blas._library().function("openblas_set_num_threads")
    before = blas_threads()
    set_threads(2)
    try:
        with blas.single_threaded():
            assert blas_threads() == 1
            with blas.single_threaded():
                assert blas_threads() == 1
            assert blas_threads() == 1
        assert blas_threads() == 2
        with pytest.raises(KeyError), blas.single_threaded():
            raise KeyError
        assert blas_threads() == 2
    finally:
        set_threads(before)


def test_the_blas_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("MINIDECOMP_NO_BLAS", "1")
    assert blas.find("double") is None and engine_float64.use_blas(True) is None
    assert blas.config() == "own kernels"
    with blas.single_threaded():
        pass
    monkeypatch.undo()
    found = blas.find("double")
    assert engine_float64.use_blas(True) == (found and found[2])
    assert blas.config()

"""The CPU engine against the textbook, in float64 to 1e-10 and in float32 to 1e-4, and its promises."""

import itertools
import os
import subprocess
import sys
import sysconfig
import threading
import time

import numpy as np
import pytest
import reference_cases
from engine_cases import (
    EVERY_KIND,
    EVERY_KIND_LEARNED,
    as_float64,
    assert_agree,
    assert_gradients_agree,
    batch,
    cpu_engine,
    draws,
    in_float64,
    make,
    own_copy,
    settings_of_a_model,
    trained,
    weights_and_dtypes,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp.data.points import Bits
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam
from minidecomp.randomness import philox, streams

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
TERM_WEIGHTS = [{"log_likelihood": 1}, {"kl": 1}, {"regulariser": 1}, None]
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def both(vae, objective, rows, threads=1, narrow=True):
    """The textbook and the CPU engine, each with parameters of its own; ``narrow`` as for `cpu_engine`."""
    return TextbookEngine(vae, objective), cpu_engine(own_copy(vae), objective, rows, threads, narrow)


# ---- the reference cases ----


@weights_and_dtypes(TERM_WEIGHTS)
@pytest.mark.parametrize("name", reference_cases.NAMES)
@pytest.mark.parametrize("narrow", [True, False])
def test_reference_cases(name, weights, dtype, narrow):
    case, vae, objective, x, given_draws = reference_cases.load(name, np.dtype(dtype))
    engine = cpu_engine(vae, objective, len(x), 2, narrow)
    values, gradient = engine.value_and_grad(x, given_draws, weights)
    term = "objective" if weights is None else next(iter(weights))
    tolerance = TOLERANCE[dtype]
    assert_allclose(values[term], case[f"value.{term}"], rtol=tolerance)
    start = 0
    for parameter, view in vae.parameters.items():
        expected = case.get(f"grad.{term}.{parameter}", np.zeros(view.shape)).ravel()
        largest = max(np.abs(expected).max(), 1e-3)
        got = gradient[start : start + view.size]
        assert_allclose(got, expected, rtol=tolerance, atol=tolerance * largest, err_msg=parameter)
        start += view.size
    assert start == gradient.size


# ---- any model ----


# One unit of a narrow decoder, and two points whose gradients cancel to nothing but rounding.
CANCELS = {
    "prior": "gaussian",
    "likelihood": "laplace",
    "regulariser": "mmd",
    "latent_dim": 1,
    "hidden": (1, 1, 10),
    "decoder_hidden": (2, 4),
    "beta": 0.0,
    "alpha": 0.0,
    "seed": 0,
}


@settings(max_examples=80, deadline=None)  # few, because each is a model; other tests go through the kinds
@example(CANCELS, 1, 2, 1, {"log_likelihood": 1}, False)
@example(CANCELS, 1, 2, 1, {"log_likelihood": 1}, True)
@given(
    settings_of_a_model(),
    st.integers(1, 20),
    st.integers(2, 70),
    st.integers(1, 3),
    st.sampled_from(TERM_WEIGHTS),
    st.booleans(),
)
def test_any_model_agrees_with_the_textbook(model, data_dim, rows, threads, weights, narrow):
    vae, objective = make(data_dim, **model)
    textbook, cpu = both(vae, objective, rows, threads, narrow)
    x, given_draws = batch(vae, rows), draws(vae, objective, rows)
    expected, expected_gradient = textbook.value_and_grad(x, given_draws, weights)
    values, gradient = cpu.value_and_grad(x, given_draws, weights)
    assert values.keys() == expected.keys()
    for term in values:
        assert_agree(values[term], expected[term], 1e-10, term, 1.0)
    assert_gradients_agree(vae, gradient, expected_gradient, 1e-10)


@settings(max_examples=80, deadline=None)  # few, because each is a model; other tests go through the kinds
@given(settings_of_a_model(), st.integers(1, 20), st.integers(2, 70), st.booleans())
def test_any_model_in_float32(model, data_dim, rows, narrow):
    vae, objective = make(data_dim, "float32", **model)
    _, cpu = both(vae, objective, rows, 2, narrow)
    x, given_draws = batch(vae, rows), draws(vae, objective, rows)
    exact = TextbookEngine(in_float64(vae), objective)
    expected, expected_gradient = exact.value_and_grad(x.astype(float), as_float64(given_draws))
    values, gradient = cpu.value_and_grad(x, given_draws)
    scale = max(abs(value) for value in expected.values())
    for term in values:
        assert abs(values[term] - expected[term]) <= 1e-4 * max(scale, 1), term
    error = np.linalg.norm(gradient - expected_gradient)
    assert error <= 1e-3 * max(np.linalg.norm(expected_gradient), 1e-2)


# ---- training: the engines draw the same numbers and take the same steps ----


@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize(("prior", "likelihood", "regulariser", "learn"), EVERY_KIND_LEARNED)
def test_twenty_steps(prior, likelihood, regulariser, learn, narrow):
    vae, objective = make(
        5,
        prior=prior,
        likelihood=likelihood,
        regulariser=regulariser,
        learn_prior_variance=learn,
        latent_dim=3,
        hidden=(9,),
        alpha=2.0,
        beta=0.7,
        samples=2,
    )
    textbook, cpu = both(vae, objective, 16, 2, narrow)
    data = batch(vae, 31)
    expected, expected_adam, expected_totals = trained(textbook, data, 20, 16)
    got, adam, totals = trained(cpu, data, 20, 16)
    assert adam.step == expected_adam.step == 20
    assert_allclose(totals, expected_totals, rtol=1e-8)
    assert_allclose(got, expected, rtol=1e-7, atol=1e-7)
    for name in ("m", "v", "v_max"):
        array = getattr(expected_adam, name)
        assert_allclose(getattr(adam, name), array, rtol=1e-6, atol=1e-7 * np.abs(array).max(), err_msg=name)


@pytest.mark.parametrize("rows", [1, 7, 8, 63, 64, 65, 95, 96, 400, 1201])
@dtypes
def test_narrow_layers_with_any_number_of_rows(rows, dtype):
    """The last block of rows may be part empty, and small batches are cut into fewer chunks."""
    vae, objective = make(3, dtype, hidden=(5, 12), latent_dim=2, samples=2, prior="mixture", alpha=2.0, beta=0.5)
    textbook, cpu = both(vae, objective, rows, 3)
    assert cpu._engine.narrow
    x, given_draws = batch(vae, rows), draws(vae, objective, rows)
    expected, expected_gradient = textbook.value_and_grad(x, given_draws)
    values, gradient = cpu.value_and_grad(x, given_draws)
    assert_allclose(values["objective"], expected["objective"], rtol=TOLERANCE[dtype])
    assert_gradients_agree(vae, gradient, expected_gradient, TOLERANCE[dtype] * 10)


@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "tanh", "softplus"])
@pytest.mark.parametrize("widths", [(1, (1,), 1), (13, (31,), 3), (32, (64, 64), 7), (2, (256,), 2)])
def test_narrow_layers_of_any_width(widths, activation):
    data_dim, hidden, latent_dim = widths
    vae, objective = make(data_dim, hidden=hidden, latent_dim=latent_dim, activation=activation)
    textbook, cpu = both(vae, objective, 30, 2)
    wide = cpu_engine(own_copy(vae), objective, 30, narrow=False)
    assert cpu._engine.narrow and not wide._engine.narrow
    x, given_draws = batch(vae, 30), draws(vae, objective, 30)
    _, expected = textbook.value_and_grad(x, given_draws)
    for engine in (cpu, wide):
        assert_gradients_agree(vae, engine.value_and_grad(x, given_draws)[1], expected, 1e-10)


@pytest.mark.parametrize("hidden", [(300,), (65, 65)])
def test_wide_layers(hidden):
    vae, objective = make(2, hidden=hidden)
    engine = CpuEngine(vae, objective, max_rows=5)._engine
    assert not engine.narrow
    with pytest.raises(ValueError, match="too wide"):
        engine.narrow = True


def test_adam_without_amsgrad():
    vae, objective = make(5, latent_dim=3, hidden=(9,))
    textbook, cpu = both(vae, objective, 16)
    data = batch(vae, 32)
    expected, _, _ = trained(textbook, data, 10, 16, amsgrad=False)
    got, adam, _ = trained(cpu, data, 10, 16, amsgrad=False)
    assert adam.v_max is None
    assert_allclose(got, expected, rtol=1e-8, atol=1e-9)


@dtypes
@pytest.mark.parametrize("amsgrad", [True, False])
@pytest.mark.parametrize(("data_dim", "hidden", "rows"), [(31, (144, 80), 24), (38, (2048,), 160), (7, (208,), 257)])
def test_gradient_and_update_side_by_side(data_dim, hidden, rows, amsgrad, dtype):
    """Widths with a tile's rest in rows and in columns; 257 rows are one more than the kernel takes."""
    vae, objective = make(data_dim, dtype, hidden=hidden, latent_dim=8)
    exact, _ = make(data_dim, hidden=hidden, latent_dim=8)
    exact.parameters.vector[...] = vae.parameters.vector
    _, expected, _ = trained(TextbookEngine(exact, objective), batch(exact, rows), 2, rows, amsgrad=amsgrad)
    engines = [CpuEngine(own_copy(vae), objective, max_rows=rows, threads=threads) for threads in (1, 3)]
    (vector, adam, _), (same, _, _) = (trained(each, batch(vae, rows), 2, rows, amsgrad=amsgrad) for each in engines)
    assert_array_equal(vector, same)
    for name in ("m", "v", "v_max") if amsgrad else ("m", "v"):
        want = getattr(expected, name)
        assert_allclose(getattr(adam, name), want, rtol=0, atol=TOLERANCE[dtype] * np.abs(want).max())


@dtypes
@pytest.mark.parametrize(
    ("hidden", "rows", "latent_dim"), [((100,), 400, 2), ((300, 200), 130, 20), ((7, 5, 3), 33, 1)]
)
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_same_bits_with_any_number_of_threads(hidden, rows, latent_dim, regulariser, dtype):
    vectors = []
    for threads in (1, 2, 3, 5):
        vae, objective = make(
            40,
            dtype,
            prior="mixture",
            regulariser=regulariser,
            hidden=hidden,
            latent_dim=latent_dim,
            alpha=3.0,
            learn_prior_variance=True,
        )
        engine = CpuEngine(vae, objective, max_rows=rows, threads=threads)
        vector, adam, totals = trained(engine, batch(vae, 2 * rows + 7), 6, rows)
        vectors.append(np.concatenate([vector, adam.m, adam.v, adam.v_max, totals]))
    for other in vectors[1:]:
        assert_array_equal(other, vectors[0])


def test_a_split_epoch_is_the_same_epoch():
    """Steps made one call at a time are those made in one call: what a resume stands on."""
    whole, pieces = (make(5, latent_dim=2, hidden=(8,), alpha=1.0) for _ in range(2))
    data = batch(whole[0], 50)
    order = philox.permutation(50, 3, streams.SHUFFLE, 0)
    results = []
    for (vae, objective), cuts in ((whole, [0, 50]), (pieces, [0, 10, 40, 50])):
        engine, adam, totals = (
            CpuEngine(vae, objective, max_rows=10),
            Adam.for_vector(vae.parameters.vector),
            np.zeros(4),
        )
        for first, last in itertools.pairwise(cuts):
            assert engine.train(data, order[first:last], 10, adam, 3, totals) is None
        results.append(np.concatenate([vae.parameters.vector, totals]))
    assert_array_equal(results[0], results[1])


@dtypes
def test_bytes_stand_for_v_over_255(dtype):
    vae, objective = make(6, dtype, latent_dim=2, hidden=(8,), likelihood="laplace", alpha=1.0)
    data = np.random.default_rng(0).integers(0, 256, (20, 6), dtype=np.uint8)
    textbook, cpu = both(vae, objective, 20)
    given_draws = draws(vae, objective, 20)
    expected, expected_gradient = textbook.value_and_grad(data, given_draws)
    values, gradient = cpu.value_and_grad(data, given_draws)
    assert_allclose(values["objective"], expected["objective"], rtol=TOLERANCE[dtype])
    assert_gradients_agree(vae, gradient, expected_gradient, TOLERANCE[dtype] * 10)


@dtypes
def test_bits_are_zeros_and_ones(dtype):
    """Trained on, encoded and evaluated, bits give the very bits that the numbers give."""
    ones = (np.random.default_rng(0).random((30, 24)) < 0.3).astype(dtype)
    results = []
    for data in (ones, Bits(np.packbits(ones.astype(bool), axis=1))):
        vae, objective = make(24, dtype, latent_dim=3, hidden=(8,), likelihood="bernoulli", alpha=1.0)
        textbook, cpu = both(vae, objective, 10, 2)
        for engine in (cpu, textbook):
            vector, _, totals = trained(engine, data, 6, 10)
            loc, scale = engine.encode(data)
            values = engine.values(data[:10], 0, 0)
            results.append([vector, totals, loc, scale, list(values.values())])
    for ours, bits in zip(results[:2], results[2:], strict=True):
        for number, bit in zip(ours, bits, strict=True):
            assert_array_equal(number, bit)


@dtypes
def test_encode_and_decode(dtype):
    """Also of more rows than there is room for at once."""
    vae, objective = make(7, dtype, latent_dim=3, hidden=(11, 6), prior="gaussian")
    textbook, cpu = both(vae, objective, 10, 2)
    x = batch(vae, 37)
    for got, expected in zip(cpu.encode(x), textbook.encode(x), strict=True):
        assert got.dtype == dtype
        assert_agree(got, expected, TOLERANCE[dtype] / 10)
    z = np.random.default_rng(0).normal(size=(37, 3)).astype(dtype)
    assert_agree(cpu.decode(z), textbook.decode(z), TOLERANCE[dtype] / 10)


def test_values_draws_what_training_draws():
    vae, objective = make(5, latent_dim=2, hidden=(8,), prior="student-t", alpha=1.0, samples=3)
    textbook, cpu = both(vae, objective, 30)
    x = batch(vae, 30)
    for regulariser in (None, "mmd", "kl-inc"):
        expected = textbook.values(x, 5, 2**40 + 3, regulariser)
        values = cpu.values(x, 5, 2**40 + 3, regulariser)
        assert values.keys() == expected.keys()
        for term, value in values.items():
            assert_allclose(value, expected[term], rtol=1e-9, err_msg=term)


@pytest.mark.parametrize("n", [1, 2, 5, 1000])
def test_permutation(n):
    vae, objective = make(3)
    order = CpuEngine(vae, objective, max_rows=2).permutation(n, 11, 4)
    assert_array_equal(order, philox.permutation(n, 11, streams.SHUFFLE, 4))
    assert_array_equal(np.sort(order), np.arange(n))


# ---- what must not go wrong ----


@dtypes
@pytest.mark.parametrize(("prior", "likelihood", "regulariser"), EVERY_KIND)
def test_nothing_changes_when_a_term_is_not_finite(prior, likelihood, regulariser, dtype):
    vae, objective = make(
        4,
        dtype,
        prior=prior,
        likelihood=likelihood,
        regulariser=regulariser,
        hidden=(6,),
        latent_dim=2,
        alpha=1.0,
    )
    data = batch(vae, 20)
    data[13, 2] = np.nan
    for engine in both(vae, objective, 5):
        before = engine.vae.parameters.vector.copy()
        adam, totals = Adam.for_vector(engine.vae.parameters.vector), np.zeros(4)
        term = engine.train(data, np.arange(10, 20), 5, adam, 0, totals)
        assert term == "log_likelihood"
        assert adam.step == 0 and not totals.any() and not adam.m.any()
        assert_array_equal(engine.vae.parameters.vector, before)


def test_the_steps_before_a_fault_stay():
    vae, objective = make(4, latent_dim=2, hidden=(6,))
    data = batch(vae, 20)
    data[13, 2] = np.inf
    adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
    engine = CpuEngine(vae, objective, max_rows=5)
    assert engine.train(data, np.arange(20), 5, adam, 0, totals) is not None
    assert adam.step == 2 and totals[3] == 10 and np.isfinite(vae.parameters.vector).all()


@pytest.mark.parametrize("far", [1e2, 1e4, 1e8, 1e15])
@dtypes
def test_mmd_of_points_far_apart(far, dtype):
    """(y - x)^12 would overflow float32 from 1.6e3 on."""
    vae, objective = make(3, dtype, prior="gaussian", regulariser="mmd", alpha=1.0, latent_dim=2, hidden=())
    _, cpu = both(vae, objective, 41)
    x, given_draws = batch(vae, 41), draws(vae, objective, 41)
    given_draws.prior_sample[::3] *= np.dtype(dtype).type(far)
    exact = TextbookEngine(in_float64(vae), objective)
    expected, expected_gradient = exact.value_and_grad(x.astype(float), as_float64(given_draws), {"regulariser": 1})
    values, gradient = cpu.value_and_grad(x, given_draws, {"regulariser": 1})
    assert_allclose(values["regulariser"], expected["regulariser"], rtol=TOLERANCE[dtype] * 10)
    assert_gradients_agree(vae, gradient, expected_gradient, TOLERANCE[dtype] * 10)


def test_a_last_batch_of_one_is_left_out_by_mmd_alone():
    for regulariser, steps in (("mmd", 2), ("kl-inc", 3)):
        vae, objective = make(3, regulariser=regulariser, alpha=1.0, latent_dim=2, hidden=(4,))
        for engine in both(vae, objective, 10):
            adam, totals = Adam.for_vector(engine.vae.parameters.vector), np.zeros(4)
            assert engine.train(batch(vae, 21), np.arange(21), 10, adam, 0, totals) is None
            assert adam.step == steps and totals[3] == (20 if steps == 2 else 21)


@dtypes
@pytest.mark.parametrize("size", [1e5, 1e12])
def test_a_gradient_too_large_for_adam_is_a_fault(size, dtype):
    """Every term is finite here, but the gradient's squares, or the gradient, are not."""
    limit = {"float32": 1e18, "float64": 1e150}[dtype]
    vae, objective = make(3, dtype, latent_dim=2, hidden=(4,), beta=0)
    data = np.zeros((8, 3), dtype)
    data[5, 1] = np.sqrt(limit) * size if dtype == "float64" else 1e7 * size
    for engine in both(vae, objective, 4, 2):
        before = engine.vae.parameters.vector.copy()
        adam, totals = Adam.for_vector(engine.vae.parameters.vector), np.zeros(4)
        fault = engine.train(data, np.arange(8), 4, adam, 0, totals)
        assert fault in ("gradient", "log_likelihood") and adam.step == 1
        assert np.isfinite(adam.v).all() and (engine.vae.parameters.vector != before).any()
        assert np.isfinite(engine.vae.parameters.vector).all()


def test_a_refused_step_leaves_the_engine_as_it_was():
    vectors = []
    for refused in (False, True):
        vae, objective = make(3, latent_dim=2, hidden=(4,), alpha=5.0, regulariser="kl-inc")
        engine = CpuEngine(vae, objective, max_rows=10)
        x = batch(vae, 10)
        if refused:
            with pytest.raises(ValueError, match="two points"):
                engine.values(x[:1], 0, 0, "mmd")
            with pytest.raises(ValueError, match="2 weights for 3 terms"):
                engine._engine.step(x, (1.0, 2.0))
            with pytest.raises(TypeError):
                engine._engine.step(x, (1.0, 2.0, None))
        vector, _, totals = trained(engine, x, 3, 10)
        vectors.append(np.concatenate([vector, totals]))
    assert_array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_widths": (3,)}, "widths"),
        ({"encoder_widths": (3, 4, 5)}, "do not fit"),
        ({"decoder_widths": (2, 4, 4)}, "do not fit"),
        ({"decoder_activation": 9}, "decoder_activation 9 is not in 0 .. 3"),
        ({"likelihood": 3}, "likelihood 3 is not in"),
        ({"kl": -1}, "kl -1 is not in"),
        ({"regulariser": 3}, "regulariser 3 is not in"),
        ({"samples": 0}, "must be at least 1"),
        ({"max_rows": 0}, "must be at least 1"),
        ({"parameters": np.zeros(0)}, "there are no parameters"),
        ({"parameters": np.zeros(99)}, "the parameter vector has 99 entries, the layers need 63"),
        ({"parameters": np.zeros(20)}, "too short"),
        ({"learn_prior_variance": True}, "no place for the prior's logits"),
        ({"prior": {"loc": np.zeros(3)}}, "the prior's loc has 3 entries, not 2"),
        ({"prior": {"components": 2, "loc": np.zeros(4), "scale": np.ones(4)}}, "log_weight has 1 entries, not 2"),
        ({"prior": {"kind": 4}}, "there is no prior 4"),
        ({"encoder_widths": (3, 2**62, 4)}, "no memory has room"),
        ({"max_rows": 2**40, "samples": 2**22}, "no memory has room"),
        ({"encoder_widths": (3, 2**31, 4), "samples": 1, "max_rows": 1}, "too short"),
    ],
)
def test_an_engine_that_cannot_be(changes, message):
    from minidecomp._core import engine_float64

    prior = {"kind": 0, "components": 1, "loc": np.zeros(2), "scale": np.ones(2), "df": 1.0, "log_normaliser": 0.0}
    prior |= {"gamma": 0.0, "spike_scale": 1.0, "log_weight": [0.0], "edge": [1.0], "log_spike": 0.0, "log_slab": 0.0}
    settings_ = {"encoder_widths": (3, 4, 4), "decoder_widths": (2, 4, 3)}
    settings_ |= {"encoder_activation": 0, "decoder_activation": 0, "scale_link": 0, "likelihood": 2, "kl": 0}
    settings_ |= {"likelihood_scale": 0.1, "prior": prior, "learn_prior_variance": False, "prior_variance_scale": 1.0}
    settings_ |= {"log_prior_multiplier": 1.0, "regulariser": 0, "beta": 1.0, "alpha": 0.0, "samples": 1}
    settings_ |= {"max_rows": 5, "threads": 1}
    # 3 x 4 + 4 + 4 x 4 + 4, and 2 x 4 + 4 + 4 x 3 + 3 are 63.
    settings_["parameters"] = np.zeros(63)
    if "prior" in changes:
        changes = {"prior": prior | changes["prior"]}
    arguments = settings_ | changes
    positional = [arguments.pop(name) for name in ("parameters", "encoder_widths", "decoder_widths")]
    engine = engine_float64.Engine.__new__(engine_float64.Engine)
    with pytest.raises((ValueError, MemoryError), match=message):
        engine.__init__(*positional, **arguments)
    for call in (lambda: engine.decode(np.zeros((1, 2)), np.zeros((1, 3))), lambda: engine.step(np.zeros((5, 3)), ())):
        with pytest.raises(ValueError, match="has not been made"):
            call()
    with pytest.raises(ValueError, match="an engine is made once"):
        engine.__init__(*positional, **arguments)


def test_an_engine_is_made_once():
    vae, objective = make(3, latent_dim=2, hidden=(4,))
    engine = CpuEngine(vae, objective, max_rows=10)._engine
    bare = type(engine).__new__(type(engine))
    with pytest.raises(ValueError, match="has not been made"):
        bare.decode(np.zeros((1, 2)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="has not been made"):
        bare.step(np.zeros((0, 3)), (1, 1, 1))


def test_laplace_has_no_slope_at_its_loc():
    """sign(0) = 0, as in the textbook: a black pixel that is met exactly does not pull."""
    vae, objective = make(3, latent_dim=2, hidden=(), likelihood="laplace")
    vae.parameters.vector[...] = 0
    vae.parameters["dec.0.b"][...] = [0.0, 1.0, -1.0]
    textbook, cpu = both(vae, objective, 4)
    x = np.zeros((4, 3))
    given_draws = draws(vae, objective, 4)
    _, expected = textbook.value_and_grad(x, given_draws, {"log_likelihood": 1})
    _, gradient = cpu.value_and_grad(x, given_draws, {"log_likelihood": 1})
    assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)
    assert_allclose(gradient[-3:], [0, -10, 10])


def test_wrong_sizes_are_refused():
    vae, objective = make(3, latent_dim=2, hidden=(4,))
    engine = CpuEngine(vae, objective, max_rows=10)
    adam = Adam.for_vector(vae.parameters.vector)
    x = batch(vae, 10)
    with pytest.raises(ValueError, match="the data are 2 wide, the model takes 3"):
        engine.encode(np.ascontiguousarray(x[:, :2]))
    with pytest.raises(ValueError, match="11 rows, room for 10"):
        engine.values(batch(vae, 11), 0, 0)
    with pytest.raises(ValueError, match="batches of 11 points, room for 1 to 10"):
        engine.train(batch(vae, 11), np.arange(11), 11, adam, 0, np.zeros(4))
    with pytest.raises(ValueError, match="totals is float64 of shape"):
        engine.train(x, np.arange(10), 5, adam, 0, np.zeros(3))
    with pytest.raises(IndexError, match="rows 0 to 10 of 10"):
        engine.train(x, np.array([0, 10]), 5, adam, 0, np.zeros(4))
    with pytest.raises(ValueError, match="two points"):
        engine.values(x[:1], 0, 0, "mmd")
    core, size = engine._engine, vae.parameters.vector.size
    with pytest.raises(ValueError, match=f"room for a gradient of 3 entries, not {size}"):
        core.step(x, (1, 1, 1), gradient=np.zeros(3))
    with pytest.raises(ValueError, match=r"out has shape \(1, 9\), not \(1, 10\)"):
        core.step(x, (1, 1, 1), log_weights=np.zeros((1, 9)))
    with pytest.raises(IndexError, match="row 9 of 9"):
        core.encode(x[:9], np.arange(10), np.zeros((10, 2)), np.zeros((10, 2)))


def test_a_gradient_of_what_is_not_finite_is_no_number():
    """And not that of the step before."""
    vae, objective = make(3, latent_dim=2, hidden=(4,))
    engine, x = CpuEngine(vae, objective, max_rows=10), batch(vae, 10)
    assert np.isfinite(engine.value_and_grad(x, draws(vae, objective, 10))[1]).all()
    x[0, 0] = np.nan
    assert np.isnan(engine.value_and_grad(x, draws(vae, objective, 10))[1]).all()


def test_an_engine_has_one_thread_at_a_time():
    """A second one is refused, and the first comes to the end that it comes to alone; other engines are free."""
    how = {"hidden": (60,), "latent_dim": 2, "alpha": 1.0}
    results = []
    for company in (False, True):
        vae, objective = make(20, "float32", **how)
        engine, data = CpuEngine(vae, objective, max_rows=100), batch(vae, 2000)
        adam, totals, refused = Adam.for_vector(vae.parameters.vector), np.zeros(4), []

        def disturb(engine=engine, data=data, refused=refused):
            while not refused:
                try:
                    engine.encode(data[:10])
                except RuntimeError as error:
                    refused.append(str(error))

        other = threading.Thread(target=disturb)
        if company:
            other.start()
        tried_until = time.monotonic() + 60
        while adam.step < 400 and time.monotonic() < tried_until:
            try:
                engine.train(data, np.arange(2000), 100, adam, 0, totals)
            except RuntimeError:  # the other one was first
                time.sleep(0.001)
        results.append(vae.parameters.vector.copy())
        if company:
            refused.append("over")
            other.join()
    assert_array_equal(results[0], results[1])


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python always has its GIL")
def test_a_free_threaded_python_does_not_take_the_gil_back():
    code = "import sys; from minidecomp._core import codes, engine_float32, engine_float64, popcount, sprites; "
    code += "sys.exit(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

"""The GPU engine against the textbook, on NumPy and g++ in CUDA's place and, where there is one, on a GPU."""

import dataclasses
import itertools
import math
import threading

import numpy as np
import pytest
import reference_cases
from devices import KINDS, make_device
from engine_cases import (
    EVERY_KIND,
    EVERY_KIND_LEARNED,
    as_float64,
    assert_agree,
    assert_gradients_agree,
    batch,
    draws,
    in_float64,
    make,
    own_copy,
    settings_of_a_model,
    trained,
    weights_and_dtypes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp.data.points import Bits
from minidecomp.engines import gpu, gpu_mmd, gpu_small, gpu_step, gpu_use
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
TERM_WEIGHTS = [{"log_likelihood": 1}, {"kl": 1}, {"regulariser": 1}, None]
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
devices = pytest.mark.parametrize("device", KINDS)


def engine_on(device, vae, objective, rows, **how):
    """``how`` is for the emulated device alone."""
    return GpuEngine(vae, objective, max_rows=rows, device=make_device(device, vae.dtype, **how))


@pytest.fixture(params=["launches", "one launch"])
def way(request, monkeypatch):
    """Training by launches for each step, or by one for all steps, however much there is to compute."""
    most = math.inf if request.param == "one launch" else -1
    monkeypatch.setattr(gpu_small, "LARGEST_PRODUCTS", most)
    monkeypatch.setattr(gpu_small, "LARGEST_PAIRS", most)
    return request.param


training = pytest.mark.usefixtures("way")


# ---- values and gradients ----


@devices
@weights_and_dtypes(TERM_WEIGHTS)
@pytest.mark.parametrize("name", reference_cases.NAMES)
def test_reference_cases(name, weights, device, dtype):
    case, vae, objective, x, given_draws = reference_cases.load(name, np.dtype(dtype))
    values, gradient = engine_on(device, vae, objective, len(x)).value_and_grad(x, given_draws, weights)
    term = "objective" if weights is None else next(iter(weights))
    tolerance = TOLERANCE[dtype]
    assert_allclose(values[term], case[f"value.{term}"], rtol=tolerance)
    start = 0
    for parameter, view in vae.parameters.items():
        expected = case.get(f"grad.{term}.{parameter}", np.zeros(view.shape)).ravel()
        got = gradient[start : start + view.size]
        assert_agree(got, expected, tolerance, parameter)
        start += view.size
    assert start == gradient.size


@devices
@settings(max_examples=60, deadline=None)
@given(
    settings_of_a_model(),
    st.integers(1, 20),
    st.integers(2, 70),
    st.sampled_from(TERM_WEIGHTS),
    st.booleans(),
    st.booleans(),
)
def test_any_model_agrees_with_the_textbook(device, model, data_dim, rows, weights, reverse, late):
    """With a batch of fewer points than there is room for, blocks of one and of several warps, in either order."""
    vae, objective = make(data_dim, **model)
    x, given_draws = batch(vae, rows), draws(vae, objective, rows)
    expected, expected_gradient = TextbookEngine(vae, objective).value_and_grad(x, given_draws, weights)
    how = {"block": 32 if rows % 2 else 128, "reverse": reverse, "late": late}
    engine = engine_on(device, vae, objective, rows + 3, **how)
    values, gradient = engine.value_and_grad(x, given_draws, weights)
    assert values.keys() == expected.keys()
    for term in values:
        assert_agree(values[term], expected[term], 1e-10, term, 1.0)
    assert_gradients_agree(vae, gradient, expected_gradient, 1e-10)


@devices
@pytest.mark.parametrize("far", [1e2, 1e4, 1e8, 1e15])
def test_mmd_of_points_far_apart(far, device):
    vae, objective = make(3, "float32", prior="gaussian", regulariser="mmd", alpha=1.0, latent_dim=2, hidden=())
    x, given_draws = batch(vae, 41), draws(vae, objective, 41)
    given_draws.prior_sample[::3] *= np.float32(far)
    weights = {"regulariser": 1}
    exact = TextbookEngine(in_float64(vae), objective)
    expected, wanted = exact.value_and_grad(x.astype(float), as_float64(given_draws), weights)
    values, gradient = engine_on(device, vae, objective, 41).value_and_grad(x, given_draws, weights)
    assert_allclose(values["regulariser"], expected["regulariser"], rtol=1e-3)
    assert_gradients_agree(vae, gradient, wanted, 1e-3)


@devices
def test_the_inclusive_kl_in_stretches(device, monkeypatch):
    """Of a large batch the weights of all samples are never there at once."""
    vae, objective = make(4, prior="sparse", regulariser="kl-inc", alpha=2.0, latent_dim=3, learn_prior_variance=True)
    x, given_draws = batch(vae, 40), draws(vae, objective, 40)
    expected, expected_gradient = TextbookEngine(vae, objective).value_and_grad(x, given_draws)
    monkeypatch.setattr(gpu_step, "PAIRS_AT_ONCE", 7 * 40)
    values, gradient = engine_on(device, vae, objective, 40).value_and_grad(x, given_draws)
    assert_agree(values["regulariser"], expected["regulariser"], 1e-10)
    assert_gradients_agree(vae, gradient, expected_gradient, 1e-10)


# ---- training ----


@devices
@pytest.mark.parametrize(("prior", "likelihood", "regulariser", "learn"), EVERY_KIND_LEARNED)
@training
def test_twenty_steps(prior, likelihood, regulariser, learn, device, way):
    """In launches, also with what is put aside run as late as it may be: then each bit is the same."""
    how = {"learn_prior_variance": learn, "latent_dim": 3, "hidden": (9,), "alpha": 2.0, "beta": 0.7, "samples": 2}
    vae, objective = make(5, prior=prior, likelihood=likelihood, regulariser=regulariser, **how)
    data, copy, another = batch(vae, 31), own_copy(vae), own_copy(vae)
    expected, expected_adam, expected_totals = trained(TextbookEngine(vae, objective), data, 20, 16)
    got, adam, totals = trained(engine_on(device, copy, objective, 16), data, 20, 16)
    assert adam.step == expected_adam.step == 20
    assert_allclose(totals, expected_totals, rtol=1e-8)
    assert_allclose(got, expected, rtol=1e-7, atol=1e-7)
    for name in ("m", "v", "v_max"):
        array = getattr(expected_adam, name)
        assert_allclose(getattr(adam, name), array, rtol=1e-6, atol=1e-7 * np.abs(array).max(), err_msg=name)
    if way == "launches" and device == "emulated":
        late, _, late_totals = trained(engine_on(device, another, objective, 16, late=True), data, 20, 16)
        assert_array_equal(late, got)
        assert_array_equal(late_totals, totals)


@devices
@pytest.mark.parametrize(
    ("prior", "likelihood", "regulariser"),
    [pytest.param(*kind, marks=pytest.mark.slow if i % 5 else []) for i, kind in enumerate(EVERY_KIND)],
)
def test_twenty_steps_in_float32_are_those_of_the_cpu(prior, likelihood, regulariser, device):
    """The same noise on both: after twenty steps of 0.001 they differ by rounding alone."""
    how = {"latent_dim": 3, "hidden": (9,), "alpha": 2.0, "likelihood": likelihood}
    vae, objective = make(5, "float32", prior=prior, regulariser=regulariser, **how)
    data, copy = batch(vae, 64), own_copy(vae)
    expected, _, expected_totals = trained(CpuEngine(vae, objective, max_rows=16), data, 20, 16)
    got, _, totals = trained(engine_on(device, copy, objective, 16), data, 20, 16)
    assert_allclose(totals, expected_totals, rtol=1e-4)
    assert np.abs(got - expected).max() < 2e-4
    assert np.linalg.norm(got - expected) < 1e-3 * np.linalg.norm(expected)


@devices
@training
def test_adam_without_amsgrad(device):
    vae, objective = make(5, latent_dim=3, hidden=(9,))
    data, copy = batch(vae, 32), own_copy(vae)
    expected, _, _ = trained(TextbookEngine(vae, objective), data, 10, 16, amsgrad=False)
    got, adam, _ = trained(engine_on(device, copy, objective, 16), data, 10, 16, amsgrad=False)
    assert adam.v_max is None
    assert_allclose(got, expected, rtol=1e-8, atol=1e-9)


@devices
@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
@training
def test_a_split_epoch_is_the_same_epoch(regulariser, learn, device):
    """Steps made one call at a time give the very bits of those made in one call: what a resume stands on."""
    results = []
    for cuts in ([0, 50], [0, 10, 40, 50]):
        how = {"prior": "mixture", "alpha": 1.0, "latent_dim": 2, "hidden": (8,), "learn_prior_variance": learn}
        vae, objective = make(5, "float32", regulariser=regulariser, **how)
        engine, adam = engine_on(device, vae, objective, 10), Adam.for_vector(vae.parameters.vector)
        data, totals, order = batch(vae, 50), np.zeros(4), engine.permutation(50, 3, 0)
        for first, last in itertools.pairwise(cuts):
            assert engine.train(data, order[first:last], 10, adam, 3, totals) is None
        engine.pull()
        results.append(np.concatenate([vae.parameters.vector, adam.m, adam.v_max, totals]))
    assert_array_equal(results[0], results[1])


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
@training
def test_the_order_of_threads_does_not_matter(dtype):
    """Bit for bit: where a barrier is missing, threads that run last to first see other values."""
    for prior, likelihood, regulariser in EVERY_KIND[::5]:
        vectors = []
        for reverse in (False, True):
            how = {"latent_dim": 3, "hidden": (9,), "alpha": 2.0, "samples": 2, "learn_prior_variance": True}
            vae, objective = make(40, dtype, prior=prior, likelihood=likelihood, regulariser=regulariser, **how)
            engine = engine_on("emulated", vae, objective, 70, block=128, reverse=reverse)
            vectors.append(trained(engine, batch(vae, 70), 3, 70)[0])
        assert_array_equal(vectors[0], vectors[1])


@dtypes
@devices
@pytest.mark.parametrize("reverse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_bits_are_zeros_and_ones(reverse, device, dtype, way):
    """Points of more bits, and batches of more points, than a block takes at once; for one launch they fit."""
    width = 1304 if way == "launches" else 104
    ones = (np.random.default_rng(0).random((90, width)) < 0.3).astype(dtype)
    results = []
    for data in (ones, Bits(np.packbits(ones.astype(bool), axis=1))):
        how = {"latent_dim": 3, "hidden": (20, 8), "likelihood": "bernoulli", "prior": "gaussian", "alpha": 1.0}
        vae, objective = make(width, dtype, **how)
        assert gpu_small.fits(vae, objective, 80) == (way == "one launch")
        engine = engine_on(device, vae, objective, 80, reverse=reverse)
        vector, _, totals = trained(engine, data, 2, 80)
        values = engine.values(data[:10], 0, 0)
        results.append([vector, totals, *engine.encode(data), list(values.values())])
    for numbers, bits in zip(*results, strict=True):
        assert_agree(bits, numbers, TOLERANCE[dtype])


@devices
@training
def test_bytes_stand_for_v_over_255(device):
    vae, objective = make(6, latent_dim=2, hidden=(8,), likelihood="laplace", alpha=1.0)
    data = np.random.default_rng(0).integers(0, 256, (20, 6), dtype=np.uint8)
    given_draws = draws(vae, objective, 20)
    expected, expected_gradient = TextbookEngine(vae, objective).value_and_grad(data, given_draws)
    values, gradient = engine_on(device, vae, objective, 20).value_and_grad(data, given_draws)
    assert_allclose(values["objective"], expected["objective"], rtol=1e-10)
    assert_gradients_agree(vae, gradient, expected_gradient, 1e-9)


# ---- the rest of the contract ----


@dtypes
@devices
def test_encode_and_decode(device, dtype):
    """Also of more rows than there is room for at once."""
    vae, objective = make(7, dtype, latent_dim=3, hidden=(11, 6), prior="gaussian")
    engine, textbook, x = engine_on(device, vae, objective, 10), TextbookEngine(vae, objective), batch(vae, 37)
    for got, expected in zip(engine.encode(x), textbook.encode(x), strict=True):
        assert got.dtype == dtype
        assert_agree(got, expected, TOLERANCE[dtype] / 10)
    z = np.random.default_rng(0).normal(size=(37, 3)).astype(dtype)
    assert_agree(engine.decode(z), textbook.decode(z), TOLERANCE[dtype] / 10)


@devices
def test_values_draws_what_training_draws(device):
    vae, objective = make(5, latent_dim=2, hidden=(8,), prior="student-t", alpha=1.0, samples=3)
    engine, textbook, x = engine_on(device, vae, objective, 30), TextbookEngine(vae, objective), batch(vae, 30)
    for regulariser in (None, "mmd", "kl-inc"):
        expected = textbook.values(x, 2**64 - 5, 2**40 + 3, regulariser)
        values = engine.values(x, 2**64 - 5, 2**40 + 3, regulariser)
        assert values.keys() == expected.keys()
        for term, value in values.items():
            assert_allclose(value, expected[term], rtol=1e-9, err_msg=term)


@devices
@pytest.mark.parametrize("prior", ["gaussian", "student-t", "mixture", "sparse"])
def test_log_weights(prior, device):
    vae, objective = make(5, latent_dim=2, hidden=(8,), prior=prior, kl="monte-carlo", samples=7)
    x = batch(vae, 9)
    got = engine_on(device, vae, objective, 9).log_weights(x, 5, 11)
    assert_allclose(got, TextbookEngine(vae, objective).log_weights(x, 5, 11), rtol=1e-10)


@devices
def test_permutation(device):
    vae, objective = make(3)
    engine = engine_on(device, vae, objective, 2)
    order = engine._device.to_host(engine.permutation(1000, 11, 4))
    assert_array_equal(order, CpuEngine(vae, objective, max_rows=2).permutation(1000, 11, 4))


@devices
def test_an_order_is_there_when_it_is_handed_out(device, monkeypatch):
    """Whoever reads it, such as a feed from the disk, does so on a stream that does not wait for the engine's queue."""
    vae, objective = make(3)
    engine = engine_on(device, vae, objective, 2)
    own, waiting = engine._device, []
    if device == "emulated":  # which copies at once: here, when it is waited for
        monkeypatch.setattr(
            own, "array", lambda host, dtype: waiting.append((np.zeros_like(host), host)) or waiting[-1][0]
        )
        monkeypatch.setattr(own, "finish", lambda: [np.copyto(*each) for each in waiting])
    else:
        engine.permutation(1000, 11, 5)  # another order where this one will stand
        with own.queue:  # tens of milliseconds of work that the copy has to wait for
            a, b, out = (own.zeros(4096, 4096) for _ in range(3))
            for _ in range(20):
                own.product(a, b, out)()
    order, read = engine.permutation(1000, 11, 4), []
    other = threading.Thread(target=lambda: read.append(order.get() if hasattr(order, "get") else order))
    other.start()  # a thread has CUDA's own stream until it chooses another
    other.join()
    assert_array_equal(read[0], CpuEngine(vae, objective, max_rows=2).permutation(1000, 11, 4))


@devices
def test_nothing_is_put_on_the_queue_during_a_call(device):
    """An order, or arrays for another objective, could become part of what the call captures."""
    vae, objective = make(3, alpha=1.0)
    engine = engine_on(device, vae, objective, 2)
    with engine.lock:
        for call in (
            lambda: engine.permutation(10, 0, 0),
            lambda: engine.with_objective(dataclasses.replace(objective, alpha=0.0)),
        ):
            with pytest.raises(RuntimeError, match="the engine is at work"):
                call()


@devices
def test_push_takes_over_what_others_changed(device):
    vae, objective = make(4, latent_dim=2, hidden=(6,))
    engine, x = engine_on(device, vae, objective, 20), batch(vae, 20)
    vae.parameters.vector *= 0.5
    engine.push()
    for got, expected in zip(engine.encode(x), TextbookEngine(vae, objective).encode(x), strict=True):
        assert_allclose(got, expected, rtol=1e-10)


# ---- what must not go wrong ----


@dtypes
@devices
@pytest.mark.parametrize(("prior", "likelihood", "regulariser"), EVERY_KIND[::3])
@training
def test_nothing_changes_when_a_term_is_not_finite(prior, likelihood, regulariser, device, dtype):
    how = {"hidden": (6,), "latent_dim": 2, "alpha": 1.0}
    vae, objective = make(4, dtype, prior=prior, likelihood=likelihood, regulariser=regulariser, **how)
    data = batch(vae, 20)
    data[13, 2] = np.nan
    engine, before = engine_on(device, vae, objective, 5), vae.parameters.vector.copy()
    adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
    assert engine.train(data, np.arange(10, 20), 5, adam, 0, totals) == "log_likelihood"
    engine.pull()
    assert adam.step == 0 and not totals.any() and not adam.m.any()
    assert_array_equal(vae.parameters.vector, before)


@devices
@training
def test_the_steps_before_a_fault_stay(device):
    vae, objective = make(4, latent_dim=2, hidden=(6,))
    data = batch(vae, 20)
    data[13, 2] = np.inf
    adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
    engine = engine_on(device, vae, objective, 5)
    assert engine.train(data, np.arange(20), 5, adam, 0, totals) is not None
    engine.pull()
    assert adam.step == 2 and totals[3] == 10 and np.isfinite(vae.parameters.vector).all()


@devices
@training
def test_a_gradient_too_large_for_adam(device):
    vae, objective = make(4, "float32", latent_dim=2, hidden=(6,), beta=1e30, prior="gaussian", alpha=0.0)
    engine, before = engine_on(device, vae, objective, 5), vae.parameters.vector.copy()
    adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
    assert engine.train(batch(vae, 5), np.arange(5), 5, adam, 0, totals) == "gradient"
    engine.pull()
    assert_array_equal(vae.parameters.vector, before)


@devices
def test_wrong_use(device):
    vae, objective = make(4, latent_dim=2, hidden=(6,), alpha=1.0)
    engine, x = engine_on(device, vae, objective, 5), batch(vae, 9)
    adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
    with pytest.raises(IndexError, match="rows 0 to 9 of 9"):
        engine.train(x, np.arange(10), 5, adam, 0, totals)
    with pytest.raises(ValueError, match="batches of 9 points"):
        engine.train(x, np.arange(9), 9, adam, 0, totals)
    with pytest.raises(ValueError, match="3 wide"):
        engine.encode(x[:, :3])
    with pytest.raises(ValueError, match="two points"):
        engine.values(x[:1], 0, 0, "mmd")
    with pytest.raises(ValueError, match="9 rows"):
        engine.values(x, 0, 0)
    assert adam.step == 0


# ---- what it promises of launches, copies and memory ----


def counted(monkeypatch, name):
    """How often the emulated device's function is called."""
    from emulated import EmulatedDevice

    calls, plain = [], getattr(EmulatedDevice, name)
    monkeypatch.setattr(EmulatedDevice, name, lambda self, *args, **more: calls.append(1) or plain(self, *args, **more))
    return calls


def test_thirty_launches_a_step_and_no_copies_between_steps(monkeypatch):
    """The pinwheel model's step; a call copies twice to the device and once back, whatever its steps and epochs."""
    monkeypatch.setattr(gpu_small, "fits", lambda *_: False)
    how = {"prior": "mixture", "hidden": (100,), "latent_dim": 2, "likelihood": "gaussian"}
    vae, objective = make(2, "float32", alpha=5.0, beta=0.0, regulariser="kl-inc", **how)
    engine, data = engine_on("emulated", vae, objective, 8), batch(vae, 80)
    adam, orders = Adam.for_vector(vae.parameters.vector), np.arange(48).reshape(3, 16)
    engine.train(data, orders, 8, adam, 0, np.zeros((3, 4)))
    made = {name: counted(monkeypatch, name) for name in ("write", "to_host", "array", "zeros", "bind", "product")}
    for order, totals in ((np.arange(8), np.zeros(4)), (orders, np.zeros((3, 4))), (orders[:2], np.zeros((2, 4)))):
        before, step = engine._device.launches, adam.step
        engine.train(data, order, 8, adam, 0, totals)
        assert adam.step - step == order.size / 8
        assert (engine._device.launches - before) / (adam.step - step) <= 30
        assert {name: len(calls) for name, calls in made.items() if calls} == {"write": 2, "to_host": 1}
        for calls in made.values():
            calls.clear()


def test_the_orders_of_many_epochs_go_up_at_once(monkeypatch):
    vae, objective = make(2, "float32", latent_dim=2, hidden=(4,))
    engine, made = engine_on("emulated", vae, objective, 8), counted(monkeypatch, "array")
    assert engine.permutations(8, 0, 0, 50).shape == (50, 8) and len(made) == 1


def test_a_kernel_takes_what_its_signature_says():
    vae, objective = make(4, "float32", latent_dim=2, hidden=(6,))
    step = engine_on("emulated", vae, objective, 5)._step
    with pytest.raises(TypeError, match="array of real, not float64"):
        step._rows("prior_scale_from_logits", 1, 2, logits=np.zeros(2), prior_scale=np.zeros(2))
    with pytest.raises(TypeError, match="C-contiguous"):
        step._over("bias_activation", 6, activation=0, rows=3, n=2, bias=np.zeros(2, "f"), h=np.zeros((2, 3), "f").T)
    with pytest.raises(KeyError, match="bias"):
        step._over("bias_activation", 6, activation=0, rows=3, n=2, h=np.zeros((3, 2), "f"))


# ---- how steps are launched changes no bit ----


@dtypes
@devices
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_a_replayed_step_has_the_bits_of_a_launched_one(regulariser, device, dtype, monkeypatch):
    monkeypatch.setattr(gpu_small, "fits", lambda *_: False)
    vae, objective = make(5, dtype, prior="mixture", regulariser=regulariser, alpha=2.0, latent_dim=3, hidden=(9,))
    data, found = batch(vae, 64), []
    for graphs in (True, False):
        engine = engine_on(device, own_copy(vae), objective, 16)
        plain, made = engine._device.graph, []
        engine._device.graph = lambda calls, made=made, plain=plain, graphs=graphs: (
            made.append(len(calls)) or plain(calls) if graphs else None
        )
        orders = engine.permutations(64, 7, 0, 9)
        adam = Adam.for_vector(vae.parameters.vector)
        assert engine.train(data, orders, 16, adam, 7, np.zeros((9, 4))) is None
        assert adam.step == 36 and bool(made) == graphs
        engine.pull()
        found.append(engine.vae.parameters.vector)
    assert_array_equal(*found)


@devices
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_one_launch_has_the_same_bits_with_any_number_of_blocks(regulariser, device):
    how = {"prior": "sparse", "samples": 2, "learn_prior_variance": True}
    vae, objective = make(5, "float32", regulariser=regulariser, alpha=2.0, latent_dim=3, hidden=(40,), **how)
    data, found = batch(vae, 31), []
    for blocks in (1, 2, 7):
        engine = engine_on(device, own_copy(vae), objective, 16)
        engine._device.blocks_together = blocks
        vector, _, totals = trained(engine, data, 6, 16)
        found.append((vector, totals))
    for vector, totals in found[1:]:
        assert_array_equal(vector, found[0][0])
        assert_array_equal(totals, found[0][1])


@devices
def test_gradients_in_parts_and_cells_beside_the_decoder(device, monkeypatch):
    """What larger batches launch; on the emulated device at once and as late as may be."""
    monkeypatch.setattr(gpu_mmd, "CELLS_FROM", 50)
    monkeypatch.setattr(gpu_small, "fits", lambda *_: False)
    how = {"prior": "gaussian", "learn_prior_variance": True, "samples": 2, "hidden": (9, 6)}
    vae, objective = make(5, regulariser="mmd", alpha=2.0, latent_dim=3, **how)
    data, found = batch(vae, 150), []
    for late in (False, True):
        found.append(trained(engine_on(device, own_copy(vae), objective, 75, late=late), data, 4, 75)[0])
    expected, _, _ = trained(TextbookEngine(vae, objective), data, 4, 75)
    assert_array_equal(*found)
    assert_allclose(found[0], expected, rtol=1e-7, atol=1e-7)


def test_what_is_put_aside_must_not_share_memory_with_what_runs_beside_it():
    """The emulated device sees it, so that all other tests do."""
    device = make_device("emulated", "float64")
    a, b, out, other = (device.zeros(2, 2) for _ in range(4))
    put, wait = device.product(a, b, out, aside=True), device.wait_for_aside()
    beside = device.product(a, b, other)
    for wrong in (device.product(a, out, other), device.product(b, b, a), device.product(b, b, out, add=True)):
        for call in (put, beside):
            call()
        with pytest.raises(AssertionError, match="product may run beside product"):
            wrong()
        with pytest.raises(AssertionError):
            device.to_host(out)
        for call in (wait, wrong):
            call()


@devices
def test_an_engine_outlives_the_thread_that_made_it(device):
    vae, objective = make(5, prior="mixture", regulariser="mmd", alpha=1.0, latent_dim=3, hidden=(9,))
    data, engines = batch(vae, 31), []
    thread = threading.Thread(target=lambda: engines.append(engine_on(device, own_copy(vae), objective, 16)))
    thread.start()
    thread.join()
    got, _, _ = trained(engines[0], data, 5, 16)
    expected, _, _ = trained(TextbookEngine(vae, objective), data, 5, 16)
    assert_allclose(got, expected, rtol=1e-7, atol=1e-7)


def test_another_weight_leaves_everything_on_the_device(monkeypatch):
    """A schedule of beta or alpha asks for an engine for each epoch; only where alpha begins is it made anew."""
    vae, objective = make(5, latent_dim=3, hidden=(9,), alpha=1.0)
    data, engine = batch(vae, 31), engine_on("emulated", vae, objective, 16)
    adam, uploads = Adam.for_vector(vae.parameters.vector), []
    plain = gpu_use.upload
    for module in (gpu, gpu_use):
        monkeypatch.setattr(module, "upload", lambda *given: uploads.append(1) or plain(*given))

    def train(engine, **weights):
        engine = engine.with_objective(dataclasses.replace(objective, **weights))
        assert engine.train(data, engine.permutation(31, 0, 0), 16, adam, 0, np.zeros(4)) is None
        engine.encode(data)
        return engine

    engine = train(engine, beta=2.0)
    binds, arrays = counted(monkeypatch, "_bind"), counted(monkeypatch, "zeros")
    for beta in (3.0, 4.0):
        engine = train(engine, beta=beta, alpha=beta)
    assert not binds and not arrays and len(uploads) == 1
    train(engine, alpha=0.0)
    assert binds and len(uploads) == 1


@devices
@training
def test_engines_of_other_weights_share_one_model(device):
    """With orders that outgrow their room, and the first engine used again: as on the CPU, to rounding."""
    vae, objective = make(5, prior="mixture", regulariser="kl-inc", latent_dim=3, hidden=(9,), alpha=2.0)
    data, copy = batch(vae, 40), own_copy(vae)
    found = []
    for own, first in ((vae, CpuEngine(vae, objective, max_rows=8)), (copy, engine_on(device, copy, objective, 8))):
        adam = Adam.for_vector(own.parameters.vector)
        other = first.with_objective(dataclasses.replace(objective, beta=0.3, alpha=5.0))
        for engine, epochs in ((first, 1), (other, 3), (first, 9), (other, 1)):
            orders = engine.permutations(40, 7, adam.step, epochs)
            assert engine.train(data, orders, 8, adam, 7, np.zeros((epochs, 4))) is None
            engine.pull()
        found.append(
            (own.parameters.vector.copy(), first.values(data[:8], 1, 2)["kl"], other.values(data[:8], 1, 2)["kl"])
        )
    for expected, got in zip(*found, strict=True):
        assert_allclose(got, expected, rtol=1e-7, atol=1e-7)

"""The contract of minidecomp/engines/__init__.py, held by one suite over each engine."""

import dataclasses
import itertools

import numpy as np
import pytest
from devices import KINDS as DEVICES
from devices import make_device
from engine_cases import (
    EVERY_KIND,
    PRIORS,
    REGULARISERS,
    assert_agree,
    assert_gradients_agree,
    batch,
    draws,
    make,
    own_copy,
    trained,
)
from numpy.testing import assert_allclose, assert_array_equal
from test_own_prior import Logistic

from minidecomp import objective as array_code
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam
from minidecomp.randomness import philox, streams
from minidecomp.randomness.draws import Draws

ENGINES = ("textbook", "cpu", *DEVICES)
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
engines = pytest.mark.parametrize("kind", ENGINES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def engine_of(kind, vae, objective, rows):
    if kind == "textbook":
        return TextbookEngine(vae, objective)
    if kind == "cpu":
        return CpuEngine(vae, objective, max_rows=rows, threads=2)
    return GpuEngine(vae, objective, max_rows=rows, device=make_device(kind, vae.dtype))


def model(dtype="float64", data_dim=4, **more):
    how = {"prior": "gaussian", "kl": "monte-carlo", "latent_dim": 2, "hidden": (6,), "alpha": 1.0, "samples": 2}
    return make(data_dim, dtype, **(how | more))


def step(engine, data, order, batch_size=5, lr=1e-3):
    """One call of train: the fault, the optimiser and the totals, with everything pulled."""
    adam, totals = Adam.for_vector(engine.vae.parameters.vector, lr), np.zeros(4)
    fault = engine.train(data, np.asarray(order), batch_size, adam, 3, totals)
    engine.pull()
    return fault, adam, totals


# ---- the numbers ----


@engines
@pytest.mark.parametrize("through", [False, True], ids=["constant", "through the sample"])
@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("prior", PRIORS)
def test_the_prior_s_sample_is_a_constant_unless_its_noise_is_given(prior, regulariser, through, kind):
    """A learned variance's gradient, through a given sample too; the two differ by what goes through it."""
    more = {"prior": prior, "regulariser": regulariser, "learn_prior_variance": True, "alpha": 3.0, "samples": 2}
    vae, objective = model(latent_dim=3, **more)
    x, given = batch(vae, 11), draws(vae, objective, 11)
    if prior == "sparse":
        assert 0 < (given.prior_choice < vae.prior.gamma).mean() < 1
    constant = dataclasses.replace(given, prior_noise=None, prior_choice=None)
    gradients = [array_code.value_and_grad(vae, objective, x, each)[1]["prior.logits"] for each in (constant, given)]
    assert np.abs(gradients[0] - gradients[1]).max() > 1e-4
    engine, wanted = engine_of(kind, own_copy(vae), objective, 13), given if through else constant
    for weights in (None, {"regulariser": -2.0}):
        expected, by_name = array_code.value_and_grad(vae, objective, x, wanted, weights)
        values, gradient = engine.value_and_grad(x, wanted, weights)
        expected_gradient = np.concatenate([by_name[name].ravel() for name in vae.parameters.shapes])
        assert values.keys() == expected.keys()
        for term in values:
            assert_agree(values[term], expected[term], 1e-10, term, 1.0)
        assert_gradients_agree(vae, gradient, expected_gradient, 1e-10)


@engines
@pytest.mark.parametrize(("prior", "likelihood", "regulariser"), EVERY_KIND)
def test_given_draws_are_those_of_their_seed(prior, likelihood, regulariser, kind):
    """value_and_grad of a step's draws is what train goes down at that step: plain Adam's first m is a tenth of it."""
    more = {"prior": prior, "likelihood": likelihood, "regulariser": regulariser, "learn_prior_variance": True}
    vae, objective = model(**more)
    x, engine = batch(vae, 9), engine_of(kind, vae, objective, 9)
    values, gradient = engine.value_and_grad(x, draws(vae, objective, 9, seed=3))
    for term, value in engine.values(x, 3, 0).items():
        assert_allclose(values[term], value, rtol=1e-9, err_msg=term)
    fault, adam, totals = step(engine, x, range(9), 9)
    assert fault is None
    assert_allclose(adam.m, -0.1 * gradient, rtol=1e-8, atol=1e-10)
    assert_allclose(totals, [9 * values[term] for term in ("log_likelihood", "kl", "regulariser")] + [9], rtol=1e-9)


@engines
def test_an_engine_with_another_objective_has_the_model_as_it_now_is(kind):
    vae, objective = model(prior="mixture", learn_prior_variance=True)
    data, engine = batch(vae, 9), engine_of(kind, vae, objective, 9)
    engine.train(data, np.arange(9), 9, Adam.for_vector(vae.parameters.vector, 0.1), 3, np.zeros(4))
    other = dataclasses.replace(objective, log_prior_multiplier=3.0)
    got = engine.with_objective(other)
    assert type(got) is type(engine) and got.objective == other and engine.objective == objective
    expected = TextbookEngine(vae, other).values(data, 1, 2)
    for term, value in got.values(data, 1, 2).items():
        assert_allclose(value, expected[term], rtol=1e-9, err_msg=term)
    assert abs(engine.values(data, 1, 2)["kl"] - expected["kl"]) > 0.1


@engines
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_values_without_a_regulariser(alpha, kind):
    vae, objective = model(alpha=alpha)
    x, engine = batch(vae, 9), engine_of(kind, vae, objective, 9)
    whole, without = engine.values(x, 1, 2), engine.values(x, 1, 2, "none")
    assert without.keys() == {"log_likelihood", "kl"} | ({"objective"} if alpha == 0 else set())
    assert_allclose([without[term] for term in without], [whole[term] for term in without], rtol=1e-6)
    assert engine.values(x[:1], 1, 2, "none").keys() == without.keys()


@engines
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_training(alpha, kind):
    vae, objective = model(alpha=alpha, learn_prior_variance=True, prior="mixture")
    data, copy = batch(vae, 23), own_copy(vae)
    expected, expected_adam, expected_totals = trained(TextbookEngine(vae, objective), data, 9, 8)
    got, adam, totals = trained(engine_of(kind, copy, objective, 8), data, 9, 8)
    assert adam.step == expected_adam.step == 9
    assert_allclose(totals, expected_totals, rtol=1e-8)
    assert totals[3] == 3 * 23 and (totals[2] == 0) == (alpha == 0)
    assert_allclose(got, expected, rtol=1e-7, atol=1e-8)


@dtypes
@engines
def test_encode_decode_and_log_weights(kind, dtype):
    """Of more rows than there is room for, where rows do not depend on each other; and every dtype."""
    vae, objective = model(dtype)
    engine, textbook, x = engine_of(kind, vae, objective, 10), TextbookEngine(vae, objective), batch(vae, 23)
    for got, expected in zip(engine.encode(x), textbook.encode(x), strict=True):
        assert got.dtype == dtype and got.shape == (23, 2)
        assert_agree(got, expected, TOLERANCE[dtype])
    z = np.random.default_rng(0).normal(size=(23, 2)).astype(dtype)
    assert engine.decode(z).dtype == dtype
    assert_agree(engine.decode(z), textbook.decode(z), TOLERANCE[dtype])
    weights = engine.log_weights(x[:7], 5, 2**40)
    assert weights.dtype == np.float64 and weights.shape == (2, 7)
    assert_agree(weights, textbook.log_weights(x[:7], 5, 2**40), TOLERANCE[dtype] * 10)
    assert engine.value_and_grad(x[:7], draws(vae, objective, 7))[1].dtype == dtype


@engines
def test_batches_of_a_data_set_are_batches(kind):
    """Terms and log weights of all batches are to the bit those of each alone; a last batch of one has no MMD."""
    vae, objective = model("float32")
    data, order, steps = batch(vae, 23), np.random.default_rng(0).permutation(23)[:21], range(2**62, 2**62 + 5)
    engine = engine_of(kind, vae, objective, 5)
    found = engine.values_by_batch(data, order, 5, 2**64 - 1, steps, ["mmd", "kl-inc"])
    assert [list(each) for each in found] == [["mmd", "kl-inc"]] * 4 + [["kl-inc"]]
    for i, each in enumerate(found):
        x = data[order[5 * i : 5 * i + 5]]
        assert each == {name: engine.values(x, 2**64 - 1, steps[i], name) for name in each}
    last = engine.values_by_batch(data, order, 5, 2**64 - 1, steps, ["mmd"])[-1]
    assert last == {"none": engine.values(data[order[20:]], 2**64 - 1, steps[4], "none")}
    draws_of = [[10 * i + chunk for chunk in range(3)] for i in range(5)]
    weights = list(engine.log_weights_by_batch(data, 5, 7, draws_of))
    for i, own in enumerate(draws_of):
        for step, got in zip(own, weights[3 * i : 3 * i + 3], strict=True):
            assert_array_equal(got, engine.log_weights(data[5 * i : 5 * i + 5], 7, step))
    with pytest.raises(IndexError):
        engine.values_by_batch(data, np.array([0, 23]), 5, 0, [0], ["mmd"])


@engines
def test_permutation(kind):
    vae, objective = model()
    order = engine_of(kind, vae, objective, 2).permutation(50, 2**64 - 1, 4)
    assert order.dtype == np.int64
    assert_array_equal(
        order if isinstance(order, np.ndarray) else order.get(), philox.permutation(50, 2**64 - 1, streams.SHUFFLE, 4)
    )


@engines
def test_pull_and_push(kind):
    vae, objective = model()
    engine, x, before = engine_of(kind, vae, objective, 10), batch(vae, 10), vae.parameters.vector.copy()
    fault, adam, _ = step(engine, x, range(10))
    assert fault is None and adam.step == 2 and adam.m.any() and adam.v_max.any()
    assert (vae.parameters.vector != before).any()
    vae.parameters.vector[...] = before * 0.5
    engine.push()
    for got, expected in zip(engine.encode(x), vae.encode(x), strict=True):
        assert_allclose(got, expected, rtol=1e-10)


# ---- rows that are left over ----


@engines
@pytest.mark.parametrize(
    ("regulariser", "alpha", "rows", "batch_size", "steps"),
    [
        ("mmd", 1.0, 21, 10, 2),
        ("mmd", 0.0, 21, 10, 3),
        ("kl-inc", 1.0, 21, 10, 3),
        ("mmd", 1.0, 22, 10, 3),
        ("mmd", 1.0, 1, 10, 0),
        ("mmd", 1.0, 3, 1, 0),
        ("kl-inc", 1.0, 3, 1, 3),
    ],
)
@pytest.mark.parametrize("own", [False, True], ids=["known prior", "an added prior"])
def test_a_last_batch_of_one_row(own, regulariser, alpha, rows, batch_size, steps, kind):
    if own and kind not in ("textbook", "cpu"):
        pytest.skip("the GPU engine takes the built-in priors only")
    vae, objective = model(regulariser=regulariser, alpha=alpha)
    if own:
        vae = dataclasses.replace(vae, prior=Logistic())
    engine, before = engine_of(kind, vae, objective, 10), vae.parameters.vector.copy()
    fault, adam, totals = step(engine, batch(vae, rows), range(rows), batch_size)
    left_out = 1 if steps == rows // batch_size and rows % batch_size == 1 else 0
    assert fault is None and adam.step == steps
    assert totals[3] == (rows - left_out if steps else 0)
    assert (vae.parameters.vector != before).any() == (steps > 0)


# ---- refusals ----


def without(given, **changes):
    return dataclasses.replace(given, **changes)


WIDE = "the data are 3 wide, the model takes 4"
REFUSALS = {
    "values of one row": (lambda e, x, g: e.values(x[:1], 0, 0, "mmd"), "mmd needs two points or more"),
    "gradient of one row": (
        lambda e, x, g: e.value_and_grad(
            x[:1], without(g, eps=g.eps[:, :1], prior_sample=g.prior_sample[:1], prior_noise=None)
        ),
        "mmd needs two points or more",
    ),
    "no rows": (lambda e, x, g: e.values(x[:0], 0, 0), "no rows"),
    "width of values": (lambda e, x, g: e.values(x[:, :3].copy(), 0, 0), WIDE),
    "width of a gradient": (lambda e, x, g: e.value_and_grad(x[:, :3].copy(), g), WIDE),
    "width of log weights": (lambda e, x, g: e.log_weights(x[:, :3].copy(), 0, 0), WIDE),
    "width of codes": (lambda e, x, g: e.encode(x[:, :3].copy()), WIDE),
    "width of training": (lambda e, x, g: step(e, x[:, :3].copy(), range(5)), WIDE),
    "fewer samples": (lambda e, x, g: e.value_and_grad(x, without(g, eps=g.eps[:1])), "eps has another shape"),
    "a smaller sample": (
        lambda e, x, g: e.value_and_grad(x, without(g, prior_sample=g.prior_sample[:3])),
        "prior_sample has another shape",
    ),
    "less noise": (
        lambda e, x, g: e.value_and_grad(x, without(g, prior_noise=g.prior_noise[:3])),
        "prior_noise has another shape",
    ),
    "nothing to train on": (lambda e, x, g: step(e, x, np.arange(0)), "batches of 0 points"),
    "batches of nothing": (lambda e, x, g: step(e, x, range(5), 0), "batches of 0 points"),
    "other totals": (
        lambda e, x, g: e.train(x, np.arange(5), 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(3)),
        r"totals is float64 of shape \(3,\), not float64 of shape \(4,\)",
    ),
    "whole totals": (
        lambda e, x, g: e.train(x, np.arange(5), 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4, int)),
        r"totals is int64 of shape \(4,\), not float64 of shape \(4,\)",
    ),
    "totals of one epoch for two": (
        lambda e, x, g: e.train(
            x, np.arange(6).reshape(2, 3), 3, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4)
        ),
        r"totals is float64 of shape \(4,\), not float64 of shape \(2, 4\)",
    ),
    "an order of orders": (
        lambda e, x, g: e.train(
            x, np.zeros((2, 2, 2), int), 2, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros((2, 2, 4))
        ),
        "order has 3 dimensions, not the rows of one epoch or of several",
    ),
    "no epochs": (
        lambda e, x, g: e.train(
            x, np.zeros((0, 5), int), 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros((0, 4))
        ),
        "batches of 0 points",
    ),
    "an order that is a list": (
        lambda e, x, g: e.train(x, [0, 99], 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4)),
        "order is a list; expected an array of int64",
    ),
    "an order of numbers": (
        lambda e, x, g: e.train(x, np.arange(5) + 0.5, 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4)),
        "order is float64; expected an array of int64",
    ),
    "an order of short whole numbers": (
        lambda e, x, g: e.train(
            x, np.arange(5, dtype=np.int32), 5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4)
        ),
        "order is int32; expected an array of int64",
    ),
    "a mask": (
        lambda e, x, g: e.values_by_batch(x, np.ones(9, bool), 5, 0, [0, 1], ["none"]),
        "order is bool; expected an array of int64",
    ),
    "half a point more": (
        lambda e, x, g: e.train(x, np.arange(5), 2.5, Adam.for_vector(e.vae.parameters.vector), 0, np.zeros(4)),
        "the batch size is 2.5, not a whole number",
    ),
    "totals that cannot be written": (
        lambda e, x, g: e.train(
            x, np.arange(5), 5, Adam.for_vector(e.vae.parameters.vector), 0, np.broadcast_to(np.zeros(4), (4,))
        ),
        r"totals is float64 of shape \(4,\), read-only, not float64 of shape \(4,\)",
    ),
    "another model's optimiser": (
        lambda e, x, g: e.train(x, np.arange(5), 5, Adam.for_vector(np.zeros(3)), 0, np.zeros(4)),
        r"the optimiser's m is float64 of shape \(3,\), not float64 of shape \(\d+,\)",
    ),
    "data stored by columns": (
        lambda e, x, g: step(e, np.asfortranarray(x), range(5)),
        "the data are not stored row by row",
    ),
    "no noise": (
        lambda e, x, g: e.value_and_grad(x, Draws(None)),
        "the draws have no eps, the posterior's noise",
    ),
}


@engines
@pytest.mark.parametrize("case", REFUSALS)
def test_the_same_refusals(case, kind):
    vae, objective = model()
    engine, x, before = engine_of(kind, vae, objective, 10), batch(vae, 9), vae.parameters.vector.copy()
    call, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        call(engine, x, draws(vae, objective, 9))
    assert_array_equal(vae.parameters.vector, before)
    # And it is at work as before.
    assert_allclose(engine.values(x, 1, 2)["objective"], TextbookEngine(vae, objective).values(x, 1, 2)["objective"])


@engines
@pytest.mark.parametrize("order", [[0, 9], [-1, 3]])
def test_rows_that_the_data_do_not_have(order, kind):
    vae, objective = model()
    with pytest.raises(IndexError, match=f"rows {min(order)} to {max(order)} of 9"):
        step(engine_of(kind, vae, objective, 10), batch(vae, 9), order)


@pytest.mark.parametrize("kind", ENGINES[1:])
def test_more_rows_than_there_is_room_for(kind):
    """The textbook takes any number."""
    vae, objective = model()
    engine, x = engine_of(kind, vae, objective, 5), batch(vae, 9)
    for call in (
        lambda: engine.values(x, 0, 0),
        lambda: engine.log_weights(x, 0, 0),
        lambda: engine.value_and_grad(x, draws(vae, objective, 9)),
    ):
        with pytest.raises(ValueError, match="9 rows, room for 5"):
            call()
    with pytest.raises(ValueError, match="batches of 9 points, room for 1 to 5"):
        step(engine, x, range(9), 9)


@engines
def test_noise_without_the_choices_that_belong_to_it(kind):
    for prior in ("mixture", "sparse"):
        vae, objective = model(prior=prior, learn_prior_variance=True)
        given = without(draws(vae, objective, 5), prior_choice=None)
        with pytest.raises(ValueError, match="prior_noise needs prior_choice"):
            engine_of(kind, vae, objective, 5).value_and_grad(batch(vae, 5), given)


@engines
@pytest.mark.parametrize("more", [{"kl": "analytic"}, {"log_prior_multiplier": 2.0}])
def test_log_weights_need_the_sampled_kl(more, kind):
    vae, objective = model()
    objective = dataclasses.replace(objective, **more)
    with pytest.raises(ValueError, match="need the Monte-Carlo KL, with a log prior multiplier of 1"):
        engine_of(kind, vae, objective, 5).log_weights(batch(vae, 5), 0, 0)


# ---- faults, by name ----


def faulty(fault):
    """A model, its objective and data whose first term that is not finite is the one of that name."""
    vae, objective = model(kl="analytic", regulariser="kl-inc", beta=1e200 if fault == "gradient" else 1.0)
    data = batch(vae, 20)
    if fault == "log_likelihood":
        data[13, 2] = np.nan
    elif fault in ("kl", "regulariser"):
        # All posteriors far away, beyond what (loc / scale)^2, or loc^2, can hold; the decoder does not look at z.
        vae.parameters["enc.1.W"][...] = 0
        vae.parameters["enc.1.b"][:] = [*[1e200 if fault == "kl" else 1e150] * 2, -1e3, -1e3]
        vae.parameters["dec.0.W"][...] = 0
    return vae, objective, data


@engines
@pytest.mark.parametrize("fault", ["log_likelihood", "kl", "regulariser", "gradient"])
def test_a_fault_has_its_name_and_changes_nothing(fault, kind):
    vae, objective, data = faulty(fault)
    engine, before = engine_of(kind, vae, objective, 5), vae.parameters.vector.copy()
    got, adam, totals = step(engine, data, range(10, 20))
    assert got == fault
    assert adam.step == 0 and not totals.any() and not adam.m.any() and not adam.v.any()
    assert_array_equal(vae.parameters.vector, before)


@engines
def test_the_steps_before_a_fault_stay(kind):
    results = []
    for stop in (10, 20):
        vae, objective, data = faulty("log_likelihood")
        engine = engine_of(kind, vae, objective, 5)
        got, adam, totals = step(engine, data, range(stop))
        assert got == (None if stop == 10 else "log_likelihood") and adam.step == 2
        results.append([vae.parameters.vector.copy(), adam.m, totals])
    for a, b in itertools.pairwise(results):
        for one, other in zip(a, b, strict=True):
            assert_array_equal(one, other)

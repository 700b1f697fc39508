"""The training loop: a stop at any moment changes nothing, a fault loses nothing."""

import dataclasses
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import DecompositionVAE, resolve, slices, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data import principal_variances as pca
from minidecomp.data.dataset import Dataset
from minidecomp.data.points import Bits
from minidecomp.errors import DataError, Fault, OptionError, RunError
from minidecomp.evaluation.terms import evaluate
from minidecomp.randomness import philox, streams
from minidecomp.runs import checkpoint

SMALL = {"hidden": "6", "epochs": 4, "points_per_arm": 13, "batch_size": 9, "threads": 1, "alpha": 1.0}
OWN = {name: value for name, value in SMALL.items() if name != "points_per_arm"}  # for your own data
COMPARED = ("log_likelihood", "kl", "regulariser", "objective")


def start(folder, **given):
    options = resolve(SMALL | given)
    return training.start(options, dataset_from(options), str(folder))


def again(folder, **changes):
    run = checkpoint.load(folder)
    options = dataclasses.replace(run.options, **changes)
    return training.resume(run, options, dataset_from(options))


def end_state(trainer):
    adam = trainer.state.optimizer
    arrays = [trainer.state.vae.parameters.vector, adam.m, adam.v, adam.v_max]
    return np.concatenate([*arrays, *(trainer.state.metrics()[name] for name in COMPARED), [adam.step]])


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    """A slice is one or two batches, so that a stop can come anywhere."""
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
@pytest.mark.parametrize("given", [{}, {"prior": "gaussian", "data": "pinwheel", "learn_prior_variance": True}])
def test_stopped_and_resumed_is_the_run_that_was_not(engine, given, tmp_path):
    whole = start(tmp_path / "whole", engine=engine, **given)
    assert training.train(whole)
    for stop in (1, 3, 6, 7, 20):
        folder = tmp_path / str(stop)
        slices = iter(range(100))
        assert not training.train(
            start(folder, engine=engine, **given), should_stop=lambda s=slices, n=stop: next(s) == n
        )
        resumed = again(folder)
        assert resumed.state.optimizer.step < whole.state.optimizer.step
        assert training.train(resumed)
        assert_array_equal(end_state(resumed), end_state(whole))


@settings(max_examples=6, deadline=None)  # each is a run
@given(st.lists(st.integers(0, 10), min_size=1, max_size=5))
def test_any_number_of_stops(tmp_path_factory, stops):
    folder = tmp_path_factory.mktemp("stops")
    trainer = start(folder / "run")
    for stop in stops:
        slices = iter(range(100))
        training.train(trainer, should_stop=lambda s=slices, n=stop: next(s) == n)
        trainer = again(folder / "run", threads=2)
    assert training.train(trainer)
    whole = start(folder / "whole")
    assert training.train(whole)
    assert_array_equal(end_state(trainer), end_state(whole))


def test_more_epochs_are_those_of_the_longer_run(tmp_path):
    short, long = start(tmp_path / "short", epochs=2), start(tmp_path / "long")
    assert training.train(short) and training.train(long)
    longer = again(tmp_path / "short", epochs=4)
    assert training.train(longer)
    assert_array_equal(end_state(longer), end_state(long))
    with pytest.raises(OptionError, match="epochs must be 4 or more, not 3; the run has trained 4 already"):
        again(tmp_path / "short", epochs=3)


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_callbacks_see_each_epoch_and_can_stop_the_run(engine, tmp_path):
    seen = []

    def note(trainer):
        seen.append((trainer.state.rows[-1]["epoch"], trainer.state.vae.parameters.vector.copy()))

    def stop(trainer):
        return trainer.state.epoch == 2

    assert not training.train(start(tmp_path / "run", engine=engine), on_epoch=[stop, note])
    assert [epoch for epoch, _ in seen] == [1, 2] and not np.array_equal(seen[0][1], seen[1][1])
    assert_array_equal(checkpoint.load(tmp_path / "run").vae.parameters.vector, seen[1][1])
    assert training.train(again(tmp_path / "run"), on_epoch=[note])
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4]


def test_the_engines_train_alike(tmp_path):
    ends = []
    for engine in ("cpu", "textbook"):
        trainer = start(tmp_path / engine, engine=engine, dtype="float64")
        assert training.train(trainer)
        ends.append(end_state(trainer))
    assert_allclose(*ends, rtol=1e-7, atol=1e-9)


def test_other_data_are_refused(tmp_path):
    training.train(start(tmp_path / "run"))
    run = checkpoint.load(tmp_path / "run")
    others = dataclasses.replace(run.options, data_seed=1)
    with pytest.raises(RunError, match="pinwheel is not the data this run was trained on"):
        training.resume(run, others, dataset_from(others))


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_a_fault_keeps_the_last_good_checkpoint(engine, tmp_path):
    # A rate this high sends the decoder's output out of float32's range within a few steps.
    trainer = start(tmp_path / "run", engine=engine, lr=1e18, epochs=50, checkpoint_every=1e-9)
    with pytest.raises(Fault, match=r"(\w+ is not finite in epoch \d+, step \d+|no longer finite); the last good"):
        training.train(trainer)
    kept = checkpoint.load(tmp_path / "run")
    assert np.isfinite(kept.vae.parameters.vector).all()


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"lr": 1e300, "epochs": 1, "batch_size": 100},
            r"parameters: no longer finite after epoch 1, step 1, and with it log_likelihood, kl, regulariser; "
            r"the last good checkpoint stays in \S+; lr=1e\+300 may be too large",
        ),
        ({"beta": 1e308}, r"gradient is not finite in epoch 1, step 1; .*; beta=1e\+308 may be too large"),
        ({"alpha": 1e308}, r"gradient is not finite in epoch 1, step 1; .*; alpha=1e\+308 may be too large"),
        (
            {"log_prior_multiplier": 1e300},
            r"kl is not finite in epoch 1, step 1; .*; log_prior_multiplier=1e\+300 may be too large",
        ),
        ({"lr": 5.0, "epochs": 400}, r"a smaller `?-*lr`? may help"),
    ],
)
def test_a_fault_names_term_epoch_step_and_cause(given, message, engine, tmp_path):
    trainer = start(tmp_path / "run", engine=engine, **given)
    if "lr" in given and given["lr"] == 5.0:
        trainer.state.vae.parameters.vector[:] *= 1e15  # as if the rate had done it
        trainer.state.optimizer.step = 7
    with pytest.raises(Fault, match=message):
        training.train(trainer)


def test_data_far_from_one_are_the_cause_that_is_named(tmp_path):
    options = resolve(OWN | {"data": "own.npy", "beta": 1e9, "lr": 1e30})
    points = np.random.default_rng(0).normal(size=(30, 2))
    trainer = training.start_in_memory(options.replace(lr=1e-3), Dataset("x", points, points))
    trainer.data = trainer.data * 1e14  # as a run by an older minidecomp may have
    assert training._not_finite(trainer, "kl").endswith("00,000: scale them to a size near 1")
    trainer.options = options
    assert training._not_finite(trainer, "kl").endswith("`--lr 1e+30` may be too large")


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_a_fault_of_a_single_point_is_one_line(engine):
    options = resolve(
        OWN | {"data": "own.npy", "lr": 1e300, "epochs": 1, "prior": "gaussian", "engine": engine, "alpha": 0.0}
    )
    points = np.random.default_rng(0).normal(size=(1, 2))
    trainer = training.start_in_memory(options, Dataset("x", points, points))
    with pytest.raises(Fault, match=r"no longer finite after epoch 1, step 1.*; lr=1e\+300 may be too large"):
        training.train(trainer)


FEW = "x: 1 training point; with --alpha above 0, --regulariser mmd needs 2 or more in a batch"
FEW_IN_PYTHON = 'x: 1 training point; with alpha above 0, regulariser="mmd" needs 2 or more in a batch'


def test_a_run_without_a_step_is_refused(tmp_path):
    """One training point is no sample for the MMD, so every epoch would pass without a step."""
    x = np.random.default_rng(0).normal(size=(5, 2))
    one, all_five = Dataset("x", x[:1], x), Dataset("x", x, x)
    options = resolve(OWN | {"data": "own.npy", "epochs": 1})
    for call in (training.start_in_memory, lambda o, data: training.start(o, data, str(tmp_path / "run"))):
        with pytest.raises(DataError, match=FEW_IN_PYTHON):
            call(options, one)
        assert not (tmp_path / "run").exists()
    trainer = training.start_in_memory(options, all_five)
    with pytest.raises(DataError, match=FEW_IN_PYTHON):
        training.go_on_in_memory(options, one, trainer.rules, trainer.state)
    for other in ({"alpha": 0.0}, {"regulariser": "kl-inc"}):
        assert training.train(training.start_in_memory(options.replace(**other), one))
    # A last batch of one point is left out, and the others are trained on.
    last = training.start_in_memory(options.replace(batch_size=2), all_five)
    assert training.train(last) and last.state.optimizer.step == 2


def test_no_face_trains_without_a_step(capsys):
    x = np.random.default_rng(0).normal(size=(4, 2))
    np.save("x.npy", x)
    few = ["-d", "x.npy", "--test-fraction", "0.9", "--alpha", "3"]
    assert main(["train", *few, "--epochs", "3"]) == 2
    assert capsys.readouterr().err == f"minidecomp: {FEW.replace('x:', 'x.npy:', 1)}\n"
    assert os.listdir() == ["x.npy"]
    assert main(["sweep", *few, "--epochs", "1,2", "-q", "-o", "s"]) == 1
    assert capsys.readouterr().err.count(FEW.replace("x:", "x.npy:", 1)) == 2
    with pytest.raises(DataError, match=FEW_IN_PYTHON.replace("x:", "X:", 1)):
        DecompositionVAE(alpha=3.0).fit(x[:1])
    fitted = DecompositionVAE(alpha=3.0, epochs=1).fit(x)
    with pytest.raises(DataError, match=FEW_IN_PYTHON.replace("x:", "X:", 1)):
        fitted.partial_fit(x[:1])


def test_a_checkpoint_every_so_often(tmp_path, monkeypatch):
    saves = []
    monkeypatch.setattr(training.Trainer, "save", lambda self: saves.append((self.state.epoch, self.state.row)))
    training.train(start(tmp_path / "a", checkpoint_every=1e-9))
    assert len(saves) > 4 and any(row > 0 for _, row in saves)
    saves.clear()
    training.train(start(tmp_path / "b"))
    assert saves == [(0, 0), (4, 0)]


def test_training_learns(tmp_path):
    trainer = start(tmp_path / "run", epochs=60, points_per_arm=100, batch_size=100, lr=5e-3)
    assert training.train(trainer)
    objective = trainer.state.metrics()["objective"]
    assert objective[-1] > objective[0] + 1


def test_the_means_are_those_of_the_batches(tmp_path):
    """A last batch of another size counts by its points: 52 points in batches of 9."""
    trainer = start(tmp_path / "run", epochs=1, lr=1e-30, dtype="float64")
    assert training.train(trainer)
    order = trainer.engine.permutation(52, 0, 0)
    sums = dict.fromkeys(COMPARED, 0.0)
    for step, first in enumerate(range(0, 52, 9)):
        x = trainer.data[order[first : first + 9]]
        for term, value in trainer.engine.values(x, 0, step).items():
            sums[term] += len(x) * value / 52
    for term in COMPARED:
        assert_allclose(trainer.state.rows[0][term], sums[term], rtol=1e-10)


def test_evaluation_is_the_mean_over_all_points(tmp_path):
    trainer = start(tmp_path / "run", dtype="float64", prior="gaussian", data="pinwheel")
    training.train(trainer)
    x = trainer.dataset.test
    result = evaluate(trainer.engine, x, 9, seed=5)
    assert result["points"] == len(x) == 52 and result["batch_size"] == 9
    # The closed form needs no draws: it is the mean over the points whatever the batches.
    prior = trainer.state.vae.current_prior()
    loc, scale = trainer.state.vae.encode(x)
    kl = 0.5 * ((scale / prior.scale) ** 2 + (loc / prior.scale) ** 2 - 1) - np.log(scale / prior.scale)
    assert_allclose(result["kl"], kl.sum(1).mean(), rtol=1e-9)
    assert result["mmd"] != result["kl-inc"] and np.isfinite([result["mmd"], result["kl-inc"]]).all()
    # Training's own draws are not used again, and a batch counts by its points: 52 are five batches of 9 and one of 7.
    order = philox.permutation(52, 5, *streams.TEST_ORDER.at())
    whole = [x[order[first : first + 9]] for first in range(0, 52, 9)]
    for name in ("mmd", "kl-inc"):
        each = [
            trainer.engine.values(b, 5, streams.EVALUATION.step(i), name)["regulariser"] for i, b in enumerate(whole)
        ]
        assert_allclose(result[name], np.average(each, weights=[len(b) for b in whole]), rtol=1e-12)
    assert evaluate(trainer.engine, x, 9, seed=5) == result != evaluate(trainer.engine, x, 9, seed=6)
    one, ten = evaluate(trainer.engine, x[:1], 9, seed=5), evaluate(trainer.engine, x[:10], 9, seed=5)
    assert one["points"] == 1 and np.isnan(one["mmd"]) and np.isfinite([one["kl"], one["kl-inc"]]).all()
    assert ten["points"] == 10 and np.isfinite(ten["mmd"])


def test_the_likelihood_must_suit_the_data(tmp_path):
    with pytest.raises(OptionError, match="bernoulli: this needs data from 0 to 1; pinwheel has -"):
        start(tmp_path / "run", likelihood="bernoulli")
    assert not (tmp_path / "run").exists()


def test_pca_needs_enough_directions(tmp_path):
    with pytest.raises(OptionError, match="the data vary in 2 directions only, and latent_dim is 3"):
        start(tmp_path / "run", prior="gaussian", data="pinwheel", prior_variance="pca", latent_dim=3)


def test_pca_variances_are_the_datas(tmp_path):
    given = {"prior": "gaussian", "data": "pinwheel", "prior_variance": "pca", "prior_variance_scale": 1.5}
    trainer = start(tmp_path / "run", dtype="float64", **given)
    eigenvalues = np.linalg.eigvalsh(np.cov(trainer.data.T))[::-1]
    expected = 1.5 * 2 * eigenvalues / eigenvalues.sum()
    assert_allclose(trainer.state.vae.prior.scale**2, expected, rtol=1e-10)
    second = np.linalg.eigvalsh(trainer.data.T @ trainer.data)[::-1]
    assert_allclose(pca.principal_variances(trainer.data, 2, centre=False), second / len(trainer.data), rtol=1e-10)


@pytest.mark.parametrize("centre", [True, False])
def test_principal_variances_of_each_kind_of_points(centre):
    rng = np.random.default_rng(0)
    ones = (rng.random((5000, 24)) < rng.random(24)).astype(np.uint8)
    ones[:, 5] = 0
    ones[:, 6] = 1
    matrix = ones - ones.mean(0) if centre else ones.astype(float)
    expected = np.linalg.svd(matrix, compute_uv=False) ** 2 / len(ones)
    for points in (Bits(np.packbits(ones, axis=1)), 255 * ones, ones.astype(float)):
        assert_allclose(pca.principal_variances(points, 10, centre), expected[:10], rtol=1e-9)
    assert_allclose(pca.principal_variances(ones.astype(float), 99, centre), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("centre", [True, False])
def test_principal_variances_of_bits_are_those_of_their_numbers_with_any_number_of_threads(centre):
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 256, (5000, 13), dtype=np.uint8) & rng.integers(0, 256, (5000, 13), dtype=np.uint8)
    packed[:, 4] = 0
    expected = pca.principal_variances(np.unpackbits(packed, axis=1).astype(float), 20, centre)
    found = pca.principal_variances(Bits(packed), 20, centre)
    assert_allclose(found, expected, rtol=1e-12)
    assert_array_equal(pca.principal_variances(Bits(packed), 20, centre, threads=3), found)


def test_principal_variances_are_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pca, "WORTH_CACHING", 0)
    points = Bits(np.random.default_rng(0).integers(0, 256, (300, 16), dtype=np.uint8))
    first = pca.cached_principal_variances(points, 3, True, "abc")
    assert_allclose(first, pca.principal_variances(points, 3))
    monkeypatch.setattr(pca, "principal_variances", None)
    assert_array_equal(pca.cached_principal_variances(points, 3, True, "abc"), first)
    assert len(pca.cached_principal_variances(points, 20, True, "abc")) == 20
    with pytest.raises(TypeError):
        pca.cached_principal_variances(points, 3, False, "abc")


@pytest.mark.parametrize("init", ["torch", "he"])
def test_initial_weights(init, tmp_path):
    trainer = start(tmp_path / "run", init=init, hidden="300,200", dtype="float64")
    for name, view in trainer.state.vae.parameters.items():
        layer, kind = name[:-2], name[-1]
        n_in = trainer.state.vae.parameters.shapes[f"{layer}.W"][0]
        bound = 1 / np.sqrt(n_in) if init == "torch" else np.sqrt(6 / n_in) if kind == "W" else 0
        assert np.abs(view).max() <= bound
        if view.size > 1000 or bound == 0:
            assert_allclose(view.std(), bound / np.sqrt(3), rtol=0.05)
    assert checkpoint.load(tmp_path / "run").options.init == init

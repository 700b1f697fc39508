"""An estimator as a run folder, and back: the same bits, and every command works on the folder."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp import DecompositionVAE, load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import RunError

QUICK = {"epochs": 3, "hidden": (8,)}


def points():
    return np.random.default_rng(0).normal(size=(90, 5))


@pytest.fixture
def X():
    return points()


def assert_same_model(one, other, X):
    """The same codes, and the same model after another epoch."""
    assert_array_equal(one.transform(X), other.transform(X))
    assert str(one.history_) == str(other.history_) and one.n_iter_ == other.n_iter_
    assert one.n_features_in_ == other.n_features_in_ and one.image_shape_ == other.image_shape_
    for model in (one, other):
        model.partial_fit(X)
    assert_array_equal(one.vae_.parameters.vector, other.vae_.parameters.vector)
    assert_array_equal(one._state.optimizer.m, other._state.optimizer.m)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"prior": "mixture", "alpha": 2.0, "regulariser": "kl-inc", "threads": 1},
        {"prior": "sparse", "alpha": 0.0, "latent_dim": 4, "seed": 3, "batch_size": 32, "scale": "standardise"},
        {"prior_variance": "pca", "learn_prior_variance": True, "dtype": "float64", "engine": "textbook"},
        {"prior": "student-t", "df": 5.0, "likelihood": "laplace", "activation": "tanh", "amsgrad": False},
        {"lr": "1e-2:cosine", "beta_warmup": 3, "alpha": "0:0,2:3", "kl": "monte-carlo", "samples": 2},
    ],
)
@pytest.mark.parametrize("with_points", [True, False])
def test_back_from_a_folder_to_the_bit(given, with_points, X):
    model = DecompositionVAE(**QUICK, **given).fit(X)
    folder = model.save("run", X if with_points else None)
    assert folder == Path("run") and load_run("run").state.epoch == 3
    again = DecompositionVAE.load("run")
    assert_same_model(model, again, X)
    resolved = model._options().replace(engine=again.options_.engine, likelihood=again.options_.likelihood)
    assert again._options() == resolved
    assert_array_equal(again.fit(X).vae_.parameters.vector, model.fit(X).vae_.parameters.vector)


def test_it_goes_on_after_a_save_as_if_there_had_been_none(X):
    model = DecompositionVAE(**QUICK).partial_fit(X)
    other = pickle.loads(pickle.dumps(model))
    model.save("run", X)
    assert_same_model(model, other, X)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "0:0.01,9:0.001"])
def test_more_epochs_than_the_parameter_says(schedule, X, capsys):
    """partial_fit counts beyond ``epochs``; a run has as many as its config says, or fewer."""
    model = DecompositionVAE(epochs=2, hidden=(8,), lr_schedule=schedule)
    for _ in range(4):
        model.partial_fit(X)
    model.save("run", X)
    assert load_run("run").options.epochs == 4
    assert main(["runs", "."]) == 0 and "finished" in capsys.readouterr().out
    assert_same_model(DecompositionVAE.load("run"), model, X)


def test_a_run_has_the_points_and_their_test_points(X):
    model = DecompositionVAE(**QUICK, alpha=1.0).fit(X)
    more = np.random.default_rng(1).normal(size=(13, 5))
    model.save("run", X, more)
    run = load_run("run")
    dataset = dataset_from(run.options)
    assert_array_equal(dataset.train, X)
    assert_array_equal(dataset.test, more)
    result = json.loads(Path("run/evaluation.json").read_text())
    assert result["epochs"] == 3 and result["train"]["objective"] == model.objective_
    # To go on with the run is to go on with the model.
    assert main(["train", "--resume", "run", "--epochs", "4", "-q", "--no-plots"]) == 0
    assert_array_equal(load_run("run").vae.parameters.vector, model.partial_fit(X).vae_.parameters.vector)


def test_without_test_points_a_tenth_of_the_points_is_tested_on(X):
    DecompositionVAE(**QUICK).fit(X).save("run", X)
    dataset = dataset_from(load_run("run").options)
    assert_array_equal(dataset.train, X)
    assert len(dataset.test) == 9 and {row.tobytes() for row in dataset.test} < {row.tobytes() for row in X}
    DecompositionVAE(**QUICK).fit(X[:1]).save("one", X[:1])
    assert len(dataset_from(load_run("one").options).test) == 3


COMMANDS = (
    ["plot", "run"],
    ["evaluate", "run", "-q"],
    ["report", "run"],
    ["playground", "run", "--no-open"],
    ["export", "run", "--format", "numpy"],
    ["encode", "run", "new.npy"],
    ["table", "run"],
    ["sample", "run"],
    ["reconstruct", "run"],
    ["traverse", "run"],
    ["gradients", "run", "--no-plots"],
    ["runs", "."],
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a run that was saved with its points and one without, for tests to copy."""
    folder = tmp_path_factory.mktemp("saved")
    model = DecompositionVAE(**QUICK, latent_dim=2).fit(points())
    model.save(folder / "with", points())
    model.save(folder / "without")
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_works_on_it(command, X, saved, capsys):
    np.save("new.npy", X[:7])
    shutil.copytree(saved / "with", "run")
    assert main(command) == 0, capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_points_a_command_works_or_asks_for_data(command, X, saved, capsys):
    np.save("new.npy", X[:7])
    np.save("X.npy", X)
    shutil.copytree(saved / "without", "run")
    assert not Path("run/evaluation.json").exists()
    needs_data = command[0] not in ("export", "encode", "table", "runs")
    code, error = main(command), capsys.readouterr().err
    assert code == (2 if needs_data else 0), error
    if needs_data:
        assert "data.npy: no such file; --data FILE says where the run's data is now" in error
        assert error.count("\n") == 1 or command[0] == "plot"
        assert main([*command, "--data", "X.npy"]) == 0, capsys.readouterr().err
        assert (
            "the run was saved without its data; minidecomp cannot check that these are the same"
            in capsys.readouterr().err
        )


def test_the_data_come_along_when_the_folder_moves(X):
    DecompositionVAE(**QUICK).fit(X).save("run", X)
    shutil.move("run", "moved")
    assert main(["evaluate", "moved", "-q"]) == 0
    assert main(["train", "--resume", "moved", "--epochs", "4", "-q", "--no-plots"]) == 0


def test_a_folder_that_holds_something_is_refused(X):
    model = DecompositionVAE(**QUICK).fit(X)
    model.save("run", X)
    before = {path: path.read_bytes() for path in Path("run").iterdir()}
    with pytest.raises(RunError, match=r"^run: it exists already"):
        model.save("run", X)
    assert {path: path.read_bytes() for path in Path("run").iterdir()} == before
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    with pytest.raises(RunError):
        model.save("mine")
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]
    Path("empty").mkdir()
    assert model.save(Path("empty")) == Path("empty")


def test_other_points_are_refused_before_anything_is_written(X):
    model = DecompositionVAE(**QUICK, scale="standardise").fit(X)
    for wrong, test, line in (
        (X[:50], None, "expected the points that were fitted last, in the same order"),
        (X[:, :3], None, "features"),
        (X, X.astype(np.float32), "X_test: has dtype float32; expected that of X, float64"),
        (X, X[:, :3], "features"),
        (None, X, "X_test needs X"),
    ):
        with pytest.raises(ValueError, match=line):
            model.save("run", wrong, test)
        assert not Path("run").exists()
    with pytest.raises(ValueError, match="not fitted"):
        DecompositionVAE().save("run")
    assert not Path("run").exists()


def test_what_fails_while_it_is_written_leaves_nothing(X, monkeypatch):
    model = DecompositionVAE(**QUICK).fit(X)
    with monkeypatch.context() as patch:
        patch.setattr("minidecomp.estimator.kept.evaluate_run", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.save("run", X)
    assert not Path("run").exists()
    model.save("run", X)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [*((shape, np.uint8) for shape in [(6, 5), (6, 5, 3), (3, 6, 5), (1, 6, 5), (6, 5, 1)]), ((6, 5), np.float32)],
)
def test_images_keep_their_axes(shape, dtype):
    images = np.random.default_rng(0).integers(0, 256, (40, *shape))
    X = images.astype(np.uint8) if dtype == np.uint8 else (images / 255).astype(dtype)
    model = DecompositionVAE(**QUICK, reshape=True).fit(X)
    model.save("run", X)
    again = DecompositionVAE.load("run")
    assert again.sample(2).shape == (2, *shape) and again.rules_ == model.rules_
    assert_array_equal(again.sample(2, seed=1), model.sample(2, seed=1))
    assert np.load("run/data.npy").shape[1:] == shape and np.load("run/data.npy").dtype == dtype
    assert main(["evaluate", "run", "-q"]) == 0
    assert_same_model(model, again, X)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_keeps_its_names(kind, X):
    names = ["n", "a, b", 'say "x"', "Länge", "index"]
    X[:, 0] = np.arange(90) / 64
    frame = pytest.importorskip(kind).DataFrame(dict(zip(names, X.T, strict=True)))
    model = DecompositionVAE(**QUICK).fit(frame)
    model.save("run", frame)
    run = load_run("run")
    assert run.rules.names == tuple(names) and dataset_from(run.options).feature_names == tuple(names)
    again = DecompositionVAE.load("run")
    assert list(again.feature_names_in_) == names
    assert main(["plot", "run"]) == 0 and main(["evaluate", "run", "-q"]) == 0
    assert_same_model(model, again, frame)
    with pytest.raises(ValueError, match=r"feature names|order"):
        again.transform(frame[names[::-1]])


# ---- runs of the command ----


def test_a_run_of_a_file_loads(X):
    np.save("points.npy", X)
    command = ["train", "--data", "points.npy", "--alpha", "2", "--prior", "mixture", "--hidden", "8", "-e", "3"]
    assert main([*command, "--log-gradients", "--scale", "unit", "-q", "--no-plots", "--out", "run"]) == 0
    run, model = load_run("run"), DecompositionVAE.load("run")
    assert_array_equal(model.transform(X), run.encode(X)[0].astype(np.float64))
    assert model.get_params()["alpha"] == 2 and model.get_params()["scale"] == "unit"
    assert model.partial_fit(X).n_iter_ == 4
    model.save("again")
    assert DecompositionVAE.load("again").n_iter_ == 4


def test_a_run_with_validation_loads_as_its_best_model(X):
    np.save("points.npy", X)
    command = ["train", "--data", "points.npy", "--hidden", "8", "-e", "40", "--lr", "0.1"]
    command += ["--early-stopping", "2", "--validate-every", "1"]
    assert main([*command, "-q", "--no-plots", "--out", "run"]) == 0
    best, last = load_run("run"), load_run("run", "last")
    assert best.state.epoch < last.state.epoch
    for which, run in ((None, best), ("best", best), ("last", last)):
        model = DecompositionVAE.load("run", which)
        assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)
        assert model.n_iter_ == last.state.epoch
        assert model.partial_fit(X).n_iter_ == run.state.epoch + 1
        model.save(f"again-{which}", X)
        again = DecompositionVAE.load(f"again-{which}")
        assert_array_equal(again.partial_fit(X).transform(X), model.partial_fit(X).transform(X))


@pytest.mark.parametrize("more", [["--points-per-arm", "10"], ["--points-per-arm", "10", "--prior", "sparse"]])
def test_a_run_of_the_pinwheel_loads(more):
    command = ["train", "--data", "pinwheel", "--hidden", "8", "-e", "2", "-q", "--no-plots", "--out", "run"]
    assert main([*command, *more]) == 0
    run, model = load_run("run"), DecompositionVAE.load("run")
    train = dataset_from(run.options).train
    assert_array_equal(model.transform(train.astype(np.float32)), run.encode(train)[0])
    assert main(["train", "--resume", "run", "-e", "3", "-q", "--no-plots"]) == 0
    assert_array_equal(model.partial_fit(train).vae_.parameters.vector, load_run("run").vae.parameters.vector)


def test_what_is_no_run_is_refused(X):
    with pytest.raises(RunError, match="no such run folder"):
        DecompositionVAE.load("nowhere")
    Path("empty").mkdir()
    with pytest.raises(RunError, match="no checkpoint"):
        DecompositionVAE.load("empty")

"""A new run from another's weights: what it takes over, what may be otherwise, what is refused, on every face."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp import DecompositionVAE, load_run, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from

SMALL = ["--points-per-arm", "12", "--hidden", "6", "--threads", "1", "--no-plots", "-q"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A run of three epochs, elsewhere."""
    folder = tmp_path_factory.mktemp("origin") / "a"
    command = ["train", *SMALL, "--prior", "mixture", "--alpha", "5", "--lr", "3e-3", "-e", "3", "--out", str(folder)]
    assert main(command) == 0
    return folder


def begun(origin, **given):
    """A run in memory before its first step, and the one that it comes from."""
    run = load_run(origin)
    options = run.options.replace(from_run=str(origin), **given)
    return training.start_in_memory(options, dataset_from(options)), run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("keep", [False, True])
def test_weights_and_optimiser(origin, dtype, keep):
    trainer, run = begun(origin, keep_optimizer=keep, dtype=dtype, alpha=50.0, seed=9)
    assert_array_equal(trainer.state.vae.parameters.vector, run.vae.parameters.vector.astype(dtype))
    adam, theirs = trainer.state.optimizer, run.state.optimizer
    assert trainer.state.epoch == 0 and trainer.state.rows == []
    if keep:
        assert adam.step == theirs.step > 0 and adam.m.dtype == dtype
        assert_array_equal(adam.m, theirs.m.astype(dtype))
        assert_array_equal(adam.v_max, theirs.v_max.astype(dtype))
    else:
        assert adam.step == 0 and not adam.m.any() and not adam.v_max.any()
    assert adam.lr == 3e-3


def test_options_that_are_not_given_are_the_runs(origin):
    assert main(["train", "--from", str(origin), "--beta", "0.5", "--out", "b", "--no-plots", "-q"]) == 0
    ours, theirs = load_run("b").options, load_run(origin).options
    assert ours == theirs.replace(beta=0.5, from_run=str(origin), threads=ours.threads)
    text = Path("b/config.toml").read_text()
    assert f'from_run = "{origin}"' in text
    # Its own config.toml makes the same run once more, and it goes on without the other.
    assert main(["train", "--config", "b/config.toml", "--out", "again", "--no-plots", "-q"]) == 0
    assert_array_equal(load_run("again").vae.parameters.vector, load_run("b").vae.parameters.vector)


def test_a_warm_run_goes_on_without_the_other(origin):
    shutil.copytree(origin, "a")
    assert main(["train", "--from", "a", "-e", "4", "--out", "whole", "--no-plots", "-q"]) == 0
    assert main(["train", "--from", "a", "-e", "2", "--out", "b", "--no-plots", "-q"]) == 0
    shutil.rmtree("a")
    assert main(["train", "--resume", "b", "-e", "4", "--no-plots", "-q"]) == 0
    assert_array_equal(load_run("b").vae.parameters.vector, load_run("whole").vae.parameters.vector)


def test_another_prior_regulariser_and_data(origin, capsys):
    np.save("own.npy", np.random.default_rng(0).normal(size=(60, 2)))
    change = ["--prior", "student-t", "--regulariser", "kl-inc", "--kl", "monte-carlo", "--data", "own.npy"]
    assert main(["train", "--from", str(origin), *change, "-e", "1", "--out", "b", "--no-plots"]) == 0
    options = load_run("b").options
    assert options.prior == "student-t" and options.hidden == (6,) and options.likelihood == "gaussian"
    err = capsys.readouterr().err
    assert f"starts with the weights of {origin}, from epoch 3" in err and "scaled differently" not in err
    scaled = ["--data", "own.npy", "--scale", "standardise", "-e", "1", "--out", "c", "--no-plots"]
    assert main(["train", "--from", str(origin), *scaled]) == 0
    assert "the data are scaled differently from that run's" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--hidden", "7"], "--hidden 7: the run that --from names has 6"),
        (["-z", "3"], "--latent-dim 3: the run that --from names has 2"),
        (["--decoder-hidden", "6,6"], "--decoder-hidden 6,6: the run that --from names has 6"),
        (["--likelihood", "laplace", "--data", "wide.npy"], "its model takes points of 2 numbers, the data have 3"),
        (["--keep-optimizer", "--no-amsgrad"], "only one of the two runs has --amsgrad"),
        (["--keep-optimizer", "--learn-prior-variance"], "only one of the two runs has --learn-prior-variance"),
    ],
)
def test_another_shape_is_refused_by_name(origin, given, line, capsys):
    np.save("wide.npy", np.random.default_rng(0).normal(size=(60, 3)))
    assert main(["train", "--from", str(origin), *given, "--out", "b", "-q"]) == 2
    err = capsys.readouterr().err
    assert line in err and err.count("\n") == 1 and not Path("b").exists()


def test_no_run_and_no_optimiser_without_one(capsys):
    assert main(["train", "--from", "nowhere"]) == 2
    assert "--from nowhere: no such run folder" in capsys.readouterr().err
    assert main(["train", "--keep-optimizer"]) == 2
    assert "this needs --from RUN" in capsys.readouterr().err


def test_learned_variances_go_along(tmp_path):
    command = [
        "train",
        *SMALL,
        "--data",
        "pinwheel",
        "--prior",
        "gaussian",
        "--learn-prior-variance",
        "-e",
        "3",
        "--lr",
        "0.1",
    ]
    assert main([*command, "--out", "a"]) == 0
    trainer, run = begun(tmp_path / "a")
    assert_array_equal(trainer.state.vae.parameters.vector, run.vae.parameters.vector)
    assert run.vae.parameters["prior.logits"].any()


def test_an_estimator_begins_with_the_weights_of_a_run(origin):
    train = dataset_from(load_run(origin).options).train
    options = {"prior": "mixture", "alpha": 5.0, "hidden": (6,), "lr": 3e-3, "epochs": 2, "likelihood": "gaussian"}
    options |= {name: getattr(load_run(origin).options, name) for name in ("batch_size", "regulariser")}
    model = DecompositionVAE(from_run=str(origin), **options).fit(train)
    resolved = resolve(vars(load_run(origin).options) | {"from_run": str(origin), "epochs": 2})
    trainer = training.start_in_memory(resolved, dataset_from(resolved))
    training.train(trainer)
    assert_array_equal(model.vae_.parameters.vector, trainer.state.vae.parameters.vector)


def test_all_runs_of_a_sweep_begin_with_it(origin, capsys):
    sweep = ["sweep", "--from", str(origin), "--alpha", "1,10", "-e", "1", "--out", "s", "-q"]
    assert main(sweep) == 0
    assert main(["train", "--from", str(origin), "--alpha", "10", "-e", "1", "--out", "one", "--no-plots", "-q"]) == 0
    assert_array_equal(load_run("s/alpha10").vae.parameters.vector, load_run("one").vae.parameters.vector)
    assert main(["sweep", "--resume", "s", "-q"]) == 0
    capsys.readouterr()
    assert main(["sweep", "--from", f"{origin},{origin}x", "-q"]) == 2
    assert "--from " in capsys.readouterr().err


def test_gradients_of_a_model_that_begins_with_it(origin, capsys):
    assert main(["gradients", str(origin), "--json"]) == 0
    of_run = capsys.readouterr().out
    assert main(["gradients", "--from", str(origin), "--hidden", "7"]) == 2
    assert "the run that --from names has 6" in capsys.readouterr().err
    assert main(["gradients", "--from", str(origin), "--json"]) == 0
    assert of_run and capsys.readouterr().out


def test_a_fault_says_how_to_begin_again(capsys):
    far = ["--lr", "1e-3", "-e", "60", "--alpha", "1e36", "--regulariser", "kl-inc", "--out", "my run"]
    assert main(["train", *SMALL, "--prior", "mixture", *far]) == 1
    err = capsys.readouterr().err
    assert ": minidecomp train --from 'my run' --alpha 1" in err or "epoch 1," in err

"""Schedules of alpha, beta and the learning rate: their values, and that every way to train follows them to the bit."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import DecompositionVAE, load_run, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import OptionError
from minidecomp.objective import objective_from
from minidecomp.randomness import streams
from minidecomp.settings.schedules import has_schedule, largest, over_epochs, points_of, value_at

SMALL = {"data": "pinwheel", "points_per_arm": 10, "hidden": (6,), "batch_size": 16, "threads": 1, "epochs": 6}
ALL = {"alpha": "0:0,2:0,4:5", "beta_warmup": 3, "lr": "3e-3:cosine"}


def values(name, **options):
    resolved = resolve({**SMALL, **options})
    return [value_at(resolved, name, epoch) for epoch in range(resolved.epochs)]


# ---- the values ----


def test_values_at_epochs_lines_between_and_constant_after():
    assert values("beta", beta="0:0,2:4,3:1") == [0, 2, 4, 1, 1, 1]
    assert values("beta", beta="1:2,3:4") == [2, 2, 3, 4, 4, 4]
    assert values("alpha", alpha=6, alpha_warmup=4) == [0, 1.5, 3, 4.5, 6, 6]
    assert values("lr", lr=1e-2, lr_schedule="step") == [
        1e-2,
        1e-2,
        1e-2,
        pytest.approx(1e-3),
        pytest.approx(1e-3),
        1e-4,
    ]
    assert_allclose(values("lr", lr="1:cosine", epochs=4), 0.5 * (1 + np.cos(np.pi * np.arange(4) / 4)))
    assert values("lr", lr="0:1e-3,5:1e-4")[5] == 1e-4
    assert values("lr", lr=0.1, lr_schedule="constant") == [0.1] * 6


def test_the_option_itself_is_the_last_value():
    options = resolve(prior="mixture", **ALL)
    assert (options.alpha, options.beta, options.lr) == (5, 1, 3e-3)
    assert options.alpha_schedule == "0:0,2:0,4:5" and options.lr_schedule == "cosine"
    assert resolve(beta_schedule="0:0,3:4").beta == 4
    assert largest(resolve(alpha="0:0,2:9,4:1"), "alpha") == 9
    assert list(over_epochs(options, 3)) == ["alpha", "beta", "lr"] and not has_schedule(resolve(), "alpha")


@given(st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 1e6)), min_size=1, max_size=8, unique_by=lambda p: p[0]))
def test_any_points_are_met(points):
    points = sorted(points)
    options = resolve(beta=",".join(f"{epoch}:{value!r}" for epoch, value in points))
    assert points_of("beta", options.beta_schedule) == tuple(points)
    for epoch, value in points:
        assert value_at(options, "beta", epoch) == value
    assert value_at(options, "beta", 10**6) == points[-1][1]


@pytest.mark.parametrize(
    ("given_options", "line"),
    [
        ({"beta": "1:2,0:3"}, "rising epochs from 0"),
        ({"beta": "0:0,0:3"}, "rising epochs from 0"),
        ({"beta": "-1:0,1:3"}, "rising epochs from 0"),
        ({"beta": "0:0,5"}, "EPOCH:VALUE"),
        ({"beta": "0:nan"}, "EPOCH:VALUE"),
        ({"alpha": "0:1,5:-1"}, "every value must be 0 or more"),
        ({"lr": "0:1e-3,5:0"}, "every value must be above 0"),
        ({"lr": "1e-3:cosin"}, "EPOCH:VALUE"),
        ({"lr_schedule": "linear"}, "EPOCH:VALUE"),
        ({"beta": "cosine:3"}, "EPOCH:VALUE"),
        ({"beta": 4, "beta_schedule": "0:0,5:3"}, "but --beta is 4; leave --beta out"),
        ({"beta_warmup": 5, "beta": "0:0,5:3"}, "--beta-warmup is a schedule too"),
        ({"beta": "0:0,5:3", "beta_schedule": "0:0,5:3"}, "leave one of them out"),
        ({"beta_warmup": -1}, "a whole number from 0"),
        ({"alpha": "0:0,3:5", "batch_size": 1, "regulariser": "mmd"}, "must be at least 2"),
        ({"alpha": "0:5,3:0", "batch_size": 1, "regulariser": "mmd"}, "must be at least 2"),
    ],
)
def test_what_is_no_schedule_is_refused(given_options, line):
    with pytest.raises(OptionError) as raised:
        resolve(given_options)
    assert line in str(raised.value) and "\n" not in str(raised.value)


# ---- training ----


def trained(**options):
    resolved = resolve({**SMALL, "prior": "mixture", **options})
    trainer = training.start_in_memory(resolved, dataset_from(resolved))
    training.train(trainer)
    return trainer


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_every_epoch_has_its_own_weights(engine):
    """As if one trained by hand, with another objective in each epoch."""
    trainer = trained(engine=engine, **ALL)
    options = resolve({**SMALL, "prior": "mixture", "engine": engine, **ALL})
    other = training.start_in_memory(options, dataset_from(options))
    state, data = other.state, other.data
    objective = objective_from(options)
    for epoch, (alpha, beta) in enumerate([(0, 0), (0, 1 / 3), (0, 2 / 3), (2.5, 1), (5, 1), (5, 1)]):
        with_weights = other.engine.with_objective(replace(objective, alpha=alpha, beta=beta))
        state.optimizer.lr = 3e-3 * 0.5 * (1 + math.cos(math.pi * (epoch / 6)))
        order = with_weights.permutation(len(data), options.seed, streams.EPOCH_ORDER.step(epoch))
        assert with_weights.train(data, order, 16, state.optimizer, options.seed, np.zeros(4)) is None
    assert_array_equal(trainer.state.vae.parameters.vector, state.vae.parameters.vector)
    rows = trainer.state.rows
    assert np.isnan(rows[2]["regulariser"]) and np.isfinite(rows[3]["regulariser"])
    assert rows[0]["objective"] == rows[0]["log_likelihood"]
    expected = rows[3]["log_likelihood"] - rows[3]["kl"] - 2.5 * rows[3]["regulariser"]
    assert rows[3]["objective"] == pytest.approx(expected)


def test_a_schedule_that_is_constant_is_no_other_training():
    plain = trained(alpha=5, beta=0.5, lr=2e-3)
    same = trained(alpha="0:5,3:5", beta="0:0.5", lr="2e-3:constant")
    assert_array_equal(plain.state.vae.parameters.vector, same.state.vae.parameters.vector)


def test_engines_follow_alike():
    cpu, textbook = trained(dtype="float64", **ALL), trained(dtype="float64", engine="textbook", **ALL)
    assert_allclose(cpu.state.vae.parameters.vector, textbook.state.vae.parameters.vector, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("moment", [1, 3, 5])
def test_a_stopped_run_goes_on_to_the_same_bits(moment):
    options = resolve({**SMALL, "prior": "mixture", **ALL})
    dataset = dataset_from(options)
    whole = training.start(options, dataset, "whole")
    training.train(whole)
    stopped = training.start(options, dataset, "stopped")
    assert not training.train(stopped, should_stop=lambda: stopped.state.epoch >= moment)
    run = load_run("stopped")
    resumed = training.resume(run, run.options, dataset)
    training.train(resumed)
    assert_array_equal(resumed.state.vae.parameters.vector, whole.state.vae.parameters.vector)
    without = [{name: row[name] for name in row if name != "seconds"} for row in resumed.state.rows]
    assert str(without) == str([{name: row[name] for name in row if name != "seconds"} for row in whole.state.rows])


# ---- every face ----

QUICK = ["--points-per-arm", "10", "--hidden", "6", "--threads", "1", "-e", "4", "--no-plots", "-q"]


def test_command_config_environment_sweep_and_estimator(monkeypatch):
    assert main(["train", *QUICK, "--prior", "mixture", "--alpha", "0:0,3:5", "--beta-warmup", "2", "--out", "a"]) == 0
    run = load_run("a")
    text = Path("a/config.toml").read_text()
    assert 'alpha_schedule = "0:0,3:5"' in text and "beta_warmup = 2" in text and "alpha = 5.0" in text
    assert main(["train", "--config", "a/config.toml", "--out", "b", "--no-plots", "-q"]) == 0
    assert_array_equal(load_run("b").vae.parameters.vector, run.vae.parameters.vector)
    with monkeypatch.context() as patch:
        patch.setenv("MINIDECOMP_ALPHA", "0:0,3:5")
        assert main(["train", *QUICK, "--prior", "mixture", "--beta-warmup", "2", "--out", "c"]) == 0
    assert_array_equal(load_run("c").vae.parameters.vector, run.vae.parameters.vector)
    sweep = [
        "sweep",
        *QUICK[:-2],
        "-q",
        "--prior",
        "mixture",
        "--alpha",
        "0:0,3:5",
        "--beta-warmup",
        "1,2",
        "--out",
        "s",
    ]
    assert main(sweep) == 0
    assert_array_equal(load_run("s/beta-warmup2").vae.parameters.vector, run.vae.parameters.vector)
    o = run.options
    own = {name: getattr(o, name) for name in ("hidden", "epochs", "batch_size", "lr", "regulariser", "prior")}
    model = DecompositionVAE(alpha="0:0,3:5", beta_warmup=2, likelihood="gaussian", **own).fit(dataset_from(o).train)
    assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)


def test_another_value_is_in_place_of_a_files_schedule():
    Path("c.toml").write_text('prior = "mixture"\nbeta = "0:0,3:4"\nalpha_warmup = 3\nalpha = 2.0\n')
    assert (
        main(["train", *QUICK, "--config", "c.toml", "--beta", "2", "--alpha-schedule", "0:1,2:7", "--out", "a"]) == 0
    )
    options = load_run("a").options
    assert (options.beta, options.beta_schedule, options.alpha, options.alpha_warmup) == (2, None, 7, None)
    assert main(["train", "--from", "a", "--alpha", "1", "--out", "b", "--no-plots", "-q"]) == 0
    assert load_run("b").options.alpha_schedule is None


def test_gradients_and_evaluate_say_which_weights(capsys):
    assert main(["train", *QUICK, "--prior", "mixture", "--alpha", "0:0,8:8", "--out", "a"]) == 0
    assert load_run("a").objective.alpha == 3 and load_run("a").options.alpha == 8
    for command in (["gradients", "a", "--no-plots"], ["evaluate", "a", "-q"]):
        capsys.readouterr()
        assert main(command) == 0
        assert "weights in epoch 4: beta 1, alpha 3" in capsys.readouterr().err


def test_epoch_by_epoch_in_the_estimator():
    X = np.random.default_rng(0).normal(size=(60, 3))
    options = {
        "hidden": (6,),
        "epochs": 4,
        "beta_warmup": 3,
        "lr": "1e-2:cosine",
        "alpha": "0:0,2:3",
        "prior": "mixture",
    }
    whole, parts = DecompositionVAE(**options).fit(X), DecompositionVAE(**options)
    for _ in range(4):
        parts.partial_fit(X)
    assert_array_equal(whole.vae_.parameters.vector, parts.vae_.parameters.vector)
    parts.set_params(alpha="0:0,9:1", beta_warmup=None, lr=1e-3)
    parts.partial_fit(X)
    assert parts.options_.alpha_schedule == "0:0,9:1" and parts.options_.lr_schedule is None


def test_they_are_drawn_on_the_learning_curves():
    figures = pytest.importorskip("minidecomp.figures")
    options = resolve({**SMALL, "prior": "mixture", **ALL})
    trainer = trained(**ALL)
    figure = figures.learning_curves(trainer.state.metrics() | over_epochs(options, 6))
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[-3:] == ["$\\beta$", "$\\alpha$", "learning rate"]
    assert figure.axes[-3].lines[0].get_ydata().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1, 1])


def test_a_value_or_a_schedule_is_in_place_of_a_files_in_a_sweep_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["--points-per-arm", "5", "--hidden", "3", "--epochs", "1", "-q", "--no-plots"]
    assert main(["train", *small, "--lr", "1e-3:cosine", "--beta-warmup", "3", "--alpha", "0:0,3:5", "--out", "r"]) == 0
    given = ["--lr", "1e-3,1e-2", "--beta", "1,3", "--alpha", "50"]
    assert main(["sweep", "--config", "r/config.toml", *given, "--out", "s", "-q"]) == 0
    for run in Path("s").glob("*/config.toml"):
        assert not re.search("schedule|warmup", run.read_text())
    monkeypatch.setenv("MINIDECOMP_ALPHA", "0:0,3:5")
    assert main(["train", *small, "--alpha", "2", "--out", "e"]) == 0
    assert "alpha_schedule" not in Path("e/config.toml").read_text()
    assert main(["sweep", *small[:-1], "--lr-schedule", "cosine,step", "--out", "shapes"]) == 0
    assert len(list(Path("shapes").glob("*/checkpoint.npz"))) == 2


def test_what_an_epoch_used_is_recorded_and_drawn(tmp_path):
    """A resume with more epochs changes a cosine that is still to come, not what was."""
    run = str(tmp_path / "r")
    small = ["--points-per-arm", "5", "--hidden", "3", "-q", "--no-plots"]
    assert main(["train", *small, "--lr", "1e-2:cosine", "--beta-warmup", "2", "--epochs", "4", "--out", run]) == 0
    assert main(["train", "--resume", run, "--epochs", "8", "-q", "--no-plots"]) == 0
    metrics = load_run(run).state.metrics()
    expected = [0.5e-2 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]
    expected += [0.5e-2 * (1 + math.cos(math.pi * epoch / 8)) for epoch in range(4, 8)]
    np.testing.assert_allclose(metrics["lr"], expected)
    assert metrics["beta"].tolist() == [0, 0.5, *[1] * 6] and "alpha" not in metrics
    assert (
        Path(run, "metrics.csv")
        .read_text()
        .startswith("epoch,log_likelihood,kl,regulariser,objective,seconds,beta,lr\n")
    )

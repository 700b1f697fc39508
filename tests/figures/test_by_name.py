"""Pictures by their names, from a run, a trainer and an estimator; and what repr says of these."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minidecomp import DecompositionVAE, build, figures, load_run, resolve, training
from minidecomp.cli.main import main
from minidecomp.errors import MinidecompError, OptionError, RunError

image = pytest.importorskip("matplotlib.image")
SMALL = {"data": "pinwheel", "points_per_arm": 10, "hidden": (6,), "epochs": 3, "engine": "cpu"}


def trained(**given):
    options = resolve(**SMALL, **given)
    trainer = training.start(options, build.dataset(options), "run")
    training.train(trainer)
    return trainer


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.slow
def test_a_run_gives_each_picture_that_plot_draws():
    """The same pictures by the names of their files; one that is laid out once more may be a pixel off."""
    trainer = trained(prior="mixture", alpha="0:0,3:2")
    assert main(["plot", "run"]) == 0
    drawn = {path.stem: image.imread(path) for path in Path("run/figures").glob("*.png")}
    assert set(drawn) == set(figures.PICTURES) - {"class_activity", "gradients"}
    run = load_run("run")
    for name, expected in drawn.items():
        for source in (run, trainer):
            found = image.imread(io.BytesIO(figures.picture(source, name)._repr_png_()))
            assert found.shape == expected.shape and np.abs(found - expected).mean() < 0.01, name
    assert png(figures.picture(run, "samples", seed=1)) != png(figures.picture(run, "samples"))


def test_an_estimator_draws_the_points_that_it_is_given():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.array(["cat", "dog", "hen"])[np.arange(60) % 3]
    plane, space = (DecompositionVAE(hidden=(6,), epochs=2, latent_dim=d).fit(X) for d in (2, 3))
    assert figures.picture(plane, "learning_curves").axes
    assert png(figures.picture(plane, "aggregate_posterior", X, y)) != png(
        figures.picture(plane, "aggregate_posterior", X)
    )
    assert figures.picture(space, "class_activity", X, y, classes=["cat"]).axes
    for name in ("reconstructions", "samples"):
        assert figures.picture(space, name, X).axes


def test_gradients_that_were_logged():
    trained(prior="mixture", log_gradients=True)
    assert len(figures.picture(load_run("run"), "gradients").axes) == 2


def test_the_file_of_the_validation_points_may_be_gone():
    X = np.random.default_rng(0).normal(size=(40, 3))
    np.save("points.npy", X[:30])
    np.save("aside.npy", X[30:])
    options = resolve(data="points.npy", validation="aside.npy", latent_dim=3, hidden=(6,), epochs=1, engine="cpu")
    training.train(training.start(options, build.dataset(options), "run"))
    Path("aside.npy").unlink()
    assert figures.picture(load_run("run"), "samples").axes


def test_what_cannot_be_drawn_is_said():
    trainer = trained(prior="gaussian")
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = DecompositionVAE(hidden=(6,), epochs=2, latent_dim=3).fit(X)
    with pytest.raises(OptionError, match=r"name must be .*did you mean 'learning_curves'"):
        figures.picture(model, "curves")
    with pytest.raises(MinidecompError, match="log_gradients"):
        figures.picture(trainer, "gradients")
    with pytest.raises(OptionError, match="it needs two latent dimensions; possible here: reconstructions, samples"):
        figures.picture(model, "aggregate_posterior", X)
    with pytest.raises(OptionError, match="X: an estimator keeps no points"):
        figures.picture(model, "samples")
    with pytest.raises(OptionError, match="a run has its own points"):
        figures.picture(trainer, "samples", X)
    np.save("points.npy", X)
    assert main(["train", "--data", "points.npy", "-e", "1", "--hidden", "6", "-q", "--no-plots", "--out", "own"]) == 0
    run = load_run("own")
    figures.picture(run, "samples")
    np.save("points.npy", X + 1)
    with pytest.raises(RunError, match="not the data this run was trained on"):
        figures.picture(run, "samples")
    assert figures.picture(run, "samples", build.dataset(run.options)).axes, "a Dataset is taken as it is"


@pytest.mark.slow
def test_pyplot_knows_nothing_of_it():
    code = (
        "import sys, numpy as np; from minidecomp import DecompositionVAE, figures;"
        "X = np.random.default_rng(0).normal(size=(20, 3)); model = DecompositionVAE(hidden=(6,), epochs=1).fit(X);"
        "figure = figures.picture(model, 'samples', X); print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_reprs_are_short():
    trainer = trained(prior="mixture", alpha="0:0,3:2", beta_warmup=2, latent_dim=3)
    run = load_run("run")
    weights = "alpha 2 (schedule 0:0,3:2), beta 1 (warmup 2), lr 0.001"
    assert repr(run).splitlines() == [
        "Run run",
        f"pinwheel, mixture prior, 3 latent dimensions, {weights}, seed 0",
        f"epoch 3 of 3, objective {run.state.rows[-1]['objective']:.6g} nats per point",
    ]
    assert repr(trainer).splitlines() == ["Trainer run, engine cpu", *repr(run).splitlines()[1:]]
    assert repr(run.vae) == "VAE(2-6-6 3-6-4, mixture prior, gaussian likelihood, 112 parameters)"
    assert repr(run.state) == f"State(epoch 3, step 3, {run.vae!r})"
    assert repr(trainer.dataset) == "Dataset(pinwheel, 40 training and 40 test points of 2 numbers)"
    begun = training.start(resolve(**SMALL), build.dataset(resolve(**SMALL)), "begun")
    assert repr(begun).splitlines()[-1] == "epoch 0 of 3"
    begun.let_go()

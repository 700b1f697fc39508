"""The estimator keeps a part of X for validation, stops early, and gives the best model, saved ones included."""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp import DecompositionVAE, resolve, training
from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.data.held_out import held_out
from minidecomp.errors import DataError, OptionError
from minidecomp.runs import checkpoint

X = np.random.default_rng(0).normal(3, 2, (80, 3))
GIVEN = {"hidden": (6,), "epochs": 200, "lr": 0.03, "threads": 1, "engine": "cpu", "scale": "standardise"}
EARLY = GIVEN | {"early_stopping": 3, "validate_every": 1}


@pytest.fixture(scope="module")
def fitted():
    return DecompositionVAE(**EARLY).fit(X)


def test_the_model_is_the_best(fitted):
    values = fitted.history_["validation_objective"]
    assert fitted.n_iter_ == len(values) < 200
    assert fitted.best_epoch_ == np.nanargmax(values) + 1 == fitted.n_iter_ - 3
    assert fitted.objective_ == fitted.history_["objective"][fitted.best_epoch_ - 1]
    shorter = DecompositionVAE(**EARLY | {"epochs": fitted.best_epoch_}).fit(X)
    assert_array_equal(shorter.transform(X), fitted.transform(X))


def test_a_tenth_is_kept_and_the_scale_is_learnt_without_it(fitted):
    trained, held = held_out(len(X), 0.1, 0, "X")
    assert len(held) == 8
    assert_array_equal(fitted.rules_.scaling.shift, DecompositionVAE(**GIVEN).fit(X[trained]).rules_.scaling.shift)


def test_it_is_the_commands_validation(fitted):
    trained, held = held_out(len(X), 0.1, 0, "X")
    scaling = fitted.rules_.scaling
    options = resolve(EARLY, data="x.npy", prior="gaussian")
    data = Dataset("X", scaling.apply(X[trained]), X[:2], scaling=scaling, validation=scaling.apply(X[held]))
    trainer = training.start_in_memory(options, data)
    assert training.train(trainer)
    assert_array_equal(trainer.state.chosen.vae.parameters.vector, fitted.vae_.parameters.vector)


def test_the_words_of_scikit_learn():
    assert DecompositionVAE(**GIVEN | {"epochs": 1}, early_stopping=False).fit(X).best_epoch_ is None
    stopped = DecompositionVAE(**EARLY | {"early_stopping": True, "validation_fraction": 0.25}).fit(X)
    assert stopped.options_.early_stopping == 10 and stopped.options_.validation_fraction == 0.25
    assert stopped.best_epoch_ == stopped.n_iter_ - 10
    kept = DecompositionVAE(**GIVEN | {"epochs": 5, "validation_fraction": 0.25}).fit(X)
    assert kept.n_iter_ == 5 and kept.best_epoch_ is not None


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"early_stopping": "soon"}, "early_stopping"),
        ({"early_stopping": 3, "validation_fraction": 0.0}, "this needs validation points"),
        ({"monitor": "loss", "validation_fraction": 0.1}, "must be objective"),
    ],
)
def test_what_is_wrong_is_named(wrong, line):
    with pytest.raises(OptionError, match=line):
        DecompositionVAE(**GIVEN | wrong).fit(X)
    with pytest.raises(DataError, match=r"X: has 3 training points; of these validation_fraction=0\.9 leaves"):
        DecompositionVAE(**GIVEN, validation_fraction=0.9).fit(X[:3])


def test_partial_fit_trains_on_all_points_and_never_stops():
    model = DecompositionVAE(**EARLY)
    for _ in range(6):
        model.partial_fit(X)
    plain = DecompositionVAE(**GIVEN | {"epochs": 6}).fit(X)
    assert_array_equal(model.transform(X), plain.transform(X))
    assert model.best_epoch_ is None and "validation_objective" not in model.history_


@pytest.mark.parametrize("which", [None, "best", "last"])
def test_a_saved_estimator(which, fitted, tmp_path, capsys):
    folder = str(tmp_path / "run")
    fitted.save(folder, X)
    loaded = DecompositionVAE.load(folder, which)
    if which == "last":
        assert loaded.best_epoch_ is None and not np.array_equal(loaded.transform(X), fitted.transform(X))
    else:
        assert_array_equal(loaded.transform(X), fitted.transform(X))
        assert loaded.best_epoch_ == fitted.best_epoch_
    assert loaded.n_iter_ == fitted.n_iter_ and loaded.get_params()["early_stopping"] == 3
    run = checkpoint.load(folder, which)
    assert_array_equal(run.vae.parameters.vector, loaded.vae_.parameters.vector)
    capsys.readouterr()
    assert main(["train", "--resume", folder, "--no-plots", "-q"]) == 0
    assert f"epoch {fitted.best_epoch_}; stopped early, after 3 validations" in capsys.readouterr().out


def test_partial_fit_after_fit_goes_on_with_the_best_model(fitted, tmp_path):
    fitted.save(tmp_path / "run", X)
    models = [DecompositionVAE.load(tmp_path / "run") for _ in range(2)]
    still = DecompositionVAE.load(tmp_path / "run").set_params(lr=1e-12).partial_fit(X)
    np.testing.assert_allclose(still.transform(X), fitted.transform(X), atol=1e-5)
    models[1].save(tmp_path / "again", X)
    models[1] = DecompositionVAE.load(tmp_path / "again")
    ends = [model.partial_fit(X).transform(X) for model in models]
    assert_array_equal(*ends)
    assert models[0].n_iter_ == fitted.best_epoch_ + 1 and models[0].best_epoch_ is None
    assert math.isnan(models[0].history_["validation_objective"][-1])


def test_a_callback_that_raises_leaves_one_model(fitted, tmp_path):
    def fail(trainer):
        raise RuntimeError("no")

    fitted.save(tmp_path / "run", X)
    model = DecompositionVAE.load(tmp_path / "run").set_params(callbacks=[fail])
    with pytest.raises(RuntimeError, match="no"):
        model.partial_fit(X)
    assert model.n_iter_ == len(model.history_["epoch"]) == fitted.best_epoch_ + 1
    codes = model.transform(X)
    model.save(tmp_path / "after")
    assert_array_equal(DecompositionVAE.load(tmp_path / "after").transform(X), codes)


def test_only_the_points_that_were_fitted_are_saved(fitted, tmp_path):
    for number, other in enumerate((X + 1, X[::-1], X[:70])):
        with pytest.raises(DataError, match="X: "):
            fitted.save(tmp_path / str(number), other)
        assert not (tmp_path / str(number)).exists()


def test_a_search_may_switch_validation_off():
    model = DecompositionVAE(**EARLY | {"epochs": 2})
    for value in (3, 0, False, True):
        assert model.set_params(early_stopping=value).fit(X).n_iter_ == 2


def test_a_loaded_estimator_has_its_schedules_in_the_form_that_can_be_changed(tmp_path):
    model = (
        DecompositionVAE(**GIVEN | {"epochs": 3}, alpha="0:0,2:3", beta_warmup=2).set_params(lr="0.01:cosine").fit(X)
    )
    model.save(tmp_path / "run", X)
    loaded = DecompositionVAE.load(tmp_path / "run")
    for name in ("alpha", "alpha_schedule", "beta", "beta_warmup", "lr", "lr_schedule"):
        assert loaded.get_params()[name] == model.get_params()[name], name
    for change in ({"alpha": 2.0}, {"alpha": "0:1,9:5"}, {"lr": "1e-3:step"}, {"lr": 5e-3}, {}):
        ends = [each.set_params(**change).partial_fit(X).transform(X) for each in (loaded, model)]
        assert_array_equal(*ends)
    assert model.options_.lr_schedule is None and model.history_["lr"].tolist()[:2] == [0.01, pytest.approx(0.0075)]

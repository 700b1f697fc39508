"""The scikit-learn estimator: its conventions, and that it is the command line's training."""

import copy
import inspect
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from minidecomp import DecompositionVAE, load_run, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.engines import ROWS_AT_ONCE, make
from minidecomp.estimator import spare, transformer
from minidecomp.settings.options import DATA, by_name

QUICK = {"epochs": 3, "hidden": (8,)}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(90, 5))


@parametrize_with_checks([DecompositionVAE(epochs=5)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_parameters_are_the_options():
    """By name and by default, those of the command for a file; the data and what a run folder gets apart."""
    parameters = {name: each.default for name, each in inspect.signature(DecompositionVAE).parameters.items()}
    options = {name: option for name, option in by_name().items() if option.group != DATA}
    assert set(options) - set(parameters) == {"log_gradients", "checkpoint_every", "log"}
    assert set(parameters) - set(options) == {
        "scale",
        "channels",
        "validation_fraction",
        "reshape",
        "verbose",
        "callbacks",
    }
    commands = resolve(data="points.npy")
    resolved = DecompositionVAE().fit(np.random.default_rng(0).normal(size=(20, 3))).options_
    for name in set(parameters) - {"reshape", "verbose", "callbacks"}:
        expected = "gaussian" if name == "likelihood" else getattr(commands, name)  # the data are not all 0 or 1
        assert getattr(resolved, name) == expected or name == "engine", name
        assert parameters[name] in (None, getattr(commands, name)), name
    with pytest.raises(TypeError, match="unknown parameter lattent_dim; did you mean latent_dim"):
        DecompositionVAE(lattent_dim=3)


@pytest.mark.parametrize(
    "given",
    [
        {"prior": "mixture", "alpha": 2.0, "regulariser": "kl-inc"},
        {"prior": "sparse", "alpha": 1.0, "latent_dim": 4, "seed": 3, "batch_size": 32},
        {"prior": "gaussian", "prior_variance": "pca", "learn_prior_variance": True, "dtype": "float64"},
        {"prior": "student-t", "df": 5.0, "likelihood": "laplace", "activation": "tanh", "amsgrad": False},
    ],
)
def test_the_command_line_gives_the_same_bits(given, X):
    np.save("points.npy", X)
    flags = []
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        flags += (
            [option] if value is True else [option.replace("--", "--no-")] if value is False else [option, str(value)]
        )
    command = ["train", "--data", "points.npy", "--epochs", "3", "--hidden", "8", *flags, "--quiet", "--no-plots"]
    assert main([*command, "--out", "run"]) == 0
    run = load_run("run")
    train = dataset_from(run.options).train  # nine tenths of the points
    model = DecompositionVAE(**QUICK, **given).fit(train)
    assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)
    assert model.objective_ == run.state.rows[-1]["objective"]


def test_epochs_one_by_one_are_epochs(X):
    whole, parts = DecompositionVAE(epochs=4, hidden=(8,)).fit(X), DecompositionVAE(epochs=4, hidden=(8,))
    for _ in range(4):
        parts.partial_fit(X)
    assert_array_equal(parts.vae_.parameters.vector, whole.vae_.parameters.vector)
    assert parts.n_iter_ == 4
    parts.fit(X)
    assert_array_equal(parts.vae_.parameters.vector, whole.vae_.parameters.vector)


def test_partial_fit_on_other_points(X):
    model = DecompositionVAE(**QUICK).partial_fit(X).partial_fit(X[:11]).partial_fit(X[:1])
    assert model.n_iter_ == 3 and np.isfinite(model.transform(X)).all()
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(X[:, :3])


def test_what_comes_out(X):
    model = DecompositionVAE(**QUICK, latent_dim=3).fit(X)
    loc, scale = model.posterior(X)
    assert loc.shape == scale.shape == (90, 3) and (scale > 0).all() and loc.dtype == np.float64
    assert_array_equal(model.transform(X), loc)
    assert_allclose(model.inverse_transform(loc), model.vae_.reconstruct(X.astype(np.float32)), rtol=1e-5, atol=1e-6)
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    assert model.sample(7, seed=1).shape == (7, 5)
    assert_array_equal(model.sample(7, seed=1), model.sample(7, seed=1))
    assert list(model.get_feature_names_out()) == [f"decompositionvae{i}" for i in range(3)]
    assert model.score(X) == model.score(X)
    with pytest.raises(ValueError, match=r"expected \(N, 3\)"):
        model.inverse_transform(X)


def test_scores_compare(X):
    """More training is better; and a score does not ask what alpha was."""
    short, long = (DecompositionVAE(epochs=n, hidden=(20,)).fit(X) for n in (1, 60))
    assert long.score(X) > short.score(X)


def test_in_a_pipeline_and_a_search(X):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), DecompositionVAE(**QUICK)), {"decompositionvae__alpha": [0.0, 5.0]}, cv=2
    ).fit(X)
    assert search.best_params_["decompositionvae__alpha"] in (0.0, 5.0) and search.transform(X).shape == (90, 2)


def test_set_output(X):
    pandas = pytest.importorskip("pandas")
    frame = DecompositionVAE(**QUICK).set_output(transform="pandas").fit_transform(pandas.DataFrame(X))
    assert list(frame.columns) == ["decompositionvae0", "decompositionvae1"]


def test_pickles(X):
    model = DecompositionVAE(**QUICK).fit(X)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.transform(X), model.transform(X))
    assert_array_equal(again.partial_fit(X).vae_.parameters.vector, model.partial_fit(X).vae_.parameters.vector)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alpha": -1}, "alpha must be 0 or more, not -1"),
        ({"prior": "normall"}, "prior must be gaussian"),
        ({"prior": "gaussian", "df": 3.0}, 'this is for prior="student-t"'),
        ({"likelihood": "bernoulli"}, "this needs data from 0 to 1"),
    ],
)
def test_wrong_parameters(given, message, X):
    with pytest.raises(ValueError, match=message):
        DecompositionVAE(**given).fit(X)


WITHOUT = """
import sys
sys.modules["sklearn"] = None
import numpy as np
from minidecomp import DecompositionVAE
X = np.random.default_rng(0).normal(size=(40, 3))
model = DecompositionVAE(epochs=2).set_params(hidden=(5,))
try:
    model.transform(X)
except ValueError as error:
    print(error)
html = model._repr_html_()
assert html.startswith("<table><caption>DecompositionVAE, not fitted<") and "prior" not in html, html
print(model.fit_transform(X).shape, list(model.get_feature_names_out()))
print(model.get_params()["hidden"], model.score(X) < 0)
print(model, DecompositionVAE())
strange = DecompositionVAE(prior="<script>alert(1)</script>", callbacks=[print], hidden=tuple(range(1000)))
assert "<script" not in strange._repr_html_() and "&lt;script&gt;" in strange._repr_html_()
assert "&lt;built-in function print&gt;" in strange._repr_html_() and len(strange._repr_html_()) < 1000
assert "all as by default" in DecompositionVAE()._repr_html_()
html = model._repr_html_()
assert "DecompositionVAE, fitted" in html and f"{model.objective_:.6g} nats per point" in html, html
assert ">2</td>" in html and "(5,)" in html, html
for wrong in (X[:, :2], X[0], X * np.nan):
    try:
        model.transform(wrong)
    except ValueError as error:
        print(error)
"""


def test_without_scikit_learn():
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "this DecompositionVAE is not fitted yet; call fit first",
        "(40, 2) ['decompositionvae0', 'decompositionvae1']",
        "(5,) True",
        "DecompositionVAE(hidden=(5,), epochs=2) DecompositionVAE()",
        "X has 2 features, the model was fitted with 3",
        "X has shape (3,); expected points in rows",
        "X has NaN or infinity in it",
    ]


def test_it_is_imported_only_when_asked_for():
    code = "import sys, minidecomp; minidecomp.resolve; print('sklearn' in sys.modules, 'scipy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False False\n"


def test_too_few_points_for_the_regulariser(X):
    with pytest.raises(ValueError, match=r'X: 1 training point; .*regulariser="mmd" needs 2'):
        DecompositionVAE(alpha=1.0).fit(X[:1])
    model = DecompositionVAE(alpha=1.0, **QUICK).partial_fit(X)
    with pytest.raises(ValueError, match="X: 1 training point"):
        model.partial_fit(X[:1])
    assert np.isfinite(DecompositionVAE(alpha=0.0, **QUICK).fit(X[:1]).objective_)


def test_parameters_changed_between_partial_fits_count_or_are_refused(X):
    model = DecompositionVAE(**QUICK, seed=3).partial_fit(X)
    same = pickle.loads(pickle.dumps(model)).partial_fit(X)
    for changed in ({"beta": 4.0}, {"alpha": 2.0}, {"lr": 0.01}, {"batch_size": 7}):
        other = pickle.loads(pickle.dumps(model)).set_params(**changed).partial_fit(X)
        assert not np.array_equal(other.vae_.parameters.vector, same.vae_.parameters.vector), changed
        (name, value), *_ = changed.items()
        assert getattr(other.options_, name) == value
    before = model.vae_.parameters.vector.copy()
    for refused in (
        {"latent_dim": 3},
        {"hidden": (9,)},
        {"prior": "mixture"},
        {"dtype": "float64"},
        {"likelihood": "laplace"},
        {"amsgrad": False},
        {"beta": -1.0},
    ):
        changed_model = pickle.loads(pickle.dumps(model)).set_params(**refused)
        with pytest.raises(ValueError, match=r"call fit to begin a new one|beta must be 0 or more"):
            changed_model.partial_fit(X)
        assert_array_equal(changed_model.vae_.parameters.vector, before)
        assert changed_model.n_iter_ == 1
    constant = {"beta": 2.0, "lr": 0.002}
    begun = DecompositionVAE(**QUICK, **constant).partial_fit(X).partial_fit(X)
    assert_array_equal(
        begun.vae_.parameters.vector,
        DecompositionVAE(**QUICK, **constant).set_params(epochs=2).fit(X).vae_.parameters.vector,
    )


@pytest.mark.parametrize("value", [np.float32(2.5), np.float64(2.5), np.array(2.5), 2.5])
def test_half_a_dimension_is_refused(value, X):
    with pytest.raises(ValueError, match=r"latent_dim: expected a whole number"):
        DecompositionVAE(latent_dim=value).fit(X)


@pytest.mark.parametrize("value", [np.float32(2), np.int8(2), np.array(2)])
def test_whole_numbers_of_any_type_are_taken(value, X):
    assert DecompositionVAE(**QUICK, latent_dim=value).fit(X).options_.latent_dim == 2


def test_what_cannot_be_decoded_or_sampled_is_refused():
    model = DecompositionVAE(hidden=(4,), epochs=1).fit(np.random.default_rng(0).normal(size=(20, 3)))
    for Z in ([[np.nan, 0]], [[np.inf, 0]], [[1e300, 0]]):
        with pytest.raises(ValueError, match=r"Z: x of row 0 .* is not finite"):
            model.inverse_transform(np.array(Z))
    for count in ("x", 2.5, True, -1, 0, None):
        with pytest.raises(ValueError, match=r"n_samples.* a whole number from 1 to"):
            model.sample(count)
    for seed in (-1, 2**64, None, "x"):
        with pytest.raises(ValueError, match=r"^seed( must be|: expected) a whole number from 0 to"):
            model.sample(2, seed)


# ---- frames and images ----


def frame_of(kind, columns):
    """A DataFrame of pandas or polars."""
    return pytest.importorskip(kind).DataFrame(columns)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_is_a_table(kind, X):
    columns = {name: X[:, i] for i, name in enumerate("abcde")}
    model = DecompositionVAE(**QUICK).fit(frame_of(kind, columns))
    assert_array_equal(model.vae_.parameters.vector, DecompositionVAE(**QUICK).fit(X).vae_.parameters.vector)
    assert model.rules_.names == tuple("abcde") and list(model.feature_names_in_) == list("abcde")
    assert_array_equal(model.transform(frame_of(kind, columns)), model.posterior(frame_of(kind, columns))[0])
    with pytest.raises(ValueError, match=r"feature names|order"):
        model.transform(frame_of(kind, dict(reversed(columns.items()))))
    with pytest.raises(ValueError, match="column b: expected a number, got 'x'; give only columns of numbers"):
        model.fit(frame_of(kind, columns | {"b": ["x"] * len(X)}))
    gap = np.where(np.arange(len(X)) == 3, np.nan, X[:, 1])
    with pytest.raises(ValueError, match=r"1 cell is missing, the first in row 3 .*leave out the 1 row with one"):
        model.fit(frame_of(kind, columns | {"b": gap}))


def test_a_frame_keeps_a_column_that_counts_and_has_no_bytes(X):
    whole = np.arange(90) % 200
    frame = frame_of("pandas", {"n": np.arange(90) / 100, "pixel": whole.astype(np.uint8)})
    with pytest.warns(UserWarning, match="look like bytes but are not uint8") if whole.max() >= 100 else pytest.warns():
        model = DecompositionVAE(**QUICK).fit(frame)
    assert model.n_features_in_ == 2 and model.rules_.scale == "none"
    counting = frame_of("pandas", {"n": np.arange(90), "x": X[:, 0]})
    assert DecompositionVAE(scale="standardise", **QUICK).fit(counting).n_features_in_ == 2
    assert DecompositionVAE(**QUICK).fit(frame_of("pandas", X)).rules_.names == ()


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3), (3, 6, 5), (1, 6, 5), (6, 5, 1)])
@pytest.mark.parametrize("given", [{}, {"scale": "standardise"}])
def test_images(shape, given):
    X = np.random.default_rng(0).integers(0, 256, (40, *shape)).astype(np.uint8)
    np.save("images.npy", X)
    model = DecompositionVAE(**QUICK, reshape=True, **given)
    flags = [f"--{name}={value}" for name, value in given.items()]
    command = ["train", "--data", "images.npy", "--epochs", "3", "--hidden", "8", "--test-fraction", "0.3"]
    assert main([*command, *flags, "--quiet", "--no-plots", "--out", "run"]) == 0
    run = load_run("run")
    # The training points in their order, in the shape of X.
    order = [train.tobytes() for train in dataset_from(run.options.replace(scale="none")).train]
    last = np.moveaxis(X, 1, -1) if shape[0] == 3 else X
    place = {each.ravel().astype(float).tobytes(): row for row, each in enumerate(last)}
    model.fit(X[[place[each] for each in order]])
    assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)
    Z = model.transform(X)
    assert model.inverse_transform(Z).shape == X.shape and model.sample(2).shape == (2, *shape)
    flat = DecompositionVAE(**QUICK, **given).fit(last.reshape(40, -1))
    if not given:  # pixels share one scale, columns do not
        assert_array_equal(
            DecompositionVAE(**QUICK, reshape=True).fit(X).transform(X), flat.transform(last.reshape(40, -1))
        )
    with pytest.raises(ValueError, match=r"reshape=True\) takes images, and X.reshape\(len\(X\), -1\)"):
        flat.transform(X)
    with pytest.raises(ValueError, match="shape"):
        model.transform(X[:, :-1] if shape[0] != 1 else X[:, :, :-1])
    # A point may come flat, too.
    assert_array_equal(model.transform(last.reshape(40, -1)), Z)


def test_lines_are_of_the_estimators_parameters():
    far = np.random.default_rng(0).normal(0, 300, (40, 3))
    with pytest.warns(UserWarning, match='scale="standardise" brings'):
        DecompositionVAE(**QUICK).fit(far)
    X = np.random.default_rng(0).integers(0, 256, (40, 3, 5, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match='say channels="first" or channels="last"'):
        DecompositionVAE(**QUICK, reshape=True).fit(X)
    model = DecompositionVAE(**QUICK, reshape=True, channels="first").fit(X)
    assert model.image_shape_ == (5, 3, 3) and model.sample(2).shape == (2, 3, 5, 3)
    assert model.transform(X).shape == (40, 2)
    with pytest.raises(ValueError, match="shape"):
        model.fit(X[:, :2])
    assert model.sample(2).shape == (2, 3, 5, 3), "a fit that fails leaves the model as it was"


def test_frames_of_other_kinds(X):
    frame = frame_of("pandas", {name: X[:, i] for i, name in enumerate("abcde")})
    expected = DecompositionVAE(**QUICK).fit(X).vae_.parameters.vector
    pyarrow = pytest.importorskip("pyarrow")
    table = DecompositionVAE(**QUICK).fit(pyarrow.Table.from_pandas(frame))
    assert_array_equal(table.vae_.parameters.vector, expected)
    polars = pytest.importorskip("polars")
    for bad, line in (
        (polars.DataFrame(frame.to_dict("list")).lazy(), r"use X.collect\(\)"),
        (frame.set_axis(list("aacde"), axis=1), "two columns named a"),
        (frame[[]], "without columns"),
        (polars.DataFrame({"a": X.tolist()}), "expected a number"),
    ):
        with pytest.raises(ValueError, match=line):
            DecompositionVAE(**QUICK).fit(bad)
    with pytest.warns(UserWarning, match="2 cells are -9999, far from all others"):
        DecompositionVAE(scale="unit", **QUICK).fit(frame.assign(a=np.where(np.arange(90) < 2, -9999, X[:, 0])))
    with pytest.warns(UserWarning, match="the column user_id is trained on as all others are"):
        DecompositionVAE(**QUICK).fit(frame.assign(user_id=np.arange(90) % 7))


def test_scores_of_all_scales_are_in_the_units_of_x():
    X = np.random.default_rng(0).integers(0, 256, (60, 4))
    X[0], X[1] = 0, 255
    options = {**QUICK, "likelihood": "gaussian"}
    by_bytes, by_unit = (DecompositionVAE(scale=scale, **options).fit(X) for scale in ("bytes", "unit"))
    assert_allclose(by_bytes.vae_.parameters.vector, by_unit.vae_.parameters.vector, atol=1e-6)
    assert by_bytes.score(X) == pytest.approx(by_unit.score(X), rel=1e-5)


def test_points_far_from_zero_keep_their_digits():
    X = 1.7e9 + np.random.default_rng(0).normal(0, 10, (60, 3))
    model = DecompositionVAE(scale="standardise", **QUICK).fit(X)
    Z = model.transform(X).astype(np.float32)
    assert np.ptp(model.inverse_transform(Z) % 1) > 0.1 and model.inverse_transform(Z).dtype == np.float64


# ---- set_params, then partial_fit ----


@pytest.mark.parametrize(
    "changed",
    [
        {"alpha": 3.0},
        {"beta": 0.2},
        {"lr": 0.02},
        {"alpha": "0:0,4:8"},
        {"beta_warmup": 5},
        {"beta_schedule": "0:1,5:3"},
        {"lr_schedule": "step"},
        {"lr": "1e-2:cosine"},
    ],
)
def test_what_set_params_changes_counts_as_if_it_had_been_so(changed, X):
    """Two epochs with other values, then an epoch: the third epoch of a schedule that has these from then on."""
    options = {"epochs": 4, "hidden": (8,), "prior": "mixture", "alpha": 1.0, "seed": 2}
    model = DecompositionVAE(**options).partial_fit(X).partial_fit(X)
    state, same = pickle.loads(pickle.dumps(model._state)), pickle.loads(pickle.dumps(model)).partial_fit(X)
    model.set_params(**changed).partial_fit(X)
    assert not np.array_equal(model.vae_.parameters.vector, same.vae_.parameters.vector)
    whole = resolve(data="file", **{**options, "likelihood": "gaussian", "engine": "cpu"} | changed)
    points = model._dataset(model._taken(X), None)
    trainer = training.go_on_in_memory(whole, points, model.rules_, state)
    trainer.until = 3
    training.train(trainer)
    assert_array_equal(model.vae_.parameters.vector, trainer.state.vae.parameters.vector)
    for name in ("alpha", "beta", "lr", "alpha_schedule", "beta_schedule", "lr_schedule", "beta_warmup"):
        assert getattr(model.options_, name) == getattr(whole, name)


@pytest.mark.parametrize(
    "changed",
    [
        {"latent_dim": 3},
        {"hidden": (9,)},
        {"decoder_hidden": (9, 9)},
        {"prior": "student-t"},
        {"df": 4.5},
        {"likelihood": "laplace"},
        {"activation": "tanh"},
        {"scale_link": "exp"},
        {"dtype": "float64"},
        {"amsgrad": False},
        {"prior_variance_scale": 2.0},
        {"learn_prior_variance": True},
        {"scale": "standardise"},
    ],
)
@pytest.mark.parametrize("loaded", [False, True])
def test_a_change_of_the_model_is_refused_by_name(changed, loaded, X):
    prior = "student-t" if "df" in changed else "gaussian"
    model = DecompositionVAE(**QUICK, prior=prior).partial_fit(X)
    if loaded:
        model.save("run")
        model = DecompositionVAE.load("run")
    (name,) = changed
    before = model.vae_.parameters.vector.copy()
    with pytest.raises(
        ValueError,
        match=rf"^{name}=.* partial_fit goes on with a model that was made with .*; call fit to begin a new one",
    ):
        model.set_params(**changed).partial_fit(X)
    assert_array_equal(model.vae_.parameters.vector, before)


# ---- verbose, callbacks, history_ ----


def test_history_is_the_metrics_and_goes_on(X):
    model = DecompositionVAE(**QUICK).fit(X)
    assert {"epoch", "log_likelihood", "kl", "regulariser", "objective", "seconds"} <= set(model.history_)
    assert model.history_["epoch"].tolist() == [1, 2, 3] and model.history_["objective"][-1] == model.objective_
    model.partial_fit(X)
    assert model.history_["epoch"].tolist() == [1, 2, 3, 4] and model.n_iter_ == 4
    assert model.fit(X).history_["epoch"].tolist() == [1, 2, 3]


def test_callbacks_see_each_epoch_and_can_end_training(X):
    seen = []

    def look(trainer):
        seen.append((trainer.state.epoch, trainer.state.rows[-1]["objective"]))
        return len(seen) == 2

    model = DecompositionVAE(hidden=(8,), epochs=50, callbacks=[look]).fit(X)
    assert [epoch for epoch, _ in seen] == [1, 2] == model.history_["epoch"].tolist()
    assert [objective for _, objective in seen] == model.history_["objective"].tolist()
    assert_array_equal(
        model.vae_.parameters.vector, DecompositionVAE(hidden=(8,), epochs=2).fit(X).vae_.parameters.vector
    )
    model.partial_fit(X)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"verbose": 2}, "verbose must be 0 or 1, not 2"),
        ({"verbose": "yes"}, "verbose must be 0 or 1, not 'yes'"),
        ({"verbose": 1.0}, "verbose must be 0 or 1, not 1.0"),
        ({"callbacks": print}, "callbacks: expected a list of functions"),
        ({"callbacks": [print, 3]}, "callbacks: expected a list of functions"),
    ],
)
def test_wrong_parameters_of_python(given, message, X):
    begun = DecompositionVAE(**QUICK).partial_fit(X).set_params(**given)
    for train in (DecompositionVAE(**QUICK, **given).fit, begun.partial_fit):
        with pytest.raises(ValueError, match=message):
            train(X)
    assert begun.n_iter_ == 1


def test_parameters_of_python_are_parameters(X):
    calls = [print]
    model = DecompositionVAE(verbose=True, callbacks=calls)
    copied = clone(model)
    assert copied.get_params()["verbose"] is True and copied.get_params()["callbacks"] == calls
    assert model.set_params(callbacks=None, verbose=0).callbacks is None
    again = pickle.loads(pickle.dumps(model.set_params(callbacks=calls, **QUICK)))
    assert again.callbacks == calls
    assert model.set_params(callbacks=None).fit(X).n_iter_ == 3


def test_verbose_writes_lines_where_there_is_no_terminal(X, capsys):
    model = DecompositionVAE(**QUICK, verbose=1).fit(X)
    written = capsys.readouterr()
    assert written.out == "" and written.err.splitlines()[-1].startswith("epoch 3/3  log p -")
    assert len(written.err.splitlines()) == 1
    model.partial_fit(X)
    assert capsys.readouterr().err.startswith("epoch 4/4  log p -")
    DecompositionVAE(**QUICK).fit(X)
    assert capsys.readouterr().err == ""


def test_scikit_learn_draws_its_own_diagram(X):
    assert "sk-" in DecompositionVAE(**QUICK).fit(X)._repr_html_()


def test_a_schedule_alone_is_enough(X):
    model = DecompositionVAE(**QUICK, beta_schedule="0:0,2:4").fit(X)
    assert model.options_.beta == 4 and model.options_.beta_schedule == "0:0,2:4"
    assert_array_equal(
        model.vae_.parameters.vector, DecompositionVAE(**QUICK, beta="0:0,2:4").fit(X).vae_.parameters.vector
    )
    with pytest.raises(ValueError, match=r"beta_schedule=.*beta is 2"):
        model.set_params(beta=2.0).partial_fit(X)


def test_a_call_makes_room_for_no_more_rows_than_it_has(X, monkeypatch):
    rooms, model = [], DecompositionVAE(**QUICK, batch_size=40).fit(X)

    def noted(*arguments, max_rows, **more):
        rooms.append(max_rows)
        return make(*arguments, max_rows=max_rows, **more)

    monkeypatch.setattr(transformer, "make", noted)
    for rows in (1, 3, 1):
        model.transform(X[:rows])
    model.posterior(np.tile(X, (10, 1)))
    model.score(X[:3])
    model.score(X)
    assert rooms == [spare.ROWS, ROWS_AT_ONCE, 3, 40]
    pickle.loads(pickle.dumps(model)).transform(X[:1])
    copy.deepcopy(model).transform(X[:1])
    assert rooms[4:] == [spare.ROWS, spare.ROWS]


def test_an_engine_that_waits_has_the_present_model(X):
    model, other = DecompositionVAE(**QUICK).fit(X), DecompositionVAE(**QUICK, seed=3).fit(X)
    before = model.transform(X[:1])
    model.vae_.parameters.vector[...] *= 1.5
    moved = model.transform(X[:1])
    assert not np.array_equal(moved, before)
    assert_array_equal(moved, model.transform(X)[:1])
    model.vae_ = other.vae_
    assert_array_equal(model.transform(X[:1]), other.transform(X)[:1])
    model.fit(X)
    assert_array_equal(model.transform(X[:1]), before)


def test_threads_do_not_share_the_engine_that_waits(X):
    model, found = DecompositionVAE(**QUICK).fit(X), []
    expected = model.transform(X)

    def ask(row):
        found.extend(np.array_equal(model.transform(X[row : row + 1]), expected[row : row + 1]) for _ in range(100))

    threads = [threading.Thread(target=ask, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400 and all(found)


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(70, 40), ()])
def test_a_points_codes_do_not_depend_on_the_other_points(engine, dtype, hidden):
    """To the bit: for a BLAS, for more than a panel of inputs, for few outputs, and beyond the rows at once."""
    X = np.random.default_rng(0).random((600, 300))
    model = DecompositionVAE(engine=engine, dtype=dtype, hidden=hidden, epochs=1).fit(X[:90])
    loc, scale = model.posterior(X)
    for rows in (slice(0, 1), slice(599, 600), slice(3, 5), slice(10, 17), slice(100, 140), slice(1, 598)):
        one, other = model.posterior(X[rows])
        assert_array_equal(one, loc[rows])
        assert_array_equal(other, scale[rows])
    assert_allclose(loc, model.vae_.encode(X.astype(dtype))[0], rtol=1e-3, atol=1e-4)


def test_a_later_call_sees_what_partial_fit_has_changed(X):
    model = DecompositionVAE(**QUICK).fit(X)
    before = model.transform(X[:1])
    after = model.partial_fit(X).transform(X[:1])
    assert (after != before).any()
    assert_allclose(after, model.vae_.encode(X[:1].astype(model.vae_.dtype))[0], rtol=1e-4, atol=1e-5)

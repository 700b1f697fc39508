"""The rules of a model's data: an array has one meaning, whatever its dtype, its company, and the face it meets."""

import os
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import DecompositionVAE, load_run, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import arrays, dataset_from
from minidecomp.data.dataset import Dataset, Grid
from minidecomp.data.points import Bits, as_numbers
from minidecomp.data.rules import BYTES, NUMBERS, UNKNOWN, DataRules, learn, new_data
from minidecomp.errors import DataError, OptionError, RunError
from minidecomp.model.from_options import fit_likelihood

INTEGERS = ("uint8", "int16", "uint16", "int32", ">i4", "uint32", "int64", "uint64")
SMALL = ["--epochs", "2", "--hidden", "5", "--threads", "1", "--no-plots", "-q"]

byte_rows = arrays_of.arrays(np.uint8, st.tuples(st.integers(1, 6), st.just(3)))


def points_of(values):
    """The points that an array gives a new model."""
    new = new_data(values, "x")
    return new.points(new.rows, new.scaled(new.rows))


def rules(unit=BYTES, low=-1e15, high=1e15, dtype="float32", image_shape=None, width=3):
    return DataRules(width, unit, low, high, dtype, image_shape)


def numbers(taken):
    """What an engine makes of the points."""
    return as_numbers(taken.points, np.float64)


# ---- what a model of bytes takes ----


@given(rows=byte_rows, dtype=st.sampled_from(INTEGERS))
def test_integers_of_any_dtype_mean_the_same_bytes(rows, dtype):
    taken = rules().take(rows.astype(dtype), "x")
    assert taken.points.dtype == np.uint8 and taken.note == ""
    assert_array_equal(taken.points, rows)


@given(rows=byte_rows, company=byte_rows, dtype=st.sampled_from(INTEGERS))
def test_what_an_integer_means_does_not_depend_on_its_company(rows, company, dtype):
    alone = rules().take(rows.astype(dtype), "x").points
    together = rules().take(np.concatenate([rows, company]).astype(dtype), "x").points
    assert_array_equal(alone, together[: len(rows)])


@given(rows=byte_rows.filter(lambda rows: rows.max() > 1), dtype=st.sampled_from(("float16", "float32", "float64")))
def test_whole_floats_mean_the_same_bytes(rows, dtype):
    taken = rules().take(rows.astype(dtype), "x")
    assert_array_equal(taken.points, rows)
    assert taken.points.dtype == np.uint8 and taken.note == ""


@given(rows=byte_rows.filter(lambda rows: ((rows > 0) & (rows < 255)).any()), dtype=st.sampled_from(("f4", "f8")))
def test_floats_that_were_divided_mean_the_same_but_for_rounding(rows, dtype):
    taken = rules().take(rows.astype(dtype) / 255, "x")
    assert taken.points.dtype == np.float32
    assert_allclose(numbers(taken), rows / 255, rtol=1e-6)
    assert "assumed to be divided by 255 already" in taken.note


def test_floats_that_are_all_zero_or_one_are_a_divided_picture():
    taken = rules().take(np.array([[0.0, 1.0, 1.0]]), "x")
    assert numbers(taken).tolist() == [[0, 1, 1]]
    assert taken.note.startswith("x: floats that are all 0 or 1 are assumed to be divided by 255 already")
    assert rules().take(np.zeros((2, 3)), "x").note == "", "nothing is nothing in either unit"


def test_booleans_are_the_numbers_0_and_1():
    taken = rules().take(np.array([[True, False, True]]), "x")
    assert taken.points.tolist() == [[1, 0, 1]] and "true and false count as the bytes 1 and 0" in taken.note
    taken = rules(NUMBERS).take(np.array([[True, False, True]]), "x")
    assert taken.points.tolist() == [[1, 0, 1]] and taken.points.dtype == np.float32 and taken.note == ""


@pytest.mark.parametrize(
    ("values", "came"),
    [
        ([[0, 256, 3]], "x has 0 to 256"),
        ([[-1, 2, 3]], "x has -1 to 3"),
        ([[0.5, 2.0, 3.0]], "x has 0.5 to 3, not all whole"),
        ([[-0.5, 0.5, 0.5]], "x has -0.5 to 0.5"),
        ([[0.0, 1e300, 1.0]], "x has 0 to 1e+300"),
    ],
)
def test_anything_else_is_refused(values, came):
    with pytest.raises(DataError) as caught:
        rules().take(np.array(values), "x")
    expected = "whole numbers from 0 to 255, or numbers from 0 to 1 that were divided by 255"
    assert str(caught.value) == f"a model trained on bytes takes {expected}; {came}"


# ---- what a model of numbers takes ----


@given(rows=byte_rows, dtype=st.sampled_from(INTEGERS))
def test_to_a_model_of_numbers_a_number_is_itself(rows, dtype):
    taken = rules(NUMBERS).take(rows.astype(dtype), "x")
    assert_array_equal(numbers(taken), rows)
    assert ("not divided by 255" in taken.note) == (dtype == "uint8" and rows.max() > 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 4)), "the model takes points of 3 numbers; x has 4"),
        (np.zeros(3), "the model takes points of 3 numbers; x has 1"),
        (np.zeros((2, 1, 3)), "the model takes images of 3 x 1 pixels; x has 1 x 3"),
        (np.zeros((0, 3)), "x: is empty, of shape (0, 3); expected points"),
        (np.array([["a"] * 3]), "x: has dtype <U1; allowed are bool, integer and real numbers"),
        (np.array([[0, 1, np.nan]]), "x: expected finite numbers, got nan in row 0, column 2 (counted from 0)"),
        (np.array([[0, 1, -np.inf]]), "x: expected finite numbers, got -inf in row 0, column 2"),
        (np.array([[0, 1, 2e15]]), "the model takes numbers from -1e+15 to 1e+15; x has 0 to 2e+15"),
        (np.array([[-2e15, 1, 0]]), "the model takes numbers from -1e+15 to 1e+15; x has -2e+15 to 1"),
        (np.array([[np.longdouble("1e400"), 0, 0]]), "x: numbers must be smaller than 1e308"),
        (Bits(np.zeros((2, 1), np.uint8)), "the model takes points of 3 numbers; x has 8"),
    ],
)
def test_what_no_model_takes(values, message):
    with pytest.raises(DataError) as caught:
        rules(NUMBERS, image_shape=(3, 1)).take(values, "x")
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_the_range_of_the_likelihood():
    with pytest.raises(DataError, match=r"the model takes numbers from 0 to 1; x has 0 to 1\.5"):
        rules(NUMBERS, low=0, high=1).take([[0, 1, 1.5]], "x")
    assert rules(NUMBERS, low=0, high=1).take([[0, 1, 0.5]], "x").points.tolist() == [[0, 1, 0.5]]


def test_bits_stay_bits():
    bits = Bits(np.array([[7], [9]], np.uint8))
    taken = rules(NUMBERS, width=8).take(bits, "x")
    assert taken.points is bits and taken.note == ""


# ---- learning them ----


def test_what_is_learned():
    images = Dataset("x", np.array([[0, 200]], np.uint8), np.array([[1, 0]], np.uint8), image_shape=(1, 2))
    assert learn(images, "gaussian", "float64") == DataRules(2, BYTES, -1e6, 1e6, "float64", (1, 2))
    assert learn(images, "bernoulli", "float32") == DataRules(2, BYTES, 0, 1, "float32", (1, 2))
    plain = Dataset("x", np.array([[0.0, 2.0]]), np.array([[-1.0, 0.0]]))
    assert learn(plain, "laplace", "float32") == DataRules(2, NUMBERS, -1e6, 1e6, "float32")
    with pytest.raises(OptionError, match="this needs data from 0 to 1; x has -1 to 2"):
        learn(plain, "bernoulli", "float32")


def test_all_parts_of_a_data_set_are_checked():
    whole = np.array([[0.0, 2.0]])
    with pytest.raises(DataError, match="the model takes numbers; the test data of x are bytes"):
        learn(Dataset("x", whole, np.array([[0, 2]], np.uint8)), "gaussian", "float32")
    with pytest.raises(DataError, match=r"x has 0 to 1e\+20; beyond 1,000,000 no model learns anything"):
        learn(Dataset("x", whole, whole * 5e19), "gaussian", "float32")
    grid = Grid(("a",), (np.zeros(1),), np.zeros((1, 3)))
    with pytest.raises(DataError, match="the model takes points of 2 numbers; x has 3"):
        learn(Dataset("x", whole, whole, grid=grid), "gaussian", "float32")


@pytest.mark.parametrize("unit", [BYTES, NUMBERS])
@pytest.mark.parametrize("image_shape", [None, (3, 1)])
def test_they_come_back_from_a_checkpoint(unit, image_shape):
    kept = rules(unit, 0, 1, image_shape=image_shape)
    arrays = {name: np.asarray(value) for name, value in kept.arrays().items()}
    assert DataRules.from_arrays(arrays, 3, "gaussian", "float32") == kept


@pytest.mark.parametrize(
    "damage",
    [
        {"data_unit": "miles"},
        {"data_range": np.zeros(3)},
        {"data_range": np.array([1.0, 0.0])},
        {"data_range": np.array([np.nan, 1.0])},
        {"data_image_shape": np.array([2, 2])},
        {"data_image_shape": np.array([3])},
    ],
)
def test_damaged_ones_do_not(damage):
    arrays = {name: np.asarray(value) for name, value in (rules().arrays() | damage).items()}
    with pytest.raises(ValueError, match="data_"):
        DataRules.from_arrays(arrays, 3, "gaussian", "float32")


# ---- a checkpoint that does not know ----


def test_an_old_checkpoint_goes_by_the_old_rule_and_says_so():
    old = DataRules.from_arrays({}, 3, "bernoulli", "float32")
    assert (old.unit, old.low, old.high) == (UNKNOWN, 0, 1)
    taken = old.take(np.array([[0, 1, 200]], np.uint8), "x")
    assert taken.points.dtype == np.uint8 and "suggests that the values are bytes" in taken.note
    taken = old.take(np.array([[0, 1, 1]], np.uint8), "x")
    assert taken.points.dtype == np.float32 and "suggests that the values are plain numbers" in taken.note
    assert old.take(np.array([[0, 0.5, 1]]), "x").note == ""
    with pytest.raises(DataError, match="from 0 to 1; x has 0 to 200"):
        old.take([[0, 1, 200]], "x")


def test_the_data_settle_what_an_old_checkpoint_does_not_know():
    images = Dataset("x", np.array([[0, 200]], np.uint8), np.array([[1, 0]], np.uint8), image_shape=(1, 2))
    old = DataRules.from_arrays({}, 2, "gaussian", "float32").settled(images)
    assert old == replace(learn(images, "gaussian", "float32"), low=-1e15, high=1e15)
    assert old.settled(Dataset("y", np.zeros((1, 2)), np.zeros((1, 2)))) is old


# ---- face to face ----


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run on bytes, and what it was trained on."""
    folder = tmp_path_factory.mktemp("bytes")
    images = np.random.default_rng(0).integers(0, 256, (40, 2, 3), dtype=np.uint8)
    images[0] = [[0, 1, 1], [1, 0, 1]]  # a dim one
    np.save(folder / "images.npy", images)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "--data", "images.npy", "-o", "run", *SMALL]) == 0
    return folder


@pytest.fixture
def here(trained, monkeypatch, tmp_path):
    """A copy of it to spoil."""
    import shutil

    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def encoded(name, values):
    """The codes by ``minidecomp encode``."""
    np.save(f"{name}.npy", values)
    assert main(["encode", "run", f"{name}.npy", "--out", f"{name}-codes.npz"]) == 0
    with np.load(f"{name}-codes.npz") as codes:
        return codes["loc"]


def an_estimator(train):
    return DecompositionVAE(prior="gaussian", epochs=2, hidden=(5,), threads=1).fit(train)


def test_every_face_gives_the_same_bytes_the_same_codes(here, capsys):
    run = load_run("run")
    assert run.rules == DataRules(6, BYTES, -1e6, 1e6, "float32", (2, 3))
    images = np.load("images.npy")
    model = an_estimator(dataset_from(run.options).train)
    assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)
    assert model.rules_.unit == BYTES
    expected = run.encode(images)[0]
    assert np.abs(expected).max() < 10
    for number, dtype in enumerate(("uint8", "int32", "uint16", "float32", "float64")):
        given = images.astype(dtype)
        assert_array_equal(run.encode(given)[0], expected)
        assert_allclose(encoded(f"points{number}", given), expected, rtol=1e-5, atol=1e-6)
        assert_allclose(model.transform(given.reshape(40, 6)), expected, rtol=1e-5, atol=1e-6)
        assert model.score(given.reshape(40, 6)) == model.score(images.reshape(40, 6))
    assert capsys.readouterr().err == ""


def test_a_dim_image_is_encoded_as_in_company(here):
    images = np.load("images.npy")
    together = encoded("all", images)
    assert_allclose(encoded("dim", images[:1]), together[:1], rtol=1e-5, atol=1e-6)
    model, rows = an_estimator(images.reshape(40, 6)), images.reshape(40, 6)
    assert_array_equal(model.transform(rows[:1]), model.transform(rows)[:1])


def test_divided_already_is_said_on_stderr_and_warned_of(here, capsys):
    images = np.load("images.npy")
    assert_allclose(encoded("divided", images / 255), load_run("run").encode(images)[0], rtol=1e-4, atol=1e-5)
    assert capsys.readouterr().err == (
        "divided.npy: numbers from 0 to 1 that are not all whole are assumed to be divided by 255 already\n"
    )
    model, rows = an_estimator(images.reshape(40, 6)), images.reshape(40, 6)
    for method in (model.transform, model.score, model.partial_fit):
        with pytest.warns(UserWarning, match="X: numbers from 0 to 1 .* divided by 255 already"):
            method(rows / 255)
    with pytest.warns(UserWarning, match="X: numbers from 0 to 1"):
        load_run("run").encode(images / 255)


@pytest.mark.parametrize(("value", "came"), [(1e20, "0 to 1e+20"), (256, "0 to 256"), (-1, "-1 to 0")])
def test_what_the_model_does_not_take_is_refused_by_every_face(value, came, here, capsys):
    X = np.zeros((2, 6))
    X[1, 1] = value
    np.save("wrong.npy", X)
    assert main(["encode", "run", "wrong.npy"]) == 2
    line = capsys.readouterr().err
    assert line.endswith(f"wrong.npy has {came}\n") and line.count("\n") == 1
    model = an_estimator(np.load("images.npy").reshape(40, 6))
    for method in (model.transform, model.posterior, model.score, model.partial_fit, load_run("run").encode):
        with pytest.raises(ValueError, match="a model trained on bytes takes whole numbers"):
            method(X)


def test_numbers_beyond_trains_limit_have_no_codes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--data", "pinwheel", "-o", "run", *SMALL]) == 0
    np.save("huge.npy", np.full((2, 2), 1e20))
    assert main(["encode", "run", "huge.npy"]) == 2
    message = "the model takes numbers from -1e+06 to 1e+06; huge.npy has 1e+20 to 1e+20\n"
    assert capsys.readouterr().err.endswith(message)
    assert not os.path.exists("run/encodings-huge.npz")
    X = np.random.default_rng(0).normal(size=(20, 3))
    model = DecompositionVAE(epochs=1).fit(X)
    for method in (model.transform, model.score, model.partial_fit, DecompositionVAE(epochs=1).fit):
        with pytest.raises(ValueError, match=r"X has 1e\+20 to 1e\+20"):
            method(np.full((2, 3), 1e20))


def test_the_estimators_bernoulli_keeps_to_its_range():
    X = (np.random.default_rng(0).random((20, 3)) < 0.5).astype(float)
    model = DecompositionVAE(epochs=1).fit(X)
    assert model.options_.likelihood == "bernoulli"
    for method in (model.transform, model.score, model.partial_fit):
        with pytest.raises(ValueError, match="the model takes numbers from 0 to 1; X has 0 to 3"):
            method(X * 3)


def test_the_estimator_divides_bytes():
    X = np.random.default_rng(0).integers(0, 256, (30, 4), dtype=np.uint8)
    model = DecompositionVAE(prior="gaussian", epochs=2).fit(X)
    options = resolve(data="array", prior="gaussian", epochs=2)
    trainer = training.start_in_memory(options, Dataset("x", X, X))
    training.train(trainer)
    assert_array_equal(model.vae_.parameters.vector, trainer.state.vae.parameters.vector)
    assert abs(model.objective_) < 100
    assert model.inverse_transform(model.transform(X)).max() < 10, "in the model's units, not in bytes"
    loc, scale = model.posterior(X)
    assert loc.dtype == scale.dtype == np.float64
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X.astype(np.int32)).transform(X.astype(np.float32))


# ---- the digest, and the checkpoint's own rules ----

FACES = ("evaluate", "reconstruct", "traverse", "sample", "plot", "report", "gradients")


@pytest.mark.parametrize("part", ["train", "test"])
def test_changed_rows_are_refused_by_every_face(part, here, capsys):
    run, images = load_run("run"), np.load("images.npy")
    dataset = dataset_from(run.options)
    row = getattr(dataset, part)[0]
    at = int(np.flatnonzero((images.reshape(40, 6) == row).all(1))[0])
    images[at, 0, 0] ^= 1
    np.save("images.npy", images)
    message = "images.npy is not the data" if part == "train" else "the test points of images.npy are not those"
    commands = [[face, "run", "--data", "images.npy"] for face in FACES]
    commands.append(["train", "--resume", "run", "--data", "images.npy", "--epochs", "3"])
    for command in commands:
        assert main(command) == 2, command
        assert message in capsys.readouterr().err, command


def forget(*names):
    """As an older minidecomp wrote the checkpoint."""
    with np.load("run/checkpoint.npz") as file:
        kept = {name: file[name] for name in file.files if name not in names}
    np.savez("run/checkpoint.npz", **kept)


RULES = ("data_unit", "data_range", "data_image_shape", "test_data_sha256")


def test_an_old_checkpoint_is_read_used_and_gone_on_with(here, capsys):
    images, known = np.load("images.npy"), load_run("run")
    forget(*RULES)
    old = load_run("run")
    assert old.rules.unit == UNKNOWN and old.digests.test == "" and old.digests.train == known.digests.train
    loc = encoded("again", images)
    assert "suggests that the values are bytes" in capsys.readouterr().err
    assert_allclose(loc, known.encode(images)[0], rtol=1e-5, atol=1e-6)
    with pytest.warns(UserWarning, match="their type suggests"):
        old.encode(images)
    assert main(["evaluate", "run", "-q", "--metrics", "none"]) == 0
    err = capsys.readouterr().err
    assert "without a record of the test points" in err and err.count("\n") == 1, "the data settle the rest"
    assert main(["train", "--resume", "run", "--epochs", "3", "--no-plots", "-q"]) == 0
    assert "without a record of the test points" in capsys.readouterr().err
    assert load_run("run").rules == replace(known.rules, low=-1e15, high=1e15), "the range that it was trained under"
    assert load_run("run").digests == known.digests


def test_damaged_rules_are_a_damaged_checkpoint(here):
    with np.load("run/checkpoint.npz") as file:
        content = dict(file) | {"data_unit": "miles"}
    np.savez("run/checkpoint.npz", **content)
    with pytest.raises(RunError, match=r"checkpoint\.npz: damaged: data_unit is 'miles'"):
        load_run("run")


def test_a_file_and_an_array_are_read_by_one_rule(tmp_path):
    for values in (np.arange(20, dtype=np.uint8).reshape(10, 2), np.arange(20, dtype=np.uint8).reshape(10, 2) % 2):
        np.save(tmp_path / "x.npy", values)
        loaded, points = arrays.load(tmp_path / "x.npy"), points_of(values)
        assert loaded.train.dtype == points.dtype
        assert_array_equal(np.sort(np.concatenate([loaded.train, loaded.test]), axis=None), np.sort(points, axis=None))


def test_the_likelihood_is_chosen_by_all_points():
    """Training and test points alike: one 7 among zeros and ones, wherever the split puts it."""
    values = np.zeros((40, 3))
    values[::2] = 1
    values[7, 1] = 7.0
    np.save("ones.npy", values)
    for seed in range(12):
        chosen = resolve(data="ones.npy", data_seed=seed)
        assert fit_likelihood(chosen, dataset_from(chosen)).likelihood == "gaussian"


def test_a_named_set_of_another_folder_is_refused(capsys):
    """Whatever data a run is evaluated on are compared with its own, those of named sets too."""
    assert main(["train", "--prior", "mixture", "-e", "1", "--out", "r", "-q", "--no-plots"]) == 0
    with np.load("r/checkpoint.npz") as file:
        arrays = dict(file)
    arrays["data_sha256"] = np.array("0" * 64)
    np.savez("r/checkpoint.npz", **arrays)
    capsys.readouterr()
    assert main(["evaluate", "r"]) == 2
    assert "is not the data this run was trained on" in capsys.readouterr().err


def test_hidden_values_and_ragged_rows_are_refused():
    """Whatever stands under a mask is no value, and rows of several lengths are no points."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    masked = np.ma.masked_array(X, mask=X > 1)
    with pytest.raises(DataError, match="expected an array without a mask; this one hides"):
        new_data(masked, "X")
    with pytest.raises(ValueError, match="mask"):
        DecompositionVAE(epochs=1).fit(masked)
    with pytest.raises(DataError, match="all rows must have the same length"):
        new_data([[1.0, 2.0], [3.0]], "X")


@pytest.mark.parametrize(
    "damage",
    [
        {"data_image_shape": np.array([np.inf, 1.0])},
        {"data_image_shape": np.array([-1, -2])},
        {"data_image_shape": np.array(["1", "2"])},
        {"data_range": np.array([0, 1j])},
        {"data_range": np.array(["0", "1"])},
        {"data_unit": np.array("acres")},
    ],
)
def test_damaged_rules_are_refused(damage, capsys):
    assert main(["train", "--prior", "mixture", "-e", "1", "--out", "r", "-q", "--no-plots"]) == 0
    with np.load("r/checkpoint.npz") as file:
        arrays = dict(file)
    np.savez("r/checkpoint.npz", **arrays | damage)
    capsys.readouterr()
    assert main(["evaluate", "r"]) == 2
    err = capsys.readouterr().err
    assert "damaged" in err and err.count("\n") == 1

"""Data far from size 1, and encodings that are not finite: one line on every face, or a refusal."""

import os
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from minidecomp import DecompositionVAE, load_run
from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.data.rules import check_finite, size_note
from minidecomp.errors import DataError
from minidecomp.randomness import philox, streams

NORMAL = np.random.default_rng(0).normal(size=(40, 3))
WHOLE = np.random.default_rng(1).integers(0, 256, (40, 3))
WHOLE[0] = 0, 255, 7
TINY = NORMAL / 1000
SMALL = ["-e", "1", "--hidden", "3", "--no-plots", "-q"]


def note(values):
    return size_note(Dataset("x", values[5:], values[:5]))


@pytest.mark.parametrize("values", [NORMAL, NORMAL * 5, NORMAL / 10, NORMAL * 0, WHOLE.astype(np.uint8), WHOLE / 255.0])
def test_near_size_1_nothing_is_said(values):
    assert note(values) == ""


@pytest.mark.parametrize("dtype", ["int64", "float32", "float64", "uint16"])
def test_bytes_of_another_type_are_called_so(dtype):
    said = note(WHOLE.astype(dtype))
    assert said.startswith("x: whole numbers from 0 to 255 look like bytes but are not uint8")
    assert said.endswith("`--scale bytes` divides them by 255") and "\n" not in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.abs(NORMAL) * 1e4, "`--scale unit` to 0..1"),
        (NORMAL + 100, "`--scale standardise` brings each column"),
        (TINY, "`--scale standardise` brings each column"),
        (WHOLE + 0.5, "`--scale unit` to 0..1"),
        (-WHOLE, "from -255 to 0, too large to train on well"),
        (WHOLE * 257, "`--scale unit` to 0..1"),
    ],
)
def test_far_from_size_1_the_range_and_what_to_do_are_said(values, said):
    size = "small" if values is TINY else "large"
    assert re.search(said, note(values)) and f"too {size} to train on well" in note(values)


def test_what_is_said_is_so():
    """The defaults explain the variance of data of size 1, and none of the same data as bytes in int64."""
    rng = np.random.default_rng(0)
    points = np.tanh(rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)))

    def explained(X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = DecompositionVAE(epochs=80).fit(X)
        error = X - model.inverse_transform(model.transform(X))
        return 1 - (error**2).sum() / ((X - X.mean(0)) ** 2).sum()

    whole = np.round(127.5 * (points + 1))
    assert note(points) == "" and explained(points) > 0.6
    assert "look like bytes" in note(whole) and explained(whole) < 0.2


def test_every_face_says_it(capsys, tmp_path):
    np.save("x.npy", WHOLE)
    path = tmp_path / "x.npy"
    said = "x.npy: whole numbers from 0 to 255 look like bytes"
    assert main(["train", "--data", "x.npy", "-o", "run", *SMALL]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main(["sweep", "--data", "x.npy", "--seeds", "2", "-o", "s", "-e", "1", "--hidden", "3", "-q"]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main(["gradients", "--data", str(path), "--hidden", "3", "--no-plots"]) == 0
    assert capsys.readouterr().err.count(said) == 1
    model = DecompositionVAE(epochs=1, hidden=(3,))
    for method in (model.fit, model.partial_fit, model.partial_fit):
        with pytest.warns(UserWarning, match="X: whole numbers from 0 to 255 look like bytes"):
            method(WHOLE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_no_model_learns_is_refused(dtype, capsys):
    np.save("x.npy", NORMAL * 1e6)
    for command in (["train", "-o", "run", *SMALL], ["gradients", "--hidden", "3"]):
        assert main([*command, "--data", "x.npy", "--dtype", dtype]) == 2
        err = capsys.readouterr().err
        assert (
            "beyond 1,000,000 no model learns anything: --scale standardise brings each column" in err
            and err.count("\n") == 1
        )
    model = DecompositionVAE(dtype=dtype)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="no model learns anything"):
            method(NORMAL * 1e6)


# ---- what the model makes of them ----


@pytest.fixture
def blown_up(capsys):
    """A run whose scale overflows in float32 for a value that the rules allow."""
    np.save("x.npy", NORMAL)
    assert main(["train", "--data", "x.npy", "-o", "run", "--scale-link", "exp", *SMALL]) == 0
    capsys.readouterr()
    return load_run("run")


def test_encodings_that_are_not_finite_are_refused(blown_up, capsys):
    far = np.vstack([NORMAL[:3], np.full((2, 3), 9e5) * np.array([[1], [-1]])])
    np.save("far.npy", far)
    assert main(["encode", "run", "far.npy", "-o", "codes.npz"]) == 2
    err = capsys.readouterr().err
    assert "of row 3 (counted from 0) is not finite" in err or "of row 4 (counted from 0) is not finite" in err
    assert err.count("\n") == 1
    assert not os.path.exists("codes.npz")
    with pytest.raises(DataError, match="is not finite"):
        blown_up.encode(far)
    model = DecompositionVAE(scale_link="exp", epochs=1, hidden=(3,)).fit(NORMAL)
    for method in (model.transform, model.posterior, model.score):
        with pytest.raises(ValueError, match="is not finite"):
            method(far)


def test_test_points_whose_encodings_are_not_finite(capsys):
    far = NORMAL.copy()
    order = philox.permutation(len(far), 0, *streams.SPLIT.at())
    far[order[0]], far[order[1]] = 9e5, -9e5
    np.save("x.npy", far)
    assert main(["train", "--data", "x.npy", "-o", "run", "--scale-link", "exp", *SMALL]) == 0
    err = capsys.readouterr().err
    assert "log_likelihood is not finite on the test data" in err and "kl is not finite" in err
    for command in (["evaluate", "run", "-q"], ["reconstruct", "run", "--out", "r.npz"], ["report", "run"]):
        assert main(command) == 2, command
        err = capsys.readouterr().err.splitlines()
        assert "the test points of x.npy" in err[-1] and "is not finite" in err[-1]


def test_check_finite_names_the_first_row():
    values = np.ones((5, 2), np.float32)
    check_finite("x", {"loc": values})
    values[3, 1], values[4, 0] = np.nan, np.inf
    with pytest.raises(DataError, match=r"x: loc of row 3 .* \(2 such rows\)"):
        check_finite("x", {"loc": values})


def test_an_old_checkpoint_keeps_the_range_it_was_trained_under(blown_up):
    kept = replace(blown_up.rules, low=-1e15, high=1e15)
    assert kept.take(np.full((1, 3), 1e14), "x").points.tolist()[0] == pytest.approx([1e14] * 3)
    with pytest.raises(DataError, match=r"the model takes numbers from -1e\+06 to 1e\+06; x has 1e\+14 to 1e\+14"):
        blown_up.rules.take(np.full((1, 3), 1e14), "x")

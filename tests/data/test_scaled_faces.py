"""Scaling belongs to the model: every face takes a person's numbers and gives them back, by the same rule."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import DecompositionVAE, load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from

RNG = np.random.default_rng(0)
SIZES = RNG.normal(size=(60, 3)) * [1, 1000, 0.01] + [0, 5e4, 1]
SMALL = ["-e", "2", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]


def train(values, *options, out="r"):
    if values is not None:
        np.save("x.npy", values)
    assert main(["train", "--data", "x.npy", *SMALL, "--out", out, *options]) == 0
    return load_run(out)


def arrays_of(*command):
    assert main([*command, "--out", "out.npz"]) == 0
    with np.load("out.npz") as found:
        return dict(found)


@pytest.mark.parametrize("scale", ["standardise", "unit"])
def test_command_and_estimator_give_the_same_model(scale):
    run = train(SIZES, "--scale", scale)
    dataset = dataset_from(run.options)
    given = dataset.give(dataset.train)
    kept = {tuple(row) for row in SIZES.round(6)}
    assert all(tuple(row) in kept for row in given.round(6)), "the training points come back as they were"
    order = [np.abs(SIZES - row).sum(1).argmin() for row in given]
    model = DecompositionVAE(hidden=(4,), epochs=2, scale=scale, threads=1).fit(SIZES[order])
    assert_array_equal(model.vae_.parameters.vector, run.vae.parameters.vector)
    # What goes in and comes out is a person's.
    loc = model.transform(SIZES)
    assert_array_equal(np.asarray(run.encode(SIZES)[0], float), loc)
    assert_allclose(arrays_of("encode", "r", "x.npy")["loc"], loc, rtol=1e-5, atol=1e-6)
    back = model.inverse_transform(loc)
    assert (np.abs(back.mean(0) - SIZES.mean(0)) < 4 * SIZES.std(0)).all()
    assert_array_equal(model.sample(5), model.rules_.give(model.vae_.sample(5, 0)[2]))


def test_what_commands_write_is_in_the_units_of_the_data(capsys):
    run = train(SIZES, "--scale", "standardise")
    dataset = dataset_from(run.options)
    made = arrays_of("reconstruct", "r", "--count", "6")
    assert_allclose(made["x"], dataset.give(dataset.test), rtol=1e-6)
    scaling = run.rules.scaling
    loc, _ = run.encode(made["x"])
    assert_allclose(made["loc"], loc, rtol=1e-4, atol=1e-5)
    inside = run.vae.likelihood.mean(run.vae.decode(made["loc"]))
    assert_allclose(made["reconstruction"], scaling.undo(inside), rtol=1e-5)
    drawn = arrays_of("sample", "r", "--count", "500")
    assert_allclose(drawn["x"].mean(0), SIZES.mean(0), atol=1, rtol=0.05)
    moved = arrays_of("traverse", "r", "--steps", "3")
    assert moved["means"].shape[2] == 3 and 3e4 < moved["means"][..., 1].min() < moved["means"][..., 1].max() < 7e4
    capsys.readouterr()
    assert main(["evaluate", "r", "--metrics", "none", "-q"]) == 0
    said = capsys.readouterr().out
    nats = np.log(scaling.scale).sum()
    assert f"for the unscaled data they are {abs(nats):.4f} nats {'lower' if nats >= 0 else 'higher'}" in said
    assert main(["report", "r"]) == 0


def test_a_run_is_resumed_to_the_bit():
    train(SIZES, "--scale", "standardise", out="whole")
    train(None, "--scale", "standardise", "-e", "1", out="half")
    assert main(["train", "--resume", "half", "-e", "2", "--no-plots", "-q"]) == 0
    assert_array_equal(load_run("half").vae.parameters.vector, load_run("whole").vae.parameters.vector)


def test_bytes_of_any_type_are_the_same_model():
    values = RNG.integers(0, 256, (40, 3, 2))
    types = ("uint8", "int64", "float32", "uint16")
    runs = [train(values.astype(each), "--scale", "bytes", out=each) for each in types]
    plain = train(values.astype(np.uint8), out="plain")
    for run in runs:
        assert run.rules.unit == "bytes" and run.rules.scale == "bytes"
        assert_array_equal(run.vae.parameters.vector, plain.vae.parameters.vector)


def test_sixteen_bits_are_divided_by_their_range_and_it_is_said(capsys):
    values = RNG.integers(0, 65536, (40, 3, 2)).astype(np.uint16)
    run = train(values)
    assert "16-bit values, divided by 65535; change that with --scale" in capsys.readouterr().err
    assert run.rules.scale == "unit" and (run.rules.scaling.scale == 65535).all()
    again = train(values / 65535, out="divided")
    assert_allclose(again.vae.parameters.vector, run.vae.parameters.vector, rtol=1e-5, atol=1e-7)
    assert_array_equal(run.encode(values)[0], run.encode(values.astype(float))[0])


def test_images_share_one_scale():
    values = RNG.normal(size=(40, 3, 2)) * 50 + 100
    values[:, 0, 0] = 7  # a constant pixel is no reason to blow it up
    scaling = train(values, "--scale", "standardise").rules.scaling
    assert len(set(scaling.scale)) == 1 and len(set(scaling.shift)) == 1


@pytest.mark.parametrize(
    ("values", "scale", "said"),
    [
        (SIZES, "bytes", "--scale bytes: this needs whole numbers from 0 to 255; "),
        (RNG.integers(0, 999, (9, 2)), "bytes", "this needs whole numbers from 0 to 255; "),
        (SIZES * 1e200, "standardise", "numbers up to 1e+150 can be scaled; "),
        (SIZES, "log", "must be none, unit, standardise or bytes"),
    ],
)
def test_what_cannot_be_scaled_so_is_refused(values, scale, said, capsys):
    np.save("x.npy", values)
    assert main(["train", "--data", "x.npy", *SMALL, "--scale", scale]) == 2
    assert said in capsys.readouterr().err


def test_points_far_outside_are_refused_in_words_that_name_the_scale(capsys):
    train(SIZES, "--scale", "standardise")
    np.save("far.npy", SIZES * 1e9)
    assert main(["encode", "r", "far.npy"]) == 2
    assert "far.npy, scaled by --scale standardise, has" in capsys.readouterr().err


def test_scores_of_different_scales_compare():
    models = [DecompositionVAE(hidden=(4,), epochs=30, scale=scale).fit(SIZES) for scale in ("unit", "standardise")]
    for model in models:
        inside = model.rules_.scaling.apply(SIZES)
        plain = DecompositionVAE(hidden=(4,), epochs=30, scale="none").fit(inside)
        volume = np.log(model.rules_.scaling.scale).sum()
        assert model.score(SIZES) == pytest.approx(plain.score(inside) - volume, rel=1e-4)
    assert abs(models[0].score(SIZES) - models[1].score(SIZES)) < 3, "in one unit they are not nats of log scale apart"


def test_zeros_and_ones_have_no_volume(capsys):
    run = train(np.where(RNG.random((40, 3)) < 0.5, 0.0, 5.0), "--scale", "unit")
    assert run.vae.likelihood.name == "bernoulli" and run.rules.log_volume == 0
    capsys.readouterr()
    assert main(["evaluate", "r", "--metrics", "none", "-q"]) == 0
    assert "nats lower" not in capsys.readouterr().out


def test_data_far_from_zero_keep_their_digits(capsys):
    values = np.stack([1.7e9 + np.arange(60.0), RNG.normal(size=60)], axis=1)
    run = train(values, "--scale", "standardise")
    dataset = dataset_from(run.options)
    made = arrays_of("reconstruct", "r", "--count", "6")
    assert_allclose(made["x"], dataset.give(dataset.test), rtol=1e-12, atol=1e-4)
    assert len(np.unique(made["x"][:, 0])) == 6
    capsys.readouterr()
    assert main(["export", "r", "--format", "numpy"]) == 0 and capsys.readouterr().err == ""
    sys.path.insert(0, "r/export")
    try:
        import model

        assert_allclose(model.encode(values)[0], run.encode(values)[0], rtol=1e-4, atol=1e-5)
    finally:
        sys.path.remove("r/export")
        del sys.modules["model"]
    assert main(["export", "r", "--format", "c"]) == 0
    assert "32-bit numbers, which cannot distinguish many of the values" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1e-170, 1e-50, 1e40, 1e100])
def test_sizes_beyond_float32(size, capsys):
    run = train(SIZES[:, [0, 2]] * size, "--scale", "standardise")
    made = arrays_of("reconstruct", "r", "--count", "6")
    assert np.isfinite(made["reconstruction"]).all() and np.ptp(made["x"]) > 0.1 * size
    assert run.rules.scaling.scale[0] == pytest.approx(SIZES[:, 0].std() * size, rel=0.2)
    capsys.readouterr()
    assert main(["export", "r", "--format", "c"]) == 2
    assert "float32 cannot hold" in capsys.readouterr().err


def test_a_frame_goes_by_its_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(SIZES, columns=["a", "b", "c"])
    frame.to_csv("x.csv", index=False)
    assert main(["train", "--data", "x.csv", *SMALL, "--scale", "standardise", "--out", "r"]) == 0
    run = load_run("r")
    assert_array_equal(run.encode(frame[["c", "a", "b"]].assign(other="x"))[0], run.encode(SIZES)[0])


def test_a_table_says_that_scales_do_not_compare(capsys):
    np.save("x.npy", SIZES)
    assert main(["sweep", "--data", "x.npy", *SMALL[:-2], "-q", "--scale", "unit,standardise", "--out", "s"]) == 0
    assert "data in different scales cannot be compared" in capsys.readouterr().err
    assert main(["table", "s"]) == 0
    assert "cannot be compared" in capsys.readouterr().err
    assert main(["table", "s/scaleunit"]) == 0
    assert "cannot be compared" not in capsys.readouterr().err


def test_scales_compare_as_they_were_learnt(capsys):
    """Not as they were typed."""
    deep = np.random.default_rng(0).integers(0, 65536, (60, 3)).astype(np.uint16)
    np.save("deep.npy", deep)
    np.save("divided.npy", deep / 65535)
    np.save("x.npy", SIZES)
    standardised = ("x.npy", "--scale", "standardise")
    for name, data, *given in (
        ("a", "deep.npy"),
        ("b", "deep.npy", "--scale", "unit"),
        ("c", "divided.npy"),
        ("d", *standardised, "--limit", "8"),
        ("e", *standardised),
    ):
        assert main(["train", "--data", data, *SMALL, *given, "--out", name]) == 0
    for runs, differ in (("a b", False), ("a c", True), ("d e", True), ("c", False)):
        capsys.readouterr()
        assert main(["table", *runs.split()]) == 0
        assert ("cannot be compared" in capsys.readouterr().err) == differ, runs

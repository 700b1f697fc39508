"""The run folder: what is written is read back; what is damaged is said in one line; nothing good is lost."""

import errno
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp import resolve, training
from minidecomp.data import dataset_from
from minidecomp.errors import Fault, RunError
from minidecomp.files import write_file
from minidecomp.runs import checkpoint
from minidecomp.runs.folder import new_run
from minidecomp.settings import sources

SMALL = {"hidden": "6", "epochs": 3, "points_per_arm": 20, "batch_size": 30, "threads": 1}


def trained(folder, **given):
    options = resolve(SMALL | given)
    trainer = training.start(options, dataset_from(options), str(folder))
    assert training.train(trainer)
    return trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("run") / "a", alpha=2.0)


@pytest.mark.parametrize(
    "given",
    [
        {"dtype": "float64", "amsgrad": False},
        {"prior": "sparse", "data": "pinwheel", "latent_dim": 4, "hidden": "5,3"},
        {"prior": "gaussian", "data": "pinwheel", "prior_variance": "pca", "learn_prior_variance": True, "alpha": 1},
        {"prior": "gaussian", "data": "pinwheel", "prior_variance": "pca"},
        {"prior": "student-t", "data": "pinwheel", "df": 4, "likelihood": "laplace", "likelihood_scale": 0.3},
    ],
)
def test_round_trip(given, tmp_path):
    trainer = trained(tmp_path / "run", **given)
    read = checkpoint.load(tmp_path / "run")
    assert read.options == trainer.options
    assert read.objective == trainer.objective
    assert_array_equal(read.vae.parameters.vector, trainer.state.vae.parameters.vector)
    assert_array_equal(read.vae.current_prior().scale, trainer.state.vae.current_prior().scale)
    for name in ("m", "v", "v_max"):
        assert_array_equal(getattr(read.state.optimizer, name), getattr(trainer.state.optimizer, name))
    assert (read.state.epoch, read.state.row, read.state.optimizer.step) == (3, 0, 9)
    np.testing.assert_equal(read.state.metrics(), trainer.state.metrics())
    x = trainer.dataset.test.astype(trainer.options.dtype)
    assert_array_equal(read.vae.encode(x)[0], trainer.state.vae.encode(x)[0])


def test_config_is_itself_a_config(run):
    values = sources.read_config(run.folder / "config.toml")
    assert resolve(values) == run.options
    text = (run.folder / "config.toml").read_text()
    assert tomllib.loads(text)["version"]
    assert "gamma" not in values and "df" not in values and "image_size" not in values


def test_config_with_dashes(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("batch-size = 32\nhidden = [7, 5]\n")
    assert resolve(sources.read_config(path)).hidden == (7, 5)
    assert resolve(sources.read_config(path)).batch_size == 32


@pytest.mark.parametrize(("content", "message"), [(b"a = ", "is not a TOML file"), (b"\xff", "is not a TOML file")])
def test_a_config_that_is_none(content, message, tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(RunError, match=message):
        sources.read_config(path)
    with pytest.raises(RunError, match=r"cannot read .*No such file"):
        sources.read_config(tmp_path / "none.toml")


def test_metrics_csv(run):
    header, *lines = (run.folder / "metrics.csv").read_text().splitlines()
    assert header == "epoch,log_likelihood,kl,regulariser,objective,seconds"
    table = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert_array_equal(table.T, list(run.state.metrics().values()))
    assert_array_equal(table[:, 0], [1, 2, 3])
    np.testing.assert_allclose(table[:, 4], table[:, 1] - table[:, 2] - 2 * table[:, 3], rtol=1e-6)


def test_metrics_of_a_term_that_is_not_computed(tmp_path):
    trained(tmp_path / "run", alpha=0)
    line = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[1]
    assert line.split(",")[3] == ""
    assert np.isnan(checkpoint.load(tmp_path / "run").state.metrics()["regulariser"]).all()


def test_the_checkpoint_alone_is_enough(run, tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes((run.folder / "checkpoint.npz").read_bytes())
    assert len(checkpoint.load(tmp_path).state.rows) == 3


def changed(run, folder, **arrays):
    with np.load(run.folder / "checkpoint.npz") as file:
        content = dict(file) | arrays
    np.savez(folder / "checkpoint.npz", **{name: value for name, value in content.items() if value is not None})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"format": "other"}, "not a minidecomp checkpoint"),
        ({"version": 2}, "checkpoint version 2; this minidecomp reads version 1"),
        ({"version": None}, "damaged: it has no version"),
        ({"adam.m": None}, "damaged: it has no adam.m"),
        ({"parameter.enc.0.W": np.zeros((2, 7), np.float32)}, r"enc.0.W is float32 of shape \(2, 7\); the settings ask for float32 of shape \(2, 6\)"),
        ({"parameter.enc.0.W": np.zeros((2, 6))}, "enc.0.W is float64 of shape"),
        ({"parameter.enc.0.b": np.full(6, np.nan, np.float32)}, "damaged: parameter.enc.0.b is not finite"),
        ({"config": "prior = 3"}, "prior must be"),
        ({"config": "prior"}, "damaged"),
        ({"metrics": np.zeros((2, 6))}, r"damaged: metrics is float64 of shape \(2, 6\); the settings ask for float64 of shape \(3, 6\)"),
        ({"epoch": np.array("x")}, "damaged"),
        ({"format": np.array([{}], object)}, r"damaged: format is another type of shape \(1,\); the settings ask for text"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit(arrays, message, run, tmp_path):
    changed(run, tmp_path, **arrays)
    with pytest.raises((RunError, ValueError), match=message) as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint(keep, run, tmp_path):
    whole = (run.folder / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(RunError, match=r"damaged: not a whole \.npz file"):
        checkpoint.load(tmp_path)


def test_a_flipped_byte(run, tmp_path):
    """Wherever it is, it is noticed, or it stands where it does not matter."""
    whole = (run.folder / "checkpoint.npz").read_bytes()
    expected, noticed = checkpoint.load(run.folder).vae.parameters.vector, 0
    for position in range(0, len(whole), 97):
        flipped = bytearray(whole)
        flipped[position] ^= 255
        (tmp_path / "checkpoint.npz").write_bytes(flipped)
        try:
            assert_array_equal(checkpoint.load(tmp_path).vae.parameters.vector, expected)
        except RunError as error:
            assert "\n" not in str(error)
            noticed += 1
    assert noticed > 20


def test_no_run_folder(tmp_path):
    with pytest.raises(RunError, match="no such run folder"):
        checkpoint.load(tmp_path / "none")
    with pytest.raises(RunError, match=r"has no checkpoint\.npz"):
        checkpoint.load(tmp_path)


def test_a_run_folder_is_never_overwritten(run, tmp_path):
    with pytest.raises(RunError, match="it exists already"):
        new_run(str(run.folder), run.options)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"^file: this is a file"):
        new_run("file", run.options)
    with pytest.raises(RunError, match="file/x: cannot write there: Not a directory"):
        new_run("file/x", run.options)
    (tmp_path / "empty").mkdir()
    assert new_run("empty", run.options)[0].name == "empty"
    names = [new_run(None, run.options)[0].name for _ in range(3)]
    first = "pinwheel-mixture-alpha2-beta1-seed0"
    assert names == [first, f"{first}-2", f"{first}-3"]


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_what_was_saved(call, run, tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(b"good")

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(Fault, match=r"cannot write .*checkpoint.npz: No space left on device; what was saved"):
        write_file(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"good"
    assert os.listdir(tmp_path) == ["checkpoint.npz"], "no temporary file is left"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_that_the_umask_gives(umask, mode):
    before = os.umask(umask)
    try:
        write_file(Path("a"), lambda file: file.write(b"new"))
    finally:
        os.umask(before)
    assert os.stat("a").st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o666])
def test_a_file_that_is_written_again_keeps_its_permissions(mode):
    Path("a").touch()
    os.chmod("a", mode)
    write_file(Path("a"), lambda file: file.write(b"new"))
    assert os.stat("a").st_mode & 0o777 == mode and Path("a").read_bytes() == b"new"


def test_what_is_no_file_is_not_replaced_by_one():
    os.mkfifo("pipe")
    os.mkdir("folder")
    for name in ("pipe", "folder"):
        with pytest.raises(Fault, match=f"cannot write {name}: it exists already and is not a regular file"):
            write_file(Path(name), lambda file: file.write(b"new"))
    assert sorted(os.listdir()) == ["folder", "pipe"]


def test_a_folder_that_cannot_be_written_to_is_one_line():
    with pytest.raises(Fault, match="cannot write none/a: No such file or directory"):
        write_file(Path("none/a"), lambda file: file.write(b"new"))


def test_a_name_as_long_as_a_name_can_be():
    name = "ü" * 127
    write_file(Path(name), lambda file: file.write(b"new"))
    assert os.listdir() == [name]


def test_an_interrupt_leaves_no_half_file(tmp_path):
    def interrupted(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a", interrupted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data_dim": 0}, "damaged: data_dim is 0"),
        ({"adam.step": -7}, "damaged: adam.step is -7; it must be 0 to 1152921504606846975"),
        ({"row": -3}, "damaged: row is -3; it must be 0 to "),
        ({"seconds": np.nan}, "damaged: seconds is not finite"),
    ],
)
def test_a_counter_out_of_range(arrays, message, run, tmp_path):
    changed(run, tmp_path, **arrays)
    with pytest.raises(RunError, match=message):
        checkpoint.load(tmp_path)


def test_the_identity_is_read_alone(run, tmp_path):
    """Parameters that are not there do not matter to whoever asks whose checkpoint it is."""
    changed(run, tmp_path, **{"parameter.enc.0.W": None, "adam.m": None, "metrics": np.zeros(3)})
    found = checkpoint.identity(tmp_path)
    whole = checkpoint.load(run.folder)
    assert (found.options, found.digests, found.epoch) == (whole.options, whole.digests, 3)
    assert (found.data_dim, checkpoint.epoch_of(tmp_path)) == (2, 3)
    with pytest.raises(RunError, match="no such run folder"):
        checkpoint.identity(tmp_path / "none")
    assert checkpoint.epoch_of(tmp_path / "none") is None


def test_a_row_beyond_the_data(run, tmp_path):
    changed(run, tmp_path, row=10**9)
    read = checkpoint.load(tmp_path)
    with pytest.raises(RunError, match="damaged, row 1000000000 of 80"):
        training.resume(read, read.options, dataset_from(read.options))


@pytest.mark.parametrize("name", ["m", "v"])
def test_moments_that_are_not_finite_are_not_saved(name, tmp_path):
    trainer = trained(tmp_path / "run")
    getattr(trainer.state.optimizer, name)[0] = np.nan
    with pytest.raises(Fault, match=f"adam.{name}: no longer finite"):
        trainer.save()
    checkpoint.load(tmp_path / "run")


def test_parameters_that_are_not_finite_are_not_saved(run, tmp_path):
    trainer = trained(tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.npz").read_bytes()
    trainer.state.vae.parameters.vector[3] = np.inf
    kept = "and with it log_likelihood, kl; the last good checkpoint stays"
    with pytest.raises(Fault, match=f"parameters: no longer finite after epoch 3, step 9, {kept}"):
        trainer.save()
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == before

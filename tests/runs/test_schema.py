"""A checkpoint is checked by its schema: each array's kind, shape and range, by its header where that tells enough."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from minidecomp import __version__, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import RunError
from minidecomp.runs import checkpoint, npz

SMALL = {"hidden": "6", "epochs": 2, "points_per_arm": 10, "threads": 1}
FULL = {"prior": "gaussian", "data": "pinwheel", "prior_variance": "pca", "alpha": 1, "log_gradients": True}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The arrays of a checkpoint that has all there can be."""
    options = resolve(SMALL | FULL)
    trainer = training.start(options, dataset_from(options), str(tmp_path_factory.mktemp("run") / "a"))
    assert training.train(trainer)
    with np.load(trainer.folder / "checkpoint.npz") as file:
        return dict(file)


def write(good, folder, changes, **members):
    """A checkpoint with other arrays (None: without it), and members as they are given."""
    arrays = {name: array for name, array in (good | changes).items() if array is not None}
    np.savez(folder / "checkpoint.npz", **arrays)
    with zipfile.ZipFile(folder / "checkpoint.npz", "a") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def header(shape, descr="<f4"):
    """An .npy file of which only the header is there."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


RECORD = np.zeros(2, [("a", "f4")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": np.inf}, r"damaged: version is float64 of shape \(\); the settings ask for a whole number$"),
        ({"row": np.inf}, r"damaged: row is float64 of shape \(\); the settings ask for a whole number$"),
        ({"row": np.array([1, 2])}, r"damaged: row is int64 of shape \(2,\); the settings ask for a whole number$"),
        ({"adam.step": np.uint64(2**63)}, r"damaged: adam.step is 9223372036854775808; it must be 0 to 1152921504606846975$"),
        ({"adam.step": np.array("7")}, r"damaged: adam.step is <U1 of shape \(\); the settings ask for a whole number$"),
        ({"prior_logits": np.float64(0)}, r"damaged: prior_logits is float64 of shape \(\); the settings ask for real numbers of shape \(2,\)$"),
        ({"prior_logits": np.array([0, 1e5])}, r"damaged: prior_logits is 100000.0; it must be -1000.0 to 1000.0$"),
        ({"prior_logits": None}, r"damaged: it has no prior_logits$"),
        ({"epoch": np.array([None])}, r"damaged: epoch is another type of shape \(1,\); the settings ask for a whole number$"),
        ({"epoch": 10**10}, r"damaged: epoch is 10000000000; it must be 0 to 1000000000$"),
        ({"adam.m": RECORD}, r"damaged: adam.m is another type of shape \(2,\); the settings ask for float32 of shape \(92,\)$"),
        ({"adam.v": np.full(92, -1, np.float32)}, r"damaged: adam.v is -1.0; it must be 0 to inf$"),
        ({"totals": np.full(4, np.nan)}, r"damaged: totals is not finite$"),
        ({"seconds": "x"}, r"damaged: seconds is <U1 of shape \(\); the settings ask for a number$"),
        ({"metrics": np.full((2, 6), np.nan)}, r"damaged: metrics has other epochs than 1, 2, 3, \.\.$"),
        ({"gradients": np.zeros((2, 7))}, r"damaged: gradients has other epochs than 1, 2, 3, \.\.$"),
        ({"gradients.frame_epochs": np.array([2, 1])}, r"damaged: gradients.frame_epochs is not in order$"),
        ({"gradients.frame_epochs": np.array([9, 9])}, r"damaged: gradients.frame_epochs is 9; it must be 1 to 2$"),
        ({"gradients.frames": np.zeros((2, 5, 9))}, r"damaged: gradients.frames is float64 of shape \(2, 5, 9\); .* of shape \(2, N, 10\)$"),
        ({"gradients.gap": 0}, r"damaged: gradients.gap is 0; it must be 1 to 4294967296$"),
        ({"data_unit": np.array("miles")}, r"damaged: data_unit is 'miles', data_range"),
        ({"data_range": np.array([0, np.inf])}, r"damaged: data_range is not finite$"),
        ({"data_image_shape": np.array([1, 2, 3, 4])}, r"damaged: data_image_shape is int64 of shape \(4,\)"),
        ({"format": np.array("x" * 200)}, r"damaged: format has 200 letters, more than 100$"),
        ({"data_sha256": np.array(["\ud800"])}, r"damaged: data_sha256 is <U1 of shape \(1,\); the settings ask for text$"),
        ({"data_sha256": np.array("\ud800")}, r"damaged: data_sha256 is not text$"),
        ({"config": "x = " + "[" * 20_000}, r"damaged: config: too many nested brackets$"),
        ({"config": "seed = " + "9" * 4400}, r"damaged: config: a number or date that is out of range$"),
        ({"config": "prior = 1979-05-27"}, r"damaged: config: prior must be .* not 1979-05-27"),
        ({"config": "data = 'x.npy'"}, r"damaged: config has no likelihood$"),
    ],
)  # fmt: skip
def test_what_no_checkpoint_has(changes, message, good, tmp_path):
    write(good, tmp_path, changes)
    with pytest.raises(RunError, match=message) as caught:
        checkpoint.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/checkpoint.npz: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"\x93NUMPY\x03\x00", header((), "<i8")[:-4], header((), "<i8"), header((), "<i8") + b"12345678x"],
)
def test_members_that_are_no_arrays(content, good, tmp_path):
    write(good, tmp_path, {"row": None}, **{"row.npy": content})
    with pytest.raises(RunError, match=r"damaged: not a whole \.npz file$"):
        checkpoint.load(tmp_path)
    write(good, tmp_path, {"row": None}, row=content)
    with pytest.raises(RunError, match=r"damaged: it has no row$"):
        checkpoint.load(tmp_path)


def test_a_file_that_is_no_archive_names_itself(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"no archive")
    for read in (checkpoint.load, checkpoint.identity):
        with pytest.raises(RunError, match=r"checkpoint\.npz: the file is damaged: not a whole \.npz file$"):
            read(tmp_path)


def zeros(member, count):
    for _ in range(count >> 20):
        member.write(b"\0" * 2**20)


def test_what_is_not_wanted_is_not_read(good, tmp_path):
    """Neither an array that the settings do not ask for, nor one whose header has another shape."""
    write(good, tmp_path, {"adam.m": None})
    with zipfile.ZipFile(tmp_path / "checkpoint.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        for name in ("unknown", "adam.m"):
            with archive.open(f"{name}.npy", "w") as member:
                member.write(header((2**24,), "<f4"))
                zeros(member, 2**26)
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match=r"adam.m is float32 of shape \(16777216,\); .* float32 of shape \(92,\)$"):
            checkpoint.load(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_a_header_of_five_gigabytes(good, tmp_path):
    write(good, tmp_path, {"adam.m": None}, **{"adam.m.npy": header((5 * 2**30,))})
    with pytest.raises(RunError, match=r"adam.m is float32 of shape \(5368709120,\)"):
        checkpoint.load(tmp_path)


def test_a_huge_model_is_not_made_before_its_parameters_are_seen(good, tmp_path):
    config = str(good["config"]).replace("hidden = [6]", "hidden = [100000, 100000]")
    write(good, tmp_path, {"config": config})
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match=r"damaged: adam\.m is float32 of shape \(92,\); .* of shape \(20001\d+,\)$"):
            checkpoint.load(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_few_bytes_of_many_gigabytes_are_refused(good, tmp_path, monkeypatch):
    """A compressed archive is read, but not one that unpacks to more memory than anybody was told of."""
    np.savez_compressed(tmp_path / "checkpoint.npz", **(good | {"x": np.zeros(9)}))
    checkpoint.load(tmp_path)
    monkeypatch.setattr("minidecomp.runs.schema.MOST_UNPACKED", 100)
    monkeypatch.setattr(npz.Npz, "size", property(lambda self: 99))
    with pytest.raises(RunError, match=r"99 bytes hold \d+ bytes of arrays; no minidecomp wrote them$"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize(
    ("line", "what", "or_added"),
    [
        ("foo = 3", "the option foo", ", or a program that adds this option"),
        ('activation = "gelu"', "activation = gelu", ""),
        ('prior = "wavelet"', "prior = wavelet", ", or a program that adds this prior"),
        ('"a\\nb" = 1', r"the option a\nb", ", or a program that adds this option"),
    ],
)
def test_an_option_of_another_minidecomp_is_named(line, what, or_added, good, tmp_path, capsys):
    name = line.split(" = ")[0]
    lines = [old for old in str(good["config"]).splitlines() if not old.startswith(name)]
    lines[0] = 'version = "9.9"'
    write(good, tmp_path, {"config": "\n".join([*lines, line])})
    assert main(["sample", str(tmp_path)]) == 2
    line = capsys.readouterr().err
    assert line == (
        f"minidecomp: {tmp_path}/checkpoint.npz: it has {what}, which this minidecomp ({__version__}) does not know; "
        f"a newer minidecomp wrote it{or_added} (version 9.9)\n"
    )


def test_the_last_step_that_is_allowed_trains_on(good, tmp_path):
    write(good, tmp_path, {"adam.step": 2**60 - 1})
    run = checkpoint.load(tmp_path)
    options = run.options.replace(epochs=3)
    trainer = training.resume(run, options, dataset_from(options))
    assert training.train(trainer) and trainer.state.epoch == 3

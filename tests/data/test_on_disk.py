"""Points that stay on the disk: the same models, to the bit, as the same file gives in memory."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from devices import KINDS, make_device
from engine_cases import make

from minidecomp import DecompositionVAE, memory, training
from minidecomp.cli.main import main
from minidecomp.data import arrays, feed, npy_files, on_disk
from minidecomp.data import points as points_module
from minidecomp.data.learnt_scaling import learn_scaling
from minidecomp.data.on_disk import OnDisk
from minidecomp.data.points import all_zero_or_one, as_stored, fingerprint, value_range
from minidecomp.data.rules import learn, size_note
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu import GpuEngine
from minidecomp.errors import DataError
from minidecomp.model.optimizer import Adam
from minidecomp.randomness import streams
from minidecomp.randomness.order import permutation
from minidecomp.runs import checkpoint

SMALL = "--epochs 3 --hidden 8 --latent-dim 2 --batch-size 20 --threads 1 --engine cpu --quiet --no-plots"
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(203, 5)) * [1, 3, 0.2, 2, 1] + [0, 1, 0, 4, 0]
FILES = {
    "float32": ROWS.astype(np.float32),
    "float64": ROWS,
    "float16": ROWS.astype(np.float16),
    "big_endian": ROWS.astype(">f4"),
    "int64": (ROWS * 4).astype(np.int64),
    "bool": ROWS > 0,
    "binary": (ROWS > 0).astype(np.float32),
    "black_and_white": (ROWS > 0).astype(np.uint8),
    "bytes": RANDOM.integers(0, 256, (203, 5), np.uint8),
    "deep": RANDOM.integers(0, 65536, (203, 5), np.uint16),
    "images": RANDOM.integers(0, 256, (203, 4, 3), np.uint8),
    "colour": RANDOM.integers(0, 256, (203, 5, 6, 3), np.uint8),
    "channels_first": RANDOM.normal(size=(203, 3, 5, 6)).astype(np.float32),
    "one_channel": RANDOM.normal(size=(203, 1, 5, 6)),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, tmp_path):
    """Blocks, stretches and reads of a few rows, in a folder that has all files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(on_disk, "BLOCK", 7 * 40)
    monkeypatch.setattr(feed, "STRETCH", 41 * 20)
    monkeypatch.setattr(npy_files, "GAP", 100)
    monkeypatch.setattr(npy_files, "RUN", 1000)
    for name, values in FILES.items():
        np.save(f"{name}.npy", values)


@pytest.fixture
def no_room(monkeypatch):
    """Afterwards every .npy file is too large for the memory."""
    return lambda: monkeypatch.setattr(memory, "room_for_points", lambda: 0.0)


def train(out, data, *more):
    assert main(["train", "--data", data, *SMALL.split(), *more, "--out", out]) == 0
    with np.load(f"{out}/checkpoint.npz") as arrays_of_run:
        kept = {name: arrays_of_run[name] for name in arrays_of_run.files if "seconds" not in name}
        kept["metrics"] = kept["metrics"][:, :5]  # without the seconds
        return kept


def evaluation(out):
    return json.loads(Path(out, "evaluation.json").read_text())


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a.keys() - {"config"}:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def files_of(*paths):
    return npy_files.NpyFiles("x", tuple(npy_files.read_header(Path(path)) for path in paths))


def everything_said(dataset):
    return (
        dataset.digests(),
        dataset.image_shape,
        [value_range(part) for part in (dataset.train, dataset.test)],
        [all_zero_or_one(part) for part in (dataset.train, dataset.test)],
        size_note(dataset),
        learn(dataset, "gaussian", "float32").arrays().keys(),
    )


# ---- the same as in memory ----


@pytest.mark.parametrize("scale", [None, "standardise", "unit"])
@pytest.mark.parametrize("name", FILES)
def test_points_are_the_same(name, scale, no_room):
    there = arrays.load(f"{name}.npy", scale=scale, limit=120)
    no_room()
    away = arrays.load(f"{name}.npy", scale=scale, limit=120)
    assert isinstance(away.train, OnDisk) and isinstance(away.test, OnDisk)
    np.testing.assert_array_equal(away.train[:], there.train)
    np.testing.assert_array_equal(away.test[3:], there.test[3:])
    assert away.train.dtype == there.train.dtype and away.train.shape == there.train.shape
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(as_stored(away.train, dtype)[::-2], as_stored(there.train, dtype)[::-2])
    assert everything_said(away) == everything_said(there)
    assert (away.scaling is None) == (there.scaling is None)
    if there.scaling is not None:
        np.testing.assert_array_equal(away.scaling.shift, there.scaling.shift)
        np.testing.assert_array_equal(away.scaling.scale, there.scaling.scale)


@pytest.mark.parametrize(
    "name, more",
    [
        ("float32", ()),
        ("float64", ("--dtype", "float64")),
        ("float64", ("--scale", "standardise", "--alpha", "2", "--regulariser", "mmd", "--prior-variance", "pca")),
        ("float32", ("--scale", "unit", "--engine", "textbook", "--log-gradients")),
        ("bytes", ("--limit", "95")),
        ("binary", ()),
        ("colour", ("--prior", "mixture", "--alpha", "2")),
    ],
)
def test_a_run_is_the_same(name, more, no_room):
    there = train("memory", f"{name}.npy", *more)
    no_room()
    assert_same(train("disk", f"{name}.npy", *more), there)
    parts = ("test", "dimensions")
    assert [evaluation("disk")[part] for part in parts] == [evaluation("memory")[part] for part in parts]


def test_a_folder_of_parts_is_the_file(no_room):
    os.mkdir("parts")
    for number, part in enumerate(np.split(FILES["float32"], [60, 60, 150])):
        np.save(f"parts/{number}.npy", part)
    whole, joined = train("memory", "float32.npy"), train("joined", "parts")
    no_room()
    assert_same(joined, whole)
    assert_same(train("disk", "parts"), whole)


def test_a_stop_in_the_midst_of_an_epoch(no_room):
    whole = train("memory", "float32.npy")
    no_room()
    dataset = arrays.load("float32.npy")
    trainer = training.start(checkpoint.load("memory").options, dataset, "disk")
    asked = []

    def stop():
        asked.append(trainer.state.row)
        return trainer.state.epoch == 1 and trainer.state.row > 0

    assert not training.train(trainer, should_stop=stop)
    assert trainer.state.row % 20 == 0 and 0 < trainer.state.row < 183
    assert main(["train", "--resume", "disk", "--quiet", "--no-plots"]) == 0
    with np.load("disk/checkpoint.npz") as found:
        for name in whole:
            if name.startswith(("parameter.", "adam.")):
                np.testing.assert_array_equal(found[name], whole[name])


def test_a_run_from_memory_goes_on_from_the_disk_and_back():
    whole = train("whole", "bytes.npy")
    train("run", "bytes.npy", "--epochs", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "room_for_points", lambda: 0.0)
        assert main(["train", "--resume", "run", "--epochs", "2", "--quiet", "--no-plots"]) == 0
    assert main(["train", "--resume", "run", "--epochs", "3", "--quiet", "--no-plots"]) == 0
    with np.load("run/checkpoint.npz") as found:
        for name in whole:
            if name.startswith(("parameter.", "adam.")):
                np.testing.assert_array_equal(found[name], whole[name])


@pytest.mark.slow
def test_every_command_that_looks_at_points(no_room, capsys):
    train("run", "images.npy")
    capsys.readouterr()
    commands = ["evaluate run --log-likelihood --importance-samples 3 --json", "encode run images.npy --out {}.npz"]
    commands += [f"{name} run --out {{}}-{name}.npz" for name in ("traverse", "reconstruct", "sample")]
    commands += [
        "report run --out {}.html",
        "plot run",
        "gradients run",
        "export run --format c --weights int8 --out {}-c",
    ]
    printed = []
    for where in ("memory", "disk"):
        for command in commands:
            assert main(command.format(where).split()) == 0, command
        out = capsys.readouterr().out.replace(where, "").splitlines()
        printed.append([line for line in out if "second" not in line])
        no_room()
    assert printed[0] == printed[1]
    for name in ("", "-traverse", "-reconstruct", "-sample"):
        with np.load(f"memory{name}.npz") as a, np.load(f"disk{name}.npz") as b:
            assert_same(dict(a), dict(b))


# ---- when, and what is said ----


def test_it_is_said_where_the_points_are(no_room, capsys):
    no_room()
    train("disk", "float32.npy")
    assert "float32.npy: 4.06e-06 GB, read from the disk batch by batch" in capsys.readouterr().err


def test_a_quarter_of_the_memory(monkeypatch):
    values = FILES["float64"].size
    for there, away in ((4 * memory.of_points(values, 8), False), (4 * memory.of_points(values, 8) - 8, True)):
        monkeypatch.setattr(memory, "available", lambda there=there: there)
        assert isinstance(arrays.read("float64.npy").values, OnDisk) is away


def test_a_limit_on_the_process_is_its_memory():
    resource = pytest.importorskip("resource")
    code = (
        "import resource; from minidecomp import memory; most = 1 << 30;"
        "resource.setrlimit(resource.RLIMIT_AS, (most, most)); print(memory.available() == most)"
    )
    assert resource and subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def save_structured(path):
    np.save(path, np.zeros(4, [("a", float)]))


@pytest.mark.parametrize(
    "write, line",
    [
        (lambda: np.save("x.npy", np.asfortranarray(ROWS)), "column by column (Fortran order)"),
        (lambda: np.save("x.npy", ROWS[:, 0]), "of shape (203,) do not fit in memory"),
        (lambda: np.save("x.npy", np.zeros((9, 3, 4, 3))), 'say channels="first" or channels="last"'),
        (lambda: np.save("x.npy", np.array([{}, None], object), allow_pickle=True), "cannot be read"),
        (lambda: save_structured("x.npy"), "has dtype"),
        (lambda: np.save("x.npy", np.zeros((0, 5))), "is empty"),
        (lambda: np.save("x.npy", np.zeros((5, 0))), "is empty"),
    ],
)
def test_what_cannot_be_read_row_by_row(write, line, no_room):
    write()
    no_room()
    with pytest.raises(DataError) as caught:
        arrays.load("x.npy")
    assert line in str(caught.value) and "\n" not in str(caught.value)


def test_a_column_is_in_both_orders(no_room):
    np.save("x.npy", np.asfortranarray(ROWS[:, :1]))
    no_room()
    np.testing.assert_array_equal(arrays.read("x.npy").values[:], ROWS[:, :1])


def test_the_first_bad_row_is_named(no_room):
    values = FILES["float32"].copy()
    values[150, 2], values[190, 0] = np.nan, np.inf
    np.save("x.npy", values)
    lines = []
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            arrays.load("x.npy")
        lines.append(str(caught.value))
        no_room()
    assert lines[0] == lines[1] + "; drop_missing leaves out 1 row"
    assert "got nan in row 150, column 2" in lines[1]


def test_a_folder_is_of_one_kind(no_room):
    os.mkdir("parts")
    np.save("parts/a.npy", ROWS)
    np.save("parts/b.npy", ROWS[:, :3])
    for _ in range(2):
        with pytest.raises(DataError, match=r"all parts must have the same width and dtype; a.npy has float64 of"):
            arrays.load("parts")
        no_room()
    os.remove("parts/b.npy")
    Path("parts/notes.txt").touch()
    assert arrays.read("parts").notes[0] == "parts: all but its 1 .npy file is left out"
    Path("parts/x.png").touch()
    with pytest.raises(DataError, match=r"has both images and .npy files"):
        arrays.load("parts")


# ---- files that change ----


def test_a_file_that_is_cut(no_room):
    with open("float32.npy", "r+b") as file:
        file.truncate(1000)
    no_room()
    with pytest.raises(DataError, match="cannot be read to its array's end: it has 4060 bytes, there are 872"):
        arrays.load("float32.npy")


@pytest.mark.parametrize("change", ["cut", "written", "gone"])
def test_a_file_that_changes_while_it_is_trained_on(change, no_room, capsys, monkeypatch):
    no_room()

    def changing(engine, *arguments):
        if change == "cut":
            with open("float32.npy", "r+b") as file:
                file.truncate(1000)
        elif change == "written":
            np.save("float32.npy", FILES["float32"] + 1)
            os.utime("float32.npy", ns=(1, 1))
        elif os.path.exists("float32.npy"):
            os.remove("float32.npy")
        return usual(engine, *arguments)

    usual = CpuEngine.train
    monkeypatch.setattr(CpuEngine, "train", changing)
    assert main(["train", "--data", "float32.npy", *SMALL.split(), "--out", "run"]) != 0
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "float32.npy: " + ("can no longer be read" if change == "gone" else "the file changed while it was") in error
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]


def test_a_short_read_is_no_array(monkeypatch):
    files = files_of("float32.npy")
    monkeypatch.setattr(npy_files, "_check_unchanged", lambda part, file: None)
    os.truncate("float32.npy", 1000)
    with pytest.raises(DataError, match="the file is incomplete"):
        files.read(np.arange(203))


# ---- reading ----


@pytest.mark.parametrize("preadv", [True, False])
@pytest.mark.parametrize("gap", [0, 50, 10**6])
def test_rows_come_in_the_order_that_is_asked_for(gap, preadv, monkeypatch):
    monkeypatch.setattr(npy_files, "GAP", gap)
    if not preadv:
        monkeypatch.delattr(os, "preadv", raising=False)
        monkeypatch.delattr(os, "posix_fadvise", raising=False)
    os.mkdir("parts")
    for number, part in enumerate(np.split(ROWS, [60, 60, 150])):
        np.save(f"parts/{number}.npy", part)
    files = files_of(*sorted(Path("parts").iterdir()))
    for rows in (np.arange(203), np.arange(203)[::-1], RANDOM.integers(0, 203, 300), np.array([7]), np.arange(50, 160)):
        np.testing.assert_array_equal(files.read(rows), ROWS[rows])


def test_indices_are_those_of_an_array():
    points = OnDisk(files_of("float64.npy"), ROWS.dtype)
    np.testing.assert_array_equal(points[np.array([-1, 3])], ROWS[[-1, 3]])
    np.testing.assert_array_equal(points[5:1:-2], ROWS[5:1:-2])
    np.testing.assert_array_equal(points[-2], ROWS[-2])
    np.testing.assert_array_equal(np.asarray(points, np.float32), ROWS.astype(np.float32))
    assert [row.tolist() for row in points] == ROWS.tolist()
    with pytest.raises(IndexError):
        points[np.array([203])]
    assert fingerprint(points) == fingerprint(ROWS)


def test_points_on_the_disk_are_read_in_an_order_of_the_hosts(no_room, monkeypatch):
    """An engine's own may be on a device, and its copy not yet complete."""
    there = train("memory", "float32.npy")
    monkeypatch.delattr(CpuEngine, "permutation")
    monkeypatch.delattr(CpuEngine, "permutations")
    no_room()
    assert_same(train("disk", "float32.npy"), there)


def test_an_order_that_is_larger_than_the_memory(no_room, monkeypatch):
    no_room()
    monkeypatch.setattr(memory, "available", lambda: 1000.0)
    with pytest.raises(DataError, match=r"the order of its 203 rows alone would take about .* there are 1e-06 GB"):
        arrays.load("float32.npy")


def test_labels_and_factors_of_points_on_the_disk(no_room, capsys):
    labels = np.array(["left", "right", "", "up"])[RANDOM.integers(0, 4, 203)]
    Path("labels.csv").write_text("\n".join(["label", *(f'"{label}"' for label in labels)]))
    told = "--labels labels.csv --drop-missing --scale standardise".split()  # noqa: SIM905
    there = train("memory", "float32.npy", *told)
    no_room()
    assert_same(train("disk", "float32.npy", *told), there)
    assert main(["plot", "disk"]) == 0
    os.mkdir("parts")
    np.save("parts/a.npy", FILES["float32"])
    assert_same(train("disk2", "parts", *told), there)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.uint16])
@pytest.mark.parametrize("together", [False, True])
def test_a_learnt_scaling_depends_on_no_order_and_no_block(together, dtype, monkeypatch):
    points = (ROWS * [2, 1e2, 3, 1, 3] + [0, 1e4, 7, 100, 0]).clip(0, 6e4).astype(dtype)
    found = []
    for block, rows in ((1 << 24, points), (40, points[::-1]), (200, RANDOM.permutation(points))):
        monkeypatch.setattr(points_module, "BLOCK", block)
        found.append(learn_scaling("standardise", rows, together))
    axis, exact = None if together else 0, points.astype(np.float64)
    np.testing.assert_allclose(found[0].shift, np.broadcast_to(exact.mean(axis), 5), rtol=1e-14)
    np.testing.assert_allclose(found[0].scale, np.broadcast_to(exact.std(axis), 5), rtol=1e-14)
    for other in found[1:]:
        np.testing.assert_array_equal(other.shift, found[0].shift)
        np.testing.assert_array_equal(other.scale, found[0].scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["float32", "bytes"])
def test_a_gpu_engine_takes_stretches_of_an_epoch(name, kind):
    """Its copy of the points is that of the stretch."""
    ended = []
    on_the_disk = OnDisk(files_of(f"{name}.npy"), FILES[name].dtype)
    for points in (FILES[name], on_the_disk):
        vae, objective = make(5, "float32", alpha=2.0, hidden=(6,), latent_dim=2)
        engine = GpuEngine(vae, objective, max_rows=20, device=make_device(kind, vae.dtype))
        adam, totals, row = Adam.for_vector(vae.parameters.vector), np.zeros(4), 0
        order = permutation(len(points), 3, *streams.EPOCH_ORDER.at(0))
        with feed.Feed(points, 20) as given:
            while row < len(points):
                part, rows = given.take(order, row, 40)
                assert engine.train(part, rows, 20, adam, 3, totals) is None
                row += len(rows)
        engine.pull()
        ended.append((vae.parameters.vector.copy(), totals, *engine.encode(points)))
    for there, away in zip(*ended, strict=True):
        np.testing.assert_array_equal(away, there)


@pytest.mark.slow
def test_a_process_of_less_memory_than_its_file():
    """0.5 GB of addresses, of which Python, NumPy and SciPy take about a half, and a file of 1 GB."""
    resource, most = pytest.importorskip("resource"), 512 << 20
    part = RANDOM.random((1 << 13, 1 << 10), np.float32)
    file = np.lib.format.open_memmap("large.npy", "w+", np.float32, (1 << 18, 1 << 10))
    for first in range(0, len(file), len(part)):
        file[first : first + len(part)] = part
    del file
    command = [sys.executable, "-m", "minidecomp", "train", "--data", "large.npy", "--epochs", "1", "--hidden", "8"]
    done = subprocess.run(
        [*command, "--threads", "1", "--engine", "cpu", "--no-plots", "--out", "run", "--batch-size", "500"],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "large.npy: 1.07 GB, read from the disk batch by batch" in done.stderr


def test_a_sweep_and_the_estimator_give_the_same(no_room):
    there = train("one", "float32.npy", "--scale", "standardise", "--alpha", "1")
    no_room()
    options = [option for option in SMALL.split() if option not in ("--threads", "1", "--no-plots")]
    told = ["--data", "float32.npy", "--scale", "standardise", "--alpha", "0,1", "--out", "sweep"]
    assert main(["sweep", *told, *options]) == 0
    (run,) = [path for path in Path("sweep").iterdir() if "alpha1" in path.name or "alpha=1" in path.name]
    kept = arrays.load("float32.npy").train.numbers
    given = {"epochs": 3, "hidden": (8,), "latent_dim": 2, "batch_size": 20, "alpha": 1.0, "scale": "standardise"}
    model = DecompositionVAE(engine="cpu", dtype="float32", **given).fit(FILES["float32"][kept])
    with np.load(run / "checkpoint.npz") as found:
        for name in [each for each in there if each.startswith("parameter.")]:
            np.testing.assert_array_equal(found[name], there[name])
            np.testing.assert_array_equal(model.vae_.parameters[name.removeprefix("parameter.")], there[name])

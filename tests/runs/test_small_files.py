"""What is read whole is a small regular file: a pipe would be waited for, a device never ends."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minidecomp import files, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import RunError
from minidecomp.files import read_small_file
from minidecomp.runs.evaluation_file import parts_in_form
from minidecomp.runs.owner import LOCK, lock, own
from minidecomp.settings.sources import read_toml
from minidecomp.sweeps.cluster import _sees
from minidecomp.sweeps.folder import Place, failure, forget_failure

COMMAND = f"{sys.executable} -c 'from minidecomp.cli import run; run()'"
SECONDS = 30  # until a command that waits for a pipe is given up
SMALL = ["--points-per-arm", "10", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]


def stand_in(path, kind):
    """Put something other than a regular file where one is read."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a device":
            path.symlink_to("/dev/zero")


@pytest.fixture(params=["a pipe", "a folder", "a device"])
def kind(request):
    return request.param


# For tests that start processes: only a pipe would have them wait.
a_pipe_or_slow = pytest.mark.parametrize(
    "kind", ["a pipe", *(pytest.param(name, marks=pytest.mark.slow) for name in ("a folder", "a device"))]
)


def complaint(*args):
    """What a command that must not wait says. It has its own process: if it waits, only that is given up."""
    command = [sys.executable, "-c", "from minidecomp.cli import run; run()", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return done.returncode, done.stderr


def test_a_regular_file():
    Path("x").write_bytes(b"abc")
    assert read_small_file(Path("x"), 3) == b"abc"
    with pytest.raises(OSError, match="it has more than 2 bytes") as caught:
        read_small_file(Path("x"), 2)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError):
        read_small_file(Path("none"), 2)
    with pytest.raises(OSError, match="null byte"):
        read_small_file("a\0b", 2)


def test_what_is_no_regular_file(kind):
    stand_in("x", kind)
    for streams in (False, True):
        with pytest.raises(OSError, match=f"it is {kind}, not a file"):
            read_small_file(Path("x"), 10, streams)


def test_a_pipe_that_takes_the_files_place_after_the_look(monkeypatch):
    stand_in("x", "a pipe")
    Path("y").touch()
    seen = os.stat("y")
    monkeypatch.setattr(files.os, "stat", lambda path: seen)
    with pytest.raises(OSError, match="it is a pipe"):
        read_small_file(Path("x"), 10)


@pytest.mark.parametrize(
    "command", ["train", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sweep", "gradients"))]
)
def test_config_that_is_a_pipe(command):
    stand_in("c.toml", "a pipe")
    line = "minidecomp: cannot read c.toml: it is a pipe, not a file\n"
    assert complaint(command, "-c", "c.toml") == (2, line)


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="bash makes <(..)")
def test_config_from_another_program():
    command = f"{COMMAND} train {' '.join(SMALL)} -o r -c <(echo epochs = 3)"
    subprocess.run(["/bin/bash", "-c", command], check=True, capture_output=True, timeout=SECONDS)
    assert "epochs = 3\n" in Path("r/config.toml").read_text()
    command = f"{COMMAND} train -c <(head -c 11000000 /dev/zero)"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, timeout=SECONDS)
    assert "is not a TOML file of options: it has more than 10,000,000 bytes" in done.stderr and done.returncode == 2


def test_config_from_standard_input():
    read, write = os.pipe()
    os.write(write, b"epochs = 4\n")
    os.close(write)
    code = "from minidecomp.settings.sources import read_toml; print(read_toml('/dev/stdin'))"
    done = subprocess.run([sys.executable, "-c", code], stdin=read, capture_output=True, text=True, timeout=SECONDS)
    os.close(read)
    assert done.stdout == "{'epochs': 4}\n", done.stderr


@pytest.fixture
def run():
    options = resolve({"hidden": "4", "epochs": 1, "points_per_arm": 10, "threads": 1})
    training.train(training.start(options, dataset_from(options), "r"))


@a_pipe_or_slow
def test_a_runs_files(run, kind):
    for name in ("config.toml", "evaluation.json"):
        stand_in(f"r/{name}", kind)
    assert parts_in_form(Path("r")) == {}
    with pytest.raises(RunError, match=f"it is {kind}"):
        read_toml(Path("r/config.toml"))
    code, said = complaint("train", "--resume", "r", "--epochs", "2", "--no-plots", "-q")
    assert code == 1 and said.startswith("minidecomp: cannot write r/config.toml: "), said
    assert complaint("table", "r")[0] == 0, "its options are in the checkpoint, too"


def test_the_number_of_a_lock(kind, monkeypatch):
    stand_in(LOCK, kind)
    monkeypatch.setattr("minidecomp.runs.owner.lock", lambda path: None)  # another has it
    with pytest.raises(RunError, match="in use by another process"):
        own(Path())


@pytest.mark.parametrize("name", ["locks/a", LOCK])
def test_a_lock_names_what_is_in_its_place(kind, name):
    stand_in(name, kind)
    with pytest.raises(RunError, match=f"^cannot write {name}: "):
        lock(Path(name))
    assert os.path.lexists(name)


def test_somebodys_own_file_is_no_lock():
    Path(LOCK).write_text("precious")
    with pytest.raises(RunError, match=r"^cannot write \.lock: it is a file of somebody's own$"):
        own(Path())
    assert Path(LOCK).read_text() == "precious"
    for left in ("", "123\n", "4194304"):
        Path(LOCK).write_text(left)
        own(Path()).release()


def test_a_worker_sees_only_a_regular_file(kind):
    stand_in("x", kind)
    assert not _sees("x", "token") and not _sees("none", "token")
    Path("y").write_text("token")
    assert _sees("y", "token") and not _sees("y", "other")


# ---- why runs of a sweep failed ----


def test_a_note_that_cannot_be_read(kind):
    stand_in("s/failed/a.txt", kind)
    assert failure(Path("s"), "a") is None
    forget_failure(Place(Path("s")), "a")
    assert failure(Path("s"), "a") is None


def test_a_note_in_any_bytes():
    Path("s/failed").mkdir(parents=True)
    Path("s/failed/a.txt").write_bytes(b"\xff\xfeno\n")
    assert failure(Path("s"), "a") == "\ufffd\ufffdno"
    forget_failure(Place(Path("s")), "a")
    assert failure(Path("s"), "a") is None


@a_pipe_or_slow
def test_a_sweep_with_such_a_note(kind, capsys):
    assert main(["sweep", *SMALL[:-2], "-q", "--epochs", "1", "--prior", "mixture", "-o", "s"]) == 0
    Path("s/run/evaluation.json").unlink()
    stand_in("s/failed/run.txt", kind)
    assert complaint("table", "s")[0] in (0, 2)
    code, said = complaint("sweep", "--resume", "s", "-q")
    assert (code, said) == (0, "") and Path("s/run/evaluation.json").exists()


@a_pipe_or_slow
def test_a_grid_that_is_a_pipe(kind):
    stand_in("s/sweep.toml", kind)
    assert complaint("sweep", "--resume", "s") == (
        2,
        "minidecomp: s: this is not a sweep folder, as it has no sweep.toml\n",
    )

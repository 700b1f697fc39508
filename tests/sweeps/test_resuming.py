"""What a sweep goes on with: runs of its own options and data, and never what others put into its folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minidecomp.cli.main import main
from minidecomp.data import load
from minidecomp.data.dataset import Dataset
from minidecomp.errors import RunError
from minidecomp.runs import checkpoint, remembered
from minidecomp.sweeps import sameness
from minidecomp.sweeps.folder import begin_sweep, failure, is_finished, open_sweep
from minidecomp.sweeps.grid import expand
from minidecomp.sweeps.local import run_all
from minidecomp.sweeps.work import Datasets, refuse_others

COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]
SMALL = ["--prior", "mixture", "--points-per-arm", "10", "--hidden", "5", "--epochs", "3"]


@pytest.fixture
def finished(own_folder, capsys):
    """A finished sweep of two runs in s."""
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s", "-q"]) == 0
    capsys.readouterr()


def resumed(capsys, code, *more):
    assert main(["sweep", "--resume", "s", "-q", *more]) == code
    return capsys.readouterr()


def change(path, old, new):
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def times():
    return {path: path.stat().st_mtime_ns for path in Path("s").glob("*/*") if path.is_file() and path.suffix != ".csv"}


# ---- options and data ----


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("alpha = [", "lr = 0.5\nalpha = [", "lr was 0.001, the sweep now says 0.5"),
        ("hidden = [5]", "hidden = [6, 7]", "hidden was 5, the sweep now says 6,7"),
        ('prior = "mixture"', 'prior = "sparse"\ndata = "pinwheel"', "prior was mixture, the sweep now says sparse"),
        ("epochs = 3", "epochs = 2", "epochs was 3, the sweep now says 2"),
        ("points_per_arm = 10", "points_per_arm = 11", "points-per-arm was 10, the sweep now says 11"),
    ],
)
def test_other_options_are_no_finished_runs(finished, capsys, old, new, said):
    """Once old results were "finished", with exit code 0."""
    change("s/sweep.toml", old, new)
    before = times()
    out, err = resumed(capsys, 2)
    assert out == "" and err.startswith("minidecomp: s/alpha0: ") and err.count("\n") == 1, err
    assert said in err and "(1 other run too)" in err
    assert times() == before, "nothing was trained or written"
    rows = {entry.name: is_finished(Path("s"), entry) for entry in open_sweep(Path("s"))}
    assert rows == {"alpha0": False, "alpha2": False}


def test_what_changes_no_result_is_no_difference(finished, capsys):
    change("s/sweep.toml", 'engine = "cpu"', 'threads = 1\ncheckpoint_every = 3.0\nengine = "textbook"')
    before = times()
    resumed(capsys, 0)
    assert times() == before


def test_more_epochs_go_on(finished, capsys):
    change("s/sweep.toml", "epochs = 3", "epochs = 5")
    resumed(capsys, 0)
    assert checkpoint.identity("s/alpha2").epoch == 5 and "epochs = 5" in Path("s/alpha2/config.toml").read_text()


def points(seed=0):
    return np.random.default_rng(seed).normal(size=(40, 3))


def own_data(capsys):
    np.save("points.npy", points())
    args = ["--data", "points.npy", "--epochs", "1", "--hidden", "4", "--alpha", "0,1"]
    assert main(["sweep", *args, "--out", "s", "-q"]) == 0
    capsys.readouterr()


def test_a_changed_data_file(capsys):
    own_data(capsys)
    np.save("points.npy", points(1))
    before = times()
    out, err = resumed(capsys, 2)
    assert out == "" and err.count("\n") == 1 and "points.npy has other data now than when it was trained" in err
    assert times() == before


def test_changed_test_points_alone(capsys):
    """The digest of the training points does not see them."""
    own_data(capsys)
    rows = np.load("points.npy")
    rows[(rows == load("points.npy").test[0]).all(1)] += 1
    np.save("points.npy", rows)
    assert "has other data now" in resumed(capsys, 2)[1]


def test_a_likelihood_that_is_given_no_more(capsys):
    """It is what the data have then."""
    np.save("points.npy", points())
    args = ["--data", "points.npy", "--epochs", "1", "--hidden", "4", "--likelihood", "laplace"]
    assert main(["sweep", *args, "--out", "s", "-q"]) == 0
    change("s/sweep.toml", 'likelihood = "laplace"\n', "")
    assert "likelihood was laplace, the sweep now says gaussian" in resumed(capsys, 2)[1]


def test_a_data_file_elsewhere(capsys):
    """The same data under another path are the same; the run now says where they are, and keeps its parameters."""
    own_data(capsys)
    Path("there").mkdir()
    os.rename("points.npy", "there/points.npy")
    change("s/sweep.toml", os.path.abspath("points.npy"), os.path.abspath("there/points.npy"))
    before = checkpoint.load("s/alpha1").vae.parameters.vector
    resumed(capsys, 0)
    assert np.array_equal(checkpoint.load("s/alpha1").vae.parameters.vector, before)
    assert "there/points.npy" in Path("s/alpha1/config.toml").read_text()
    again = times()
    resumed(capsys, 0)
    assert times() == again


def test_data_that_are_gone(capsys):
    """What is finished stays, and a line says that it was not compared."""
    own_data(capsys)
    os.remove("points.npy")
    out, err = resumed(capsys, 0)
    assert out.count("finished") == 2 and err.count("\n") == 1
    assert err.startswith("the data of 2 runs cannot be compared with those they were trained on: ")


def test_a_digest_is_taken_once(monkeypatch):
    """Of each data set, not of each run."""
    from minidecomp.data import dataset

    entries = expand([{"data": "pinwheel", "points_per_arm": 10, "hidden": [5], "epochs": 1, "alpha": [0, 1, 2]}])
    taken = []
    true = dataset.fingerprint
    monkeypatch.setattr(dataset, "fingerprint", lambda points: taken.append(len(points)) or true(points))
    Path("s").mkdir()
    assert set(run_all(Path("s"), entries, datasets=Datasets()).values()) == {"finished"}
    assert len(taken) == 2, "the training and the test points"
    taken.clear()
    read = []
    monkeypatch.setattr(checkpoint, "identity", lambda folder: read.append(folder))
    assert set(run_all(Path("s"), entries, datasets=Datasets()).values()) == {"finished"}
    assert len(taken) == 2 and read == [], "nor is a checkpoint opened again that has not changed"


def test_a_checkpoints_parameters_are_not_read(finished, monkeypatch):
    asked = []
    true = zipfile.ZipFile.open
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda self, name, *more: asked.append(name) or true(self, name, *more)
    )
    remembered._identity.cache_clear()
    sameness._difference.cache_clear()
    assert all(is_finished(Path("s"), entry) for entry in open_sweep(Path("s")))
    names = {str(getattr(name, "filename", name)) for name in asked}
    assert "config.npy" in names and not [name for name in names if name.startswith(("parameter.", "adam."))]


def test_a_run_under_anothers_name(finished, capsys):
    shutil.rmtree("s/alpha0")
    os.rename("s/alpha2", "s/alpha0")
    err = resumed(capsys, 2)[1]
    assert (
        err.startswith("minidecomp: s/alpha0: alpha was 2.0, the sweep now says 0.0; undo the change, or")
        and err.count("\n") == 1
    )


def test_the_library_refuses_too(finished):
    change("s/sweep.toml", "alpha = [", "lr = 0.5\nalpha = [")
    with pytest.raises(RunError, match=r"lr was 0\.001"):
        run_all(Path("s"), open_sweep(Path("s")))
    with pytest.raises(RunError, match=r"lr was 0\.001"):
        refuse_others(Path("s"), open_sweep(Path("s")), Datasets())


# ---- folders that were moved, renamed, deleted halfway ----


def test_what_others_put_there_is_not_deleted(finished, capsys):
    """Once a folder without a checkpoint was deleted with all that it held."""
    os.rename("s/alpha0/checkpoint.npz", "kept.npz")
    Path("s/alpha0/notes.txt").write_text("dear diary")
    before = times()
    err = resumed(capsys, 1)[1]
    assert (
        err.startswith("failed: alpha0: s/alpha0: it has no checkpoint.npz, but config.toml, ") and err.count("\n") == 1
    )
    assert times().items() >= before.items() and Path("s/alpha0/notes.txt").read_text() == "dear diary"
    os.rename("kept.npz", "s/alpha0/checkpoint.npz")
    resumed(capsys, 0)


def test_notes_alone(finished, capsys):
    shutil.rmtree("s/alpha0")
    Path("s/alpha0").mkdir()
    Path("s/alpha0/notes.txt").touch()
    assert "it has no checkpoint.npz, but notes.txt; move that away" in resumed(capsys, 1)[1]
    assert Path("s/alpha0/notes.txt").exists()


@pytest.mark.parametrize("kind", ["a file", "a link that leads nowhere"])
def test_no_folder(finished, capsys, kind):
    shutil.rmtree("s/alpha0")
    if kind == "a file":
        Path("s/alpha0").write_text("x")
    else:
        os.symlink("nowhere", "s/alpha0")
    err = resumed(capsys, 1)[1]
    assert err == "failed: alpha0: s/alpha0: this is not a folder; move it away to train the run there\n"


def test_a_killed_beginning_is_begun_again(finished, capsys):
    header = Path("s/alpha0/metrics.csv").read_text().splitlines()[0]
    config = Path("s/alpha0/config.toml").read_bytes()
    shutil.rmtree("s/alpha0")
    Path("s/alpha0").mkdir()
    Path("s/alpha0/config.toml").write_bytes(config)
    Path("s/alpha0/metrics.csv").write_text(header + "\n")
    Path("s/alpha0/.checkpoint.npz.minidecomp-0123456789abcdef").write_bytes(b"half")
    resumed(capsys, 0)
    assert not list(Path("s/alpha0").glob(".*")) and Path("s/alpha0/evaluation.json").exists()


def test_what_a_killed_evaluation_left_is_deleted(finished, capsys):
    Path("s/alpha0/evaluation.json").unlink()
    Path("s/alpha0/.evaluation.json.minidecomp-0123456789abcdef").write_text("half")
    Path("s/alpha0/.other.json.minidecomp-0123456789abcdef").touch()
    resumed(capsys, 0)
    assert Path("s/alpha0/evaluation.json").exists()
    assert [path.name for path in Path("s/alpha0").glob(".*")] == [".other.json.minidecomp-0123456789abcdef"]


@pytest.mark.parametrize("gone", ["config.toml", "evaluation.json", "metrics.csv"])
def test_a_file_is_gone(finished, capsys, gone):
    """The run's parameters have all of them."""
    before = checkpoint.load("s/alpha0").vae.parameters.vector
    Path(f"s/alpha0/{gone}").unlink()
    out, err = resumed(capsys, 0)
    assert out.count("finished") == 2 and err == ""
    assert np.array_equal(checkpoint.load("s/alpha0").vae.parameters.vector, before)
    assert Path(f"s/alpha0/{gone}").exists() or gone == "metrics.csv"


def test_a_damaged_checkpoint_stops_nothing(finished, capsys):
    Path("s/alpha0/checkpoint.npz").write_bytes(b"PK")
    shutil.rmtree("s/alpha2")
    err = resumed(capsys, 1)[1]
    assert err.startswith("failed: alpha0: s/alpha0/checkpoint.npz: the file is damaged") and err.count("\n") == 1
    assert is_finished(Path("s"), open_sweep(Path("s"))[1])


def test_a_damaged_evaluation_is_made_anew(finished, capsys):
    """And so is one that only looks whole."""
    found = json.loads(Path("s/alpha0/evaluation.json").read_text())
    Path("s/alpha0/evaluation.json").write_text("{")
    resumed(capsys, 0)
    assert json.loads(Path("s/alpha0/evaluation.json").read_text()) == found
    Path("s/alpha0/evaluation.json").write_text(json.dumps(found | {"dimensions": {"active": 3}}))
    resumed(capsys, 0)
    assert json.loads(Path("s/alpha0/evaluation.json").read_text()) == found


def test_a_table_of_what_is_left(finished, capsys):
    """A line for each run that cannot be read; the others are shown."""
    Path("s/sweep.toml").unlink()  # a folder of runs, no sweep
    shutil.copytree("s/alpha0", "s/half")
    Path("s/half/checkpoint.npz").unlink()
    shutil.copytree("s/alpha0", "s/broken")
    Path("s/broken/checkpoint.npz").write_bytes(b"alpha =")
    shutil.copytree("s/alpha0", "s/worse")
    Path("s/worse/evaluation.json").write_text("[]")
    assert main(["table", "s"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["run", "s/alpha0", "s/alpha2"]
    assert sorted(line.split()[2] for line in err.splitlines() if line.startswith("left out")) == [
        "s/broken/checkpoint.npz:", "s/half:", "s/worse/evaluation.json:",
    ]  # fmt: skip
    assert "left out: s/half: it has a config.toml but no checkpoint.npz" in err
    assert main(["table", "s", "s/alpha0", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2, "no run is there twice"


# ---- exit codes, and two that begin at once ----


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signals_exit_code(number, code):
    """As of train."""
    grid = ["--prior", "mixture", "--points-per-arm", "40", "--alpha", "1,2", "--epochs", "200000"]
    process = subprocess.Popen([*COMMAND, "sweep", *grid, "--out", "s", "-q"], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 30
    while not list(Path("s").glob("*/checkpoint.npz")):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code and "to continue: minidecomp sweep --resume s" in err


def test_reproduce_gives_the_signals_code_and_a_command(monkeypatch, capsys):
    from minidecomp.cli import sweep

    monkeypatch.setattr(sweep, "run_grid", lambda *args: ({}, [signal.SIGTERM]))
    assert main(["reproduce", "clustering", "--quick", "--out", "a b", "-q"]) == 143
    assert "to continue: minidecomp reproduce clustering --quick --out 'a b'\n" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["sweep --alpha 1,2", "train", "reproduce clustering -q"])
def test_a_folder_that_cannot_be_made(command, capsys):
    Path("file").write_text("x")
    assert main([*command.split(), "--out", "file/inside"]) == 2
    err = capsys.readouterr().err
    assert "file/inside: cannot write there: " in err and err.splitlines()[-1].startswith("minidecomp: ")


def test_a_folder_that_takes_no_files(finished, monkeypatch, capsys):
    import tempfile

    def refuse(*args, **more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert resumed(capsys, 2)[1] == "minidecomp: s: cannot write there: Permission denied\n"


def test_one_of_two_begins():
    """Both found the folder empty; the second does not write over the first's grid."""
    begin_sweep("s", [{"alpha": 1}])
    with pytest.raises(RunError, match="s: it exists already"):
        begin_sweep("s", [{"alpha": 2}])
    assert open_sweep(Path("s"))[0].options.alpha == 1


def test_folders_are_made_by_one_process_each():
    processes = [subprocess.Popen([*COMMAND, "sweep", *SMALL, "-q"], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert sorted(path.name for path in Path("sweeps").iterdir()) == ["sweep", "sweep-2"]


def test_the_note_of_a_failure_goes(finished, capsys):
    Path("s/alpha0/evaluation.json").unlink()
    Path("s/failed").mkdir()
    Path("s/failed/alpha0.txt").write_text("x")
    resumed(capsys, 0)
    assert failure(Path("s"), "alpha0") is None


def test_a_data_set_is_still_compared_by_its_fields():
    """The digests that it remembers are no part of it."""
    one = Dataset("x", np.zeros((2, 2)), np.ones((1, 2)))
    assert one.digests() is one.digests() and "_digests" not in repr(one)


def test_a_sweep_that_was_killed_while_it_wrote_its_grid_is_begun_again(capsys):
    """What the killed write has left is deleted; of a file of somebody's own nothing is."""
    for name in ("s", "own"):
        Path(name).mkdir()
        Path(name, ".sweep.toml.minidecomp-0123456789abcdef").write_text("[[gr")
    Path("own/.sweep.toml.mine").write_text("mine")
    assert main(["sweep", *SMALL, "-q", "-o", "s"]) == 0
    assert not [path.name for path in Path("s").iterdir() if "minidecomp-" in path.name]
    assert main(["sweep", *SMALL, "-q", "-o", "own"]) == 2
    assert "it exists already" in capsys.readouterr().err and len(list(Path("own").iterdir())) == 2

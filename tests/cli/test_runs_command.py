"""``minidecomp runs``: each run and each sweep with its date, state, objective, and the options that differ."""

import csv
import io
import json
import os
import shutil
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from toys import Logistic

from minidecomp import resolve, training
from minidecomp.cli import tables
from minidecomp.cli.main import main
from minidecomp.cli.program import program
from minidecomp.data import dataset_from
from minidecomp.errors import RunError
from minidecomp.rounding import rounded
from minidecomp.runs import checkpoint, evaluation_file
from minidecomp.runs.owner import is_held, lock, own
from minidecomp.sweeps.folder import open_sweep
from minidecomp.variants import PRIORS

SMALL = ["--points-per-arm", "5", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]
GRID = ["--points-per-arm", "5", "--hidden", "4", "-q"]
WHEN = time.mktime((2024, 2, 3, 14, 5, 59, 0, 0, -1))


def train(*args):
    assert main(["train", *SMALL, *args]) == 0


def stopped(folder, epochs=4, done=2):
    """A run that was stopped after some of its epochs."""
    options = resolve({"hidden": "4", "points_per_arm": 5, "epochs": epochs, "threads": 1})
    with training.start(options, dataset_from(options), folder) as trainer:
        training.train(trainer, on_epoch=[lambda trainer: trainer.state.epoch == done])
    return checkpoint.identity(folder).epoch


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with runs and a sweep, which tests copy."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "own.csv").write_text("".join(f"{i * 0.3},{i % 7 * 0.7}\n" for i in range(30)))
        train("--epochs", "1", "--out", "runs/a")
        train("--epochs", "1", "--alpha", "2", "--beta", "0.5", "--out", "runs/b")
        own_data = ["--data", "own.csv", "--hidden", "4", "--epochs", "1", "--no-plots", "-q", "--out", "runs/deep/c"]
        assert main(["train", *own_data]) == 0
        assert main(["sweep", *GRID, "--epochs", "1", "--alpha", "1,2,3,4", "--seeds", "2", "--out", "sweeps/s"]) == 0
        os.utime("runs/a/checkpoint.npz", (WHEN, WHEN))
    return folder


def listed(capsys, *folders, error=""):
    """What ``runs --json`` has, by the folders' names."""
    assert main(["runs", *folders, "--json"]) == 0
    out, err = capsys.readouterr()
    assert error in err if error else err == ""
    found = json.loads(out)
    return {row["run"]: row for row in found}


def lines(capsys, *folders):
    """What ``runs`` prints on standard output, the words of a line apart where two blanks are."""
    assert main(["runs", *folders]) == 0
    return [[word for word in line.split("  ") if word] for line in capsys.readouterr().out.splitlines()]


def test_runs_and_sweeps_where_they_go_by_default(here, capsys):
    found = lines(capsys)
    names = [name.strip() for name in found[0]]
    assert names == ["run", "date", "state", "objective", "data", "beta", "alpha", "seed"]
    a, b, c, sweep = ([cell.strip() for cell in line] for line in found[1:])
    objective = json.loads(Path("runs/a/evaluation.json").read_text())["train"]["objective"]
    assert a == ["runs/a", "2024-02-03T14:05", "finished", rounded(objective), "pinwheel", "1", "0", "0"]
    assert b[0] == "runs/b" and b[-3:] == ["0.5", "2", "0"]
    assert c[:1] == ["runs/deep/c"] and c[2] == "finished" and c[4:] == ["own.csv"]  # no run of its data to differ from
    assert sweep[0] == "sweeps/s" and sweep[2:] == [
        "8 of 8 finished",
        "pinwheel",
        "1",
        "1 .. 4 (4)",
        "0 | 1",
    ]
    assert sweep[1] == datetime.fromtimestamp(newest("sweeps/s")).isoformat(timespec="minutes")


def newest(sweep):
    return max(path.stat().st_mtime for path in Path(sweep).glob("*/checkpoint.npz"))


def test_json_and_csv_have_all_options(here, capsys):
    found = listed(capsys)
    assert list(found) == ["runs/a", "runs/b", "runs/deep/c", "sweeps/s"]
    assert found["runs/b"]["options"]["alpha"] == 2 and found["runs/b"]["options"]["hidden"] == [4]
    assert found["sweeps/s"]["options"]["alpha"] == [1, 2, 3, 4] and found["sweeps/s"]["runs"] == 8
    assert found["sweeps/s"]["kind"] == "sweep" and found["runs/a"]["kind"] == "run"
    assert main(["runs", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["run"] for row in rows] == list(found)
    assert rows[1]["alpha"] == "2.0" and rows[1]["batch_size"] == "400" and rows[3]["finished"] == "8"
    assert float(rows[0]["objective"]) == found["runs/a"]["objective"]
    assert main(["runs", "--csv", "--json"]) == 2


def test_states(here, capsys):
    done = stopped("runs/stopped")
    assert done == 2
    (here / "runs/begun").mkdir()
    shutil.copy("runs/a/config.toml", "runs/begun")
    shutil.copytree("runs/a", "runs/bare")
    Path("runs/bare/evaluation.json").unlink()
    shutil.copytree("runs/a", "runs/damaged")
    Path("runs/damaged/checkpoint.npz").write_bytes(b"PK\x03\x04half")
    shutil.copytree("runs/a", "runs/json")
    Path("runs/json/evaluation.json").write_text("{")
    (here / "runs/else").mkdir()
    Path("runs/else/config.toml").write_text('title = "of another program"\n')
    reason = "runs/damaged/checkpoint.npz: the file is damaged: not a whole .npz file"
    found = listed(capsys, "runs", error=reason)
    assert {name: row["state"] for name, row in found.items()} == {
        "runs/a": "finished",
        "runs/b": "finished",
        "runs/bare": "not evaluated",
        "runs/begun": "begun",
        "runs/damaged": "damaged",
        "runs/deep/c": "finished",
        "runs/json": "damaged",
        "runs/stopped": "unfinished",
    }
    assert found["runs/damaged"]["reason"] == reason
    assert found["runs/bare"]["objective"] == found["runs/a"]["objective"] == found["runs/json"]["objective"]
    assert found["runs/begun"]["date"] is None and found["runs/begun"]["options"]["epochs"] == 1
    words = {line[0].strip(): line for line in lines(capsys, "runs")}
    assert "epoch 2 of 4" in [word.strip() for word in words["runs/stopped"]]
    assert "epoch 1 of 1, not evaluated" in [word.strip() for word in words["runs/bare"]]
    assert "begun, no checkpoint" in [word.strip() for word in words["runs/begun"]]


def test_a_run_that_is_trained_now(here, capsys):
    stopped("runs/stopped")
    held, other = own(Path("runs/stopped")), lock(Path("sweeps/s/locks/alpha1-seed0"))
    found = listed(capsys)
    assert found["runs/stopped"]["training"] is True and found["runs/a"]["training"] is False
    assert found["sweeps/s"]["training"] == 1
    words = [line[2].strip() for line in lines(capsys)]
    assert "in training now, epoch 2 of 4" in words and "8 of 8 finished, 1 in training now" in words
    held.release()
    other.release()
    assert not listed(capsys)["runs/stopped"]["training"]


def test_looking_at_a_lock_writes_nothing_and_lets_it_be_taken():
    assert not is_held(Path(".lock")) and not os.path.exists(".lock")
    Path(".lock").write_text("12\n")  # what a killed process leaves
    assert not is_held(Path(".lock")) and Path(".lock").read_text() == "12\n"
    held = own(Path())
    assert is_held(Path(".lock"))
    held.release()
    assert not is_held(Path(".lock"))
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        assert not is_held(Path("pipe"))


def test_who_only_looks_does_not_keep_a_run_from_its_owner(monkeypatch):
    """A look takes a moment; whoever comes meanwhile tries once more."""
    fcntl = pytest.importorskip("fcntl")
    Path(".lock").write_text("")
    looking = os.open(".lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    assert not is_held(Path(".lock"))  # another one who looks is no owner
    monkeypatch.setattr("minidecomp.runs.owner.time.sleep", lambda seconds: fcntl.flock(looking, fcntl.LOCK_UN))
    own(Path()).release()
    os.close(looking)


def test_the_last_objective_of_a_run_without_an_evaluation(here, capsys):
    """metrics.csv may be a save ahead of the checkpoint; its row of the checkpoint's epoch counts."""
    stopped("runs/stopped")
    rows = Path("runs/stopped/metrics.csv").read_text().splitlines()
    expected = float(rows[2].split(",")[rows[0].split(",").index("objective")])
    Path("runs/stopped/metrics.csv").write_text("\n".join([*rows, "3,0,0,0,-1,1"]) + "\n")
    assert listed(capsys, "runs/stopped")["runs/stopped"]["objective"] == expected
    for content in (b"\xff\xfe", b"", b"epoch,objective\n2,many\n"):
        Path("runs/stopped/metrics.csv").write_bytes(content)
        assert listed(capsys, "runs/stopped")["runs/stopped"]["objective"] is None


def test_a_sweep_that_is_not_finished(here, capsys):
    entries = open_sweep(Path("sweeps/s"))
    shutil.rmtree("sweeps/s/alpha4-seed1")
    Path("sweeps/s/alpha1-seed0/evaluation.json").unlink()
    Path("sweeps/s/alpha1-seed1/checkpoint.npz").write_bytes(b"")
    os.makedirs("sweeps/s/failed", exist_ok=True)
    Path("sweeps/s/failed/alpha2-seed0.txt").write_text("an old note\n")  # the run is finished
    Path("sweeps/s/failed/alpha1-seed1.txt").write_text("no longer finite\nmore\n")
    shutil.copytree("runs/b", "sweeps/s/other")
    sweep = listed(capsys)["sweeps/s"]
    assert (sweep["runs"], sweep["finished"], sweep["failed"], sweep["state"]) == (8, 5, 1, "unfinished")
    assert [line[2].strip() for line in lines(capsys, "sweeps")][1] == "5 of 8 finished, 1 failed"
    found = listed(capsys, "sweeps/s", error="alpha1-seed1/checkpoint.npz: the file is damaged")
    assert list(found) == [f"sweeps/s/{entry.name}" for entry in entries] + ["sweeps/s/other"]
    states = {name.removeprefix("sweeps/s/"): row["state"] for name, row in found.items()}
    assert states["alpha4-seed1"] == "not begun" and states["alpha1-seed0"] == "not evaluated"
    assert states["alpha1-seed1"] == "damaged" and states["alpha2-seed0"] == "finished" == states["other"]
    assert found["sweeps/s/alpha4-seed1"]["options"]["alpha"] == 4


def test_a_run_that_is_finished_but_no_longer_the_sweeps(here, capsys):
    text = Path("sweeps/s/sweep.toml").read_text()
    Path("sweeps/s/sweep.toml").write_text(text.replace("[[grid]]", "[[grid]]\nlr = 0.5"))
    found = listed(capsys, "sweeps/s", error="lr was 0.001, the sweep now says 0.5")
    assert {row["state"] for row in found.values()} == {"not the sweep's"}
    Path("sweeps/s/sweep.toml").write_text(text.replace("epochs = 1", "epochs = 3"))
    found = listed(capsys, "sweeps/s")
    assert {(row["state"], row["epoch"], row["epochs"]) for row in found.values()} == {("unfinished", 1, 3)}
    assert listed(capsys)["sweeps/s"]["finished"] == 0


def test_a_sweep_whose_grid_is_damaged(here, capsys):
    Path("sweeps/s/sweep.toml").write_text("[[grid")
    for place in ("sweeps", "sweeps/s"):
        found = listed(capsys, place, error="sweeps/s/sweep.toml")
        assert found["sweeps/s"]["state"] == "unreadable" and len(found) == 9  # its runs are listed one by one


def test_only_headers_are_read(here, capsys, monkeypatch):
    """Neither a parameter nor Adam's state of any run."""
    from minidecomp.runs import npz

    read = []
    real = npz.Npz.read
    monkeypatch.setattr(npz.Npz, "read", lambda self, name: read.append(name) or real(self, name))
    assert len(listed(capsys)) == 4
    assert read and not {name for name in read if name.startswith(("parameter.", "adam.", "metrics"))}


def test_nothing_there(own_folder, capsys):
    assert main(["runs"]) == 0
    assert capsys.readouterr() == (
        "",
        "there is no folder runs or sweeps here; name a FOLDER, or start with minidecomp train\n",
    )
    assert main(["runs", "--json"]) == 0 and json.loads(capsys.readouterr().out) == []
    (own_folder / "empty/.hidden").mkdir(parents=True)
    assert main(["runs", "empty"]) == 0
    assert capsys.readouterr() == ("", "empty: no runs or sweeps in it\n")
    assert main(["runs", "none"]) == 2
    assert capsys.readouterr() == ("", "minidecomp: none: no such folder\n")


def test_links(here, capsys):
    Path("runs/round").symlink_to("..")
    Path("runs/linked").symlink_to(here / "runs/a")
    found = listed(capsys, "runs")
    assert list(found) == ["runs/a", "runs/b", "runs/deep/c"]  # each run once
    Path("runs/twice").symlink_to(here / "runs/a")
    assert list(listed(capsys, "runs")) == ["runs/a", "runs/b", "runs/deep/c"]
    Path("runs/twice").unlink()
    os.rename("runs/a", "elsewhere")
    Path("runs/linked").unlink()
    Path("runs/linked").symlink_to(here / "elsewhere")
    assert list(listed(capsys, "runs")) == ["runs/b", "runs/deep/c", "runs/linked"]


def test_however_deep_a_folder_is(own_folder, capsys, made):
    depth = 1100  # Python calls itself a thousand times at most
    for _ in range(depth):
        os.mkdir("a")
        os.chdir("a")
    shutil.copytree(made / "runs/a", "run")
    os.chdir(own_folder)
    try:
        assert list(listed(capsys, "a")) == ["a/" * depth + "run"]
    finally:  # who clears tmp_path would call himself as often
        shutil.rmtree("a/" * depth + "run")
        os.removedirs("a/" * depth)


def test_a_folder_that_cannot_be_read(here, capsys, monkeypatch):
    """What it has is not listed, and all else is."""
    real = os.scandir

    def scandir(path):
        if Path(path) == Path("runs/deep"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(listed(capsys, error="cannot read runs/deep: Permission denied\n")) == ["runs/a", "runs/b", "sweeps/s"]


def test_a_narrow_terminal(here, capsys, monkeypatch):
    monkeypatch.setattr(tables, "terminal_width", lambda: 66)
    assert main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert max(map(len, out.splitlines())) <= 66 and len(out.splitlines()) == 5
    assert out.split()[:3] == ["run", "date", "state"]
    assert err.startswith("left out to fit 66 columns: seed, alpha, beta")
    assert err.endswith("; --csv has all\n") and err.count("\n") == 1


def test_80_columns_have_the_date_the_objective_and_options(own_folder, capsys, monkeypatch):
    for alpha, beta in ((0, 1), (5, 1), (5, 0.5)):
        train("--epochs", "1", "--alpha", str(alpha), "--beta", str(beta))
    assert main(["sweep", *GRID, "--epochs", "1", "--alpha", "0,5", "--beta", "1,2"]) == 0
    capsys.readouterr()
    monkeypatch.setattr(tables, "terminal_width", lambda: 80)
    found = lines(capsys)
    assert [name.strip() for name in found[0]] == ["run", "date", "state", "objective", "beta", "alpha"]
    names = [line[0] for line in found[1:]]
    assert len(set(names)) == 4 and names[0].strip() == "runs/…a0-beta1-seed0"
    assert names[-1].strip() == "sweeps/sweep" and "4 of 4 finished" in found[-1][2]


def test_a_run_of_ones_own_prior(own_folder, capsys, monkeypatch):
    """It was called damaged, and the hints named a program that does not have the prior."""
    PRIORS.add(Logistic)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["a b/mine.py"])
            patch.setattr(sys.modules["__main__"], "__file__", "/x/a b/mine.py", raising=False)
            train("--epochs", "1", "--prior", "logistic", "--out", "runs/own")
            assert capsys.readouterr().out.endswith("next: python 'a b/mine.py' evaluate runs/own\n")
            assert main(["train", "--help"]) == 0
            assert capsys.readouterr().out.startswith("Usage: python 'a b/mine.py' train [OPTIONS]\n")
            assert main(["evaluate"]) == 2
            said = "minidecomp: evaluate needs a RUN; see python 'a b/mine.py' evaluate --help\n"
            assert capsys.readouterr().err == said
    finally:
        PRIORS.remove("logistic")
    for argv in ("/usr/bin/minidecomp", "/x/minidecomp/__main__.py", "ipykernel_launcher.py"):
        monkeypatch.setattr(sys, "argv", [argv])
        assert program() == "minidecomp"
    found = listed(capsys, error="unknown prior: runs/own/checkpoint.npz: it has prior = logistic, which this ")
    assert found["runs/own"]["state"] == "unknown prior"


def test_a_second_run_of_the_same_name_says_what_differs(own_folder, capsys):
    def said(*args):
        assert main(["train", *SMALL[:-1], "--epochs", "1", "--seed", "0", *args]) == 0
        return [line for line in capsys.readouterr().err.splitlines() if " already exists" in line]

    name = "runs/pinwheel-mixture-alpha0-beta1-seed0"
    assert said() == []
    assert said("--epochs", "3") == [
        f"{name} already exists: it has epochs 1, this one 3; minidecomp train --resume {name} --epochs 3 continues it, "
        "--out chooses another folder"
    ]
    assert said() == [f"{name} already exists, trained with the same options; --out chooses another folder"]
    # The nearest of those that are there is named: name-2 has the epochs.
    assert said("--epochs", "3", "--hidden", "5", "--threads", "2") == [
        f"{name}-2 already exists: it has hidden 4, this one 5; --out chooses another folder"
    ]
    assert said("--epochs", "2", "--hidden", "6", "--lr", "0.1", "--batch-size", "7", "--samples", "2") == [
        f"{name} already exists: it has hidden 4, this one 6; samples 1, this one 2; epochs 1, this one 2; and 2 more; "
        "--out chooses another folder"
    ]
    assert said("--out", "named") == []
    assert main(["train", *SMALL, "--epochs", "1"]) == 0 and capsys.readouterr().err == ""
    Path(name, "checkpoint.npz").write_bytes(b"")
    assert said("--epochs", "3")[0].startswith(f"{name}-2 already exists, trained with the same options")


def test_a_run_that_was_stopped_is_gone_on_with(own_folder, capsys):
    name = "runs/pinwheel-mixture-alpha0-beta1-seed0"
    stopped(name)
    assert main(["train", *SMALL[:-1], "--epochs", "4", "--seed", "0"]) == 0
    line = f"{name} already exists, begun with the same options; minidecomp train --resume {name} continues it, "
    assert line in capsys.readouterr().err


def test_a_damaged_run_never_ends_the_list(here, capsys):
    rng = np.random.default_rng(0)
    whole = {name: Path("runs/a", name).read_bytes() for name in ("checkpoint.npz", "evaluation.json", "metrics.csv")}
    for _ in range(40):
        name = rng.choice(list(whole))
        content = bytearray(whole[name])
        for place in rng.integers(0, len(content), 5):
            content[place] = rng.integers(0, 256)
        Path("runs/a", name).write_bytes(content[: rng.integers(1, len(content) + 1)])
        assert main(["runs", "runs"]) == 0
        out, err = capsys.readouterr()
        assert [line.split()[0] for line in out.splitlines()] == ["run", "runs/a", "runs/b", "runs/deep/c"], err
        Path("runs/a", name).write_bytes(whole[name])


def test_evaluations_are_read_by_the_rule_of_the_table(here, capsys, monkeypatch):
    """`runs` asks the same reader as `table`, so that both call the same file damaged."""
    monkeypatch.setattr(evaluation_file, "is_in_form", lambda name, part: name != "test")
    found = listed(capsys, "runs/a", error="runs/a/evaluation.json: the file is damaged in test")
    assert found["runs/a"]["state"] == "damaged"
    with pytest.raises(RunError, match="is damaged in test"):
        evaluation_file.read_whole(Path("runs/a"))

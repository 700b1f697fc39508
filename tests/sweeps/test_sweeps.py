"""Sweeps: grids, their folder, and that neither a kill nor a second process loses or repeats anything."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp.cli.main import main
from minidecomp.errors import OptionError, RunError
from minidecomp.runs import checkpoint
from minidecomp.sweeps import folder as sweep_folder
from minidecomp.sweeps.grid import expand, read_blocks, values_of, write_blocks
from minidecomp.sweeps.local import run_all, threads_of_each
from minidecomp.sweeps.work import BUSY, Datasets, complete

COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]
SMALL = ["--prior", "mixture", "--points-per-arm", "10", "--hidden", "5", "--epochs", "3"]


def parameters(run):
    return checkpoint.load(run).vae.parameters.vector


# ---- grids ----


def test_every_combination():
    entries = expand([{"prior": "mixture", "alpha": [1, 3], "beta": [0, 0.5], "seeds": 2}])
    assert [entry.name for entry in entries][:3] == [
        "beta0-alpha1-seed0", "beta0-alpha1-seed1", "beta0.5-alpha1-seed0",
    ]  # fmt: skip
    assert len(entries) == 8 and {entry.options.prior for entry in entries} == {"mixture"}


def test_blocks_are_added_up_and_nothing_is_there_twice():
    entries = expand([{"alpha": [0, 1], "beta": 1}, {"alpha": [1, 2], "beta": 1}])
    assert [entry.options.alpha for entry in entries] == [0, 1, 2]


def test_widths_have_commas_of_their_own():
    assert values_of("hidden", "100;512,256") == ["100", "512,256"] and values_of("alpha", "1,3") == ["1", "3"]
    assert values_of("factors", "shape=heart,orientation=0") == ["shape=heart,orientation=0"]
    assert [entry.options.hidden for entry in expand([{"hidden": [[5], [6, 7]]}])] == [(5,), (6, 7)]
    assert [entry.options.hidden for entry in expand([{"hidden": [6, 7]}])] == [(6, 7)]
    assert [entry.name for entry in expand([{"hidden": [[5], [6, 7]]}])] == ["hidden5", "hidden6x7"]


def test_names_say_what_is_given_and_matters():
    blocks = [
        {"data": "pinwheel", "prior": ["gaussian", "student-t"], "df": 3},
        {"data": "pinwheel", "prior": "sparse"},
    ]
    assert [e.name for e in expand([{"data": "pinwheel", "prior": "student-t", "df": [3, 5]}, blocks[1]])] == [
        "priorstudent-t-df3", "priorstudent-t-df5", "priorsparse",
    ]  # fmt: skip
    with pytest.raises(OptionError, match='this is for prior="student-t"'):
        expand(blocks)


def test_a_grid_in_a_file(tmp_path):
    (tmp_path / "g.toml").write_text(
        'prior = "mixture"\n[[grid]]\nalpha = 0\nbeta = [0.1, 1]\n[[grid]]\nbeta = 0\nalpha = 5\n'
    )
    blocks = read_blocks(tmp_path / "g.toml")
    assert [(e.options.alpha, e.options.beta) for e in expand(blocks)] == [(0, 0.1), (0, 1), (5, 0)]
    write_blocks(tmp_path / "again.toml", blocks)
    assert read_blocks(tmp_path / "again.toml") == blocks


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("sweep --alpha 1,x", "--alpha: expected a number of 0 or more, got 'x'"),
        ("sweep --alpha ,", "--alpha: expected at least one value, got ','"),
        ("sweep --alhpa 1", "unknown option --alhpa; did you mean --alpha?"),
        ("sweep --seeds 0", "--seeds must be a whole number from 1 to 1000"),
        ("sweep --seeds 2 --seed 1", "--seeds and --seed cannot be used together"),
        ("sweep --resume nowhere", "nowhere: this is not a sweep folder"),
        ("sweep --resume nowhere --alpha 1", "--alpha 1: --resume uses the sweep's own grid"),
        ("sweep -c nowhere.toml", "cannot read nowhere.toml"),
        ("sweep -c bad.toml", "bad.toml is not a TOML file"),
        ("sweep -c table.toml", "table.toml: it has tables other than [[grid]]"),
        ("sweep -c typo.toml", "alhpa"),
        ("sweep -c empty.toml", "empty.toml: alpha: expected a list with at least one value"),
        ("sweep --alpha 1,5 --metrics foo", "--metrics foo: there is no such metric; possible here: all, none, "),
        ("sweep --alpha 1,2 --metrics mig", "--metrics mig: it needs data with known factors"),
        (
            "sweep --latent-dim 1,2 --metrics hoyer",
            "run latent-dim1: --metrics hoyer: it needs two latent dimensions; possible here: all, none",
        ),
        ("sweep --alpha 1,2 --plot foo", "--plot foo: no run of the sweep will have it recorded"),
        ("sweep --alpha 1,2 --plot hoyer", "--plot hoyer: no run of the sweep will have it recorded"),
        ("sweep --alpha 1,2 --plot test.kl --against alhpa", "--against alhpa: no run of the sweep"),
        ("sweep --alpha 1 --scheduler foo", "--scheduler: expected an address such as tcp://HOST:8786, got 'foo'"),
        ("sweep --out full --alpha 1", "--out full: it exists already"),
        ("sweep --prior student-t,mixture --df 3 --data pinwheel", "--df 3: "),
    ],
)
def test_wrong_use(args, message, capsys):
    for name, text in (("bad", "alpha ="), ("table", "[x]\na = 1"), ("typo", "alhpa = 1"), ("empty", "alpha = []")):
        Path(f"{name}.toml").write_text(text)
    Path("full").mkdir()
    Path("full/x").touch()
    assert main(args.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err, err
    assert not Path("sweeps").exists()


def test_too_much():
    with pytest.raises(RunError, match="the grid has 10,100 runs; at most 10,000"):
        expand([{"alpha": list(range(1, 102)), "beta": list(range(100))}])


# ---- a sweep from end to end ----


def test_a_sweep(capsys):
    assert (
        main(
            ["sweep", *SMALL, "--alpha", "0,2", "--seeds", "2", "--out", "s", "--metrics", "hoyer", "--plot", "test.kl"]
        )
        == 0
    )
    out, err = capsys.readouterr()
    assert (
        err.count("finished: ") == 4 and "table: s/sweep.csv" in out and "picture: s/test.kl-against-alpha.png" in out
    )
    with open("s/sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["alpha0-seed0", "alpha0-seed1", "alpha2-seed0", "alpha2-seed1"]
    for row in rows:
        assert row["state"] == "finished" and float(row["test.log_likelihood"]) and 0 < float(row["hoyer"]) < 1
    # What a run of a sweep comes to is what it comes to by itself.
    assert main(["train", *SMALL, "--alpha", "2", "--seed", "1", "--quiet", "--no-plots", "--out", "alone"]) == 0
    assert_array_equal(parameters("s/alpha2-seed1"), parameters("alone"))
    assert main(["table", "s"]) == 0 and "alpha2-seed1" in capsys.readouterr().out


def test_resume_does_nothing_twice(capsys):
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s", "-q"]) == 0
    before = {path: path.stat().st_mtime_ns for path in Path("s").glob("*/checkpoint.npz")}
    shutil.rmtree("s/alpha2")
    capsys.readouterr()
    assert main(["sweep", "--resume", "s", "--json", "-q"]) == 0
    assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["finished", "finished"]
    kept = Path("s/alpha0/checkpoint.npz")
    assert kept.stat().st_mtime_ns == before[kept] and Path("s/alpha2/checkpoint.npz").exists()


def test_a_failure_is_recorded_and_stops_nothing(capsys):
    """A learning rate that breaks training; and it is tried again when the sweep goes on."""
    assert main(["sweep", *SMALL, "--lr", "0.001,1e25", "--out", "s", "-q"]) == 1
    err = capsys.readouterr().err
    assert "failed: lr1e+25: " in err and "is not finite in epoch" in err
    with open("s/sweep.csv") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    assert rows["lr0.001"]["state"] == "finished" and rows["lr1e+25"]["state"] == "failed"
    assert "not finite" in rows["lr1e+25"]["reason"]
    assert main(["sweep", "--resume", "s", "-q"]) == 1


def test_an_unexpected_error_is_a_failure_too(monkeypatch):
    from minidecomp.sweeps import work

    def broken(*args, **more):
        raise ZeroDivisionError("oh")

    entries = expand([{"prior": "mixture", "points_per_arm": 10, "hidden": [5], "epochs": 1, "alpha": [0, 1]}])
    Path("s").mkdir()
    monkeypatch.setattr(work, "_evaluate", broken)
    assert set(run_all(Path("s"), entries).values()) == {"failed"}
    assert sweep_folder.failure(Path("s"), "alpha0").startswith("ZeroDivisionError: oh")


def test_a_folder_of_other_options_is_refused():
    entries = expand([{"prior": "mixture", "points_per_arm": 10, "hidden": [5], "epochs": 2, "alpha": [1, 2]}])
    Path("s").mkdir()
    assert set(run_all(Path("s"), entries).values()) == {"finished"}
    os.rename("s/alpha1", "s/other")
    os.rename("s/alpha2", "s/alpha1")
    Path("s/alpha1/evaluation.json").unlink()
    assert complete(Path("s"), entries[0], Datasets()) == "failed"
    assert "alpha was 2.0, the sweep now says 1.0" in sweep_folder.failure(Path("s"), "alpha1")


def test_your_own_data_from_another_folder(monkeypatch, tmp_path):
    np.save("points.npy", np.random.default_rng(0).normal(size=(40, 3)))
    assert (
        main(["sweep", "--data", "points.npy", "--epochs", "1", "--hidden", "4", "--alpha", "0,1", "--out", "s", "-q"])
        == 0
    )
    shutil.rmtree("s/alpha1")
    Path("elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["sweep", "--resume", "../s", "-q"]) == 0 and Path("../s/alpha1/evaluation.json").exists()


def test_metrics_can_come_later(capsys):
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s", "-q"]) == 0
    assert main(["evaluate", "s/alpha0", "--decomposition"]) == 0
    before = parameters("s/alpha0")
    assert main(["sweep", "--resume", "s", "-q", "--metrics", "hoyer"]) == 0
    found = json.loads(Path("s/alpha0/evaluation.json").read_text())
    assert found["metrics"]["hoyer"] and found["decomposition"]
    assert_array_equal(parameters("s/alpha0"), before)


# ---- stops, kills, and company ----

LONG = ["--prior", "mixture", "--points-per-arm", "40", "--hidden", "40", "--checkpoint-every", "0.05"]


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_killed_and_gone_on_with():
    """The very parameters that it would have reached, to the bit; what was finished is not touched."""
    grid = [*LONG, "--alpha", "1,2", "--beta", "0,1", "--epochs", "1500"]
    assert main(["sweep", *grid, "--out", "whole", "-q"]) == 0
    process = subprocess.Popen([*COMMAND, "sweep", *grid, "--out", "killed", "-q"])
    wait_for(lambda: list(Path("killed").glob("*/checkpoint.npz")))
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert main(["sweep", "--resume", "killed", "-q"]) == 0
    names = sorted(path.parent.name for path in Path("whole").glob("*/checkpoint.npz"))
    assert len(names) == 4
    for name in names:
        assert_array_equal(parameters(f"killed/{name}"), parameters(f"whole/{name}"))
        assert Path(f"killed/{name}/metrics.csv").read_text().count("\n") == 1501


def test_interrupted():
    grid = [*LONG, "--alpha", "1,2,3", "--epochs", "200000"]
    process = subprocess.Popen([*COMMAND, "sweep", *grid, "--out", "s", "-q"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(Path("s").glob("*/checkpoint.npz")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "to continue: minidecomp sweep --resume s" in err
    assert all(checkpoint.load(path.parent).state.epoch < 200000 for path in Path("s").glob("*/checkpoint.npz"))


def test_two_processes_share_a_sweep():
    """Each run is trained once: the sum of both processes' finished runs is the sweep's."""
    Path("s").mkdir()
    values = {"prior": "mixture", "points_per_arm": 40, "hidden": [20], "epochs": 150, "alpha": list(range(1, 9))}
    write_blocks(Path("s/sweep.toml"), [values])
    command = [*COMMAND, "sweep", "--resume", "s"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    lines = [
        line.split("finished: ")[1].split()[0] for _, err in said for line in err.splitlines() if "finished: " in line
    ]
    # A process also reports what it found finished when it came to it.
    assert set(lines) == {f"alpha{i}" for i in range(1, 9)}
    for entry in sweep_folder.open_sweep(Path("s")):
        assert sweep_folder.is_finished(Path("s"), entry)
        assert Path(f"s/{entry.name}/metrics.csv").read_text().count("\n") == 151
    assert all(out.count("finished") == 8 for out, _ in said)


def test_a_run_that_another_has_is_busy():
    [entry] = expand([{"prior": "mixture", "points_per_arm": 10, "hidden": [5], "epochs": 1}])
    Path("s").mkdir()
    with sweep_folder.claimed(sweep_folder.Place(Path("s")), entry.name) as ours:
        assert ours and complete(Path("s"), entry, Datasets()) == BUSY
        waiter = threading.Thread(target=run_all, args=(Path("s"), [entry]))
        waiter.start()
        time.sleep(0.3)
        assert not sweep_folder.is_finished(Path("s"), entry)
    waiter.join(30)
    assert sweep_folder.is_finished(Path("s"), entry), "once it is free, whoever waits takes it over"


def test_threads_of_each(monkeypatch):
    from minidecomp.sweeps import local

    monkeypatch.setattr(local, "cores", lambda: 8)
    small = expand([{"prior": "mixture", "points_per_arm": 10, "alpha": list(range(16))}])
    assert threads_of_each(small, Datasets()) == 1 and threads_of_each(small[:2], Datasets()) == 4
    np.save("wide.npy", np.zeros((50, 3000)))
    large = expand(
        [{"data": "wide.npy", "likelihood": "gaussian", "hidden": [1200, 1200], "batch_size": 256, "alpha": [1, 2]}]
    )
    assert threads_of_each(large, Datasets()) == 8


def test_flags_and_free_text_have_one_value():
    """A flag on the command line is no text; a comma in a file's name separates nothing."""
    assert values_of("learn_prior_variance", True) == [True] and values_of("amsgrad", False) == [False]
    assert values_of("data", "a,b.csv") == ["a,b.csv"] and values_of("factors", "shape=heart,scale=1") == [
        "shape=heart,scale=1"
    ]
    assert values_of("prior", "mixture,sparse") == ["mixture", "sparse"] and values_of("hidden", "3,4;5") == [
        "3,4",
        "5",
    ]
    args = "sweep --prior gaussian --data pinwheel --learn-prior-variance --no-amsgrad -e 1 --out f -q"
    assert main(args.split()) == 0
    (entry,) = sweep_folder.open_sweep(Path("f"))
    assert entry.options.learn_prior_variance and not entry.options.amsgrad

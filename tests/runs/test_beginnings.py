"""A run that ended before its first checkpoint, or in the midst of a save or a resume: it can always be gone on with."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from minidecomp import __version__, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import RunError
from minidecomp.runs import checkpoint
from minidecomp.runs.folder import clear_beginning, config_text, holds_only_a_beginning, new_run
from minidecomp.runs.gradient_log import COLUMNS as GRADIENT_COLUMNS
from minidecomp.runs.schema import COLUMNS

SMALL = ["--points-per-arm", "10", "--epochs", "2", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]
OPTIONS = resolve({"hidden": "4", "epochs": 2, "points_per_arm": 10, "batch_size": 30, "threads": 1})
KILLED = """
import os, signal, sys
import numpy
from minidecomp.cli.main import main

def killed(file, **arrays):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

numpy.savez = killed
main(sys.argv[1:])
"""


def killed_in_a_save(*args):
    done = subprocess.run([sys.executable, "-c", KILLED, *args], capture_output=True, timeout=60)
    assert done.returncode < 0, done.stderr


def test_a_kill_before_the_first_checkpoint(capsys):
    killed_in_a_save("train", *SMALL, "--log-gradients", "-o", "my r")
    left = set(os.listdir("my r"))
    assert {"config.toml", "metrics.csv", "gradients.csv", ".lock"} < left
    assert len(left) == 5 and holds_only_a_beginning(Path("my r"))
    assert main(["train", "--resume", "my r"]) == 2
    line = capsys.readouterr().err
    again = "minidecomp train --config 'my r/config.toml' --out 'my r'\n"
    assert line == f"minidecomp: my r: the run was stopped before its first checkpoint; begin again with: {again}"
    assert main([*shlex.split(again)[1:], "--no-plots", "-q"]) == 0
    assert checkpoint.load("my r").options.log_gradients
    assert not [name for name in os.listdir("my r") if name.startswith(".")]


def test_what_killed_saves_leave_is_deleted_by_the_owner():
    assert main(["train", *SMALL, "-o", "r"]) == 0
    killed_in_a_save("train", "--resume", "r", "-e", "5", "--no-plots", "-q")
    assert len([name for name in os.listdir("r") if name.startswith(".checkpoint.npz.")]) == 1
    mark = "minidecomp-0123456789abcdef"
    Path("r", f".evaluation.json.{mark}").touch()  # deleted by the evaluation at the end
    others = [f"checkpoint.npz.{mark}", f".x.{mark}", f".checkpoint.npz.{mark}0"]
    others += [".checkpoint.npz.original", ".checkpoint.npz.20250101", ".config.toml.personal", ".metrics.csv.note"]
    for name in others:
        Path("r", name).touch()
    assert main(["train", "--resume", "r", "-e", "5", "--no-plots", "-q"]) == 0
    assert sorted(name for name in os.listdir("r") if mark in name or name.startswith(".")) == sorted(others)


@pytest.mark.parametrize("version", [__version__, "0.0.9"])
def test_what_a_run_writes_is_a_beginning(version):
    os.mkdir("r")
    every = {"hidden": "4,3", "data": "/x/y.npy", "prior": "student-t", "alpha": 0.1, "log_gradients": True}
    Path("r/config.toml").write_text(config_text(resolve(every), version))
    Path("r/metrics.csv").write_text(",".join(COLUMNS) + "\n")
    Path("r/gradients.csv").write_text(",".join(GRADIENT_COLUMNS) + "\n")
    Path("r/.checkpoint.npz.minidecomp-0123456789abcdef").touch()
    assert holds_only_a_beginning(Path("r"))
    clear_beginning(Path("r"))
    assert os.listdir("r") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notes.txt", "mine"),
        ("config.toml", "# my own\nalpha = 3\n"),
        ("config.toml", 'version = "0.1.0"\nalpha = 3\n'),
        ("config.toml", config_text(OPTIONS) + "# mine\n"),
        ("config.toml", config_text(OPTIONS).replace("lr = 0.001", "lr = 1e-3")),
        ("config.toml", config_text(OPTIONS).replace("version", "another")),
        ("config.toml", "a" * 2_000_000),
        ("metrics.csv", "epoch,kl\n1,0.5\n"),
        ("metrics.csv", "my numbers\n"),
        ("metrics.csv", ""),
        ("metrics.csv", ",".join(GRADIENT_COLUMNS) + "\n"),
        ("gradients.csv", "epoch,my own column"),
        (".checkpoint.npz.original", ""),
        ("checkpoint.npz", ""),
        (".config.toml.note", ""),
        ("figures/x.png", ""),
    ],
)
def test_a_folder_with_anything_else_is_left_as_it_is(name, text, capsys):
    path = Path("r", name)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert not holds_only_a_beginning(Path("r"))
    with pytest.raises(RunError, match="r: the folder holds more than the beginning of a run"):
        clear_beginning(Path("r"))
    assert main(["train", *SMALL, "-o", "r"]) == 2
    assert "--out r: it exists already" in capsys.readouterr().err
    assert path.read_text() == text and os.listdir("r") == [Path(name).parts[0]]


def test_a_link_is_no_beginning():
    os.mkdir("r")
    Path("config.toml").write_text(config_text(OPTIONS))
    os.symlink("../config.toml", "r/config.toml")
    assert not holds_only_a_beginning(Path("r"))


def test_more_epochs_are_kept_by_the_resume_that_brings_them(monkeypatch):
    data = dataset_from(OPTIONS)
    training.train(training.start(OPTIONS, data, "r"))
    training.resume(checkpoint.load("r"), OPTIONS.replace(epochs=9), data)  # and nothing more: as if it was killed
    assert checkpoint.load("r").options.epochs == 9
    assert "epochs = 9" in Path("r/config.toml").read_text()

    def killed(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "write_config", killed)
        training.resume(checkpoint.load("r"), OPTIONS.replace(epochs=20), data)
    assert checkpoint.load("r").options.epochs == 20, "the checkpoint comes first"
    assert main(["train", "--resume", "r", "--no-plots", "-q"]) == 0
    assert checkpoint.load("r").state.epoch == 20


def test_a_resume_sees_what_another_has_done_since():
    data = dataset_from(OPTIONS)
    training.train(training.start(OPTIONS, data, "r"))
    old = checkpoint.load("r")
    training.train(training.resume(checkpoint.load("r"), OPTIONS.replace(epochs=4), data))
    assert training.resume(old, OPTIONS.replace(epochs=6), data).state.epoch == 4


def test_an_option_changed_in_config_toml_is_said(capsys):
    assert main(["train", *SMALL, "-o", "r"]) == 0
    text = Path("r/config.toml").read_text()
    Path("r/config.toml").write_text(text.replace("lr = 0.001", "lr = 0.5"))
    capsys.readouterr()
    assert main(["train", "--resume", "r", "-e", "4"]) == 2
    assert capsys.readouterr().err == (
        "minidecomp: r/config.toml: lr is 0.5, but 0.001 in the run's checkpoint; "
        "minidecomp train --config r/config.toml --out DIR begins another run\n"
    )
    Path("r/config.toml").write_text("damaged")
    assert main(["train", "--resume", "r", "-e", "4", "--no-plots", "-q"]) == 0


def test_a_new_run_has_its_folder_alone():
    folder, held = new_run("r", OPTIONS)
    with pytest.raises(RunError, match="r: in use by process"):
        new_run("r", OPTIONS)
    assert main(["train", "--resume", "r"]) == 2
    held.release()
    assert new_run("r", OPTIONS)[0] == folder

"""A folder that was moved or deleted, and another run or model in its place: nothing of the first is written there."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minidecomp import resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import Fault
from minidecomp.evaluation.everything import evaluate_trainer
from minidecomp.files import write_file
from minidecomp.runs import checkpoint, evaluation_file
from minidecomp.runs.evaluation_file import parts_in_form, update_evaluation
from minidecomp.runs.owner import lock

OPTIONS = resolve({"hidden": "4", "epochs": 2, "points_per_arm": 10, "batch_size": 30, "threads": 1})
COMMAND = [sys.executable, "-c", "from minidecomp.cli import run; run()"]
SMALL = ["--points-per-arm", "10", "--hidden", "4", "--threads", "1", "--no-plots", "-q"]
SECONDS = 60  # until a process that should have done something by now is given up
GONE = "the folder is no longer this run's (it was moved or deleted); nothing was written"


def start(folder="r", **changes):
    options = OPTIONS.replace(**changes)
    return training.start(options, dataset_from(options), folder)


def digests(folder):
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def move_and_train_another(away=lambda: os.rename("r", "old")):
    away()
    training.train(start(seed=1))
    return digests("r")


@pytest.mark.parametrize("away", [lambda: os.rename("r", "old"), lambda: shutil.rmtree("r")], ids=["moved", "deleted"])
@pytest.mark.parametrize(
    "write", [training.Trainer.save, training.train, evaluate_trainer], ids=["save", "train", "evaluate"]
)
def test_what_is_another_runs_by_now_is_not_written_over(away, write):
    trainer = start()
    if write is evaluate_trainer:
        training.train(trainer.__enter__())
    there = move_and_train_another(away)
    with pytest.raises(Fault) as caught:
        write(trainer)
    assert str(caught.value) == f"r: {GONE}"
    trainer.let_go()
    assert digests("r") == there


def test_a_folder_that_is_gone_is_not_made_again():
    trainer = start()
    shutil.rmtree("r")
    with pytest.raises(Fault, match=f"^r: {re.escape(GONE)}$"):
        trainer.save()
    assert not os.path.exists("r")


def test_the_folder_is_replaced_in_the_midst_of_a_save(monkeypatch):
    """After the look at the save's beginning, while the table's text is made."""
    trainer, real, found = start(), checkpoint._cell, []
    trainer.state.rows.append(dict.fromkeys(checkpoint.COLUMNS, 0.0))

    def slow(value):
        if not found:
            found.append(None)
            found[0] = move_and_train_another()
        return real(value)

    monkeypatch.setattr(checkpoint, "_cell", slow)
    with pytest.raises(Fault, match="no longer this run's"):
        trainer.save()
    assert digests("r") == found[0]


def test_the_last_look_comes_before_the_file_takes_its_place():
    def check():
        raise Fault("no")

    Path("x").write_text("old")
    with pytest.raises(Fault, match=r"^no$"):
        write_file(Path("x"), lambda file: file.write(b"new"), check)
    assert Path("x").read_text() == "old" and os.listdir() == ["x"]


def wait_until(condition, process):
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


def test_a_stopped_process_whose_folder_was_moved():
    process = subprocess.Popen(
        [*COMMAND, "train", *SMALL, "--epochs", "1000000", "--checkpoint-every", "0.05", "-o", "r"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: os.path.exists("r/checkpoint.npz"), process)
        process.send_signal(signal.SIGSTOP)
        there = move_and_train_another()
        process.send_signal(signal.SIGCONT)
        said = process.communicate(timeout=SECONDS)[1]
    finally:
        process.kill()
        process.wait(SECONDS)
    # A save that it was stopped in finds its own half file gone.
    assert said == f"minidecomp: r: {GONE}\n" or said.startswith("minidecomp: cannot write r/"), said
    assert process.returncode == 1 and digests("r") == there


# ---- evaluations ----


def test_an_evaluation_of_an_older_model_is_not_written(capsys):
    assert main(["train", *SMALL, "-e", "2", "-o", "r"]) == 0
    old = checkpoint.load("r").state
    assert main(["train", "--resume", "r", "-e", "5", "--no-plots", "-q"]) == 0
    before = Path("r/evaluation.json").read_bytes()
    with pytest.raises(Fault) as caught:
        update_evaluation(Path("r"), old, {"seed": 3})
    assert str(caught.value) == "r: it no longer has the model that was evaluated, of epoch 2; nothing was written"
    assert Path("r/evaluation.json").read_bytes() == before
    assert not os.path.exists("r/.evaluation.lock")


def test_an_evaluation_of_another_run_of_as_many_epochs_is_not_written():
    training.train(start())
    old = checkpoint.load("r").state
    there = move_and_train_another()
    with pytest.raises(Fault, match="it no longer has the model that was evaluated"):
        update_evaluation(Path("r"), old, {"seed": 3})
    assert digests("r") == there


def test_a_run_without_its_checkpoint_is_not_evaluated():
    training.train(start())
    old = checkpoint.load("r").state
    os.unlink("r/checkpoint.npz")
    with pytest.raises(Fault, match="it no longer has the model"):
        update_evaluation(Path("r"), old, {"seed": 3})


def test_a_run_that_is_gone_is_not_evaluated():
    training.train(start())
    old = checkpoint.load("r").state
    shutil.rmtree("r")
    for made in (False, True):
        if made:
            os.mkdir("r")
        with pytest.raises(Fault, match=r"^r: it no longer has the model"):
            update_evaluation(Path("r"), old, {"seed": 3})
    assert os.listdir("r") == []


def test_a_run_that_is_resumed_while_it_is_evaluated(capsys, monkeypatch):
    from minidecomp.evaluation import everything

    assert main(["train", *SMALL, "-e", "2", "-o", "r"]) == 0
    real = everything.decomposition

    def slow(*args, **more):
        assert main(["train", "--resume", "r", "-e", "5", "--no-plots", "-q"]) == 0
        capsys.readouterr()
        return real(*args, **more)

    monkeypatch.setattr(everything, "decomposition", slow)
    assert main(["evaluate", "r", "-q"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("minidecomp: r: it no longer has the model that was evaluated")
    assert "log-likelihood" in said.out and "written:" not in said.out, "what was computed is said all the same"
    assert parts_in_form(Path("r"))["epochs"] == 5


UPDATE = """
import sys
from pathlib import Path
from minidecomp.runs import checkpoint
from minidecomp.runs.evaluation_file import update_evaluation
state = checkpoint.load("r").state
print("ready", flush=True)
sys.stdin.readline()
for i in range(10):
    update_evaluation(Path("r"), state, {f"part {sys.argv[1]} {i}": i})
"""


def test_evaluations_at_once_lose_nothing():
    training.train(start())
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", UPDATE, str(i)], **pipes) for i in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=SECONDS) and process.returncode for process in processes] == [0, 0, 0]
    found = parts_in_form(Path("r"))
    assert {f"part {k} {i}" for k in range(3) for i in range(10)} <= found.keys()
    assert not os.path.exists("r/.evaluation.lock")


def test_an_evaluation_that_is_held_up_says_so(monkeypatch):
    training.train(start())
    held = lock(Path("r/.evaluation.lock"))
    monkeypatch.setattr(evaluation_file, "LOCK_SECONDS", 0)
    with pytest.raises(Fault, match=r"^r/\.evaluation\.lock: held by another process"):
        update_evaluation(Path("r"), checkpoint.load("r").state, {})
    held.release()


# ---- sweeps ----


def test_a_sweep_whose_folder_was_replaced(capsys, monkeypatch):
    """The other sweep comes while a run of the first trains; no file of the other changes."""
    from minidecomp.sweeps import work

    real, found = work.training.train, []
    sweep = ["sweep", *SMALL[:-2], "-q", "--epochs", "2", "--prior", "mixture", "-o", "s"]

    def replaced(trainer, *more):
        if not found:
            found.append(None)
            shutil.rmtree("s")
            subprocess.run([*COMMAND, *sweep, "--seed", "1"], check=True, capture_output=True, timeout=SECONDS)
            found[0] = digests("s")
        return real(trainer, *more)

    monkeypatch.setattr(work.training, "train", replaced)
    assert main(sweep) == 1
    gone = "the folder is no longer this sweep's (it was moved or deleted); nothing was written"
    assert capsys.readouterr().err == f"minidecomp: s: {gone}\n"
    assert digests("s") == found[0]


def test_a_sweeps_next_run_is_not_begun_in_anothers_place():
    from minidecomp.sweeps.folder import Place
    from minidecomp.sweeps.grid import Entry
    from minidecomp.sweeps.work import Datasets, complete

    os.mkdir("s")
    place = Place(Path("s"))
    os.rename("s", "old")
    os.mkdir("s")
    with pytest.raises(Fault, match=r"^s: the folder is no longer this sweep's"):
        complete(Path("s"), Entry("a", OPTIONS), Datasets(), place=place)
    assert os.listdir("s") == []


def test_a_sweep_that_is_refused_leaves_what_took_its_place():
    from minidecomp.sweeps.folder import begin_sweep, new_sweep

    with pytest.raises(Fault, match="no"), new_sweep("s", [{"alpha": 1}]) as folder:
        folder.rename("old")
        begin_sweep("s", [{"alpha": 2}])
        raise Fault("no")
    assert os.listdir("s") == ["sweep.toml"] and os.listdir("old") == ["sweep.toml"]


@pytest.mark.parametrize("made", [False, True], ids=["gone", "made anew"])
@pytest.mark.parametrize("away", [lambda: os.rmdir("s"), lambda: os.rename("s", "old")], ids=["deleted", "moved"])
def test_nothing_is_noted_in_a_sweep_that_took_anothers_place(away, made):
    from minidecomp.sweeps import folder
    from minidecomp.sweeps.grid import expand

    os.mkdir("s")
    table = folder.Table(Path("s"), expand([{"alpha": [0, 1]}]))
    away()
    if made:
        os.mkdir("s")
    for write in (
        table.write,
        lambda: folder.note_failure(table.place, "a", "no"),
        lambda: folder.forget_failure(table.place, "a"),
        lambda: folder.claimed(table.place, "a").__enter__(),
    ):
        with pytest.raises(Fault, match=r"^s: the folder is no longer this sweep's"):
            write()
    assert os.path.isdir("s") == made and (not made or os.listdir("s") == [])


def test_a_sweeps_folders_are_let_go_of():
    from minidecomp.sweeps.folder import Place

    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        Place(Path()).check()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_pictures_are_not_drawn_into_another_run(capsys, monkeypatch):
    from minidecomp.evaluation import everything

    real = everything.evaluate_trainer

    def then_replaced(trainer):
        result = real(trainer)
        os.rename("r", "old")
        os.mkdir("r")
        return result

    monkeypatch.setattr(everything, "evaluate_trainer", then_replaced)
    assert main(["train", *SMALL[:-2], "-q", "-e", "2", "-o", "r"]) == 1
    assert capsys.readouterr().err == f"minidecomp: r: {GONE}\n"
    assert os.listdir("r") == [] and np.load("old/checkpoint.npz")["epoch"] == 2

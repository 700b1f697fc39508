"""One owner: a run is trained by one process at a time, and whoever makes a new folder has it alone."""

import errno
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minidecomp import resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import RunError
from minidecomp.runs import checkpoint, owner
from minidecomp.runs.folder import new_run
from minidecomp.runs.owner import LOCK, lock, own

OPTIONS = resolve({"hidden": "4", "epochs": 2, "points_per_arm": 10, "batch_size": 30, "threads": 1})
COMMAND = [sys.executable, "-c", "from minidecomp.cli import run; run()"]
SECONDS = 60  # until a process that should have done something by now is given up


def start(folder="r", options=OPTIONS):
    return training.start(options, dataset_from(options), folder)


def wait_until(condition, process):
    end = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


def test_a_lock_is_held_once():
    held = own(Path())
    assert Path(LOCK).read_text() == f"{os.getpid()}\n"
    assert lock(Path(LOCK)) is None
    with pytest.raises(RunError, match=rf"r: in use by process {os.getpid()}$"):
        Path("r").symlink_to(".")
        own(Path("r"))
    held.release()
    held.release()
    assert not os.path.exists(LOCK)
    own(Path()).release()


def test_a_lock_that_is_let_go_of_deletes_no_other(tmp_path):
    """The folder was moved, and another is in its place."""
    os.mkdir("a")
    first = own(Path("a"))
    os.rename("a", "b")
    os.mkdir("a")
    second = own(Path("a"))
    first.release()
    assert os.path.exists("a/.lock") and lock(Path("a/.lock")) is None
    second.release()


def test_a_lock_file_that_was_deleted_meanwhile_is_not_taken_for_the_new_one(monkeypatch):
    """Between opening the file and locking it, whoever had it deletes it, and a third makes a new one."""
    real, others = owner._is_free, []

    def slow(descriptor):
        if not others:
            os.unlink(LOCK)
            others.append(None)
            others[0] = lock(Path(LOCK))
        return real(descriptor)

    monkeypatch.setattr(owner, "_is_free", slow)
    assert lock(Path(LOCK)) is None
    others[0].release()


def test_a_lock_does_not_follow_a_link():
    Path("good").write_text("good")
    os.symlink("good", LOCK)
    with pytest.raises(RunError, match=r"^cannot write \.lock: "):
        own(Path())
    assert Path("good").read_text() == "good"


def test_a_run_in_training_is_refused_to_all_others():
    trainer = start()
    run = checkpoint.load("r")
    with pytest.raises(RunError, match="r: in use by process"):
        training.resume(run, OPTIONS, trainer.dataset)
    assert training.train(trainer)
    with trainer, pytest.raises(RunError, match="r: in use by process"):  # its evaluation, for example
        training.train(trainer)
        training.resume(run, OPTIONS, trainer.dataset)
    resumed = training.resume(run, OPTIONS, trainer.dataset)
    assert resumed.state.epoch == 2, "what was read before the run was ours is read again"


def test_hundreds_of_runs_leave_no_lock_and_no_open_file():
    before = len(os.listdir("/proc/self/fd"))
    trainers = [start(f"r{i}") for i in range(20)]
    assert all(training.train(trainer) for trainer in trainers)
    assert len(os.listdir("/proc/self/fd")) == before
    assert not list(Path().glob("*/.lock"))


@pytest.mark.parametrize("fails", ["write_config", "delete_temporaries"])
def test_a_failure_lets_go(fails, monkeypatch):
    training.train(start())

    def fail(*given):
        raise RunError("no")

    monkeypatch.setattr(training, fails, fail)
    with pytest.raises(RunError, match="no"):
        training.resume(checkpoint.load("r"), OPTIONS, dataset_from(OPTIONS))
    own(Path("r")).release()


def test_a_trainer_that_is_given_up_lets_go():
    start()
    gc.collect()
    own(Path("r")).release()


def test_a_stopped_process_keeps_its_run(capsys):
    """It would go on from where it stood, over what the other has done."""
    process = subprocess.Popen(
        [*COMMAND, "train", "--epochs", "1000000", "--checkpoint-every", "0.05", "-q", "--no-plots", "-o", "r"]
    )
    try:
        wait_until(lambda: os.path.exists("r/checkpoint.npz") and checkpoint.load("r").state.epoch > 0, process)
        process.send_signal(signal.SIGSTOP)
        for args in (["--resume", "r"], ["--resume", "r", "--epochs", "2000000"]):
            assert main(["train", *args]) == 2
            assert capsys.readouterr().err == f"minidecomp: r: in use by process {process.pid}\n"
        assert main(["evaluate", "r", "-q"]) == 0, "a run can be looked at while it is trained"
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    assert process.wait(SECONDS) == 128 + signal.SIGTERM
    assert not os.path.exists("r/.lock")


def test_a_killed_process_leaves_no_lock_that_holds():
    process = subprocess.Popen([*COMMAND, "train", "--epochs", "1000000", "-q", "--no-plots", "-o", "r"])
    try:
        wait_until(lambda: os.path.exists("r/checkpoint.npz"), process)
    finally:
        process.kill()
        process.wait(SECONDS)
    assert os.path.exists("r/.lock")
    own(Path("r")).release()


NEW = """
import sys
from minidecomp import resolve
from minidecomp.errors import RunError
from minidecomp.runs.folder import new_run
print("ready", flush=True)
sys.stdin.readline()
try:
    folder, held = new_run({out!r}, resolve({{}}))
    print(folder, flush=True)
except RunError as error:
    print("refused:", error, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("out", [None, "x"])
def test_processes_that_begin_at_once_share_no_folder(out):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", NEW.format(out=out)], **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("end\n", timeout=SECONDS)
    if out is None:
        assert len(set(answers)) == 4 and all(answer.startswith("runs/pinwheel-") for answer in answers)
    else:
        assert answers.count("x") == 1
        assert sum(answer.startswith("refused: x: in use by process ") for answer in answers) == 3


def test_a_name_that_appears_at_the_last_moment(monkeypatch):
    """mkdir decides, not a look before it."""
    first = new_run(None, OPTIONS)[0]
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert new_run(None, OPTIONS)[0].name == f"{first.name}-2"


def test_runs_that_is_a_file():
    Path("runs").touch()
    with pytest.raises(RunError, match="cannot write there: File exists"):
        new_run(None, OPTIONS)


def test_two_new_sweeps_share_no_folder(monkeypatch, capsys):
    from minidecomp.sweeps.folder import begin_sweep

    blocks = [{"alpha": 1}]
    assert [str(begin_sweep(None, blocks)) for _ in range(2)] == ["sweeps/sweep", "sweeps/sweep-2"]
    assert str(begin_sweep("s", blocks)) == "s"
    with pytest.raises(
        RunError, match="s: it exists already; name another folder, or continue its sweep: minidecomp sweep --resume s"
    ):
        begin_sweep("s", blocks)
    assert os.listdir("s") == ["sweep.toml"]


FORKED = """
import os
from pathlib import Path
from minidecomp.runs.owner import lock
held = lock(Path("x"))
child = os.fork()
if child == 0:
    held.release()
    os._exit(0)
os.waitpid(child, 0)
assert Path("x").read_text() == f"{os.getpid()}\\n" and lock(Path("x")) is None
held.release()
assert not Path("x").exists()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no process")
def test_a_forked_child_does_not_let_go_of_its_parents_lock():
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=SECONDS)


@pytest.mark.parametrize("call", ["ftruncate", "write"])
@pytest.mark.parametrize("out", [None, "a/b"])
def test_a_full_disk_leaves_nothing(out, call, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(RunError, match=r"^cannot write .*\.lock: No space left on device$"),
    ):
        patch.setattr(owner.os, call, full)
        new_run(out, OPTIONS)
    assert os.listdir() == []
    Path("runs/other").mkdir(parents=True)
    with monkeypatch.context() as patch, pytest.raises(RunError):
        patch.setattr(owner.os, call, full)
        own(Path("runs"))
    assert os.listdir("runs") == ["other"]


def test_a_folder_that_cannot_be_made_leaves_none_above_it(monkeypatch):
    real = Path.mkdir

    def fails(path, *given, **more):
        if path.name.startswith("pinwheel"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path, *given, **more)

    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(RunError, match="No space left on device"):
        new_run(None, OPTIONS)
    assert os.listdir() == []


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_out_offers_to_go_on_only_where_there_is_something(command, capsys):
    os.mkdir("my r")
    Path("my r/metrics.csv").write_text("mine")
    assert main([command, "--alpha", "1", "--out", "my r"]) == 2
    assert capsys.readouterr().err == "minidecomp: --out my r: it exists already; name another folder\n"
    what, name = ("run", "checkpoint.npz") if command == "train" else ("sweep", "sweep.toml")
    Path("my r", name).touch()
    assert main([command, "--alpha", "1", "--out", "my r"]) == 2
    go_on = f"or continue its {what}: minidecomp {command} --resume 'my r'"
    assert capsys.readouterr().err == f"minidecomp: --out my r: it exists already; name another folder, {go_on}\n"


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_an_empty_out(command, capsys):
    assert main([command, "--alpha", "1", "--out", ""]) == 2
    assert capsys.readouterr().err == "minidecomp: --out '': the name is empty; name a folder\n"
    assert os.listdir() == []

"""``--log``: what each tool's own library reads back is what metrics.csv has, also after stops and kills."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from logs import READERS

from minidecomp import DecompositionVAE, Log, load_run, packages, resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.errors import OptionError, RunError
from minidecomp.loggers import Logger, log
from minidecomp.packages import pip_install
from minidecomp.runs.comparison import recorded
from minidecomp.runs.folder import config_values
from minidecomp.variants import LOGGERS

# What the libraries warn of among themselves is not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")
ALL = "tensorboard,mlflow,wandb"
SMALL = "--prior mixture --points-per-arm 10 --hidden 4 --threads 1 -q"


@pytest.fixture(autouse=True)
def no_settings_of_the_tools(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT", "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)


def train(line, capsys, code=0):
    assert main(["train", *line.split(), *SMALL.split()]) == code, capsys.readouterr().err
    return capsys.readouterr()


def rows(run):
    with open(Path(run) / "metrics.csv") as file:
        return list(csv.DictReader(file))


def check_epochs(found, run):
    """Each value of each epoch is there once, and a term that is not computed is not."""
    table = rows(run)
    for name in table[0].keys() - {"epoch"}:
        wanted = [(int(row["epoch"]), float(row[name])) for row in table if row[name]]
        read = found.values.get(name, [])
        assert [epoch for epoch, _ in read] == [epoch for epoch, _ in wanted], name
        if name != "seconds":  # what a killed run trained again took another time
            assert [value for _, value in read] == pytest.approx([value for _, value in wanted], rel=1e-6)


@pytest.mark.parametrize(
    "tool", ["tensorboard", *(pytest.param(tool, marks=pytest.mark.slow) for tool in ("mlflow", "wandb"))]
)
def test_values_options_evaluation_and_pictures(tool, capsys):
    assert train(f"--epochs 3 --log {tool} --out r", capsys).err == ""
    found, options = READERS[tool](Path("r")), config_values(load_run("r").options)
    check_epochs(found, "r")
    assert "regulariser" not in found.values  # alpha is 0
    assert found.options.items() >= {"log": tool}.items() and found.options.keys() >= options.keys()
    assert float(found.options["lr"]) == options["lr"] and found.options["hidden"] == "4"
    numbers = recorded(json.loads(Path("r/evaluation.json").read_text()))
    for name in ("test.kl", "test.mmd", "train.objective"):
        assert found.values[name] == [(3, pytest.approx(numbers[name], rel=1e-6))]
    assert found.pictures == {path.stem for path in Path("r/figures").glob("*.png")} and found.pictures
    if tool == "mlflow":
        assert found.options["status"] == "FINISHED"
    if tool == "wandb":
        assert found.options["exit_code"] == 0


KILLED = """if True:
    import os, sys
    from minidecomp import resolve, training
    from minidecomp.data import dataset_from
    from minidecomp.loggers import log
    log.SECONDS = 0.0
    options = resolve(prior="mixture", points_per_arm=10, hidden=(4,), threads=1, epochs=6, log=sys.argv[1])
    trainer = training.start(options, dataset_from(options), "r")
    with trainer, log.log_of_run(trainer) as callback:
        training.train(trainer, on_epoch=[callback, lambda t: os._exit(9) if t.state.epoch == 4 else None])
"""


def wait_until_still(folder, most=20.0):
    """W&B's own process outlives a killed one, and writes for a while."""
    end, before = time.monotonic() + most, None
    while time.monotonic() < end:
        now = sorted((str(path), path.stat().st_size) for path in folder.rglob("*") if path.is_file())
        if now == before:
            return
        before = now
        time.sleep(1)


@pytest.mark.parametrize("tools", ["tensorboard", pytest.param(ALL, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_and_resumed_goes_on_in_the_same_record(tools, capsys, tmp_path, monkeypatch):
    """A kill leaves logs that are ahead of the checkpoint; then a resume, and one with more epochs."""
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # an earlier test's, which would not notice the kill
    readers = {tool: READERS[tool] for tool in tools.split(",")}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, tools], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    if "wandb" in tools:
        wait_until_still(tmp_path / "r" / "wandb")
    found = [readers[tool](tmp_path / "r") for tool in readers if tool != "wandb"]  # that one's file may be cut off
    assert rows("r") == [] and all(max(epoch for epoch, _ in each.values["kl"]) == 4 for each in found)
    kept = json.loads(Path("r/log.json").read_text())["id"]
    for epochs in (6, 8):
        assert main(["train", "--resume", "r", "-q", "--no-plots", "--epochs", str(epochs)]) == 0
        assert capsys.readouterr().err == ""
        for reader in readers.values():
            found = reader(tmp_path / "r")
            check_epochs(found, "r")
            assert len(found.values["kl"]) == epochs and found.values["test.kl"][-1][0] == epochs
            assert str(int(found.options["epochs"])) == str(epochs)
    assert json.loads(Path("r/log.json").read_text())["id"] == kept


def test_a_log_that_begins_when_a_finished_run_is_resumed_is_whole(capsys):
    train("--epochs 3 --no-plots --out r", capsys)
    assert main(["train", "--resume", "r", "--log", "tensorboard", "-q", "--no-plots"]) == 0
    check_epochs(READERS["tensorboard"](Path("r")), "r")
    assert load_run("r").options.log == "tensorboard"
    (first,) = Path("r/tensorboard").iterdir()
    assert main(["train", "--resume", "r", "--log", "none", "--epochs", "4", "-q", "--no-plots"]) == 0
    assert list(Path("r/tensorboard").iterdir()) == [first]  # untouched


def test_another_programs_event_files_are_left_alone(capsys):
    train("--epochs 1 --no-plots --log tensorboard --out r", capsys)
    Path("r/tensorboard/events.out.tfevents.1.mine").write_bytes(b"")
    assert main(["train", "--resume", "r", "--epochs", "2", "-q", "--no-plots"]) == 0
    names = sorted(path.name for path in Path("r/tensorboard").iterdir())
    assert len(names) == 2 and "events.out.tfevents.1.mine" in names


def test_a_run_with_logs_is_a_run_like_others(capsys):
    train("--epochs 1 --no-plots --log tensorboard --out runs/a", capsys)
    train("--epochs 1 --no-plots --out runs/b", capsys)
    for command in ("runs runs", "table runs", "evaluate runs/a", "report runs/a", "train --from runs/a --epochs 1 -q"):
        assert main(command.split()) == 0, command
    assert "tensorboard" not in capsys.readouterr().out.replace("runs/a/tensorboard", "")


@pytest.mark.parametrize("tools", ["tensorboard", pytest.param(ALL, marks=pytest.mark.slow)])
def test_a_sweep_logs_each_run(tools, capsys):
    line = f"sweep --alpha 0,1 --epochs 2 --out s --log {tools} {SMALL}"
    assert main(line.split()) == 0, capsys.readouterr().err
    for run in ("alpha0", "alpha1"):
        for tool in tools.split(","):
            found = READERS[tool](Path("s") / run)
            check_epochs(found, Path("s") / run)
            assert "test.kl" in found.values


@pytest.mark.parametrize("command", ["train --out r", "sweep --alpha 0,1 --out r", "train --resume old"])
@pytest.mark.parametrize(
    ("tool", "module", "title"),
    [("tensorboard", "tensorboard", "TensorBoard"), ("mlflow", "mlflow", "MLflow"), ("wandb", "wandb", "W&B")],
)
def test_a_missing_library_is_one_line_before_anything_is_made(command, tool, module, title, capsys, monkeypatch):
    train("--epochs 1 --no-plots --out old", capsys)
    before = Path("old/config.toml").read_bytes()
    there = packages.is_installed
    monkeypatch.setattr(packages, "is_installed", lambda name: name != module and there(name))
    assert main([*command.split(), "--epochs", "1", "-q", "--log", tool]) == 2
    assert capsys.readouterr().err == (
        f"minidecomp: --log {tool}: it needs {title}: {pip_install(f'minidecomp[{tool}]')}\n"
    )
    assert not Path("r").exists() and Path("old/config.toml").read_bytes() == before


def test_a_tool_that_there_is_not(capsys):
    err = train("--log tensorboard,neptune --out r", capsys, 2).err
    assert "--log: expected one or more of tensorboard, mlflow, wandb" in err
    assert not Path("r").exists()


class Full:
    """A record on a disk that is full from some epoch on."""

    def __init__(self, about, epochs, last=1):
        self.last = last

    def write(self, epochs):
        if epochs and epochs[-1].number > self.last:
            raise OSError(28, "No space left on device")

    def end(self, epoch, values, pictures):
        raise AssertionError("it was dropped")

    close = end


def fails_at_once(about, epochs):
    raise RuntimeError("the server is away\nwith more lines")


@pytest.mark.parametrize(
    ("opens", "reason"), [(Full, "No space left on device"), (fails_at_once, "the server is away")]
)
def test_a_tool_that_fails_is_one_line_and_training_goes_on(opens, reason, capsys, monkeypatch):
    monkeypatch.setattr(log, "SECONDS", 0.0)
    LOGGERS.add(Logger("failing", lambda: None, opens))
    try:
        err = train("--epochs 3 --no-plots --log failing,tensorboard --out r", capsys).err
    finally:
        LOGGERS.remove("failing")
    assert err == f"log: stopped writing to failing; training continues: {reason}\n"
    assert len(rows("r")) == 3
    check_epochs(READERS["tensorboard"](Path("r")), "r")


@pytest.mark.slow
def test_mlflow_goes_where_its_variable_says(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/r/mlflow/mlflow.db")
    Path("r/mlflow").mkdir(parents=True)
    train("--epochs 2 --no-plots --log mlflow --out other", capsys)
    check_epochs(READERS["mlflow"](Path("r")), "other")
    assert not Path("other/mlflow").exists()


def options():
    return resolve(prior="mixture", points_per_arm=10, hidden=(4,), threads=1, epochs=3)


def test_as_a_callback_of_a_training_in_memory(monkeypatch):
    o = options()
    trainer = training.start_in_memory(o, dataset_from(o))
    training.train(trainer, on_epoch=[Log("tensorboard", "here")])
    found = READERS["tensorboard"](Path("here"))
    assert [epoch for epoch, _ in found.values["kl"]] == [1, 2, 3]
    assert found.options["batch_size"] == o.batch_size
    with pytest.raises(RunError, match="here: it has the log of another training"):
        training.train(training.start_in_memory(o, dataset_from(o)), on_epoch=[Log("tensorboard", "here")])
    with pytest.raises(OptionError, match="name a folder for its log"):
        training.train(training.start_in_memory(o, dataset_from(o)), on_epoch=[Log("tensorboard")])


def test_a_log_has_one_training():
    o = options()
    with Log("tensorboard", "here") as callback:
        training.train(training.start_in_memory(o, dataset_from(o)), on_epoch=[callback])
        with pytest.raises(RunError, match="make one for each"):
            training.train(training.start_in_memory(o, dataset_from(o)), on_epoch=[callback])


def test_the_estimator_has_no_such_parameter():
    with pytest.raises(TypeError, match="log"):
        DecompositionVAE(log="tensorboard")


@pytest.mark.parametrize(
    ("tool", "name", "value"),
    [("mlflow", "MLFLOW_DISABLE_TELEMETRY", "true"), ("wandb", "WANDB_ERROR_REPORTING", "false")],
)
def test_nothing_goes_over_the_network_unasked(tool, name, value, monkeypatch):
    """Each of the two speaks to its makers unless it is told not to before it is imported."""
    monkeypatch.setenv(name, "")  # which is put back afterwards
    monkeypatch.delenv(name)
    seen = []
    monkeypatch.setattr(packages, "missing", lambda *about: seen.append(os.environ.get(name)))
    LOGGERS[tool].missing()
    assert set(seen) == {value}
    monkeypatch.setenv(name, "mine")
    LOGGERS[tool].missing()
    assert os.environ[name] == "mine"

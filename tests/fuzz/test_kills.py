"""Kills at random moments: whatever a run or a sweep was doing, going on leads to the bits that nothing interrupted."""

import csv
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp.cli.main import main
from minidecomp.runs import checkpoint
from minidecomp.runs.owner import is_held

COMMAND = [sys.executable, "-m", "minidecomp"]
MODEL = ["--prior", "mixture", "--alpha", "5", "--points-per-arm", "40", "--hidden", "8", "--threads", "1"]
RUN = ["train", *MODEL, "--epochs", "400", "--checkpoint-every", "0.02", "--log-gradients", "--no-plots", "-q"]
RUN += ["--validation-fraction", "0.2", "--validate-every", "3"]
SWEEP = ["sweep", *MODEL, "--epochs", "300", "--checkpoint-every", "0.02", "--beta", "0,1", "--seeds", "2", "-q"]
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOST_KILLS = 60  # of one run


def saved(folder):
    """What must be the same: parameters, Adam's state, of the best model, too, and the tables."""
    states = [checkpoint.load(folder, which).state for which in ("last", "best") if which == "last" or best(folder)]
    arrays = [
        array
        for state in states
        for array in (state.vae.parameters.vector, state.optimizer.m, state.optimizer.v, np.array(state.optimizer.step))
    ]
    with open(Path(folder, "metrics.csv")) as file:
        table = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    return arrays, table


def best(folder):
    return checkpoint.has_best(Path(folder))


def killed_until_done(begin, go_on, is_begun, chance, longest):
    """Begin, kill after a random time, go on, and so on, until it ends by itself."""
    command = begin
    for _ in range(MOST_KILLS):
        process = subprocess.Popen([*COMMAND, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            _, err = process.communicate(timeout=chance.uniform(0.2, longest))
        except subprocess.TimeoutExpired:
            process.send_signal(chance.choice(SIGNALS))
            _, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        if process.returncode == 0:
            return
        # Where nothing was made, or a beginning without a checkpoint, the same command begins again.
        command = go_on if is_begun.exists() else begin
        longest *= 1.3
    raise AssertionError("it never comes to an end")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    assert main([*RUN, "-o", str(folder / "run")]) == 0
    assert main([*SWEEP, "-o", str(folder / "sweep")]) == 0
    return folder


def compare(found, expected):
    (arrays, table), (whole_arrays, whole_table) = saved(found), saved(expected)
    for array, other in zip(arrays, whole_arrays, strict=True):
        assert_array_equal(array, other)
    assert table == whole_table
    # A lock's file stays where the kill came after the last save; nobody holds it.
    left = [path.name for path in Path(found).iterdir() if path.name.startswith(".") and path.name != ".lock"]
    assert not is_held(Path(found) / ".lock")
    assert not left, "nothing of killed saves stays"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_run(seed, whole):
    go_on = ["train", "--resume", "r", "--no-plots", "-q"]
    killed_until_done([*RUN, "-o", "r"], go_on, Path("r/checkpoint.npz"), random.Random(seed), 0.6)
    compare("r", whole / "run")
    assert Path("r/gradients.csv").read_text() == (whole / "run/gradients.csv").read_text()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_a_sweep(seed, whole):
    go_on = ["sweep", "--resume", "s", "-q"]
    killed_until_done([*SWEEP, "-o", "s"], go_on, Path("s/sweep.toml"), random.Random(100 + seed), 0.8)
    names = sorted(path.parent.name for path in (whole / "sweep").glob("*/checkpoint.npz"))
    assert len(names) == 4
    for name in names:
        compare(f"s/{name}", whole / "sweep" / name)

"""A sweep on a real scheduler and two real workers, one of which is killed midway."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from minidecomp import training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.runs import checkpoint
from minidecomp.sweeps import cluster, folder
from minidecomp.sweeps.grid import expand

pytest.importorskip("distributed", reason="no Dask: pip install 'minidecomp[dask]'")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
GRID = ["--prior", "mixture", "--points-per-arm", "40", "--hidden", "30", "--alpha", "1,2,3,4"]


class Cluster:
    """Processes on loopback."""

    def __init__(self, workers=2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", self.address.rpartition(":")[2])
        self.workers = [self.add() for _ in range(workers)]

    def start(self, *args):
        with open(f"{args[0]}-{time.monotonic_ns()}.log", "w") as log:
            return subprocess.Popen([sys.executable, "-m", "dask", *args, "--no-dashboard"], stdout=log, stderr=log)

    def add(self):
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", "--local-directory", "space")

    def close(self):
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


@pytest.fixture
def dask(own_folder):
    made = Cluster()
    yield made
    made.close()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def parameters(run):
    return checkpoint.load(run).vae.parameters.vector


def alone(name, epochs):
    """The same run, trained without a sweep."""
    alpha = name.removeprefix("alpha")
    options = ["train", *GRID[:-1], alpha, "--epochs", str(epochs), "--threads", "1", "--quiet", "--no-plots"]
    assert main([*options, "--out", f"alone-{name}"]) == 0
    return parameters(f"alone-{name}")


def test_a_worker_is_killed(dask):
    """Its run goes on on the other one, from its last checkpoint, to the very parameters; nothing finished is lost."""
    epochs = 30000
    command = [sys.executable, "-c", "from minidecomp.cli.main import run; run()", "sweep", *GRID]
    command += ["--epochs", str(epochs), "--checkpoint-every", "0.1", "--out", "s", "--scheduler", dask.address]
    sweep = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Midway: two runs are at work, of which the first worker has one.
    wait_for(lambda: len(list(Path("s").glob("*/checkpoint.npz"))) >= 2)
    time.sleep(0.5)
    assert sweep.poll() is None, "it is over before the kill"
    dask.workers[0].send_signal(signal.SIGKILL)
    begun = [path.parent.name for path in Path("s").glob("*/checkpoint.npz")]
    out, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, err
    assert out.count("finished") == 4 and err.count("finished: ") == 4
    for name in begun[:2]:
        assert_array_equal(parameters(f"s/{name}"), alone(name, epochs))
        assert Path(f"s/{name}/metrics.csv").read_text().count("\n") == epochs + 1


def test_a_folder_that_workers_do_not_see(dask, monkeypatch):
    """Runs come back through the scheduler; those of a worker that dies start again."""
    monkeypatch.setattr(cluster, "_is_shared", lambda *args: False)
    entries = expand(
        [{"prior": "mixture", "points_per_arm": 40, "hidden": [30], "alpha": [1, 2, 3, 4], "epochs": 8000}]
    )
    Path("s").mkdir()
    killed = []

    def report(entry, outcome):
        if not killed:
            killed.append(entry.name)
            dask.workers[1].send_signal(signal.SIGKILL)

    outcomes = cluster.run_on_cluster(dask.address, Path("s"), entries, report=report)
    assert set(outcomes.values()) == {"finished"} and killed
    assert_array_equal(parameters("s/alpha3"), alone("alpha3", 8000))
    assert not list(Path("s").glob(".*"))
    assert folder.write_table(Path("s"), entries)[0]["state"] == "finished"


def test_a_failure_comes_back(dask, capsys):
    options = ["--prior", "mixture", "--points-per-arm", "10", "--epochs", "3", "--lr", "0.001,1e25"]
    assert main(["sweep", *options, "--out", "s", "--scheduler", dask.address, "-q"]) == 1
    assert re.search(r"failed: lr1e\+25: .* is not finite", capsys.readouterr().err)


def test_the_scheduler_dies(dask):
    """One line, exit code 1; what is finished stays, and the command that it names goes on."""
    command = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]
    options = ["--epochs", "3000", "--checkpoint-every", "0.1", "--out", "s", "--scheduler", dask.address, "-q"]
    sweep = subprocess.Popen([*command, "sweep", *GRID, *options], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(Path("s").glob("*/evaluation.json")))
    dask.scheduler.send_signal(signal.SIGKILL)
    _, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 1
    assert re.fullmatch(r"minidecomp: --scheduler \S+: the scheduler is gone, .*\n", err), err
    assert "to continue: minidecomp sweep --resume s, " in err and not Path("s/failed").exists()
    for worker in dask.workers:
        worker.kill()
    assert main(["sweep", "--resume", "s", "-q"]) == 0


def test_what_comes_back_deletes_nothing(dask, monkeypatch):
    """Notes beside a run that was begun here stay; a folder of something else is refused."""
    monkeypatch.setattr(cluster, "_is_shared", lambda *args: False)
    entries = expand([{"prior": "mixture", "points_per_arm": 10, "hidden": [5], "alpha": [1, 2], "epochs": 2}])
    folder.begin_sweep("s", [{}])
    training.start(entries[0].options, dataset_from(entries[0].options), "s/alpha1")
    for name in ("alpha1", "alpha2"):
        Path(f"s/{name}").mkdir(exist_ok=True)
        Path(f"s/{name}/notes.txt").write_text("mine")
    assert cluster.run_on_cluster(dask.address, Path("s"), entries) == {"alpha1": "finished", "alpha2": "failed"}
    assert Path("s/alpha1/notes.txt").read_text() == Path("s/alpha2/notes.txt").read_text() == "mine"


def test_other_versions_are_refused(dask, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "__version__", "9.9.9")
    monkeypatch.setattr(cluster, "_version", lambda: "0.0.1")
    assert main(["sweep", *GRID, "--out", "s", "--scheduler", dask.address, "-q"]) == 1
    err = capsys.readouterr().err
    assert re.fullmatch(
        r"minidecomp: worker tcp://\S+: it has minidecomp 0\.0\.1, and here it is 9\.9\.9; "
        r"the versions must be equal\n",
        err,
    )


def test_nobody_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    assert main(["sweep", *GRID, "--out", "s", "--scheduler", "tcp://127.0.0.1:9", "-q"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("minidecomp: --scheduler tcp://127.0.0.1:9: no scheduler answers there")
    assert err.count("\n") == 1


def test_no_worker(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 1)
    made = Cluster(workers=0)
    try:
        assert main(["sweep", *GRID, "--out", "s", "--scheduler", made.address, "-q"]) == 1
        assert "it has no workers, and none came within 1 seconds" in capsys.readouterr().err
    finally:
        made.close()


def test_without_a_scheduler_nothing_of_dask_is_imported(tmp_path):
    code = "import sys; from minidecomp.cli.main import main; main(sys.argv[1:]); print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code, "sweep", *GRID, "--epochs", "2", "-q", "--out", str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert not {"dask", "distributed"} & {name.partition(".")[0] for name in run.stdout.split()}

"""Two processes share a run's pictures; what the second cannot do, the first does."""

import os
import select
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from minidecomp import figures
from minidecomp.data.dataset import Dataset
from minidecomp.figures import of_run, side_by_side
from minidecomp.figures.side_by_side import results_of

ME = os.getpid()


@pytest.fixture
def forks(monkeypatch):
    """The helpers' numbers; each has ended, and been waited for, when the test is over."""
    if sys.platform != "linux":
        pytest.skip("one process elsewhere")
    helpers, fork = [], os.fork

    def counted():
        helpers.append(fork())
        return helpers[-1]

    monkeypatch.setattr(side_by_side, "_may_fork", lambda: True)
    monkeypatch.setattr(os, "fork", counted)
    yield helpers
    assert helpers
    for helper in helpers:
        with pytest.raises(ChildProcessError):
            os.waitpid(helper, os.WNOHANG)


def in_helper_only(act):
    """Two tasks, each of which begins when both have begun: one is the helper's, where it acts."""
    pipes = [os.pipe(), os.pipe()]

    def task(i):
        os.write(pipes[i][1], b"x")
        if os.getpid() == ME and os.getpid() in begun:  # done here as the helper has failed
            return i, os.getpid()
        begun.append(os.getpid())
        assert select.select([pipes[1 - i][0]], [], [], 30)[0]
        if os.getpid() != ME:
            act()
        return i, os.getpid()

    begun = []
    return [lambda: task(0), lambda: task(1)]


def test_two_processes_share_the_tasks(forks):
    (first, one), (second, other) = results_of(in_helper_only(lambda: None))
    assert (first, second) == (0, 1) and one != other and ME in (one, other)


def fail():
    raise ValueError


@pytest.mark.parametrize("end", [fail, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0)])
def test_what_the_helper_fails_to_do_is_done_here(end, forks):
    assert results_of(in_helper_only(end)) == [(0, ME), (1, ME)]


def test_a_helper_that_is_stuck_is_ended(forks, monkeypatch):
    monkeypatch.setattr(side_by_side, "LEAST_WAIT", 0.1)
    assert results_of(in_helper_only(lambda: select.select([], [], [], 60))) == [(0, ME), (1, ME)]


@pytest.mark.parametrize("what", ["fork", "pipe"])
def test_without_another_process_all_is_done_here(what, monkeypatch):
    """As where the number of processes or of open files is limited; no descriptor stays open."""

    def refused():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    monkeypatch.setattr(side_by_side, "_may_fork", lambda: True)
    monkeypatch.setattr(os, what, refused)
    assert results_of([os.getpid, os.getpid]) == [ME, ME]
    assert before == (len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0)


def test_an_error_is_the_same_as_in_one_process(forks):
    def wrong():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        results_of([wrong, wrong, lambda: 1])


def test_no_copy_is_made_beside_another_thread_or_on_one_core(monkeypatch):
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert not side_by_side._may_fork()
    end.set()
    thread.join()
    monkeypatch.setattr(side_by_side, "cores", lambda: 1)
    assert not side_by_side._may_fork()


def test_a_runs_pictures_are_the_same_from_two_processes(forks, tmp_path):
    pytest.importorskip("matplotlib")
    from test_figures import metrics, model  # the neighbour's small model

    from minidecomp.terms import likelihoods, priors

    points = np.random.default_rng(0).normal(size=(30, 2))
    vae = model(2, 2, priors.Gaussian(np.zeros(2), np.ones(2)), likelihoods.Gaussian(), np.float64)
    dataset = Dataset("points", points[:20], points[20:])
    alone = figures.draw_all(tmp_path / "alone", metrics(), vae, dataset)
    shared = figures.draw_all(tmp_path / "shared", metrics(), vae, dataset, side_by_side=True)
    assert [path.name for path in alone] == [path.name for path in shared]
    assert [path.read_bytes() for path in alone] == [path.read_bytes() for path in shared]


def test_train_shares_the_pictures_unless_it_has_one_thread(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    from minidecomp.cli.main import main

    counts = []
    monkeypatch.setattr(of_run, "results_of", lambda tasks: counts.append(len(tasks)) or [])
    small = ["--data", "pinwheel", "--points-per-arm", "5", "--hidden", "4", "--engine", "cpu", "-e", "1", "-q"]
    for threads in (2, 1):
        assert main(["train", *small, "--threads", str(threads), "-o", str(tmp_path / str(threads))]) == 0
    assert counts == [4]


def test_after_the_imports_in_the_background_a_picture_imports_nothing(tmp_path):
    pytest.importorskip("matplotlib")
    code = """
import sys
import numpy as np
from minidecomp import figures
from minidecomp.figures import style
from minidecomp.terms import priors
figures.import_matplotlib_meanwhile()
style.wait_for_imports()
before = set(sys.modules)
x = np.random.default_rng(0).normal(size=(9, 2))
figures.aggregate_posterior(x, abs(x) + 0.1, priors.Gaussian(np.zeros(2), np.ones(2)), np.arange(9) % 2)._repr_png_()
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("minidecomp")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # rcdefaults imports the last one, which is deprecated, with warnings off.
    assert (set(done.stdout.split()) <= {"matplotlib.style.core"}, done.stderr) == (True, "")

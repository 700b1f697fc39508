"""``minidecomp evaluate`` of several runs: which of them, what is printed, and what becomes of one that fails."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from minidecomp import data, training
from minidecomp.cli import evaluating, tables
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.evaluation import everything
from minidecomp.settings.resolving import resolve

SMALL = ["--points-per-arm", "5", "--hidden", "4", "--threads", "1", "--epochs", "1", "-q"]
TERMS = ["test.log_likelihood", "test.kl"]
CELLS = [f"sweeps/s/alpha{alpha}-seed{seed}" for alpha in (1, 2) for seed in (0, 1)]


def run_on_own_data(run):
    """One on a file whose factors are known."""
    points = np.random.default_rng(0).normal(size=(30, 3))
    text = "".join(f"{a:.3f},{b:.3f},{c:.3f},{i % 3}\n" for i, (a, b, c) in enumerate(points))
    Path(f"{run}.csv").write_text(f"a,b,c,size\n{text}")
    options = ["--data", f"{run}.csv", "--factors", "size", "--hidden", "4", "--epochs", "1", "--no-plots", "-q"]
    assert main(["train", *options, "--out", run]) == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs without the metric that tests ask for, and a sweep, which tests copy."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for alpha in (0, 1, 2):
            assert main(["train", *SMALL, "--no-plots", "--alpha", str(alpha), "--out", f"runs/a{alpha}"]) == 0
        assert main(["sweep", *SMALL, "--alpha", "1,2", "--seeds", "2", "--out", "sweeps/s"]) == 0
        run_on_own_data("known")
    return folder


def evaluated(capsys, *args, code=0):
    """Both streams, by lines."""
    assert main(["evaluate", *args]) == code
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


def scored():
    """The runs whose evaluation.json has Hoyer's sparsity, which no run has from its training."""
    return [str(path.parent) for path in sorted(Path().rglob("evaluation.json")) if "hoyer" in path.read_text()]


def damage(run):
    Path(run, "checkpoint.npz").write_bytes(b"PK damaged")


def stopped(folder):
    """A run that was stopped after one epoch of two."""
    options = resolve({"hidden": "4", "points_per_arm": 5, "epochs": 2, "threads": 1})
    with training.start(options, dataset_from(options), folder) as trainer:
        training.train(trainer, on_epoch=[lambda trainer: trainer.state.epoch == 1])


# ---- which runs ----


@pytest.mark.parametrize(
    ("places", "runs"),
    [
        (["runs/a2", "runs/a0"], ["runs/a2", "runs/a0"]),
        (["runs"], ["runs/a0", "runs/a1", "runs/a2"]),
        (["sweeps/s"], CELLS),
        (["runs/a1", "runs", "sweeps/s"], ["runs/a1", "runs/a0", "runs/a2", *CELLS]),
    ],
    ids=["runs", "a folder", "a sweep", "all of them"],
)
def test_what_is_evaluated_and_what_is_printed(here, capsys, places, runs):
    out, err = evaluated(capsys, *places, "--metrics", "hoyer")
    assert err == [f"{i} of {len(runs)}: {run}" for i, run in enumerate(runs, 1)]
    assert out[0].split()[-3:] == [*TERMS, "hoyer"]
    count = len(runs) + 1
    assert [line.split()[0] for line in out[1:count]] == runs and out[count:] == [
        "test.*: means over batches of test points; nats (the MMD has no unit)",
        "hoyer: Hoyer sparsity (0 to 1, 1 is sparse)",
        f"written: evaluation.json of {len(runs)} runs",
    ]
    assert scored() == sorted(runs)
    assert main(["table", *places]) == 0
    assert capsys.readouterr().out.splitlines() == out[:count]


def test_a_run_has_the_numbers_that_it_has_by_itself(here, capsys):
    more = ["--metrics", "hoyer", "--log-likelihood", "--importance-samples", "3", "--points", "4", "--seed", "5", "-q"]
    found = json.loads("\n".join(evaluated(capsys, "runs", "--json", *more)[0]))
    assert [each["run"] for each in found] == ["runs/a0", "runs/a1", "runs/a2"]
    single = json.loads("\n".join(evaluated(capsys, "runs/a1", "--json", *more)[0]))
    assert single == found[1] and single["seed"] == 5 and single["marginal_log_likelihood"]["points"] == 4
    assert json.loads(Path("runs/a1/evaluation.json").read_text()).items() <= single.items()
    assert json.loads("\n".join(evaluated(capsys, "runs/a1", "runs/a1", "--json", "-q")[0]))[0]["run"] == "runs/a1"
    out, err = evaluated(capsys, "runs", *more)
    assert out[0].split()[-2:] == ["marginal_log_likelihood", "hoyer"] and err == []


def test_the_table_has_what_was_computed_now(here, capsys, monkeypatch):
    """What was asked for stays on a narrow terminal."""
    evaluated(capsys, "runs", "--metrics", "unsupervised", "-q")
    assert evaluated(capsys, "runs", "--metrics", "hoyer", "-q")[0][0].split()[2:] == [*TERMS, "hoyer"]
    assert evaluated(capsys, "runs", "--metrics", "none", "-q")[0][0].split()[2:] == TERMS
    monkeypatch.setattr(tables, "terminal_width", lambda: 44)
    out, err = evaluated(capsys, "runs", "--log-likelihood", "--importance-samples", "2", "--metrics", "none", "-q")
    assert "marginal_log_likelihood: by importance sampling, in nats" in out
    assert out[0].split() == ["run", "alpha", "marginal_log_likelihood"] and err == [
        "left out to fit 44 columns: test.kl, test.log_likelihood; minidecomp table --csv has all"
    ]


def test_of_a_folder_unfinished_runs_are_counted_and_left_out(here, capsys):
    stopped("runs/b")
    Path("runs/c").mkdir()
    shutil.copy("runs/a0/config.toml", "runs/c")
    shutil.rmtree(CELLS[3])
    lines = [
        f"not begun: 1 of 4 runs in {Path('sweeps/s')}",
        "left out, not trained to the end: 1 of 4 runs in runs",
        f"left out: {Path('runs/c')}: it has a config.toml but no checkpoint.npz",
    ]
    assert evaluated(capsys, "runs", "sweeps/s", "--metrics", "hoyer", "-q")[1] == lines
    assert scored() == ["runs/a0", "runs/a1", "runs/a2", *CELLS[:3]]
    evaluated(capsys, "runs/b", "--metrics", "hoyer", "-q")  # one that is named is evaluated where it stands
    assert "runs/b" in scored()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("runs nowhere", "nowhere: no such folder"),
        ("sweeps", "sweeps: it holds sweeps and no runs; name one of: sweeps/s"),
        ("stopped", "stopped: none of its runs has been trained to its last epoch"),
        ("empty", "empty: this is neither a run folder nor a folder of runs"),
        ("runs --seed -1", "--seed must be a whole number from 0 to 2^64 - 1, not -1"),
        ("runs --points 3", "--points 3: this needs --log-likelihood"),
        ("runs --data known.csv", "--data known.csv: the run was trained on pinwheel; --data only says"),
        ("runs --metrics mig", "--metrics mig: it needs data with known factors that vary; possible here: all,"),
        ("known runs --metrics mig", "run runs/a0: --metrics mig: it needs data with known"),
        ("runs --threads 0", "--threads must be a whole number from 1 to 256, not 0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_evaluated(here, capsys, monkeypatch, args, message):
    os.mkdir("empty")
    stopped("stopped/r")
    monkeypatch.setattr(everything, "evaluate_run", lambda *args, **more: pytest.fail("evaluated"))
    out, err = evaluated(capsys, *args.split(), code=2)
    assert out == [] and len(err) == 1 and err[0].startswith(f"minidecomp: {message}")


# ---- one that fails ----


def test_a_damaged_run_and_moved_data_are_said_and_the_others_go_on(here, capsys):
    damage("runs/a1")
    run_on_own_data("own")
    os.rename("own.csv", "moved.csv")
    capsys.readouterr()
    out, err = evaluated(capsys, "own", "runs", "--metrics", "hoyer", code=2)
    assert [line for line in err if " of 4: " not in line] == [
        f"failed: own: {here}/own.csv: no such file; --data FILE says where the run's data is now",
        "failed: runs/a1/checkpoint.npz: the file is damaged: not a whole .npz file",
    ]
    assert [line.split()[0] for line in out[1:3]] == scored() == ["runs/a0", "runs/a2"]
    assert out[-1] == "written: evaluation.json of 2 runs"
    evaluated(capsys, "own", "--data", "moved.csv", "--metrics", "hoyer", "-q")
    assert "own" in scored()


def test_where_all_fail_nothing_is_printed(here, capsys):
    damage("runs/a0")
    damage("runs/a1")
    out, err = evaluated(capsys, "runs/a0", "runs/a1", "-q", code=2)
    assert out == [] and [line.split(":")[0] for line in err] == ["failed", "failed"]
    assert evaluated(capsys, "runs/a0", "runs/a1", "-q", "--json", code=2)[0] == ["[]"]


def test_a_damaged_evaluation_is_made_anew(here, capsys):
    Path("runs/a1/evaluation.json").write_text("{")
    evaluated(capsys, "runs", "--metrics", "hoyer", "-q")
    assert "runs/a1" in scored()


def test_a_run_that_went_on_meanwhile_is_a_fault_of_that_run(here, capsys, monkeypatch):
    """Its evaluation is not written, and the exit code is that of a fault."""
    real = evaluating.load_run

    def went_on(run, *more):
        loaded = real(run, *more)
        if run == "runs/a1":
            shutil.copy(f"{CELLS[1]}/checkpoint.npz", run)
        return loaded

    monkeypatch.setattr(evaluating, "load_run", went_on)
    out, err = evaluated(capsys, "runs", "--metrics", "hoyer", "-q", code=1)
    assert err == ["failed: runs/a1: it no longer has the model that was evaluated, of epoch 1; nothing was written"]
    assert [line.split()[0] for line in out[1:3]] == scored() == ["runs/a0", "runs/a2"] and len(out) == 6


def test_an_interruption_keeps_what_is_written(here, capsys, monkeypatch):
    real = everything.decomposition
    calls = []

    def interrupted(*args, **more):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(everything, "decomposition", interrupted)
    out, err = evaluated(capsys, "runs", "--metrics", "hoyer", code=130)
    assert out == [] and err[-2:] == ["stopped; 1 of 3 runs evaluated", "minidecomp: interrupted"]
    assert scored() == ["runs/a0"] and len(err) == 4


# ---- what is done once ----


def test_runs_of_the_same_data_load_them_once(here, capsys, monkeypatch):
    loads = []
    real = data.dataset_from
    monkeypatch.setattr(data, "dataset_from", lambda options: loads.append(options.data) or real(options))
    evaluated(capsys, "runs", "known", "sweeps/s", "--metrics", "none", "--no-decomposition", "-q")
    assert [Path(name).name for name in loads] == ["pinwheel", "known.csv", "pinwheel"]
    loads.clear()
    evaluated(capsys, "runs", "--metrics", "hoyer", "-q")
    assert loads == ["pinwheel"]  # looking whether the metric may be wanted takes no second one


def test_the_test_points_are_encoded_once(here, capsys, monkeypatch):
    real, counts = evaluating.make_engine, []

    def counting(*args):
        engine = real(*args)
        encode = engine.encode
        monkeypatch.setattr(engine, "encode", lambda x: counts.append(len(x)) or encode(x), raising=False)
        return engine

    monkeypatch.setattr(evaluating, "make_engine", counting)
    evaluated(capsys, "runs/a0", "-q")
    assert len(counts) == 1

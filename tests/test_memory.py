"""What takes more than 4 GB is said before it is begun, and what the machine has not is refused."""

import re
import sys
import tracemalloc

import numpy as np
import pytest

from minidecomp import load_run, memory, resolve
from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.errors import Fault
from minidecomp.evaluation.terms import evaluate_model
from minidecomp.inspection.by_term import term_gradients
from minidecomp.inspection.situation import situation
from minidecomp.model import from_options
from minidecomp.objective import objective_from
from minidecomp.training import start_in_memory, train


@pytest.fixture(autouse=True)
def said_anew():
    memory._say.cache_clear()


@pytest.fixture
def asked(monkeypatch):
    """The sizes that are asked for."""
    sizes = []
    ask = memory.ask

    def note(what, size, advice):
        sizes.append(size)
        ask(what, size, advice)

    monkeypatch.setattr(memory, "ask", note)
    return sizes


def peak(call):
    """The most memory that a call had at one moment, in bytes, beside what there was; it is called once before."""
    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def small_data(train_points, test_points, width=3):
    random = np.random.default_rng(0)
    return Dataset(
        "noise", random.normal(size=(train_points, width)), random.normal(size=(test_points, width)), source=""
    )


# ---- what is said ----


def test_a_line_above_4_gb(monkeypatch, capsys):
    monkeypatch.setattr(memory, "available", lambda: 9e9)
    memory.ask("this", 4e9, "less is less")
    assert capsys.readouterr() == ("", "")
    memory.ask("this", 4.01e9, "less is less")
    memory.ask("this", 4.01e9, "less is less")
    assert capsys.readouterr() == ("", "this: about 4.01 GB of memory\n")
    with pytest.raises(Fault, match=r"^this would take about 9.01 GB of memory, and 9 GB are available; less is less$"):
        memory.ask("this", 9.01e9, "less is less")
    with pytest.raises(Fault, match="about 40 TB of memory"):
        memory.ask("this", 4e13, "less is less")


def test_nothing_is_refused_where_the_memory_is_not_known(monkeypatch, capsys):
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.ask("this", 1e15, "less is less")
    assert "1e+03 TB" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", None)
    memory.ask("that", 1e15, "less is less")


def test_what_there_is(monkeypatch, tmp_path):
    real = memory.available()
    assert real is None or 1e8 < real < 1e15
    for text, expected in (("5000000\n", 5e6), ("max\n", real), (f"{10**18}\n", real)):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(memory, "LIMITS", (str(tmp_path / "memory.max"), str(tmp_path / "none")))
        assert memory.available() == expected
    monkeypatch.delattr(memory.os, "sysconf")
    monkeypatch.setattr(memory, "LIMITS", ())
    assert memory.available() is None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("memory") / "run")
    args = [
        "--data",
        "pinwheel",
        "--prior",
        "gaussian",
        "--epochs",
        "1",
        "--hidden",
        "8",
        "--batch-size",
        "50",
        "--points-per-arm",
        "50",
    ]
    assert main(["train", *args, "--out", folder, "-q", "--no-plots"]) == 0
    return folder


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("gradients --data pinwheel --points 20000 --points-per-arm 10000", "the gradients of 20000 points"),
        ("sample RUN -n 1000000", "1000000 samples"),
        ("train --prior mixture --components 1000 --latent-dim 1000 --epochs 1 --out r", "the model and its training"),
        ("train --data pinwheel --hidden 30000,30000 --epochs 1 --out r", "the model and its training"),
        ("gradients --prior mixture --components 1000 --latent-dim 1000", "the gradients of 400 points"),
    ],
)
def test_commands_refuse_before_they_begin(run, args, message, tmp_path, monkeypatch, capsys):
    """With 0.1 GB there, and a line for what is larger than that: no test takes 4 GB."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 1e8)
    monkeypatch.setattr(memory, "SAID", 5e7)
    assert main([run if word == "RUN" else word for word in args.split()]) == 1
    out, err = capsys.readouterr()
    assert out == "" and re.search(
        rf"^minidecomp: {message} would take about [\d.]+ GB of memory, and 0.1 GB are available;", err
    )
    assert "Traceback" not in err and not (tmp_path / "r").exists()


def test_a_traversal_is_said(run, monkeypatch, capsys):
    monkeypatch.setattr(memory, "SAID", 1e4)
    assert main(["traverse", run, "--steps", "1000", "--no-gif"]) == 0
    assert re.search(r"^a traversal of 1000 steps: about [\de.-]+ GB of memory$", capsys.readouterr().err, re.MULTILINE)
    monkeypatch.setattr(memory, "available", lambda: 1e4)
    assert main(["traverse", run, "--steps", "1000", "--no-gif"]) == 1
    assert "fewer --steps, --dimensions or --points take less" in capsys.readouterr().err


def test_a_sweep_counts_the_runs_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 1e8)
    args = (
        "sweep --data pinwheel --prior gaussian --hidden 1500,1500 --epochs 1 --alpha 1 --seed 0,1 --threads 1 --out s"
    )
    sizes = memory.of_training(resolve(prior="gaussian", hidden=(1500, 1500), likelihood="gaussian"), 2, 10**4, 10**4)
    assert sizes > 5e7
    monkeypatch.setattr(memory, "SAID", 5e7)
    assert main(args.split()) != 0
    assert "of memory, and 0.1 GB are available" in capsys.readouterr().err


# ---- the estimates ----


@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_pairs_of_points(asked, regulariser):
    options = resolve(
        prior="gaussian", latent_dim=2, hidden=(8,), alpha=1.0, regulariser=regulariser, likelihood="laplace"
    )
    vae, objective = from_options.vae(options, 3), objective_from(options)

    def look():
        s = situation(vae, objective, small_data(700, 10), 700, 0, 0)
        term_gradients(s.vae, s.objective, s.x, s.draws)

    assert 0.5 < asked_over(asked, peak(look)) < 2


def asked_over(asked, size):
    return asked[-1] / size


def test_a_mixture_s_gradients(asked):
    options = resolve(prior="mixture", components=60, latent_dim=20, hidden=(8,), alpha=0.0, likelihood="laplace")
    vae, objective = from_options.vae(options, 3), objective_from(options)

    def look():
        s = situation(vae, objective, small_data(1000, 10), 1000, 0, 0)
        term_gradients(s.vae, s.objective, s.x, s.draws)

    assert 0.5 < asked_over(asked, peak(look)) < 2


@pytest.mark.parametrize(
    "more",
    [
        {"prior": "mixture", "components": 60, "latent_dim": 20, "hidden": (8,)},
        {"prior": "gaussian", "latent_dim": 4, "hidden": (1200, 1000)},
        {"prior": "gaussian", "latent_dim": 300, "hidden": (8,), "batch_size": 1000, "alpha": 1.0},
    ],
    ids=["mixture", "parameters", "codes"],
)
def test_training(asked, more):
    options = resolve(**{"alpha": 0.0, "epochs": 1, "likelihood": "laplace", "threads": 1, "engine": "cpu"} | more)

    def once():
        trainer = start_in_memory(options, small_data(1000, 1000))
        train(trainer)
        evaluate_model(trainer.engine, trainer.dataset, 50, 0)

    assert 0.5 < asked_over(asked, peak(once)) < 2


def test_samples(asked, run):
    vae = load_run(run).vae
    assert 0.5 < asked_over(asked, peak(lambda: vae.sample(100_000))) < 2.5

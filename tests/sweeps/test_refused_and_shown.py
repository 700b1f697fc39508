"""A sweep that is refused leaves nothing; a table of a sweep shows what its grid has, and names what else is there."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from minidecomp import figures
from minidecomp.cli import table as table_command
from minidecomp.cli.main import main
from minidecomp.errors import counted
from minidecomp.sweeps.folder import open_sweep

SMALL = ["--prior", "mixture", "--points-per-arm", "10", "--hidden", "5", "--epochs", "1"]


def complaint(capsys, *args, code=2):
    capsys.readouterr()
    assert main(list(args)) == code
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1].removeprefix("minidecomp: ")


# ---- refused ----


@pytest.mark.parametrize("out", [[], ["--out", "s"], ["--out", "a/b/s"], ["--out", "empty"]])
@pytest.mark.parametrize(
    "args", ["--data nosuch.npy", "--data nosuch.npy --threads 1", "--threads 0", "-c two.toml", "--engine gpu"]
)
def test_nothing_is_left_of_a_refused_sweep(args, out, capsys):
    """Once the folder stayed, and stood in the corrected command's way."""
    Path("two.toml").write_text('data = ["good.npy", "nosuch.npy"]\nepochs = 1')
    np.save("good.npy", np.random.default_rng(0).normal(size=(20, 2)))
    os.mkdir("empty")
    complaint(capsys, "sweep", *args.split(), *out)
    assert sorted(os.listdir()) == ["empty", "good.npy", "two.toml"] and not os.listdir("empty")
    if out:
        assert main(["sweep", "--data", "good.npy", "-e", "1", "--hidden", "3", *out, "-q"]) == 0


def test_data_that_may_be_at_the_workers(capsys):
    """With a scheduler what is not here is no reason to refuse; that none answers is, and leaves nothing either."""
    pytest.importorskip("distributed")
    from minidecomp.sweeps import cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "CONNECT_SECONDS", 0.2)
        args = ["sweep", "--data", "nosuch.npy", "--scheduler", "tcp://127.0.0.1:9", "--out", "s"]
        assert "no scheduler answers there" in complaint(capsys, *args, code=1)
    assert os.listdir() == []


def test_data_are_loaded_once(monkeypatch):
    from minidecomp.sweeps import work

    asked = []
    load = work.dataset_from
    monkeypatch.setattr(work, "dataset_from", lambda options: asked.append(options) or load(options))
    assert main(["sweep", *SMALL, "--alpha", "0,1,2", "--out", "s", "-q"]) == 0
    assert len(asked) == 1


def test_where_several_values_of_a_flag_stand(capsys):
    for given in (["--learn-prior-variance", "true,false"], ["--learn-prior-variance=yes,no"]):
        said = complaint(capsys, "sweep", "--prior", "gaussian", *given)
        assert "a flag takes no value" in said and "learn_prior_variance = [true, false], for --config" in said
    Path("g.toml").write_text(
        'data = "pinwheel"\nprior = "gaussian"\nlearn_prior_variance = [true, false]\nepochs = 1\npoints_per_arm = 9'
    )
    assert main(["sweep", "-c", "g.toml", "--out", "s", "-q"]) == 0
    assert [entry.options.learn_prior_variance for entry in open_sweep(Path("s"))] == [True, False]


def test_plurals(capsys):
    assert main(["sweep", *SMALL, "--out", "s"]) == 0
    assert "1 run in s\n" in capsys.readouterr().err
    assert (counted(0, "run"), counted(1, "run"), counted(2, "other run")) == ("0 runs", "1 run", "2 other runs")


# ---- a table of a sweep ----


@pytest.fixture
def finished(capsys):
    assert main(["sweep", *SMALL, "--alpha", "0,2,10", "--seeds", "2", "--out", "s", "-q"]) == 0
    capsys.readouterr()


def shown(out):
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_a_table_shows_what_the_grid_names(finished, capsys):
    """In the grid's order; a run of an earlier grid is named in a line, and can be given by itself."""
    assert main(["table", "s"]) == 0
    assert shown(capsys.readouterr().out) == [f"s/alpha{a}-seed{s}" for a in (0, 2, 10) for s in (0, 1)]
    grid = Path("s/sweep.toml")
    grid.write_text(re.sub(r"alpha = .*", "alpha = [0.0, 2.0, 3.0]", grid.read_text()))
    assert main(["table", "s"]) == 0
    out, err = capsys.readouterr()
    assert shown(out) == [f"s/alpha{a}-seed{s}" for a in (0, 2) for s in (0, 1)]
    assert err == (
        "not begun: 2 of 6 runs in s\n"
        "left out, as they are not in s/sweep.toml: alpha10-seed0, alpha10-seed1\n"
        "test.log_likelihood: test log-likelihood (nats); test.kl: test KL (nats)\n"
    )  # fmt: skip
    assert main(["table", "s/alpha10-seed0"]) == 0
    assert shown(capsys.readouterr().out) == ["s/alpha10-seed0"]


def test_fewer_seeds_rename_the_runs(finished, capsys):
    grid = Path("s/sweep.toml")
    grid.write_text(grid.read_text().replace("seeds = 2", "seeds = 1"))
    said = complaint(capsys, "table", "s")
    assert said.startswith("s: none of its runs has begun; train them with minidecomp sweep --resume s")
    assert said.endswith(", ".join(f"alpha{a}-seed{s}" for a in (0, 10, 2) for s in (0, 1)))
    assert main(["sweep", "--resume", "s", "-q"]) == 0
    capsys.readouterr()
    assert main(["table", "s"]) == 0
    out, err = capsys.readouterr()
    assert shown(out) == ["s/alpha0", "s/alpha2", "s/alpha10"] and "alpha0-seed0" in err and err.count("\n") == 2


def test_a_grid_that_cannot_be_read(finished, capsys):
    Path("s/sweep.toml").write_text("alpha =")
    assert main(["table", "s"]) == 0
    out, err = capsys.readouterr()
    assert (
        len(shown(out)) == 6 and err.startswith("s/sweep.toml is not a TOML file") and "all runs in s are used" in err
    )


# ---- what table says ----


def test_options_are_those_of_the_training(finished, capsys):
    """Once config.toml's, which somebody may have changed since the model was trained."""
    for path in Path("s").glob("*/config.toml"):
        path.write_text(re.sub(r"alpha = .*", "alpha = 7.0", path.read_text()))
    Path("s/alpha0-seed0/config.toml").unlink()
    assert main(["table", "s", "--json"]) == 0
    assert [row["alpha"] for row in json.loads(capsys.readouterr().out)] == [0, 0, 2, 2, 10, 10]


def test_no_parameter_is_read(finished, monkeypatch):
    from minidecomp.runs import npz

    names, read = [], npz.Npz.read
    monkeypatch.setattr(npz.Npz, "read", lambda file, name: names.append(name) or read(file, name))
    assert main(["table", "s"]) == 0
    assert names and not any(name.startswith(("parameter.", "adam.", "metrics")) for name in names)


def test_a_picture_that_cannot_be_written_is_refused_first(finished, capsys):
    pytest.importorskip("matplotlib")
    said = complaint(capsys, "table", "s", "--plot", "test.kl", "-o", "nodir/f.pdf")
    assert said == "--out nodir/f.pdf: there is no folder nodir"


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("hoyer", "minidecomp evaluate RUN --metrics hoyer records it"),
        ("overlap.kl", "minidecomp evaluate RUN --decomposition records it"),
        ("marginal_log_likelihood", "minidecomp evaluate RUN --log-likelihood records it"),
    ],
)
def test_how_a_value_comes_to_be_recorded(name, how, finished, capsys):
    pytest.importorskip("matplotlib")
    said = complaint(capsys, "table", "s", "--plot", name)
    assert how in said and "; recorded so far: test.log_likelihood, test.kl, " in said
    assert how in complaint(capsys, "sweep", *SMALL, "--alpha", "0,1", "--plot", name)
    assert main(["evaluate", "s/alpha0-seed0", "-q", *how.split()[3:-2]]) == 0
    assert main(["table", "s", "--plot", name]) == 0


def test_what_is_no_recorded_value(finished, capsys):
    """`--plot state` once asked whether `rate`, an option, was meant."""
    pytest.importorskip("matplotlib")
    assert "did you mean" not in complaint(capsys, "table", "s", "--plot", "state")
    assert "; did you mean 'test.kl'?" in complaint(capsys, "table", "s", "--plot", "test.k")


def test_no_run_is_evaluated_yet(finished, capsys):
    pytest.importorskip("matplotlib")
    for path in Path("s").glob("*/evaluation.json"):
        path.unlink()
    assert complaint(capsys, "table", "s", "--plot", "test.kl").startswith("no run is evaluated yet; use minidecomp")
    for path in Path("s").glob("alpha*"):
        shutil.rmtree(path)
    assert complaint(capsys, "table", "s").startswith(
        "s: none of its runs has begun; train them with minidecomp sweep --resume s"
    )


def test_csv_and_json_are_two(finished, capsys):
    assert complaint(capsys, "table", "s", "--csv", "--json") == "--csv and --json cannot be used together"


def test_what_the_axes_say(finished, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    write = figures.write_figure
    monkeypatch.setattr(table_command, "say", lambda *args, **more: None)
    monkeypatch.setattr(figures, "write_figure", lambda figure, *args: drawn.append(figure) or write(figure, *args))
    for against in ("alpha", "test.mmd", "train.seconds"):
        assert main(["table", "s", "--plot", "test.kl", "--against", against, "-o", "x.png"]) == 0
    said = [(figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) for figure in drawn]
    assert said == [
        ("alpha", "test KL (nats)"),
        ("test MMD", "test KL (nats)"),
        ("training time (s)", "test KL (nats)"),
    ]

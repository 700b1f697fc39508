"""The command line from end to end: real runs on small data, and one clear line for whatever is wrong."""

import fcntl
import json
import os
import pty
import re
import resource
import signal
import struct
import subprocess
import sys
import termios
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.points import as_numbers
from minidecomp.evaluation.dimensions import dimension_kl
from minidecomp.evaluation.metrics import hoyer
from minidecomp.packages import pip_install
from minidecomp.randomness import philox, streams
from minidecomp.runs import checkpoint, comparison
from minidecomp.variants import METRICS

SMALL = ["--points-per-arm", "10", "--epochs", "3", "--hidden", "5", "--threads", "1"]
COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]
# Where no large file can be written, Python would cut the compiled modules that it keeps.
WITHOUT_CACHE = [sys.executable, "-B", *COMMAND[1:]]


def complaint(capsys, *args):
    """The one line on stderr of a command that is refused as wrong use."""
    assert main(list(args)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("minidecomp: "), err
    return err.removeprefix("minidecomp: ").strip()


def final(folder):
    state = checkpoint.load(folder).state
    adam = state.optimizer
    metrics = [values for name, values in state.metrics().items() if name != "seconds"]
    return np.concatenate([state.vae.parameters.vector, adam.m, adam.v, adam.v_max, *metrics])


# ---- what works ----


def test_the_first_command(capsys):
    """The README's own, but for its length."""
    assert main(["train", "--prior", "mixture", "--alpha", "5", "--epochs", "20"]) == 0
    out, err = capsys.readouterr()
    folder = "runs/pinwheel-mixture-alpha5-beta1-seed0"
    assert f"run: {folder}\n" in out and f"next: minidecomp evaluate {folder}" in out
    assert "20 epochs" in out and "KL(p || q)" in out
    assert "pinwheel (400 points of 2 numbers), mixture prior" in err
    files = sorted(os.listdir(folder))
    assert files == ["checkpoint.npz", "config.toml", "evaluation.json", "figures", "metrics.csv"]
    pictures = sorted(os.listdir(f"{folder}/figures"))
    assert pictures == ["aggregate_posterior.png", "learning_curves.png", "reconstructions.png", "samples.png"]
    evaluation = json.loads(Path(folder, "evaluation.json").read_text())
    assert evaluation["epochs"] == 20 and evaluation["test"]["points"] == 400


def test_json(capsys):
    assert main(["train", *SMALL, "--json", "--no-plots", "-q", "-o", "r"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == "" and result["run"] == "r" and result["pictures"] == []
    assert result["train"]["regulariser"] is None and np.isfinite(result["test"]["kl-inc"])
    assert not os.path.exists("r/figures")


@pytest.mark.parametrize(
    ("prior", "regulariser"),
    [("gaussian", "mmd"), ("student-t", "kl-inc"), ("mixture", "kl-inc"), ("sparse", "mmd")]
    + [
        pytest.param(*other, marks=pytest.mark.slow)
        for other in (("gaussian", "kl-inc"), ("student-t", "mmd"), ("mixture", "mmd"), ("sparse", "kl-inc"))
    ],
)
def test_any_prior_on_any_data(prior, regulariser, capsys):
    np.save("own.npy", np.random.default_rng(0).normal(size=(50, 7)))
    args = ["--prior", prior, "--regularizer", regulariser, "--alpha", "2", "-e", "2", "--hidden", "8,4", "-z", "3"]
    assert main(["train", "--data", "own.npy", *args, "-o", "r", "--no-plots"]) == 0
    assert (
        "likelihood: gaussian, because some values are not 0 or 1; change it with --likelihood"
        in capsys.readouterr().err
    )
    run = checkpoint.load("r")
    assert run.options.likelihood == "gaussian" and run.vae.encoder.widths == (7, 8, 4, 6)
    assert main(["plot", "r"]) == 0


def test_your_own_files(capsys):
    rng = np.random.default_rng(0)
    np.savez("images.npz", images=(rng.random((30, 4, 5)) < 0.3), other=rng.random(3))
    assert main(["train", "-d", "images.npz", "--array", "images", "-e", "1", "-o", "a", "--limit", "20"]) == 0
    assert "likelihood: bernoulli, because every value is 0 or 1" in capsys.readouterr().err
    assert checkpoint.load("a").options.limit == 20
    np.savetxt("table.csv", rng.normal(size=(30, 2)), delimiter=",", header="a,b", comments="")
    assert main(["train", "-d", "table.csv", "-e", "1", "--likelihood", "laplace", "-o", "b"]) == 0
    assert "likelihood:" not in capsys.readouterr().err


def test_a_run_is_plotted_and_resumed_from_anywhere(tmp_path, monkeypatch):
    np.save("own.npy", np.random.default_rng(0).normal(size=(50, 3)))
    assert main(["train", "-d", "own.npy", "-e", "1", "-o", "r", "--no-plots"]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["plot", "../r", "--format", "pdf", "--format", "svg", "-o", "p"]) == 0
    assert sorted(os.listdir("p")) == sorted(
        f"{name}.{kind}"
        for name in ("aggregate_posterior", "learning_curves", "reconstructions", "samples")
        for kind in ("pdf", "svg")
    )
    assert main(["train", "--resume", "../r", "-e", "2", "--no-plots"]) == 0


def test_command_line_over_environment_over_file_over_defaults(monkeypatch):
    with open("c.toml", "w") as file:
        file.write("alpha = 1\nbeta = 2\ngamma = 0.5\nlatent-dim = 3\nprior = 'sparse'\ndata = 'pinwheel'\n")
    monkeypatch.setenv("MINIDECOMP_BETA", "3")
    monkeypatch.setenv("MINIDECOMP_GAMMA", "0.6")
    assert main(["train", *SMALL, "-c", "c.toml", "--gamma", "0.7", "-o", "r", "--no-plots"]) == 0
    o = checkpoint.load("r").options
    assert (o.alpha, o.beta, o.gamma, o.latent_dim, o.samples) == (1, 3, 0.7, 3, 1)
    # What the environment says is for new runs.
    assert main(["train", "--resume", "r", "--epochs", "4", "--no-plots"]) == 0


def test_a_runs_config_repeats_it():
    assert main(["train", *SMALL, "--alpha", "2", "--seed", "5", "-o", "a", "--no-plots"]) == 0
    assert main(["train", "-c", "a/config.toml", "-o", "b", "--no-plots"]) == 0
    assert_array_equal(final("a"), final("b"))
    assert Path("a/config.toml").read_text() == Path("b/config.toml").read_text()
    assert main(["train", "-c", "a/config.toml", "-o", "c", "--no-plots", "--seed", "0"]) == 0
    assert (final("a") != final("c")).any()


def test_the_engines_write_alike():
    for engine in ("cpu", "textbook"):
        assert main(["train", *SMALL, "--engine", engine, "--dtype", "float64", "-o", engine, "--no-plots"]) == 0
    np.testing.assert_allclose(final("cpu"), final("textbook"), rtol=1e-7, atol=1e-10)


def test_without_matplotlib(capsys, monkeypatch):
    from minidecomp import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert main(["train", *SMALL, "-o", "r"]) == 0
    out, err = capsys.readouterr()
    assert "picture" not in out and f"no pictures: it needs matplotlib: {pip_install('minidecomp[plots]')}" in err
    assert "it needs matplotlib" in complaint(capsys, "plot", "r")


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    assert "minidecomp train --prior mixture --alpha 5" in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    for group in ("Data:", "Prior p(z):", "Model:", "Objective:", "Training:", "Output:", "Every term is in nats"):
        assert group in out
    assert "[default:100;400forpinwheel;64fordsprites;500forfashion-mnist]" in "".join(out.split())
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("minidecomp 0.")
    assert main(["--version", "--verbose"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:4]] == ["code path", "matrix products", "cores"]
    assert main(["--verbose"]) == 2
    assert "--verbose needs --version" in capsys.readouterr().err


# ---- stopped and gone on with ----


LONG = ["train", "--prior", "mixture", "--alpha", "3", "--epochs", "4000", "--checkpoint-every", "0.05", "--no-plots"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main([*LONG, "-q", "-o", str(folder)]) == 0
    return final(folder)


@pytest.mark.parametrize(
    "number",
    [pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)],
)
def test_a_stopped_run_goes_on_to_the_same_end(number, whole):
    process = subprocess.Popen([*COMMAND, *LONG, "-o", "r"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (os.path.exists("r/checkpoint.npz") and checkpoint.load("r").state.epoch > 0):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == "" and "Traceback" not in err
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert "it is saved" in err and "to continue: minidecomp train --resume r\n" in err
    stopped = checkpoint.load("r").state
    assert 0 < stopped.epoch < 4000
    assert main(["train", "--resume", "r", "--no-plots", "-q"]) == 0
    assert_array_equal(final("r"), whole)


def test_resume_takes_the_runs_own_options(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    capsys.readouterr()
    for option, value in (("--beta", "2"), ("--seed", "0"), ("--out", "x"), ("--config", "c.toml")):
        line = complaint(capsys, "train", "--resume", "r", option, value)
        assert line.startswith(f"{option} {value}: --resume keeps the run's own options; only --epochs,")
    assert complaint(capsys, "train", "--resume", "r", "-e", "2").startswith("--epochs must be 3 or more")
    assert complaint(capsys, "train", "--resume", "x") == "x: no such run folder"
    before = final("r")
    capsys.readouterr()
    assert main(["train", "--resume", "r", "-e", "5", "--threads", "2", "--no-plots", "-q"]) == 0
    assert tomllib.loads(Path("r/config.toml").read_text())["epochs"] == 5
    assert len(final("r")) > len(before)


def test_data_that_moved(capsys):
    """A run's own data may be elsewhere now, but must be the same."""
    np.save("own.npy", np.random.default_rng(0).normal(size=(50, 3)))
    assert main(["train", "-d", "own.npy", "-e", "1", "-o", "r", "--no-plots", "-q"]) == 0
    os.rename("own.npy", "moved.npy")
    capsys.readouterr()
    assert main(["plot", "r"]) == 2
    out, err = capsys.readouterr()
    assert out == "picture: r/figures/learning_curves.png\n" and "own.npy: no such file" in err
    assert main(["plot", "r", "--data", "moved.npy"]) == 0
    assert main(["evaluate", "r", "--data", "moved.npy", "-q"]) == 0
    assert main(["train", "--resume", "r", "--data", "moved.npy", "-e", "2", "--no-plots", "-q"]) == 0
    np.save("moved.npy", np.random.default_rng(1).normal(size=(50, 3)))
    capsys.readouterr()
    assert "moved.npy is not the data this run was trained on" in complaint(capsys, "sample", "r")
    assert "is not the data" in complaint(capsys, "train", "--resume", "r", "-e", "3")


def test_another_prior_over_a_runs_config(capsys):
    """What the file has only as its own prior's default gives way; what was chosen stays."""
    args = ["--data", "pinwheel", "--prior", "gaussian", "--gamma"]
    assert main(["train", *SMALL, *args[:-1], "--lr", "0.005", "-o", "a", "--no-plots", "-q"]) == 0
    assert main(["train", "-c", "a/config.toml", "--prior", "mixture", "-o", "b", "--no-plots", "-q"]) == 0
    o = checkpoint.load("b").options
    assert (o.prior, o.kl, o.prior_variance_scale, o.lr, o.epochs) == ("mixture", "monte-carlo", 0.03, 0.005, 3)


def test_the_environment_is_checked(monkeypatch, capsys):
    for name, value, message in (
        ("MINIDECOMP_LR", "abc", "MINIDECOMP_LR: expected a number above 0, got 'abc'"),
        ("MINIDECOMP_AMSGRAD", "maybe", "MINIDECOMP_AMSGRAD must be yes or no, not 'maybe'"),
        ("MINIDECOMP_ALHPA", "3", "unknown option MINIDECOMP_ALHPA; did you mean MINIDECOMP_ALPHA?"),
    ):
        monkeypatch.setenv(name, value)
        assert complaint(capsys, "train") == message
        monkeypatch.delenv(name)
    monkeypatch.setenv("MINIDECOMP_REGULARIZER", "mmd")
    monkeypatch.setenv("MINIDECOMP_AMSGRAD", "no")
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    assert (checkpoint.load("r").options.regulariser, checkpoint.load("r").options.amsgrad) == ("mmd", False)


# ---- looking at a run ----


def loc_of_test(run, point):
    """The encoding of a test point."""
    test = as_numbers(dataset_from(run.options).test, np.float32)
    return run.vae.encode(test[point : point + 1])[0][0]


@pytest.mark.parametrize(
    "shape", [(3,), *(pytest.param(each, marks=pytest.mark.slow) for each in ((2,), (1,))), (4, 5)]
)
def test_every_look_at_a_run(shape, capsys):
    np.save("own.npy", np.random.default_rng(0).random((60, *shape)))
    assert main(["train", "-d", "own.npy", "-e", "1", "-z", "3", "--hidden", "5", "-o", "r", "--no-plots", "-q"]) == 0
    capsys.readouterr()
    assert (
        main(["traverse", "r", "--out", "t.npz", "--points", "4", "--dimensions", "2", "--steps", "5", "--span", "2"])
        == 0
    )
    assert main(["reconstruct", "r", "--out", "r.npz", "-n", "4"]) == 0
    assert main(["sample", "r", "--out", "s.npz", "-n", "7"]) == 0
    assert main(["encode", "r", "own.npy"]) == 0
    out = capsys.readouterr().out
    pictures = {"traversals.png", "reconstructions-4.png", "samples-7-seed0.png"}
    assert set(os.listdir("r/figures")) == pictures | ({"traversals.gif"} if len(shape) == 2 else set())
    assert "arrays: r/encodings-own.npz (loc, scale, index)" in out
    width, run = int(np.prod(shape)), checkpoint.load("r")
    with np.load("t.npz") as t, np.load("r.npz") as r, np.load("s.npz") as s, np.load("r/encodings-own.npz") as e:
        assert t["means"].shape == (2, 5, width) and t["values"].shape == (2, 5) and (np.diff(t["kl"]) <= 0).all()
        # Each row is the decoder's answer to its own dimension's values at the chosen point.
        vae, point = run.vae, int(t["point"][0])
        assert point == 4
        z = np.tile(loc_of_test(run, point), (5, 1))
        z[:, t["dimension"][1] - 1] = t["values"][1]
        np.testing.assert_allclose(t["means"][1], vae.likelihood.mean(vae.decode(z)), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(t["values"][0], [-2, -1, 0, 1, 2], rtol=1e-6)
        assert r["x"].shape == r["reconstruction"].shape == (4, width) and r["loc"].shape == (4, 3)
        assert s["z"].shape == (7, 3) and s["x"].shape == s["mean"].shape == (7, width)
        loc, scale = run.vae.encode(np.load("own.npy").reshape(60, -1).astype(np.float32))
        np.testing.assert_allclose(e["loc"], loc, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(e["scale"], scale, rtol=1e-4)
    assert main(["evaluate", "r", "--json", "-q"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["metrics"]) == {"unsupervised", "hoyer", "hoyer_plain"} and len(result["dimensions"]["kl"]) == 3
    assert json.loads(Path("r/evaluation.json").read_text())["train"]["epoch"] == 1
    # What is said of the dimensions and of the codes is said of the test points.
    dataset = dataset_from(run.options)
    loc, scale = run.vae.encode(as_numbers(dataset.test, np.float32))
    np.testing.assert_allclose(
        result["dimensions"]["kl"], dimension_kl(loc, scale, run.vae.prior), rtol=1e-3, atol=1e-4
    )
    assert result["metrics"]["hoyer"]["samples"] == {"points": len(dataset.test)} == {"points": 6}
    np.testing.assert_allclose(result["metrics"]["hoyer"]["score"], hoyer(loc).score, atol=1e-4)
    # A damaged file is made anew, the training's part from the checkpoint.
    Path("r/evaluation.json").write_text("{")
    assert main(["evaluate", "r", "--metrics", "none", "-q"]) == 0
    assert json.loads(Path("r/evaluation.json").read_text())["train"]["epoch"] == 1
    assert main(["encode", "r", "own.npy"]) == 0 and os.path.exists("r/encodings-own-2.npz")


def test_overlap_match_and_marginal_log_likelihood(capsys):
    assert main(["train", *SMALL, "--epochs", "30", "-o", "r", "--no-plots", "-q"]) == 0
    capsys.readouterr()
    args = ["evaluate", "r", "--log-likelihood", "--importance-samples", "60", "--points", "25", "--metrics", "none"]
    assert main(args) == 0
    out, err = capsys.readouterr()
    for row in (
        "marginal log-likelihood",
        "mutual information I(x; z)",
        "total correlation (sampled)",
        "dimension-wise KL",
        "KL(p || q)",
    ):
        assert re.search(f"^ +{re.escape(row)} +-?[0-9.]+ +± [0-9.]+$", out, re.MULTILINE), row
    assert "25 of 40 test points, 60 samples of each" in out and "importance sampling" in err
    assert main([*args, "--json", "-q", "--no-decomposition"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == "" and "decomposition" not in result and result["marginal_log_likelihood"]["points"] == 25
    stored = json.loads(Path("r/evaluation.json").read_text())
    assert stored["decomposition"]["points"] == 40  # what an earlier call wrote stays
    assert set(stored["decomposition"]["match"]) == {"mmd", "kl-inc"}


def test_runs_side_by_side(capsys):
    for alpha in (0, 2):
        for seed in (0, 1):
            args = ["--alpha", str(alpha), "--seed", str(seed), "-o", f"runs/a{alpha}s{seed}"]
            assert main(["train", *SMALL, *args, "--no-plots", "-q"]) == 0
    assert main(["train", *SMALL, "--alpha", "2", "--beta", "0.5", "-o", "b", "--no-plots", "-q"]) == 0
    assert main(["evaluate", "b", "-q"]) == 0
    capsys.readouterr()
    assert main(["table", "runs", "b", "--plot", "test.kl", "-o", "kl.pdf", "--reference", "1"]) == 0
    out = capsys.readouterr().out.splitlines()
    expected = [
        "run",
        "beta",
        "alpha",
        "seed",
        "test.log_likelihood",
        "test.kl",
        "unsupervised",
        "hoyer",
        "hoyer_plain",
    ]
    assert out[0].split() == expected
    assert [line.split()[0] for line in out[1:6]] == ["runs/a0s0", "runs/a0s1", "runs/a2s0", "runs/a2s1", "b"]
    assert out[6] == "picture: kl.pdf" and os.path.getsize("kl.pdf") > 3000
    assert main(["table", "runs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    kept = json.loads(Path("runs/a2s1/evaluation.json").read_text())
    assert rows[3]["test.kl"] == kept["test"]["kl"] and rows[3]["alpha"] == 2 and rows[3]["train.epoch"] == 3
    assert main(["table", "runs", "b", "--csv"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "overlap.mutual_information" in header.split(",")
    assert main(["table", "b", "--values", "match.kl-inc,hidden"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["run", "match.kl-inc", "hidden"]
    curves = comparison.curves(
        [comparison.read_row(run) for run in comparison.find_runs(["runs", "b"])], "test.kl", "alpha"
    )
    assert {name: [at for at, _ in points] for name, points in curves.items()} == {
        "beta 1": [0, 0, 2, 2],
        "beta 0.5": [2],
    }
    assert complaint(capsys, "table", "runs", "--values", "klx").startswith(
        "--values klx: no run has a value of this name"
    )
    assert complaint(capsys, "table", "none") == "none: no such folder"
    os.mkdir("empty")
    assert complaint(capsys, "table", "empty") == "empty: this is neither a run folder nor a folder of runs"
    Path("b/evaluation.json").write_text("[]")
    assert complaint(capsys, "table", "b").startswith("b/evaluation.json: the file is damaged; minidecomp evaluate b")


def test_several_points_along_one_dimension(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    assert main(["traverse", "r", "--dimension", "2", "--points", "0,5,7", "--out", "t.npz"]) == 0
    assert os.path.exists("r/figures/traversals-z2.png")
    with np.load("t.npz") as t:
        assert t["dimension"].tolist() == [2, 2, 2] and t["point"].tolist() == [0, 5, 7]
        assert t["means"].shape == (3, 11, 2)
    capsys.readouterr()
    assert complaint(capsys, "traverse", "r", "--points", "0,5").startswith("--points: expected one test point")
    assert complaint(capsys, "traverse", "r", "--points", "0,40").startswith("--points must be a whole number")
    assert complaint(capsys, "traverse", "r", "--dimension", "3").startswith("--dimension must be a whole number")


def test_encode_refuses_points_of_another_width(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    np.save("wide.npy", np.zeros((5, 3)))
    capsys.readouterr()
    message = "the model takes points of 2 numbers; wide.npy has 3"
    assert complaint(capsys, "encode", "r", "wide.npy") == message
    np.save("ones.npy", np.random.default_rng(0).random((30, 2)) < 0.5)
    assert main(["train", "-d", "ones.npy", "-e", "1", "--hidden", "3", "-o", "b", "--no-plots", "-q"]) == 0
    np.save("large.npy", np.full((5, 2), 200.0))
    capsys.readouterr()
    message = "the model takes numbers from 0 to 1; large.npy has 200 to 200"
    assert complaint(capsys, "encode", "b", "large.npy") == message


@pytest.mark.slow
def test_a_small_dsprites_run(capsys):
    """The metrics by their names, for the Student-t prior once more of the Gaussian quantiles."""
    part = ["--factors", "shape=heart,scale=0.5..0.7,orientation=0,posX=0..0.3,posY=0..0.3"]
    small = ["--hidden", "16", "-e", "2", "--lr", "3e-3", "-o", "r", "--no-plots", "-q"]
    assert main(["train", "--prior", "student-t", "-z", "4", *part, *small]) == 0
    capsys.readouterr()
    assert main(["evaluate", "r", "--metrics", "all", "-q"]) == 0
    out = capsys.readouterr().out
    for name in ("factor_vae", "factor_vae_mathieu19", "beta_vae", "mig", "sap", "modularity", "explicitness", "irs"):
        assert len(re.findall(f"^  {METRICS[name].title}  ", out, re.MULTILINE)) == 2, name
    assert "mapped to Gaussian quantiles" in out and "DCI" not in out and "latent dimensions active" in out
    assert main(["evaluate", "r", "--metrics", "mig", "--json", "-q", "--seed", "3"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["metrics"]["mig"]["seed"] == 3 and "disentanglement_lib" in result["metrics"]["mig"]["definition"]
    assert len(result["metrics"]["mig"]["details"]["gaps"]) == 3  # one value of shape and of orientation say nothing
    stored = json.loads(Path("r/evaluation.json").read_text())
    assert stored["factors"] == {"scale": 3, "posX": 10, "posY": 10}
    assert set(stored["metrics"]) == set(stored["metrics_of_gaussian_quantiles"]) > {"mig", "irs", "hoyer_plain"}
    assert stored["metrics"]["mig"]["seed"] == 3 and stored["metrics"]["irs"]["seed"] == 0
    # The quantiles' scores are of other codes: FactorVAE's variances are not kept by the mapping.
    assert (
        stored["metrics"]["explicitness"]["score"] != stored["metrics_of_gaussian_quantiles"]["explicitness"]["score"]
    )
    assert complaint(capsys, "evaluate", "r", "--data", "pinwheel").startswith("--data pinwheel: the run was trained")
    assert main(["traverse", "r", "--points", "3"]) == 0
    assert os.path.exists("r/figures/traversals.gif")


# ---- what is refused ----


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("train --latent-dim 0", "--latent-dim must be a whole number from 1 to 10,000, not 0"),
        ("train --hidden 10,x", "--hidden: expected at most 30 whole numbers from 1 to 100,000, separated by commas, got '10,x'"),
        ("train --lr -1", "--lr must be above 0, not -1"),
        ("train --beta nan", "--beta: expected a number of 0 or more, got nan"),
        ("train --threads 0", "--threads must be a whole number from 1 to 256, not 0"),
        ("train --dtype float16", "--dtype must be float32 or float64, not 'float16'"),
        ("train --prior normall", "--prior must be gaussian, student-t, mixture or sparse, not 'normall'"),
        ("train --engine tpu", "--engine must be auto, cpu, gpu or textbook, not 'tpu'"),
        ("train --df 3", "--df 3: this is for --prior student-t, not for mixture"),
        ("train --likelihood bernoulli", "--likelihood bernoulli: this needs data from 0 to 1; pinwheel has -"),
        ("train --arms 0", "--arms must be a whole number from 1 to 1000, not 0"),
        ("train --data dsprites --factors shape=star", "--factors shape=star: no value of shape matches; its values are square, ellipse, heart"),
        ("train --data dsprites --data-dir folder", "dsprites: folder has neither dsprites_ndarray"),
        ("train --data pinwhel", "--data pinwhel: there is no such data set, file or folder; did you mean 'pinwheel'?"),
        ("train --data none.npy", "none.npy: no such file"),
        ("train --data empty.npy", "empty.npy: is empty"),
        ("train --data cut.npy", "cut.npy: cannot be read"),
        ("train --data objects.npy", "objects.npy: "),
        ("train --data text.npy", "text.npy: has dtype <U1; allowed are"),
        ("train --data nan.npy", "nan.npy: expected finite numbers, got nan in row 3, column 1"),
        ("train --data two.npz", "two.npz: has 2 arrays; choose one with --array: a, b"),
        ("train --data two.npz --array c", "two.npz: has no array named c; it has: a, b"),
        ("train --data bad.csv", "bad.csv, line 3, column 1 (counted from 0): expected a number, got 'x'"),
        ("train --data fashion-mnist --data-dir nowhere", "fashion-mnist: nowhere"),
        ("train --config none.toml", "cannot read none.toml: No such file or directory"),
        ("train --config bad.toml", "bad.toml is not a TOML file"),
        ("train --config typo.toml", "typo.toml: unknown option alhpa; did you mean alpha?"),
        ("train --out file", "--out file: this is a file; name a folder"),
        ("train --out folder2", "--out folder2: it exists already; name another folder"),
        ("train --config table.toml", "table.toml: [train] is a table; options must stand at the top, outside any table"),
        ("train --config wrong.toml", "wrong.toml: lr: expected a number above 0, got 'x'"),
        ("train --data huge.npy", "huge.npy has 1e+300 to 1e+300; beyond 1,000,000 no model learns anything: --scale standardise"),
        ("train --data good.npy --arms 3", "--arms 3: this is for --data pinwheel"),
        ("train --array x", "--array x: this is for your own data, not for pinwheel"),
        ("train --data good.npy --data-dir /", "--data-dir /: this is for named data sets, not for good.npy"),
        ("evaluate old", "old/checkpoint.npz: checkpoint version 0"),
        ("evaluate nowhere --seed -1", "--seed must be a whole number from 0 to 2^64 - 1, not -1"),
        ("traverse nowhere --steps 1", "--steps must be a whole number from 2 to 1000, not 1"),
        ("traverse nowhere --span 0", "--span must be above 0, not 0"),
        ("sample nowhere --count x", "--count: expected a whole number from 1 to 10,000,000, got 'x'"),
        ("reconstruct nowhere --out x.png", "--out x.png: the file's name must end in .npz, .npy, .csv, .csv.gz or .parquet, or be - for standard output"),
        ("encode nowhere good.npy", "nowhere: no such run folder"),
        ("train --out file/x", "--out file/x: cannot write there: Not a directory"),
        ("train --resume file", "file: this is a file, not a run folder"),
        ("train --resume folder", "folder: this is not a run folder, as it has no checkpoint.npz"),
        ("train --resume cut", "cut/checkpoint.npz: the file is damaged: not a whole .npz file"),
        ("train --resume old", "old/checkpoint.npz: checkpoint version 0; this minidecomp reads version 1"),
        ("train extra", "unexpected argument: extra; see minidecomp train --help"),
        ("train --alhpa 3", "unknown option --alhpa; did you mean --alpha?"),
        ("train --alpha", "--alpha needs a value"),
        ("plot", "plot needs a RUN; see minidecomp plot --help"),
        ("plot nowhere", "nowhere: no such run folder"),
        ("plot old --format gif", "--format must be png, pdf or svg, not 'gif'"),
        ("plot old --seed x", "--seed: expected a whole number from 0 to 2^64 - 1, got 'x'"),
        ("trian", "unknown command 'trian'; did you mean 'train'?"),
        ("learn", "unknown command 'learn'; the commands are train, evaluate, "),
        ("data ftech", "unknown command 'ftech'; did you mean 'fetch'?"),
        ("train --learning-rate 1", "unknown option --learning-rate; it is called --lr here"),
        ("train --lerning-rate 1", "unknown option --lerning-rate; did you mean --lr?"),
        ("train --optimizer sgd", "unknown option --optimizer; minidecomp always trains with Adam; see --lr and --amsgrad"),
        ("evaluate --alpha 1", "unknown option --alpha; --alpha is an option of train, sweep and gradients, not of evaluate"),
        ("train --zzz 1", "unknown option --zzz; see minidecomp train --help"),
        ("train --alpha x", "--alpha: expected a number of 0 or more, got 'x'"),
        ("data fetch cifar", "unknown data set 'cifar'; fetch dsprites or fashion-mnist"),
    ],
)  # fmt: skip
def test_one_clear_line(args, message, capsys):
    normal = np.random.default_rng(0).normal(size=(10, 2))
    np.save("good.npy", normal)
    Path("empty.npy").touch()
    with open("good.npy", "rb") as good, open("cut.npy", "wb") as cut:
        cut.write(good.read()[:-7])
    np.save("objects.npy", np.array([{}, []], object))
    np.save("text.npy", np.array([["a"]] * 5))
    normal[3, 1] = np.nan
    np.save("nan.npy", normal)
    np.savez("two.npz", a=normal, b=normal)
    files = {"bad.csv": "1,2\n3,4\n5,x\n", "bad.toml": "alpha =", "typo.toml": "alhpa = 3", "file": ""}
    files |= {"table.toml": "[train]\nalpha = 1", "wrong.toml": "lr = 'x'"}
    np.save("huge.npy", np.full((9, 2), 1e300))
    for name, text in files.items():
        with open(name, "w") as file:
            file.write(text)
    for name in ("folder", "cut", "old", "folder2"):
        os.mkdir(name)
    Path("folder2/x").touch()
    with open("cut/checkpoint.npz", "wb") as file:
        file.write(b"PK\x03\x04half")
    np.savez("old/checkpoint.npz", format=checkpoint.FORMAT, version=0)
    line = complaint(capsys, *args.split()).replace(os.getcwd() + "/", "")
    assert line.startswith(message), line
    assert not os.path.exists("runs"), "a refused command leaves nothing behind"


def test_a_damaged_checkpoint_is_left_as_it_is(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    with open("r/checkpoint.npz", "r+b") as file:
        file.truncate(1000)
    capsys.readouterr()
    assert "damaged" in complaint(capsys, "train", "--resume", "r", "-e", "9")
    assert os.path.getsize("r/checkpoint.npz") == 1000


def test_not_finite(capsys):
    """A fault while running: exit code 1, the term and the epoch named, the last good checkpoint kept."""
    assert main(["train", *SMALL, "--lr", "1e18", "-e", "99", "-o", "r", "-q"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "is not finite in epoch" in err and "the last good checkpoint stays in r" in err
    assert np.isfinite(final("r")).all()


def test_a_full_disk():
    """A limit on a file's size stands for a full disk: the kernel refuses the write in the same way."""
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    before = Path("r/checkpoint.npz").read_bytes()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    args = ["train", "--resume", "r", "-e", "6", "--no-plots", "-q"]
    done = subprocess.run([*WITHOUT_CACHE, *args], capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr == "minidecomp: cannot write r/checkpoint.npz: File too large; what was saved before is kept\n"
    assert Path("r/checkpoint.npz").read_bytes() == before
    assert main(["train", "--resume", "r", "-e", "6", "--no-plots", "-q"]) == 0


def test_gradients_on_a_full_disk():
    """The file that was there is still there."""
    assert main(["gradients", *SMALL[:2], "--hidden", "5", "--json", "--save", "g.npz"]) == 0
    before = Path("g.npz").read_bytes()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    args = ["gradients", *SMALL[:2], "--hidden", "50", "--json", "--save", "g.npz"]
    done = subprocess.run([*WITHOUT_CACHE, *args], capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr == "minidecomp: cannot write g.npz: File too large; what was saved before is kept\n"
    assert Path("g.npz").read_bytes() == before


def test_an_interrupt_during_the_first_imports_is_one_line():
    Path("click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    code = "import sys; sys.path.insert(0, ''); from minidecomp.cli import run; run()"
    done = subprocess.run([sys.executable, "-c", code, "train"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "minidecomp: interrupted\n")


def test_a_changed_test_point_is_refused_by_a_resume(capsys):
    points = np.random.default_rng(0).normal(size=(50, 3))
    np.save("own.npy", points)
    assert main(["train", "-d", "own.npy", "-e", "1", "-o", "r", "--no-plots", "-q"]) == 0
    kept = {path: Path("r", path).read_bytes() for path in os.listdir("r")}
    points[philox.permutation(50, 0, *streams.SPLIT.at())[0]] += 1
    np.save("own.npy", points)
    capsys.readouterr()
    for more in ([], ["-e", "9"]):
        line = complaint(capsys, "train", "--resume", "r", *more)
        assert line == "r: the test points of own.npy are not those that this run started with"
    assert kept == {path: Path("r", path).read_bytes() for path in os.listdir("r")}


def test_a_folder_that_cannot_be_made_for_pictures(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    Path("file").touch()
    capsys.readouterr()
    assert main(["plot", "r", "-o", "file/x"]) == 1
    assert capsys.readouterr().err == "minidecomp: cannot make the folder file/x: Not a directory\n"


@pytest.mark.parametrize(
    "args",
    [["data", "list"], *(pytest.param(args, marks=pytest.mark.slow) for args in (["--version"], ["train", "--help"]))],
)
def test_a_full_standard_output(args):
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *args], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "minidecomp: standard output: No space left on device\n")


def test_a_term_that_overflows_on_the_test_data(capsys):
    """Training is fine, one test point is far away: JSON has null, and a line says which term."""
    points = np.random.default_rng(0).normal(size=(20, 2))
    far = philox.permutation(20, 0, *streams.SPLIT.at())[0]
    points[far] = 9e5
    np.save("own.npy", points)
    assert (
        main(["train", "-d", "own.npy", "-e", "1", "-o", "r", "--no-plots", "--json", "-q", "--test-fraction", "0.05"])
        == 0
    )
    out = capsys.readouterr().out
    text = Path("r/evaluation.json").read_text()
    assert "Infinity" not in text + out and "NaN" not in text + out
    json.loads(text)


def test_paths_are_quoted(capsys):
    assert main(["train", *SMALL, "-o", "my  dir/ü x", "--no-plots", "-q"]) == 0
    assert "next: minidecomp evaluate 'my  dir/ü x'\n" in capsys.readouterr().out
    assert (
        complaint(capsys, "train", "--resume", "my  dir")
        == "my  dir: this is not a run folder, as it has no checkpoint.npz"
    )


def in_a_terminal(columns, args):
    """What a terminal of that width is sent."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen([*COMMAND, *args], stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    sent = b""
    while True:
        try:
            block = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        sent += block
    os.close(leader)
    assert process.wait() == 0
    return sent.decode()


@pytest.mark.parametrize("columns", [40, *(pytest.param(wide, marks=pytest.mark.slow) for wide in (60, 80, 120))])
def test_the_bar_never_wraps(columns):
    """A line that wraps would be drawn again below, not over."""
    args = ["train", "--prior", "mixture", "--alpha", "5", "--epochs", "2000", "--no-plots", "-o", "r"]
    sent = in_a_terminal(columns, args)
    drawn = [re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", line) for line in re.split(r"[\r\n]+", sent) if "epoch " in line]
    bars = [line for line in drawn if "[" in line]
    assert len(bars) > 1 and max(map(len, bars)) < columns
    if columns != 60:  # there it depends on the number of digits
        assert any("log p" in line for line in bars) == (columns > 60)
    assert any("L -" in line for line in bars) == (columns >= 120)
    assert "epoch 2000/2000" in bars[-1] and "100%" in bars[-1]


def test_a_reader_that_has_had_enough():
    process = subprocess.Popen([*COMMAND, "train", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


# ---- what is imported ----


def imports_of(code):
    script = f"{code}\nimport sys\nprint(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_imports_stay_small():
    others = {"numpy", "scipy", "click", "matplotlib", "cupy"}
    assert not imports_of("import minidecomp") & others
    assert imports_of("from minidecomp import VAE, Objective, resolve, load_run") & others == {"numpy"}
    assert imports_of("from minidecomp.cli.main import main\nmain(['--help'])") & others == {"click"}
    assert imports_of("from minidecomp.cli.main import main\nmain(['train', '--help'])") & others == {"click", "numpy"}


def test_what_has_no_error_is_printed_without(monkeypatch, tmp_path, capsys):
    """One importance sample says nothing of its spread: it had an error of 0.0000."""
    monkeypatch.chdir(tmp_path)
    small = ["--data", "pinwheel", "--points-per-arm", "5", "--hidden", "4", "--engine", "cpu", "--no-plots", "-q"]
    assert main(["train", *small, "-e", "1", "-o", "r"]) == 0
    asked = ["evaluate", "r", "-q", "--log-likelihood", "--metrics", "none", "--no-decomposition"]
    capsys.readouterr()
    assert main([*asked, "--importance-samples", "1", "--points", "1"]) == 0
    out = capsys.readouterr().out
    assert "±" not in out.split("importance sampling (value ± standard error)")[1]
    assert "1 sample of each, so the sampling error and the bias are" in out
    found = json.loads(Path("r/evaluation.json").read_text())["marginal_log_likelihood"]
    assert found["sampling_error"] is None and found["standard_error"] is None
    assert main([*asked, "--importance-samples", "2"]) == 0
    out = capsys.readouterr().out
    assert "±" in out.split("importance sampling (value ± standard error)")[1] and "sampling error 0." in out

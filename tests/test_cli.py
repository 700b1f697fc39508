"""The command line from end to end: real runs on small data, and one clear line for whatever is wrong."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidecomp import runs
from minidecomp.cli.main import main

SMALL = ["--points-per-arm", "10", "--epochs", "3", "--hidden", "5", "--threads", "1"]
COMMAND = [sys.executable, "-c", "from minidecomp.cli.main import run; run()"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("MINIDECOMP_"):
            monkeypatch.delenv(name)
    return tmp_path


def complaint(capsys, *args):
    """The one line on stderr of a command that is refused as wrong use."""
    assert main(list(args)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("minidecomp: "), err
    return err.removeprefix("minidecomp: ").strip()


def final(folder):
    state = runs.load(folder).state
    adam = state.optimizer
    metrics = [values for name, values in state.metrics().items() if name != "seconds"]
    return np.concatenate([state.vae.parameters.vector, adam.m, adam.v, adam.v_max, *metrics])


# ---- what works ----


def test_the_first_command(capsys):
    """The README's own, but for its length."""
    assert main(["train", "--prior", "mixture", "--alpha", "5", "--epochs", "20"]) == 0
    out, err = capsys.readouterr()
    folder = "runs/pinwheel-mixture-alpha5-beta1-seed0"
    assert f"run: {folder}\n" in out and f"next: minidecomp plot {folder}" in out
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


@pytest.mark.parametrize("prior", ["gaussian", "student-t", "mixture", "sparse"])
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_any_prior_on_any_data(prior, regulariser, capsys):
    np.save("own.npy", np.random.default_rng(0).normal(size=(50, 7)))
    args = ["--prior", prior, "--regularizer", regulariser, "--alpha", "2", "-e", "2", "--hidden", "8,4", "-z", "3"]
    assert main(["train", "--data", "own.npy", *args, "-o", "r"]) == 0
    assert "likelihood: gaussian, for not every value is 0 or 1" in capsys.readouterr().err
    run = runs.load("r")
    assert run.options.likelihood == "gaussian" and run.vae.encoder.widths == (7, 8, 4, 6)
    assert main(["plot", "r"]) == 0


def test_ones_own_files(capsys):
    rng = np.random.default_rng(0)
    np.savez("images.npz", images=(rng.random((30, 4, 5)) < 0.3), other=rng.random(3))
    assert main(["train", "-d", "images.npz", "--array", "images", "-e", "1", "-o", "a", "--limit", "20"]) == 0
    assert "likelihood: bernoulli, for every value is 0 or 1" in capsys.readouterr().err
    assert runs.load("a").options.limit == 20
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
    o = runs.load("r").options
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
    from minidecomp.figures import style

    monkeypatch.setattr(style, "find_spec", lambda name: None)
    assert main(["train", *SMALL, "-o", "r"]) == 0
    out, err = capsys.readouterr()
    assert "picture" not in out and "no pictures: they need matplotlib; pip install 'minidecomp[plots]'" in err
    assert "need matplotlib" in complaint(capsys, "plot", "r")


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    assert "minidecomp train --prior mixture --alpha 5" in capsys.readouterr().out
    assert main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    for group in ("Data:", "Prior p(z):", "Model:", "Objective:", "Training:", "Output:", "every term is in nats"):
        assert group in out
    assert "[100;pinwheel400;dsprites64;fashion-mnist500]" in "".join(out.split())
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("minidecomp 0.")


# ---- stopped and gone on with ----


LONG = ["train", "--prior", "mixture", "--alpha", "3", "--epochs", "4000", "--checkpoint-every", "0.05", "--no-plots"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main([*LONG, "-q", "-o", str(folder)]) == 0
    return final(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_goes_on_to_the_same_end(number, whole):
    process = subprocess.Popen([*COMMAND, *LONG, "-o", "r"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not os.path.exists("r/checkpoint.npz"):
        time.sleep(0.01)
    time.sleep(0.4)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == "" and "Traceback" not in err
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert "it is saved" in err and "go on with: minidecomp train --resume r\n" in err
    stopped = runs.load("r").state
    assert 0 < stopped.epoch < 4000
    assert main(["train", "--resume", "r", "--no-plots", "-q"]) == 0
    assert_array_equal(final("r"), whole)


def test_resume_takes_the_runs_own_options(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    capsys.readouterr()
    for option, value in (("--beta", "2"), ("--seed", "0"), ("--out", "x"), ("--config", "c.toml")):
        line = complaint(capsys, "train", "--resume", "r", option, value)
        assert line.startswith(f"{option}: {value} is not allowed; --resume takes the run's own; only --epochs,")
    assert complaint(capsys, "train", "--resume", "r", "-e", "2").startswith(
        "--epochs: 2 is not allowed; the run has 3"
    )
    assert complaint(capsys, "train", "--resume", "x") == "x: no such run folder"
    before = final("r")
    capsys.readouterr()
    assert main(["train", "--resume", "r", "-e", "5", "--threads", "2", "--no-plots", "-q"]) == 0
    assert tomllib.loads(Path("r/config.toml").read_text())["epochs"] == 5
    assert len(final("r")) > len(before)


# ---- what is refused ----


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("train --latent-dim 0", "--latent-dim: 0 is not allowed; a whole number from 1 to 10000 is"),
        ("train --hidden 10,x", "--hidden: 10,x is not allowed; whole numbers from 1 to 100000 with commas between, 30 at most, are"),
        ("train --lr -1", "--lr: -1 is not allowed; a number above 0 is"),
        ("train --beta nan", "--beta: nan is not allowed; a number of at least 0 is"),
        ("train --threads 0", "--threads: 0 is not allowed; a whole number from 1 to 256 is"),
        ("train --dtype float16", "--dtype: float16 is not allowed; one of float32, float64 is; did you mean float64?"),
        ("train --prior normall", "--prior: normall is not allowed; one of gaussian, student-t, mixture, sparse is"),
        ("train --engine gpu", "--engine: gpu is not allowed; one of auto, cpu, textbook is"),
        ("train --df 3", "--df: 3.0 is not allowed; it goes with --prior student-t only, not with mixture"),
        ("train --likelihood bernoulli", "--likelihood: bernoulli is not allowed; it needs data from 0 to 1, pinwheel has -"),
        ("train --arms 0", "--arms: 0 is not allowed; a whole number from 1 to 1000 is"),
        ("train --data dsprites --factors shape=star", "--factors: shape=star is not allowed; shape has square, ellipse, heart"),
        ("train --data dsprites --data-dir folder", "dsprites: folder has neither dsprites_ndarray"),
        ("train --data pinwhel", "--data: pinwhel is not allowed; pinwheel, dsprites, fashion-mnist or a file that ends in .npy, .npz, .csv is; did you mean pinwheel?"),
        ("train --data none.npy", "none.npy: no such file"),
        ("train --data empty.npy", "empty.npy: is empty"),
        ("train --data cut.npy", "cut.npy: cannot be read"),
        ("train --data objects.npy", "objects.npy: "),
        ("train --data text.npy", "text.npy: has dtype <U1; allowed are"),
        ("train --data nan.npy", "nan.npy: has nan in row 3, column 1"),
        ("train --data two.npz", "two.npz: has 2 arrays; choose by --array one of: a, b"),
        ("train --data two.npz --array c", "two.npz: has no array named c; it has: a, b"),
        ("train --data bad.csv", "bad.csv, line 3: 'x' is not a number"),
        ("train --data fashion-mnist --data-dir nowhere", "fashion-mnist: nowhere"),
        ("train --config none.toml", "cannot read none.toml: No such file or directory"),
        ("train --config bad.toml", "bad.toml is no TOML file"),
        ("train --config typo.toml", "--alhpa: 3 is not allowed; there is no such option; did you mean alpha?"),
        ("train --out file", "--out file: it exists already"),
        ("train --out file/x", "--out file/x: cannot write there: Not a directory"),
        ("train --resume file", "file: no such run folder"),
        ("train --resume folder", "folder: no run folder, for it has no checkpoint.npz"),
        ("train --resume cut", "cut/checkpoint.npz: damaged, not a whole .npz file"),
        ("train --resume old", "old/checkpoint.npz: checkpoint version 0; this minidecomp reads version 1"),
        ("train extra", "Got unexpected extra argument (extra)"),
        ("train --alhpa 3", "No such option '--alhpa'"),
        ("train --alpha", "Option '--alpha' requires an argument."),
        ("plot", "Missing argument 'RUN'."),
        ("plot nowhere", "nowhere: no such run folder"),
        ("plot old --format gif", "--format: gif is not allowed; one of png, pdf, svg is"),
        ("plot old --seed x", "--seed: x is not allowed; a whole number from 0 to 18446744073709551615 is"),
        ("trian", "trian is no command; the commands are train, plot, data (did you mean train?)"),
        ("data fetch cifar", "cifar: is not known; only fashion-mnist and dsprites can be fetched"),
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
    for name, text in files.items():
        with open(name, "w") as file:
            file.write(text)
    for name in ("folder", "cut", "old"):
        os.mkdir(name)
    with open("cut/checkpoint.npz", "wb") as file:
        file.write(b"PK\x03\x04half")
    np.savez("old/checkpoint.npz", format=runs.FORMAT, version=0)
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
    done = subprocess.run([*COMMAND, *args], capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr == "minidecomp: cannot write r/checkpoint.npz: File too large; what was saved before is kept\n"
    assert Path("r/checkpoint.npz").read_bytes() == before
    assert main(["train", "--resume", "r", "-e", "6", "--no-plots", "-q"]) == 0


def test_a_folder_that_cannot_be_made_for_pictures(capsys):
    assert main(["train", *SMALL, "-o", "r", "--no-plots", "-q"]) == 0
    Path("file").touch()
    capsys.readouterr()
    assert main(["plot", "r", "-o", "file/x"]) == 1
    assert capsys.readouterr().err == "minidecomp: cannot make the folder file/x: Not a directory\n"


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
    assert imports_of("from minidecomp.cli.main import main\nmain(['train', '--help'])") & others == {"click"}

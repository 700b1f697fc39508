"""An error spells options as its reader writes them: the command's flags, Python's arguments, a variable, a file."""

import numpy as np
import pytest

from minidecomp import DecompositionVAE, load_run, resolve
from minidecomp.cli.main import main
from minidecomp.errors import as_arguments, as_flags, nearest


def line_of(capsys, *args):
    assert main(list(args)) == 2
    return capsys.readouterr().err.removeprefix("minidecomp: ").rstrip("\n")


def test_marked_options_in_each_spelling():
    text = "use `--kl monte-carlo`, `--lr 0.1`, `--no-header`, `--from RUN` or `--drop 'a b'`, not --this"
    assert as_flags(text) == "use --kl monte-carlo, --lr 0.1, --no-header, --from RUN or --drop 'a b', not --this"
    assert as_arguments(text) == 'use kl="monte-carlo", lr=0.1, header=False, from_run or drop="a b", not --this'
    assert as_arguments("`--out /a b`: it exists") == "/a b: it exists"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"gamma": 0.5}, 'gamma=0.5: this is for prior="sparse", not for mixture'),
        ({"kl": "analytic"}, 'kl=analytic: the mixture prior has no closed form; use kl="monte-carlo"'),
        ({"keep_optimizer": True}, "keep_optimizer=True: this needs from_run"),
        ({"amsgrad": 3}, "amsgrad must be true or false, not 3"),
        ({3: 1}, "name: expected the name of an option as text, got 3"),
        ({"": 1}, "an option's name is empty"),
    ],
)
def test_python_is_told_of_arguments(given, line):
    with pytest.raises(ValueError) as caught:
        resolve(given)
    assert str(caught.value) == line


def test_the_estimator_is_told_of_arguments(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match=r'beyond 1,000,000 no model learns anything: scale="standardise" brings'):
        DecompositionVAE(epochs=1).fit(X * 1e30)
    with pytest.raises(Exception, match=r"beta=1e\+308 may be too large$"):
        DecompositionVAE(epochs=1, beta=1e308).fit(X)
    warned = pytest.warns(
        UserWarning, match=r"go from 100000 to 100000.0\d+, too large to train on well: .* scale=\"unit\" to 0..1$"
    )
    with warned, pytest.raises(Exception, match="the data reach 100,000: scale them"):
        DecompositionVAE(epochs=1).fit(X.clip(0, 1) * 0.02 + 1e5)
    model = DecompositionVAE(epochs=1).fit(X)
    model.save(tmp_path / "run")
    with pytest.raises(Exception, match=r"^/.*/run: it exists already; name another folder, or continue its run: "):
        model.save(tmp_path / "run")
    with pytest.raises(Exception, match=r'; use which="last"$'):
        load_run(tmp_path / "run", "best")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('prior = "mixture"\nkl = "analytic"', "opt.toml: kl=analytic: the mixture prior has no closed form"),
        ('data = "pinweel"', "opt.toml: data=pinweel: there is no such data set, file or folder; did you mean 'pinwh"),
        ('from_run = "nothere"', "opt.toml: from_run=nothere: no such run folder"),
        ("batch-size = 5\nbatch_size = 6", "opt.toml: batch-size and batch_size are the same option; give it once"),
        ("amsgrad = 3", "opt.toml: amsgrad must be true or false, not 3"),
    ],
)
def test_a_file_is_named(text, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "opt.toml").write_text(text)
    assert line_of(capsys, "train", "-c", "opt.toml").startswith(line)


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("FROM_RUN", "nothere", "MINIDECOMP_FROM_RUN=nothere: no such run folder"),
        ("KL", "analytic", "MINIDECOMP_KL=analytic: the mixture prior has no closed form; use --kl monte-carlo"),
        ("BATCH-SIZE", "3", "unknown option MINIDECOMP_BATCH-SIZE; did you mean MINIDECOMP_BATCH_SIZE?"),
    ],
)
def test_a_variable_is_named(variable, value, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"MINIDECOMP_{variable}", value)
    assert line_of(capsys, "train") == line


def test_a_variable_is_named_in_a_sweep(monkeypatch, capsys):
    monkeypatch.setenv("MINIDECOMP_FROM_RUN", "nothere")
    assert line_of(capsys, "sweep", "--alpha", "1,2") == "MINIDECOMP_FROM_RUN=nothere: no such run folder"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("train --test-size 3", "unknown option --test-size; it is called --test-fraction here"),
        ("train --lrate 3", "unknown option --lrate; it is called --lr here"),
        *((f"train --{word} 1", f"unknown option --{word}; see minidecomp train --help") for word in ("list", "std")),
        *(
            (f"train --{word} 1", f"unknown option --{word}; see minidecomp train --help")
            for word in ("rename", "params")
        ),
        ("train --activation elu", "--activation must be relu, leaky-relu, tanh or softplus, not 'elu'"),
        ("train --dtype float16", "--dtype must be float32 or float64, not 'float16'"),
        ("train --dtype Float32", "--dtype must be float32 or float64, not 'Float32'; did you mean 'float32'?"),
        ("export r --format onx", "--format must be onnx, c, numpy or safetensors, not 'onx'; did you mean 'onnx'?"),
        ("completion Bash", "the shell must be bash, zsh or fish, not 'Bash'; did you mean 'bash'?"),
        ("reproduce clustring", "unknown experiment 'clustring'; did you mean 'clustering'?"),
        ("train --validation zzz", "--validation zzz: there is no such file or folder"),
        ("train --decimal x", "--decimal must be '.' or ',', not 'x'"),
        ("train --resize 5,5", "--resize 5,5: this is for your own data, not for pinwheel"),
        ("runs --csv=3", "--csv takes no value"),
        ("runs --csv --json", "--csv and --json cannot be used together"),
        ("gradients --check --theorem pca", "--check and --theorem cannot be used together"),
        ("sweep --seeds 3 --seed 1", "--seeds and --seed cannot be used together"),
        ("train 1 2", "unexpected arguments: 1 2; see minidecomp train --help"),
        ("train --hidden 0", "--hidden must be at most 30 whole numbers from 1 to 100,000, separated by commas, not 0"),
        *(
            (f"{command} own.csv", "own.csv: this is a file, not a run folder")
            for command in ("evaluate", "runs", "table")
        ),
    ],
)
def test_lines(args, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.csv").write_text("1,2\n3,4\n")
    assert line_of(capsys, *args.split()) == line


@pytest.mark.parametrize("args", ["evaluate", "report", "table", "train -c", "sweep -c"])
def test_an_empty_name_is_not_the_current_folder(args, capsys):
    assert line_of(capsys, *args.split(), "") == "'': the name is empty; perhaps a variable is not set"


def test_guesses():
    assert nearest("gelu", ["relu"]) is None and nearest("float16", ["float64"]) is None
    assert nearest("hoyr", ["hoyer"]) == "hoyer" and nearest("MIG", ["mig", "sap"]) == "mig"


def test_a_single_test_point(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savetxt("own.csv", np.random.default_rng(0).normal(size=(10, 2)), delimiter=",")
    assert main(["train", "-d", "own.csv", "-e", "1", "-o", "r", "--no-plots", "-q"]) == 0
    assert main(["evaluate", "r", "--no-decomposition"]) == 0
    assert "left out: unsupervised (it needs two test points or more), " in capsys.readouterr().err
    line = "--metrics unsupervised: it needs two test points or more; possible here: all, none"
    assert line_of(capsys, "evaluate", "r", "--metrics", "unsupervised") == line
    (tmp_path / "out" / "model.h").mkdir(parents=True)
    assert line_of(capsys, *["export", "r", "--format", "c", "-o", "out"]).startswith(
        "--out out/model.h: this is a folder"
    )

"""A value against an option: numbers, texts, what is missing; and that what cannot be drawn is said first."""

import json
import os
from pathlib import Path

import pytest

from minidecomp import figures
from minidecomp.cli.main import main
from minidecomp.runs import comparison

SMALL = ["--prior", "mixture", "--points-per-arm", "10", "--hidden", "5", "--epochs", "1"]
PRIORS = [
    "--data",
    "pinwheel",
    "--points-per-arm",
    "10",
    "--hidden",
    "5",
    "--epochs",
    "1",
    "--prior",
    "gaussian,mixture",
]
ROWS = [
    {"run": "a", "prior": "gaussian", "alpha": 1.0, "dtype": "float32", "kl": "analytic", "test.kl": 2.0},
    {
        "run": "b",
        "prior": "student-t",
        "alpha": 1.0,
        "df": 3.0,
        "dtype": "float32",
        "kl": "monte-carlo",
        "test.kl": 1.0,
    },
    {
        "run": "c",
        "prior": "student-t",
        "alpha": 1.0,
        "df": 12.0,
        "dtype": "float32",
        "kl": "monte-carlo",
        "test.kl": None,
    },
]
pytest.importorskip("matplotlib")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--plot kl", "--plot kl: this is not a number but monte-carlo; did you mean test.kl or train.kl?"),
        ("--plot prior", "--plot prior: this is not a number but mixture"),
        ("--plot dtype", "--plot dtype: this is not a number but float32"),
        ("--plot amsgrad", "--plot amsgrad: this is not a number but yes"),
        ("--plot hidden", "--plot hidden: this is not a number but 5"),
        ("--plot test.kl --against lr", "--against lr: all runs have the same value; they differ in alpha"),
        ("--plot test.kl --against alhpa", "--against alhpa: no run"),
        ("--plot foo", "--plot foo: no run"),
        ("--against alpha", "--against alpha: this needs --plot"),
    ],
)
def test_what_is_no_picture(args, message, capsys):
    """Refused by sweep before anything is trained, and by table before anything is shown."""
    assert main(["sweep", *SMALL, "--alpha", "0,2", *args.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"minidecomp: {message}") and err.count("\n") == 1
    assert os.listdir() == []
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s", "-q"]) == 0
    capsys.readouterr()
    assert main(["table", "s", *args.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"minidecomp: {message}") and err.count("\n") == 1
    assert not list(Path().rglob("*.png"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--plot test.kl --out x.gif", "--out x.gif: the file's name must end in .png, .pdf or .svg"),
        ("--plot test.kl --reference x", "--reference: expected a number, got 'x'"),
        ("--out x.png", "--out x.png: this needs --plot"),
        ("--reference 1", "--reference 1: this needs --plot"),
    ],
)
def test_a_tables_own_options(args, message, capsys):
    assert main(["train", *SMALL, "--out", "r", "-q", "--no-plots"]) == 0
    capsys.readouterr()
    assert main(["table", "r", *args.split()]) == 2
    assert capsys.readouterr() == ("", f"minidecomp: {message}\n")


def test_without_matplotlib(monkeypatch, capsys):
    monkeypatch.setattr(figures, "missing", lambda: "it needs matplotlib: pip install 'minidecomp[plots]'")
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--plot", "test.kl"]) == 2
    assert "--plot test.kl: it needs matplotlib: pip install" in capsys.readouterr().err
    assert os.listdir() == []


def test_against_a_text(capsys):
    """Once refused; and next it was told to draw against alpha, which all runs have in common."""
    assert main(["sweep", *PRIORS, "--out", "s", "-q", "--plot", "test.kl", "--json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 2, "the picture's line is no JSON"
    assert err == "picture: s/test.kl-against-prior.png\n"
    assert main(["sweep", "--resume", "s", "-q"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "next: minidecomp table s --plot test.kl --against prior"
    assert main(told.removeprefix("next: minidecomp ").split()) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "picture: test.kl-against-prior.png"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lr", "0.001,0.01"], "--against lr"),
        (["--seeds", "2"], "--against seed"),
        (["--hidden", "4;5", "--seeds", "2"], "--against hidden"),
        (["--batch-size", "20,30", "--alpha", "0,1"], "--against alpha"),
        ([], "evaluate s/run"),
    ],
)
def test_next_is_what_differs(options, told, capsys):
    assert main(["sweep", *SMALL, *options, "--out", "s", "-q"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("next: minidecomp ") and last.endswith(told)
    assert main(last.removeprefix("next: minidecomp ").split()) == 0


def test_curves_of_texts_and_of_what_is_missing():
    assert comparison.choose_axis(ROWS) == "prior"
    assert comparison.curves(ROWS, "test.kl", "df") == {
        "prior gaussian": [("none", 2.0)],
        "prior student-t": [(3.0, 1.0)],
    }
    figure = figures.value_against_option(comparison.curves(ROWS, "test.kl", "df"), "df", "KL")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["3", "none"]


def test_a_value_that_no_run_has_a_number_for(capsys):
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s", "-q"]) == 0
    for path in Path("s").glob("*/evaluation.json"):
        found = json.loads(path.read_text())
        found["test"]["kl"] = None
        path.write_text(json.dumps(found))
    capsys.readouterr()
    assert main(["table", "s", "--plot", "test.kl"]) == 2
    assert "--plot test.kl: no run has a number for this" in capsys.readouterr().err
    assert main(["sweep", "--resume", "s", "-q", "--plot", "test.kl"]) == 2
    assert "--plot test.kl: no run has a number for this" in capsys.readouterr().err


def test_all_runs_failed(capsys):
    assert main(["sweep", *SMALL, "--lr", "1e25,1e26", "--out", "s", "-q", "--plot", "test.kl"]) == 1
    assert "no picture: no finished run has a value of test.kl" in capsys.readouterr().err


def test_names_with_formulas_and_escapes(capsys):
    r"""A $ in a name is no formula of matplotlib's, and an escape is no command to the terminal."""
    curves = {"data a$b$c^": [("x$_y$", 1.0), ("x", 2.0)], "_hidden": [("x", 3.0)]}
    figure = figures.value_against_option(curves, "da$ta$", "K$L")
    assert figure.axes[0].get_xticklabels()[0].get_text() == r"x\$_y\$"
    assert main(["train", *SMALL, "--out", "r\x1b[31m", "-q", "--no-plots"]) == 0
    capsys.readouterr()
    assert main(["table", "r\x1b[31m"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_runs_own_seconds(capsys):
    """Once the time since the sweep began stood there as if it were the run's."""
    assert main(["sweep", *SMALL, "--alpha", "0,2", "--out", "s"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "finished" in line]
    assert len(lines) == 2 and all(
        "s of training, " in line and "s since the start of the sweep)" in line for line in lines
    )

"""Completion in bash, zsh and fish: what is offered, and that real shells insert it."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem

from minidecomp.cli.completing import completions, script
from minidecomp.cli.group import COMMANDS
from minidecomp.cli.main import main

SHELLS = ("bash", "zsh", "fish")


def offered(line):
    """What stands for the last word of a line, without the program's name."""
    *args, incomplete = line.split(" ")
    return [item.value for item in completions(args, incomplete)]


@pytest.fixture
def places(own_folder):
    """Runs, a sweep, files."""
    for run in ("runs/pinwheel", "runs/run-9", "runs/run-10", "sweeps/s/a", "my runs/b r"):
        (own_folder / run).mkdir(parents=True)
        (own_folder / run / "checkpoint.npz").touch()
    (own_folder / "runs/begun").mkdir()
    (own_folder / "empty").mkdir()
    for file in ("runs/begun/config.toml", "sweeps/s/sweep.toml", "a.toml", "n.csv", "x.npy", "y.html", ".hidden.csv"):
        (own_folder / file).touch()
    return own_folder


def test_commands():
    assert offered("") == list(COMMANDS) and offered("tr") == ["train", "traverse"]
    assert offered("data ") == ["fetch", "list", "render"] and offered("--ver") == ["--version", "--verbose"]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("train --prior ", ["gaussian", "student-t", "mixture", "sparse"]),
        ("train --prior=s", ["student-t", "sparse"]),
        ("train --engine ", ["auto", "cpu", "gpu", "textbook"]),
        ("train --likelihood b", ["bernoulli"]),
        ("train --regulariser ", ["mmd", "kl-inc"]),
        ("train --log tensorboard,", ["tensorboard,mlflow", "tensorboard,wandb"]),
        ("train --lr-schedule ", ["constant", "cosine", "step"]),
        ("train --prior mixture --alpha-", ["--alpha-schedule", "--alpha-warmup"]),
        ("sweep --prior mixture,", ["mixture,gaussian", "mixture,student-t", "mixture,sparse"]),
        ("evaluate r --metrics sap,mi", ["sap,mig"]),
        ("evaluate r --which ", ["best", "last"]),
        ("export r --format ", ["onnx", "c", "numpy", "safetensors"]),
        ("table r --format m", ["markdown"]),
        ("gradients r --theorem ", ["1", "corollary", "2"]),
        ("gradients --explain --term mm", ["mmd"]),
        ("reproduce ", ["clustering", "sparsity", "independence"]),
        ("data fetch f", ["fashion-mnist"]),
        ("train --alpha ", []),
        ("trian --prior ", []),
        ("train --prior mixture --alpha 5 --unknown x --prior-variance ", ["iso", "pca"]),
    ],
)
def test_values(line, values):
    assert offered(line) == values


def test_all_metrics_and_options():
    assert {"hoyer", "mig", "all", "none"} <= set(offered("evaluate r --metrics "))
    assert {"--alpha", "--prior", "--plots"} <= set(offered("train ")) and "--help" in offered("evaluate --h")


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("evaluate ", ["runs/pinwheel", "runs/run-9", "runs/run-10", "my runs/", "sweeps/"]),
        ("report pin", ["runs/pinwheel"]),
        ("evaluate runs/run-9 runs/run-1", ["runs/run-10"]),
        ("evaluate sweeps/", ["sweeps/s/"]),
        ("evaluate e", ["empty/"]),
        ("train --from run-9", ["runs/run-9"]),
        ("train --resume b", ["runs/begun"]),
        ("sweep --resume ", ["sweeps/s"]),
        ("train --config ", ["empty/", "my runs/", "runs/", "sweeps/", "a.toml"]),
        ("train --config a", ["a.toml"]),
        ("train --data p", ["pinwheel"]),
        ("train -d n", ["n.csv"]),
        ("train -d .h", [".hidden.csv"]),
        ("encode runs/run-9 x", ["x.npy"]),
        ("report runs/run-9 --out y", ["y.html"]),
        ("report runs/run-9 --out n", []),
        ("train --out em", ["empty/"]),
        ("train --data-dir nowhere/", []),
    ],
)
def test_runs_and_files(places, line, values):
    assert offered(line) == values


def test_what_runs_recorded():
    for alpha in (1, 2):
        assert main(["train", "--alpha", str(alpha), "-e", "1", "-q", "--no-plots", "--out", f"runs/{alpha}"]) == 0
    assert offered("table runs --against ") == ["alpha"] and offered("table runs --by alpha,") == []
    assert "test.kl" in offered("table runs --plot test.k")
    assert "test.mmd,test.kl" in offered("table runs --values test.mmd,test.")
    assert offered("table nowhere --plot ") == []


def test_commands_and_runs_need_no_numpy(places):
    code = """
import sys
from minidecomp.cli.completing import completions
assert completions([], "tr") and completions(["report"], "pin") and completions(["export", "r", "--which"], "")
assert "numpy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_that_no_line_can_hold_are_left_out(own_folder, monkeypatch):
    from minidecomp.cli import completing

    monkeypatch.setattr(completing, "completions", lambda *line: [CompletionItem("a\nb"), CompletionItem("c")])
    assert [item.value for item in completing.Fish(None, {}, "", "").get_completions([], "")] == ["c"]


def test_the_command(capsys):
    for shell in SHELLS:
        assert main(["completion", shell]) == 0
        assert capsys.readouterr().out == script(shell)
    assert main(["completion"]) == 2
    assert capsys.readouterr().err == "minidecomp: name your shell, bash, zsh or fish\n"
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == "minidecomp: name your shell, bash, zsh or fish, not 'tcsh'\n"


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell}")


@pytest.fixture
def on_path(places, monkeypatch):
    """A folder with the program, first on the path, and the scripts."""
    program = places / "bin" / "minidecomp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m minidecomp "$@"\n')
    program.chmod(0o755)
    for shell in SHELLS:
        (places / f"script.{shell}").write_text(script(shell))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(places))
    return places


@needs("bash")
@pytest.mark.parametrize(
    ("words", "replies"),
    [
        ("minidecomp tra", "train traverse"),
        ("minidecomp train --prior = mi", "mixture"),
        (r"minidecomp evaluate 'my\ runs/'", r"my\ runs/b\ r"),
        ("minidecomp evaluate '~/e'", "~/empty/"),
        ("minidecomp evaluate r --metrics sap,mi", "sap,mig"),
        ("minidecomp nonsense --x ''", ""),
    ],
)
def test_bash(on_path, words, replies):
    line = f"source script.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))"
    line += '; _minidecomp_completion minidecomp; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{replies}\n", "")


@needs("fish")
def test_fish(on_path):
    lines = ("minidecomp tra", "minidecomp train --prior=mi", "minidecomp evaluate r --metrics sap,mi")
    command = "; ".join(["source script.fish", *(f"complete -C '{line}'" for line in lines)])
    done = subprocess.run(["fish", "--no-config", "-c", command], capture_output=True, text=True, check=True)
    words = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert words == ["train", "traverse", "--prior=mixture", "sap,mig"] and done.stderr == ""
    assert COMMANDS["train"] in done.stdout


def typed(shell, set_up, keys, wanted):
    """Type keys into a shell on a terminal; True once it shows what is wanted."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="dumb", PS1="> ")
        os.execvp(shell[0], shell)
    seen, end = "", time.monotonic() + 60

    def until(text):
        nonlocal seen
        while text not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536).decode("utf-8", "replace")
        return text in seen

    try:
        os.write(terminal, f"{set_up}; echo rea''dy\n".encode())
        assert until("ready\r\n"), seen
        os.write(terminal, keys.encode())
        return until(wanted) or seen
    finally:
        os.kill(child, 9)
        os.close(terminal)
        os.waitpid(child, 0)


@needs("zsh")
def test_zsh(on_path):
    """It runs the command that it completed."""
    shell = ["zsh", "-f", "-i"]
    set_up = "autoload -Uz compinit; compinit -u -D; source script.zsh"
    assert typed(shell, set_up, "minidecomp completion --he\t\n", "Print the script") is True
    assert typed(shell, set_up, "minidecomp evaluate my\\ runs/\t", "b\\ r") is True


@needs("bash")
def test_bash_on_a_terminal(on_path):
    """No blank comes after a folder, one after a run."""
    shell, set_up = ["bash", "--norc", "-i"], "source script.bash"
    assert typed(shell, set_up, "minidecomp train --out em\tX", "empty/X") is True
    assert typed(shell, set_up, "minidecomp report pin\tX", "runs/pinwheel X") is True


def test_python_m_has_the_commands_name():
    for module in ([], ["train"]):
        command = [sys.executable, "-m", "minidecomp", *module, "--help"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert out.startswith(" ".join(["Usage: minidecomp", *module]))

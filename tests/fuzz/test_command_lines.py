"""Command lines at random, of hostile names and values: each ends with an exit code and, if refused, with one line.

Seeded: a failure's message has the line, and its seed makes the same ones again.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from pathlib import Path

import click
import numpy as np
import pytest

from minidecomp.cli.group import COMMANDS, cli
from minidecomp.cli.main import main

NUMBERS = (
    *("0", "1", "2", "-1", "0.5", "1.5", "nan", "inf", "-inf", "1e400", "1e-320", "9" * 400, "1_0", "0x10", "²", "1e999999"),
    *("", " ", "1,2", "1;2", ",", "-", "--", "True", "None", "+1", "1e0", "١"),
)  # fmt: skip
NAMES = (
    *("r", "r/checkpoint.npz", "own.npy", "own.npz", "own.csv", "grid.toml", "folder", "new", "new.npz", "new.png", "new.html"),
    *("", ".", "..", "/", "~", "-", "--out", "nowhere/x.npz", "x" * 300, "x" * 300 + ".npz", "x/" * 300, "loop.npz", "dangling.npy"),
    *("caf\udce9", "caf\udce9.npy", "a\0b", "\x1b[2J", "\x1b]0;title\x07.npz", "line\nline", "\u202egpj.npz", "ü→ё.npz", "a b", "$HOME", "{}"),
    *("%s", "*", "none", "all", "gaussian", "mixture", "pinwheel", "c", "numpy", "factor_vae", "test.kl", "alpha", "kl", "mmd", "a", "1"),
)  # fmt: skip
# What would run for minutes, reach for the network, or for a GPU, is left to other tests.
LEFT_OUT = {"scheduler", "gif", "engine", "help"}
# So that what is taken ends at once.
SMALL = ["--epochs", "1", "--points-per-arm", "3", "--hidden", "3", "--no-plots"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a run, data, a grid and links."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        points = np.random.default_rng(0).normal(size=(12, 2))
        np.save("own.npy", points)
        np.savez("own.npz", **{"a": points, "\x1b[31m": points})
        np.savetxt("own.csv", points, delimiter=",")
        Path("grid.toml").write_text("alpha = [0, 1]\nepochs = 1\npoints_per_arm = 3\nhidden = 3\n")
        os.mkdir("folder")
        os.symlink("loop.npz", "loop.npz")
        os.symlink("nowhere", "dangling.npy")
        assert main(["train", "-d", "own.npy", "--epochs", "1", "--hidden", "3", "--no-plots", "-q", "-o", "r"]) == 0
    return folder


def parameters(name):
    """The arguments and options of a command."""
    command = cli.get_command(click.Context(cli), name)
    context = click.Context(command)
    found = [each for each in command.get_params(context) if each.name not in LEFT_OUT]
    return [each for each in found if isinstance(each, click.Argument)], [
        each for each in found if isinstance(each, click.Option)
    ]


def command_line(rng, name):
    """Words of a command: some of its options, with values that were made to be wrong, or right by chance."""
    arguments, options = parameters(name)
    words = [name]
    if name in ("train", "sweep"):
        words += SMALL if name == "train" else SMALL[:-1]
    for each in arguments:
        usual = "r" if each.name in ("run", "runs") else "own.npy"
        words += [] if rng.random() < 0.1 else [usual if rng.random() < 0.6 else rng.choice(NAMES)]
    for each in rng.sample(options, min(len(options), rng.choice((0, 1, 1, 2, 3)))):
        flag = rng.choice(each.opts)
        if each.is_flag:
            words.append(flag)
        else:
            value = rng.choice(NAMES if rng.random() < 0.5 else NUMBERS)
            words += [f"{flag}={value}"] if flag.startswith("--") and rng.random() < 0.3 else [flag, value]
    if rng.random() < 0.05:
        words.insert(rng.randrange(len(words) + 1), rng.choice(NAMES))
    return words


def only_outputs(words):
    """The files that the words name once, as the output: they are not read, and may be written over."""
    flags = ("--out", "-o", "--save")
    parts = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    outputs = {name for flag, name in itertools.pairwise(parts) if flag in flags}
    return {name for name in outputs if parts.count(name) == 1}  # the run's data are the original of own.npy


def check(words, capsys):
    """Run it, and hold what it says and leaves against what every command promises."""
    before = {"r/checkpoint.npz", "own.npy", "own.npz", "own.csv", "grid.toml"} - only_outputs(words)
    kept = {name: Path(name).read_bytes() for name in before}
    folders = set(Path(".").iterdir())
    code = main(words)
    out, err = capsys.readouterr()
    assert code in (0, 1, 2), (words, code)
    assert "Traceback" not in err and "internal error" not in err, (words, err)
    complaints = [line for line in err.splitlines() if line.startswith("minidecomp: ")]
    usage = err.startswith("Usage: ")
    if code == 2 and not usage:
        assert len(complaints) == 1 and complaints[0].isprintable(), (words, err)
    if "--csv" not in words and "csv" not in words and "--help" not in words:
        assert not any(character in out + err for character in "\x1b\x07\u202e\x00"), (words, out, err)
    assert {name: Path(name).read_bytes() for name in before} == kept, words
    if code == 2 and words[0] == "train":
        assert set(Path(".").iterdir()) == folders, (words, "a refused command leaves nothing behind")


def try_many(seed, count, prepared, place, capsys, names):
    rng = random.Random(seed)
    shutil.copytree(prepared, place, symlinks=True, dirs_exist_ok=True)
    for _ in range(count):
        check(command_line(rng, rng.choice(names)), capsys)


@pytest.fixture
def debugging(monkeypatch):
    monkeypatch.setenv("MINIDECOMP_DEBUG", "1")  # a fault's traceback is in the failure


# reproduce and data fetch would work for hours, or reach for the network, where a name is right by chance.
QUICK = [name for name in COMMANDS if name not in ("reproduce", "data")]


def test_hostile_command_lines(prepared, own_folder, capsys, debugging):
    try_many(17, 60, prepared, own_folder, capsys, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_many_hostile_command_lines(seed, prepared, own_folder, capsys, debugging):
    try_many(seed, 500, prepared, own_folder, capsys, QUICK)

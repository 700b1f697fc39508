"""What a person who mistypes is told: the nearest name, what a common name is called here, or which command has it."""

import pickle
from difflib import get_close_matches

import click
import pytest

from minidecomp import DecompositionVAE, resolve
from minidecomp.cli.group import COMMANDS, cli
from minidecomp.cli.main import main
from minidecomp.errors import OptionError, UnknownOption, nearest, on_command_line
from minidecomp.settings.common_names import NAMES, NOT_THERE, SYNONYMS
from minidecomp.settings.options import by_name
from minidecomp.settings.resolving import number


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("train --alpah 1", "unknown option --alpah; did you mean --alpha?"),  # and no weaker guesses
        ("train --z-dim 1", "unknown option --z-dim; it is called --latent-dim here"),
        ("train --curves 1", "unknown option --curves; see minidecomp train --help"),
        ("train -x 1", "unknown option -x; see minidecomp train --help"),
        ("evaluate r --learning-rate 1", "unknown option --learning-rate; see minidecomp evaluate --help"),
        ("plot r --seeds 1", "unknown option --seeds; --seeds is an option of sweep and reproduce, not of plot"),
        ("data fetch", "data fetch needs a NAME; see minidecomp data fetch --help"),
        ("data render dsprites", "data render needs --out FILE; see minidecomp data render --help"),
        ("plot r s", "unexpected argument: s; see minidecomp plot --help"),
        ("--verbose", "--verbose needs --version"),
        ("train --keep-optimizer", "--keep-optimizer: this needs --from RUN"),
        ("sweep --prior gaussian --df 3", "--df 3: this is for --prior student-t, not for gaussian"),
    ],
)
def test_what_is_mistyped(args, line, capsys):
    assert main(args.split()) == 2
    assert capsys.readouterr().err == f"minidecomp: {line}\n"


NEED_A_RUN = ("evaluate", "table", "plot", "traverse", "reconstruct", "sample", "encode", "report", "export")
ALONE = {  # what each command says without arguments, unless it needs none
    **{name: f"{name} needs a RUN; see minidecomp {name} --help" for name in NEED_A_RUN},
    "sweep": "sweep needs an option with several values, such as --alpha 1,5",
    "reproduce": "reproduce needs clustering, sparsity or independence; see minidecomp reproduce --help",
    "completion": "completion needs a shell: bash, zsh or fish",
}


def test_a_command_without_arguments(capsys):
    assert set(COMMANDS) - set(ALONE) == {"train", "runs", "gradients", "playground", "data"}
    for command, line in ALONE.items():
        assert main([command]) == 2
        assert capsys.readouterr() == ("", f"minidecomp: {line}\n")


def _commands(command, path=()):
    yield path, command
    for name in command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ():
        yield from _commands(command.get_command(click.Context(command), name), (*path, name))


def test_help_fits_80_columns():
    for path, command in _commands(cli):
        context = click.Context(command, info_name=" ".join(["minidecomp", *path]), terminal_width=80)
        assert [line for line in command.get_help(context).splitlines() if len(line) > 80] == [], path


def test_one_rule_in_every_place(tmp_path, monkeypatch, capsys):
    with pytest.raises(TypeError, match=r"unknown parameter learning_rate; it is called lr here$"):
        DecompositionVAE(learning_rate=1)
    with pytest.raises(OptionError, match=r"^unknown option lerning_rate; did you mean lr\?$"):
        resolve(lerning_rate=1)
    (tmp_path / "c.toml").write_text("learning-rate = 1")
    assert main(["train", "-c", str(tmp_path / "c.toml")]) == 2
    assert capsys.readouterr().err.endswith("c.toml: unknown option learning_rate; it is called lr here\n")
    monkeypatch.setenv("MINIDECOMP_RANDOM_STATE", "1")
    assert main(["train"]) == 2
    line = "unknown option MINIDECOMP_RANDOM_STATE; it is called MINIDECOMP_SEED here"
    assert capsys.readouterr().err == f"minidecomp: {line}\n"


def test_common_names_lead_to_options():
    table = by_name()
    assert set(NAMES) <= set(table)
    assert not set(SYNONYMS) & set(table) and not set(NOT_THERE) & (set(table) | set(SYNONYMS))
    assert sum(len(synonyms.split()) for synonyms in NAMES.values()) == len(SYNONYMS)  # none stands for two


@pytest.mark.parametrize(
    ("word", "near"), [("alhpa", "alpha"), ("alph", "alpha"), ("Betta", "beta"), ("radius", "component_radius")]
)
def test_the_nearest(word, near):
    assert nearest(word, by_name()) == near


def test_weak_guesses_are_not_offered():
    for word in ("learning_rate", "zz", "dimension", "theta", "decay"):
        assert nearest(word, by_name()) is None
    assert get_close_matches("theta", by_name())  # which difflib alone would offer


def test_an_error_goes_to_another_process_whole():
    errors = [
        OptionError("kl", "analytic", "no closed form", hint="use samples"),
        OptionError("beta", -1, must_be="0 or more", where="run a"),
        OptionError("latent_dim", "x", expected="a whole number"),
        UnknownOption("alhpa", "alpha"),
        UnknownOption("optimizer", hint="there is Adam", where="run b"),
    ]
    lines = [
        "--kl analytic: no closed form; use samples",
        "run a: --beta must be 0 or more, not -1",
        "--latent-dim: expected a whole number, got 'x'",
        "unknown option --alhpa; did you mean --alpha?",
        "run b: unknown option --optimizer; there is Adam",
    ]
    assert [on_command_line(pickle.loads(pickle.dumps(error))) for error in errors] == lines
    assert str(errors[1].changed(where="run c")) == "run c: beta must be 0 or more, not -1"
    assert str(errors[3].changed(where="run c")) == "run c: unknown option alhpa; did you mean alpha?"


@pytest.mark.parametrize(
    ("limits", "value", "line"),
    [
        ({"low": 0}, -1, "x must be 0 or more, not -1"),
        ({"above": 0, "below": 1}, "1", "x must be above 0 and below 1, not 1"),
        ({"low": 0, "below": 1}, 1, "x must be at least 0 and below 1, not 1"),
        ({"low": 0, "high": 10**7}, 3e8, "x must be from 0 to 10,000,000, not 300000000.0"),
        ({"above": 0}, "y", "x: expected a number above 0, got 'y'"),
        ({"low": 0}, float("nan"), "x: expected a number of 0 or more, got nan"),
    ],
)
def test_limits_in_words(limits, value, line):
    with pytest.raises(OptionError) as caught:
        number("x", value, **limits)
    assert str(caught.value) == line

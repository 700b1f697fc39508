"""Options: whatever is given for them is taken as what it says, or refused in one line."""

import os

import numpy as np
import pytest
from hostile import ODD, TEXTS, budgets, command, one_line_or_success, one_of

from minidecomp import resolve
from minidecomp.settings import options
from minidecomp.settings.resolving import check, whole_number
from minidecomp.settings.sources import from_environment


@pytest.mark.parametrize("name", list(options.by_name()))
def test_every_odd_value_of_every_option(name):
    kind = options.by_name()[name].kind
    for value in ODD:
        found = []
        if one_line_or_success(lambda value=value, found=found: found.append(check(name, value)), (name, value)):
            assert type(found[0]) is kind and check(name, found[0]) == found[0], (name, value)


@budgets
def test_options_together(seed, times):
    rng, names = np.random.default_rng(seed), list(options.by_name())
    for _ in range(1500 * times):
        given = {one_of(rng, names): one_of(rng, ODD) for _ in range(rng.integers(1, 3))}
        one_line_or_success(lambda given=given: resolve(given), given)
        one_line_or_success(lambda given=given: whole_number("seed", next(iter(given.values())), 0, 2**64 - 1), given)


@budgets
def test_the_command_line_and_the_environment(seed, times, capsys, monkeypatch):
    """The data are a file that is not there: what passes as options ends with that line."""
    rng = np.random.default_rng(seed)
    names = [name for name in options.by_name() if name != "data" and options.by_name()[name].kind is not bool]
    texts = [text for text in TEXTS if text != "\0"] + ["-" + text for text in TEXTS if text not in ("\0", "\ud800")]
    for _ in range(150 * times):
        name, text = one_of(rng, names), one_of(rng, [text for text in texts if text != "\ud800"])
        args = ("train", "--data", "none.npy", f"--{name.replace('_', '-')}={text}")
        assert command(capsys, (name, text), *args) == 2
        monkeypatch.setitem(os.environ, f"MINIDECOMP_{name.upper()}", text)
        one_line_or_success(from_environment, (name, text))
        monkeypatch.delitem(os.environ, f"MINIDECOMP_{name.upper()}")

"""config.toml: of any bytes come options or one line that names the file."""

import numpy as np
import pytest
from hostile import budgets, command, hostile_toml, one_line_or_success, one_of

from minidecomp import resolve
from minidecomp.runs.folder import config_text
from minidecomp.settings.sources import read_config, read_toml


@budgets
def test_a_config(seed, times, tmp_path):
    rng, path = np.random.default_rng(seed), tmp_path / "c.toml"
    lines = config_text(resolve(data="none.npy")).splitlines()
    taken = 0
    for _ in range(300 * times):
        path.write_bytes(hostile_toml(rng, lines))
        try:
            taken += one_line_or_success(lambda: resolve(read_config(path)), path.read_bytes()[:300])
        except RecursionError:
            pytest.fail("no RecursionError is one line")
        one_line_or_success(lambda: read_toml(path), path.read_bytes()[:300])
    assert taken


@budgets
def test_a_runs_config_in_a_table(seed, times, a_run, capsys):
    rng, path = np.random.default_rng(seed), a_run / "config.toml"
    lines = path.read_text().splitlines()
    for _ in range(100 * times):
        content = hostile_toml(rng, lines)
        path.write_bytes(content)
        how = one_of(rng, ("--json", "--csv", "--against=alpha"))
        command(capsys, content[:300], "table", str(a_run), how)


@budgets
def test_a_sweeps_grid(seed, times, capsys):
    rng = np.random.default_rng(seed)
    lines = [
        "alpha = [1, 2]",
        "seeds = 2",
        "data = 'none.npy'",
        "[[grid]]",
        "beta = [1.0, 2.0]",
        "hidden = [[3], [4, 5]]",
    ]
    for _ in range(150 * times):
        content = hostile_toml(rng, lines)
        with open("s.toml", "wb") as file:
            file.write(content)
        assert command(capsys, content[:300], "sweep", "--config", "s.toml", "--out", "o", "--quiet") == 2

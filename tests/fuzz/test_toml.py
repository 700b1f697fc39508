"""config.toml: of any bytes come options or one line that names the file."""

import numpy as np
import pytest
from hostile import budgets, command, hostile_toml, one_line_or_success, one_of, rounds

from minidecomp import resolve
from minidecomp.runs.folder import config_text
from minidecomp.settings.sources import read_config, read_toml


@budgets
def test_a_config(seed, seconds, tmp_path):
    rng, path = np.random.default_rng(seed), tmp_path / "c.toml"
    lines = config_text(resolve(data="none.npy")).splitlines()
    taken = 0
    for _ in rounds(seconds):
        path.write_bytes(hostile_toml(rng, lines))
        try:
            taken += one_line_or_success(lambda: resolve(read_config(path)), path.read_bytes()[:300])
        except RecursionError:
            pytest.fail("no RecursionError is one line")
        one_line_or_success(lambda: read_toml(path), path.read_bytes()[:300])
    assert taken


@budgets
def test_a_runs_config_in_a_table(seed, seconds, a_run, capsys):
    rng, path = np.random.default_rng(seed), a_run / "config.toml"
    lines = path.read_text().splitlines()
    for _ in rounds(seconds):
        content = hostile_toml(rng, lines)
        path.write_bytes(content)
        how = one_of(rng, ("--json", "--csv", "--against=alpha"))
        command(capsys, content[:300], "table", str(a_run), how)

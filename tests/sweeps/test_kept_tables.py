"""The tables in docs/tables, and the page that is written from them."""

import re
import runpy
from pathlib import Path

import pytest

from minidecomp.reproduction import EXPERIMENTS, table
from minidecomp.sweeps.grid import expand

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def written():
    return runpy.run_path(str(DOCS / "tables" / "write_page.py"))


def test_the_pages_say_what_their_tables_say(written):
    said = written["parts"]()
    texts = [page.read_text("utf-8") for page in written["PAGES"]]
    assert [written["written"](page, said) for page in written["PAGES"]] == texts
    assert {mark: sum(text.count(f"<!-- {mark} -->") for text in texts) for mark in said} == dict.fromkeys(said, 1)


def test_a_cell_of_sparsitys_grid(written):
    assert written["cell"]([0.444], 0.451) == ".44 (.45)"
    assert written["cell"]([0.5, 0.52, 0.51], 0.55) == ".51 ± .006 (.55)"
    assert written["cell"]([0.2, 0.2004], 0.23) == ".20 ± .0002 (.23)", "not .000"


@pytest.mark.parametrize("name", [path.stem for path in sorted((DOCS / "tables").glob("*.csv"))])
def test_a_kept_table_has_each_run_of_the_commands_grid(written, name, tmp_path):
    """No more, in their order, and as the command writes them: `read` refuses other runs, and one that stands twice."""
    experiment, rows = EXPERIMENTS[name], written["rows"](name)
    entries = expand(experiment.blocks(*written["FORMS"][name]))
    assert len(rows) == len(entries) and not table.missing(experiment, entries, rows)
    table.write(experiment, tmp_path / "t.csv", table.in_order(experiment, entries, rows))
    assert (tmp_path / "t.csv").read_bytes() == (DOCS / "tables" / f"{name}.csv").read_bytes()


def test_every_sentence_has_a_verdict():
    """In each section of the page, each row of a table of sentences says which of the three it is."""
    text = (DOCS / "reproduction.md").read_text("utf-8")
    tables = re.findall(r"\| the paper \|[^\n]*\bhere \|[^\n]*\n((?:\|[^\n]*\n)+)", text)
    assert len(tables) == 3
    for rows in tables:
        for row in rows.splitlines()[1:]:
            assert re.search(r"\| \*\*(holds here|does not hold here|open)\*\* \| [^|]", row), row

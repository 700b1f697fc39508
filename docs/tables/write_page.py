"""Draw the pictures of docs/reproduction.md, and write what its tables say about the paper's sentences.

Run ``python docs/tables/write_page.py`` after changing a table in docs/tables, or the rules that judge it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from minidecomp.reproduction import EXPERIMENTS, claims, table
from minidecomp.sweeps.grid import expand

TABLES = Path(__file__).parent
DOCS = TABLES.parent
PAGE = DOCS / "reproduction.md"
FORMS = {"clustering": ("full", 100), "sparsity": ("full", 3), "independence": ("medium", 16)}  # and seeds


def rows(name: str) -> list[Any]:
    """The rows of a kept table."""
    experiment = EXPERIMENTS[name]
    entries = expand(experiment.blocks(*FORMS[name]))
    return table.read(experiment, TABLES / f"{name}.csv", entries)


def page(text: str) -> str:
    """The page with the judgements of each kept table between its two marks."""
    for name in FORMS:
        if (TABLES / f"{name}.csv").is_file():
            found = rows(name)
            judged = claims.as_markdown(EXPERIMENTS[name].claims(found))
            said = f"<!-- {name} -->\n{table.how_many(EXPERIMENTS[name], found)}.\n\n{judged}\n<!-- end -->"
            text, count = re.subn(
                rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, said=said: said, text, flags=re.DOTALL
            )
            if count != 1:
                sys.exit(f"{PAGE} has {count} places marked <!-- {name} -->, expected one")
    return text


def draw() -> None:
    """The pictures that need only the tables."""
    for name in FORMS:
        if name != "clustering" and (TABLES / f"{name}.csv").is_file():
            EXPERIMENTS[name].draw(rows(name), DOCS / "images")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
    draw()

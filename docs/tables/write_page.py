"""Draw the pictures of the kept tables, and write what they say into docs/reproduction.md and docs/sparsity.md.

Run ``python docs/tables/write_page.py`` after changing a table in docs/tables, or the rules that judge it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidecomp.reproduction import EXPERIMENTS, claims, sparsity, table
from minidecomp.runs.grouping import Group
from minidecomp.sweeps.grid import expand

TABLES = Path(__file__).parent
DOCS = TABLES.parent
PAGES = (DOCS / "reproduction.md", DOCS / "sparsity.md")
FORMS = {"clustering": ("full", 100), "sparsity": ("full", 3), "independence": ("medium", 16)}  # and seeds


def rows(name: str) -> list[Any]:
    """The rows of a kept table."""
    experiment = EXPERIMENTS[name]
    entries = expand(experiment.blocks(*FORMS[name]))
    return table.read(experiment, TABLES / f"{name}.csv", entries)


def parts() -> dict[str, str]:
    """What the kept tables say, by the mark where it stands."""
    said = {}
    for name in FORMS:
        if (TABLES / f"{name}.csv").is_file():
            experiment, found = EXPERIMENTS[name], rows(name)
            said[name] = f"{table.how_many(experiment, found)}.\n\n{claims.as_markdown(experiment.claims(found))}"
            if name == "sparsity":
                said["sparsity grid"] = grid(found)
    return said


def grid(found: Sequence[Any]) -> str:
    """The mean sparsity of each cell with its standard error over the seeds, and the paper's number in brackets.

    Curves without a run are left out.
    """
    lines = [
        f"| gamma and beta | schedule | alpha {' | '.join(f'{alpha:g}' for alpha in sparsity.ALPHAS)} |",
        "|" + " --- |" * (2 + len(sparsity.ALPHAS)),
    ]
    for gamma, beta in sparsity.PUBLISHED:
        published = dict(sparsity.published(gamma, beta))
        for warmup, schedule in sparsity.SCHEDULES.items():
            runs = sparsity.at_each_alpha(found, gamma, beta, warmup)
            cells = [cell(runs[alpha], published[alpha]) if alpha in runs else "" for alpha in sparsity.ALPHAS]
            if runs:
                lines.append(f"| {gamma:g}, {beta:g} | {schedule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(values: Sequence[float], published: float) -> str:
    """A mean of one seed or more, such as ``.44 ± .012 (.45)``."""
    mean = Group({}, [{"": value} for value in values]).mean("")
    assert mean is not None
    error = "" if mean.error is None else f" ± {mean.error:{'.3f' if mean.error >= 0.0005 else '.1g'}}"
    return f"{mean.value:.2f}{error} ({published:.2f})".replace("0.", ".")


def written(path: Path, said: dict[str, str]) -> str:
    """The text of a page with each part between its two marks."""
    text = path.read_text("utf-8")
    for mark, part in said.items():
        new = f"<!-- {mark} -->\n{part}\n<!-- end -->"
        text = re.sub(rf"<!-- {mark} -->\n.*?<!-- end -->", lambda _, new=new: new, text, flags=re.DOTALL)
    return text


def draw() -> None:
    """The pictures that need only the tables."""
    for name in FORMS:
        if name != "clustering" and (TABLES / f"{name}.csv").is_file():
            EXPERIMENTS[name].draw(rows(name), DOCS / "images")


if __name__ == "__main__":
    said = parts()
    for mark in said:
        if (count := sum(page.read_text("utf-8").count(f"<!-- {mark} -->\n") for page in PAGES)) != 1:
            sys.exit(f"the pages have {count} places marked <!-- {mark} -->, expected one")
    for page in PAGES:
        page.write_text(written(page, said), "utf-8")
    draw()

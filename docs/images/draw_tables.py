"""Redraw the pictures of the tables in docs/sparsity.md and docs/reproduction.md, without any training.

Run ``python docs/images/draw_tables.py`` after changing a table or the look of such pictures.
"""

from __future__ import annotations

import re
from pathlib import Path

from minidecomp.figures import value_against_option, write_figure

IMAGES = Path(__file__).parent
DOCS = IMAGES.parent


def table(file: str, first_cell: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table whose first cell begins with a text."""
    lines = [line.strip() for line in (DOCS / file).read_text("utf-8").splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_cell}"))
    end = next(i for i in range(start, len(lines) + 1) if i == len(lines) or not lines[i].startswith("|"))
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]
    return header, rows


def number(text: str) -> float:
    found = re.search(r"-?\d*\.?\d+", text)
    if found is None:
        raise ValueError(f"no number in {text}")
    return float(found[0])


def curve(header: list[str], row: list[str]) -> list[tuple[float | str, float]]:
    """Sparsity by alpha. Empty cells are left out; numbers in brackets are the paper's."""
    cells = zip(header[1:], row[1:], strict=True)
    return [(number(alpha), number(cell)) for alpha, cell in cells if cell]


def draw_sparsity() -> None:
    header, rows = table("sparsity.md", "gamma, beta")
    curves = {"gamma {}, beta {}".format(*row[0].split(", ")): curve(header, row) for row in rows}
    figure = value_against_option(curves, "alpha", "Hoyer sparsity")
    write_figure(figure, IMAGES, "sparsity-against-alpha", ("png",))
    header, rows = table("reproduction.md", "Hoyer sparsity")
    curves = {row[0].split(",")[0]: curve(header, row) for row in rows if "quick" in row[0]}
    figure = value_against_option(curves, "alpha", "Hoyer sparsity")
    write_figure(figure, IMAGES, "reproduction-sparsity", ("png",))


if __name__ == "__main__":
    draw_sparsity()

"""Clustering (Mathieu et al., Fig. 3): the pinwheel's aggregate posterior over beta at alpha = 0, and the reverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data import dataset_from
from ..data.points import as_numbers
from ..files import make_folder
from ..runs import checkpoint
from ..sweeps.grid import Block, Entry

STATEMENT = (
    "with alpha = 0, a small beta leaves spikes and a large one blurs the clusters away; with beta = 0, four clusters "
    "remain and match the prior better as alpha grows"
)
BETAS, ALPHAS = [0.01, 0.5, 1.0, 1.2], [1.0, 3.0, 5.0, 8.0]
NAMES = (r"$\alpha = 0$, $\beta$ grows", r"$\beta = 0$, $\alpha$ grows")  # of the rows
METRICS: tuple[str, ...] = ()
COLUMNS = ("alpha", "beta", "test.log_likelihood", "test.kl", "test.kl-inc")


def blocks(quick: bool) -> list[Block]:
    """Two rows of four runs; the quick form is the same."""
    common: Block = {"prior": "mixture", "regulariser": "kl-inc"}
    return [common | {"alpha": 0.0, "beta": BETAS}, common | {"beta": 0.0, "alpha": ALPHAS}]


def measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """KL(p || q) of each panel, in the figure's order."""

    def panels(of_first: bool, name: str) -> str:
        chosen = [row for row in rows if (row["alpha"] == 0) == of_first]
        return ", ".join(f"{row['test.kl-inc']:.3g} at {name} {row[name]:g}" for row in chosen)

    return f"KL(p || q) with alpha = 0: {panels(True, 'beta')}; with beta = 0: {panels(False, 'alpha')}"


def draw(folder: Path, entries: list[Entry]) -> list[Path]:
    """The densities of the prior and of the eight runs, in two rows as in the paper."""
    from ..figures import panel_grid, write_figure

    x = as_numbers(dataset_from(entries[0].options).train, np.float64)
    rows, titles = [], []
    for top in (True, False):
        chosen = [entry for entry in entries if (entry.options.alpha == 0) == top]
        models = [checkpoint.load(folder / entry.name).vae for entry in chosen]
        rows.append([vae.encode(x.astype(vae.dtype)) for vae in models])
        titles.append([rf"$\beta = {e.options.beta:g}$" if top else rf"$\alpha = {e.options.alpha:g}$" for e in chosen])
    # The square is the paper's.
    figure = panel_grid(rows, titles, models[0].current_prior(), (-2.0, 2.0, -2.0, 2.0), names=NAMES)
    return write_figure(figure, make_folder(folder / "figures"), "clustering", ("png",))

"""The pictures that ``minidecomp train`` draws for a pinwheel, drawn with matplotlib for the peers' scripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure


def draw(
    folder: Path,
    history: Sequence[Any],
    data: np.ndarray,
    loc: np.ndarray,
    scale: np.ndarray,
    reconstructed: np.ndarray,
    generated: np.ndarray,
) -> None:
    """Learning curves, the aggregate posterior's density, reconstructions and samples."""
    figure = Figure(figsize=(6.8, 2), layout="constrained")
    for axes, values, name in zip(figure.subplots(1, 3), np.asarray(history).T, ("log p", "KL", "D"), strict=True):
        axes.plot(values)
        axes.set_title(name)
    figure.savefig(folder / "learning_curves.png", dpi=200)
    figure = Figure(figsize=(6.8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    edge = np.abs(loc).max() + 0.3
    grid = np.linspace(-edge, edge, 100)
    z = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 1, 2)
    density = np.exp((-0.5 * ((z - loc) / scale) ** 2 - np.log(scale)).sum(-1)).mean(1).reshape(100, 100)
    left.contourf(grid, grid, density, 12)
    right.plot(*loc.T, ".")
    figure.savefig(folder / "aggregate_posterior.png", dpi=200)
    for name, points in (("reconstructions", reconstructed), ("samples", generated)):
        figure = Figure(figsize=(3.3, 3), layout="constrained")
        axes = figure.subplots()
        axes.plot(*data.T, ".")
        axes.plot(*points.T, ".")
        figure.savefig(folder / f"{name}.png", dpi=200)

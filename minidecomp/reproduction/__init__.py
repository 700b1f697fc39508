"""The three experiments of Mathieu et al. (ICML 2019) from start to end: grids, figures and statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..sweeps.grid import Block, Entry
from . import clustering, independence, sparsity


@dataclass(frozen=True)
class Experiment:
    """What ``minidecomp reproduce`` runs.

    Attributes
    ----------
    name : str
    statement : str
        What the paper says about its figure.
    blocks : callable
        Whether the form is the quick one -> the sweep's grid.
    metrics : tuple of str
        Recorded for each run besides its terms.
    columns : tuple of str
        The columns of the printed table.
    draw : callable
        (sweep's folder, runs) -> the figures' paths.
    measured : callable
        Rows of the sweep's table -> a line with what these runs gave, to compare with the statement.
    """

    name: str
    statement: str
    blocks: Callable[[bool], list[Block]]
    metrics: tuple[str, ...]
    columns: tuple[str, ...]
    draw: Callable[[Path, list[Entry]], list[Path]]
    measured: Callable[[Sequence[Mapping[str, Any]]], str]


def _experiment(module: ModuleType) -> Experiment:
    name = module.__name__.rpartition(".")[2]
    parts = (module.STATEMENT, module.blocks, module.METRICS, module.COLUMNS, module.draw, module.measured)
    return Experiment(name, *parts)


EXPERIMENTS = {each.name: each for each in map(_experiment, (clustering, sparsity, independence))}

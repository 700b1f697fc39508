"""What an experiment of the paper consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..runs.comparison import Row
from ..sweeps.grid import Block
from ..sweeps.work import Datasets
from .claims import Claim

FULL, MEDIUM, QUICK = "full", "medium", "quick"


def nothing_of_its_own(run: Path, datasets: Datasets) -> Mapping[str, float]:
    """For an experiment that needs no more than a sweep records."""
    return {}


def no_note(form: str, seeds: int) -> str:
    """For an experiment that has nothing to say before it starts."""
    return ""


@dataclass(frozen=True)
class Experiment:
    """What ``minidecomp reproduce`` runs, and how it reads the results.

    Attributes
    ----------
    name : str
    forms : dict of str to int
        The grids (``full``, ``medium``, ``quick``), and how many seeds each has.
    blocks : callable
        (form, number of seeds) -> the sweep's grid.
    options : tuple of str
        The options that stand in its table: those in which runs differ, and those that make them comparable.
    values : tuple of str
        The recorded values in its table.
    named : callable
        A row of its table -> what distinguishes its run from others with the same seed, in words.
    claims : callable
        Rows of its table -> the paper's sentences with what the rows say about them.
    draw : callable
        (rows of its table, the folder to write to) -> the figures' paths. A row of a run that is at hand, and not only
        in a table, has its folder as ``run``.
    metrics : tuple of str
        Recorded for each run besides its terms.
    own : callable
        (a run's folder, data sets, each loaded once) -> further values of the run by name.
    own_values : tuple of str
        The names of the values that ``own`` gives.
    medians : bool
        Whether the printed table has the medians of several seeds, and not their means.
    note : callable
        (form, number of seeds) -> what to know before starting, in one line.
    """

    name: str
    forms: Mapping[str, int]
    blocks: Callable[[str, int], list[Block]]
    options: tuple[str, ...]
    values: tuple[str, ...]
    named: Callable[[Row], str]
    claims: Callable[[Sequence[Row]], list[Claim]]
    draw: Callable[[Sequence[Row], Path], list[Path]]
    metrics: tuple[str, ...] = ()
    own: Callable[[Path, Datasets], Mapping[str, float]] = nothing_of_its_own
    own_values: tuple[str, ...] = ()
    medians: bool = False
    note: Callable[[str, int], str] = no_note

"""Runs grouped by some options: of each recorded value the mean over the runs of a group, and its standard error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import OptionError
from ..settings.options import by_name
from .comparison import Row, check_column, differing_options, is_number, short_text, size_of_value
from .following import independent

SEEDS = ("seed", "data_seed")  # what runs of one group may differ in


@dataclass(frozen=True)
class Mean:
    """The mean over some runs.

    Attributes
    ----------
    value : float
    error : float or None
        Its standard error: the standard deviation over the runs, with count - 1, by the root of the count; None for one
        run.
    count : int
        Runs with a number.
    """

    value: float
    error: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seeds alone; ``options`` are those that tell it from other groups."""

    options: Row
    runs: list[Row]

    def mean(self, name: str) -> Mean | None:
        """Of a recorded value; None if no run has a number for it."""
        numbers = [float(row[name]) for row in self.runs if is_number(row.get(name))]
        if not numbers:
            return None
        count = len(numbers)
        mean = math.fsum(numbers) / count
        if count == 1:
            return Mean(mean, None, 1)
        variance = math.fsum((number - mean) ** 2 for number in numbers) / (count - 1)
        return Mean(mean, math.sqrt(variance / count), count)


def check_by(rows: Sequence[Row], text: str) -> list[str]:
    """The options that a text such as ``alpha,beta`` names; OptionError for what is none, or no run has."""
    names = [check_column(rows, "by", name.strip(), "no run has that option") for name in text.split(",")]
    for name in names:
        if name not in by_name():
            raise OptionError("by", name, "this is not an option of train")
    return list(dict.fromkeys(names))


def groups(rows: Sequence[Row], by: Sequence[str]) -> list[Group]:
    """The runs grouped by options, in the order of the values.

    Parameters
    ----------
    rows : sequence of dict
        As `minidecomp.runs.comparison.read_rows` gives them.
    by : sequence of str
        Options. Others that differ from group to group, but do not follow from these, tell groups apart as well.

    Raises
    ------
    OptionError
        If runs of one group differ in an option that is no seed.
    """
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: [size_of_value(row.get(name)) for name in by]):
        found.setdefault(tuple(str(row.get(name)) for name in by), []).append(row)
    for members in found.values():
        _refuse_mixed(members, by)
    others = independent(rows, [name for name in differing_options(rows) if name not in SEEDS], "")
    shown = list(dict.fromkeys([*by, *others]))
    return [Group({name: members[0].get(name) for name in shown}, members) for members in found.values()]


def _refuse_mixed(members: Sequence[Row], by: Sequence[str]) -> None:
    differing = [name for name in differing_options(members) if name not in (*SEEDS, *by)]
    if differing := independent(members, differing, ""):
        group = ", ".join(f"{name.replace('_', '-')} {short_text(members[0].get(name))}" for name in by)
        names = ", ".join(name.replace("_", "-") for name in differing)
        more = ",".join(name.replace("_", "-") for name in (*by, *differing))
        raise OptionError("by", ",".join(by), f"the runs with {group} differ in {names}; use --by {more}")

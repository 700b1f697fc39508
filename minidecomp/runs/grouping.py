"""Runs grouped by some options, with the mean and standard error of each recorded value over a group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import OptionError, marked
from ..settings.options import by_name
from .comparison import Row, check_column, differing_options, is_number, short_text, size_of_value
from .following import independent

SEEDS = ("seed", "data_seed")  # options in which runs of one group may differ


@dataclass(frozen=True)
class Mean:
    """The mean over some runs.

    Attributes
    ----------
    value : float
    error : float or None
        The standard error: the standard deviation over the runs (with count - 1) divided by the square root of the
        count; None for one run.
    count : int
        The number of runs with a value.
    """

    value: float
    error: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Runs that differ only in their seeds; ``options`` are those that distinguish the group from others."""

    options: Row
    runs: list[Row]

    def mean(self, name: str) -> Mean | None:
        """The mean of a recorded value; None if no run has a number for it."""
        numbers = [float(row[name]) for row in self.runs if is_number(row.get(name))]
        if not numbers:
            return None
        count = len(numbers)
        if count == 1:
            return Mean(numbers[0], None, 1)
        if min(numbers) == max(numbers):  # the mean could differ by rounding
            return Mean(numbers[0], 0.0, count)
        # Squares of large numbers overflow; a power of 2 as the unit changes no digit.
        unit = math.ldexp(1.0, math.frexp(max(map(abs, numbers)))[1] - 1)
        scaled = [number / unit for number in numbers]
        mean = math.fsum(scaled) / count
        variance = math.fsum((number - mean) ** 2 for number in scaled) / (count - 1)
        return Mean(unit * mean, unit * math.sqrt(variance / count), count)


def check_by(rows: Sequence[Row], text: str) -> list[str]:
    """The options in a text such as ``alpha,beta``; OptionError for a name that no run has or that is not an option."""
    names = [check_column(rows, "by", name.strip(), "no run has that option") for name in text.split(",")]
    for name in names:
        if name not in by_name():
            raise OptionError("by", name, "this is not an option of train")
    return list(dict.fromkeys(names))


def groups(rows: Sequence[Row], by: Sequence[str]) -> list[Group]:
    """The runs grouped by options, ordered by value.

    Parameters
    ----------
    rows : sequence of dict
        From `minidecomp.runs.comparison.read_rows`.
    by : sequence of str
        The options. Others that differ between groups, but do not follow from these, distinguish groups as well.

    Raises
    ------
    OptionError
        Runs of one group differ in an option that is not a seed.
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
        raise OptionError("by", ",".join(by), f"the runs with {group} differ in {names}; use {marked('by', more)}")

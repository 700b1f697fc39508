"""The options in which two runs differ, and how a run differs from runs that already have its name."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..settings.options import OF_THE_MACHINE, TrainOptions, by_name
from .checkpoint import identity
from .folder import config_values
from .following import independent

MOST_LOOKED_AT = 100  # runs with the same name

Differences = dict[str, tuple[Any, Any]]  # by option: the value in one run, and in the other


def differences(before: TrainOptions, now: TrainOptions, passed_over: Collection[str] = OF_THE_MACHINE) -> Differences:
    """The options in which two runs differ; an option that has no meaning in a run is None there."""
    had, has = config_values(before), config_values(now)
    names = [name for name in by_name() if name not in passed_over and had.get(name) != has.get(name)]
    return {name: (had.get(name), has.get(name)) for name in names}


def value_text(value: Any) -> str:
    """An option's value as a message writes it."""
    return "not given" if value is None else ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Namesake:
    """A run that has the name that another would have taken.

    Attributes
    ----------
    folder : pathlib.Path
    differences : dict
        The options in which the two differ, except those that follow from others.
    is_trained : bool
        Whether this run has reached its last epoch.
    """

    folder: Path
    differences: Differences
    is_trained: bool

    def may_become_the_other(self) -> bool:
        """Whether training this run, perhaps for more epochs, gives the other."""
        if not self.differences:
            return not self.is_trained
        had, has = self.differences.get("epochs", (0, 0))
        return self.differences.keys() == {"epochs"} and bool(had < has)


def nearest_namesake(name: Path, new: Path, options: TrainOptions) -> Namesake | None:
    """Among the runs in ``name``, ``name-2``, .. before ``new``, the one that differs in the fewest options.

    None if there is no such run; runs that cannot be read are ignored.
    """
    found = list(_namesakes(name, new, options))
    return min(found, key=lambda each: len(each.differences), default=None)


def _namesakes(name: Path, new: Path, options: TrainOptions) -> Iterator[Namesake]:
    numbered = (name.with_name(f"{name.name}-{count}") for count in range(2, MOST_LOOKED_AT + 1))
    for folder in itertools.takewhile(lambda each: each != new, itertools.chain([name], numbered)):
        try:
            found = identity(folder)
        except RunError:
            continue
        differ = differences(found.options, options)
        kept = independent([config_values(found.options), config_values(options)], list(differ), "")
        yield Namesake(folder, {option: differ[option] for option in kept}, found.is_trained)

"""The runs that a place on the command line stands for: a run, the runs of a sweep, or the runs in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from minidecomp.errors import RunError, counted

MOST_NAMED = 10  # folders in a line


class Sweeps:
    """The runs of sweeps: those in sweep.toml, in its order; ``said`` has lines about the others."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def inside(self, place: Path) -> list[Path]:
        """The run folders in a folder; for a sweep, those of its grid.

        Raises
        ------
        RunError
            The folder is a sweep with no run yet, or it contains only sweeps.
        """
        from minidecomp.runs.comparison import is_run, runs_inside
        from minidecomp.sweeps.folder import GRID, open_sweep

        found = runs_inside(place)
        if not (place / GRID).is_file():
            if not found and (sweeps := sorted(grid.parent for grid in place.glob(f"*/{GRID}"))):
                raise RunError(f"{place}: it holds sweeps and no runs; name one of: {some(sweeps)}")
            return found
        try:
            named = [place / entry.name for entry in open_sweep(place)]
        except RunError as error:
            self.said.append(f"{error}; all runs in {place} are used")
            return found
        there = [folder for folder in named if is_run(folder)]
        others = sorted(set(found) - set(named))
        if not there:
            again = f"minidecomp sweep --resume {quote(str(place))}"
            more = f"; runs of other grids in it: {some([each.name for each in others])}" if others else ""
            raise RunError(f"{place}: none of its runs has begun; train them with {again}{more}")
        if len(there) < len(named):
            self.said.append(f"not begun: {len(named) - len(there)} of {counted(len(named), 'run')} in {place}")
        if others:
            self.said.append(f"left out, as they are not in {place / GRID}: {some([each.name for each in others])}")
        return there


def some(folders: Sequence[str | Path]) -> str:
    """The names, comma-separated; only the first ones if there are many."""
    return ", ".join(map(str, folders[:MOST_NAMED])) + (", .." if folders[MOST_NAMED:] else "")

"""Whether a run's folder has the run that the grid asks for: the same options, and the same data."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..data.dataset import Digests
from ..errors import RunError
from ..runs.differences import differences, value_text
from ..runs.folder import holds_only_a_beginning
from ..runs.remembered import REMEMBERED, Stamp, identity, stamp
from ..settings.options import OF_THE_MACHINE, TrainOptions, data_names

MOST_SHOWN = 3  # options in a message


def difference(folder: Path, wanted: TrainOptions, digests: Digests | None = None) -> str:
    """How the run in a folder differs from the wanted one: "alpha was 3.0, the sweep now says 5.0"; or empty.

    Not compared are options of the machine, the place of a file with known digests, and a likelihood that has yet to
    be inferred from the data. Fewer epochs are not a difference, since training continues.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder; a run without a checkpoint differs in nothing.
    wanted : TrainOptions
        The options in the present grid.
    digests : Digests, optional
        Those of the present data; not compared if None.

    Raises
    ------
    RunError
        The checkpoint is damaged.
    """
    found = stamp(folder)
    return "" if found is None else _difference(folder, found, wanted, digests)


@lru_cache(maxsize=2 * REMEMBERED)
def _difference(folder: Path, last: Stamp, wanted: TrainOptions, digests: Digests | None) -> str:
    found = identity(folder)
    parts = _different_options(found.options, wanted, digests is not None)
    if found.epoch > wanted.epochs:
        parts.append(f"epochs was {found.epoch}, the sweep now says {wanted.epochs}")
    if parts:
        return "; ".join(parts[:MOST_SHOWN]) + (f"; and {len(parts) - MOST_SHOWN} more" if parts[MOST_SHOWN:] else "")
    if digests is not None and not _same_data(found.digests, digests):
        return f"{wanted.data} has other data now than when it was trained on them"
    return ""


def _different_options(had: TrainOptions, wanted: TrainOptions, data_are_known: bool) -> list[str]:
    if wanted.likelihood is None:
        wanted = wanted.replace(likelihood=had.likelihood)
    passed_over = {"epochs", *OF_THE_MACHINE}
    if data_are_known and not {had.data, wanted.data} & set(data_names()):  # a file may have moved
        passed_over.add("data")
    return [
        f"{name.replace('_', '-')} was {value_text(before)}, the sweep now says {value_text(now)}"
        for name, (before, now) in differences(had, wanted, passed_over).items()
    ]


def _same_data(trained_on: Digests, now: Digests) -> bool:
    """Whether digests agree; an older checkpoint has none of the test points."""
    same = [trained_on.train == now.train, trained_on.validation == now.validation]
    return all(same) and (not trained_on.test or trained_on.test == now.test)


def refusal(folder: Path, differs: str) -> RunError:
    """The error for a folder with another run than the grid's; see `difference`."""
    return RunError(f"{folder}: {differs}; undo the change, or choose another folder for the new grid")


def refuse_foreign(folder: Path) -> None:
    """Raise RunError if a folder without a checkpoint has more than a killed first save leaves."""
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise RunError(f"{folder}: this is not a folder; move it away to train the run there")
    if folder.is_dir() and not holds_only_a_beginning(folder):
        names = sorted(path.name for path in folder.iterdir())
        shown = ", ".join(names[:MOST_SHOWN]) + (", .." if names[MOST_SHOWN:] else "")
        raise RunError(f"{folder}: it has no checkpoint.npz, but {shown}; move that away, or move the checkpoint back")

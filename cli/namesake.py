"""What `train` says if another run already has the name that its run would have taken."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from .output import say

if TYPE_CHECKING:
    from minidecomp.training import Trainer

MOST_SHOWN = 3  # options in the line


def say_what_is_there(trainer: Trainer) -> None:
    """On stderr, how the new run differs from the run that has its usual name, and how to continue that run."""
    from minidecomp.runs.differences import nearest_namesake, value_text
    from minidecomp.runs.folder import usual_folder

    options, folder = trainer.options, trainer.folder
    if folder is None or folder == (name := usual_folder(options)):
        return
    there = nearest_namesake(name, folder, options)
    if there is None:
        return
    ways = "--out chooses another folder"
    if there.may_become_the_other():
        epochs = f" --epochs {options.epochs}" if there.differences else ""
        ways = f"minidecomp train --resume {quote(str(there.folder))}{epochs} continues it, {ways}"
    parts = [
        f"{name.replace('_', '-')} {value_text(had)}, this one {value_text(has)}"
        for name, (had, has) in there.differences.items()
    ]
    more = f"; and {len(parts) - MOST_SHOWN} more" if parts[MOST_SHOWN:] else ""
    same = ", trained with the same options" if there.is_trained else ", begun with the same options"
    differs = f": it has {'; '.join(parts[:MOST_SHOWN])}{more}" if parts else same
    say(f"{there.folder} already exists{differs}; {ways}", err=True)

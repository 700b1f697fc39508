"""Which run a folder has: read once by a process, and again only when its files are others.

A sweep asks often: at its start, after each run, and for its table. Files are written whole under new names and then
moved to their places, so another file has another number, size or time.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ..variants import Variants
from . import checkpoint
from .checkpoint import Identity
from .folder import BEST, LAST

REMEMBERED = 2**15  # runs

Stamp = tuple[int, ...] | None  # what distinguishes a file from another one at its place; None if there is no file


def stamp(folder: Path, name: str = LAST) -> Stamp:
    """The stamp of a file in a run's folder."""
    try:
        found = os.stat(os.path.join(folder, name))
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def identity(folder: Path) -> Identity:
    """`minidecomp.runs.checkpoint.identity`, remembered while the checkpoint and the best model are the same files.

    It is also read again if a variant was added or removed, because a run's options depend on the variants.
    """
    return _identity(folder, stamp(folder), stamp(folder, BEST), Variants.last_change)


@lru_cache(maxsize=REMEMBERED)
def _identity(folder: Path, last: Stamp, best: Stamp, change: int) -> Identity:
    return checkpoint.identity(folder)

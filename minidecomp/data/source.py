"""Named data sets: what each says about itself."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..variants import Option
from .dataset import Dataset


@dataclass(frozen=True)
class Available:
    """The state of a named data set on this machine.

    Attributes
    ----------
    name : str
        What `load` takes.
    ready : bool
        Whether it can be loaded now.
    where : str
        Its place, or how to get it.
    train, test : int
        Points in each part.
    data_dim : int
        Numbers in a point.
    """

    name: str
    ready: bool
    where: str
    train: int
    test: int
    data_dim: int


@dataclass(frozen=True)
class DataSource:
    """A data set by its name; ``minidecomp.variants.DATA_SETS.add(DataSource(...))`` makes one a choice of ``--data``.

    Attributes
    ----------
    name : str
        Its name after ``--data``.
    load : callable
        Takes the options as attributes (its own, ``data``, ``data_seed`` and ``limit``) and returns a Dataset.
    options : tuple of Option
        The options of this data set alone.
    defaults : mapping
        Defaults of other options that differ from the usual ones: those of the paper's experiment on it.
    limits_itself : bool
        Whether ``load`` obeys ``limit``; otherwise that many training points are chosen afterwards.
    available : callable or None
        Says where it is; None to leave it out of ``minidecomp data list``.
    fetch : callable or None
        (folder or None, progress) -> its folder, if it can be downloaded.
    fetch_note : str
        What ``minidecomp data fetch`` says about it.
    """

    name: str
    load: Callable[[Any], Dataset]
    options: tuple[Option, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    limits_itself: bool = False
    available: Callable[[], Available] | None = None
    fetch: Callable[[str | Path | None, Callable[[str], object]], Path] | None = None
    fetch_note: str = ""


def listed(text: str) -> tuple[str, ...]:
    """The names in a text, separated by commas; a name with a comma is in quotes."""
    return tuple(
        cell.strip() for cell in next(csv.reader([text], skipinitialspace=True, strict=True), []) if cell.strip()
    )


def check_list(option: str, text: str) -> None:
    """Raise OptionError unless a text is names separated by commas."""
    try:
        names = listed(text)
    except csv.Error:
        names = ()
    if text and not names:
        raise OptionError(option, text, expected="names on one line, separated by commas")


DATA_DIR = Option("data_dir", str, "Folder with the data set's files. $MINIDECOMP_DATA sets it too.", metavar="DIR")
FACTORS = Option(
    "factors",
    str,
    "dSprites: train on a part, such as shape=heart,scale=0.5..1 (also orientation, posX, posY). Your own data: the "
    "columns or arrays (a,b,c) or the FILE with each point's known factors, which are not trained on.",
    verify=partial(check_list, "factors"),
    metavar="FACTORS",
)

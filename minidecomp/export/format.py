"""What an export format is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError, either, marked
from ..packages import missing
from ..runs.checkpoint import Run
from ..variants import EXPORT_FORMATS
from .example import Point
from .told import Told

# Windows reserves these names for devices, whatever ending follows.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


@dataclass(frozen=True)
class ExportFormat:
    """A way to write a trained model; ``minidecomp.variants.EXPORT_FORMATS.add(ExportFormat(...))`` adds one.

    Attributes
    ----------
    name : str
        Its name in ``minidecomp export --format``.
    help : str
        A line for the help.
    write : callable
        (run, folder, name of the files, one of ``weights``) -> the paths that it wrote.
    weights : tuple of str
        The types of weights that it can write, the default first.
    package : str or None
        The module that it needs besides NumPy.
    install : str or None
        What ``pip install`` takes for the module, if that is not its name.
    why_not : callable
        A name of the files -> why they cannot have it, or None if they can.
    takes_point : bool
        Whether ``write`` takes a fifth argument: the `example.Point` of a test vector, or None.
    tell : callable or None
        (run, name of the files, one of ``weights``) -> `told.Told`: the content of the files and what they need.
    """

    name: str
    help: str
    write: Callable[..., list[Path]]
    weights: tuple[str, ...] = ("float32",)
    package: str | None = None
    install: str | None = None
    why_not: Callable[[str], str | None] = lambda name: None
    takes_point: bool = False
    tell: Callable[[Run, str, str], Told] | None = None

    def files(self, run: Run, folder: Path, name: str, weights: str, point: Point | None = None) -> list[Path]:
        """Write the export's files into an existing folder; ``point`` is for a test vector."""
        return self.write(run, folder, name, weights, *((point,) if self.takes_point else ()))

    def told(self, run: Run, name: str, weights: str) -> Told:
        """What the format says about an export."""
        return Told() if self.tell is None else self.tell(run, name, weights)


def chosen_format(kind: str, name: str, weights: str | None = None) -> ExportFormat:
    """The format ``kind``, checked for files called ``name`` and for ``weights`` (by default the format's own).

    Raises
    ------
    OptionError
        There is no such format, it does not have these weights, its package is not installed, or its files cannot have
        that name.
    """
    if kind not in EXPORT_FORMATS:
        raise OptionError("format", kind, choices=EXPORT_FORMATS)
    known = list(dict.fromkeys(each for one in EXPORT_FORMATS.values() for each in one.weights))
    if weights is not None and weights not in known:
        raise OptionError("weights", weights, choices=known)
    chosen: ExportFormat = EXPORT_FORMATS[kind]
    if weights is not None and weights not in chosen.weights:
        able = [other for other, each in EXPORT_FORMATS.items() if weights in each.weights]
        raise OptionError("weights", weights, f"this needs {either(marked('format', each) for each in able)}")
    if chosen.package is not None and (reason := missing(chosen.package, chosen.install or chosen.package)):
        raise OptionError("format", kind, reason)
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise OptionError("name", name, "a name must begin with a letter and have only letters, digits, - and _")
    reason = "Windows reserves this name; choose another" if name.lower() in DEVICES else chosen.why_not(name)
    if reason is not None:
        raise OptionError("name", name, reason)
    return chosen

"""What an export format is, and what it tells about itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError, either, one_of
from ..packages import missing
from ..runs.checkpoint import Run
from ..variants import EXPORT_FORMATS

# Windows keeps these for devices, whatever ending follows.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


@dataclass(frozen=True)
class ExportFormat:
    """A way to write a trained model; ``minidecomp.variants.EXPORT_FORMATS.add(ExportFormat(...))`` adds one.

    Attributes
    ----------
    name : str
        ``minidecomp export --format``'s word for it.
    help : str
        What the help says of it.
    write : callable
        (run, folder, name of the files, one of ``weights``) -> the paths that it wrote.
    weights : tuple of str
        The ways in which it can keep weights, the usual one first.
    package : str or None
        The module that has to be there for it, where NumPy is not enough.
    install : str or None
        What ``pip install`` takes for it; the package's name if it is None.
    why_not : callable
        A name of its files -> why they cannot be called so, or None where they can.
    """

    name: str
    help: str
    write: Callable[[Run, Path, str, str], list[Path]]
    weights: tuple[str, ...] = ("float32",)
    package: str | None = None
    install: str | None = None
    why_not: Callable[[str], str | None] = lambda name: None


def chosen_format(kind: str, name: str, weights: str | None = None) -> ExportFormat:
    """The format of that name, for files called ``name`` with weights kept as ``weights`` or as usual.

    Raises
    ------
    OptionError
        If there is no such format, it does not keep weights so, its package is not installed, or the format's files
        cannot have that name.
    """
    if kind not in EXPORT_FORMATS:
        raise OptionError("format", kind, must_be=one_of(EXPORT_FORMATS))
    known = list(dict.fromkeys(each for one in EXPORT_FORMATS.values() for each in one.weights))
    if weights is not None and weights not in known:
        raise OptionError("weights", weights, must_be=one_of(known))
    chosen: ExportFormat = EXPORT_FORMATS[kind]
    if weights is not None and weights not in chosen.weights:
        able = [other for other, each in EXPORT_FORMATS.items() if weights in each.weights]
        raise OptionError("weights", weights, f"this needs --format {either(able)}")
    if chosen.package is not None and (reason := missing(chosen.package, chosen.install or chosen.package)):
        raise OptionError("format", kind, reason)
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise OptionError("name", name, "a name must begin with a letter and have only letters, digits, - and _")
    reason = "Windows reserves this name; choose another" if name.lower() in DEVICES else chosen.why_not(name)
    if reason is not None:
        raise OptionError("name", name, reason)
    return chosen

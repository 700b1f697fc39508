"""Where an export comes from: the run's name and options, and minidecomp's version. No date and no path."""

from __future__ import annotations

import os
import re
from typing import Any

from .. import __version__
from ..data import PATHS
from ..errors import printable
from ..runs.checkpoint import Run, parameters_digest
from ..runs.folder import config_values
from ..settings import toml_text
from ..settings.options import OF_THE_MACHINE

LONGEST = 200  # characters of a value


def provenance(run: Run, weights: str) -> dict[str, str]:
    """What an export says about its run, by name; the same run gives the same text on every machine."""
    return {
        "run": cut(run.folder.resolve().name),
        "which": run.which,
        "epoch": str(run.state.epoch),
        "parameters_sha256": parameters_digest(run.vae),
        "weights": weights,
        "minidecomp_version": __version__,
        "options": options_text(run),
    }


def options_text(run: Run) -> str:
    """The run's options as TOML: of a file only the name, and nothing that depends on the machine."""
    values = config_values(run.options)
    kept = {name: _without_folder(name, value) for name, value in values.items() if name not in OF_THE_MACHINE}
    return toml_text.dumps(kept)


def cut(text: str) -> str:
    """A text on one line, cut if it is long."""
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}.."


def _without_folder(name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_without_folder(name, each) for each in value]
    if not isinstance(value, str) or not (name in PATHS or os.path.isabs(value) or re.match(r"[A-Za-z]:[\\/]", value)):
        return value
    return printable(re.split(r"[\\/]", value.rstrip("\\/"))[-1])

"""Files that are written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import Fault


def make_folder(path: Path) -> Path:
    """Make a folder, with those above it, unless it is there.

    Raises
    ------
    Fault
        If it cannot be made, with the reason.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make the folder {path}: {error.strerror or error}") from error
    return path


def write_file(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file beside its place, sync it and rename it: a crash leaves the old one whole.

    Parameters
    ----------
    path : pathlib.Path
        In a folder that exists.
    write : callable
        Given the open binary file.

    Raises
    ------
    Fault
        If it cannot be written, with the reason; what stood at ``path`` before is still there.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                os.unlink(file.name)
                raise
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise Fault(f"cannot write {path}: {error.strerror or error}; what was saved before is kept") from error


def write_json(path: Path, values: Any) -> None:
    """Write indented JSON, whole or not at all."""
    write_file(path, lambda file: file.write((as_json(values) + "\n").encode()))


def as_json(values: Any) -> str:
    """Indented JSON; a number that is not finite, for which JSON has no word, becomes null."""
    return json.dumps(_finite(values), indent=2, allow_nan=False)


def _finite(values: Any) -> Any:
    if hasattr(values, "tolist"):  # a number or an array of NumPy's
        values = values.tolist()
    if isinstance(values, Mapping):
        return {name: _finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values

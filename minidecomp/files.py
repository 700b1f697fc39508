"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from .errors import Fault

MOST_OF_A_NAME = 50  # characters of a file's name in that of its temporary, which must not be too long


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

    It has the old one's permissions or, new, those that the umask gives.

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
    temporary = path.with_name(f".{path.name[:MOST_OF_A_NAME]}.{secrets.token_hex(4)}")
    try:
        try:
            mode = _mode_of_the_old(path)
            made = partial(os.open, mode=0o666 if mode is None else mode & 0o600)
            with open(temporary, "x+b", opener=made) as file:
                if mode is not None:
                    os.chmod(temporary, mode)
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise Fault(f"cannot write {path}: {error.strerror or error}; what was saved before is kept") from error


def _mode_of_the_old(path: Path) -> int | None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):  # a device such as /dev/null must not be replaced by a file
        raise OSError(errno.EINVAL, "it is there already, and is no regular file")
    return stat.S_IMODE(mode)


def is_temporary(name: str, final: str) -> bool:
    """Whether a file of that name is what a killed ``write_file`` has left of ``final``."""
    return re.fullmatch(rf"\.{re.escape(final[:MOST_OF_A_NAME])}\.[a-z0-9_]{{8}}", name) is not None


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

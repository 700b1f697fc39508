"""Write files whole or not at all, and read small files safely."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from .errors import Fault, RunError

OPEN_FILES = ("/dev/fd", "/proc/self/fd")
MARK = "minidecomp-"  # marks temporary files, so that those of other programs are not taken for ours
MOST_OF_A_NAME = 50  # characters of a file's name that its temporary file repeats: long names are not allowed


_NO_FILES = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


def what_else(mode: int) -> str | None:
    """What a path of that mode is if it is not a regular file: ``a pipe``, ``a folder``, .."""
    return next((kind for is_kind, kind in _NO_FILES if is_kind(mode)), None)


def read_small_file(path: str | Path, most: int, streams: bool = False) -> bytes:
    """The bytes of a regular file. Reading anything else, such as a pipe, could block or never end.

    Parameters
    ----------
    path : path
    most : int
        The largest number of bytes.
    streams : bool
        Also read a pipe that this process has open: ``/dev/stdin``, or the ``/dev/fd/N`` that a shell creates for
        ``<(..)``.

    Raises
    ------
    OSError
        If the file does not exist, is not a regular file, cannot be read, or has more bytes (``errno.EFBIG``).
    """
    streams = streams and (str(path) == "/dev/stdin" or os.path.dirname(path) in OPEN_FILES)
    try:
        _check_regular(os.stat(path).st_mode, streams)
        # Another file may take its place between the check and the opening, which must not block either.
        no_wait = 0 if streams else getattr(os, "O_NONBLOCK", 0)
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | no_wait)) as file:
            _check_regular(os.fstat(file.fileno()).st_mode, streams)
            content = file.read(most + 1)
    except ValueError as error:  # a zero byte in its name
        raise OSError(errno.EINVAL, str(error)) from error
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return content


def _check_regular(mode: int, or_pipe: bool) -> None:
    kind = what_else(mode)
    if kind is not None and not (or_pipe and kind == "a pipe"):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")


def named_path(name: str | Path) -> Path:
    """The path that a user names. An empty name, as from an unset variable, would otherwise mean the current folder.

    Raises
    ------
    RunError
        The name is empty.
    """
    if not str(name):
        raise RunError("'': the name is empty; perhaps a variable is not set")
    return Path(name)


def make_folder(path: Path) -> Path:
    """Create a folder, and those above it, unless it exists.

    Raises
    ------
    Fault
        If it cannot be created, with the reason.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make the folder {path}: {error.strerror or error}") from error
    return path


def unchecked() -> None:
    """A ``check`` for ``write_file`` that finds nothing wrong."""


def write_file(path: Path, write: Callable[[Any], Any], check: Callable[[], object] = unchecked) -> None:
    """Write a temporary file, sync it and rename it, so that a crash leaves the old file whole.

    The file keeps the old one's permissions; a new file gets those of the umask.

    Parameters
    ----------
    path : pathlib.Path
        The file, in a folder that exists.
    write : callable
        Called with the open binary file.
    check : callable
        Called at the last moment; it raises if the file must not be written after all, for example because the folder
        was replaced. If that happens after the check, renaming fails, since the temporary file is in the old folder.

    Raises
    ------
    Fault
        If it cannot be written, with the reason; the old file at ``path`` is still there.
    """
    temporary = path.with_name(f".{path.name[:MOST_OF_A_NAME]}.{MARK}{secrets.token_hex(8)}")
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
            check()
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
        raise OSError(errno.EINVAL, "it exists already and is not a regular file")
    return stat.S_IMODE(mode)


def is_temporary(name: str, final: str) -> bool:
    """Whether a file of that name is a temporary file that a killed ``write_file`` left when writing ``final``."""
    return re.fullmatch(rf"\.{re.escape(final[:MOST_OF_A_NAME])}\.{MARK}[0-9a-f]{{16}}", name) is not None


def delete_temporaries_of(names: Iterable[str], folder: Path) -> None:
    """Delete the temporary files that killed ``write_file`` calls left in a folder. Nobody may be writing these files.

    Raises
    ------
    RunError
        A file cannot be deleted.
    """
    finals = list(names)
    delete_all(path for path in folder.iterdir() if any(is_temporary(path.name, final) for final in finals))


def delete_all(paths: Iterable[Path]) -> None:
    """Delete files, some of which may be gone already; RunError if one cannot be deleted."""
    for path in list(paths):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot delete {path}: {error.strerror or error}") from error


def write_json(path: Path, values: Any, check: Callable[[], object] = unchecked) -> None:
    """Write indented JSON, whole or not at all."""
    write_file(path, lambda file: file.write((as_json(values) + "\n").encode()), check)


def as_json(values: Any) -> str:
    """Indented JSON. Numbers that are not finite become null, since JSON cannot represent them."""
    return json.dumps(_finite(values), indent=2, allow_nan=False)


def _finite(values: Any) -> Any:
    if hasattr(values, "tolist"):  # a NumPy number or array
        values = values.tolist()
    if isinstance(values, Mapping):
        return {name: _finite(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values

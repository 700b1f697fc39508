"""Ownership of a folder: one process at a time, by a lock on a file that ends with the process."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import Fault, RunError, marked
from ..files import read_small_file, what_else

LOCK = ".lock"
# A file system without locks; there each process works as if it were alone.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
LOOK_SECONDS = 0.02  # longer than a call of `is_held`
LOCKED_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so this one is beyond the text


class Lock:
    """A lock on a file with the holder's process number, held until ``release`` or the end of the process."""

    def __init__(self, path: Path, descriptor: int):
        self.path, self._descriptor, self._process = path, descriptor, os.getpid()

    def sign(self) -> None:
        """Write the process number; if that fails, the file is deleted."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{self._process}\n".encode())
        except OSError:
            self.release()
            raise

    def check(self) -> None:
        """Called before anything is written next to the lock: the folder may have been moved or made anew.

        Raises
        ------
        Fault
            The file at the lock's path is no longer the locked one.
        """
        if not _is_at(self._descriptor, self.path):
            gone = "the folder is no longer this run's (it was moved or deleted)"
            raise Fault(f"{self.path.parent}: {gone}; nothing was written")

    def release(self) -> None:
        """Delete the file and release the lock; a second call does nothing."""
        if self._descriptor < 0:
            return
        # A forked child does not own the lock. And the folder may have been moved, with another in its place.
        if os.getpid() == self._process and _is_at(self._descriptor, self.path):
            with suppress(OSError):
                os.unlink(self.path)
        # First -1: an interrupt between the two must not close the number twice.
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def __del__(self) -> None:
        self.release()


def lock(path: Path) -> Lock | None:
    """Lock a file, made if necessary; None if another process, or another call in this one, holds the lock.

    Raises
    ------
    RunError
        The file cannot be written, or is not a lock but a user's file.
    """
    # A link in a run's folder must not lead to another file that is written, and a pipe must not block.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        while True:
            descriptor = os.open(path, flags, 0o666)
            try:
                if not _is_free(descriptor):
                    break
                if _is_at(descriptor, path):  # the last holder did not delete it between opening and locking
                    _refuse_what_is_no_lock(descriptor)
                    held, descriptor = Lock(path, descriptor), -1
                    held.sign()
                    return held
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error
    return None


def is_held(path: Path) -> bool:
    """Whether the lock of a file is held now. Nothing is written, and a missing file is not made."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        return what_else(os.fstat(descriptor).st_mode) is None and not _is_free(descriptor, looks=True)
    finally:
        os.close(descriptor)


def _refuse_what_is_no_lock(descriptor: int) -> None:
    """Raise OSError for a file that the lock's text must not overwrite."""
    if (kind := what_else(os.fstat(descriptor).st_mode)) is not None:
        raise OSError(errno.EINVAL, f"it is {kind}")
    if not re.fullmatch(rb"\d{0,20}\n?", os.read(descriptor, 30)):
        raise OSError(errno.EEXIST, "it is a file of somebody's own")
    os.lseek(descriptor, 0, os.SEEK_SET)


def own(folder: Path) -> Lock:
    """The lock of a folder in which a run is trained, or a sweep started.

    Raises
    ------
    RunError
        Another process has it (the error names its number), or the folder cannot be written.
    """
    held = lock(folder / LOCK)
    if held is None:
        holder = _holder(folder / LOCK)
        time.sleep(LOOK_SECONDS)
        held = lock(folder / LOCK)  # once more, because somebody may only have looked with `is_held`
    if held is None:
        raise RunError(f"{folder}: in use by {holder}")
    return held


def is_empty(folder: Path) -> bool:
    """Whether a folder is empty, except perhaps for a lock."""
    return all(path.name == LOCK for path in folder.iterdir())


def own_new(folder: Path) -> tuple[Path, Lock]:
    """A new folder, made and owned: ``folder``, or with -2, -3, .. appended to its name.

    If several processes ask at once, each gets its own.
    """
    count, path = 1, folder
    made = _missing(folder.parent)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with suppress(FileExistsError):
                path.mkdir()
                made.insert(0, path)
                if held := lock(path / LOCK):
                    return path, held
            count += 1
            path = folder.with_name(f"{folder.name}-{count}")
    except OSError as error:
        _remove_empty(made)
        raise _cannot_make(path, error) from error
    except RunError:
        _remove_empty(made)
        raise


def _missing(folder: Path) -> list[Path]:
    """The folders that have to be made, from the innermost outwards."""
    return [each for each in (folder, *folder.parents) if not os.path.lexists(each)]


def _remove_empty(folders: list[Path]) -> None:
    """Delete folders made for nothing; a folder that is not empty by now stays."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def own_given(out: str, go_on: str, may_be_taken: Callable[[Path], bool] = is_empty) -> tuple[Path, Lock]:
    """The folder that ``--out`` names, made if necessary, and owned.

    Parameters
    ----------
    out : str
        The folder.
    go_on : str
        What to type to continue what is in it; empty if there is nothing to continue.
    may_be_taken : callable
        Whether the content of a folder is not in the way.

    Raises
    ------
    RunError
        It is not a folder, is not empty, cannot be written, or another process has it.
    """
    folder = Path(out)
    check_given(out, go_on, may_be_taken)  # before a lock is written into a folder that is not ours
    made, held = _missing(folder), None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = own(folder)
        check_given(out, go_on, may_be_taken)  # once more, because now nobody else can change it
    except BaseException as error:
        if held is not None:
            held.release()
        _remove_empty(made)
        if isinstance(error, OSError):
            raise _cannot_make(folder, error) from error
        raise
    return folder, held


def check_given(out: str, go_on: str, may_be_taken: Callable[[Path], bool] = is_empty) -> None:
    """Raise RunError if ``own_given`` would, because of what already exists."""
    if not out:
        raise RunError("`--out ''`: the name is empty; name a folder")
    folder = Path(out)
    try:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{marked('out', out)}: this is a file; name a folder")
        if folder.is_dir() and not may_be_taken(folder):
            or_go_on = f", or {go_on}" if go_on else ""
            raise RunError(f"{marked('out', out)}: it exists already; name another folder{or_go_on}")
    except OSError as error:
        raise RunError(f"{marked('out', out)}: cannot read it: {error.strerror or error}") from error


def _cannot_make(folder: Path, error: OSError) -> RunError:
    return RunError(f"{marked('out', folder)}: cannot write there: {error.strerror or error}")


def _holder(path: Path) -> str:
    for _ in range(10):
        with suppress(OSError):
            number = read_small_file(path, 30).strip()
            if number.isdigit():
                return f"process {number.decode()}"
        time.sleep(0.01)  # the holder has just taken the lock and is about to write its number
    return "another process"


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _is_free(descriptor: int, looks: bool = False) -> bool:
    """Whether the lock is now ours; a process that only ``looks`` shares it with others that look."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            os.lseek(descriptor, 0, os.SEEK_SET)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if looks else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in NO_LOCKS
    return True

"""The rows of .npy files, read from the disk when they are needed.

The files are not mapped: mapped pages count as memory of the process, and a limit on addresses forbids the mapping.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np

from ..errors import DataError
from .folders import reason
from .images import channels_last

GAP = 8192  # bytes between two rows that are read with them, as a second read takes longer
RUN = 1 << 22  # bytes of one read, about
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@dataclass(frozen=True)
class Header:
    """What a .npy file says about its array.

    Attributes
    ----------
    path : pathlib.Path
    shape : tuple of int
    dtype : numpy.dtype
    fortran : bool
        Whether the array is stored column by column.
    offset, size : int
        Bytes before the array, and in the whole file.
    modified : int
        When the file was written, in ns.
    place : (int, int)
        Its device and inode.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    offset: int
    size: int
    modified: int
    place: tuple[int, int]

    @property
    def bytes(self) -> int:
        """Of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(path: Path) -> Header | None:
    """The header of a .npy file; None if it cannot be read, in which case numpy.load says why."""
    try:
        with open(path, "rb") as file:
            shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            known = os.fstat(file.fileno())
            return Header(path, shape, dtype, fortran, file.tell(), known.st_size, known.st_mtime_ns, _place(known))
    except Exception:  # numpy raises almost any exception for a damaged file
        return None


@dataclass(frozen=True)
class NpyFiles:
    """The rows of one or more .npy files, one file after the other.

    Attributes
    ----------
    name : str
        Name of the data in errors.
    parts : tuple of Header
        Of equal dtype and shape, except for the number of rows; stored row by row.
    channels : str
        ``first`` or ``last``, for images with four axes; empty to detect it.
    """

    name: str
    parts: tuple[Header, ...]
    channels: str = ""

    def __len__(self) -> int:
        return sum(part.shape[0] for part in self.parts)

    @property
    def dtype(self) -> np.dtype:
        """The files'."""
        return self.parts[0].dtype

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of a row from `read` before it is flattened: the channels of an image come last."""
        shape = self.parts[0].shape[1:]
        if len(shape) < 3:
            return shape
        return channels_last(np.broadcast_to(np.zeros((), self.dtype), (1, *shape)), self.name, self.channels).shape[1:]

    @property
    def row_bytes(self) -> int:
        """Of a row in the file."""
        return math.prod(self.parts[0].shape[1:]) * self.dtype.itemsize

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The rows with these numbers (n,), in this order, as (n, dx) in the dtype of the files.

        Raises
        ------
        DataError
            A file changed after its header was read, or cannot be read.
        """
        stored = self.parts[0].shape[1:]
        out = np.empty((len(rows), math.prod(stored)), self.dtype)
        order = np.argsort(rows, kind="stable")
        ascending, first = rows[order], 0
        for part in self.parts:
            begin, end = np.searchsorted(ascending, (first, first + part.shape[0]))
            if begin < end:
                _read_part(part, ascending[begin:end] - first, order[begin:end], out)
            first += part.shape[0]
        if len(stored) < 3:
            return out
        images = channels_last(out.reshape(len(rows), *stored), self.name, self.channels)
        return images.reshape(len(rows), -1)


def _read_part(part: Header, rows: np.ndarray, places: np.ndarray, out: np.ndarray) -> None:
    """Write the rows of a part, in ascending order, to their places in ``out``."""
    size, flat = out.strides[0], out.view(np.uint8)
    whole = memoryview(flat).cast("B")
    edges = _edges(rows, size)
    offsets = (part.offset + rows[edges[:-1]] * size).tolist()
    spans = ((rows[edges[1:] - 1] - rows[edges[:-1]] + 1) * size).tolist()
    direct = _lie_together(rows, places, edges).tolist()
    try:
        with open(part.path, "rb", buffering=0, opener=_without_waiting) as file:
            _check_unchanged(part, file)
            _advise(file, offsets, spans)
            for i, (offset, span) in enumerate(zip(offsets, spans, strict=True)):
                if direct[i]:
                    to = int(places[edges[i]]) * size
                    _fill(part, file, offset, whole[to : to + span])
                    continue
                run, these = np.empty(span, np.uint8), slice(edges[i], edges[i + 1])
                _fill(part, file, offset, memoryview(run))
                flat[places[these]] = run.reshape(-1, size)[rows[these] - rows[edges[i]]]
            _check_unchanged(part, file)
    except OSError as error:
        raise DataError(f"{part.path}: can no longer be read ({reason(error)})") from None


def _edges(rows: np.ndarray, size: int) -> np.ndarray:
    """Where stretches of ascending rows begin, and the end; the rows of a stretch are near enough for one read."""
    steps = np.diff(rows)
    apart = steps * size > GAP + size
    if size < RUN:
        apart |= np.diff(rows * size // RUN) > 0
    else:
        apart |= steps > 0
    return np.concatenate([[0], np.flatnonzero(apart) + 1, [len(rows)]])


def _lie_together(rows: np.ndarray, places: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """For each stretch, whether its rows are contiguous both in the file and at their destination."""
    follows = (np.diff(rows) == 1) & (np.diff(places) == 1)
    others = np.concatenate([[0], np.cumsum(~follows)])  # steps before a row that are no such
    return others[edges[1:] - 1] == others[edges[:-1]]


def _without_waiting(path: str, flags: int) -> int:
    """Open without blocking: the file may have become a pipe without a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _place(known: os.stat_result) -> tuple[int, int]:
    return known.st_dev, known.st_ino


def _check_unchanged(part: Header, file: FileIO) -> None:
    now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns, _place(now)) != (part.size, part.modified, part.place):
        raise DataError(f"{part.path}: the file changed while it was being read; it must stay as it is until the end")


def _advise(file: FileIO, offsets: list[int], spans: list[int]) -> None:
    """Tell the system what is read next, so that a disk can read it all at once."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # not every file system accepts advice
            for offset, span in zip(offsets, spans, strict=True):
                os.posix_fadvise(file.fileno(), offset, span, os.POSIX_FADV_WILLNEED)


def _fill(part: Header, file: FileIO, offset: int, view: memoryview) -> None:
    while len(view):
        if hasattr(os, "preadv"):
            count = os.preadv(file.fileno(), [view], offset)
        else:
            file.seek(offset)
            count = file.readinto(view)
        if not count:
            _check_unchanged(part, file)
            raise DataError(f"{part.path}: the file is incomplete")
        view, offset = view[count:], offset + count

"""Reads .npz files with care: an array's dtype and shape are read from its header before any of its data."""

from __future__ import annotations

import ast
import math
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RunError

_MAGIC = b"\x93NUMPY\x01\x00"
SMALL = 10_000  # bytes of a member that is read at once
_PLAIN = re.compile(r"[<>|=][biufU]\d{1,9}")  # numbers and texts, without objects, records and dates


@dataclass(frozen=True)
class Header:
    """An array's header.

    Attributes
    ----------
    dtype : numpy.dtype or None
        None for a dtype of neither numbers nor texts.
    shape : tuple of int
    fortran : bool
        Whether the first index is the fastest.
    size : int
        Bytes of the header.
    """

    dtype: np.dtype | None
    shape: tuple[int, ...]
    fortran: bool
    size: int

    @property
    def data_size(self) -> int:
        """Bytes of the data."""
        return 0 if self.dtype is None else math.prod(self.shape) * self.dtype.itemsize


class Npz:
    """The arrays of an open .npz file, by name; `opened` makes one."""

    def __init__(self, path: Path, file: zipfile.ZipFile):
        self.path, self._file = path, file
        self._headers: dict[str, Header] = {}
        self._small: dict[str, bytes] = {}  # the data behind the headers of small arrays

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self._file.NameToInfo

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def header(self, name: str) -> Header:
        """The header of an array, which must exist."""
        if name not in self._headers:
            info = self._file.getinfo(f"{name}.npy")
            with self._file.open(info) as member:
                self._headers[name] = _read_header(member)
                if info.file_size <= SMALL:
                    self._small[name] = member.read()
        return self._headers[name]

    def read(self, name: str) -> np.ndarray:
        """An array of numbers or texts."""
        header, info = self.header(name), self._file.getinfo(f"{name}.npy")
        if header.dtype is None or info.file_size != header.size + header.data_size:
            raise ValueError(f"{name} is not as long as its header says")
        data = self._small.get(name)
        if data is None:
            with self._file.open(info) as member:
                member.read(header.size)
                data = member.read(header.data_size)
                member.read(1)  # at the end the checksum is checked
        array = np.frombuffer(data, header.dtype, math.prod(header.shape))
        return array.reshape(header.shape, order="F" if header.fortran else "C")


@contextmanager
def opened(path: Path) -> Iterator[Npz]:
    """Open an .npz file.

    Raises
    ------
    RunError
        The file cannot be read or is not a complete .npz file, whenever in the block this is found.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            yield Npz(path, archive)
    except (RunError, MemoryError):
        raise
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # zipfile, zlib and ast raise nearly anything for a damaged file
        raise RunError(f"{path}: the file is damaged: not a whole .npz file") from error


def _read_header(member: Any) -> Header:
    start = member.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC:
        raise ValueError("no array of format 1.0")
    (length,) = struct.unpack("<H", start[len(_MAGIC) :])
    return _header(member.read(length), len(start) + length)


@lru_cache(maxsize=1000)  # most headers are those of other runs' arrays too
def _header(text: bytes, size: int) -> Header:
    said = ast.literal_eval(text.decode("latin-1").strip())
    shape = said["shape"] if isinstance(said, Mapping) else None
    if not isinstance(shape, tuple) or not all(type(width) is int and width >= 0 for width in shape):
        raise ValueError("the header has no shape")
    descr = said["descr"]
    plain = isinstance(descr, str) and _PLAIN.fullmatch(descr)
    return Header(np.dtype(descr) if plain else None, shape, said["fortran_order"] is True, size)

"""A .npy file or a folder of them: an array in memory or, if memory has no room, points on disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .. import memory
from ..errors import DataError, counted
from .images import IMAGE_ENDINGS, channels_last
from .npy_files import Header, NpyFiles, read_header
from .on_disk import OnDisk

ENDING = ".npy"


def holds_parts(folder: str | Path) -> bool:
    """Whether a folder has .npy files."""
    return any(name.lower().endswith(ENDING) for name in _visible(folder))


def _visible(folder: str | Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def parts_of(folder: str | Path) -> tuple[list[Path], list[str]]:
    """The .npy files of a folder, in the order of their names, and a line about its other files.

    Raises
    ------
    DataError
        The folder also has images.
    """
    names = _visible(folder)
    found = [name for name in names if name.lower().endswith(ENDING)]
    if any(name.lower().endswith(IMAGE_ENDINGS) for name in names):
        raise DataError(f"{folder}: the folder has both images and {ENDING} files; keep only one kind")
    others = len(names) - len(found)
    notes = [f"{folder}: all but its {counted(len(found), f'{ENDING} file')} is left out"]
    return [Path(folder) / name for name in found], notes if others else []


def on_disk(paths: list[Path], name: str, channels: str = "") -> tuple[OnDisk, str] | None:
    """The points of .npy files, left on disk, and a line that says so; None if there is memory for them.

    Raises
    ------
    DataError
        They do not fit in memory and cannot be read row by row.
    """
    headers = [header for path in paths if (header := read_header(path)) is not None]
    if len(headers) < len(paths) or not headers or any(header.dtype.kind not in "biuf" for header in headers):
        return None  # numpy.load says what it is
    values, itemsize = sum(header.bytes // header.dtype.itemsize for header in headers), headers[0].dtype.itemsize
    if memory.of_points(values, itemsize) <= memory.room_for_points():
        return None
    for header in headers:
        _check(header, headers[0])
    files = NpyFiles(name, tuple(header for header in headers if header.shape[0] > 0), channels)
    if not files.parts or not files.row_bytes:
        raise DataError(f"{name}: is empty, of shape {headers[0].shape}; expected points")
    files.row_shape  # noqa: B018 - refuses images whose channels are not clear
    _check_order(files)
    size = sum(header.bytes for header in files.parts)
    return OnDisk(files, files.dtype), f"{name}: {memory.shown(size)}, read from the disk batch by batch"


def _check_order(files: NpyFiles) -> None:
    """Raise DataError if even the random order of the rows does not fit in memory."""
    need, there = memory.of_order(len(files)), memory.available()
    if there is not None and need > there:
        raise DataError(
            f"{files.name}: the order of its {len(files)} rows alone would take about {memory.shown(need)} of memory, "
            f"there are {memory.shown(there)}; use a file with fewer rows"
        )


def _check(header: Header, first: Header) -> None:
    """Raise DataError unless the rows of a part can be read one by one and are like those of the first part."""
    size, path = memory.shown(header.bytes), header.path
    if header.size < header.offset + header.bytes:
        there = header.size - header.offset
        raise DataError(f"{path}: cannot be read to its array's end: it has {header.bytes} bytes, there are {there}")
    _check_alike(header.path, header.shape, header.dtype, first.path, first.shape, first.dtype)
    if len(header.shape) not in (2, 3, 4):
        raise DataError(
            f"{path}: {size} of shape {header.shape} do not fit in memory; only points in rows, of shape (N, dx), "
            "can be read from the disk"
        )
    if header.fortran and min(header.shape[0], header.bytes // max(1, header.shape[0] * header.dtype.itemsize)) > 1:
        raise DataError(
            f"{path}: {size}, too large for the memory, are stored column by column (Fortran order); rows can be read "
            "from the disk: numpy.save(FILE, numpy.ascontiguousarray(ARRAY)) stores it so"
        )


def _check_alike(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, first: Path, its_shape: tuple[int, ...], its_dtype: np.dtype
) -> None:
    if shape[1:] != its_shape[1:] or len(shape) != len(its_shape) or dtype != its_dtype:
        raise DataError(
            f"{path}: all parts must have the same width and dtype; {first.name} has {its_dtype} of shape {its_shape}, "
            f"{path.name} {dtype} of shape {shape}"
        )


def join(paths: list[Path], arrays: list[np.ndarray], name: str, channels: str) -> np.ndarray:
    """The arrays of a folder's parts, joined in memory.

    Raises
    ------
    DataError
        They differ in width or dtype.
    """
    for path, array in zip(paths, arrays, strict=True):
        _check_alike(path, array.shape, array.dtype, paths[0], arrays[0].shape, arrays[0].dtype)
    if arrays[0].ndim == 0:
        raise DataError(f"{paths[0]}: has shape (); expected points")
    whole = np.concatenate(arrays)
    return channels_last(whole, name, channels) if whole.ndim == 4 else whole

"""The BLAS that numpy has already loaded, for the engines to call without Python."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy  # noqa: F401, to load its BLAS


class _Library(NamedTuple):
    """An OpenBLAS, and the form of its names."""

    handle: ctypes.CDLL
    prefix: str
    suffix: str
    bits: int

    def function(self, name: str) -> Any:
        return getattr(self.handle, f"{self.prefix}{name}{self.suffix}")


# numpy's wheels, scipy-openblas with 32-bit integers, Debian's ILP64, conda and Linux distributions.
_SPELLINGS = (("scipy_", "64_", 64), ("scipy_", "", 32), ("", "64_", 64), ("", "", 32))
_NEEDED = ("openblas_set_num_threads", "openblas_get_num_threads", "cblas_sgemm", "cblas_dgemm")


@cache
def _library() -> _Library | None:
    """Look a name up in numpy's own extension module, which searches the libraries it was linked with."""
    names = "numpy._core._multiarray_umath", "numpy.core._multiarray_umath"
    path = next((sys.modules[name].__file__ for name in names if name in sys.modules), None)
    if path is None or os.name == "nt":
        return None
    try:
        handle = ctypes.CDLL(path)
    except OSError:
        return None
    for spelling in _SPELLINGS:
        library = _Library(handle, *spelling)
        try:
            # If the number of a BLAS's threads cannot be reduced, they would compete with ours for the cores.
            for name in _NEEDED:
                library.function(name)
        except AttributeError:
            continue
        return library
    return None


def _active() -> _Library | None:
    return None if os.environ.get("MINIDECOMP_NO_BLAS") == "1" else _library()


def find(real: str) -> tuple[int, int, str] | None:
    """The matrix product for ``real``, 'float' or 'double': its address, the bits of its integers, its name.

    None if numpy has no OpenBLAS, or if MINIDECOMP_NO_BLAS=1.
    """
    library = _active()
    if library is None:
        return None
    name = {"float": "cblas_sgemm", "double": "cblas_dgemm"}[real]
    address = ctypes.cast(library.function(name), ctypes.c_void_p).value
    assert address is not None
    return address, library.bits, f"{library.prefix}{name}{library.suffix}"


def config() -> str:
    """The BLAS's description of itself, for ``--version --verbose``."""
    library = _active()
    if library is None:
        return "own kernels"
    try:
        describe = library.function("openblas_get_config")
    except AttributeError:
        return "OpenBLAS"
    describe.restype = ctypes.c_char_p
    return describe().decode()


_lock = threading.Lock()
_engines = 0
_threads_before = 1


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit the BLAS to one thread while any engine computes, as engines have their own threads."""
    global _engines, _threads_before
    library = _active()
    if library is None:
        yield
        return
    with _lock:
        if _engines == 0:
            _threads_before = library.function("openblas_get_num_threads")()
            if _threads_before != 1:
                library.function("openblas_set_num_threads")(1)
        _engines += 1
    try:
        yield
    finally:
        with _lock:
            _engines -= 1
            if _engines == 0 and _threads_before != 1:
                library.function("openblas_set_num_threads")(_threads_before)

"""Files that hold named arrays: .mat of MATLAB and .h5 of HDF5, and files that are refused with advice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..packages import pip_install

HDF5_ENDINGS = (".h5", ".hdf5")
CONTAINER_ENDINGS = (".mat", *HDF5_ENDINGS)
TORCH_ENDINGS = (".pt", ".pth")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SPARSE = {"format", "shape", "data"}


def chosen_name(path: str | Path, names: Sequence[str], wanted: str | None) -> str:
    """The name of the array to read: the only one, or the one that was requested.

    Raises
    ------
    DataError
        There are several and none was requested, or there is none of that name.
    """
    shown = ", ".join(list(names)[:30]) + (", .." if len(names) > 30 else "")
    if wanted is None and len(names) != 1:
        raise DataError(f"{path}: has {len(names)} arrays; choose one with `--array`: {shown or 'none'}")
    if wanted is not None and wanted not in names:
        raise DataError(f"{path}: has no array named {wanted}; it has: {shown or 'none'}")
    return names[0] if wanted is None else wanted


def refuse_sparse(path: str | Path, names: Sequence[str]) -> None:
    """Raise DataError if the names are those of a sparse matrix that scipy wrote."""
    if set(names) >= _SPARSE:
        raise DataError(
            f"{path}: this is a sparse matrix of scipy; convert it in Python: "
            f"numpy.save('dense.npy', scipy.sparse.load_npz('{Path(path).name}').toarray())"
        )


def refuse_torch(path: str | Path) -> None:
    """Raise DataError: reading a file of torch needs torch, and may run any program."""
    stem = Path(path).stem
    raise DataError(
        f"{path}: this is a file of torch; convert it: "
        f"numpy.save('{stem}.npy', torch.load('{Path(path).name}', weights_only=True).numpy())"
    )


def named_arrays(path: Path, ending: str) -> dict[str, Callable[[], np.ndarray]]:
    """Functions that read the arrays of a .npy, .npz, .mat or .h5 file, by name; the name is empty for .npy.

    Raises
    ------
    DataError
        It is not such a file, it is sparse, or h5py is missing.
    """
    if ending in HDF5_ENDINGS:
        return _of_hdf5(path)
    return _of_mat(path) if ending == ".mat" else _of_numpy(path)


def _of_numpy(path: Path) -> dict[str, Callable[[], np.ndarray]]:
    with open(path, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if not start.startswith((b"\x93NUMPY", b"PK")):  # np.load would take it for a pickle
            found = f"starts with {start!r}" if start else "is empty"
            raise DataError(f"{path}: {found}; expected a file written by numpy.save or numpy.savez")
        if start.startswith(b"\x93"):
            return {"": lambda: np.asarray(np.load(path, allow_pickle=False))}
        names = np.load(file, allow_pickle=False).files
    refuse_sparse(path, names)
    return {name: partial(_member, path, name) for name in names}


def _member(path: Path, name: str) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file[name])


def _of_mat(path: Path) -> dict[str, Callable[[], np.ndarray]]:
    """Of MATLAB 4 to 7.3."""
    with open(path, "rb") as file:
        start = file.read(600)
    if start[:8] == _HDF5 or start[512:520] == _HDF5:
        # MATLAB writes its first index fastest, HDF5 names the last so: the axes come in reverse order.
        return {name: partial(lambda read: read().T, read) for name, read in _of_hdf5(path).items()}

    def read(name: str) -> np.ndarray:
        found = io.loadmat(path, variable_names=[name])[name]
        if not isinstance(found, np.ndarray):
            raise DataError(f"{path}: {name} is a sparse matrix; in MATLAB, full({name}) makes it a full one")
        return found

    io = import_module("scipy.io")
    return {name: partial(read, name) for name, _, _ in io.whosmat(path)}


def _of_hdf5(path: Path) -> dict[str, Callable[[], np.ndarray]]:
    """By their paths in the file."""
    try:
        h5py: Any = import_module("h5py")
    except ImportError as error:
        raise DataError(
            f"{path}: reading HDF5 needs h5py ({error.name or error}); {pip_install('minidecomp[images]')}"
        ) from None

    def read(name: str) -> np.ndarray:
        with h5py.File(path, "r") as file:
            return np.asarray(file[name][()])

    names: list[str] = []
    with h5py.File(path, "r") as file:
        file.visititems(_collector(names, h5py.Dataset))
    return {name: partial(read, name) for name in names}


def _collector(names: list[str], dataset: type) -> Callable[[str, Any], None]:
    """Note the arrays of a file, except those under #refs#, which MATLAB keeps for itself."""

    def note(name: str, thing: Any) -> None:
        if isinstance(thing, dataset) and not name.startswith("#"):
            names.append(name)

    return note

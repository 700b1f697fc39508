"""Files that hold arrays by name: MATLAB's .mat and HDF5's .h5, and those that are refused with the way out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

HDF5_ENDINGS = (".h5", ".hdf5")
CONTAINER_ENDINGS = (".mat", *HDF5_ENDINGS)
TORCH_ENDINGS = (".pt", ".pth")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SPARSE = {"format", "shape", "data"}


def chosen_name(path: str | Path, names: Sequence[str], wanted: str | None) -> str:
    """The array to take of those in a file: the only one, or the one that is wanted.

    Raises
    ------
    DataError
        There are several and none is wanted, or there is none of that name.
    """
    shown = ", ".join(list(names)[:30]) + (", .." if len(names) > 30 else "")
    if wanted is None and len(names) != 1:
        raise DataError(f"{path}: has {len(names)} arrays; choose by --array one of: {shown or 'none'}")
    if wanted is not None and wanted not in names:
        raise DataError(f"{path}: has no array named {wanted}; it has: {shown or 'none'}")
    return names[0] if wanted is None else wanted


def refuse_sparse(path: str | Path, names: Sequence[str]) -> None:
    """Raise DataError if the names are those in a sparse matrix that scipy wrote."""
    if set(names) >= _SPARSE:
        raise DataError(
            f"{path}: is a sparse matrix of scipy, and whole arrays are needed; in Python: "
            f"numpy.save('dense.npy', scipy.sparse.load_npz('{Path(path).name}').toarray())"
        )


def refuse_torch(path: str | Path) -> None:
    """Raise DataError: a file of torch's cannot be read without torch, and may run any program."""
    stem = Path(path).stem
    raise DataError(
        f"{path}: is a file of torch's, which is not read here; with torch: "
        f"numpy.save('{stem}.npy', torch.load('{Path(path).name}', weights_only=True).numpy())"
    )


def read_mat(path: str | Path, wanted: str | None = None) -> np.ndarray:
    """An array of a .mat file, of MATLAB 4 to 7.3.

    Raises
    ------
    DataError
        There is no such array, it is sparse, or h5py, which 7.3 needs, is missing.
    """
    with open(path, "rb") as file:
        start = file.read(600)
    if start[:8] == _HDF5 or start[512:520] == _HDF5:
        # MATLAB writes its first index fastest, HDF5 names the last so: the axes come in reverse order.
        return read_hdf5(path, wanted).T
    io = import_module("scipy.io")
    names = [name for name, _, _ in io.whosmat(path)]
    name = chosen_name(path, names, wanted)
    found = io.loadmat(path, variable_names=[name])[name]
    if not isinstance(found, np.ndarray):
        raise DataError(
            f"{path}: {name} is a sparse matrix, and whole arrays are needed; full({name}) in MATLAB is one"
        )
    return found


def read_hdf5(path: str | Path, wanted: str | None = None) -> np.ndarray:
    """An array of an HDF5 file, by its path in the file.

    Raises
    ------
    DataError
        There is no such array, or h5py is missing.
    """
    try:
        h5py: Any = import_module("h5py")
    except ImportError as error:
        raise DataError(
            f"{path}: reading HDF5 needs h5py ({error.name or error}); pip install 'minidecomp[images]'"
        ) from None
    with h5py.File(path, "r") as file:
        names: list[str] = []
        file.visititems(_collector(names, h5py.Dataset))
        return np.asarray(file[chosen_name(path, names, wanted)][()])


def _collector(names: list[str], dataset: type) -> Callable[[str, Any], None]:
    """Notes the arrays of a file; what stands under #refs# MATLAB keeps for itself."""

    def note(name: str, thing: Any) -> None:
        if isinstance(thing, dataset) and not name.startswith("#"):
            names.append(name)

    return note

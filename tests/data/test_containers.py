"""Arrays by name in .mat and .h5 files, and files that are refused with the way out."""

import sys

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from minidecomp.data.containers import chosen_name, named_arrays, refuse_sparse, refuse_torch
from minidecomp.errors import DataError

X = np.random.default_rng(0).normal(size=(5, 3))


def read(path, name=None):
    """The array that is chosen."""
    arrays = named_arrays(path, path.suffix)
    return arrays[chosen_name(path, list(arrays), name)]()


def test_mat(tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": X})
    np.testing.assert_array_equal(read(path), X)
    scipy.io.savemat(path, {"x": X, "y": X + 1, "s": scipy.sparse.csr_matrix(X)})
    np.testing.assert_array_equal(read(path, "y"), X + 1)
    with pytest.raises(DataError, match=r"has 3 arrays; choose one with array: x, y, s"):
        read(path)
    with pytest.raises(DataError, match=r"no array named z; it has: x, y, s"):
        read(path, "z")
    with pytest.raises(DataError, match=r"s is a sparse matrix.*full\(s\)"):
        read(path, "s")


def test_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["images/train"] = X
    np.testing.assert_array_equal(read(path), X)
    with h5py.File(path, "a") as file:
        file["labels"] = np.arange(5)
    with pytest.raises(DataError, match="array: images/train, labels"):
        read(path)
    np.testing.assert_array_equal(read(path, "images/train"), X)
    # MATLAB 7.3 is HDF5 with the axes in reverse order.
    with h5py.File(tmp_path / "x.mat", "w", userblock_size=512) as file:
        file["x"] = X.T
    np.testing.assert_array_equal(read(tmp_path / "x.mat"), X)


def test_without_h5py_one_line_says_what_helps(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"needs h5py.*pip install .pillow>=10. .h5py"):
        read(tmp_path / "x.h5")


def test_what_is_refused_says_how_to_save_it(tmp_path):
    path = tmp_path / "s.npz"
    scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(X))
    with np.load(path) as arrays, pytest.raises(DataError, match=r"sparse matrix.*load_npz\('s.npz'\).toarray"):
        refuse_sparse(path, arrays.files)
    refuse_sparse(path, ["data", "labels"])
    with pytest.raises(DataError, match=r"torch.load\('x.pt', weights_only=True\).numpy"):
        refuse_torch(tmp_path / "x.pt")

"""What can be known of the CuPy device without a GPU: how it calls cuBLAS, and what it makes of a full memory."""

import ctypes
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidecomp.engines.device import CupyDevice
from minidecomp.errors import Fault


def column_major_gemm(handle, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """BLAS as its standard has it, on addresses: C (m, n) = alpha op(A) op(B) + beta C, all stored by columns."""
    assert handle == "the handle"
    assert lda >= (k if trans_a else m) and ldb >= (n if trans_b else k) and ldc >= m

    def stored(address, leading, columns):
        count = leading * columns
        return np.ctypeslib.as_array((ctypes.c_double * count).from_address(address)).reshape(columns, leading).T

    A = stored(a, lda, m if trans_a else k)[: k if trans_a else m]
    B = stored(b, ldb, k if trans_b else n)[: n if trans_b else k]
    C = stored(c, ldc, n)[:m]
    alpha, beta = (ctypes.c_double.from_address(each).value for each in (alpha, beta))
    C[...] = alpha * (A.T if trans_a else A) @ (B.T if trans_b else B) + beta * C


class Array:
    """A NumPy array with a CuPy array's address."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape
        self.data = types.SimpleNamespace(ptr=array.ctypes.data)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), [(3, 5, 7), (1, 4, 2), (6, 1, 1)])
def test_products_are_row_major(m, n, k, trans_a, trans_b, add):
    rng = np.random.default_rng(0)
    a, b, out = (
        rng.normal(size=(k, m) if trans_a else (m, k)),
        rng.normal(size=(n, k) if trans_b else (k, n)),
        rng.normal(size=(m, n)),
    )
    expected = (a.T if trans_a else a) @ (b.T if trans_b else b) + (out if add else 0)
    cublas = types.SimpleNamespace(gemm=column_major_gemm, handle="the handle")
    fake = types.SimpleNamespace(_cublas=cublas, _one=np.ones(1), _zero=np.zeros(1))
    CupyDevice.product(fake, Array(a), Array(b), Array(out), trans_a=trans_a, trans_b=trans_b, add=add)()
    assert_allclose(out, expected)


def test_a_full_memory_is_said():
    class OutOfMemoryError(Exception):
        pass

    def make(*shape):
        raise OutOfMemoryError("Out of memory allocating 4,294,967,296 bytes")

    memory = types.SimpleNamespace(memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError))
    fake = types.SimpleNamespace(xp=types.SimpleNamespace(cuda=memory))
    with pytest.raises(Fault, match=r"the GPU's memory is full \(Out of memory allocating 4,294"):
        CupyDevice._within_memory(fake, make, 2**30)

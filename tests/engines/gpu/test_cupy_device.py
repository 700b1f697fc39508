"""What can be known of the CuPy device without a GPU: how it calls cuBLAS."""

import ctypes
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidecomp.engines.device import CupyDevice


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


def test_a_write_is_one_plain_copy_on_the_current_stream():
    """CuPy's assignment would launch a kernel of its own."""
    calls = []

    class Pointer:
        def copy_from_host_async(self, address, size):
            calls.append(("host", address, size))

        def copy_from_device_async(self, pointer, size):
            calls.append(("device", pointer, size))

    target, host = types.SimpleNamespace(data=Pointer()), np.arange(3)
    on_the_device = types.SimpleNamespace(data=Pointer(), nbytes=16)
    CupyDevice.write(None, target, host)
    CupyDevice.write(None, target, on_the_device)
    assert calls == [("host", host.ctypes.data, 24), ("device", on_the_device.data, 16)]

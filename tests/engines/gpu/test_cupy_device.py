"""What can be known of the CuPy device without a GPU: how it calls cuBLAS, and how its two streams wait."""

import ctypes
import types
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidecomp.engines.device import CupyDevice
from minidecomp.engines.gpu_program import Program


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
    device = types.SimpleNamespace(_sources=[])
    CupyDevice.write(device, target, host)
    CupyDevice.write(device, target, on_the_device)
    assert len(device._sources) == 1
    assert calls == [("host", host.ctypes.data, 24), ("device", on_the_device.data, 16)]


def test_what_is_copied_is_kept_until_the_first_stream_was_waited_for():
    """CUDA may read pageable memory after the call that copies it has returned."""
    kept = []
    device = types.SimpleNamespace(
        _sources=[], _stream=types.SimpleNamespace(synchronize=lambda: kept.append(len(device._sources)))
    )
    device.xp = types.SimpleNamespace(asnumpy=lambda array, stream: kept.append((len(device._sources), stream)))
    target = types.SimpleNamespace(data=types.SimpleNamespace(copy_from_host_async=lambda address, size: None))
    for _ in range(2):
        CupyDevice.write(device, target, np.zeros(3))
    CupyDevice.finish(device)
    CupyDevice.write(device, target, np.zeros(3))
    CupyDevice.to_host(device, target)
    assert kept == [2, (1, device._stream)] and not device._sources


# ---- two streams ----


class Recorded:
    """A stream or an event that writes down what is asked of it."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def __enter__(self):
        self.log.append(f"on {self.name}:")

    def __exit__(self, *_):
        self.log.append(f"{self.name} is left")

    def record(self, stream):
        self.log.append(f"{self.name} after {stream.name}")

    def wait_event(self, event):
        self.log.append(f"{self.name} waits for {event.name}")

    def begin_capture(self):
        self.log.append("capture")

    def end_capture(self):
        self.log.append("captured")
        return types.SimpleNamespace(launch=lambda stream: self.log.append(f"launched on {stream.name}"))


def on_two_streams():
    """A CuPy device without CUDA, and the list that it writes into."""
    device, log = CupyDevice.__new__(CupyDevice), []
    device._stream, device._second = Recorded("first", log), Recorded("second", log)
    device._forked, device._joined, device._is_apart = Recorded("fork", log), Recorded("join", log), False
    device._captures = True
    device._one = device._zero = np.ones(1)
    for name in ("_cublas", "_cublas_aside"):
        setattr(device, name, types.SimpleNamespace(handle=name, gemm=lambda handle, *_: log.append(handle)))
    return device, log


FORK, LEFT = ["fork after first", "second waits for fork", "on second:"], ["second is left"]
JOIN = ["join after second", "first waits for join"]


def test_aside_waits_for_the_first_stream_and_the_first_for_what_is_aside():
    device, log = on_two_streams()
    call, wait = device.aside(partial(log.append, "a"), partial(log.append, "b")), device.wait_for_aside()
    for each in (wait, call, call, wait, wait):
        each()
    assert log == [*FORK, "a", "b", *LEFT, *FORK, "a", "b", *LEFT, *JOIN]


def test_a_product_aside_has_the_second_stream_s_handle():
    device, log = on_two_streams()
    a = Array(np.ones((2, 2)))
    for aside in (False, True):
        device.product(a, a, a, aside=aside)()
    assert log == ["_cublas", *FORK, "_cublas_aside", *LEFT]


def test_a_capture_begins_and_ends_with_nothing_aside():
    """CUDA refuses a graph that leaves a branch open, or that waits for work which is not in it."""
    device, log = on_two_streams()
    put = device.aside(partial(log.append, "a"))
    put()
    graph = device.graph([put, partial(log.append, "b")])
    assert log == [*FORK, "a", *LEFT, *JOIN, "capture", *FORK, "a", *LEFT, "b", *JOIN, "captured"]
    log.clear()
    device.graph([device.wait_for_aside(), put, device.wait_for_aside()])
    assert log == ["capture", *FORK, "a", *LEFT, *JOIN, "captured"]
    log.clear()
    graph()
    assert log == ["launched on first"]


def test_what_fails_aside_is_waited_for():
    device, log = on_two_streams()
    with pytest.raises(ZeroDivisionError):
        device.aside(lambda: 1 / 0)()
    log.clear()
    device.wait_for_aside()()
    assert log == JOIN


def test_where_nothing_can_be_captured_steps_are_launched_and_a_note_says_so():
    device, log = on_two_streams()
    device.queue, device.zeros = device._stream, lambda *shape: Array(np.zeros(shape))
    refused = type("CUDARuntimeError", (Exception,), {"__module__": "cupy_backends.cuda.api.runtime"})

    def begin_capture():
        raise refused("cudaErrorStreamCaptureUnsupported: operation not permitted\nmore")

    device._stream.begin_capture = begin_capture
    device._try_a_graph()
    [note] = device.notes
    assert note == (
        "CUDA graphs do not work here (cudaErrorStreamCaptureUnsupported: operation not permitted), "
        "so steps are launched one by one, which is slower"
    )
    log.clear()
    assert device.graph([partial(log.append, "a")]) is None and log == []
    program, taken = Program(device, [partial(log.append, "step")]), []
    for call in program.calls(20):
        taken.append(call())
    assert log == ["step"] * 20

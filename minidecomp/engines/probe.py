"""Whether a GPU can be used here: each part that training needs is tried once, in a process."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np

from ..packages import extra_packages, is_installed, pip_install
from .device import Cublas
from .faults import first_line

# Without a header: our kernels have none, as NVRTC does not always find the system's.
KERNEL = 'extern "C" __global__ void probe(float* x) { x[0] = 7; }'


def has_cupy() -> bool:
    """Whether CuPy is installed. It is not imported, which takes a second."""
    return is_installed("cupy")


@cache
def missing() -> str | None:
    """Why no GPU can be used here and what to do about it, in a line; None if one can be used."""
    if not has_cupy():
        return f"it needs CuPy: {_install()}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy warns in many lines of what is said here in one
        for attempt, failure, can_be_installed in ATTEMPTS:
            try:
                attempt()
            except Exception as error:  # CUDA's error classes cannot be named without CuPy
                advice = f"; {_install()}" if can_be_installed or isinstance(error, ImportError) else ""
                return f"{failure} ({first_line(error)}){advice}"
    return None


def describe() -> str:
    """The GPU and the CuPy that would be used, or why there is none."""
    if reason := missing():
        return f"none; {reason}"
    import cupy

    device = cupy.cuda.Device()
    name = cupy.cuda.runtime.getDeviceProperties(device.id)["name"].decode()
    return f"{name}, compute capability {device.compute_capability}, CuPy {cupy.__version__}"


def _install() -> str:
    """How to install CuPy for each version of CUDA."""
    return f"{pip_install('minidecomp[gpu]')} (for CUDA 13: {' '.join(extra_packages('gpu-cuda13'))})"


def _load() -> None:
    import cupy  # noqa: F401


def _find() -> None:
    import cupy

    if cupy.cuda.runtime.getDeviceCount() == 0:
        raise RuntimeError("it counts none")


def _allocate() -> None:
    import cupy

    cupy.zeros(1, np.float32)


def _launch() -> None:
    import cupy

    x = cupy.zeros(1, np.float32)
    cupy.RawKernel(KERNEL, "probe", options=("--std=c++17",))((1,), (1,), (x,))
    _expect(cupy.asnumpy(x), 7)


def _multiply() -> None:
    import cupy

    a, b, out = cupy.array([2], np.float32), cupy.array([3], np.float32), cupy.zeros(1, np.float32)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    blas = Cublas(cupy, np.dtype(np.float32), cupy.cuda.get_current_stream().ptr)
    ends = (one.ctypes.data, a.data.ptr, 1, b.data.ptr, 1, zero.ctypes.data, out.data.ptr, 1)
    blas.gemm(blas.handle, 0, 0, 1, 1, 1, *ends)
    _expect(cupy.asnumpy(out), 6)


def _expect(found: np.ndarray, value: float) -> None:
    if found[0] != value:
        raise RuntimeError(f"the result is {found[0]:g}, not {value:g}")


# What is tried, in turn; what is said if it fails; and whether the packages of CuPy and CUDA may mend it.
ATTEMPTS: tuple[tuple[Callable[[], None], str, bool], ...] = (
    (_load, "CuPy cannot be loaded", True),
    (_find, "CuPy finds no NVIDIA GPU here", False),
    (_allocate, "the GPU cannot be used", False),
    (_launch, "CuPy cannot compile and run a kernel; it needs NVRTC", True),
    (_multiply, "cuBLAS does not work", True),
)

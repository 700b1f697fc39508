"""What the GPU engine is built on: CuPy's arrays, cuBLAS, and the kernels of ``_core/kernels.cu``."""

from __future__ import annotations

import ctypes
import re
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import codes
from .faults import CudaError, as_fault, first_line

Call = Callable[[], object]


def source() -> str:
    """The kernels' text with the text of all their includes, because CuPy's cache compares only the text."""
    return _with_includes("kernels.cu")


def _with_includes(name: str) -> str:
    """The text of a file in the core's folder, with the text of its includes of our own files in their place."""
    lines = (Path(_core.__file__).parent / name).read_text("utf-8").splitlines()
    for i, line in enumerate(lines):
        if include := re.fullmatch(r'#include "(gpu/\w+\.cuh|formulas\.h|codes\.h)"', line):
            lines[i] = f'#line 1 "{include[1]}"\n{_with_includes(include[1])}#line {i + 2} "{name}"'
    return "\n".join([*lines, ""])


class Parameter(NamedTuple):
    """A parameter of a kernel: ``const real* z`` has kind real, is a pointer, has the name z, and is not written to."""

    kind: str
    pointer: bool
    name: str
    constant: bool


def signatures(text: str) -> dict[str, list[Parameter]]:
    """The parameters of every kernel in a CUDA source text, by the kernel's name."""
    found = {}
    for kernel, parameters in re.findall(r"MD_(?:SMALL_)?KERNEL (\w+)\((.*?)\)", text, re.DOTALL):
        parts = (
            re.fullmatch(r"(const )?(\w+) (\*?)(?:__restrict__ )?(\w+)", each.strip()) for each in parameters.split(",")
        )
        found[kernel] = [Parameter(p[2], bool(p[3]), p[4], bool(p[1])) for p in parts if p is not None]
    return found


class Device:
    """Arrays, products and kernels. ``CupyDevice`` is the real one; tests replace it with NumPy and g++.

    Attributes
    ----------
    xp : module
        cupy, or numpy.
    dtype : numpy.dtype
        The type that the kernels call ``real``: float32 or float64.
    """

    xp: Any
    block = codes.GPU_BLOCK  # the largest number of threads in a block
    most_rows = 2**14  # encoded or decoded at once
    blocks_together: int  # how many blocks of a large kernel can run at once; 0 if it has no barriers of all blocks
    queue: AbstractContextManager[Any] = nullcontext()  # open while anything is allocated, copied or launched
    notes: tuple[str, ...] = ()  # what a user should know about this device

    def __init__(self, dtype: Any):
        self.dtype = np.dtype(dtype)
        self.lock = threading.Lock()  # held by the engine that works on it
        self._types = {
            "real": self.dtype,
            "double": np.dtype(np.float64),
            "int": np.dtype(np.int32),
            "int64_t": np.dtype(np.int64),
            "uint8_t": np.dtype(np.uint8),
        }
        self._signatures = signatures(source())

    def bind(self, name: str, grid: tuple[int, int], block: int, arguments: Mapping[str, Any]) -> Call:
        """A call that launches a kernel over ``grid`` blocks of ``block`` threads.

        Parameters
        ----------
        arguments : mapping
            A value for each of the kernel's parameters under the parameter's name; it may hold others.

        Raises
        ------
        KeyError, TypeError
            If one is missing or does not match the signature; the kernel itself would not notice.
        """
        return self._bind(name, grid, block, self._in_order(name, arguments))

    def bind_together(
        self, name: str, block: int, arguments: Mapping[str, Any], constants: Mapping[str, int] | None = None
    ) -> Call:
        """A call that launches a kernel whose blocks, ``blocks_together`` of them, all run at once.

        Its threads can wait for those of all blocks. Otherwise it is like ``bind``.

        Parameters
        ----------
        constants : mapping, optional
            What the compiler is told: values of the macros that the kernel is compiled with, alone.
        """
        return self._bind_together(name, block, self._in_order(name, arguments), constants or {})

    def _in_order(self, name: str, arguments: Mapping[str, Any]) -> list[Any]:
        """A kernel's arguments in the order of its parameters, checked."""
        return [self._checked(name, parameter, arguments[parameter.name]) for parameter in self._signatures[name]]

    def _checked(self, kernel: str, parameter: Parameter, argument: Any) -> Any:
        kind, pointer, name, _ = parameter
        if not pointer:
            return self._types[kind].type(argument)
        if kind != "void" and argument.dtype != self._types[kind]:
            raise TypeError(f"{kernel}: {name} must be an array of {kind}, not {argument.dtype}")
        if not argument.flags.c_contiguous:
            raise TypeError(f"{kernel}: {name} must be C-contiguous")
        return argument

    def block_for(self, width: int) -> int:
        """The smallest power of two, 32 or more, that gives a thread to each of ``width`` numbers."""
        return min(self.block, max(32, 1 << (width - 1).bit_length()))

    def address(self, array: Any) -> int:
        """Where a device array begins in the device's memory."""
        raise NotImplementedError

    def array(self, host: Any, dtype: Any = None) -> Any:
        """A copy on the device of a host array, in the device's dtype or the given one."""
        return self.xp.array(host, dtype=self.dtype if dtype is None else dtype)

    def write(self, array: Any, source: Any) -> None:
        """Copy a host or a device array into a device array of the same shape and dtype; both are C-contiguous."""
        array[...] = source

    def zeros(self, *shape: int, dtype: Any = None) -> Any:
        """Zeros of that shape on the device, in the device's dtype or the given one."""
        return self.xp.zeros(shape, self.dtype if dtype is None else dtype)

    def to_host(self, array: Any) -> np.ndarray:
        """A copy on the host of a device array, once all earlier calls are done."""
        raise NotImplementedError

    def finish(self) -> None:
        """Wait until all earlier calls are done. What others get must be there: they do not wait for the queue."""
        raise NotImplementedError

    def product(
        self,
        a: Any,
        b: Any,
        out: Any,
        *,
        trans_a: bool = False,
        trans_b: bool = False,
        add: bool = False,
        aside: bool = False,
    ) -> Call:
        """A call that computes out = op(a) op(b), or adds it to out, where op transposes or does nothing.

        With ``aside`` it is put aside, as by ``aside``, which does not take products.
        """
        raise NotImplementedError

    def aside(self, *calls: Call) -> Call:
        """A call that puts launches of kernels aside: they begin, in their order, when all calls before are done.

        Calls after it do not wait for them, so these must not write what they use, or use what they write, before
        ``wait_for_aside``. Launches and products that are put aside later wait for them.
        """
        raise NotImplementedError

    def wait_for_aside(self) -> Call:
        """A call that makes all calls after it wait for what was put aside.

        It must come before anything is copied to or from the host.
        """
        raise NotImplementedError

    def graph(self, calls: list[Call]) -> Call | None:
        """One call that does all of ``calls`` with the same results; None if the device cannot.

        At its end nothing is aside.
        """
        raise NotImplementedError

    def _bind(self, name: str, grid: tuple[int, int], block: int, arguments: list[Any]) -> Call:
        raise NotImplementedError

    def _bind_together(self, name: str, block: int, arguments: list[Any], constants: Mapping[str, int]) -> Call:
        raise NotImplementedError


WORKSPACE = 32 * 2**20  # bytes; what cuBLAS asks for on the largest cards


class Cublas:
    """Products by cuBLAS on one stream, with a handle and a workspace of their own.

    cuBLAS promises the same bits only where no two streams share a workspace.

    CuPy's own functions set the stream at every call, which a stream that is being captured does not allow, so the
    library that CuPy has loaded is called directly.
    """

    def __init__(self, cupy: Any, dtype: np.dtype, stream: int):
        from cupy.cuda import cublas

        version = cupy.cuda.runtime.runtimeGetVersion() // 1000
        name = f"cublas64_{version}.dll" if sys.platform == "win32" else f"libcublas.so.{version}"
        self.handle = cublas.create()
        weakref.finalize(self, cublas.destroy, self.handle).atexit = False
        self._library = ctypes.CDLL(name)
        self._workspace = cupy.empty(WORKSPACE, np.uint8)
        handle = ctypes.c_void_p(self.handle)
        self._checked("cublasSetStream_v2")(handle, ctypes.c_void_p(stream))
        self._checked("cublasSetWorkspace_v2")(
            handle, ctypes.c_void_p(self._workspace.data.ptr), ctypes.c_size_t(WORKSPACE)
        )
        self.gemm = self._checked("cublasSgemm_v2" if dtype == np.float32 else "cublasDgemm_v2")
        pointer, number = ctypes.c_void_p, ctypes.c_int
        self.gemm.argtypes = [pointer, *[number] * 5, pointer, *[pointer, number] * 2, pointer, pointer, number]

    def _checked(self, name: str) -> Any:
        function = self._library[name]
        function.restype = ctypes.c_int
        function.errcheck = _check_cublas
        return function


def _check_cublas(status: Any, function: Any, arguments: Any) -> Any:
    if status != 0:
        raise CudaError(f"cuBLAS: {function.__name__} failed with status {status}")
    return status


class CupyDevice(Device):
    """The NVIDIA GPU that CuPy uses; CUDA_VISIBLE_DEVICES chooses among several. The engine makes its errors faults."""

    def __init__(self, dtype: Any):
        import cupy

        super().__init__(dtype)
        self.xp = cupy
        self.queue = self._stream = cupy.cuda.Stream(non_blocking=True)
        self._second = cupy.cuda.Stream(non_blocking=True)
        self._forked, self._joined = (cupy.cuda.Event(disable_timing=True) for _ in range(2))
        self._is_apart = False  # whether the first stream does not wait yet for something on the second
        self._sources: list[np.ndarray] = []  # that copies to the device may still read
        self._module = self._compiled()
        self._modules: dict[tuple[str, ...], Any] = {}  # by their macros
        with self.queue:
            self._cublas = Cublas(cupy, self.dtype, self._stream.ptr)
            self._cublas_aside = Cublas(cupy, self.dtype, self._second.ptr)
        self._one, self._zero = np.ones(1, self.dtype), np.zeros(1, self.dtype)
        card = cupy.cuda.Device()
        can = card.attributes.get("CooperativeLaunch", 1) and int(card.compute_capability) >= 70
        self.blocks_together = card.attributes["MultiProcessorCount"] if can else 0
        self._captures = True
        self._try_a_graph()

    def _compiled(self, *macros: str) -> Any:
        """The kernels, compiled when one of them is first used; CuPy keeps the machine code in a cache on disk."""
        real = "float" if self.dtype == np.float32 else "double"
        return self.xp.RawModule(code=source(), options=(f"-DMINIDECOMP_REAL={real}", "--std=c++17", *macros))

    def address(self, array: Any) -> int:
        return int(array.data.ptr)

    def write(self, array: Any, source: Any) -> None:
        """A plain copy on the current stream. CuPy's own assignment would launch, and first compile, a kernel."""
        if isinstance(source, np.ndarray):
            array.data.copy_from_host_async(source.ctypes.data, source.nbytes)
            self._sources.append(source)
        else:
            array.data.copy_from_device_async(source.data, source.nbytes)

    def to_host(self, array: Any) -> np.ndarray:
        on_host: np.ndarray = self.xp.asnumpy(array, stream=self._stream)
        self._sources.clear()
        return on_host

    def finish(self) -> None:
        self._stream.synchronize()
        self._sources.clear()

    def _try_a_graph(self) -> None:
        """Whether products on both streams can be captured; if not, a note says why."""
        with self.queue:
            a, b, c = (self.zeros(1, 1) for _ in range(3))
            products = [self.product(a, a, b), self.product(a, a, c, aside=True)]
            for call in (*products, self._join):  # which loads what a capture cannot load
                call()
            try:
                self._captured(products)()
                self._stream.synchronize()
            except Exception as error:
                if as_fault(error) is None:
                    raise
                self._captures, self._is_apart = False, False
                why = f"CUDA graphs do not work here ({first_line(error)})"
                self.notes = (f"{why}, so steps are launched one by one, which is slower",)

    def graph(self, calls: list[Call]) -> Call | None:
        """A CUDA graph of the calls. What is put aside becomes branches of it."""
        if not self._captures:
            return None
        self._join()
        try:
            return self._captured(calls)
        except Exception as error:
            # Another library that waits for the whole device, for example, spoils a capture.
            if as_fault(error) is None:
                raise
            self._is_apart = False
            return None

    def _captured(self, calls: list[Call]) -> Call:
        self._stream.begin_capture()
        try:
            for call in calls:
                call()
            self._join()
        except BaseException:
            with suppress(Exception):
                self._stream.end_capture()
            raise
        return partial(self._stream.end_capture().launch, self._stream)

    def aside(self, *calls: Call) -> Call:
        """Launches on a second stream."""
        return partial(self._put_aside, calls)

    def wait_for_aside(self) -> Call:
        return self._join

    def _put_aside(self, calls: tuple[Call, ...]) -> None:
        self._forked.record(self._stream)
        self._second.wait_event(self._forked)
        try:
            with self._second:
                for call in calls:
                    call()
        finally:
            self._is_apart = True

    def _join(self) -> None:
        """The first stream waits for the second, unless it does already: a graph cannot wait for what is not in it."""
        if self._is_apart:
            self._is_apart = False
            self._joined.record(self._second)
            self._stream.wait_event(self._joined)

    def product(
        self,
        a: Any,
        b: Any,
        out: Any,
        *,
        trans_a: bool = False,
        trans_b: bool = False,
        add: bool = False,
        aside: bool = False,
    ) -> Call:
        """cuBLAS is column-major: a row-major out = a b is its out^T = b^T a^T, in the same memory."""
        rows, columns = out.shape
        inner = a.shape[0] if trans_a else a.shape[1]
        cublas = self._cublas_aside if aside else self._cublas
        multiply = partial(
            cublas.gemm,
            cublas.handle,
            int(trans_b),
            int(trans_a),
            columns,
            rows,
            inner,
            self._one.ctypes.data,
            b.data.ptr,
            b.shape[1],
            a.data.ptr,
            a.shape[1],
            (self._one if add else self._zero).ctypes.data,
            out.data.ptr,
            columns,
        )
        return self.aside(multiply) if aside else multiply

    def _bind(self, name: str, grid: tuple[int, int], block: int, arguments: list[Any]) -> Call:
        return partial(self._module.get_function(name), grid, (block,), tuple(arguments))

    def _bind_together(self, name: str, block: int, arguments: list[Any], constants: Mapping[str, int]) -> Call:
        macros = tuple(sorted(f"-D{name}={value}" for name, value in constants.items()))
        if macros not in self._modules:
            self._modules[macros] = self._compiled(*macros)
        kernel = partial(self._modules[macros].get_function(name).kernel, enable_cooperative_groups=True)
        return partial(kernel, (self.blocks_together, 1), (block,), tuple(arguments))

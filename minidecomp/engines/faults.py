"""Errors of CUDA and its libraries become a Fault, which is shown as one line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from ..errors import Fault

CUPY = ("cupy", "cupy_backends", "cupyx")  # the packages that have the errors of CUDA, cuBLAS and NVRTC
T = TypeVar("T")


class CudaError(RuntimeError):
    """A function of CUDA's libraries that is called directly, not through CuPy, has failed."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or the name of its class."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def as_fault(error: Exception) -> Fault | None:
    """The Fault for an error of CUDA or its libraries; None for any other error, which is left as it is.

    The error's class tells, by its module: it cannot be named where CuPy is not installed. A library that CuPy loads
    late and does not find is an ImportError.
    """
    kind = type(error)
    if kind.__module__.partition(".")[0] not in CUPY and not isinstance(error, CudaError | ImportError):
        return None
    what = "the GPU's memory is full" if kind.__name__ == "OutOfMemoryError" else "the GPU failed"
    return Fault(f"{what} ({first_line(error)}); use `--engine cpu`")


def raises_faults(engine: type[T]) -> type[T]:
    """A class decorator: errors of CUDA leave the public methods, and the making of an object, as a Fault."""
    for name, method in list(vars(engine).items()):
        if isinstance(method, FunctionType) and (name == "__init__" or not name.startswith("_")):
            setattr(engine, name, _raising_faults(method))
    return engine


def _raising_faults(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any, **more: Any) -> Any:
        try:
            return method(*arguments, **more)
        except Exception as error:
            if fault := as_fault(error):
                raise fault from error
            raise

    return call

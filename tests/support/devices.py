"""The devices that the GPU engine's tests run on: NumPy and g++ everywhere, and a GPU where there is one."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import COMPILER, EmulatedDevice

from minidecomp.engines.device import CupyDevice
from minidecomp.engines.probe import missing

NO_GPU = missing()  # asked once, before tests pretend that there is, or is no, CuPy

# Without a GPU one test says so (test_gpu_chosen), not each of hundreds.
KINDS = ("emulated",) if NO_GPU else ("emulated", pytest.param("gpu", marks=pytest.mark.gpu))


def make_device(kind: str, dtype: Any, **given: Any) -> Any:
    """A device of that kind, or a skip that says what there is not.

    What a test does with arrays itself, it does ``with device.queue``: CuPy's own stream waits for no other.
    """
    if kind == "gpu":
        if NO_GPU:
            pytest.skip(f"no GPU: {NO_GPU}")
        return CupyDevice(dtype)
    if COMPILER is None:
        pytest.skip("no g++ to compile the kernels with")
    return EmulatedDevice(dtype, **given)

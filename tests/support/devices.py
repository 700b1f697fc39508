"""The devices that the GPU engine's tests run on: NumPy and g++ everywhere, and a GPU where there is one."""

from __future__ import annotations

from typing import Any

import pytest
from emulated import COMPILER, EmulatedDevice

from minidecomp.engines.device import CupyDevice
from minidecomp.engines.probe import missing

why_no_gpu = missing

# Without a GPU one test says so (test_gpu_chosen), not each of hundreds.
KINDS = ("emulated",) if why_no_gpu() else ("emulated", pytest.param("gpu", marks=pytest.mark.gpu))


def make_device(kind: str, dtype: Any, **given: Any) -> Any:
    """A device of that kind, or a skip that says what there is not."""
    if kind == "gpu":
        if reason := why_no_gpu():
            pytest.skip(f"no GPU: {reason}")
        device = CupyDevice(dtype)
        device.queue.use()  # for what a test does with arrays itself
        return device
    if COMPILER is None:
        pytest.skip("no g++ to compile the kernels with")
    return EmulatedDevice(dtype, **given)

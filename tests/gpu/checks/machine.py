"""What the machine is: the device, its driver, CUDA, CuPy, and what minidecomp says about them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

from .running import of_command_line

PROPERTIES = {  # of cupy.cuda.runtime.getDeviceProperties
    "multiprocessors": "multiProcessorCount",
    "memory, bytes": "totalGlobalMem",
    "L2 cache, bytes": "l2CacheSize",
    "shared memory of a block, bytes": "sharedMemPerBlockOptin",
    "registers of a multiprocessor": "regsPerMultiprocessor",
}


def describe() -> dict[str, Any]:
    """The device and the software, or why there is none."""
    from minidecomp.engines.probe import missing

    if reason := missing():
        return {"missing": reason}
    import cupy
    import numpy as np

    import minidecomp
    from benchmarks import machine

    runtime, device = cupy.cuda.runtime, cupy.cuda.Device()
    properties = runtime.getDeviceProperties(device.id)
    known = {label: properties[name] for label, name in PROPERTIES.items() if name in properties}
    return {
        "device": properties["name"].decode(),
        "compute capability": device.compute_capability,
        **known,
        "driver": driver(),
        "CUDA of the driver": runtime.driverGetVersion(),
        "CUDA runtime": runtime.runtimeGetVersion(),
        "NVRTC": ".".join(map(str, cupy.cuda.nvrtc.getVersion())),
        "CuPy": cupy.__version__,
        "NumPy": np.__version__,
        "minidecomp": minidecomp.__version__,
        **{name: machine.describe()[name] for name in ("processor", "cores", "system", "python", "date")},
    }


def driver() -> str:
    """The driver's version, if nvidia-smi is there to say it."""
    if shutil.which("nvidia-smi") is None:
        return "unknown (no nvidia-smi)"
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return (run.stdout.splitlines() or ["unknown"])[0].strip()


def version() -> str:
    """What ``minidecomp --version --verbose`` prints."""
    command = [sys.executable, "-m", "minidecomp", "--version", "--verbose"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()


if __name__ == "__main__":
    findings, _ = of_command_line()
    found = describe()
    findings.set("machine", found)
    if "missing" not in found:
        findings.set("version", version())

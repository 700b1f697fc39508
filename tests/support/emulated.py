"""NumPy in CuPy's place, and the kernels' own source compiled by g++ (cuda_on_cpu.h) in the GPU's."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minidecomp import _core
from minidecomp.engines.device import Call, Device, signatures, source

HERE = Path(__file__).parent
COMPILER = shutil.which("g++") or shutil.which("c++")


def wrappers(text: str) -> str:
    """For each kernel a function that takes the grid and the kernel's arguments."""
    lines = []
    for name, parameters in signatures(text).items():
        declared = ", ".join(f"{p.kind} {'*' if p.pointer else ''}{p.name}_" for p in parameters)
        passed = ", ".join(f"{p.name}_" for p in parameters)
        grid = "unsigned gx_, unsigned gy_, unsigned threads_, int reversed_, int together_"
        lines.append(
            f'extern "C" int run_{name}({grid}, {declared}) '
            f"{{ return md_launch(gx_, gy_, threads_, reversed_, together_, [=] {{ {name}({passed}); }}); }}"
        )
    return "\n".join(lines)


@functools.cache
def library(real: str) -> ctypes.CDLL:
    """The kernels for float or double, built by the first of the tests' processes that needs them."""
    folder = Path(os.environ["TESTS_SHARED_FOLDER"])
    built = folder / f"kernels_{real}.so"
    with open(folder / f"kernels_{real}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            build(real, built)
    return ctypes.CDLL(str(built))


def build(real: str, built: Path) -> None:
    """Compile the kernels; a warning is an error."""
    text, written = source(), built.with_suffix(".cpp")
    written.write_text(f"{text}\n{wrappers(text)}\n")
    command = [str(COMPILER), "-O2", "-std=c++17", "-shared", "-fPIC", "-U_FORTIFY_SOURCE"]
    command += ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-fno-math-errno"]
    command += [f"-DMINIDECOMP_REAL={real}", f"-DMINIDECOMP_{real.upper()}=1", "-DMINIDECOMP_NO_CLONES=1"]
    command += ["-include", str(HERE / "cuda_on_cpu.h"), f"-I{Path(_core.__file__).parent}"]
    run = subprocess.run([*command, str(written), "-o", str(built)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


class EmulatedDevice(Device):
    """The CPU as a GPU. ``block``, the most threads of one, and the order they run in are free."""

    xp = np
    most_rows = 64

    def __init__(self, dtype: Any, block: int = 64, reverse: bool = False):
        super().__init__(dtype)
        self.block, self.reverse = block, reverse
        self._library = library("float" if self.dtype == np.float32 else "double")
        self.launches = 0
        self.blocks_together = 3

    def address(self, array: Any) -> int:
        return int(array.ctypes.data)

    def to_host(self, array: Any) -> np.ndarray:
        return array.copy()

    def product(
        self, a: Any, b: Any, out: Any, *, trans_a: bool = False, trans_b: bool = False, add: bool = False
    ) -> Call:
        def multiply() -> None:
            self.launches += 1
            with np.errstate(all="ignore"):
                result = (a.T if trans_a else a) @ (b.T if trans_b else b)
            out[...] = out + result if add else result

        return multiply

    def graph(self, calls: list[Call]) -> Call:
        def replay() -> None:
            for call in calls:
                call()

        return replay

    def _bind_together(self, name: str, block: int, arguments: list[Any], constants: Mapping[str, int]) -> Call:
        """With no constants: the same text serves all models."""
        return self._bind(name, (self.blocks_together, 1), block, arguments, together=True)

    def _bind(self, name: str, grid: tuple[int, ...], block: int, arguments: list[Any], together: bool = False) -> Call:
        function = getattr(self._library, f"run_{name}")
        assert all(1 <= size < 2**31 for size in grid) and grid[1] < 65536, (name, grid)
        assert block & (block - 1) == 0, (name, block)
        kinds = {"i": {4: ctypes.c_int, 8: ctypes.c_int64}, "f": {8: ctypes.c_double}}
        passed = [
            ctypes.c_void_p(each.ctypes.data)
            if isinstance(each, np.ndarray)
            else kinds[each.dtype.kind][each.dtype.itemsize](each.item())
            for each in arguments
        ]

        def launch() -> None:
            self.launches += 1
            sizes = (ctypes.c_uint(size) for size in (*grid, block))
            if function(*sizes, int(self.reverse), int(together), *passed):
                raise AssertionError(f"{name}: a barrier that not all threads reach")
            _ = arguments  # the memory that `passed` points at stays

        return launch

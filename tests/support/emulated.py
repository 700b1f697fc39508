"""NumPy in CuPy's place, and the kernels' own source compiled by g++ (cuda_on_cpu.h) in the GPU's."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidecomp import _core
from minidecomp.engines.device import Call, Device, Parameter, signatures, source

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


class Use(NamedTuple):
    """A stretch of memory that a launch reads or writes."""

    begin: int
    end: int
    written: bool

    def is_in_the_way_of(self, other: Use) -> bool:
        return (self.written or other.written) and self.begin < other.end and other.begin < self.end


def use(array: np.ndarray, written: bool) -> Use:
    return Use(array.ctypes.data, array.ctypes.data + array.nbytes, written)


def uses_of(name: str, parameters: list[Parameter], arguments: list[Any]) -> list[Use]:
    """What a kernel reads and writes, by its parameters' types."""
    pairs = zip(arguments, parameters, strict=True)
    uses = [use(array, not parameter.constant) for array, parameter in pairs if isinstance(array, np.ndarray)]
    if name != "add_bias_parts":
        return uses
    *uses, whole = uses  # of the gradient it writes the biases alone
    places, size = arguments[-2], arguments[-1].itemsize
    return [*uses, *(Use(whole.begin + at, whole.begin + at + size, True) for at in (places * size).tolist())]


@dataclass
class Launch:
    """A call that reads and writes what ``uses`` says."""

    device: EmulatedDevice
    name: str
    uses: list[Use]
    run: Callable[[], object]

    def __call__(self) -> None:
        self.device.launches += 1
        self.device.check_beside(self)
        self.run()


class EmulatedDevice(Device):
    """The CPU as a GPU. ``block``, the most threads of one, and the order they run in are free.

    What is put aside runs at once or, if ``late``, when other calls wait for it. In between no launch may write what it
    uses, or use what it writes.
    """

    xp = np
    most_rows = 64

    def __init__(self, dtype: Any, block: int = 64, reverse: bool = False, late: bool = False):
        super().__init__(dtype)
        self.block, self.reverse, self.late = block, reverse, late
        self._apart: list[Launch] = []  # that the next launch may overlap
        self._waiting: list[Launch] = []
        self._runs_aside = False
        self._library = library("float" if self.dtype == np.float32 else "double")
        self.launches = 0
        self.blocks_together = 3

    def address(self, array: Any) -> int:
        return int(array.ctypes.data)

    def write(self, array: Any, source: Any) -> None:
        assert not self._apart
        super().write(array, source)

    def to_host(self, array: Any) -> np.ndarray:
        assert not self._apart
        return array.copy()

    def finish(self) -> None:
        assert not self._apart

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
        def multiply() -> None:
            with np.errstate(all="ignore"):
                result = (a.T if trans_a else a) @ (b.T if trans_b else b)
            out[...] = out + result if add else result

        launch = Launch(self, "product", [use(a, False), use(b, False), use(out, True)], multiply)
        return functools.partial(self._put_aside, (launch,)) if aside else launch

    def aside(self, *calls: Call) -> Call:
        assert all(isinstance(call, Launch) and call.name != "product" for call in calls)
        return functools.partial(self._put_aside, calls)

    def _put_aside(self, calls: tuple[Launch, ...]) -> None:
        self._apart += calls
        self._waiting += calls
        if not self.late:
            self._run_waiting()

    def wait_for_aside(self) -> Call:
        return self._join

    def _join(self) -> None:
        self._run_waiting()
        self._apart.clear()

    def _run_waiting(self) -> None:
        self._runs_aside = True
        for call in self._waiting:
            call()
        self._waiting.clear()
        self._runs_aside = False

    def check_beside(self, launch: Launch) -> None:
        """Fail if a launch and one that it may overlap need an order."""
        for other in [] if self._runs_aside else self._apart:
            if any(a.is_in_the_way_of(b) for a in launch.uses for b in other.uses):
                raise AssertionError(f"{launch.name} may run beside {other.name}, which it shares memory with")

    def graph(self, calls: list[Call]) -> Call:
        def replay() -> None:
            for call in calls:
                call()
            self._join()

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

        def run() -> None:
            sizes = (ctypes.c_uint(size) for size in (*grid, block))
            if function(*sizes, int(self.reverse), int(together), *passed):
                raise AssertionError(f"{name}: a barrier that not all threads reach")
            _ = arguments  # the memory that `passed` points at stays

        return Launch(self, name, uses_of(name, self._signatures[name], arguments), run)

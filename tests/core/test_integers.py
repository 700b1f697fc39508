"""Sizes and steps have 64 bits: a C long, and NumPy 1's own integers, have 32 on Windows (docs/windows.md)."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from engine_cases import batch, make
from numpy.testing import assert_array_equal

from minidecomp._core import engine_float32, engine_float64
from minidecomp.engines.cpu import CpuEngine
from minidecomp.randomness import philox

# The sources, of which an installed package has a few alone.
ROOT = Path(__file__).parents[2]
CORE, PACKAGE = ROOT / "_core", ROOT / "minidecomp"
COMPILED = [path for end in ("*.h", "*.pxi", "*.pyx", "*.pxd", "*.cu") for path in sorted(CORE.glob(end))]
# NumPy's names for an integer of the size of a C long or int.
C_INTEGERS = {"int_", "uint", "long", "ulong", "intc", "uintc"}


def code_of(path):
    """A compiled file's text without comments and strings; // divides in Cython."""
    text = path.read_text("utf-8")
    if path.suffix in (".h", ".cu"):
        return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return re.sub(r'""".*?"""|"[^"\n]*"|#[^\n]*', "", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_no_compiled_text_has_a_long(path):
    """As long long alone, in the kernels' own typedefs of 64 bits."""
    code = re.sub(r"typedef (unsigned )?long long u?int64_t;", "", code_of(path))
    assert re.findall(r"[^\n]*\b(?:long|ulong|[0-9]+[uU]?[lL])\b[^\n]*", code) == []


def test_there_are_such_texts():
    assert len(COMPILED) > 20 and "int64_t" in code_of(CORE / "gemm.h")


def test_no_python_asks_numpy_for_a_long():
    for path in sorted(PACKAGE.glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            where = f"{path.name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id not in ("np", "numpy", "xp", "ctypes") or node.attr not in C_INTEGERS, where
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                types = [each.value for each in node.keywords if each.arg == "dtype"]
                # The second argument of these is a dtype, the only one of astype.
                types += node.args[1:2] if name in ("array", "asarray", "zeros", "ones", "empty") else []
                types += node.args[:1] if name == "astype" else []
                for each in types:
                    assert not (isinstance(each, ast.Name) and each.id == "int"), where


@pytest.fixture
def numpy_1_on_windows(monkeypatch):
    """Integers of 32 bits where no dtype is given, as NumPy 1 makes them on Windows."""
    arange, prod = np.arange, np.prod

    def short_arange(*args, dtype=None, **more):
        made = arange(*args, dtype=dtype, **more)
        return made.astype(np.int32) if dtype is None and made.dtype.kind == "i" else made

    def short_prod(a, *args, dtype=None, **more):
        dtype = np.int32 if dtype is None and np.asarray(a).dtype.kind == "i" else dtype
        return prod(a, *args, dtype=dtype, **more)

    monkeypatch.setattr(np, "arange", short_arange)
    monkeypatch.setattr(np, "prod", short_prod)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cpu_engine_where_numpy_s_integers_are_short(numpy_1_on_windows, dtype):
    vae, objective = make(7, dtype, hidden=(5,), latent_dim=2)
    engine, x = CpuEngine(vae, objective, max_rows=4), batch(vae, 10)
    loc, scale = engine.encode(x)
    assert loc.shape == scale.shape == (10, 2)
    assert engine.decode(loc).shape[0] == 10
    assert np.isfinite(list(engine.values(x[:4], 0, 2**62, "mmd").values())).all()
    assert engine.permutation(9, 0, 0).dtype == np.int64


def test_how_many_numbers_are_drawn_where_numpy_s_integers_are_short(numpy_1_on_windows, monkeypatch):
    asked = []

    def words(count, *_):
        asked.append(count)
        raise InterruptedError

    monkeypatch.setattr(philox, "words", words)
    for draw in (philox.uniform, philox.normal):
        with pytest.raises(InterruptedError):
            draw((2**16, 2**16), 0, 0, 0)
    assert min(asked) >= 2**32


@pytest.mark.parametrize("core", [engine_float32, engine_float64], ids=["float32", "float64"])
@pytest.mark.parametrize("start", [2**31 - 2, 2**32 + 1, 2**33 - 3])
def test_positions_beyond_32_bits(core, start):
    """The same numbers, asked for one by one and together, on both sides of 2^31 and 2^32."""
    together, one = np.empty(9, core.DTYPE), np.empty(1, core.DTYPE)
    core.normal(start, start + 9, 5, 1, 2**62, together)
    singly = []
    for i in range(9):
        core.normal(start + i, start + i + 1, 5, 1, 2**62, one)
        singly.append(one[0])
    assert_array_equal(together, np.array(singly))

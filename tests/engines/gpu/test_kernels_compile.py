"""The kernels compile to machine code: by nvcc where it is installed, by NVRTC from its wheel otherwise."""

import ctypes
import functools
import itertools
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from devices import make_device
from engine_cases import batch, draws, make, trained
from test_gpu_engine import engine_on

from minidecomp import _core
from minidecomp.data.points import Bits
from minidecomp.engines import gpu_mmd, gpu_small
from minidecomp.engines.device import signatures, source
from minidecomp.engines.probe import KERNEL

REALS = pytest.mark.parametrize("real", ["float", "double"])
NO_NVRTC = "no NVRTC: pip install nvidia-cuda-nvrtc-cu12"
# What CuPy 14 adds to the options of CupyDevice. The last one asks for a report of registers.
OPTIONS = ["--std=c++17", "-ftz=true", "--device-as-default-execution-space", "--ptxas-options=-v"]
SMALL = "train_small"  # is compiled alone, for each model
MOST_REGISTERS = 128  # of a thread: two blocks of 256 threads then fit a multiprocessor's 65,536


def nvrtc_libraries():
    spec = find_spec("nvidia")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    return sorted(path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.*"))


@functools.cache
def nvrtc_library():
    if not nvrtc_libraries():
        pytest.skip(NO_NVRTC)
    return ctypes.CDLL(str(nvrtc_libraries()[0]))


def supported_architectures():
    nvrtc, count = nvrtc_library(), ctypes.c_int()
    assert nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count)) == 0
    known = (ctypes.c_int * count.value)()
    assert nvrtc.nvrtcGetSupportedArchs(known) == 0
    return list(known)


def nvrtc_compile(text, options):
    """NVRTC's answer, 0 for a program that compiles, and what it says."""
    nvrtc, program, size = nvrtc_library(), ctypes.c_void_p(), ctypes.c_size_t()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None) == 0
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    result = nvrtc.nvrtcCompileProgram(program, len(options), given)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return result, log.value.decode()


def registers_and_spills(log):
    """From the report of the assembler: each kernel's registers a thread, and every number of bytes spilled."""
    used = re.findall(r"entry function '(\w+)'.*?Used (\d+) registers", log, re.DOTALL)
    spilled = [int(count) for count in re.findall(r"(\d+) bytes spill (?:stores|loads)", log)]
    return {kernel: int(count) for kernel, count in used}, spilled


@pytest.mark.slow  # NVRTC compiles them too, and is the one that users have
@REALS
def test_nvcc(real, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc")
    (tmp_path / "kernels.cu").write_text(source())
    command = ["nvcc", "-arch=sm_80", "-cubin", f"-DMINIDECOMP_REAL={real}", "-Werror", "all-warnings"]
    run = subprocess.run(
        [*command, "-o", str(tmp_path / "kernels.cubin"), str(tmp_path / "kernels.cu")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert not re.search(r"warning", run.stderr), run.stderr


@pytest.mark.parametrize(
    ("real", "architecture"),
    [
        pytest.param(real, arch, marks=[] if (real, arch) in (("float", 90), ("double", 75)) else pytest.mark.slow)
        for real in ("float", "double")
        for arch in (75, 80, 90, 120)
    ],
)
def test_machine_code_without_spills(real, architecture):
    if architecture not in supported_architectures():
        pytest.skip(f"this NVRTC does not know sm_{architecture}")
    result, log = nvrtc_compile(source(), [f"-arch=sm_{architecture}", f"-DMINIDECOMP_REAL={real}", *OPTIONS])
    assert result == 0 and "warning" not in log, log
    registers, spilled = registers_and_spills(log)
    assert registers.keys() == signatures(source()).keys() - {SMALL}
    assert len(spilled) >= 2 * len(registers) and not any(spilled), log
    assert max(registers.values()) <= MOST_REGISTERS, registers


@pytest.mark.parametrize(
    ("prior", "likelihood", "regulariser", "learned", "architecture"),
    [
        ("mixture", "gaussian", "kl-inc", False, 90),
        pytest.param("gaussian", "bernoulli", "mmd", True, 75, marks=pytest.mark.slow),
        pytest.param("student-t", "laplace", "kl-inc", True, 80, marks=pytest.mark.slow),
        pytest.param("sparse", "laplace", "mmd", False, 120, marks=pytest.mark.slow),
    ],
)
@REALS
def test_machine_code_for_a_small_model(real, prior, likelihood, regulariser, learned, architecture, monkeypatch):
    """A block fits on each multiprocessor, and nothing is spilled."""
    if architecture not in supported_architectures():
        pytest.skip(f"this NVRTC does not know sm_{architecture}")
    device, constants = type(make_device("emulated", "float64")), {}
    bind = device._bind_together
    monkeypatch.setattr(device, "_bind_together", lambda *given: constants.update(given[-1]) or bind(*given))
    how = {"prior": prior, "likelihood": likelihood, "regulariser": regulariser, "learn_prior_variance": learned}
    vae, objective = make(2, latent_dim=2, hidden=(8,), alpha=1.0, **how)
    trained(engine_on("emulated", vae, objective, 8), batch(vae, 8), 1, 8)
    macros = [f"-D{name}={value}" for name, value in constants.items()]
    options = [f"-arch=sm_{architecture}", f"-DMINIDECOMP_REAL={real}", *macros, *OPTIONS]
    result, log = nvrtc_compile(source(), options)
    assert result == 0 and "warning" not in log, log
    registers, spilled = registers_and_spills(log)
    assert registers.keys() == {SMALL} and not any(spilled) and registers[SMALL] < 255, log


def test_spills_would_be_seen():
    kernel = """extern "C" __global__ void many(float *x) {
        float y[40];
        for (int i = 0; i < 40; i++) y[i] = x[threadIdx.x + 99 * i];
        __syncthreads();
        for (int i = 0; i < 40; i++) x[threadIdx.x + 99 * i] = y[39 - i] * y[i];
    }"""
    result, log = nvrtc_compile(kernel, ["-arch=sm_90", "--maxrregcount=24", *OPTIONS])
    registers, spilled = registers_and_spills(log)
    assert result == 0 and registers == {"many": 24} and any(spilled), log


def test_an_error_is_said_in_the_files_own_lines():
    own = (Path(_core.__file__).parent / "gpu" / "layers.cuh").read_text("utf-8").splitlines()
    line = 1 + next(i for i, text in enumerate(own) if "int column_of(" in text)
    text = source().replace("int column_of(", "nonsense column_of(")
    result, log = nvrtc_compile(text, ["-arch=sm_90", "-DMINIDECOMP_REAL=float", *OPTIONS])
    assert result != 0 and f"gpu/layers.cuh({line}): error" in log, log


def test_every_kernel_has_its_signature_read():
    text = source()
    assert len(signatures(text)) == text.count("\nMD_KERNEL ") + text.count("\nMD_SMALL_KERNEL ") > 20
    for kernel, parameters in signatures(text).items():
        declared = re.search(rf"MD_(?:SMALL_)?KERNEL {kernel}\((.*?)\)", text, re.DOTALL)[1]
        assert len(parameters) == declared.count(",") + 1, kernel


def test_every_kernel_is_launched_by_some_model(monkeypatch):
    """So that what the other tests hold against the textbook is all there is."""
    launched = set()
    monkeypatch.setattr(gpu_mmd, "CELLS_FROM", 10)
    device = type(make_device("emulated", "float64"))
    plain = device._bind
    monkeypatch.setattr(
        device, "_bind", lambda self, name, *rest, **how: launched.add(name) or plain(self, name, *rest, **how)
    )
    for prior, regulariser, kl in (("gaussian", "mmd", "analytic"), ("mixture", "kl-inc", "monte-carlo")):
        how = {
            "prior": prior,
            "regulariser": regulariser,
            "kl": kl,
            "alpha": 1.0,
            "learn_prior_variance": True,
            "samples": 7,
        }
        vae, objective = make(16, latent_dim=2, hidden=(6,), likelihood="bernoulli", **how)
        ones = batch(vae, 20) > 0
        for data, small in itertools.product((ones.astype(float), Bits(np.packbits(ones, axis=1))), (False, True)):
            monkeypatch.setattr(gpu_small, "fits", lambda *_, small=small: small)
            engine = engine_on("emulated", vae, objective, 10)
            trained(engine, data, 2, 10, amsgrad=regulariser == "mmd")
            engine.value_and_grad(data[:10], draws(vae, objective, 10))
            engine.decode(engine.encode(data)[0])
            engine.values(data[:10], 0, 0)
    engine.log_weights(data[:10], 0, 0)
    assert launched == set(signatures(source()))


def test_the_probe_compiles_with_nvrtc_alone():
    """It must not need a header: NVRTC finds the system's only by chance."""
    result, log = nvrtc_compile(KERNEL, ["-arch=sm_75", *OPTIONS])
    assert result == 0, log

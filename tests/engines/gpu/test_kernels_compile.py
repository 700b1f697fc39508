"""The kernels' source compiles for a GPU: by nvcc where it is installed, by NVRTC from its wheel otherwise."""

import ctypes
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

from minidecomp.data.points import Bits
from minidecomp.engines.device import signatures, source

REALS = pytest.mark.parametrize("real", ["float", "double"])


def nvrtc_libraries():
    spec = find_spec("nvidia")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    return sorted(path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.*"))


def nvrtc_compile(text, options):
    """NVRTC's answer, 0 for a program that compiles, and what it says."""
    nvrtc, program, size = ctypes.CDLL(str(nvrtc_libraries()[0])), ctypes.c_void_p(), ctypes.c_size_t()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None) == 0
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    result = nvrtc.nvrtcCompileProgram(program, len(options), given)
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    return result, log.value.decode()


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


@REALS
def test_nvrtc(real):
    if not nvrtc_libraries():
        pytest.skip("no NVRTC: pip install nvidia-cuda-nvrtc-cu12")
    options = ["--gpu-architecture=compute_80", f"-DMINIDECOMP_REAL={real}", "--std=c++17"]
    result, log = nvrtc_compile(source(), options)
    assert result == 0, log
    result, log = nvrtc_compile(source().replace("by_loc * ", "nonsense * ").replace("real k0", "real kO"), options)
    assert result != 0 and "k0" in log
    assert "gpu/mmd.cuh(" in log  # an error is said in the file's own lines


def test_every_kernel_has_its_signature_read():
    text = source()
    assert len(signatures(text)) == text.count("\nMD_KERNEL ") > 20
    for kernel, parameters in signatures(text).items():
        declared = re.search(rf"MD_KERNEL {kernel}\((.*?)\)", text, re.DOTALL)[1]
        assert len(parameters) == declared.count(",") + 1, kernel


def test_every_kernel_is_launched_by_some_model(monkeypatch):
    """So that what the other tests hold against the textbook is all there is."""
    launched = set()
    device = type(make_device("emulated", "float64"))
    plain = device._bind
    monkeypatch.setattr(
        device, "_bind", lambda self, name, *rest, **how: launched.add(name) or plain(self, name, *rest, **how)
    )
    for prior, regulariser, kl in (("gaussian", "mmd", "analytic"), ("mixture", "kl-inc", "monte-carlo")):
        how = {"prior": prior, "regulariser": regulariser, "kl": kl, "alpha": 1.0, "learn_prior_variance": True}
        vae, objective = make(16, latent_dim=2, hidden=(6,), likelihood="bernoulli", **how)
        ones = batch(vae, 20) > 0
        few = Bits(np.packbits(ones & (batch(vae, 20, 1) > 0) & (batch(vae, 20, 2) > 0), axis=1))
        for data in (ones.astype(float), few):
            engine = engine_on("emulated", vae, objective, 10)
            if data is few:
                engine._small = None  # kernel by kernel, as a larger model
            trained(engine, data, 2, 10)
            engine.value_and_grad(data[:10], draws(vae, objective, 10))
            engine.decode(engine.encode(data)[0])
            engine.values(data[:10], 0, 0)
    engine.log_weights(data[:10], 0, 0)
    assert launched == set(signatures(source()))

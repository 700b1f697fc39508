"""Which engine `auto` is, what is said where no GPU can be used, and runs that change engines on the way."""

import json
import sys
import types

import numpy as np
import pytest
from devices import KINDS, make_device, missing, why_no_gpu
from emulated import EmulatedDevice

from minidecomp import load_run
from minidecomp.cli.main import main
from minidecomp.engines import device, gpu, make, usable_engine
from minidecomp.errors import OptionError

MODULES = ("minidecomp.engines", "minidecomp.engines.device")


@pytest.fixture(autouse=True)
def the_real_choice(monkeypatch):
    """What conftest.py takes away from the other tests."""
    for module in MODULES:
        monkeypatch.setattr(f"{module}.missing", missing)


@pytest.mark.gpu
def test_there_is_a_gpu():
    """Without a GPU this test says why; the tests that need one are then not collected."""
    if reason := why_no_gpu():
        pytest.skip(f"no GPU: {reason}")


def fake_cupy(monkeypatch, count):
    """A CuPy that finds so many GPUs, or fails with an error."""

    def get_count():
        if isinstance(count, Exception):
            raise count
        return count

    cupy, cuda, cublas = (types.ModuleType(name) for name in ("cupy", "cupy.cuda", "cupy.cuda.cublas"))
    cuda.runtime, cuda.cublas, cupy.cuda = types.SimpleNamespace(getDeviceCount=get_count), cublas, cuda
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: object())
    for module in (cupy, cuda, cublas):
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_without_cupy(monkeypatch):
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: None)
    assert usable_engine("auto") == "cpu"
    with pytest.raises(OptionError, match=r"it needs CuPy: .*pip install .cupy-cuda12x.* \(for CUDA 13: cupy-cuda13x"):
        usable_engine("gpu")


@pytest.mark.parametrize("count", [0, RuntimeError("cudaErrorInsufficientDriver: CUDA driver\nsecond line")])
def test_without_a_gpu(count, monkeypatch):
    fake_cupy(monkeypatch, count)
    assert usable_engine("auto") == "cpu"
    with pytest.raises(OptionError, match="CuPy finds no NVIDIA GPU here") as error:
        usable_engine("gpu")
    assert "second line" not in str(error.value)


def test_with_a_gpu(monkeypatch):
    fake_cupy(monkeypatch, 1)
    assert usable_engine("auto") == usable_engine("gpu") == "gpu"
    assert usable_engine("cpu") == "cpu" and usable_engine("textbook") == "textbook"


def test_a_cupy_that_does_not_load(monkeypatch):
    fake_cupy(monkeypatch, ImportError("libcublas.so.12: cannot open"))
    with pytest.raises(OptionError, match=r"CuPy cannot be loaded \(libcublas.so.12: cannot open\)"):
        usable_engine("gpu")


@pytest.fixture(params=KINDS)
def a_gpu(request, monkeypatch):
    """--engine gpu runs on NumPy and g++, or on the GPU that there is."""
    make_device(request.param, "float32")  # skips where it cannot
    if request.param == "emulated":
        monkeypatch.setattr(gpu, "CupyDevice", EmulatedDevice)
        for module in MODULES:
            monkeypatch.setattr(f"{module}.missing", lambda: None)
    return monkeypatch


def run(*arguments):
    assert main([str(argument) for argument in arguments]) == 0


SMALL = ("--prior", "mixture", "--alpha", "2", "--epochs", "3", "--hidden", "10", "--batch-size", "100", "--no-plots")


def arrays(folder):
    with np.load(folder / "checkpoint.npz") as file:
        return dict(file)


def test_a_run_on_the_gpu_is_a_run_like_any(a_gpu, tmp_path, capsys):
    """Trained, evaluated, resumed on the CPU and back; and with no GPU any more, used on the CPU, which is said."""
    for engine in ("gpu", "cpu"):
        run("train", *SMALL, "--engine", engine, "--out", tmp_path / engine)
    ours, theirs = arrays(tmp_path / "gpu"), arrays(tmp_path / "cpu")
    assert ours.keys() == theirs.keys() and 'engine = "gpu"' in str(ours["config"])
    for name in ours:
        if name.startswith(("parameter.", "adam.m")):
            np.testing.assert_allclose(ours[name], theirs[name], atol=1e-3)
    found = [json.loads((tmp_path / engine / "evaluation.json").read_text())["test"] for engine in ("gpu", "cpu")]
    for term, value in found[0].items():
        assert value == pytest.approx(found[1][term], rel=1e-3, abs=1e-3), term

    # The other engine goes on with each, to the same place.
    run("train", "--resume", tmp_path / "gpu", "--epochs", "5", "--engine", "cpu", "--no-plots")
    run("train", "--resume", tmp_path / "cpu", "--epochs", "5", "--engine", "gpu", "--no-plots")
    ours, theirs = arrays(tmp_path / "gpu"), arrays(tmp_path / "cpu")
    assert ours["adam.step"] == theirs["adam.step"] and ours["epoch"] == 5
    for name in ours:
        if name.startswith("parameter."):
            np.testing.assert_allclose(ours[name], theirs[name], atol=2e-3)

    a_gpu.setattr(device, "missing", lambda: "there is none")
    capsys.readouterr()
    run("evaluate", tmp_path / "cpu", "--log-likelihood", "--importance-samples", "10")
    assert capsys.readouterr().err.count("trained with --engine gpu, but used with cpu here: there is none") == 1


def test_a_run_that_cannot_begin_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: None)
    assert main(["train", "--engine", "gpu", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("minidecomp: --engine gpu: it needs CuPy") and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_make_refuses_as_well():
    with pytest.raises(ValueError, match="none of cpu, gpu, textbook"):
        make("tpu", None, None, max_rows=1)


def test_a_schedule_on_the_gpu(a_gpu):
    """The weights change between epochs, parameters and moments go on: to the digits of the CPU in float64."""
    small = ["--points-per-arm", "10", "--hidden", "6", "-e", "4", "-b", "16", "--dtype", "float64", "--no-plots", "-q"]
    schedule = ["--prior", "mixture", "--alpha", "0:0,2:5", "--beta-warmup", "2", "--lr", "3e-3:cosine"]
    for engine in ("gpu", "cpu"):
        assert main(["train", *small, *schedule, "--engine", engine, "-o", engine]) == 0
    gpus, cpus = (load_run(engine).vae.parameters.vector for engine in ("gpu", "cpu"))
    np.testing.assert_allclose(gpus, cpus, rtol=1e-7, atol=1e-9)

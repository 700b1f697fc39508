"""Which engine `auto` is, what is said where no GPU can be used, and runs that change engines on the way."""

import ctypes
import json
import sys
import types

import numpy as np
import pytest
from devices import KINDS, NO_GPU, make_device, missing
from emulated import EmulatedDevice

from minidecomp import DecompositionVAE, load_run, packages, resolve
from minidecomp._core import codes
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.engines import device, gpu, gpu_small, make, probe
from minidecomp.engines.choice import Choice, by_engine, check_engine, choose, go_on_with, operations
from minidecomp.engines.faults import CudaError, as_fault
from minidecomp.engines.probe import has_cupy
from minidecomp.errors import OptionError

MODULES = ("minidecomp.engines.choice", "minidecomp.engines.probe")


@pytest.fixture(autouse=True)
def the_real_choice(monkeypatch):
    """What conftest.py takes away from the other tests."""
    missing.cache_clear()
    for module in MODULES:
        monkeypatch.setattr(f"{module}.missing", missing)
        monkeypatch.setattr(f"{module}.has_cupy", has_cupy)
    yield
    missing.cache_clear()


@pytest.mark.gpu
def test_there_is_a_gpu():
    """Without a GPU this test says why; the tests that need one are then not collected."""
    if NO_GPU:
        pytest.skip(f"no GPU: {NO_GPU}")


PINWHEEL = dataset_from(resolve(data="pinwheel"))
SMALL_RUN = resolve(data="pinwheel")
LARGE_RUN = resolve(data="pinwheel", hidden=(1000, 1000))


class FakeArray:
    """A NumPy array as CuPy has it."""

    def __init__(self, values, dtype):
        self.host = np.array(values, dtype)
        self.data = types.SimpleNamespace(ptr=self.host.ctypes.data)


class Function:
    """A function of a library, as ctypes has it."""

    def __init__(self, name, does):
        self.__name__, self.does = name, does

    def __call__(self, *arguments):
        return self.errcheck(self.does(*arguments), self, arguments)


class FakeCupy:
    """A CuPy with a GPU. What is named in ``broken`` raises its error, or gives 0 if that is None."""

    def __init__(self, **broken):
        self.broken, self.compiled, self.handles = broken, 0, 0
        cupy, cuda, cublas = (types.ModuleType(name) for name in ("cupy", "cupy.cuda", "cupy.cuda.cublas"))
        cupy.zeros = lambda count, dtype: self.does("zeros", FakeArray([0] * count, dtype))
        cupy.array, cupy.asnumpy, cupy.RawKernel = FakeArray, lambda array: array.host, self.kernel
        cupy.empty = lambda count, dtype: FakeArray([0], dtype)
        cublas.create, cublas.destroy = self.create, self.destroy
        cuda.runtime = types.SimpleNamespace(
            getDeviceCount=lambda: self.does("count", 1), runtimeGetVersion=lambda: 12090
        )
        cuda.get_current_stream = lambda: types.SimpleNamespace(ptr=0)
        cupy.cuda = cuda
        self.modules = {"cupy": cupy, "cupy.cuda": cuda, "cupy.cuda.cublas": cublas}
        if "cublas" in broken:
            self.modules["cupy.cuda.cublas"] = None  # its import fails
        else:
            cuda.cublas = cublas

    def does(self, part, result):
        if isinstance(error := self.broken.get(part), Exception):
            raise type(error)(*error.args)  # anew, as a traceback keeps what it has seen
        return 0 if part in self.broken else result

    def kernel(self, code, name, options):
        self.compiled += 1
        self.does("compile", None)

        def launch(grid, block, arguments):
            arguments[0].host[0] = self.does("launch", 7)

        return launch

    def create(self):
        self.does("create", None)
        self.handles += 1
        return 12

    def destroy(self, handle):
        assert handle == 12
        self.handles -= 1

    def library(self, name):
        """The library that cuBLAS is, for ctypes."""
        assert name == "libcublas.so.12"
        self.does("library", None)
        return {
            "cublasSetStream_v2": Function("cublasSetStream_v2", lambda handle, stream: 0),
            "cublasSetWorkspace_v2": Function("cublasSetWorkspace_v2", lambda handle, workspace, size: 0),
            "cublasSgemm_v2": Function("cublasSgemm_v2", self.sgemm),
        }

    def sgemm(self, handle, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        assert handle == 12 and {m, n, k, lda, ldb, ldc} == {1} and (trans_a, trans_b) == (0, 0)
        alpha, a, b, beta, c = (ctypes.c_float.from_address(each) for each in (alpha, a, b, beta, c))
        c.value = self.does("product", alpha.value * a.value * b.value + beta.value * c.value)
        return self.broken.get("status", 0)


def install(monkeypatch, cupy):
    monkeypatch.setattr(packages, "find_spec", lambda name: object())
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setattr(device.ctypes, "CDLL", cupy.library)
    for name, module in cupy.modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return cupy


def of_cuda(text, name="CUDARuntimeError", module="cupy_backends.cuda.api.runtime"):
    """An error of a class as CuPy has them."""
    return type(name, (RuntimeError,), {"__module__": module})(text)


def test_without_cupy(monkeypatch):
    """Nothing is said: who has no CuPy expects no GPU."""
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert choose(LARGE_RUN, PINWHEEL) == Choice("cpu")
    with pytest.raises(OptionError, match=r"it needs CuPy: .*pip install .cupy-cuda12x.* \(for CUDA 13: cupy-cuda13x"):
        check_engine("gpu")


NO_DRIVER = of_cuda("cudaErrorInsufficientDriver: CUDA driver\nsecond line")


@pytest.mark.parametrize(
    ("broken", "said", "has_advice"),
    [
        ({"count": None}, "CuPy finds no NVIDIA GPU here (it counts none)", False),
        ({"count": NO_DRIVER}, "CuPy finds no NVIDIA GPU here (cudaErrorInsufficientDriver: CUDA driver)", False),
        ({"zeros": of_cuda("out of memory")}, "the GPU cannot be used (out of memory)", False),
        ({"compile": ImportError("libnvrtc.so.12")}, "needs NVRTC (libnvrtc.so.12)", True),
        ({"compile": of_cuda("cannot open source file")}, "NVRTC (cannot open source file)", True),
        ({"launch": of_cuda("CUDA_ERROR_INVALID_IMAGE")}, "cannot compile and run a kernel", True),
        ({"launch": None}, "NVRTC (the result is 0, not 7)", True),
        ({"cublas": None}, "cuBLAS does not work", True),
        ({"create": of_cuda("CUBLAS_STATUS_NOT_INITIALIZED")}, "cuBLAS does not work (CUBLAS_STATUS_NOT_INIT", True),
        ({"library": OSError("libcublas.so.12: none")}, "cuBLAS does not work (libcublas.so.12: none)", True),
        ({"status": 8}, "cuBLAS does not work (cuBLAS: cublasSgemm_v2 failed with status 8)", True),
        ({"product": None}, "cuBLAS does not work (the result is 0, not 6)", True),
    ],
)
def test_each_part_that_may_not_work(broken, said, has_advice, monkeypatch):
    cupy = install(monkeypatch, FakeCupy(**broken))
    choice = choose(LARGE_RUN, PINWHEEL)
    assert choice.engine == "cpu" and said in choice.why and ("pip install" in choice.why) == has_advice
    with pytest.raises(OptionError) as error:
        check_engine("gpu")
    assert said in str(error.value) and "second line" not in str(error.value)
    assert str(error.value).endswith("without a GPU, use cpu or auto") and cupy.handles == 0


def test_a_cupy_that_does_not_load(monkeypatch):
    install(monkeypatch, FakeCupy())
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(OptionError, match=r"gpu: CuPy cannot be loaded \(.*pip install"):
        check_engine("gpu")


def test_with_a_gpu(monkeypatch):
    cupy = install(monkeypatch, FakeCupy())
    for _ in range(2):
        assert str(choose(LARGE_RUN, PINWHEEL)) == (
            "engine gpu: the run has about 2.4e12 operations; a GPU, which takes seconds to start, pays off from 2e11"
        )
    check_engine("gpu")
    assert (cupy.compiled, cupy.handles) == (1, 0)  # the probe runs once in a process
    for name in ("gpu", "cpu", "textbook"):
        assert choose(LARGE_RUN.replace(engine=name), PINWHEEL) == Choice(name)


def test_a_run_that_may_end_early_has_at_most_so_many(monkeypatch):
    install(monkeypatch, FakeCupy())
    early = SMALL_RUN.replace(early_stopping=3, validation_fraction=0.2)
    assert str(choose(early, PINWHEEL)).startswith("engine cpu: the run has at most 1.6e9 operations; ")


def test_a_small_run_does_not_import_cupy(monkeypatch):
    install(monkeypatch, FakeCupy())
    monkeypatch.setattr("minidecomp.engines.choice.missing", lambda: pytest.fail("the probe imports CuPy"))
    choice = choose(SMALL_RUN, PINWHEEL)
    assert str(choice) == (
        "engine cpu: the run has about 1.6e9 operations; a GPU, which takes seconds to start, pays off from 2e11"
    )
    assert by_engine([choice] * 3) == [str(choice)]


def test_what_the_gpu_does_not_know(monkeypatch):
    install(monkeypatch, FakeCupy())
    monkeypatch.setattr("minidecomp.engines.choice.codes", types.SimpleNamespace(**vars(codes) | {"PRIORS": ()}))
    assert str(choose(LARGE_RUN, PINWHEEL)) == "engine cpu: the GPU engine does not know the mixture prior"


@pytest.mark.parametrize(
    ("given", "points", "expected"),
    [
        ({}, 1000, 100 * 6 * 22 * 10),
        ({"epochs": 7}, 1001, 7 * 101 * 6 * 22 * 10),
        ({"samples": 3}, 1000, 100 * 6 * 22 * 10 * 3),
        ({}, 4, 6 * 22 * 4),
        ({"alpha": 2.0, "regulariser": "kl-inc"}, 1000, 100 * (6 * 22 * 10 + 10 * 10 * 10 * 1)),
        ({"alpha_schedule": "0:0,5:1", "regulariser": "kl-inc"}, 1000, 100 * (6 * 22 * 10 + 10 * 10 * 10 * 1)),
        ({"alpha": 2.0, "regulariser": "mmd", "batch_size": 1000}, 1000, 6 * 22 * 1000 + 10 * 1000 * 512),
    ],
)
def test_the_operations_of_a_run(given, points, expected):
    """Layers of 2, 2 and 2 numbers to loc and scale, and of 1, 2 and 2 back, have 22 parameters."""
    usual = {"hidden": (2,), "latent_dim": 1, "batch_size": 10, "likelihood": "laplace", "epochs": 1}
    options = resolve(data="pinwheel", **usual | given)
    assert operations(options, 2, points) == expected


def test_the_engines_of_a_sweep():
    """The size of the run that is nearest to the other engine, and every other reason."""
    runs = [Choice("cpu", "a", 5), Choice("cpu", "b", 2), Choice("gpu", "c", 50), Choice("gpu", "d", 90, "at most")]
    pays = "operations; a GPU, which takes seconds to start, pays off from 2e11"
    assert by_engine([*runs, Choice("cpu", "no card")]) == [
        f"engine cpu for 2 of 5 runs: the largest has about 5e0 {pays}",
        "engine cpu for 1 of 5 runs: no card",
        f"engine gpu for 2 of 5 runs: the smallest has about 5e1 {pays}",
    ]
    assert by_engine([Choice("cpu"), Choice("textbook")]) == []
    assert by_engine([Choice("cpu", "no card")] * 2) == ["engine cpu: no card"]


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

    a_gpu.setattr(probe, "missing", lambda: "there is none")
    capsys.readouterr()
    run("evaluate", tmp_path / "cpu", "--log-likelihood", "--importance-samples", "10")
    assert capsys.readouterr().err.count("trained with --engine gpu, but used with cpu here: there is none") == 1


def test_a_run_that_cannot_begin_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert main(["train", "--engine", "gpu", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("minidecomp: --engine gpu: it needs CuPy") and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_auto_says_what_it_takes_and_a_run_keeps_it(a_gpu, capsys):
    """By size when a run begins, and when it is asked for again; a run that goes on keeps its engine."""
    for module in MODULES:
        a_gpu.setattr(f"{module}.has_cupy", lambda: True)
    for threshold, more, engine, said in (
        (0, (*SMALL, "--engine", "auto", "--out", "r"), "gpu", "engine gpu: the run has about 3.4e6 operations; a GPU"),
        (1e30, ("--resume", "r", "--epochs", "4", "--no-plots"), "gpu", None),
        (1e30, ("--resume", "r", "--epochs", "5", "--no-plots", "--engine", "auto"), "cpu", "engine cpu: the run has"),
    ):
        a_gpu.setattr("minidecomp.engines.choice.GPU_FROM", threshold)
        run("train", *more)
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine")]
        assert load_run("r").options.engine == engine and len(lines) == (said is not None)
        assert said is None or lines[0].startswith(said)


def test_every_face_says_what_auto_takes(monkeypatch, capsys):
    for module in MODULES:
        monkeypatch.setattr(f"{module}.has_cupy", lambda: True)
    monkeypatch.setattr("minidecomp.engines.choice.missing", lambda: pytest.fail("the probe imports CuPy"))
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = DecompositionVAE(epochs=1, hidden=(3,), batch_size=40, verbose=1).fit(X)
    assert capsys.readouterr().err.splitlines()[0].startswith("engine cpu: the run has")
    assert model.options_.engine == "cpu"
    small = ("--points-per-arm", "10", "--hidden", "3", "--epochs", "1", "--engine", "auto")
    run("sweep", *small, "--latent-dim", "1,2", "--out", "s")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine")]
    assert len(lines) == 1 and lines[0].startswith("engine cpu for 2 of 2 runs: the largest has about")
    run("train", *small, "--out", "r", "--no-plots", "-q")
    assert "engine" not in capsys.readouterr().err


def test_a_training_that_goes_on_keeps_its_engine(monkeypatch):
    monkeypatch.setattr("minidecomp.engines.choice.missing", lambda: None)
    kept = [go_on_with(*each) for each in (("auto", "gpu"), ("auto", "cpu"), ("gpu", "cpu"))]
    assert kept == [Choice("gpu"), Choice("cpu"), Choice("gpu")]
    monkeypatch.setattr("minidecomp.engines.choice.missing", lambda: "there is none")
    assert str(go_on_with("auto", "gpu")) == "engine cpu: it was trained with gpu, but there is none"
    with pytest.raises(OptionError, match="there is none"):
        go_on_with("gpu", "cpu")


def test_an_estimator_says_that_it_leaves_the_gpu(a_gpu):
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = DecompositionVAE(epochs=1, hidden=(3,), batch_size=40, engine="gpu").fit(X)
    model.set_params(engine="auto")
    a_gpu.setattr("minidecomp.engines.choice.missing", lambda: "there is none")
    with pytest.warns(UserWarning, match="engine cpu: it was trained with gpu, but there is none"):
        model.partial_fit(X)
    assert model.options_.engine == "cpu"


def test_a_sweep_that_goes_on_says_what_its_runs_have(monkeypatch, capsys):
    for module in MODULES:
        monkeypatch.setattr(f"{module}.has_cupy", lambda: True)
    small = ("--points-per-arm", "10", "--hidden", "3", "--epochs", "1", "--engine", "auto", "--seeds", "2")
    run("sweep", *small, "--out", "s")
    assert capsys.readouterr().err.count("engine cpu: the run has about") == 1
    run("sweep", "--resume", "s")
    assert "engine" not in capsys.readouterr().err  # nothing is left to train


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (of_cuda("CUBLAS_STATUS", "CUBLASError", "cupy_backends.cuda.libs.cublas"), "the GPU failed (CUBLAS_STATUS)"),
        (of_cuda("error: nvrtc\nmore", "CompileException", "cupy.cuda.compiler"), "the GPU failed (error: nvrtc)"),
        (of_cuda("Allocating 4", "OutOfMemoryError", "cupy.cuda.memory"), "the GPU's memory is full (Allocating 4)"),
        (CudaError("cuBLAS: status 8"), "the GPU failed (cuBLAS: status 8)"),
        (ImportError("libnvrtc.so.12"), "the GPU failed (libnvrtc.so.12)"),
    ],
)
def test_an_error_of_cuda_while_training_is_one_line(error, said, monkeypatch, capsys):
    """The checkpoint from before it stays."""

    class Failing(EmulatedDevice):
        def to_host(self, array):
            if array.dtype == np.int64:  # the state that train reads back
                raise error
            return super().to_host(array)

    make_device("emulated", "float32")  # skips where it cannot
    monkeypatch.setattr(gpu, "CupyDevice", Failing)
    for module in MODULES:
        monkeypatch.setattr(f"{module}.missing", lambda: None)
    assert main(["train", *SMALL, "--engine", "gpu", "--out", "r", "-q"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"minidecomp: {said}") and err.endswith("; use --engine cpu\n") and err.count("\n") == 1
    assert load_run("r").state.epoch == 0


def test_other_errors_stay_what_they_are():
    error = RuntimeError("the engine is at work")
    assert as_fault(error) is None


def test_the_version_says_what_auto_does(monkeypatch, capsys):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert main(["--version", "--verbose"]) == 0
    said = capsys.readouterr().out
    assert "\ngpu: none; it needs CuPy" in said and "\nengine: auto uses the CPU, because no GPU can be used\n" in said
    monkeypatch.setattr("minidecomp.engines.choice.missing", lambda: None)
    assert main(["--version", "--verbose"]) == 0
    assert "auto uses the GPU if a run has 2e11 operations or more, otherwise the CPU\n" in capsys.readouterr().out


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


def test_what_a_user_should_know_of_a_device_is_said_once(a_gpu, capsys):
    a_gpu.setattr(EmulatedDevice, "notes", ("this CUDA makes no graphs",), raising=False)
    a_gpu.setattr(gpu_small, "fits", lambda *_: False)  # one launch needs no graphs
    if gpu.CupyDevice is not EmulatedDevice:
        a_gpu.setattr(gpu, "CupyDevice", EmulatedDevice)
    run("train", *SMALL, "--engine", "gpu", "--out", "noted")
    assert capsys.readouterr().err.splitlines().count("this CUDA makes no graphs") == 1
    run("train", *SMALL, "--engine", "cpu", "--out", "plain")
    assert "graphs" not in capsys.readouterr().err

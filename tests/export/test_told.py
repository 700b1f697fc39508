"""What exports tell about themselves: memory, where they come from, a test vector and a self-check."""

import json
import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from small_runs import make_runs

from minidecomp import load_run
from minidecomp.cli.main import main
from minidecomp.data.points import as_numbers
from minidecomp.errors import OptionError
from minidecomp.export import c_memory, export_run
from minidecomp.export.c_text import LONGEST, in_comment
from minidecomp.export.example import Point, example
from minidecomp.export.networks import buffers, decoder_of, encoder_of

GCC = shutil.which("gcc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wdouble-promotion", "-Werror"]
FORMATS = ("onnx", "c", "numpy", "safetensors")
needs_gcc = pytest.mark.skipif(GCC is None, reason="no gcc")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("told"), ("plane", "scaled", "numbers"))


@pytest.fixture(autouse=True)
def own_folder(runs, monkeypatch):
    monkeypatch.chdir(runs)


def build(folder, *sources, flags=()):
    """Compile to ``folder/main`` with every warning an error; without a source of a main function, to an object."""
    linked = ["-lm"] if len(sources) > 1 else ["-c"]
    command = [GCC, *STRICT, *flags, *(f"{folder}/{each}" for each in sources), "-o", f"{folder}/main", *linked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def checked(folder, name):
    """What NAME_self_check returns."""
    main_c = f'#include "{name}.h"\nint main(void) {{ return {name}_self_check(); }}\n'
    Path(folder, "main.c").write_text(main_c)
    build(folder, "main.c", f"{name}.c", flags=[f"-D{name.upper()}_SELF_CHECK"])
    return subprocess.run([f"./{folder}/main"], check=False).returncode


# ---- the self-check ----


@needs_gcc
@pytest.mark.parametrize(
    ("run", "weights"),
    [("plane", "int8"), ("scaled", "float32")]
    + [pytest.param(*other, marks=pytest.mark.slow) for other in (("plane", "float32"), ("scaled", "int8"))],
)
def test_the_self_check_finds_a_wrong_weight(run, weights):
    export_run(run, "c", "checked", name="net", weights=weights)
    assert checked("checked", "net") == 0
    text = Path("checked/net.c").read_text()
    for array, change, code in (("encode_b1", "9.0f", 1), ("decode_b1", "9.0f", 3), ("decode_b0", "NAN", 3)):
        start = text.index("{", text.index(f" {array}[")) + 1
        Path("checked/net.c").write_text(f"{text[:start]} {change} +{text[start:]}")
        assert checked("checked", "net") == code


@needs_gcc
def test_the_self_check_takes_nothing_unless_asked_for():
    export_run("plane", "c", "free", name="with_it")
    export_run("plane", "c", "free", name="without", test_vector="none")
    sizes = []
    for name in ("with_it", "without"):
        build("free", f"{name}.c")
        done = subprocess.run(["size", "free/main"], capture_output=True, text=True, check=True)
        sizes.append(done.stdout.split("\n")[1].split()[:3])
    assert sizes[0] == sizes[1]
    assert "SELF_CHECK" in Path("free/with_it.h").read_text() and "self_check" not in Path("free/without.h").read_text()


def test_the_numpy_file_checks_itself():
    for run in ("plane", "scaled"):
        export_run(run, "numpy", "checks", name=f"np_{run}")
        space = runpy.run_path(f"checks/np_{run}.py")
        assert space["self_check"]() is True
        space["WEIGHTS"]["decode.1.b"][0] += 0.1
        assert space["self_check"]() is False
    export_run("plane", "numpy", "checks", name="unchecked", test_vector="none")
    assert runpy.run_path("checks/unchecked.py")["self_check"]() is None


def test_the_vector_is_what_the_model_makes_of_the_first_test_point():
    run = load_run("scaled")
    encoder, decoder = encoder_of(run.vae, run.rules.scaling), decoder_of(run.vae, run.rules.scaling)
    from minidecomp.data import dataset_from

    dataset = dataset_from(run.options)
    x = as_numbers(dataset.test[:1], np.float32)
    made = example(encoder, decoder, Point(x[0], "x"))
    assert_allclose(made.x, dataset.give(x)[0], rtol=1e-6)
    assert_allclose(
        [made.encoded["loc"], made.encoded["scale"]], np.stack(run.vae.encode(x))[:, 0], rtol=1e-4, atol=1e-6
    )
    mean = dataset.give(run.vae.likelihood.mean(run.vae.decode(made.encoded["loc"][None])))
    assert_allclose(made.decoded["mean"], mean[0], rtol=1e-4)
    assert made.tolerance < 0.01
    assert example(encoder, decoder, Point(np.full(4, 1e38), "x")) is None  # nothing finite to compare with


def test_without_the_data_or_as_asked_it_is_a_sample(capsys):
    shutil.copytree("numbers", "moved", dirs_exist_ok=True)
    Path("numbers.csv").rename("hidden.csv")
    try:
        assert main(["export", "moved", "--format", "c"]) == 0
        assert "test vector: a sample from the model\n" in capsys.readouterr().out
    finally:
        Path("hidden.csv").rename("numbers.csv")
    assert main(["export", "moved", "--format", "c", "--test-vector", "sample"]) == 0
    assert "test vector: a sample from the model\n" in capsys.readouterr().out
    for kind, word in (("onnx", "data"), ("c", "x")):
        with pytest.raises(OptionError, match=r'format="numpy"|data, sample or none'):
            export_run("plane", kind, test_vector=word)


# ---- memory ----


@needs_gcc
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_constants_and_buffers_are_what_a_compiler_counts(weights):
    told = str(export_run("scaled", "c", "size", name="s", weights=weights))
    constants, *_ = map(int, re.findall(r"flash: (\d+) bytes", told))
    [ram] = map(int, re.findall(r"RAM: (\d+) bytes", told))
    build("size", "s.c")
    done = subprocess.run(["size", "-A", "size/main"], capture_output=True, text=True, check=True)
    sizes = {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", done.stdout, re.MULTILINE)}
    assert 0 <= sizes[".rodata"] - constants <= 14 * 32 and 0 <= sizes[".bss"] - ram <= 32  # padding
    chains = encoder_of(load_run("scaled").vae), decoder_of(load_run("scaled").vae)
    assert sum(buffers(chains)) == 9 + 8
    assert re.search(r"; \d+ bytes of code \(\S*gcc -Os for ", told) and re.search(r"and \d+ bytes of stack", told)


def test_the_next_step_compiles_the_source():
    line = str(export_run("plane", "c", "a b")).splitlines()[-1]
    assert line == "next: cc -std=c99 -O2 -c 'a b/model.c'"
    if shutil.which("cc"):
        subprocess.run(shlex.split(line.removeprefix("next: ")), check=True)
        assert Path("model.o").is_file()


def test_without_a_compiler_the_code_is_not_measured(monkeypatch):
    monkeypatch.setattr(c_memory, "which", lambda program: None)
    assert "code: not measured, because no working C compiler with `size` was found" in str(
        export_run("plane", "c", "bare")
    )


@needs_gcc
def test_a_compiler_that_fails_leaves_it_to_the_next(monkeypatch):
    """Such as a cross compiler without the headers of a C library."""
    monkeypatch.setattr(c_memory, "COMPILERS", (("false", "size", (), "nothing"), ("gcc", "size", (), "this computer")))
    assert "bytes of code (gcc -Os for this computer" in str(export_run("plane", "c", "next"))


def test_the_command_prints_what_python_tells(capsys):
    for kind in FORMATS:
        pytest.importorskip(kind) if kind == "onnx" else None
        made = export_run("plane", kind, "same", name="same")
        before = {path: path.read_bytes() for path in made.files}
        assert main(["export", "plane", "--format", kind, "--out", "same", "--name", "same"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if not line.startswith("test vector")] == str(made).splitlines()
        assert {path: path.read_bytes() for path in made.files} == before


# ---- int8 in ONNX ----


@needs_gcc
@pytest.mark.parametrize("run", ["plane", "scaled"])
def test_int8_in_onnx_and_in_c_are_one_model(run):
    runtime = pytest.importorskip("onnxruntime")
    made = export_run(run, "onnx", "bytes", name=run, weights="int8")
    export_run(run, "c", "bytes", name=run, weights="int8")
    assert checked("bytes", run) == 0
    text = Path(f"bytes/{run}.c").read_text()
    arrays = {
        name: np.array([float(each.rstrip("f")) for each in body.split(",")], np.float32)
        for name, body in re.findall(r"static const float test_(\w+)\[\d+\] = \{(.*?)\};", text.replace("\n", ""))
    }
    encoder, decoder = (runtime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in made.files)
    loc, scale = encoder.run(["loc", "scale"], {"x": arrays["x"][None]})
    mean, x_scale = decoder.run(["mean", "scale"], {"z": arrays["loc"][None]})
    for got, name in ((loc, "loc"), (scale, "scale"), (mean, "x_mean"), (x_scale, "x_scale")):
        assert_allclose(got[0], arrays[name], rtol=1e-4, atol=1e-5)
    exact = export_run(run, "onnx", "floats", name=run)
    assert not any(
        np.array_equal(runtime.InferenceSession(path).run(["loc"], {"x": arrays["x"][None]})[0], loc)
        for path in list(exact.files)[:1]
    )


# ---- where they come from ----


@pytest.fixture(scope="module")
def strange(runs):
    """A run and data whose names try to break out of comments and strings, in a folder of their own."""
    folder = runs / "a*" / 'b?? größe """ x'
    folder.mkdir(parents=True)
    data = folder / "x*??(\n é.csv"
    np.savetxt(data, np.random.default_rng(0).normal(size=(30, 3)), delimiter=",", header="???/,*\\,b", comments="")
    options = ["--epochs", "1", "--hidden", "4", "--no-plots", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["train", "--data", data.name, *options, "--out", "r ??( *\\"]) == 0
    return folder / "r ??( *\\"


def told_by(kind, folder):
    """The facts as a program reads them back."""
    if kind == "onnx":
        onnx = pytest.importorskip("onnx")
        return {each.key: each.value for each in onnx.load(f"{folder}/model-decoder.onnx").metadata_props}
    if kind == "numpy":
        return {name: str(value) for name, value in runpy.run_path(f"{folder}/model.py")["WEIGHTS"].items()}
    content = Path(folder, "model.safetensors").read_bytes()
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]


@pytest.mark.parametrize("kind", ["onnx", "numpy", "safetensors"])
def test_run_options_and_version_without_a_path(kind, strange, runs):
    made = export_run(strange, kind, "from")
    told = told_by(kind, "from")
    run = load_run(strange)
    assert told["run"] == strange.name and told["epoch"] == "1" and told["which"] == "last"
    assert 'prior = "' in told["options"] and "alpha = " in told["options"] and "scale = " in told["options"]
    assert re.fullmatch(r"[0-9a-f]{64}", told["parameters_sha256"]) and told["minidecomp_version"]
    assert run.options.data not in told["options"] and "threads" not in told["options"]
    for path in made.files:
        assert str(runs).encode() not in path.read_bytes()


@needs_gcc
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_no_name_breaks_out_of_a_comment_in_c(compiler, strange, runs):
    """Trigraphs count in C99; gcc warns of a comment within a comment."""
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    made = export_run(strange, "c", "strange", name="odd")
    standard = "-std=c99" if compiler == "gcc" else "-std=c++11"
    command = [compiler, standard, *STRICT[1:], "-Wtrigraphs", "-c", "strange/odd.c", "-o", "strange/odd.o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    header = Path("strange/odd.h").read_text("utf-8")
    assert "alpha = " in header and "exported by minidecomp" in header and "Run: r ? ?( *\\" in header
    assert not any(str(runs) in path.read_text("utf-8") for path in made.files)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(), st.text("*/?\\\n\r \t'\"!<>=(-)é‮")))
def test_nothing_ends_a_comment(text):
    kept = in_comment(text)
    assert not any(each in kept for each in ("*/", "/*", "??", "\n", "\r")) and kept.isprintable()
    assert len(in_comment(text * 1000)) < 4 * LONGEST

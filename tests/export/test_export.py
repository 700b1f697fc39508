"""What is exported computes what the engine computes: ONNX, C99 in floats and bytes, NumPy, safetensors."""

import csv
import ctypes
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small_runs import MODELS, make_runs

from minidecomp import load_run
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.points import as_numbers
from minidecomp.errors import OptionError
from minidecomp.export import precision
from minidecomp.export.format import chosen_format
from minidecomp.export.networks import decoder_of, encoder_of
from minidecomp.export.precision import int8_errors, with_chains
from minidecomp.export.quantised import dequantised, quantised
from minidecomp.packages import pip_install
from minidecomp.terms.arrays import softplus

GCC = shutil.which("gcc")
CROSS = shutil.which("arm-none-eabi-gcc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-O2"]
names = pytest.mark.parametrize("name", MODELS)
few_names = pytest.mark.parametrize(
    "name", [each if each in ("plane", "bytes") else pytest.param(each, marks=pytest.mark.slow) for each in MODELS]
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("export"))


@pytest.fixture(autouse=True)
def own_folder(runs, monkeypatch):
    monkeypatch.chdir(runs)


def looked_at(name):
    """The model, some points and some latent points, and what the engine makes of them, in a person's units."""
    run = load_run(name)
    dataset = dataset_from(run.options)
    x = as_numbers(dataset.test[:9], np.float32)
    z = np.random.default_rng(0).normal(size=(9, run.vae.latent_dim)).astype(np.float32)
    output = run.vae.decode(z)
    expected = {"loc": run.vae.encode(x)[0], "scale": run.vae.encode(x)[1], "mean": run.vae.likelihood.mean(output)}
    if run.vae.likelihood.name == "gaussian":
        expected["x_scale"] = softplus(run.vae.likelihood.loc_and_raw(output)[1]) + 1e-6
    if dataset.scaling is not None:
        expected["mean"], x = dataset.give(expected["mean"]), dataset.give(x).astype(np.float32)
        expected["x_scale"] = expected["x_scale"] * dataset.scaling.scale
    return run.vae, x, z, expected


def export(*args):
    assert main(["export", *args]) == 0


# ---- ONNX ----


@names
def test_onnx(name, capsys):
    runtime = pytest.importorskip("onnxruntime")
    export(name, "--format", "onnx", "--out", "onnx", "--name", name)
    assert capsys.readouterr().out.startswith(f"onnx: onnx/{name}-encoder.onnx (")
    vae, x, z, expected = looked_at(name)
    encoder, decoder = (
        runtime.InferenceSession(f"onnx/{name}-{what}.onnx", providers=["CPUExecutionProvider"])
        for what in ("encoder", "decoder")
    )
    for rows in (1, 4, 9):  # the batch's size is free
        for got, output in zip(encoder.run(["loc", "scale"], {"x": x[:rows]}), ("loc", "scale"), strict=True):
            assert_allclose(got, expected[output][:rows], rtol=1e-5, atol=1e-5)
        assert_allclose(decoder.run(["mean"], {"z": z[:rows]})[0], expected["mean"][:rows], rtol=1e-5, atol=1e-5)
    outputs = [output.name for output in decoder.get_outputs()]
    assert outputs == (["mean", "scale"] if vae.likelihood.name == "gaussian" else ["mean"])
    if "scale" in outputs:
        assert_allclose(decoder.run(["scale"], {"z": z})[0], expected["x_scale"], rtol=1e-5, atol=1e-5)


# ---- NumPy ----


@few_names
def test_numpy_file(name):
    """In a process that has nothing but NumPy."""
    export(name, "--format", "numpy", "--out", "plain", "--name", f"a_{name}")
    text = Path(f"plain/a_{name}.py").read_text()
    assert text.count("\n") < 100 and re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE) == ["pathlib", "numpy"]
    _, x, z, expected = looked_at(name)
    np.savez("in.npz", x=x, z=z)
    code = (
        "import sys; sys.modules['minidecomp'] = None; sys.path.insert(0, 'plain'); import numpy as np; "
        f"import a_{name} as m; given = np.load('in.npz'); loc, scale = m.encode(given['x']); "
        "np.savez('out.npz', loc=loc, scale=scale, mean=m.decode(given['z']), one=m.decode(given['z'][0]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with np.load("out.npz") as got:
        for output in ("loc", "scale", "mean"):
            assert_allclose(got[output], expected[output], rtol=1e-5, atol=1e-5)
        assert_allclose(got["one"], expected["mean"][0], rtol=1e-5, atol=1e-5)


# ---- C ----


def compiled(name, folder):
    """The exported C as functions of arrays, one point at a time."""
    if GCC is None:
        pytest.skip("no gcc")
    library = Path(folder) / f"lib{name}.so"
    check = f"-D{name.upper()}_SELF_CHECK"
    command = [GCC, *STRICT, check, "-shared", "-fPIC", f"{folder}/{name}.c", "-o", str(library), "-lm"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    loaded = ctypes.CDLL(str(library.resolve()))
    assert getattr(loaded, f"{name}_self_check")() == 0

    def call(function, rows, *widths):
        outputs = [np.empty((len(rows), width), np.float32) for width in widths]
        pointer = ctypes.POINTER(ctypes.c_float)
        for i, row in enumerate(np.ascontiguousarray(rows, np.float32)):
            arrays = [row, *(output[i] for output in outputs)]
            getattr(loaded, f"{name}_{function}")(*(array.ctypes.data_as(pointer) for array in arrays))
        return outputs

    return call


@names
def test_c99(name):
    export(name, "--format", "c", "--out", "c", "--name", name)
    call = compiled(name, "c")
    vae, x, z, expected = looked_at(name)
    loc, scale = call("encode", x, vae.latent_dim, vae.latent_dim)
    assert_allclose(loc, expected["loc"], rtol=1e-5, atol=1e-5)
    assert_allclose(scale, expected["scale"], rtol=1e-5, atol=1e-5)
    made = call("decode", z, *decoder_of(vae).outputs.values())
    assert_allclose(made[0], expected["mean"], rtol=1e-5, atol=1e-5)
    if len(made) == 2:
        assert_allclose(made[1], expected["x_scale"], rtol=1e-5, atol=1e-5)
    assert "malloc" not in Path(f"c/{name}.c").read_text()


@few_names
def test_c99_in_bytes(name, capsys):
    """What the bytes compute is the model with the weights that they stand for; its error is printed."""
    export(name, "--format", "c", "--weights", "int8", "--out", "bytes_c", "--name", name)
    said = capsys.readouterr().out
    call = compiled(name, "bytes_c")
    vae, x, z, _ = looked_at(name)
    run = load_run(name)
    coarse = with_chains(vae, dequantised(encoder_of(vae)), dequantised(decoder_of(vae)))
    loc, scale = call("encode", x, vae.latent_dim, vae.latent_dim)
    inside = x if run.rules.scaling is None else run.rules.scaling.apply(x).astype(np.float32)
    assert_allclose(loc, coarse.encode(inside)[0], rtol=1e-4, atol=1e-5)
    assert_allclose(scale, coarse.encode(inside)[1], rtol=1e-4, atol=1e-5)
    made = call("decode", z, *decoder_of(vae).outputs.values())
    assert_allclose(made[0], run.rules.give(coarse.likelihood.mean(coarse.decode(z))), rtol=1e-4, atol=1e-5)
    check_the_errors(name, said, call)


def check_the_errors(name, said, call):
    """What int8_errors and the command tell is what a user of the C source gets, who encodes and then decodes."""
    run, data = load_run(name), dataset_from(load_run(name).options).test
    x, vae, scaling = as_numbers(data, np.float32), run.vae, run.rules.scaling
    inside = 1 if scaling is None else scaling.scale
    output = vae.decode(vae.encode(x)[0])
    coarse = call("encode", run.rules.give(x), vae.latent_dim, vae.latent_dim)
    decoded = call("decode", coarse[0], *decoder_of(vae).outputs.values())
    pairs = list(zip(vae.encode(x), coarse, strict=True))
    pairs.append((vae.likelihood.mean(output), decoded[0] if scaling is None else scaling.apply(decoded[0])))
    if vae.likelihood.learns_scale:
        pairs.append((softplus(vae.likelihood.loc_and_raw(output)[1]) + 1e-6, decoded[1] / inside))
    told = int8_errors(vae, data)
    outputs = [("encode", "loc"), ("encode", "scale"), ("decode", "mean"), ("decode", "scale")][: len(pairs)]
    assert [(each.function, each.output) for each in told] == outputs
    noun = f"{len(x)} test points (the largest; the largest share of a column's standard deviation):\n"
    assert f"\nint8 errors of encoding and decoding {noun}" in said
    for each, (exact, got) in zip(told, pairs, strict=True):
        errors = np.abs(exact - got).max(0)
        ratios = errors / exact.std(0, dtype=np.float64)
        assert each.points == len(x) and each.largest == pytest.approx(errors.max(), rel=0.01), each
        assert each.share == pytest.approx(ratios.max(), rel=0.02), each
        assert ratios[each.column] > 0.98 * ratios.max(), each
        scaled = " as scaled by --scale standardise" if each.function == "decode" and scaling is not None else ""
        line = rf"  {each.function.replace('code', 'coder')}'s {each.output}{scaled and ','}{scaled}: "
        assert f"\n{line}{each.largest:.2g}; {each.share:.1%} (" in said
        assert 0 < each.largest < 0.5 * max(each.spread, 0.1), each


def test_an_error_relative_to_its_own_column():
    """A wide column does not hide a narrow one, a constant one counts for nothing, and NaN is told."""
    wide, narrow, constant = np.arange(4.0), np.arange(4.0) / 1000, np.full(4, 0.1)
    exact = np.stack([wide, narrow, constant], axis=1)
    found = precision._error("encode", "loc", exact, exact + np.array([0.01, 1e-4, 0.001]))
    assert (found.column, found.points) == (1, 4) and found.largest == pytest.approx(0.01)
    assert found.share == pytest.approx(0.1 / wide.std()) and found.spread == pytest.approx(narrow.std())
    assert precision._error("encode", "loc", exact[:, 2:], exact[:, 2:] + 1).share is None
    lost = precision._error("encode", "loc", exact, exact * np.nan)
    assert np.isnan(lost.largest) and lost.share is None


def test_bytes_are_within_half_a_step():
    W = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    W[:, 3] = 0
    q, scale = quantised(W)
    assert q.dtype == np.int8 and np.abs(q).max() == 127
    assert (np.abs(W - q * scale) <= 0.5000001 * scale).all()


def test_without_its_data_the_error_is_of_samples(capsys):
    shutil.copytree("numbers", "moved", dirs_exist_ok=True)
    Path("numbers.csv").rename("hidden.csv")
    try:
        export("moved", "--format", "c", "--weights", "int8")
        assert "decoding 1000 samples from the model (" in capsys.readouterr().out
    finally:
        Path("hidden.csv").rename("numbers.csv")


@pytest.mark.slow
@pytest.mark.skipif(
    CROSS is None, reason="no arm-none-eabi-gcc: Debian's gcc-arm-none-eabi and libnewlib-arm-none-eabi"
)
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_on_a_microcontroller(weights, tmp_path):
    """A 2-100-2 encoder for a Cortex-M4: flash and RAM, printed."""
    common = ["train", "--prior", "mixture", "--epochs", "1", "--quiet", "--no-plots"]
    assert main([*common, "--out", str(tmp_path / "run")]) == 0
    export(str(tmp_path / "run"), "--format", "c", "--weights", weights, "--out", str(tmp_path), "--name", "tiny")
    (tmp_path / "main.c").write_text(
        '#include "tiny.h"\nvolatile float x[2], z[2], s[2];\n'
        "int main(void) {\n    float a[2] = {x[0], x[1]}, l[2], w[2];\n    tiny_encode(a, l, w);\n"
        "    z[0] = l[0];\n    s[0] = w[0];\n    return 0;\n}\n"
    )
    target = [
        "-mcpu=cortex-m4",
        "-mthumb",
        "-mfloat-abi=hard",
        "-mfpu=fpv4-sp-d16",
        "-ffunction-sections",
        "-fdata-sections",
    ]
    link = ["--specs=nosys.specs", "-Wl,--gc-sections", "-lm"]
    sources = [str(tmp_path / "tiny.c"), str(tmp_path / "main.c")]
    command = [CROSS, *STRICT[:-1], "-Os", *target, *sources, "-o", str(tmp_path / "tiny.elf"), *link]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    size = subprocess.run(
        ["arm-none-eabi-size", str(tmp_path / "tiny.elf")], capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, size.stdout.splitlines()[1].split()[:3])
    print(f"{weights}: flash {text + data} bytes, RAM {data + bss} bytes")
    assert text + data < 24_000 and data + bss < 8_000


# ---- safetensors ----


@names
def test_safetensors(name):
    library = pytest.importorskip("safetensors")
    export(name, "--format", "safetensors", "--out", "st", "--name", name)
    vae = load_run(name).vae
    with library.safe_open(f"st/{name}.safetensors", "numpy") as file:
        assert set(file.keys()) == set(vae.parameters.shapes)
        for parameter, view in vae.parameters.items():
            assert_array_equal(file.get_tensor(parameter), view)
        assert 'prior = "' in file.metadata()["config"] and file.metadata()["data_dim"] == str(vae.data_dim)


# ---- what they tell about the data ----

COLUMNS = ["a*/b /* c", 'say "$x_1$" \\n??/', "größe 身高", "<d>"]


@pytest.fixture(scope="module")
def named_runs(runs):
    """The same points with names that are hard to write down: scaled by a word, and not."""
    rows = np.random.default_rng(0).normal(size=(40, 4)) * [1, 1000, 0.01, 3] + [0, 5e3, 1, -40]
    with open(runs / "named.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows.tolist()])
    options = ["--data", "named.csv", "--epochs", "1", "--hidden", "4", "--no-plots", "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(runs)
        assert main(["train", *options, "--scale", "standardise", "--out", "named"]) == 0
    return runs


def unit_said(name):
    return {
        "named": "in the units of the data; they are scaled inside, by --scale standardise.",
        "bytes": "are intensities from 0 to 1: a byte v is v / 255.",
        "numbers": "are the data's numbers, without scaling.",
    }[name]


SCALES = {"named": "standardise", "bytes": "bytes", "numbers": "none"}
described = pytest.mark.parametrize("name", SCALES)


@described
def test_onnx_has_the_columns_and_the_scale(name, named_runs):
    onnx = pytest.importorskip("onnx")
    export(name, "--format", "onnx", "--out", "told")
    for what in ("encoder", "decoder"):
        model = onnx.load(f"told/model-{what}.onnx")
        props = {each.key: each.value for each in model.metadata_props}
        assert props.pop("scale") == SCALES[name] and unit_said(name) in model.doc_string
        facts = {"named": {"columns": json.dumps(COLUMNS)}, "bytes": {"image_shape": "[6, 5]"}}
        assert {key: props[key] for key in ("columns", "image_shape") if key in props} == facts.get(name, {})


@described
def test_safetensors_has_the_columns_and_the_scale(name, named_runs):
    export(name, "--format", "safetensors", "--out", "told")
    content = Path("told/model.safetensors").read_bytes()
    told = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    assert told["scale"] == SCALES[name] and all(isinstance(value, str) for value in told.values())
    if name == "named":
        scaling = load_run(name).rules.scaling
        assert json.loads(told["columns"]) == COLUMNS
        assert_array_equal(json.loads(told["data_shift"]), scaling.shift)
        assert_array_equal(json.loads(told["data_scale"]), scaling.scale)
    else:
        assert not {"columns", "data_shift", "data_scale"} & told.keys()


@described
def test_the_numpy_file_has_the_columns_and_the_scale(name, named_runs):
    export(name, "--format", "numpy", "--out", "told", "--name", f"told_{name}")
    space = runpy.run_path(f"told/told_{name}.py")
    assert space["COLUMNS"] == (COLUMNS if name == "named" else [])
    assert space["WEIGHTS"]["scale"] == SCALES[name] and unit_said(name) in space["__doc__"]


@described
@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_c_has_the_columns_and_the_scale(name, compiler, named_runs):
    """In C and in C++ no name ends a comment or a string, and all come back as they were."""
    export(name, "--format", "c", "--out", "told", "--name", f"told_{name}")
    text = Path(f"told/told_{name}.h").read_text("utf-8")
    assert unit_said(name) in text
    if name != "named":
        assert "_columns" not in text
        return
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    Path("told/main.c").write_text(
        '#include "told_named.h"\n#include <stdio.h>\nint main(void) {\n    int i;\n'
        '    for (i = 0; i < TOLD_NAMED_DATA_DIM; i++) printf("%s\\n", told_named_columns[i]);\n    return 0;\n}\n'
    )
    strict = [each for each in STRICT if compiler == "gcc" or not each.startswith("-std")]
    command = [compiler, *strict, "told/main.c", "told/told_named.c", "-o", "told/main", "-lm"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    said = subprocess.run(["./told/main"], capture_output=True, check=True).stdout.decode("utf-8")
    assert said.splitlines() == COLUMNS


# ---- wrong use ----


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("export plane", "export needs --format: onnx, c, numpy or safetensors"),
        ("export plane --format pt", "--format must be onnx, c, numpy or safetensors, not 'pt'"),
        ("export plane --format c --weights int4", "--weights must be float32 or int8, not 'int4'"),
        ("export plane --format numpy --weights int8", "--weights int8: this needs --format onnx or --format c"),
        ("export plane --format c --name 1x", "--name 1x: a name must begin with a letter"),
        ("export nowhere --format c", "nowhere: no such run folder"),
    ],
)
def test_wrong_use(args, message, capsys):
    assert main(args.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


def refused(name, kind):
    try:
        chosen_format(kind, name)
    except OptionError as error:
        return error.option == "name"
    return False


@pytest.mark.parametrize("kind", ["onnx", "c", "numpy", "safetensors"])
def test_names_of_devices_and_usual_names(kind):
    pytest.importorskip(kind) if kind == "onnx" else None
    assert all(refused(name, kind) for name in ("con", "NUL", "aux", "com1", "Lpt9"))
    assert not any(refused(name, kind) for name in ("model", "m2", "A_b", "computer", "auxiliary"))


def test_a_python_file_hides_no_module_that_python_needs(capsys):
    """Whatever a fresh Python has loaded once it has the export's own imports."""
    code = "import pathlib, numpy, sys; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    stdlib = sys.stdlib_module_names | {"numpy"}
    loaded = {name for name in run.stdout.split() if name in stdlib and not name.startswith("_")}
    assert {"numpy", "os", "math"} <= loaded
    assert [name for name in loaded if not refused(name, "numpy")] == []
    assert all(refused(name, "numpy") for name in ("json", "sitecustomize", "class", "None", "a-b"))
    assert not any(refused(name, "numpy") for name in ("match", "stdio", "onnx", "modèle"))
    assert main(["export", "plane", "--format", "numpy", "--name", "numpy", "--out", "hides"]) == 2
    assert capsys.readouterr().err == (
        "minidecomp: --name numpy: numpy.py would hide a module that Python needs; choose another name\n"
    )
    assert not Path("hides").exists()


def test_a_header_hides_none_of_the_c_library(tmp_path, capsys):
    """Neither the standard's, nor one that they include here."""
    standard = """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdarg stdbool
        stddef stdint stdio stdlib string tgmath time wchar wctype"""
    standard = standard.split()
    assert all(refused(name, "c") and refused(name.upper(), "c") for name in standard)
    assert refused("modèle", "c") and not any(refused(name, "c") for name in ("numpy", "int", "a-b", "mathematics"))
    assert main(["export", "plane", "--format", "c", "--name", "math", "--out", "hides"]) == 2
    assert "--name math: math.h would hide the C library's <math.h>" in capsys.readouterr().err
    assert not Path("hides").exists()
    if GCC is not None:
        (tmp_path / "all.c").write_text("".join(f"#include <{name}.h>\n" for name in standard))
        run = subprocess.run([GCC, "-M", str(tmp_path / "all.c")], capture_output=True, text=True, check=True)
        found = {Path(each) for each in re.findall(r"\S+\.h\b", run.stdout)}
        beside = {
            each.stem for each in found if each.with_name("stddef.h").exists() or each.with_name("math.h").exists()
        }
        assert {"math", "stdint", "features"} <= beside
        assert [name for name in beside if re.match("[a-z]", name) and not refused(name, "c")] == []


def test_without_onnx(monkeypatch, capsys):
    from minidecomp import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    assert main(["export", "plane", "--format", "onnx"]) == 2
    assert f"it needs onnx: {pip_install('minidecomp[onnx]')}" in capsys.readouterr().err

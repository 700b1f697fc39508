"""docs/embedding.md: its commands run in order, its programs work, and its table of memory is what export counts."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minidecomp.cli.main import main
from minidecomp.data import fashion_mnist
from minidecomp.errors import DataError
from minidecomp.export.networks import buffers, decoder_of, encoder_of
from minidecomp.export.onnx import write_onnx
from minidecomp.export.quantised import WEIGHTS, constant_bytes
from minidecomp.model import from_options
from minidecomp.settings.resolving import resolve

PAGE = (Path(__file__).parents[2] / "docs/embedding.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_its_commands_and_programs(own_folder, capsys):
    for package in ("onnx", "onnxruntime", "safetensors"):
        pytest.importorskip(package)
    said = printed = ""
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if kind in ("c", "python"):
            Path(re.match(r"(?:/\* |# )(\S+\.\w+)", text)[1]).write_text(text, "utf-8")
        for line in text.splitlines() if kind == "sh" else ():
            program, *words = shlex.split(line)
            if program == "minidecomp":
                more = ["--no-plots", "--quiet"] if words[0] == "train" else []
                code, (out, err) = main([*words, *more]), capsys.readouterr()
                assert code == 0, (line, err)
                printed += out
                continue
            command = [sys.executable, *words] if program == "python" else [program, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done.stdout + done.stderr)
            said += done.stdout
    assert "self-check: 0\ncode " in said and said.count('prior = "mixture"') == 2 and "pinwheel.h 2" in said
    check_what_it_shows(printed)
    headers = [Path(folder, "pinwheel.h").read_text("utf-8") for folder in ("c", "sampled", "unchecked")]
    assert ["first point of" in headers[0], "a sample from" in headers[1], "check" in headers[2]] == [True, True, False]


def check_what_it_shows(printed):
    """The commands print each line of output on the page: counts are equal, int8 errors nearly."""
    blocks = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    errors = [line for line in lines if "standard deviation " in line]
    assert len(errors) == 4 and len(lines) == 14
    for line in errors:
        what, numbers = line.split(": ")
        [again] = set(re.findall(f"^{what}: (.*)$", printed, re.MULTILINE))  # C and ONNX print the same
        number = r"\b\d[\d.]*"
        assert list(map(float, re.findall(number, numbers.replace("x_", "x")))) == pytest.approx(
            list(map(float, re.findall(number, again.replace("x_", "x")))), rel=0.3
        )
    for line in set(lines) - set(errors):
        counted = re.split(r"; \d+ bytes of code|, and \d+ bytes of stack", line)[0]  # compilers differ in the rest
        assert f"\n{counted}" in f"\n{printed}", line


def test_its_words_about_int8(own_folder):
    """Constants become half in the small network; constants and ONNX files of a large one a fourth."""
    pytest.importorskip("onnx")
    assert "the constants of the small network below become half" in PAGE
    for hidden, low, high in (("100", 1.9, 2.1), ("512,512", 3.8, 4)):
        vae = from_options.vae(resolve({"hidden": hidden}), 2)
        chains = encoder_of(vae), decoder_of(vae)
        wide, narrow = (sum(constant_bytes(chain, weights) for chain in chains) for weights in WEIGHTS)
        assert low < wide / narrow < high
    sizes = [sum(path.stat().st_size for path in write_onnx(vae, own_folder, each, weights=each)) for each in WEIGHTS]
    assert 3.8 < sizes[0] / sizes[1] < 4


def test_its_table_of_memory():
    rows = re.findall(r"^\| (\S+), \d[\d-]+ \| (float32|int8) \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for name, weights, numbers in rows:
        vae = from_options.vae(resolve({"data": name.lower()}), {"pinwheel": 2, "fashion-mnist": 784}[name.lower()])
        chains = encoder_of(vae), decoder_of(vae)
        counted = [*(constant_bytes(chain, weights) for chain in chains), 4 * sum(buffers(chains))]
        assert [int(each.replace(",", "")) for each in numbers.split(" | ")] == counted
    options = re.search(r"`(--hidden .*?)` takes ([\d,]+) bytes", PAGE)
    _, hidden, _, latent = options[1].split()
    small = from_options.vae(resolve({"data": "fashion-mnist", "hidden": hidden, "latent_dim": latent}), 784)
    assert constant_bytes(encoder_of(small), "int8") == int(options[2].replace(",", ""))


@pytest.mark.slow
def test_the_commands_of_the_table(capsys):
    try:
        fashion_mnist.find()
    except DataError as error:
        pytest.skip(str(error))
    [block] = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines():
        _, program, *words = shlex.split(line)
        assert program == "minidecomp" and main(words) == 0
    assert "(encode 723744, decode 703616)" in capsys.readouterr().out

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
from minidecomp.export.quantised import constant_bytes
from minidecomp.model import from_options
from minidecomp.settings.resolving import resolve

PAGE = (Path(__file__).parents[2] / "docs/embedding.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_its_commands_and_programs(own_folder, capsys):
    for package in ("onnx", "onnxruntime", "safetensors"):
        pytest.importorskip(package)
    said = ""
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if kind in ("c", "python"):
            Path(re.match(r"(?:/\* |# )(\S+\.\w+)", text)[1]).write_text(text, "utf-8")
        for line in text.splitlines() if kind == "sh" else ():
            program, *words = shlex.split(line)
            if program == "minidecomp":
                more = ["--no-plots", "--quiet"] if words[0] == "train" else []
                assert main([*words, *more]) == 0, (line, capsys.readouterr().err)
                continue
            command = [sys.executable, *words] if program == "python" else [program, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done.stdout + done.stderr)
            said += done.stdout
    assert "self-check: 0\ncode " in said and said.count('prior = "mixture"') == 2 and "pinwheel.h 2" in said
    headers = [Path(folder, "pinwheel.h").read_text("utf-8") for folder in ("c", "sampled", "unchecked")]
    assert ["first point of" in headers[0], "a sample from" in headers[1], "check" in headers[2]] == [True, True, False]


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

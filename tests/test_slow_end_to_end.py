"""Long checks: the real Fashion-MNIST through the command line, and a build without run-time dispatch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from source_tree import copy_of_the_source

from minidecomp.cli.main import main
from minidecomp.data import fashion_mnist
from minidecomp.errors import DataError

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


def test_fashion_mnist(tmp_path, monkeypatch, capsys):
    try:
        fashion_mnist.find()
    except DataError as error:
        pytest.skip(str(error))
    monkeypatch.chdir(tmp_path)
    args = ["--prior", "sparse", "--alpha", "100", "--epochs", "2", "--limit", "20000", "--json", "-q"]
    assert main(["train", *args]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["train"]["epoch"] == 2 and result["test"]["points"] == 10000
    # An untrained decoder gives about -1600; blurred clothes are far above the constant image's -480.
    assert result["test"]["log_likelihood"] > -200
    assert {Path(path).name for path in result["pictures"]} == {
        "class_activity.png",
        "learning_curves.png",
        "reconstructions.png",
        "samples.png",
    }


PROBE = """
import sys
import numpy as np
from minidecomp import build, resolve
from minidecomp._core import engine_float32
from minidecomp.engines.cpu import CpuEngine
from minidecomp.model.optimizer import Adam
assert engine_float32.__file__.startswith(sys.argv[2]), engine_float32.__file__
engine_float32.use_blas(False)
options = resolve(data="own.npy", prior="sparse", likelihood="bernoulli", alpha=2, latent_dim=20, hidden=(70, 40))
vae = build.vae(options, 90)
data = (np.random.default_rng(0).random((200, 90)) < 0.3).astype(np.float32)
adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
engine = CpuEngine(vae, build.objective(options), max_rows=50, threads=2)
assert engine.train(data, np.arange(200), 50, adam, 0, totals) is None
np.save(sys.argv[1], np.concatenate([adam.m, totals]))
"""


def test_plain_code_agrees_with_the_dispatched(tmp_path):
    """MINIDECOMP_NO_CLONES=1 builds what a compiler without run-time dispatch would."""
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        str(tmp_path / "plain"),
        str(copy_of_the_source(tmp_path)),
    ]
    subprocess.run(install, check=True, env=os.environ | {"MINIDECOMP_NO_CLONES": "1"})
    results = {}
    for name, path in (("plain", str(tmp_path / "plain")), ("dispatched", "")):
        out = tmp_path / f"{name}.npy"
        env = os.environ | ({"PYTHONPATH": path} if path else {})
        subprocess.run([sys.executable, "-c", PROBE, str(out), path], check=True, env=env, cwd=tmp_path)
        results[name] = np.load(out)
    largest = np.abs(results["plain"]).max()
    np.testing.assert_allclose(results["dispatched"], results["plain"], rtol=1e-4, atol=1e-6 * largest)

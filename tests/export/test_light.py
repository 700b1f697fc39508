"""Using a trained model takes NumPy alone, little memory, and of the compiled modules the table of codes."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_runs import MODELS, make_runs

from minidecomp import load_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return make_runs(tmp_path_factory.mktemp("light"))


BARE = """
import sys
for name in ("scipy", "click", "matplotlib", "sklearn", "cupy"):
    sys.modules[name] = None
for name in ("engine_float32", "engine_float64", "sprites"):
    sys.modules["minidecomp._core." + name] = None
import numpy as np
import minidecomp
run = minidecomp.load_run(sys.argv[1])
given = np.load("given.npz")
loc, scale = run.vae.encode(given["x"])
np.savez("made.npz", loc=loc, scale=scale, mean=run.vae.likelihood.mean(run.vae.decode(given["z"])))
"""


@pytest.mark.parametrize(
    "name", [name if name in ("plane", "scaled") else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_with_numpy_alone(name, runs, monkeypatch):
    """No SciPy, no click, and none of the compiled modules that compute."""
    monkeypatch.chdir(runs)
    vae, rng = load_run(name).vae, np.random.default_rng(0)
    x, z = (rng.random((3, n)).astype(np.float32) for n in (vae.data_dim, vae.latent_dim))
    np.savez("given.npz", x=x, z=z)
    run = subprocess.run([sys.executable, "-c", BARE, name], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with np.load("made.npz") as made:
        np.testing.assert_array_equal(made["loc"], vae.encode(x)[0])
        np.testing.assert_array_equal(made["mean"], vae.likelihood.mean(vae.decode(z)))


MEMORY = """
import re, sys
import numpy as np
def peak():
    return re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
numpy_alone = peak()
import minidecomp
run = minidecomp.load_run(sys.argv[1])
run.vae.encode(np.zeros((1, 2), np.float32))
print(numpy_alone, peak())
print(*(name for name in sys.modules if name.split(".")[0] in ("scipy", "click", "matplotlib", "sklearn", "cupy")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory(runs):
    """The pinwheel's model, encoded once: under 60 MB at the peak, and what the pages say beyond NumPy's part."""
    command = [sys.executable, "-W", "ignore", "-c", MEMORY, str(runs / "plane")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks, imported = run.stdout.split("\n")[:2]
    numpy_alone, peak = (int(kib) * 1024 / 1e6 for kib in peaks.split())
    assert peak < 60 and imported == ""
    python, readme = ((ROOT / name).read_text("utf-8") for name in ("docs/python.md", "README.md"))
    [(whole, part)] = re.findall(r"and (\d+) MB \(`VmHWM` in .*?; (\d+) MB of this are NumPy", python)
    assert re.search(r"first encoding, and (\d+)\sMB of memory", readme)[1] == whole
    assert int(whole) - int(part) == pytest.approx(peak - numpy_alone, abs=2)  # versions of NumPy differ in their part

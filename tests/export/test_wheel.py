"""The wheel: built, repaired for other Linuxes, small, and at work in an environment that has nothing else."""

import subprocess
import sys
import venv
import zipfile

import documented
import pytest
from source_tree import ROOT, copy_of_the_source

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="auditwheel is Linux's")]


def run(*command, cwd=None):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("auditwheel")
    folder = tmp_path_factory.mktemp("wheel")
    copy_of_the_source(folder)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder / "built", folder / "source")
    [built] = (folder / "built").glob("*.whl")
    run(sys.executable, "-m", "auditwheel", "repair", "-w", folder / "repaired", built)
    [repaired] = (folder / "repaired").glob("*.whl")
    return repaired


def test_its_size_and_what_is_in_it(wheel):
    assert wheel.stat().st_size < 1.8e6 and "manylinux" in wheel.name
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "_core/kernels.cu",
        "_core/gpu/layers.cuh",
        "_core/formulas.h",
        "_core/codes.h",
        "report/page.html",
        "report/explorer.js",
        "page/drawing.js",
        "playground/page.html",
        "py.typed",
    ):
        assert f"minidecomp/{needed}" in names
    assert not [name for name in names if name.endswith((".pyx", ".pxi", ".c")) or name.startswith("tests/")]


def test_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    command = tmp_path / "env" / "bin" / "minidecomp"
    assert run(command, "--version").startswith("minidecomp ")
    options = ["--prior", "mixture", "--alpha", "5", "--epochs", "20", "--out", "run", "--quiet"]
    assert "20 epochs in" in run(command, "train", *options, cwd=tmp_path)
    run(command, "evaluate", "run", cwd=tmp_path)
    run(command, "gradients", "run", "--check", "--points", "8", cwd=tmp_path)
    run(command, "report", "run", cwd=tmp_path)
    run(command, "playground", "run", "--no-open", cwd=tmp_path)
    run(command, "export", "run", "--format", "numpy", cwd=tmp_path)
    assert (tmp_path / "run/report.html").stat().st_size > 10_000


def test_everything_in_the_readme_works_in_the_clone(wheel, tmp_path):
    """After its first command, a plain installation with pictures, in the folder that has the source."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[plots]")
    clone = copy_of_the_source(tmp_path)
    for kind, text in documented.blocks(ROOT / "README.md"):
        documented.run(kind, text, clone, python)

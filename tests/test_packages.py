"""The hints of packages to install name commands that work, however minidecomp was installed."""

import shlex
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import minidecomp
from minidecomp import packages
from minidecomp.packages import extra_packages, missing, pip_install

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


@pytest.fixture
def own_pip(monkeypatch):
    """The shell's pip is this Python's."""
    monkeypatch.setattr(shutil, "which", lambda name: str(Path(sys.executable).parent / name))


@pytest.fixture(params=["a clone", "a wheel"])
def installed(request, monkeypatch, own_pip, tmp_path):
    if request.param == "a wheel":
        lines = [f'{each}; extra == "{extra}"' for extra in EXTRAS for each in EXTRAS[extra] if ";" not in each]
        monkeypatch.setattr(metadata, "requires", lambda name: ["numpy>=1.26", *lines])
        monkeypatch.setattr(packages, "SOURCE", tmp_path / "pyproject.toml")


def test_an_extra_is_its_packages(installed):
    """minidecomp itself is not on PyPI: pip install minidecomp[plots] fails."""
    assert pip_install("minidecomp[plots]") == 'pip install "matplotlib>=3.8"'
    assert shlex.split(pip_install("minidecomp[tables]"))[2:] == EXTRAS["tables"]
    assert (
        pip_install("minidecomp[gpu]", "--force-reinstall") == 'pip install --force-reinstall "cupy-cuda12x[ctk]>=14"'
    )
    assert pip_install("onnx") == "pip install onnx"
    assert extra_packages("nothing") == []


def test_every_hint_names_an_extra():
    code = [path for folder in ("minidecomp", "cli") for path in (Path(__file__).parents[1] / folder).rglob("*.py")]
    named = {extra for path in code for extra in packages.OURS.findall(path.read_text("utf-8"))} - {"EXTRA"}
    assert named >= {"plots", "tables", "dask"} and named <= set(EXTRAS)


def test_the_pip_of_this_python(monkeypatch, own_pip):
    """Another environment's pip would install where minidecomp cannot see it."""
    assert pip_install("onnx") == "pip install onnx"
    monkeypatch.setattr(shutil, "which", lambda name: "/elsewhere/pip")
    monkeypatch.setattr(sys, "executable", "/my tools/python")
    assert pip_install("onnx") == '"/my tools/python" -m pip install onnx'


def test_what_is_missing_or_broken(monkeypatch, tmp_path, installed):
    assert missing("not_there", "minidecomp[plots]", "Plots") == 'it needs Plots: pip install "matplotlib>=3.8"'
    (tmp_path / "broken_one.py").write_text("raise RuntimeError('no library\\nat all')")
    monkeypatch.syspath_prepend(tmp_path)
    assert missing("broken_one", "minidecomp[plots]") == (
        "broken_one is installed but broken (RuntimeError: no library); "
        'pip install --force-reinstall "matplotlib>=3.8" may repair it'
    )
    assert missing("json", "json") is None


def test_dir_has_what_is_imported():
    assert dir(minidecomp) == sorted(minidecomp.__all__)
    assert all(getattr(minidecomp, name) is not None for name in dir(minidecomp))

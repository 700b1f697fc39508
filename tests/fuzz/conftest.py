"""A small trained run, which each fuzzer may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from minidecomp.cli.main import main

OPTIONS = "--prior gaussian --data pinwheel --prior-variance pca --alpha 1 --regulariser mmd --points-per-arm 10 --hidden 4 --epochs 2 --log-gradients --threads 1"


@pytest.fixture(scope="package")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it was trained and evaluated."""
    folder = tmp_path_factory.mktemp("fuzz") / "run"
    assert main(["train", *OPTIONS.split(), "--quiet", "--no-plots", "--out", str(folder)]) == 0
    assert main(["evaluate", str(folder), "--quiet", "--log-likelihood", "--importance-samples", "3"]) == 0
    return folder


@pytest.fixture
def a_run(trained_run: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained_run, tmp_path / "run"))

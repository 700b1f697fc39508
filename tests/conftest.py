"""Every test begins alike on every machine: as for a user who has set nothing and has no GPU."""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Whoever starts the tests in the background has them ignore Ctrl-C, and so would the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DISPLAY = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "MPLBACKEND")  # what is printed and drawn depends on these
BROWSER = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")  # without these none is opened
# A program that a test starts keeps its compiled modules, so that the next one need not compile them.
COMPILED = ("PYTHONDONTWRITEBYTECODE",)

_number = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def clean_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No MINIDECOMP_* variable and an empty cache; the CPU is the engine, for programs that a test starts as well."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("MINIDECOMP_") or name in DISPLAY + BROWSER + COMPILED:
                patch.delenv(name)
        patch.setattr("webbrowser.open", lambda url: False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MINIDECOMP_ENGINE", "cpu")
        base = tmp_path_factory.getbasetemp()  # a worker's lies in the folder that all of them share
        patch.setenv("TESTS_SHARED_FOLDER", str(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base))
        # ``devices.missing`` stays the real one, for tests of choosing and for those marked gpu.
        for module in ("minidecomp.engines.choice", "minidecomp.engines.probe"):
            patch.setattr(f"{module}.missing", lambda: "the tests use none")
            patch.setattr(f"{module}.has_cupy", lambda: False)
        yield


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Like pytest's, but without the search for a free name and the link, which cost more than most tests here."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{name}-{next(_number)}", numbered=False)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in an empty folder, which it gets by this name as well."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

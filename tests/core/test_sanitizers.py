"""The compiled code under gcc's address and undefined-behaviour sanitizers, at work on its own tests."""

import os
import shutil
import subprocess
import sys

import pytest
from source_tree import copy_of_the_source

CHOSEN = ["core", "engines/test_engine_cpu.py", "engines/test_own_prior.py", "engines/test_engine_concurrency.py"]
CHOSEN += ["data/test_data_sprites.py"]
# Python compiles with -fwrapv, which would make signed overflow right; clones are chosen before a sanitizer is at work.
FLAGS = ["-O1", "-g1", "-fno-wrapv", "-march=native", "-fno-omit-frame-pointer"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the sanitizer is preloaded as on Linux"),
]


def libraries():
    """What must be loaded before Python: the sanitizers, and the C++ library whose exceptions they follow."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    found = []
    for name in ("libasan.so", "libubsan.so", "libstdc++.so.6"):
        asked = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
        found.append(asked.stdout.strip())
        if not os.path.isabs(found[-1]):
            pytest.skip(f"gcc has no {name}")
    return found


def run(*command, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-20_000:]
    return done.stdout


def test_nothing_is_found(tmp_path):
    preloaded = " ".join(libraries())
    copy_of_the_source(tmp_path)
    build = {"CC": "gcc", "MINIDECOMP_NO_CLONES": "1", "MINIDECOMP_FLAGS": " ".join(FLAGS)}
    to_built = ["--quiet", "--no-deps", "--target", tmp_path / "built"]
    run("-m", "pip", "install", *to_built, tmp_path / "source", cwd=tmp_path, **build)
    at_work = {"LD_PRELOAD": preloaded, "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    at_work |= {"PYTHONPATH": str(tmp_path / "built"), "PYTHONMALLOC": "malloc"}
    where = run(
        "-c", "from minidecomp._core import engine_float32; print(engine_float32.__file__)", cwd=tmp_path, **at_work
    )
    assert where.startswith(str(tmp_path / "built"))
    tests = [tmp_path / "source/tests" / chosen for chosen in CHOSEN]
    # The emulated device is built from headers that are not installed, and is no part of what is looked at here.
    # Not captured by its file descriptor: what a sanitizer says before it ends the process must come out.
    said = run(
        "-m",
        "pytest",
        "-q",
        "-x",
        "-k",
        "not emulated",
        "--capture=sys",
        "-p",
        "no:cacheprovider",
        *tests,
        cwd=tmp_path,
        **at_work,
    )
    assert " passed" in said

"""``import minidecomp`` in a clone: the installed package, or one line that says how to install it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minidecomp._core as core

ROOT = Path(__file__).parents[1]


def python(folder, path, *arguments):
    """Run Python in a folder with a path of its own and without this environment's packages."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clone(tmp_path):
    """The source folder as git gives it: the core and the command are beside the package, not in it."""
    folder = tmp_path / "clone"
    for name in ("minidecomp", "_core", "cli"):
        ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "_core", "cli")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


@pytest.fixture
def site(clone, tmp_path):
    """A folder of packages with minidecomp installed in it."""
    folder = tmp_path / "site"
    shutil.copytree(clone / "minidecomp", folder / "minidecomp")
    shutil.copytree(clone / "cli", folder / "minidecomp" / "cli")
    (folder / "minidecomp" / "_core").mkdir()
    for path in Path(core.__path__[0]).iterdir():
        if path.suffix in (".so", ".pyd", ".py"):
            shutil.copy(path, folder / "minidecomp" / "_core")
    return folder


def test_in_a_clone_after_a_plain_installation(clone, site):
    code = "import minidecomp, minidecomp.errors, minidecomp._core.codes; print(minidecomp.__file__, minidecomp.errors)"
    done = python(clone, site, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(site)) == 2 and str(clone) not in done.stdout


def test_the_versions_of_code_are_not_mixed(clone, site):
    path = clone / "minidecomp" / "__init__.py"
    path.write_text(path.read_text("utf-8").replace('__version__ = "', '__version__ = "9.'), encoding="utf-8")
    done = python(clone, site, "-c", "import minidecomp; print(minidecomp.__version__)")
    assert done.returncode == 0 and not done.stdout.startswith("9.")


def test_in_a_clone_without_an_installation(clone, tmp_path):
    done = python(clone, tmp_path, "-c", "import minidecomp")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ImportError: minidecomp is not installed; run: pip install -e '{clone}'"


def test_threads_that_import_at_once_have_one_module(clone, site):
    code = """
import importlib, threading
barrier, found = threading.Barrier(8), []
def load():
    barrier.wait()
    found.append(importlib.import_module("minidecomp"))
threads = [threading.Thread(target=load) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(set(map(id, found))), found[0].__spec__.origin)
"""
    done = python(clone, site, "-c", code)
    assert done.stdout.split() == ["1", str(site / "minidecomp" / "__init__.py")], done.stderr


def test_odd_entries_of_the_path(clone, site, tmp_path):
    (tmp_path / "half" / "minidecomp" / "_core").mkdir(parents=True)
    odd = f"import sys; sys.path[1:1] = [None, 3, {str(tmp_path / 'half')!r}]"
    done = python(clone, site, "-c", f"{odd}; import minidecomp; print(minidecomp.__file__)")
    assert done.stdout.strip() == str(site / "minidecomp" / "__init__.py"), done.stderr


@pytest.mark.parametrize(
    ("missing", "line"), [("minidecomp._core.codes", "the compiled core is missing"), ("numpy", "numpy is not")]
)
def test_what_is_not_installed_is_one_line(missing, line):
    without = f"import sys; sys.modules[{missing!r}] = None"
    code = f"{without}; from minidecomp.cli.main import main; sys.exit(main(['train', '--help']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"minidecomp: {line}") and done.stderr.count("\n") == 1

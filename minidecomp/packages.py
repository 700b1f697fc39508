"""Optional packages: whether one is installed, whether it works, and the command that installs it."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

OURS = re.compile(r"minidecomp\[([\w-]+)\]")
SOURCE = Path(__file__).parents[1] / "pyproject.toml"  # exists if minidecomp runs from a clone


def is_installed(module: str) -> bool:
    """Whether a top-level module is installed, without importing it."""
    try:
        return find_spec(module) is not None
    except ValueError:  # a stand-in in sys.modules that is not a module
        return False


def missing(module: str, install: str, title: str = "") -> str | None:
    """Import a package; return why it cannot be used, as the words after "cannot be used: ", or None if it can.

    Parameters
    ----------
    module : str
        The module to import.
    install : str
        The argument for `pip_install`.
    title : str
        The package's name, if it differs from the module's.
    """
    title = title or module
    if not is_installed(module.partition(".")[0]):
        return f"it needs {title}: {pip_install(install)}"
    try:
        import_module(module)
    except Exception as error:  # a broken package raises anything
        reason = (str(error).splitlines() or [""])[0]
        shown = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        return f"{title} is installed but broken ({shown}); {pip_install(install, '--force-reinstall')} may repair it"
    return None


def pip_install(what: str, *flags: str) -> str:
    """The command that installs a package, or the packages of one of our extras, into this Python.

    The command names the packages themselves, so it works from any folder and for any installation of minidecomp:
    minidecomp is not on PyPI, so ``pip install minidecomp[plots]`` would not find it.

    Parameters
    ----------
    what : str
        The argument of ``pip install``, or ``minidecomp[EXTRA]``.
    *flags : str
        Flags for ``pip install``.
    """
    ours = OURS.fullmatch(what)
    names = (extra_packages(ours[1]) if ours else []) or [what]
    return " ".join([_pip(), "install", *flags, *map(_quoted, names)])


def extra_packages(extra: str) -> list[str]:
    """The packages of one of our extras, such as ``["matplotlib>=3.8"]``; [] if they are not known."""
    return _of_source(extra) or _of_installed(extra)


def _of_source(extra: str) -> list[str]:
    try:
        project = tomllib.loads(SOURCE.read_text("utf-8"))["project"]
        return list(project["optional-dependencies"][extra]) if project["name"] == "minidecomp" else []
    except (OSError, KeyError, tomllib.TOMLDecodeError):  # not a clone
        return []


def _of_installed(extra: str) -> list[str]:
    try:
        required = metadata.requires("minidecomp") or []
    except metadata.PackageNotFoundError:
        return []
    split = [each.partition(";") for each in required]
    return [name.strip() for name, _, marker in split if re.search(rf"extra == [\"']{extra}[\"']", marker)]


def _pip() -> str:
    """``pip`` if the shell's pip belongs to this Python, otherwise this Python with ``-m pip``."""
    found = shutil.which("pip")
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        return "pip"
    return f"{_quoted(sys.executable)} -m pip"


def _quoted(word: str) -> str:
    """The word in double quotes, if a shell (also on Windows) would not take it literally."""
    return word if re.fullmatch(r"[\w./:\\-]+", word) else f'"{word}"'

"""Packages that some things need and others do not: whether one is here, and whether it works."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec


def is_installed(module: str) -> bool:
    """Whether a top-level module is installed; it is not imported."""
    try:
        return find_spec(module) is not None
    except ValueError:  # a stand-in in sys.modules that is no module
        return False


def missing(module: str, install: str, title: str = "") -> str | None:
    """Why a package cannot be used, as the words after "cannot be used: "; None where it can. It is imported.

    Parameters
    ----------
    module : str
        What is imported.
    install : str
        What ``pip install`` takes for it.
    title : str
        Its name where that is not the module's.
    """
    title = title or module
    if not is_installed(module.partition(".")[0]):
        return f"it needs {title}: pip install '{install}'"
    try:
        import_module(module)
    except Exception as error:  # a broken package raises anything
        reason = (str(error).splitlines() or [""])[0]
        shown = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        return f"{title} is installed but broken ({shown}); pip install --force-reinstall '{install}' may mend it"
    return None

"""minidecomp: compact variational autoencoders with the decomposition objective, every gradient written out by hand."""

from __future__ import annotations

import os
import sys
from typing import Any

__version__ = "0.1.0"

# Imported on first use, so that `import minidecomp` and `minidecomp --help` are fast.
_PLACES = {
    "VAE": "model.vae",
    "Objective": "objective",
    "TrainOptions": "settings.options",
    "DecompositionVAE": "estimator",
    "Log": "loggers.log",
    "resolve": "settings.resolving",
    "load_run": "runs.checkpoint",
}
__all__ = ["VAE", "DecompositionVAE", "Log", "Objective", "TrainOptions", "__version__", "load_run", "resolve"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'minidecomp' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"minidecomp.{_PLACES[name]}"), "load" if name == "load_run" else name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _use_the_installed_package() -> None:
    """In a clone after a plain ``pip install .``: use the installed package in place of this one.

    If Python starts in the clone, it finds the folder ``minidecomp`` first, but only the installed package has the
    compiled core. After ``pip install -e .`` the two are the same, and this function does nothing.

    Raises
    ------
    ImportError
        If no package is installed.
    """
    from importlib import util

    if util.find_spec("minidecomp._core") is not None:
        return
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in filter(lambda entry: isinstance(entry, str), sys.path):
        package = os.path.join(os.path.abspath(folder), "minidecomp")
        start = os.path.join(package, "__init__.py")
        if package != here and os.path.isdir(os.path.join(package, "_core")) and os.path.isfile(start):
            break
    else:
        raise ImportError(f"minidecomp is not installed; run: pip install -e {os.path.dirname(here)!r}")
    # This module becomes the installed one. A second module would be another object for threads that import now.
    globals().update(__file__=start, __path__=[package])
    __spec__.submodule_search_locations, __spec__.origin = [package], start
    with open(start, encoding="utf-8") as file:
        exec(compile(file.read(), start, "exec"), globals())


if not os.path.isdir(os.path.join(os.path.dirname(__file__), "_core")):
    _use_the_installed_package()

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
    for folder in sys.path:
        package = os.path.join(os.path.abspath(folder), "minidecomp")
        if package != here and os.path.isdir(os.path.join(package, "_core")):
            break
    else:
        clone = os.path.dirname(here)
        raise ImportError(f"minidecomp is not installed; run: pip install -e {clone!r}")
    spec = util.spec_from_file_location(
        "minidecomp", os.path.join(package, "__init__.py"), submodule_search_locations=[package]
    )
    assert spec is not None and spec.loader is not None
    installed = util.module_from_spec(spec)
    sys.modules["minidecomp"] = installed  # `import` takes the module from here after running this file
    spec.loader.exec_module(installed)


if not os.path.isdir(os.path.join(os.path.dirname(__file__), "_core")):
    _use_the_installed_package()

"""minidecomp: compact variational autoencoders with the decomposition objective, every gradient written out by hand."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

# Looked up on first use, so that `import minidecomp` and `minidecomp --help` cost next to nothing.
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

"""Adam, under the name in docs/python.md."""

from .model.optimizer import Adam

__all__ = ["Adam"]

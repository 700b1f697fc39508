"""Adam, by the name that docs/python.md has."""

from .model.optimizer import Adam

__all__ = ["Adam"]

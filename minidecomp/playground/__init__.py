"""The playground: one HTML page that trains small models as you watch, from scratch or from a run."""

from .content import content
from .page import page, write_playground

__all__ = ["content", "page", "write_playground"]

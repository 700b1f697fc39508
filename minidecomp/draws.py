"""The random numbers of a step, under the name in docs/python.md."""

from .randomness.draws import Draws, draw, sample_prior

__all__ = ["Draws", "draw", "sample_prior"]

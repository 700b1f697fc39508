"""The random numbers of a step, by the name that docs/python.md has."""

from .randomness.draws import Draws, draw, sample_prior

__all__ = ["Draws", "draw", "sample_prior"]

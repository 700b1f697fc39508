"""The streams of random numbers: what each draw is for."""

from __future__ import annotations

from .._core.codes import POSTERIOR, PRIOR, PRIOR_CHOICE, SHUFFLE

__all__ = ["DATA", "EVALUATION", "INIT", "POSTERIOR", "PRIOR", "PRIOR_CHOICE", "SAMPLE", "SHUFFLE", "SPLIT"]

# Purposes; each has a stream of its own.
INIT, DATA, SPLIT, SAMPLE, EVALUATION = 3, 5, 6, 7, 8

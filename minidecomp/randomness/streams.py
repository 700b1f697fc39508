"""The streams of random numbers: what each draw is for."""

from __future__ import annotations

from .._core.codes import POSTERIOR, PRIOR, PRIOR_CHOICE, SHUFFLE

__all__ = ["DATA", "EVALUATION", "INIT", "POSTERIOR", "PRIOR", "PRIOR_CHOICE", "SAMPLE", "SHUFFLE", "SPLIT"]

# Purposes; each has a stream of its own.
INIT, DATA, SPLIT, SAMPLE, EVALUATION = 3, 5, 6, 7, 8
METRICS = 9  # their own generators are NumPy's; its seed has 32 bits, and a larger one is drawn here

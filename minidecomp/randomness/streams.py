"""The streams of random numbers: what each draw is for."""

from __future__ import annotations

# Purposes; each has a stream of its own.
POSTERIOR, PRIOR, PRIOR_CHOICE, INIT, SHUFFLE, DATA, SPLIT, SAMPLE, EVALUATION = range(9)

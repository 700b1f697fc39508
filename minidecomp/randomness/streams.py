"""The streams of random numbers: what each draw is for."""

from __future__ import annotations

# Purposes; each has a stream of its own.
POSTERIOR, PRIOR, PRIOR_CHOICE, INIT, SHUFFLE, DATA, SPLIT, SAMPLE, EVALUATION = range(9)
METRICS = 9  # their own generators are NumPy's; its seed has 32 bits, and a larger one is drawn here

"""The streams of random numbers: every use of the generator, and the counters (purpose, step) that it alone has.

No two streams share a counter, so that no two uses draw the same numbers at one seed. All code that draws takes its
stream from here. (The metrics draw from NumPy's generators, as the libraries that they follow do; their seed is a
stream's.)
"""

from __future__ import annotations

from dataclasses import dataclass

# The purposes that compiled code draws, too.
from .._core.codes import POSTERIOR, PRIOR, PRIOR_CHOICE, SHUFFLE

# What an engine draws for a batch, all at one step: the posterior's noise, the prior's, the prior's choices.
_BATCH = (POSTERIOR, PRIOR, PRIOR_CHOICE)
_WEIGHTS, _DATA, _SPLIT, _SAMPLES, _ENCODINGS, _METRICS = (3,), (5,), (6,), (7,), (8,), (9,)

# Training has the steps below 2^60 of a batch's purposes; the streams above it have 2^56 each. The core's steps are
# signed, hence all stay below 2^63.
_TRAINING, _WIDTH = 1 << 60, 1 << 56


@dataclass(frozen=True)
class Stream:
    """One use of random numbers: numbered draws, each at a step of its own.

    Attributes
    ----------
    purposes : tuple of int
        One purpose, or the three of a batch, which an engine draws at the same step.
    first_step, steps : int
        Draw ``number``, from 0, is at step ``first_step + number``; there are ``steps`` of them.
    """

    purposes: tuple[int, ...]
    first_step: int = 0
    steps: int = 1

    def step(self, number: int = 0) -> int:
        """The step of a draw; ValueError beyond the last, where another stream may begin."""
        if not 0 <= number < self.steps:
            raise ValueError(f"draw {number} of a stream that has {self.steps}, from 0")
        return self.first_step + number

    def at(self, number: int = 0) -> tuple[int, int]:
        """(purpose, step) of a draw, for a stream of one purpose."""
        (purpose,) = self.purposes
        return purpose, self.step(number)


# ---- a batch's draws ----

TRAINING = Stream(_BATCH, 0, _TRAINING)  # a training step's, numbered as the optimiser's
GRADIENT_LOG = Stream(_BATCH, _TRAINING, _WIDTH)  # --log-gradients' norms and cosines, one draw an epoch
GRADIENT_ARROWS = Stream(_BATCH, _TRAINING + _WIDTH, _WIDTH)  # --log-gradients' pulls on encodings, one draw an epoch
INSPECTION = Stream(_BATCH, _TRAINING + 2 * _WIDTH, _WIDTH)  # `minidecomp gradients`, numbered by training's steps
REPORT = Stream(_BATCH, _TRAINING + 3 * _WIDTH)  # the gradients of a report's test points
MARGINAL = Stream(_BATCH, 1 << 61, _WIDTH)  # importance samples, one draw a piece of the points and of their samples
EVALUATION = Stream(_BATCH, 1 << 62, _WIDTH)  # the terms on test data, and the estimator's score: one draw a batch
VALIDATION = Stream(_BATCH, (1 << 62) + _WIDTH, _WIDTH)  # the terms on validation points: one draw a batch

# ---- a model's beginning, and its data ----

WEIGHTS = Stream(_WEIGHTS, 0, 1 << 32)  # initial weights and biases, one draw a parameter array
EPOCH_ORDER = Stream((SHUFFLE,), 0, _TRAINING)  # the order of the training points, one draw an epoch
TEST_ORDER = Stream((SHUFFLE,), _TRAINING)  # the order in which test points come into batches
PINWHEEL_TRAIN = Stream(_DATA, 0)  # where the pinwheel's training points lie on their arms
PINWHEEL_TEST = Stream(_DATA, 1)  # and its test points
VALIDATION_ORDER = Stream((SHUFFLE,), _TRAINING + 1)  # the order in which validation points do
SPREAD = Stream(_SPLIT, 1)  # which of many points are looked at, always with seed 0
VALIDATION_SPLIT = Stream(_SPLIT, 2)  # which training points are kept for validation
SPLIT = Stream(_SPLIT)  # a data set's points in random order, once: which are for testing, and which --limit keeps

# ---- samples of a model ----

SAMPLE_Z = Stream(_SAMPLES, 0)  # noise of z from the prior
SAMPLE_X = Stream(_SAMPLES, 1)  # noise of x from p(x|z)
SAMPLE_CHOICE = Stream(_SAMPLES, 2)  # z's component, or where it is in the spike

# ---- statistics of encodings ----

DIMENSIONS = Stream(_ENCODINGS, 0)  # the dimension-wise KL's samples of q(z|x)
DECOMPOSITION_NOISE = Stream(_ENCODINGS, 1)  # noise of the decomposition's samples of q(z)
DECOMPOSITION_PRIOR = Stream(_ENCODINGS, 2)  # noise of its samples of p(z)
DECOMPOSITION_CHOICE = Stream(_ENCODINGS, 3)  # their components, or where they are in the spike
DECOMPOSITION_SOURCE = Stream(_ENCODINGS, 4)  # which points its samples of q(z) are of
METRICS = Stream(_METRICS)  # the metrics' seed of 32 bits, where the one given has more

"""The streams of random numbers: every use of the generator, with its own counters (purpose, step).

No two streams share a counter, so no two uses draw the same numbers with the same seed. All code that draws takes its
stream from here. (The metrics draw from NumPy's generators, like the libraries that they follow; a stream gives their
seed.)
"""

from __future__ import annotations

from dataclasses import dataclass

# The purposes that compiled code also uses.
from .._core.codes import POSTERIOR, PRIOR, PRIOR_CHOICE, SHUFFLE

# What an engine draws for a batch, all at one step: the posterior's noise, the prior's, the prior's choices.
_BATCH = (POSTERIOR, PRIOR, PRIOR_CHOICE)
_WEIGHTS, _DATA, _SPLIT, _SAMPLES, _ENCODINGS, _METRICS = (3,), (5,), (6,), (7,), (8,), (9,)

# Training has a batch's steps below 2^60; each stream above it has 2^56 steps. The core's steps are signed, so all
# stay below 2^63.
_TRAINING, _WIDTH = 1 << 60, 1 << 56


@dataclass(frozen=True)
class Stream:
    """One use of random numbers: numbered draws, each at a different step.

    Attributes
    ----------
    purposes : tuple of int
        One purpose, or the three purposes of a batch, which an engine draws at the same step.
    first_step, steps : int
        Draw ``number``, counted from 0, is at step ``first_step + number``; there are ``steps`` draws.
    """

    purposes: tuple[int, ...]
    first_step: int = 0
    steps: int = 1

    def step(self, number: int = 0) -> int:
        """The step of a draw. Raises ValueError beyond the last one, where another stream may begin."""
        if not 0 <= number < self.steps:
            raise ValueError(f"draw {number} is outside a stream of {self.steps} draws, counted from 0")
        return self.first_step + number

    def at(self, number: int = 0) -> tuple[int, int]:
        """(purpose, step) of a draw, for a stream of one purpose."""
        (purpose,) = self.purposes
        return purpose, self.step(number)


# ---- a batch's draws ----

TRAINING = Stream(_BATCH, 0, _TRAINING)  # training steps, numbered like the optimiser's
GRADIENT_LOG = Stream(_BATCH, _TRAINING, _WIDTH)  # norms and cosines of --log-gradients, one draw per epoch
GRADIENT_ARROWS = Stream(_BATCH, _TRAINING + _WIDTH, _WIDTH)  # arrows of --log-gradients, one draw per epoch
INSPECTION = Stream(_BATCH, _TRAINING + 2 * _WIDTH, _WIDTH)  # `minidecomp gradients`, numbered like the training steps
REPORT = Stream(_BATCH, _TRAINING + 3 * _WIDTH)  # the gradients of a report's test points
MARGINAL = Stream(_BATCH, 1 << 61, _WIDTH)  # importance samples, one draw per piece of the points and their samples
EVALUATION = Stream(_BATCH, 1 << 62, _WIDTH)  # the terms on test data, and the estimator's score: one draw per batch
VALIDATION = Stream(_BATCH, (1 << 62) + _WIDTH, _WIDTH)  # the terms on validation points: one draw per batch

# ---- a model's initial weights, and its data ----

WEIGHTS = Stream(_WEIGHTS, 0, 1 << 32)  # initial weights and biases, one draw per parameter array
EPOCH_ORDER = Stream((SHUFFLE,), 0, _TRAINING)  # the order of the training points, one draw per epoch
TEST_ORDER = Stream((SHUFFLE,), _TRAINING)  # the order in which test points are put into batches
PINWHEEL_TRAIN = Stream(_DATA, 0)  # the pinwheel's training points
PINWHEEL_TEST = Stream(_DATA, 1)  # the pinwheel's test points
VALIDATION_ORDER = Stream((SHUFFLE,), _TRAINING + 1)  # the order in which validation points are put into batches
SPREAD = Stream(_SPLIT, 1)  # which of many points are used, always with seed 0
VALIDATION_SPLIT = Stream(_SPLIT, 2)  # which training points are kept for validation
SPLIT = Stream(_SPLIT)  # a data set's points in random order: it decides which are for testing and which --limit keeps

# ---- samples from a model ----

SAMPLE_Z = Stream(_SAMPLES, 0)  # noise for z from the prior
SAMPLE_X = Stream(_SAMPLES, 1)  # noise for x from p(x|z)
SAMPLE_CHOICE = Stream(_SAMPLES, 2)  # the component of z, or whether it is in the spike

# ---- statistics of encodings ----

DIMENSIONS = Stream(_ENCODINGS, 0)  # samples of q(z|x) for the dimension-wise KL
DECOMPOSITION_NOISE = Stream(_ENCODINGS, 1)  # noise for the decomposition's samples of q(z)
DECOMPOSITION_PRIOR = Stream(_ENCODINGS, 2)  # noise for its samples of p(z)
DECOMPOSITION_CHOICE = Stream(_ENCODINGS, 3)  # their components, or whether they are in the spike
DECOMPOSITION_SOURCE = Stream(_ENCODINGS, 4)  # the points that its samples of q(z) belong to
METRICS = Stream(_METRICS)  # the metrics' 32-bit seed, if the given seed has more bits

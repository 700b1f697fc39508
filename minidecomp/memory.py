"""Estimate how much memory a task needs, report it, and refuse the task if the machine has less.

The estimates are of the peak, in bytes, and correct within a factor of two (tests/test_memory.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .errors import Fault

SAID = 4e9  # bytes; anything that needs more is reported
SHARE_FOR_POINTS = 1 / 4  # of all memory; points that need more stay on disk, if they can
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

# 64-bit numbers in memory at the same time, for each ...
PAIR_OF_POINTS = 7  # pair in a regulariser: the kernel, its slope, differences and sums
OF_A_MIXTURE = 5  # point, component and dimension of a mixture: the log density, its parts and its gradient
PARAMETER = 6  # parameter, for gradients term by term
# Numbers of the model's dtype, for each ...
OF_A_CODE = 48  # row and dimension: the compiled regularisers' columns and partial sums
OF_A_CELL = 8 * 8 * 3  # cell and dimension of the compiled MMD: 8 arrays of 12 or 24 doubles
# Bytes, for each ...
COPIES = 2 * 8 + 4  # value in a file: the whole and a part of it as float64, and the whole as float32
ORDERS = 4  # orders of a file's rows in memory at once: the data set's, the sorted one, those of two epochs
DRAWN = 20  # number that the textbook's generator draws
PIXEL = 130  # pixel of a mosaic that matplotlib draws


def ask(what: str, size: float, advice: str) -> None:
    """Say on stderr how much memory ``what`` will need, if it is much.

    Parameters
    ----------
    what : str
        The beginning of the line: "20000 points".
    size : float
        The estimate, in bytes.
    advice : str
        How to need less, said if the machine does not have as much: "fewer --points take less".

    Raises
    ------
    Fault
        If the machine has less memory.
    """
    if size <= SAID:
        return
    there = available()
    if there is not None and size > there:
        raise Fault(f"{what} would take about {shown(size)} of memory, and {shown(there)} are available; {advice}")
    _say(f"{what}: about {shown(size)} of memory")


def available() -> float | None:
    """The memory in bytes that the machine has or this process may use; None if it is not known."""
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # the file does not exist, or says "max"
            found.append(float(Path(limit).read_text()))
    with suppress(ImportError):  # Windows has no resource
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            if (most := resource.getrlimit(kind)[0]) != resource.RLIM_INFINITY:
                found.append(float(most))
    return min((each for each in found if each > 0), default=None)


def room_for_points() -> float:
    """How many bytes a file's points and their copies may occupy in memory."""
    there = available()
    return float("inf") if there is None else SHARE_FOR_POINTS * there


def of_points(values: int, itemsize: int) -> float:
    """A file's numbers in memory, each of the given number of bytes, with all their copies."""
    return float(values) * (2 * itemsize + (COPIES if itemsize > 1 else 1))


def of_order(rows: int) -> float:
    """The random order of rows that stay on disk, and an epoch's, while each is made or sorted."""
    return 8.0 * ORDERS * rows


@cache
def _say(line: str) -> None:
    """Print the line only once: a sweep has many runs of the same size."""
    if sys.stderr is not None:
        print(line, file=sys.stderr)


def shown(size: float) -> str:
    """20 GB."""
    return f"{size / 1e9:.3g} GB" if size < 1e12 else f"{size / 1e12:.3g} TB"


def of_training(options: Any, data_dim: int, train_points: int, test_points: int) -> float:
    """A run's training and evaluation, from the run's options; ``data_dim`` is dx, the data's width."""
    o, width = options, np.dtype(options.dtype).itemsize
    outputs = data_dim * (2 if o.likelihood == "gaussian" else 1)
    encoder, decoder = (data_dim, *o.hidden, 2 * o.latent_dim), (o.latent_dim, *o.decoder_hidden, outputs)
    layers = [a * b for widths in (encoder, decoder) for a, b in pairwise(widths)]
    # The vector, its gradient, Adam's two or three moments, and the largest layer while it is drawn.
    model = width * (5 if o.amsgrad else 4) * sum(layers) + DRAWN * max(layers)
    # Every layer's output and its gradient; the regularisers' working memory, for the MMD in cells of points.
    rows = min(o.batch_size, max(train_points, test_points))
    regularisers = o.latent_dim * (OF_A_CODE + 8 * o.samples + OF_A_CELL * min(512, rows // 3 + 1) / rows)
    step = width * rows * (2 * sum(encoder) + 2 * o.samples * sum(decoder) + regularisers)
    components = getattr(o, "components", None) or 1
    return model + step + of_mixture(max(test_points, rows), components, o.latent_dim)


def of_mixture(points: int, components: int, latent_dim: int) -> float:
    """The textbook's log density of a mixture, and its gradient, at some points; other priors have one component."""
    return 8.0 * OF_A_MIXTURE * points * components * latent_dim if components > 1 else 0.0


def of_gradients(points: int, samples: int, widths: Sequence[int], prior: int, parameters: int, pairs: bool) -> float:
    """The textbook's gradients, term by term, in float64.

    Parameters
    ----------
    points, samples : int
        The number of points in the batch, and of posterior samples for each point.
    widths : sequence of int
        The widths of all layers' inputs and outputs.
    prior : int
        The size of the prior's scale: D, or D times the number of components for a mixture.
    parameters : int
        The number of the model's parameters.
    pairs : bool
        Whether there is a regulariser, which compares pairs of points.
    """
    a_point = 3 * samples * sum(widths) + OF_A_MIXTURE * samples * prior
    return 8.0 * (points * a_point + PARAMETER * parameters + (PAIR_OF_POINTS * points**2 if pairs else 0))


def of_samples(count: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Samples from the model: the decoder's layers, the means, and the likelihood's noise."""
    return float(count) * (itemsize * (sum(widths) + 2 * data_dim) + DRAWN * data_dim)


def of_traversal(points: int, steps: int, rows: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Traversals of ``points``: the decoder gets all dimensions of one point at a time, and ``rows`` rows are drawn."""
    one = steps * widths[0] * itemsize
    return float(one * (sum(widths) + points * data_dim) + PIXEL * rows * steps * data_dim)


def of_reconstructions(count: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Points, their codes and reconstructions, and the picture of both."""
    return float(count) * (itemsize * (sum(widths) + 2 * data_dim) + 2 * PIXEL * data_dim)

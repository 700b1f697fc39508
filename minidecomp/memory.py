"""How much memory an undertaking takes: estimated, said and, where the machine has less, refused before it begins.

The estimates are of the largest moment, in bytes, and right to a factor of two (tests/test_memory.py).
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

SAID = 4e9  # what more takes than this is said
SHARE_FOR_POINTS = 1 / 4  # of the memory there is; points that take more stay on the disk, where they can
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

# Numbers of 64 bits that are alive at once for each ...
PAIR_OF_POINTS = 7  # of a regulariser's pairs: the kernel, its slope, differences and sums
OF_A_MIXTURE = 5  # point, component and dimension: the log density, its parts and its gradient
PARAMETER = 6  # parameter, in gradients term by term
# Numbers of the model's own type for each ...
OF_A_CODE = 48  # row and dimension: the compiled regularisers' columns and partial sums
OF_A_CELL = 8 * 8 * 3  # cell of the compiled MMD and dimension: 8 arrays of 12 or 24 doubles
# Bytes for each ...
COPIES = 2 * 8 + 4  # value of a file: as float64 all of them and a part, and as float32
ORDERS = 4  # of a file's rows that are alive at once: the data set's, sorted, and two epochs'
DRAWN = 20  # number that the generator draws by the textbook
PIXEL = 130  # pixel of a picture's mosaic, in matplotlib


def ask(what: str, size: float, advice: str) -> None:
    """Say on stderr how much memory ``what`` will take, where it is much.

    Parameters
    ----------
    what : str
        Begins the line: "20000 points".
    size : float
        In bytes, estimated.
    advice : str
        What takes less, where the machine has not as much: "fewer --points take less".

    Raises
    ------
    Fault
        The machine has less.
    """
    if size <= SAID:
        return
    there = available()
    if there is not None and size > there:
        raise Fault(f"{what} would take about {shown(size)} of memory, and {shown(there)} are available; {advice}")
    _say(f"{what}: about {shown(size)} of memory")


def available() -> float | None:
    """The machine's memory in bytes, or what this process may have of it; None where it is not known."""
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # it is not there, or "max"
            found.append(float(Path(limit).read_text()))
    with suppress(ImportError):  # Windows has no resource
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            if (most := resource.getrlimit(kind)[0]) != resource.RLIM_INFINITY:
                found.append(float(most))
    return min((each for each in found if each > 0), default=None)


def room_for_points() -> float:
    """How many bytes a file's points and their copies may take in memory."""
    there = available()
    return float("inf") if there is None else SHARE_FOR_POINTS * there


def of_points(values: int, itemsize: int) -> float:
    """A file's numbers, of so many bytes each, in memory, with the copies that are made of them."""
    return float(values) * (2 * itemsize + (COPIES if itemsize > 1 else 1))


def of_order(rows: int) -> float:
    """The random order of rows that stay on the disk, and of an epoch, while each is made or sorted."""
    return 8.0 * ORDERS * rows


@cache
def _say(line: str) -> None:
    """The line once: a sweep has many runs of one size."""
    if sys.stderr is not None:
        print(line, file=sys.stderr)


def shown(size: float) -> str:
    """20 GB."""
    return f"{size / 1e9:.3g} GB" if size < 1e12 else f"{size / 1e12:.3g} TB"


def of_training(options: Any, data_dim: int, train_points: int, test_points: int) -> float:
    """A run's training and its evaluation, by the options of the run; dx, the data's width, is ``data_dim``."""
    o, width = options, np.dtype(options.dtype).itemsize
    outputs = data_dim * (2 if o.likelihood == "gaussian" else 1)
    encoder, decoder = (data_dim, *o.hidden, 2 * o.latent_dim), (o.latent_dim, *o.decoder_hidden, outputs)
    layers = [a * b for widths in (encoder, decoder) for a, b in pairwise(widths)]
    # The vector, its gradient, and Adam's two or three; the largest layer while it is drawn.
    model = width * (5 if o.amsgrad else 4) * sum(layers) + DRAWN * max(layers)
    # Every layer's output and its gradient; what the regularisers work on, the MMD in cells of points.
    rows = min(o.batch_size, max(train_points, test_points))
    regularisers = o.latent_dim * (OF_A_CODE + 8 * o.samples + OF_A_CELL * min(512, rows // 3 + 1) / rows)
    step = width * rows * (2 * sum(encoder) + 2 * o.samples * sum(decoder) + regularisers)
    components = getattr(o, "components", None) or 1
    return model + step + of_mixture(max(test_points, rows), components, o.latent_dim)


def of_mixture(points: int, components: int, latent_dim: int) -> float:
    """The textbook's log density of a mixture, and its gradient, at so many points; other priors have one component."""
    return 8.0 * OF_A_MIXTURE * points * components * latent_dim if components > 1 else 0.0


def of_gradients(points: int, samples: int, widths: Sequence[int], prior: int, parameters: int, pairs: bool) -> float:
    """The textbook's gradients, term by term, in float64.

    Parameters
    ----------
    points, samples : int
        Of the batch, and of the posterior for each of its points.
    widths : sequence of int
        Of all layers' inputs and outputs.
    prior : int
        The numbers of the prior's scale: D, or a mixture's D times its components.
    parameters : int
        The model's.
    pairs : bool
        Whether there is a regulariser, which looks at pairs of points.
    """
    a_point = 3 * samples * sum(widths) + OF_A_MIXTURE * samples * prior
    return 8.0 * (points * a_point + PARAMETER * parameters + (PAIR_OF_POINTS * points**2 if pairs else 0))


def of_samples(count: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Samples of the model: the decoder's layers, the means, and the likelihood's noise."""
    return float(count) * (itemsize * (sum(widths) + 2 * data_dim) + DRAWN * data_dim)


def of_traversal(points: int, steps: int, rows: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Traversals of ``points``: all dimensions of one through the decoder at a time, and ``rows`` drawn."""
    one = steps * widths[0] * itemsize
    return float(one * (sum(widths) + points * data_dim) + PIXEL * rows * steps * data_dim)


def of_reconstructions(count: int, widths: Sequence[int], data_dim: int, itemsize: int) -> float:
    """Points, their codes and reconstructions, and the picture of both."""
    return float(count) * (itemsize * (sum(widths) + 2 * data_dim) + 2 * PIXEL * data_dim)

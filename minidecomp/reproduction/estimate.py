"""How long a grid will take on this machine, from a few steps of each kind of model in it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from ..data.points import as_stored
from ..engines import make
from ..engines.choice import choose
from ..errors import counted
from ..model import from_options
from ..model.optimizer import Adam
from ..objective import objective_from
from ..settings.options import TrainOptions, cores
from ..sweeps.grid import Entry
from ..sweeps.local import threads_of_each
from ..sweeps.work import Datasets

STEPS = 5
# Options that change the cost of a step.
COSTLY = ("data", "limit", "prior", "latent_dim", "hidden", "decoder_hidden", "batch_size", "samples", "regulariser")


def seconds(entries: Sequence[Entry], datasets: Datasets) -> float:
    """An estimate of the seconds of training for all runs, with as many threads and simultaneous runs as in a sweep.

    Evaluations and metrics come on top, and take most of the time if training is short.
    """
    if not entries:
        return 0.0
    each = threads_of_each(entries, datasets)
    known: dict[tuple[object, ...], float] = {}
    total = 0.0
    for entry in entries:
        o = entry.options
        key = (*(getattr(o, name) for name in COSTLY), o.alpha > 0)
        if key not in known:
            known[key] = _seconds_a_step(o, datasets, each)
        total += known[key] * o.epochs * math.ceil(len(datasets.get(o).train) / o.batch_size)
    return total / max(1, cores() // each)


def _seconds_a_step(o: TrainOptions, datasets: Datasets, threads: int) -> float:
    dataset = datasets.get(o)
    o = from_options.fit_likelihood(o, dataset)
    vae = from_options.vae(o, dataset.data_dim)
    data, batch = as_stored(dataset.train, vae.dtype), min(o.batch_size, len(dataset.train))
    engine = make(choose(o, dataset).engine, vae, objective_from(o), max_rows=batch, threads=threads)
    adam, totals = Adam.for_vector(vae.parameters.vector, o.lr, o.amsgrad), np.zeros(4)
    order = np.arange(STEPS * batch) % len(data)
    engine.train(data, order[:batch], batch, adam, o.seed, totals)
    begun = time.perf_counter()
    engine.train(data, order, batch, adam, o.seed, totals)
    return (time.perf_counter() - begun) / STEPS


def in_words(duration: float) -> str:
    """A duration in words: about how many seconds, minutes, hours or days."""
    for unit, size in (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0)):
        if duration >= 1.5 * size:
            return f"about {duration / size:.2g} {unit}s"
    return f"about {counted(round(max(duration, 1)), 'second')}"

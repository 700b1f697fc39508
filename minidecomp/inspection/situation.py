"""The model, the points and the noise for an inspection: those of a run as it is, or of a new model."""

from __future__ import annotations

import numpy as np

from .. import memory
from ..data.dataset import Dataset
from ..data.points import as_numbers, evenly_spread
from ..errors import OptionError, counted, marked
from ..model.vae import VAE, in_dtype
from ..objective import Objective
from ..randomness import streams
from ..randomness.draws import draw
from .explanation import Situation


def situation(vae: VAE, objective: Objective, dataset: Dataset, points: int, seed: int, step: int) -> Situation:
    """The model in float64 with evenly spread training points, and different noise for each training step ``step``.

    Raises
    ------
    OptionError
        The regulariser needs more points.
    Fault
        The machine has too little memory.
    """
    count, parameters = min(points, len(dataset.train)), vae.parameters.vector.size
    layers, prior = (*vae.encoder.widths, *vae.decoder.widths), np.size(getattr(vae.prior, "scale", ()))
    size = memory.of_gradients(count, objective.samples, layers, prior, parameters, objective.alpha > 0)
    memory.ask(f"the gradients of {counted(count, 'point')}", size, "fewer --points take less")
    vae = in_dtype(vae, np.float64)
    x = as_numbers(dataset.train[evenly_spread(len(dataset.train), points)], np.float64)
    with_prior = objective.alpha > 0
    if len(x) < objective.least_points:
        need = f"at least {objective.least_points} for {marked('regulariser', objective.regulariser)}"
        raise OptionError("points", points, must_be=need)
    at = streams.INSPECTION.step(step)
    drawn = draw(vae.current_prior(), objective.samples, len(x), vae.latent_dim, seed, at, np.float64, with_prior)
    return Situation(vae, objective, x, drawn)

"""The model, the points and the noise that are looked at: of a run as it stands, or of a fresh model."""

from __future__ import annotations

import numpy as np

from ..data.dataset import Dataset
from ..data.points import as_numbers, evenly_spread
from ..errors import OptionError
from ..model.vae import VAE, in_dtype
from ..objective import Objective
from ..randomness import streams
from ..randomness.draws import draw
from .explanation import Situation


def situation(vae: VAE, objective: Objective, dataset: Dataset, points: int, seed: int, step: int) -> Situation:
    """In float64: evenly spread training points, with noise of their own for each training step ``step``.

    Raises
    ------
    OptionError
        If the regulariser needs more points than there are.
    """
    vae = in_dtype(vae, np.float64)
    x = as_numbers(dataset.train[evenly_spread(len(dataset.train), points)], np.float64)
    with_prior = objective.alpha > 0
    if len(x) < objective.least_points:
        need = f"for --regulariser {objective.regulariser} at least {objective.least_points} is"
        raise OptionError("points", points, need)
    at = streams.INSPECTION.step(step)
    drawn = draw(vae.current_prior(), objective.samples, len(x), vae.latent_dim, seed, at, np.float64, with_prior)
    return Situation(vae, objective, x, drawn)

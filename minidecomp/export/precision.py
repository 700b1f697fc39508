"""How far int8 weights move a model's outputs."""

from __future__ import annotations

import numpy as np

from ..data.points import Points, as_numbers, evenly_spread
from ..model.network import Parameters
from ..model.vae import VAE, in_dtype
from .networks import Chain, decoder_of, encoder_of
from .quantised import dequantised

MOST_POINTS = 1000


def int8_errors(vae: VAE, data: Points) -> dict[str, tuple[float, float]]:
    """The int8 model's largest error over some points, and the values' standard deviation, for loc, scale and the mean.

    At most ``MOST_POINTS`` points are used.
    """
    x = as_numbers(data[evenly_spread(len(data), MOST_POINTS)], np.float32)
    exact, coarse = (
        in_dtype(vae, np.float32),
        with_chains(vae, dequantised(encoder_of(vae)), dequantised(decoder_of(vae))),
    )
    loc, scale = exact.encode(x)
    made = {"loc": (loc, coarse.encode(x)[0]), "scale": (scale, coarse.encode(x)[1])}
    made["mean"] = tuple(model.likelihood.mean(model.decode(loc)) for model in (exact, coarse))
    return {name: (float(np.abs(a - b).max()), float(a.std())) for name, (a, b) in made.items()}


def with_chains(vae: VAE, encoder: Chain, decoder: Chain) -> VAE:
    """A float32 copy of the model with the weights of these chains."""
    changed = in_dtype(vae, np.float32)
    parameters: Parameters = changed.parameters
    for prefix, chain in (("enc", encoder), ("dec", decoder)):
        for i, W in enumerate(chain.weights):
            parameters[f"{prefix}.{i}.W"][...] = W
    return changed

"""How far int8 weights move a model's outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.points import Points, as_numbers, evenly_spread
from ..model.network import Parameters
from ..model.vae import VAE, in_dtype
from ..terms.arrays import MIN_SCALE, softplus
from .networks import Chain, decoder_of, encoder_of
from .quantised import dequantised

MOST_POINTS = 1000


@dataclass(frozen=True)
class OutputError:
    """By how much int8 weights move an output of a model, over some points, in the model's numbers.

    Attributes
    ----------
    function, output : str
        ``encode`` with ``loc`` or ``scale``, or ``decode`` with ``mean`` or ``scale``.
    points : int
        The number of points.
    largest : float
        The largest absolute error over all points and columns; NaN or infinite if an output is not finite.
    share : float or None
        The largest ratio of a column's largest error and the standard deviation of its exact values. None if no column
        varies, or if an output is not finite.
    column, spread : int, float
        The column with the largest ratio, and its standard deviation. They mean nothing if the share is None.
    """

    function: str
    output: str
    points: int
    largest: float
    share: float | None
    column: int
    spread: float


def int8_errors(vae: VAE, data: Points) -> list[OutputError]:
    """The errors of int8 weights for each output of the encoder and the decoder, over at most ``MOST_POINTS`` points.

    Each model decodes the loc that it encodes itself, so the decoder's errors contain the encoder's.
    """
    x = as_numbers(data[evenly_spread(len(data), MOST_POINTS)], np.float32)
    exact = in_dtype(vae, np.float32)
    coarse = with_chains(vae, dequantised(encoder_of(vae)), dequantised(decoder_of(vae)))
    with np.errstate(all="ignore"):
        wanted, made = (_outputs(model, x) for model in (exact, coarse))
        return [_error(*key, wanted[key], made[key]) for key in wanted]


def _outputs(vae: VAE, x: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """The outputs for x (N, dx), in float64, by function and name: loc and scale (N, D), mean and scale (N, dx)."""
    loc, scale = vae.encode(x)
    output = vae.decode(loc)
    made = {("encode", "loc"): loc, ("encode", "scale"): scale, ("decode", "mean"): vae.likelihood.mean(output)}
    if vae.likelihood.learns_scale:
        made["decode", "scale"] = softplus(output[:, vae.data_dim :]) + MIN_SCALE
    return {key: value.astype(np.float64) for key, value in made.items()}


def _error(function: str, output: str, wanted: np.ndarray, made: np.ndarray) -> OutputError:
    """The error of an output, from its exact values and those of int8, (N, columns) each."""
    errors = np.abs(made - wanted).max(0)
    varies = np.ptp(wanted, axis=0) > 0
    spreads = np.where(varies, wanted.std(0), 1.0)
    shares = np.where(varies, errors / spreads, 0.0)
    column = int(shares.argmax())
    share = float(shares[column]) if varies.any() and np.isfinite(errors).all() else None
    return OutputError(function, output, len(wanted), float(errors.max()), share, column, float(spreads[column]))


def with_chains(vae: VAE, encoder: Chain, decoder: Chain) -> VAE:
    """A float32 copy of the model with the weights of these chains."""
    changed = in_dtype(vae, np.float32)
    parameters: Parameters = changed.parameters
    for prefix, chain in (("enc", encoder), ("dec", decoder)):
        for i, W in enumerate(chain.weights):
            parameters[f"{prefix}.{i}.W"][...] = W
    return changed

"""What every export is made of: encoder and decoder as plain layers, and the links at their ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..model.network import LEAKY_SLOPE, MLP
from ..model.vae import VAE
from ..terms.arrays import MIN_SCALE

__all__ = ["LEAKY_SLOPE", "MIN_SCALE", "Chain", "decoder_of", "encoder_of"]


@dataclass(frozen=True)
class Chain:
    """Layers h = act(x W + b), and what is made of the last one's output.

    Attributes
    ----------
    name : str
        ``encode`` or ``decode``.
    weights, biases : tuple of numpy.ndarray
        float32, (n_in, n_out) and (n_out,).
    activation : str
        Between the layers.
    link : str
        ``softplus`` or ``exp``: the encoder's output is (loc, raw), and this makes the scale of raw. ``bernoulli``,
        ``gaussian`` or ``laplace``: what the likelihood makes of the decoder's output.
    """

    name: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    link: str

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.weights[0].shape[0], *(b.size for b in self.biases))

    @property
    def outputs(self) -> dict[str, int]:
        """Names and widths of what comes out: loc and scale; or the mean and, of a Gaussian likelihood, scale."""
        last = self.widths[-1]
        if self.name == "encode":
            return {"loc": last // 2, "scale": last // 2}
        return {"mean": last // 2, "scale": last // 2} if self.link == "gaussian" else {"mean": last}


def _chain(vae: VAE, network: MLP, name: str, link: str) -> Chain:
    parts = [
        tuple(
            np.ascontiguousarray(vae.parameters[f"{network.name}.{i}.{kind}"], np.float32)
            for i in range(network.layers)
        )
        for kind in "Wb"
    ]
    return Chain(name, parts[0], parts[1], network.activation, link)


def encoder_of(vae: VAE) -> Chain:
    """x (dx) -> loc, scale (D)."""
    return _chain(vae, vae.encoder, "encode", vae.scale_link)


def decoder_of(vae: VAE) -> Chain:
    """z (D) -> the mean E[x|z] (dx) and, of a Gaussian likelihood, its scale."""
    return _chain(vae, vae.decoder, "decode", vae.likelihood.name)

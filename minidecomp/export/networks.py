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
    mean_link : str
        ``identity`` or ``sigmoid``: what makes loc, or the mean E[x|z], of the first outputs.
    scale_link : str or None
        ``softplus`` or ``exp``: what makes the scale of the other half of the outputs; None where all are the mean's.
    """

    name: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    mean_link: str
    scale_link: str | None

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.weights[0].shape[0], *(b.size for b in self.biases))

    @property
    def outputs(self) -> dict[str, int]:
        """Names and widths of what comes out: loc and scale; or the mean and, where it is learned, scale."""
        last = self.widths[-1]
        if self.name == "encode":
            return {"loc": last // 2, "scale": last // 2}
        return {"mean": last} if self.scale_link is None else {"mean": last // 2, "scale": last // 2}


def _chain(vae: VAE, network: MLP, name: str, mean_link: str, scale_link: str | None) -> Chain:
    parts = [
        tuple(
            np.ascontiguousarray(vae.parameters[f"{network.name}.{i}.{kind}"], np.float32)
            for i in range(network.layers)
        )
        for kind in "Wb"
    ]
    return Chain(name, parts[0], parts[1], network.activation, mean_link, scale_link)


def encoder_of(vae: VAE) -> Chain:
    """x (dx) -> loc, scale (D)."""
    return _chain(vae, vae.encoder, "encode", "identity", vae.scale_link)


def decoder_of(vae: VAE) -> Chain:
    """z (D) -> the mean E[x|z] (dx) and, of a likelihood that learns one, its scale."""
    likelihood = vae.likelihood
    return _chain(vae, vae.decoder, "decode", likelihood.mean_link, "softplus" if likelihood.learns_scale else None)

"""Encoder and decoder as all exports use them: plain layers, and the links at their ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..data.scaling import Scaling
from ..errors import OptionError
from ..model.network import LEAKY_SLOPE, MLP
from ..model.vae import VAE
from ..terms.arrays import MIN_SCALE

__all__ = ["LEAKY_SLOPE", "MIN_SCALE", "Chain", "buffers", "decoder_of", "encoder_of"]


@dataclass(frozen=True)
class Chain:
    """Layers h = act(x W + b), and the links that turn the last one's output into loc, mean or scale.

    Attributes
    ----------
    name : str
        ``encode`` or ``decode``.
    weights, biases : tuple of numpy.ndarray
        float32, (n_in, n_out) and (n_out,).
    activation : str
        The activation between the layers.
    mean_link : str
        ``identity`` or ``sigmoid``: turns the first outputs into loc, or into the mean E[x|z].
    scale_link : str or None
        ``softplus`` or ``exp``: turns the second half of the outputs into the scale; None if there is none.
    shift, unit : numpy.ndarray of shape (dx,) or None
        float64. The network's x is (x - shift) / unit: the encoder scales its input, and the decoder returns
        mean * unit + shift and scale * unit. None if the data are not scaled.
    """

    name: str
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    mean_link: str
    scale_link: str | None
    shift: np.ndarray | None = None
    unit: np.ndarray | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the input, of each hidden layer, and of the last layer's output."""
        return (self.weights[0].shape[0], *(b.size for b in self.biases))

    @property
    def outputs(self) -> dict[str, int]:
        """Names and widths of the outputs: loc and scale; or the mean and, if it is learned, the scale."""
        last = self.widths[-1]
        if self.name == "encode":
            return {"loc": last // 2, "scale": last // 2}
        return {"mean": last} if self.scale_link is None else {"mean": last // 2, "scale": last // 2}


def _chain(vae: VAE, network: MLP, name: str, mean_link: str, scale_link: str | None, scaling: Scaling | None) -> Chain:
    parts = [
        tuple(
            np.ascontiguousarray(vae.parameters[f"{network.name}.{i}.{kind}"], np.float32)
            for i in range(network.layers)
        )
        for kind in "Wb"
    ]
    ends = () if scaling is None else (scaling.shift, scaling.scale)
    return Chain(name, parts[0], parts[1], network.activation, mean_link, scale_link, *ends)


def encoder_of(vae: VAE, scaling: Scaling | None = None) -> Chain:
    """The encoder: x (dx) -> loc, scale (D). ``scaling`` is the one in the rules of the model's data."""
    return _chain(vae, vae.encoder, "encode", "identity", vae.scale_link, scaling)


def decoder_of(vae: VAE, scaling: Scaling | None = None) -> Chain:
    """The decoder: z (D) -> the mean E[x|z] (dx) and, if the likelihood learns a scale, the scale (dx)."""
    likelihood = vae.likelihood
    output = np.linspace(-2, 2, likelihood.output_dim(vae.data_dim))
    mean = output[: vae.data_dim]
    made = 1 / (1 + np.exp(-mean)) if likelihood.mean_link == "sigmoid" else mean
    if not np.allclose(likelihood.mean(output), made):
        reason = f"the {likelihood.name} likelihood's mean is not the {likelihood.mean_link} of its outputs, as it says"
        raise OptionError(
            "format", None, f"{reason}; use `--format safetensors`, which holds the parameters themselves"
        )
    scale_link = "softplus" if likelihood.learns_scale else None
    return _chain(vae, vae.decoder, "decode", likelihood.mean_link, scale_link, scaling)


def buffers(chains: Iterable[Chain]) -> tuple[int, int]:
    """The sizes of two buffers that hold the layers' outputs in turn; the second also holds the scaled x."""
    sizes = [0, 0]
    for chain in chains:
        for i, width in enumerate(chain.widths[1:]):
            sizes[i % 2] = max(sizes[i % 2], width)
        if chain.shift is not None and chain.name == "encode":
            sizes[1] = max(sizes[1], chain.widths[0])
    return sizes[0], sizes[1]

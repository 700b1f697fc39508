"""The encoder and the decoder of a GPU engine for a fixed number of rows, with working arrays of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .device import Call, Device
from .gpu_step import GpuStep, Layer

BATCH_BYTES = 2**26  # of the layers' inputs and outputs, for all rows


@dataclass
class Coder:
    """The encoder or the decoder for a fixed number of rows: its input, its calls and the arrays of their results."""

    x: Any  # (rows, n_in)
    calls: list[Call]
    results: list[Any]  # each (rows, width)

    @property
    def row_bytes(self) -> int:
        """Of a row of the widest result."""
        return int(max(each.shape[1] * each.dtype.itemsize for each in self.results))


def encoder(step: GpuStep) -> Coder:
    """From numbers to loc and scale."""
    zeros, D = step.device.zeros, step.vae.latent_dim
    rows = rows_at_once(step.encoder, 4 * D + 1, step.device)
    layers = _with_rows(step.encoder, rows, step.device)
    own = {name: zeros(rows, D) for name in ("loc", "scale", "inverse", "slope")} | {"log_scale": zeros(rows)}
    posterior = {"B": rows, "K": 0, "given_eps": False, "output": layers[-1].h, "bias": layers[-1].b}
    calls = [*step._forward(layers, rows), step._warps("sample_posterior", rows, **posterior, **own)]
    return Coder(layers[0].x, calls, [own["loc"], own["scale"]])


def decoder(step: GpuStep) -> Coder:
    """From z to the decoder's output."""
    rows = rows_at_once(step.decoder, 0, step.device)
    layers = _with_rows(step.decoder, rows, step.device)
    calls = [*step._forward(layers, rows), step._bias_activation(layers[-1], rows)]
    return Coder(layers[0].x, calls, [layers[-1].h])


def rows_at_once(layers: list[Layer], more: int, device: Device) -> int:
    """How many rows are multiplied together: a power of two that depends on the layers' widths alone.

    ``more`` numbers per row are needed besides the layers' inputs and outputs.
    """
    numbers = layers[0].W.shape[0] + sum(layer.W.shape[1] for layer in layers) + more
    fitting = max(1, BATCH_BYTES // (numbers * device.dtype.itemsize))
    return min(device.most_rows, 1 << (fitting.bit_length() - 1))


def _with_rows(layers: list[Layer], rows: int, device: Device) -> list[Layer]:
    """The layers with room for so many rows, but none for gradients."""
    x, made = device.zeros(rows, layers[0].W.shape[0]), []
    for layer in layers:
        made.append(replace(layer, x=x, h=device.zeros(rows, layer.W.shape[1]), d_a=None))
        x = made[-1].h
    return made

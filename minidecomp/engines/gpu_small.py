"""Training a small model on a GPU: one launch makes all the steps of a call (``_core/gpu/small_step.cuh``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._core.codes import ACTIVATIONS, NO_REGULARISER, REGULARISERS, SMALL_LAYER_FIELDS, SMALL_LAYERS, SMALL_ROW_BYTES
from ..model.vae import VAE
from ..objective import Objective
from . import rules
from .device import Call
from .gpu_step import DevicePoints, GpuStep, Layer

# Measured on an H200: one launch takes 36 us a step at 2.7e5 products and graphs 99; at 2.9e6 they take 139 and 120.
# With 10 dimensions, one launch takes 72 us at 1e7 pairs and graphs 183; with 50, 324 and 272 at 1.3e7.
LARGEST_PRODUCTS = 2e6  # multiplications of rows by weights a step
LARGEST_PAIRS = 1e7  # pairs of points, times dimensions, of a regulariser a step


def fits(vae: VAE, objective: Objective, rows: int) -> bool:
    """Whether batches of ``rows`` points of a model are small enough that one launch for many steps is the fastest."""
    widths = [*vae.encoder.widths, *vae.decoder.widths]
    layers = vae.encoder.layers + vae.decoder.layers
    products = vae.parameters.vector.size * rows * objective.samples
    pairs = rules.pairs(objective.used_regulariser, rows, objective.samples) * vae.latent_dim
    small = max(widths) * vae.dtype.itemsize <= SMALL_ROW_BYTES and layers <= SMALL_LAYERS
    return small and products <= LARGEST_PRODUCTS and pairs <= LARGEST_PAIRS


class SmallStep:
    """The launch that makes all steps of a call of ``train``, on the arrays of a step of up to ``max_rows`` points."""

    def __init__(self, step: GpuStep, max_rows: int):
        self._step, layers = step, [*step.encoder, *step.decoder]
        table = np.array([_fields(step, layer) for layer in layers], np.int64)
        assert table.shape[1] == SMALL_LAYER_FIELDS
        logits = {} if step.vae.learn_prior_variance else {"logits": step.vector, "d_logits": step.gradient}
        self._arguments = logits | {
            "layers": step.device.array(table, np.int64),
            "encoder_layers": len(step.encoder),
            "all_layers": len(layers),
            "analytic": step.objective.kl == "analytic",
            "d_variance": step.d_variance,
            "log_sum": step.device.zeros(max_rows),
        }

    def launch(self, points: DevicePoints, batch_size: int, regulariser: str | None) -> Call:
        """The launch over all rows of ``order``, in batches."""
        step, kind = self._step, NO_REGULARISER if regulariser is None else REGULARISERS.index(regulariser)
        batches = {"order": step.order, "data": points.array, "data_kind": points.kind, "batch_size": batch_size}
        # Without AMSGrad, v takes the place of the largest v.
        largest = {} if step.arrays["v_max"] is not None else {"v_max": step.arrays["v"]}
        arguments = step.arrays | largest | self._arguments | batches | {"regulariser_kind": kind}
        return step.device.bind_together("train_small", step.device.block, arguments, self._constants(arguments))

    def _constants(self, arguments: Mapping[str, Any]) -> dict[str, int]:
        """The arguments that the kernel is compiled for: without other models' code it is several times faster."""
        vae = self._step.vae
        names = ("prior", "likelihood", "scale_link", "data_kind", "analytic", "regulariser_kind", "with_sample_grad")
        found = {f"SMALL_{name.upper()}": int(arguments[name]) for name in (*names, "K", "D", "dx", "components")}
        if vae.encoder.activation == vae.decoder.activation:
            found["SMALL_ACTIVATION"] = ACTIVATIONS.index(vae.encoder.activation)
        return found | {"SMALL_ALONE": 1}


def _fields(step: GpuStep, layer: Layer) -> list[Any]:
    """A layer's row in the kernel's table: sizes, activation, the weights' places, and the arrays' addresses."""
    n_in, n_out = layer.W.shape
    address, size = step.device.address, step.vector.dtype.itemsize
    places = [(address(each) - address(step.vector)) // size for each in (layer.W, layer.b)]
    arrays = (layer.d_W, layer.d_b, layer.x, layer.h, layer.d_a)
    return [n_in, n_out, layer.activation, *places, *map(address, arrays)]

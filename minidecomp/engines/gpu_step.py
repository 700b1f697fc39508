"""One step on a GPU as lists of launches, piece by piece: the counterpart of ``_core/step.pxi`` and its phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core import codes
from .._core.codes import ACTIVATIONS, LIKELIHOODS, LINEAR, SCALE_LINKS
from ..model.network import MLP
from ..model.vae import PRIOR_LOGITS, VAE
from ..objective import Objective
from . import gpu_mmd, rules
from .constants import prior_constants
from .device import Call, Device
from .gpu_bias_parts import BiasParts, row_parts
from .gpu_layout import Layout, in_packs

STATE = {name: i for i, name in enumerate(codes.STATE)}
# Indices into `numbers`.
WEIGHT, VALUE = slice(codes.WEIGHT, codes.VALUE), slice(codes.VALUE, codes.VALUE + len(codes.TERMS))
ADAM = slice(VALUE.stop, codes.NUMBER_COUNT)

EPOCHS_AT_ONCE = 4096  # which there are totals for on the device
LOOKS = 4  # packs of the gradient that a thread looks at
PAIRS_AT_ONCE = 2**25  # pairs of a prior sample and a posterior whose weights in KL(p || q) are held at once


HEAD = len(STATE) + codes.NUMBER_COUNT  # where the epochs' totals begin in a report


def parts_of_report(report: Any) -> tuple[Any, Any, Any]:
    """Views of a report, int64 on the device or the host: the state, the numbers, and the totals of epochs."""
    state, numbers, totals = report[: len(STATE)], report[len(STATE) : HEAD], report[HEAD:]
    return state, numbers.view(np.float64), totals.view(np.float64)


@dataclass
class Layer:
    """h = act(x W + b) on the device; W, b and their gradients are views into the parameter and gradient vectors."""

    activation: int
    W: Any  # (n_in, n_out)
    b: Any  # (n_out,)
    d_W: Any
    d_b: Any
    x: Any  # (rows, n_in): the output of the layer below
    h: Any  # (rows, n_out)
    d_a: Any  # (rows, n_out): the gradient with respect to h, then by a = x W + b
    d_b_parts: Any  # (parts * width - column,): d_b of parts of the rows; ``width`` numbers from one part to the next


@dataclass
class DevicePoints:
    """Data on the device: points (N, dx) in the engine's dtype or in bytes, or bits (N, dx / 8)."""

    array: Any
    kind: int


class GpuStep:
    """The arrays of a step over up to ``max_rows`` points, and the launches that work on them.

    A kernel's arguments are found by the names of its parameters: most are in ``arrays``, under their names in the
    formulas.
    """

    def __init__(self, vae: VAE, objective: Objective, max_rows: int, device: Device):
        rules.check_known("gpu", vae, objective)
        self.vae, self.objective, self.device = vae, objective, device
        zeros, K, B, D = self.device.zeros, objective.samples, max_rows, vae.latent_dim
        self.layout = Layout(vae.parameters.shapes)
        self.vector, self.gradient = self.on_device(vae.parameters.vector), zeros(self.layout.size)
        # One array, so that all are written, and read, with one copy.
        self.report = zeros(HEAD + EPOCHS_AT_ONCE * codes.TOTAL_COUNT, dtype=np.int64)
        self.state, self.numbers, self.totals = parts_of_report(self.report)
        self.order = self.device.array(np.arange(max_rows), np.int64)
        biases = [f"{network.name}.{i}.b" for network in (vae.decoder, vae.encoder) for i in range(network.layers)]
        self._bias_parts = BiasParts(device, self.layout, biases, K * B)
        z = zeros(K * B, D)
        self.encoder = self._layers(vae.encoder, zeros(B, vae.data_dim))
        self.decoder = self._layers(vae.decoder, z)
        # The likelihood's gradient overwrites the decoder's output.
        self.decoder[-1].d_a = self.decoder[-1].h
        # The kernels' arguments, by the names of their parameters.
        self.arrays: dict[str, Any] = {
            "K": K,
            "D": D,
            "dx": vae.data_dim,
            "size": self.vector.size,
            "scale_link": SCALE_LINKS.index(vae.scale_link),
            "likelihood": LIKELIHOODS.index(vae.likelihood.name),
            "likelihood_scale": getattr(vae.likelihood, "scale", 1.0),
            "log_prior_multiplier": objective.log_prior_multiplier,
            "variance_scale": vae.prior_variance_scale,
            "with_sample_grad": vae.learn_prior_variance,
            "state": self.state,
            "numbers": self.numbers,
            "totals": self.totals,
            "rates": zeros(len(codes.RATES)),
            "vector": self.vector,
            "gradient": self.gradient,
            "z": z,
            "d_v": zeros(D),
            "log_scale": zeros(B),
            "log_likelihood": zeros(K * B),
            "kl": zeros(K * B),
            "regulariser": zeros(max(B, D * -(-B // 32))),
        }
        self.arrays |= {name: zeros(K * B, D) for name in ("eps", "d_z")}
        self.arrays |= {name: zeros(B, D) for name in ("loc", "scale", "inverse", "slope", "d_loc", "d_scale")}
        self.arrays |= {name: zeros(B, D) for name in ("sample", "sample_slope", "d_sample")}
        self.arrays |= self._prior()
        # The gradient with respect to the prior's variance: a row for each z, then one for each prior sample.
        self.d_variance = zeros(K * B + B, D)
        self._pair_weights = zeros(0)
        self._mmd_cells: dict[str, Any] = {}  # arrays for cells of points, from the first large batch on

    def on_device(self, vector: np.ndarray) -> Any:
        """A copy on the device of the host's parameters, or of as many other numbers."""
        return self.device.array(self.layout.with_gaps(vector))

    def on_host(self, vector: Any) -> np.ndarray:
        """The reverse: a copy on the host of as many numbers of the device as there are parameters."""
        return self.layout.without_gaps(self.device.to_host(vector))

    def _layers(self, network: MLP, x: Any) -> list[Layer]:
        weights, gradients = self.layout.views(self.vector), self.layout.views(self.gradient)
        layers: list[Layer] = []
        zeros = self.device.zeros
        for i, width in enumerate(network.widths[1:]):
            activation = LINEAR if i == network.layers - 1 else ACTIVATIONS.index(network.activation)
            W, b = f"{network.name}.{i}.W", f"{network.name}.{i}.b"
            h, d_a = zeros(len(x), width), zeros(len(x), width)
            d_b_parts = self._bias_parts.sums[self._bias_parts.column(b) :]
            layers.append(Layer(activation, weights[W], weights[b], gradients[W], gradients[b], x, h, d_a, d_b_parts))
            x = layers[-1].h
        return layers

    def _prior(self) -> dict[str, Any]:
        """The prior's parameters, by their names in the kernels."""
        array, c = self.device.array, prior_constants(self.vae.prior)
        known = {
            "prior": c["kind"],
            "components": c["components"],
            "prior_loc": array(c["loc"]),
            "prior_scale": array(c["scale"]),
            "log_weight": array(c["log_weight"]),
            "edge": array(c["edge"]),
            "constants": array([c[name] for name in codes.PRIOR_CONSTANTS]),
        }
        if self.vae.learn_prior_variance:
            known["logits"] = self.layout.views(self.vector)[PRIOR_LOGITS]
            known["d_logits"] = self.layout.views(self.gradient)[PRIOR_LOGITS]
        return known

    # ---- the pieces of a step: each returns its launches ----

    def _launch(self, kernel: str, grid: tuple[int, int], block: int, **more: Any) -> Call:
        return self.device.bind(kernel, grid, block, self.arrays | more)

    def _over(self, kernel: str, count: int, **more: Any) -> Call:
        """A thread for each of ``count`` numbers."""
        block = self.device.block
        return self._launch(kernel, (-(-count // block), 1), block, **more)

    def _rows(self, kernel: str, count: int, width: int, **more: Any) -> Call:
        """A block for each of ``count`` rows of ``width`` numbers."""
        return self._launch(kernel, (count, 1), self.device.block_for(width), **more)

    def _warps(self, kernel: str, count: int, **more: Any) -> Call:
        """A warp for each of ``count`` rows, in small blocks, so that they spread over all multiprocessors."""
        block = min(2 * codes.GPU_WARP, self.device.block)
        return self._launch(kernel, (-(-count * codes.GPU_WARP // block), 1), block, **more)

    def _forward(self, layers: list[Layer], rows: int) -> list[Call]:
        """h = act(x W + b), layer by layer. The last layer's bias is left to the kernel that reads its output."""
        calls = []
        for layer in layers:
            calls.append(self.device.product(layer.x[:rows], layer.W, layer.h[:rows]))
            if layer.activation != LINEAR:
                calls.append(self._bias_activation(layer, rows))
        return calls

    def _bias_activation(self, layer: Layer, rows: int) -> Call:
        n = layer.b.size
        names = {"activation": layer.activation, "rows": rows, "n": n, "bias": layer.b, "h": layer.h}
        return self._over("bias_activation", in_packs(rows * n), **names)

    def _backward(self, layers: list[Layer], rows: int, in_parts: bool, d_x: Any = None) -> list[Call]:
        """The gradients with respect to every W and b from d_a of the last layer; the one by the input is added to d_x.

        d_a = d_h act'(a)        d_b = sum d_a        d_W = x^T d_a        d_h of the layer below = d_a W^T

        With ``in_parts`` the sums of d_b's parts are left to ``_add_bias_parts``. The products d_W are put aside, where
        d_h is computed meanwhile.
        """
        calls, product = [], self.device.product
        for i, layer in reversed(list(enumerate(layers))):
            d_a = layer.d_a[:rows]
            calls.append(self._activation_grad(layer, rows, in_parts))
            aside = i > 0 or d_x is not None
            calls.append(product(layer.x[:rows], d_a, layer.d_W, trans_a=True, aside=aside))
            if i > 0:
                calls.append(product(d_a, layer.W, layers[i - 1].d_a[:rows], trans_b=True))
            elif d_x is not None:
                calls.append(product(d_a, layer.W, d_x[:rows], trans_b=True, add=True))
        return calls

    def _activation_grad(self, layer: Layer, rows: int, in_parts: bool) -> Call:
        n, (parts, rows_of_part) = layer.b.size, row_parts(rows)
        names = {"activation": layer.activation, "rows": rows, "rows_of_part": rows_of_part, "n": n}
        names |= {"h": layer.h, "d_a": layer.d_a[:rows], "stride": self._bias_parts.width}
        names["sums"] = layer.d_b_parts if in_parts else layer.d_b
        return self._launch("activation_grad", (-(-n // 32), parts), self.device.block, **names)

    def _add_bias_parts(self, B: int) -> Call:
        biases = self._bias_parts
        (encoder_parts, _), (decoder_parts, _) = row_parts(B), row_parts(self.objective.samples * B)
        names = {"decoder_parts": decoder_parts, "encoder_parts": encoder_parts, "width": biases.width}
        names |= {"decoder_width": sum(layer.b.size for layer in self.decoder)}
        names |= {"bias_parts": biases.sums, "bias_place": biases.place}
        return self._over("add_bias_parts", biases.width, **names)

    def _batch(self, points: DevicePoints) -> dict[str, Any]:
        return {"order": self.order, "data": points.array, "data_kind": points.kind}

    def gather(self, points: DevicePoints, x: Any, rows: int) -> Call:
        """The batch that the state refers to as numbers, into x; a block does not cross rows."""
        packs = in_packs(self.vae.data_dim)
        block = self.device.block_for(packs)
        return self._launch("gather", (rows, -(-packs // block)), block, x=x, **self._batch(points))

    def encode(self, points: DevicePoints, B: int, given_eps: bool) -> list[Call]:
        """loc and scale of the batch that the state refers to, and each sample's eps and z."""
        last, calls = self.encoder[-1], [self.gather(points, self.encoder[0].x, B), *self._forward(self.encoder, B)]
        posterior = {"B": B, "given_eps": given_eps, "output": last.h, "bias": last.b}
        return [*calls, self._warps("sample_posterior", B, **posterior)]

    def _prior_scale(self) -> list[Call]:
        if not self.vae.learn_prior_variance:
            return []
        return [self._rows("prior_scale_from_logits", 1, self.vae.latent_dim)]

    def _kl(self, B: int) -> list[Call]:
        """KL(q(z|x) || p(z)) and its gradients."""
        name = "analytic_kl" if self.objective.kl == "analytic" else "monte_carlo_kl"
        return [self._warps(name, self._kl_rows(B), B=B, d_variance=self.d_variance)]

    def _kl_rows(self, B: int) -> int:
        """The number of the KL's values."""
        return B if self.objective.kl == "analytic" else self.objective.samples * B

    def _log_likelihood(self, points: DevicePoints, B: int) -> list[Call]:
        """E_q(z|x)[log p(x|z)], and the gradient with respect to the decoder's output, which it overwrites."""
        last, batch = self.decoder[-1], self._batch(points)
        rows = self.objective.samples * B
        return [self._rows("likelihood", rows, self.vae.data_dim, B=B, bias=last.b, output=last.h, **batch)]

    def _mmd(self, B: int) -> tuple[list[Call], int]:
        """MMD^2 and its gradients: cells of points come before pairs in a large batch."""
        K, D, block, calls = self.objective.samples, self.vae.latent_dim, self.device.block, []
        names, tiles = gpu_mmd.no_cells(self.device), -(-B // codes.GPU_WARP)
        if B >= gpu_mmd.CELLS_FROM:
            if not self._mmd_cells:
                self._mmd_cells = gpu_mmd.cells(self.device, len(self.arrays["sample"]), K, D)
            parts, places = gpu_mmd.parts(B, K, D), self._mmd_cells["charges"][0, 0].size
            names = self._mmd_cells | {"parts": parts}
            calls.append(self._launch("mmd_moments", ((K + 1) * parts, D), block, B=B, **names))
            calls.append(self._launch("mmd_charges", (places // block, D), block, B=B, **names))
            calls.append(self._launch("mmd_fields", (codes.GPU_MMD_SPAN, D), min(block, 128), B=B, **names))
        calls.append(self._launch("mmd", (tiles, D), block, B=B, **names))
        return calls, tiles * D

    def _inclusive_kl(self, B: int) -> tuple[list[Call], int]:
        """KL(p || q): log p of the prior's sample, then one part of the samples at a time against all posteriors."""
        D, at_once = self.vae.latent_dim, max(1, min(B, PAIRS_AT_ONCE // B))
        if self._pair_weights.size < at_once * B:
            self._pair_weights = self.device.zeros(at_once * B)
        calls = [self._warps("log_prior_of_sample", B, J=B, d_variance=self.d_variance[self._kl_rows(B) :])]
        for first in range(0, B, at_once):
            count = min(at_once, B - first)
            names = {"first": first, "samples": count, "J": B, "B": B, "W": self._pair_weights}
            calls.append(self._rows("posterior_weights", count, B, **names))
            calls.append(self._launch("inclusive_kl_grad", (-(-B // 32), D), self.device.block, **names))
            if self.vae.learn_prior_variance:
                calls.append(self._rows("inclusive_kl_sample_grad", count, B, **names))
        return calls, B

    def given_sample(self, B: int, noise: Any, choice: Any) -> list[Call]:
        """How a given sample of the prior moves with a learned variance, from the noise it was computed from (B, D)."""
        if not self.vae.learn_prior_variance:
            return []
        noise = self.device.array(noise)
        # Only with a sparse prior do the choices decide whether a number moves.
        choice = self.device.array(choice) if self.vae.prior.choice_kind == "element" else noise
        return [self._over("given_sample_slope", B * self.vae.latent_dim, B=B, noise=noise, choice=choice)]

    def values(
        self, points: DevicePoints, B: int, regulariser: str | None, given_draws: bool = False
    ) -> tuple[list[Call], int]:
        """All terms of a batch of B points; gradients with respect to output, z, loc and scale; rows of d_variance.

        The prior's sample is drawn beside the encoder, and the regulariser is computed beside the decoder.
        """
        rows, aside = self.objective.samples * B, self.device.aside
        calls = self._prior_scale()
        if regulariser is not None and not given_draws:
            calls.append(aside(self._over("draw_prior_sample", B * self.vae.latent_dim, B=B)))
        calls += self.encode(points, B, given_draws)
        calls += self._kl(B)
        term, parts, factor = self._regulariser(B, regulariser)
        if term:
            calls.append(aside(*term))
        calls += self._forward(self.decoder, rows) + self._log_likelihood(points, B)
        if regulariser is not None:
            calls.append(self.device.wait_for_aside())
        variance_rows = self._kl_rows(B) + (B if regulariser == "kl-inc" else 0)
        return [*calls, self._add_up(B, parts, factor)], variance_rows

    def with_another_regulariser(self, B: int, regulariser: str | None) -> list[Call]:
        """All terms of the batch that ``values`` had with a regulariser: only the new regulariser is computed."""
        term, parts, factor = self._regulariser(B, regulariser)
        return [*term, self._add_up(B, parts, factor)]

    def _regulariser(self, B: int, name: str | None) -> tuple[list[Call], int, float]:
        """A regulariser of the batch that was encoded, the number of its parts, and their factor."""
        if name == "mmd":
            return *self._mmd(B), 1.0
        if name == "kl-inc":
            return *self._inclusive_kl(B), 1 / B
        return [], 0, 0.0

    def _add_up(self, B: int, parts: int, factor: float) -> Call:
        counts = {"likelihood_rows": self.objective.samples * B, "kl_rows": self._kl_rows(B)}
        counts |= {"regulariser_parts": parts}
        return self._rows("add_up", 1, self.device.block, regulariser_factor=factor, **counts)

    def parameter_gradients(self, B: int, variance_rows: int, samples: int) -> list[Call]:
        """The gradient vector, from the results of ``values``; ``samples`` of the prior were compared with q(z)."""
        D = self.vae.latent_dim
        rows = self.objective.samples * B
        in_parts = row_parts(rows)[0] > 1
        calls = self._backward(self.decoder, rows, in_parts, self.arrays["d_z"])
        calls.append(self._over("posterior_backward", B * D, B=B, d_output=self.encoder[-1].d_a))
        calls += self._backward(self.encoder, B, in_parts)
        if in_parts:
            calls.append(self._add_bias_parts(B))
        if self.vae.learn_prior_variance:
            names = {"rows": variance_rows, "samples": samples, "d_variance": self.d_variance}
            calls.append(self._rows("prior_variance_grad", D, max(variance_rows, samples), **names))
            calls.append(self._rows("logits_grad", 1, D))
        return [*calls, self.device.wait_for_aside()]

    def update(self, B: int) -> list[Call]:
        """Adam's step, unless a term or the gradient is not finite."""
        size = self.vector.size
        finish = self._launch("finish", (1, 1), 1, B=B)
        adam = "adam" if self.arrays["v_max"] is None else "adam_amsgrad"
        look = self._over("look_at_gradient", -(-in_packs(size) // LOOKS))
        return [look, finish, self._over(adam, in_packs(size))]

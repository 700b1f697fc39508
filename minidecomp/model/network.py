"""The multilayer perceptron of encoder and decoder: its parameters in one vector, forward and backward (textbook)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core.codes import ACTIVATIONS, LEAKY_SLOPE
from ..randomness import philox, streams
from ..terms.arrays import array_module, softplus


def activate(a: Any, activation: str) -> Any:
    """act(a), element by element.

    relu: max(a, 0);  leaky-relu: a, or 0.2 a where a < 0;  tanh;  softplus: log(1 + e^a)
    """
    xp = array_module(a)
    match activation:
        case "relu":
            return xp.maximum(a, 0)
        case "leaky-relu":
            return xp.where(a > 0, a, LEAKY_SLOPE * a)
        case "tanh":
            return xp.tanh(a)
        case "softplus":
            return softplus(a)
    raise ValueError(f"activation {activation!r} is none of {', '.join(ACTIVATIONS)}")


def activation_slope(h: Any, activation: str) -> Any:
    """dh/da, element by element, from the activation's output h, so that a need not be kept.

    relu: [h > 0];  leaky-relu: 1 or 0.2;  tanh: 1 - h^2;  softplus: sigmoid(a) = 1 - e^-h
    """
    xp = array_module(h)
    match activation:
        case "relu":
            return (h > 0).astype(h.dtype)
        case "leaky-relu":
            return xp.where(h > 0, 1, LEAKY_SLOPE).astype(h.dtype)
        case "tanh":
            return 1 - h**2
        case "softplus":
            return -xp.expm1(-h)
    raise ValueError(f"activation {activation!r} is none of {', '.join(ACTIVATIONS)}")


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron: h_i+1 = act(h_i W_i + b_i), with no activation after the last layer.

    Attributes
    ----------
    name : str
        Prefix of the parameters' names: ``enc`` gives ``enc.0.W`` (in, out), ``enc.0.b`` (out,), ``enc.1.W`` and so on.
    widths : tuple of int
        The widths of the input, the hidden layers and the output.
    activation : str
        One of ``ACTIVATIONS``.
    """

    name: str
    widths: tuple[int, ...]
    activation: str

    @property
    def layers(self) -> int:
        """The number of layers, each with a W and a b."""
        return len(self.widths) - 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters' names and shapes, in the order in which the parameter vector holds them."""
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (n_in, n_out) in enumerate(zip(self.widths[:-1], self.widths[1:], strict=True)):
            shapes[f"{self.name}.{i}.W"] = (n_in, n_out)
            shapes[f"{self.name}.{i}.b"] = (n_out,)
        return shapes

    def forward(self, parameters: Any, x: Any) -> tuple[Any, list[Any]]:
        """The output (..., out) for x (..., in), and every layer's input, for ``backward``.

        h_0 = x,   h_i+1 = act(h_i W_i + b_i),   output = h_L-1 W_L-1 + b_L-1
        """
        inputs, h = [], x
        for i in range(self.layers):
            inputs.append(h)
            a = h @ parameters[f"{self.name}.{i}.W"] + parameters[f"{self.name}.{i}.b"]
            h = activate(a, self.activation) if i < self.layers - 1 else a
        return h, inputs

    def backward(self, parameters: Any, inputs: list[Any], d_output: Any) -> tuple[dict[str, Any], Any]:
        """The gradients with respect to each parameter and by x, from the gradient by the output (..., out).

        From the last layer to the first, with d_a the gradient by a = h W + b, and sums over the leading axes:
        d/dW = h^T d_a        d/db = sum d_a        d/dh = d_a W^T        d_a of the layer below = d/dh act'(a)
        """
        grads: dict[str, Any] = {}
        d_a = d_output
        for i in reversed(range(self.layers)):
            weight, h = parameters[f"{self.name}.{i}.W"], inputs[i]
            rows = d_a.reshape(-1, d_a.shape[-1])
            grads[f"{self.name}.{i}.W"] = h.reshape(-1, h.shape[-1]).T @ rows
            grads[f"{self.name}.{i}.b"] = rows.sum(0)
            d_h = d_a @ weight.T
            d_a = d_h * activation_slope(h, self.activation) if i > 0 else d_h
        return grads, d_a


class Parameters:
    """Named arrays that are views into one vector: a change in ``parameters["enc.0.W"]`` changes ``parameters.vector``.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        Names and shapes, in the order of the vector.
    vector : array of shape (size,), optional
        The storage; by default, zeros of type ``dtype``.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], vector: Any = None, dtype: Any = np.float64):
        self.shapes = shapes
        size = sum(math.prod(shape) for shape in shapes.values())
        self.vector = np.zeros(size, dtype) if vector is None else vector
        if self.vector.shape != (size,):
            raise ValueError(f"the vector has shape {self.vector.shape}, the parameters need ({size},)")
        self._views: dict[str, Any] = {}
        start = 0
        for name, shape in shapes.items():
            stop = start + math.prod(shape)
            self._views[name] = self.vector[start:stop].reshape(shape)
            start = stop

    def __getitem__(self, name: str) -> Any:
        return self._views[name]

    def __contains__(self, name: str) -> bool:
        return name in self._views

    def items(self) -> Any:
        """Names and arrays, in the order of the vector."""
        return self._views.items()

    def offsets(self) -> dict[str, int]:
        """The index in the vector where each array starts, by name."""
        starts, start = {}, 0
        for name, shape in self.shapes.items():
            starts[name] = start
            start += math.prod(shape)
        return starts


def initialise(parameters: Parameters, seed: int, init: str = "torch") -> None:
    """Draw every layer's W and b, in place. Other parameters stay as they are.

    Parameters
    ----------
    parameters : Parameters
    seed : int
    init : str
        ``torch``: W and b from U(-1/sqrt(in), 1/sqrt(in)), PyTorch's default. ``he``: W from U(-sqrt(6/in), sqrt(6/in))
        and b = 0, which keep a signal's size through layers of rectifiers (He et al., ICCV 2015, eq. 10).
    """
    for index, (name, view) in enumerate(parameters.items()):
        layer, _, kind = name.rpartition(".")
        if kind in ("W", "b"):
            n_in = parameters.shapes[f"{layer}.W"][0]
            bound = 1 / math.sqrt(n_in) if init == "torch" else math.sqrt(6 / n_in) if kind == "W" else 0.0
            u = philox.uniform(view.shape, seed, *streams.WEIGHTS.at(index))
            view[...] = bound * (2 * u - 1)

"""The test vector of an export: a point, and the outputs of the exported weights for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..data.dataset import Dataset
from ..data.points import as_numbers
from ..errors import MinidecompError
from ..model.vae import VAE
from ..runs.checkpoint import Run
from .networks import LEAKY_SLOPE, MIN_SCALE, Chain

SOURCES = ("data", "sample", "none")
TOLERANCE = 1e-4  # a hundred times what rounding in 32 bits leaves in a small network
MARGIN = 10  # if a network's own rounding errors are larger, the tolerance is this many times the error


@dataclass(frozen=True)
class Point:
    """A point (dx,) in the model's numbers, and where it comes from, in words."""

    values: np.ndarray
    source: str


@dataclass(frozen=True)
class Example:
    """A test vector, in the units of the data.

    Attributes
    ----------
    x : numpy.ndarray of shape (dx,)
        float32, or float64 if the export scales x in 64 bits.
    encoded, decoded : dict
        Each output's name, and its values as float32: those of the encoder for x, and of the decoder for z = loc.
    tolerance : float
        An output v agrees if its error is at most ``tolerance * (|v| + step)``. The step is 1 for loc and scale.
        For the mean and scale of x it is the ``unit`` by which the data were scaled, or 1.
    source : str
        Where x comes from, in words.
    """

    x: np.ndarray
    encoded: dict[str, np.ndarray]
    decoded: dict[str, np.ndarray]
    tolerance: float
    source: str


def point_of(run: Run, source: str, data: Callable[[], Dataset]) -> Point | None:
    """The point of a test vector.

    Parameters
    ----------
    run : Run
    source : str
        ``data``: the first point of the test data or, if the data are missing, a sample from the model.
        ``sample``: a sample from the model. ``none``: no point.
    data : callable
        Loads the run's data.
    """
    if source == "none":
        return None
    if source == "data":
        try:
            return Point(as_numbers(data().test[:1], np.float32)[0], "the first point of the run's test data")
        except MinidecompError:
            pass
    return Point(sample(run.vae, 1)[0], "a sample from the model")


def sample(vae: VAE, count: int) -> np.ndarray:
    """``count`` points (count, dx) from the model, the same in every call."""
    return np.asarray(vae.sample(count)[2])


def example(encoder: Chain, decoder: Chain, point: Point, ends: type = np.float32) -> Example | None:
    """The test vector of a point; None if an output is not finite, because nothing could be compared then.

    Parameters
    ----------
    encoder, decoder : Chain
        The chains that the export computes with. For int8, they have the weights that the bytes stand for.
    point : Point
    ends : type
        The dtype in which the export takes and scales x.
    """
    x = point.values.astype(np.float64)
    if encoder.shift is not None and encoder.unit is not None:
        x = x * encoder.unit + encoder.shift
    with np.errstate(all="ignore"):
        x = x.astype(ends)
        encoded = answers(encoder, x, np.float64, ends)
        z = encoded["loc"].astype(np.float32)
        decoded = answers(decoder, z, np.float64, ends)
        narrow = {**answers(encoder, x, np.float32, ends), **_renamed(answers(decoder, z, np.float32, ends))}
        wide = {**encoded, **_renamed(decoded)}
    if not all(np.isfinite(each.astype(np.float32)).all() for each in (x, *wide.values(), *narrow.values())):
        return None
    step = 1 if decoder.unit is None else decoder.unit
    steps = {"mean": step, "x_scale": step}
    error = max(float((abs(narrow[k] - wide[k]) / (abs(wide[k]) + steps.get(k, 1))).max()) for k in wide)
    tolerance = max(TOLERANCE, float(f"{MARGIN * error:.1g}"))
    return Example(x, _narrowed(encoded), _narrowed(decoded), tolerance, point.source)


def answers(chain: Chain, h: np.ndarray, dtype: type, ends: type = np.float32) -> dict[str, np.ndarray]:
    """A chain's outputs for one input (n_in,), computed in ``dtype``, with shift and unit of type ``ends``."""
    wide = np.promote_types(dtype, ends)
    shift, unit = (None if end is None else end.astype(ends).astype(wide) for end in (chain.shift, chain.unit))
    if chain.name == "encode" and shift is not None:
        h = (h - shift) / unit
    h = h.astype(dtype)
    for i, (W, b) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        h = h @ W.astype(dtype) + b.astype(dtype)
        if i < len(chain.weights) - 1:
            h = _ACTIVATIONS[chain.activation](h)
    (first, n), *_ = chain.outputs.items()
    made = {first: _sigmoid(h[:n]) if chain.mean_link == "sigmoid" else h[:n]}
    if chain.scale_link is not None:
        raw = h[n:]
        made["scale"] = (np.exp(raw / 2) if chain.scale_link == "exp" else _softplus(raw)) + dtype(MIN_SCALE)
    if chain.name == "decode" and shift is not None:
        made = {name: value * unit + (shift if name == first else 0) for name, value in made.items()}
    return made


def _softplus(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0) + np.log1p(np.exp(-abs(a)))


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda a: np.maximum(a, 0),
    "leaky-relu": lambda a: np.where(a > 0, a, a.dtype.type(LEAKY_SLOPE) * a),
    "tanh": np.tanh,
    "softplus": _softplus,
}


def _renamed(decoded: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"x_scale" if name == "scale" else name: value for name, value in decoded.items()}


def _narrowed(made: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.astype(np.float32) for name, value in made.items()}

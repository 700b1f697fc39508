"""The NumPy format: one Python file, and a file with the weights."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import __version__
from ..data.rules import DataRules
from ..files import write_file
from ..model.vae import VAE
from ..runs.checkpoint import Run
from .data_facts import in_words, metadata
from .example import Point, example
from .format import ExportFormat
from .networks import LEAKY_SLOPE, MIN_SCALE, Chain, decoder_of, encoder_of
from .provenance import provenance
from .quantised import constant_bytes
from .told import Told, activation_bytes, signature

ACTIVATIONS = {
    "relu": "np.maximum(a, 0)",
    "leaky-relu": f"np.where(a > 0, a, np.float32({LEAKY_SLOPE}) * a)",
    "tanh": "np.tanh(a)",
    "softplus": "softplus(a)",
}


# What Python imports before or with the file. A file with such a name in the same folder would be imported instead.
TAKEN = {"numpy", "sitecustomize", "usercustomize", *sys.stdlib_module_names}


def why_not(name: str) -> str | None:
    """Why NAME.py could not be imported, or would be imported instead of another module; None if all is well."""
    if not name.isidentifier() or keyword.iskeyword(name):
        return "Python cannot import a file of that name; use letters, digits and _, and not a keyword"
    return f"{name}.py would hide a module that Python needs; choose another name" if name in TAKEN else None


def write_numpy(
    vae: VAE,
    folder: Path,
    name: str,
    rules: DataRules | None = None,
    origin: Mapping[str, str] | None = None,
    point: Point | None = None,
) -> list[Path]:
    """Write NAME.py, with ``encode(x)``, ``decode(z)`` and ``self_check()``, and NAME.npz.

    Besides the weights, NAME.npz has the arrays ``columns`` (the names of x's columns, if they have names), ``scale``,
    the contents of ``origin`` (`provenance`), and the test vector of ``point``.
    """
    scaling = None if rules is None else rules.scaling
    encoder, decoder = encoder_of(vae, scaling), decoder_of(vae, scaling)
    arrays: dict[str, np.ndarray] = {
        f"{chain.name}.{i}.{kind}": array
        for chain in (encoder, decoder)
        for kind, parts in (("W", chain.weights), ("b", chain.biases))
        for i, array in enumerate(parts)
    }
    if encoder.shift is not None and encoder.unit is not None:
        arrays |= {"shift": encoder.shift, "unit": encoder.unit}
    if rules is not None and rules.names:
        arrays["columns"] = np.array(rules.names)
    if "scale" in (facts := metadata(rules)):
        arrays["scale"] = np.array(facts["scale"])
    arrays |= {key: np.array(value) for key, value in (origin or {}).items()}
    test = None if point is None else example(encoder, decoder, point, np.float64)
    if test is not None:
        arrays |= {"test.x": test.x, "test.mean": test.decoded["mean"], "test.tolerance": np.array(test.tolerance)}
        arrays |= {f"test.{output}": values for output, values in test.encoded.items()}
    paths = [folder / f"{name}.py", folder / f"{name}.npz"]
    write_file(paths[0], lambda file: file.write(source(encoder, decoder, name, in_words(rules)).encode()))
    write_file(paths[1], lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
    return paths


def source(encoder: Chain, decoder: Chain, name: str, unit: str = "") -> str:
    """The file's text."""
    scale = "np.exp(raw / 2)" if encoder.scale_link == "exp" else "softplus(raw)"
    mean = "a" if decoder.scale_link is None else f"a[..., :{decoder.outputs['mean']}]"
    mean = f"sigmoid({mean})" if decoder.mean_link == "sigmoid" else mean
    x = "np.asarray(x, np.float32)"
    if encoder.shift is not None:
        x = '((np.asarray(x, np.float64) - WEIGHTS["shift"]) / WEIGHTS["unit"]).astype(np.float32)'
        mean = f'{mean} * WEIGHTS["unit"] + WEIGHTS["shift"]'
    about = f"{unit}\n" if unit else ""
    return f'''"""Encoder and decoder of {name}, exported by minidecomp {__version__}.

The file needs numpy and {name}.npz. WEIGHTS has the weights, the run's name and its options.
{about}"""

from pathlib import Path

import numpy as np

with np.load(Path(__file__).with_suffix(".npz"), allow_pickle=False) as _file:
    WEIGHTS = dict(_file)
COLUMNS = WEIGHTS["columns"].tolist() if "columns" in WEIGHTS else []  # the names of x's columns, in their order


def softplus(a):
    """log(1 + e^a)"""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def sigmoid(a):
    """1 / (1 + e^-a)"""
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, e) / (1 + e)


def layers(h, name, count, activate):
    """h <- activate(h W + b), without activation after the last layer"""
    for i in range(count):
        a = h @ WEIGHTS[f"{{name}}.{{i}}.W"] + WEIGHTS[f"{{name}}.{{i}}.b"]
        h = activate(a) if i < count - 1 else a
    return h


def encode(x):
    """loc and scale (N, {encoder.widths[-1] // 2}) of q(z|x) for x (N, {encoder.widths[0]})"""
    a = layers({x}, "encode", {len(encoder.weights)}, lambda a: {ACTIVATIONS[encoder.activation]})
    loc, raw = a[..., :{encoder.widths[-1] // 2}], a[..., {encoder.widths[-1] // 2}:]
    return loc, {scale} + np.float32({MIN_SCALE})


def decode(z):
    """E[x|z] (N, {decoder.outputs["mean"]}) for z (N, {decoder.widths[0]})"""
    a = layers(np.asarray(z, np.float32), "decode", {len(decoder.weights)}, lambda a: {ACTIVATIONS[decoder.activation]})
    return {mean}


def self_check():
    """Whether the test vector gives the right outputs, up to rounding; None if there is none"""
    if "test.x" not in WEIGHTS:
        return None
    made = (*encode(WEIGHTS["test.x"]), decode(WEIGHTS["test.loc"]))
    steps = 1, 1, WEIGHTS.get("unit", 1)
    return all(
        bool((abs(got - wanted) <= WEIGHTS["test.tolerance"] * (abs(wanted) + step)).all())
        for got, wanted, step in zip(made, (WEIGHTS[f"test.{{name}}"] for name in ("loc", "scale", "mean")), steps)
    )
'''


def tell(run: Run, name: str, weights: str) -> Told:
    """The files, the functions, and memory."""
    chains = encoder_of(run.vae, run.rules.scaling), decoder_of(run.vae, run.rules.scaling)
    size = sum(constant_bytes(chain, weights) for chain in chains)
    return Told(
        {".py": "encode, decode and self_check", ".npz": "weights, and what the model is"},
        (
            signature(f"{name}.encode", chains[0], "N, "),
            signature(f"{name}.decode", chains[1], "N, ", ("mean",)),
            f"weights: {size} bytes",
            f"RAM: the weights, about {max(map(activation_bytes, chains))} bytes per point, Python and NumPy",
        ),
        f"self-check: {name}.self_check() returns True if all is right",
    )


def _write(run: Run, folder: Path, name: str, weights: str, point: Point | None = None) -> list[Path]:
    return write_numpy(run.vae, folder, name, run.rules, provenance(run, weights), point)


FORMAT = ExportFormat(
    "numpy",
    "one Python file that needs only numpy, and a file with the weights",
    _write,
    why_not=why_not,
    takes_point=True,
    tell=tell,
)

"""The ONNX format: encoder and decoder as two models with a free batch size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.rules import DataRules
from ..files import write_file
from ..model.vae import VAE
from ..runs.checkpoint import Run
from .data_facts import in_words, metadata
from .format import ExportFormat
from .networks import LEAKY_SLOPE, MIN_SCALE, Chain, decoder_of, encoder_of
from .provenance import provenance
from .quantised import WEIGHTS, constant_bytes, quantised
from .told import Told, activation_bytes, signature

OPSET, IR_VERSION = 13, 8  # from 2020 and later, which every runtime in use reads
OPERATORS = {"relu": "Relu", "leaky-relu": "LeakyRelu", "tanh": "Tanh", "softplus": "Softplus"}


def write_onnx(
    vae: VAE,
    folder: Path,
    name: str,
    rules: DataRules | None = None,
    weights: str = "float32",
    origin: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write NAME-encoder.onnx (x -> loc, scale) and NAME-decoder.onnx (z -> mean and, if it is learned, scale).

    Their metadata have ``columns``, a JSON list of the names of x's columns, ``scale``, the value of ``--scale``, and
    the contents of ``origin`` (`provenance`).
    """
    paths, scaling = [], None if rules is None else rules.scaling
    chains = (encoder_of(vae, scaling), "encoder", "x"), (decoder_of(vae, scaling), "decoder", "z")
    for chain, what, variable in chains:
        model = onnx_model(chain, f"{name}-{what}", variable, weights)
        describe(model, rules, origin or {})
        text = model.SerializeToString()
        paths.append(folder / f"{name}-{what}.onnx")
        write_file(paths[-1], lambda file, text=text: file.write(text))  # type: ignore[misc]
    return paths


def describe(model: Any, rules: DataRules | None, origin: Mapping[str, str]) -> None:
    """Write into an onnx.ModelProto what x is and where the model comes from."""
    from onnx import helper

    helper.set_model_props(model, {**metadata(rules), **origin})
    model.doc_string = in_words(rules)


def onnx_model(chain: Chain, name: str, variable: str, weights: str = "float32") -> Any:
    """The chain as an onnx.ModelProto with one input of shape (batch, width)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, h = [], [], variable
    if chain.shift is not None and chain.unit is not None:
        for end, values in (("shift", chain.shift), ("unit", chain.unit)):
            constants.append(numpy_helper.from_array(values.astype(np.float32), end))
        if chain.name == "encode":
            nodes += [
                helper.make_node("Sub", [h, "shift"], ["moved"]),
                helper.make_node("Div", ["moved", "unit"], ["x_"]),
            ]
            h = "x_"
    for i, (W, b) in enumerate(zip(chain.weights, chain.biases, strict=True)):
        nodes += _weights(W, f"W{i}", weights, constants)
        constants.append(numpy_helper.from_array(b, f"b{i}"))
        turned: dict[str, Any] = {"transB": 1} if weights == "int8" else {}
        nodes.append(helper.make_node("Gemm", [h, f"W{i}", f"b{i}"], [f"a{i}"], **turned))
        h = f"a{i}"
        if i < len(chain.weights) - 1:
            more: dict[str, Any] = {"alpha": LEAKY_SLOPE} if chain.activation == "leaky-relu" else {}
            nodes.append(helper.make_node(OPERATORS[chain.activation], [h], [f"h{i}"], **more))
            h = f"h{i}"
    nodes += _end(chain, h, constants)
    outputs = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", n]) for output, n in chain.outputs.items()
    ]
    inputs = [helper.make_tensor_value_info(variable, TensorProto.FLOAT, ["batch", chain.widths[0]])]
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(
        graph,
        producer_name="minidecomp",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


def _weights(W: np.ndarray, name: str, weights: str, constants: list[Any]) -> list[Any]:
    """Add a matrix to the constants: as it is or, for int8, as bytes and scales with a node that multiplies them.

    The bytes are those of the transposed matrix. With the matrix itself, onnxruntime would multiply bytes by bytes, and
    would also round the layer's input for that.
    """
    from onnx import helper, numpy_helper

    if weights != "int8":
        constants.append(numpy_helper.from_array(W, name))
        return []
    q, scale = quantised(W)
    constants.append(numpy_helper.from_array(np.ascontiguousarray(q.T), f"{name}_q"))
    constants.append(numpy_helper.from_array(scale, f"{name}_s"))
    return [helper.make_node("DequantizeLinear", [f"{name}_q", f"{name}_s"], [name], axis=0)]


def _end(chain: Chain, h: str, constants: list[Any]) -> list[Any]:
    """The nodes from the last layer's output to the outputs of the chain."""
    from onnx import helper, numpy_helper

    first, half = next(iter(chain.outputs.items()))
    mean = {"identity": "Identity", "sigmoid": "Sigmoid"}[chain.mean_link]
    scaled = chain.shift is not None and chain.name == "decode"
    made = ("m_", "s_") if scaled else (first, "scale")
    back = [helper.make_node("Mul", ["m_", "unit"], ["m_unit"]), helper.make_node("Add", ["m_unit", "shift"], [first])]
    back += [helper.make_node("Mul", ["s_", "unit"], ["scale"])] if chain.scale_link is not None else []
    if chain.scale_link is None:
        return [helper.make_node(mean, [h], [made[0]]), *(back if scaled else [])]
    constants.append(numpy_helper.from_array(np.array([half, half], np.int64), "halves"))
    constants.append(numpy_helper.from_array(np.array(MIN_SCALE, np.float32), "least"))
    nodes = [helper.make_node("Split", [h, "halves"], ["m", "raw"], axis=1), helper.make_node(mean, ["m"], [made[0]])]
    if chain.scale_link == "exp":
        constants.append(numpy_helper.from_array(np.array(0.5, np.float32), "half"))
        nodes += [helper.make_node("Mul", ["raw", "half"], ["log_s"]), helper.make_node("Exp", ["log_s"], ["s"])]
    else:
        nodes.append(helper.make_node("Softplus", ["raw"], ["s"]))
    return [*nodes, helper.make_node("Add", ["s", "least"], [made[1]]), *(back if scaled else [])]


def tell(run: Run, name: str, weights: str) -> Told:
    """The files, their inputs and outputs, and memory."""
    parts = {"encoder": encoder_of(run.vae, run.rules.scaling), "decoder": decoder_of(run.vae, run.rules.scaling)}
    constants = {what: constant_bytes(chain, weights) for what, chain in parts.items()}
    listed = ", ".join(f"{what} {size}" for what, size in constants.items())
    return Told(
        {"-encoder.onnx": "x -> q(z|x)", "-decoder.onnx": "z -> p(x|z)"},
        (
            *(signature(f"{name}-{what}.onnx", chain, "batch, ") for what, chain in parts.items()),
            f"weights: {sum(constants.values())} bytes ({listed})",
            f"RAM: the weights, about {max(map(activation_bytes, parts.values()))} bytes per point, and the runtime",
        ),
    )


FORMAT = ExportFormat(
    "onnx",
    "two models with a free batch size, for onnxruntime and others",
    lambda run, folder, name, weights: write_onnx(run.vae, folder, name, run.rules, weights, provenance(run, weights)),
    weights=WEIGHTS,
    tell=tell,
    package="onnx",
    install="minidecomp[onnx]",
)

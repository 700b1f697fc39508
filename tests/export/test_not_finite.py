"""What is exported makes of NaN and infinity what the engine makes of them."""

import ctypes
import importlib.util
import itertools
import shutil
import subprocess

import numpy as np
import pytest
from javascript import in_node, needs_node
from numpy.testing import assert_allclose

from minidecomp import engines
from minidecomp._core.codes import ACTIVATIONS
from minidecomp.export.c import write_c
from minidecomp.export.networks import decoder_of, encoder_of
from minidecomp.export.numpy_file import write_numpy
from minidecomp.export.onnx import write_onnx
from minidecomp.export.precision import with_chains
from minidecomp.export.quantised import dequantised
from minidecomp.model import from_options
from minidecomp.objective import Objective
from minidecomp.settings.resolving import resolve
from minidecomp.terms.arrays import MIN_SCALE, softplus

GCC = shutil.which("gcc")
DATA_DIM, LATENT_DIM = 4, 3
# A NaN alone, each infinity alone, both, and numbers whose sigmoid is 0 or 1.
ROWS = [
    [np.nan, 1.0, -1.0],
    [0.5, np.inf, 1.0],
    [0.5, -np.inf, 1.0],
    [np.inf, -np.inf, 1.0],
    [300.0, -300.0, 300.0],
    [0.5, 1.0, -1.0],
]
Z = np.array(ROWS, np.float32)
X = np.concatenate([Z, np.ones((len(Z), 1), np.float32)], axis=1)
kinds = pytest.mark.parametrize(
    ("activation", "likelihood", "scale_link", "hidden"),
    [
        *itertools.product(ACTIVATIONS, ("gaussian",), ("softplus", "exp"), ([6, 2],)),
        ("relu", "gaussian", "softplus", [1]),
        ("leaky-relu", "gaussian", "exp", [1]),
        ("leaky-relu", "bernoulli", "exp", [1]),
    ],
)


def model(activation, likelihood, scale_link, hidden):
    """An untrained model; through a hidden layer of one unit an infinity reaches the links."""
    given = {"data": "x.npy", "prior": "gaussian", "activation": activation, "likelihood": likelihood}
    given |= {"scale_link": scale_link, "hidden": hidden, "latent_dim": LATENT_DIM, "dtype": "float32"}
    return from_options.vae(resolve(given), DATA_DIM)


def answers(vae):
    """The CPU engine's: loc and scale of the encoder, the mean and, where there is one, the scale of the decoder."""
    engine = engines.make("cpu", vae, Objective(), max_rows=16, threads=1)
    loc, scale = engine.encode(X)
    with np.errstate(all="ignore"):
        output = np.asarray(engine.decode(Z))
        decoded = [vae.likelihood.mean(output)]
        if vae.likelihood.learns_scale:
            decoded.append(softplus(vae.likelihood.loc_and_raw(output)[1]) + MIN_SCALE)
    return [loc, scale], decoded


def agree(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@kinds
def test_the_engine_hides_nothing(activation, likelihood, scale_link, hidden):
    """A NaN in a point is one in all that comes out, and the textbook says the same of every row."""
    vae = model(activation, likelihood, scale_link, hidden)
    encoded, decoded = answers(vae)
    assert np.isnan(encoded[0][0]).all() and np.isnan(encoded[1][0]).all() and np.isnan(decoded[0][0]).all()
    with np.errstate(all="ignore"):
        agree(vae.encode(X), encoded)
        agree([vae.likelihood.mean(vae.decode(Z))], decoded[:1])


@pytest.mark.skipif(GCC is None, reason="no gcc")
@pytest.mark.parametrize("weights", ["float32", pytest.param("int8", marks=pytest.mark.slow)])
@kinds
def test_c99(activation, likelihood, scale_link, hidden, weights, tmp_path):
    vae = model(activation, likelihood, scale_link, hidden)
    write_c(vae, tmp_path, "net", weights)
    if weights == "int8":
        vae = with_chains(vae, dequantised(encoder_of(vae)), dequantised(decoder_of(vae)))
    library = tmp_path / "libnet.so"
    subprocess.run([GCC, "-std=c99", "-O2", "-shared", "-fPIC", tmp_path / "net.c", "-o", library, "-lm"], check=True)
    loaded, pointer = ctypes.CDLL(str(library)), ctypes.POINTER(ctypes.c_float)

    def call(function, rows, widths):
        outputs = [np.empty((len(rows), width), np.float32) for width in widths]
        for i, row in enumerate(rows):
            arrays = [row.copy(), *(output[i] for output in outputs)]
            getattr(loaded, function)(*(array.ctypes.data_as(pointer) for array in arrays))
        return outputs

    encoded, decoded = answers(vae)
    agree(call("net_encode", X, encoder_of(vae).outputs.values()), encoded)
    agree(call("net_decode", Z, decoder_of(vae).outputs.values()), decoded)


@kinds
def test_numpy(activation, likelihood, scale_link, hidden, tmp_path):
    vae = model(activation, likelihood, scale_link, hidden)
    write_numpy(vae, tmp_path, "net")
    spec = importlib.util.spec_from_file_location("net", tmp_path / "net.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    encoded, decoded = answers(vae)
    with np.errstate(all="ignore"):
        agree(module.encode(X), encoded)
        agree([module.decode(Z)], decoded[:1])


@kinds
def test_onnx(activation, likelihood, scale_link, hidden, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    vae = model(activation, likelihood, scale_link, hidden)
    encoder, decoder = (
        runtime.InferenceSession(path, providers=["CPUExecutionProvider"]) for path in write_onnx(vae, tmp_path, "net")
    )
    encoded, decoded = answers(vae)
    agree(encoder.run(None, {"x": X}), encoded)
    agree(decoder.run(None, {"z": Z}), decoded)


@needs_node
@kinds
def test_the_pages_decoder(activation, likelihood, scale_link, hidden):
    vae = model(activation, likelihood, scale_link, hidden)
    vector = np.concatenate([vae.parameters[name].ravel() for name in vae.decoder.shapes()])
    points = [[str(value).replace("inf", "Infinity").replace("nan", "NaN") for value in row] for row in Z]
    made = in_node(
        """
        const decoder = new Network("dec", given.widths, given.activation);
        const model = { decoder, parameters: new Parameters(decoder.shapes(), Float64Array.from(given.vector)) };
        const { mean } = LIKELIHOODS[given.likelihood];
        return given.points.map((z) => mean(decode(model, Float64Array.from(z, Number), 1), 1, given.width));
        """,
        {
            "widths": vae.decoder.widths,
            "activation": activation,
            "vector": vector,
            "likelihood": likelihood,
            "points": points,
            "width": DATA_DIM,
        },
    )
    values = [[float(value) for value in row] for row in made]
    agree([np.array(values)], answers(vae)[1][:1])

"""Kernels by themselves against NumPy, at sizes that are no multiple of a pack, of a warp or of a block."""

import numpy as np
import pytest
from devices import KINDS, make_device
from engine_cases import batch, make
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp._core.codes import RATES, STATE
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.gpu_layout import PACK, Layout
from minidecomp.model.optimizer import Adam

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
devices = pytest.mark.parametrize("device", KINDS)
AT = {name: i for i, name in enumerate(STATE)}
EPSILON = {"float32": 1e-6, "float64": 1e-14}


def state_of(device, fault=-1):
    state = np.zeros(len(STATE), np.int64)
    state[AT["fault"]] = fault
    return device.array(state, np.int64)


# ---- where the parameters stand ----


def test_tensors_begin_at_multiples_of_sixteen_bytes():
    shapes = {"W": (3, 5), "b": (5,), "V": (4, 2), "c": (1,)}
    layout, vector = Layout(shapes), np.arange(1.0, 30, dtype=np.float32)
    padded = layout.with_gaps(vector)
    assert padded.dtype == np.float32 and layout.size == padded.size == 16 + 8 + 8 + 4
    first = 0
    for name, view in layout.views(padded).items():
        assert view.shape == shapes[name] and (view.ctypes.data - padded.ctypes.data) % (4 * PACK) == 0
        assert_array_equal(view.ravel(), vector[first : first + view.size])
        first += view.size
    assert np.count_nonzero(padded) == 29
    assert_array_equal(layout.without_gaps(padded), vector)


@devices
def test_the_gaps_stay_zero(device):
    """Widths that are no multiple of four, in all vectors, after steps that did something."""
    vae, objective = make(5, "float32", latent_dim=3, hidden=(7,), alpha=1.0, learn_prior_variance=True)
    engine = GpuEngine(vae, objective, max_rows=9, device=make_device(device, vae.dtype))
    adam, before, step = Adam.for_vector(vae.parameters.vector), vae.parameters.vector.copy(), engine._step
    assert engine.train(batch(vae, 18), np.arange(18), 9, adam, 0, np.zeros(4)) is None
    gaps = step.layout.with_gaps(np.ones_like(before)) == 0
    assert gaps.sum() > 8
    for vector in (step.vector, step.gradient, *(step.arrays[name] for name in ("m", "v", "v_max"))):
        host = engine._device.to_host(vector)
        assert not host[gaps].any() and np.count_nonzero(host[~gaps]) > before.size / 2
    engine.pull()
    assert (vae.parameters.vector != before).mean() > 0.5


# ---- the end of a step ----


@dtypes
@devices
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("packs", [1, 33, 257])
def test_adam(packs, amsgrad, device, dtype):
    """Also with a fault: then nothing changes."""
    on, rng, size = make_device(device, np.dtype(dtype)), np.random.default_rng(packs), PACK * packs
    gradient, vector = rng.normal(size=(2, size)).astype(dtype)
    adam = Adam.for_vector(vector, 0.01, amsgrad)
    for _ in range(3):
        adam.update(vector, (rng.normal(size=size) * 2).astype(dtype))
    rate, root = adam.corrections(adam.step + 1)
    numbers = {"rate": rate, "root": root, "rest1": 1 - adam.beta1, "rest2": 1 - adam.beta2, "tiny": adam.eps}
    arrays = {"vector": vector, "gradient": gradient, "m": adam.m, "v": adam.v}
    arrays |= {"v_max": adam.v_max} if amsgrad else {}
    before = {name: array.copy() for name, array in arrays.items()}
    arguments = {name: on.array(array) for name, array in arrays.items()}
    arguments |= {"size": size, "rates": on.array([numbers[name] for name in RATES])}
    kernel, grid = "adam_amsgrad" if amsgrad else "adam", (-(-packs // 64), 1)
    on.bind(kernel, grid, 64, arguments | {"state": state_of(on, fault=2)})()
    for name, array in before.items():
        assert_array_equal(on.to_host(arguments[name]), array)
    on.bind(kernel, grid, 64, arguments | {"state": state_of(on)})()
    adam.update(vector, -gradient)
    for name, array in arrays.items():
        assert_allclose(on.to_host(arguments[name]), array, rtol=20 * EPSILON[dtype], atol=EPSILON[dtype])

"""The MMD's kernels against the textbook: over pairs of points, and over cells of points in large batches."""

import numpy as np
import pytest
from devices import KINDS, make_device
from engine_cases import batch, make, trained
from numpy.polynomial.chebyshev import chebval2d
from numpy.testing import assert_allclose, assert_array_equal
from test_gpu_engine import engine_on

from minidecomp._core import codes
from minidecomp.engines import gpu_mmd, gpu_small
from minidecomp.engines.gpu_step import WEIGHT, GpuStep
from minidecomp.terms.regularisers.mmd import REGULARISER, kernel

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
WEIGHT_OF_THE_TERM = 3.0
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
devices = pytest.mark.parametrize("device", KINDS)


@pytest.fixture(autouse=True)
def cells_wherever_they_are_possible(monkeypatch):
    """And several parts of each sample's points."""
    monkeypatch.setattr(gpu_mmd, "CELLS_FROM", 2)
    monkeypatch.setattr(gpu_mmd, "POINTS_OF_A_PART", 80)


def mmd(device, x, z, learn=True, **how):
    """MMD^2 of x (B, D) and z (K, B, D), and the gradients by both; where not asked for, the second is None."""
    (K, B, D), device = z.shape, make_device(device, x.dtype, **how)
    options = {"latent_dim": D, "samples": K, "learn_prior_variance": learn, "alpha": 1.0}
    vae, objective = make(1, str(x.dtype), prior="gaussian", regulariser="mmd", hidden=(), **options)
    with device.queue:
        step, numbers = GpuStep(vae, objective, B + 2, device), np.zeros(codes.NUMBER_COUNT)
        numbers[WEIGHT][2] = WEIGHT_OF_THE_TERM
        step.numbers[...] = device.array(numbers, np.float64)
        step.arrays["z"][: K * B], step.arrays["sample"][:B] = device.array(z.reshape(K * B, D)), device.array(x)
        calls, count = step._mmd(B)
        for call in calls:
            call()
        value, d_z, d_sample = (device.to_host(step.arrays[name]) for name in ("regulariser", "d_z", "d_sample"))
    return value[:count].sum(dtype=float), d_z[: K * B].reshape(z.shape), d_sample[:B] if learn else None


def assert_is_the_textbooks(got, x, z, tolerance):
    value, gradients = REGULARISER.value_and_grad(x.astype(float), z.astype(float), None, None, None)
    # In each dimension an unbiased estimate may be 0; its terms are of size 12 / B.
    assert_allclose(got[0], value, rtol=tolerance, atol=tolerance * x.shape[1] / len(x))
    for array, name in zip(got[1:], ("z", "prior_sample"), strict=True):
        if array is not None:
            wanted = WEIGHT_OF_THE_TERM * gradients[name]
            assert_allclose(array, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max(), err_msg=name)


def samples(K, B, D, dtype="float32", seed=0):
    """Of wide and narrow posteriors, off the prior's place, and equal points; some at the borders of cells."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(B, D)), rng.normal(size=(K, B, D)) * rng.choice([0.05, 1, 2], D) + rng.normal(size=D)
    x[::7] = np.round(x[::7])
    z[:, ::5] = np.round(2 * z[:, ::5]) / 2
    return x.astype(dtype), z.astype(dtype)


@dtypes
@devices
@pytest.mark.parametrize("cells", [True, False])
@pytest.mark.parametrize(
    ("K", "B", "D", "block"),
    [
        (1, 2, 1, 32),
        (3, 3, 2, 128),
        (1, 33, 60, 64),
        (2, 64, 5, 32),
        (1, 200, 3, 256),
        (3, 161, 2, 64),
        (1, 500, 3, 128),
    ],
)
def test_value_and_gradients(K, B, D, block, cells, device, dtype, monkeypatch):
    if not cells:
        monkeypatch.setattr(gpu_mmd, "CELLS_FROM", B + 1)
    x, z = samples(K, B, D, dtype)
    for learn in (True, False):
        assert_is_the_textbooks(mmd(device, x, z, learn, block=block), x, z, TOLERANCE[dtype])


@devices
@pytest.mark.parametrize("cells", [True, False])
def test_many_points_in_float32(cells, device, monkeypatch):
    """As close as in a small batch, although MMD^2 is here far smaller than the means of k that it comes from."""
    if not cells:
        monkeypatch.setattr(gpu_mmd, "CELLS_FROM", 10**6)
    x, _ = samples(1, 1200, 1)
    z = x[None, ::-1] + np.float32(0.1)
    assert_is_the_textbooks(mmd(device, x, z), x, z, 1e-5)


@dtypes
@devices
@pytest.mark.parametrize("far", [15.0, 31.0, 33.0, 1e3, 1e7, 1e15])
def test_points_too_far_apart_for_cells(far, device, dtype):
    """In one of two dimensions, which is then summed over pairs; the other has its cells far from 0."""
    x, z = samples(1, 100, 2, dtype)
    x[::9, 0] += np.array(far, dtype)
    x[:, 1] += 1000
    z[..., 1] += 1000
    assert_is_the_textbooks(mmd(device, x, z, block=64), x, z, 1e-3 if dtype == "float32" else 1e-9)


@dtypes
@devices
def test_equal_points(device, dtype):
    x = np.full((90, 2), 0.5, dtype)
    value, d_z, d_sample = mmd(device, x, x[None])
    assert abs(value) < 1e-6 and np.abs(d_z).max() < 1e-6 and np.abs(d_sample).max() < 1e-6
    x[1::2] = -7.25
    assert_is_the_textbooks(mmd(device, x, -x[None]), x, -x[None], TOLERANCE[dtype])


@dtypes
@devices
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["x", "z"])
def test_a_value_that_is_not_finite(where, bad, device, dtype):
    """It is never hidden, and dimensions without one are as they were."""
    x, z = samples(2, 100, 2, dtype)
    expected = mmd(device, x, z)
    (x if where == "x" else z[1])[77, 0] = bad
    value, d_z, _ = mmd(device, x, z)
    assert not np.isfinite(value)
    assert_array_equal(d_z[..., 1], expected[1][..., 1])


@dtypes
def test_the_order_of_threads_does_not_matter(dtype):
    x, z = samples(2, 170, 3, dtype)
    x[3, 2] = 100
    for forward, backward in zip(*(mmd("emulated", x, z, reverse=reverse) for reverse in (False, True)), strict=True):
        assert_array_equal(forward, backward)


@dtypes
def test_the_coefficients_are_the_kernels(dtype):
    C = gpu_mmd.coefficients(np.dtype(dtype))
    t = np.linspace(-1, 1, 9)
    for o in (0, 1, 5, codes.GPU_MMD_SPAN - 1):
        got = chebval2d(*np.meshgrid(t, t, indexing="ij"), C[o].T)
        expected = kernel(codes.GPU_MMD_WIDTH * (o + (t[:, None] - t) / 2))
        assert_allclose(got, expected, rtol=1e-8 if dtype == "float32" else 1e-12)


def test_a_batch_of_any_size_has_the_cells_of_about_a_thousand_blocks():
    for K, D in ((1, 1), (1, 50), (3, 2000)):
        assert gpu_mmd.parts(10**7, K, D) * (K + 1) * D < gpu_mmd.ENOUGH_BLOCKS + (K + 1) * D


def test_last_batches_of_an_epoch_have_cells_or_not(monkeypatch):
    """A program of each size uses the same arrays."""
    monkeypatch.setattr(gpu_mmd, "CELLS_FROM", 50)
    monkeypatch.setattr(gpu_small, "fits", lambda *_: False)
    vectors = []
    for dtype in ("float32", "float64"):
        vae, objective = make(4, dtype, prior="gaussian", regulariser="mmd", alpha=5.0, latent_dim=2, hidden=(6,))
        vectors.append(trained(engine_on("emulated", vae, objective, 90), batch(vae, 130), 6, 90)[0])
    assert_allclose(*vectors, atol=1e-5)

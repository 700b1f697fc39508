"""The ends of the range, in float32 and float64: all is finite, keeps its dtype and overflows nowhere."""

from __future__ import annotations

import numpy as np
import pytest
from engine_cases import make
from finite_differences import LIKELIHOODS, random_prior
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import objective as textbook
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model import network
from minidecomp.model.network import MLP, Parameters
from minidecomp.model.vae import PRIOR_LOGITS, VAE, cast_prior, parameter_shapes
from minidecomp.objective import Objective
from minidecomp.randomness.draws import Draws, draw
from minidecomp.terms import arrays, kl, posterior, priors
from minidecomp.terms.regularisers import inclusive_kl, mmd

DTYPES = (np.float32, np.float64)
FAR = (-1e3, -40.0, -1.0, 0.0, 1e-3, 1.0, 40.0, 1e3)


@pytest.fixture(params=DTYPES, ids=["float32", "float64"])
def dtype(request):
    """Overflow, 0/0 and log 0 raise in these tests; underflow to zero is what exp does at the ends."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        yield request.param


def assert_sound(dtype, value, gradients):
    assert np.isfinite(value).all()
    assert np.asarray(value).dtype == dtype
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all(), name
        assert gradient.dtype == dtype, name


def make_prior(kind, dtype, latent_dim=1, components=1, **given_settings):
    return cast_prior(random_prior(kind, np.random.default_rng(0), latent_dim, components, **given_settings), dtype)


PRIOR_CASES = [
    ("gaussian", {}),
    ("student-t", {"df": 0.5}),
    ("student-t", {"df": 200.0}),
    ("mixture", {"components": 1}),
    ("mixture", {"components": 5}),
    *[("sparse", {"gamma": gamma, "spike_scale": 0.05}) for gamma in (0.0, 1e-12, 0.8, 1.0)],
]
each_prior = pytest.mark.parametrize(("kind", "given_settings"), PRIOR_CASES)


def test_arrays(dtype):
    x = np.array([-1e30, -1e4, -40, 0, 40, 1e4, 1e30], dtype)
    assert_array_equal(arrays.softplus(x)[[0, 1, 5, 6]], np.array([0, 0, 1e4, 1e30], dtype))
    assert_array_equal(arrays.sigmoid(x)[[0, 1, 3, 5, 6]], [0, 0, 0.5, 1, 1])
    assert_allclose(arrays.softplus(x)[2], np.exp(-40.0), rtol=1e-5)
    assert_allclose(arrays.sigmoid(x)[2], np.exp(-40.0), rtol=1e-5)
    assert_array_equal(
        arrays.logsumexp(np.array([[1e30, -1e30], [-1e30, -1e30]], dtype), 1), np.array([1e30, -1e30], dtype)
    )
    for function in (arrays.softplus, arrays.sigmoid):
        assert function(x).dtype == dtype


def test_bernoulli_logits(dtype):
    """Right answers cost nothing, wrong ones the logit; one data dimension alone, too."""
    output, x = np.array([[-1e4], [-1e4], [1e4], [1e4]], dtype), np.array([[0], [1], [0], [1]], dtype)
    value, gradients = LIKELIHOODS["bernoulli"].value_and_grad(x, output)
    assert_sound(dtype, value, gradients)
    assert_array_equal(value, [0, -1e4, -1e4, 0])
    assert_array_equal(gradients["output"][:, 0], [0, 1, -1, 0])


def test_gaussian_likelihood_raw(dtype):
    """At raw = -40 the scale is its floor; at 40 it is 40."""
    output = np.array([[0.5, -40], [0.5, 40], [1, -40]], dtype)
    value, gradients = LIKELIHOODS["gaussian"].value_and_grad(np.array([[1]], dtype), output)
    assert_sound(dtype, value, gradients)
    assert_allclose(value[0], -0.5 * 0.25e12, rtol=1e-5)
    assert_allclose(value[2], -np.log(1e-6) - 0.5 * np.log(2 * np.pi), rtol=1e-5)
    assert_allclose(gradients["output"][:2, 0], [0.5e12, 0.5 / 1600], rtol=1e-5)


def test_laplace_far_and_at_its_kink(dtype):
    output = np.array([[-1e4], [0], [1], [1e4]], dtype)
    value, gradients = LIKELIHOODS["laplace"].value_and_grad(np.array([[1]], dtype), output)
    assert_sound(dtype, value, gradients)
    assert gradients["output"][2] == 0


@pytest.mark.parametrize("link", posterior.SCALE_LINKS)
def test_scale_links(dtype, link):
    raw = np.array([-40, 0, 40], dtype)
    scale, slope = posterior.scale_from_raw(raw, link), posterior.scale_slope(raw, link)
    assert_sound(dtype, scale, {"raw": slope})
    assert (scale > 0).all() and (slope > 0).all()
    assert_allclose(scale[0], 1e-6, rtol=1e-2)
    assert_allclose(scale[2], 40 if link == "softplus" else np.exp(20), rtol=1e-6)
    assert_allclose(slope[2], 1 if link == "softplus" else np.exp(20) / 2, rtol=1e-6)


@each_prior
@pytest.mark.parametrize("latent_dim", [1, 3])
def test_priors_far_out(dtype, kind, given_settings, latent_dim):
    prior = make_prior(kind, dtype, latent_dim, **given_settings)
    z = np.repeat(np.array(FAR, dtype)[:, None], latent_dim, axis=1)
    value, gradients = prior.log_density_and_grad(z)
    assert_sound(dtype, value, gradients)
    assert_allclose(value, prior.log_density(z), rtol=1e-6)
    double = cast_prior(prior, np.float64).log_density_and_grad(z.astype(np.float64))
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    assert_allclose(value, double[0], rtol=tolerance, atol=tolerance)
    for name, gradient in gradients.items():
        assert_allclose(gradient, double[1][name], rtol=tolerance, atol=tolerance * abs(double[1][name]).max())


@each_prior
def test_samples_keep_their_dtype(dtype, kind, given_settings):
    prior = make_prior(kind, dtype, 2, **given_settings)
    draws = draw(prior, 1, 50, 2, 3, 0, dtype)
    grad = prior.sample_grad(np.ones_like(draws.prior_sample), draws.prior_noise, draws.prior_choice)
    assert_sound(dtype, draws.prior_sample, {"variance": grad})


@pytest.mark.parametrize("s", [1e-6, 1e-4, 1.0])
def test_the_kl_of_narrow_posteriors_keeps_its_digits(dtype, s):
    """z has seven digits in float32: (z - mu) / s, worked out again, has one where s is 1e-6 and mu is 1."""
    rng = np.random.default_rng(0)
    loc, eps = rng.normal(size=(50, 3)).astype(dtype), rng.standard_normal((2, 50, 3)).astype(dtype)
    scale, prior = np.full((50, 3), s, dtype), make_prior("gaussian", dtype, 3)
    z = posterior.sample(loc, scale, eps)
    log_q = (-0.5 * eps.astype(float) ** 2 - np.log(float(dtype(s))) - 0.5 * arrays.LOG_2PI).sum(-1)
    expected = log_q - cast_prior(prior, np.float64).log_density(z.astype(float))
    value, gradients = kl.monte_carlo_value_and_grad(z, loc, scale, prior, eps=eps)
    tolerance = 3e-6 if dtype == np.float32 else 1e-12
    assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
    assert_array_equal(value, kl.monte_carlo_value(z, loc, scale, prior, eps=eps))
    assert_allclose(gradients["loc"], eps / scale, rtol=1e-6)
    assert_sound(dtype, value, gradients)


def test_the_engines_agree_about_narrow_posteriors_in_float32():
    """Networks of which nothing is left but biases: loc is 1, and s little more than the least."""
    vae, objective = make(3, "float32", prior="gaussian", kl="monte-carlo", hidden=(4,), latent_dim=2)
    vae.parameters.vector[:] = 0
    vae.parameters["enc.1.b"][:] = [1, 1, -40, -40]
    x = np.zeros((200, 3), np.float32)
    by_cpu, by_textbook = (
        engine.values(x, 0, 0)["kl"]
        for engine in (CpuEngine(vae, objective, max_rows=200), TextbookEngine(vae, objective))
    )
    assert_allclose(by_textbook, by_cpu, rtol=1e-5)
    assert vae.encode(x)[1].max() < 2e-6 and by_cpu > 20


@each_prior
@pytest.mark.parametrize("link", posterior.SCALE_LINKS)
def test_kl_at_extreme_posteriors(dtype, kind, given_settings, link):
    """One sample (K = 1), one dimension; posteriors as narrow and as wide as raw = -40 and 40 make them."""
    prior = make_prior(kind, dtype, **given_settings)
    raw, loc = np.array([[-40], [0], [40]], dtype), np.array([[-40], [0], [3]], dtype)
    scale = posterior.scale_from_raw(raw, link)
    z = posterior.sample(loc, scale, np.array([[[-3], [0.2], [4]]], dtype))
    for multiplier in (1.0, 10.0):
        assert_sound(dtype, *kl.monte_carlo_value_and_grad(z, loc, scale, prior, multiplier))
    if kind == "gaussian":
        assert_sound(dtype, *kl.analytic_value_and_grad(loc, scale, prior))


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_mmd_of_far_points(dtype, latent_dim):
    far = np.repeat(np.array([[0], [1e6], [-1e6], [1e-6]], dtype), latent_dim, axis=1)
    for x, y in ((far, far[::-1]), (far, 0 * far), (far[:2], far[2:]), (far + 1, far)):
        value, gradients = mmd.value_and_grad(x, y)
        assert_sound(dtype, value, gradients)


@each_prior
@pytest.mark.parametrize("latent_dim", [1, 3])
@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0])
def test_inclusive_kl_forty_sigma_away(dtype, kind, given_settings, latent_dim, scale):
    """Every posterior is at least 40 sigma from every draw; J = 2 and B = 3, and both 1."""
    prior = make_prior(kind, dtype, latent_dim, **given_settings)
    loc, scales = np.array([[0], [0.5], [-0.2]]) * np.full(latent_dim, scale), np.full((3, latent_dim), scale)
    sample = np.array([[41], [-42]]) * np.full(latent_dim, scale)
    loc, scales, sample = (array.astype(dtype) for array in (loc, scales, sample))
    for posteriors, draws in ((3, 2), (1, 1)):
        arguments = sample[:draws], loc[:posteriors], scales[:posteriors], prior
        value, gradients = inclusive_kl.value_and_grad(*arguments)
        assert_sound(dtype, value, gradients)
        assert_allclose(value, inclusive_kl.value(*arguments), rtol=1e-5)


def test_inclusive_kl_pulls_the_nearest_posterior(dtype):
    """Where all densities underflow the weights are still those of the nearest one."""
    prior = make_prior("gaussian", dtype)
    loc, scale = np.array([[0], [50]], dtype), np.ones((2, 1), dtype)
    _, gradients = inclusive_kl.value_and_grad(np.array([[-100]], dtype), loc, scale, prior)
    assert_allclose(gradients["loc"][:, 0], [100, 0], rtol=1e-5)


def test_learned_variance(dtype):
    """Logits far apart leave all the variance to one dimension; D = 1 has no choice."""
    for logits in ([1e4, 0, -1e4], [1e4, -1e4], [-1e4]):
        variance = priors.variance_from_logits(np.array(logits, dtype), 0.8)
        grad = priors.logits_grad(np.arange(1, len(logits) + 1, dtype=dtype), variance)
        assert_sound(dtype, variance, {"logits": grad})
        assert_allclose(variance.sum(), 0.8 * len(logits), rtol=1e-6)
        assert_allclose(grad, 0, atol=1e-5)
    assert_allclose(priors.variance_from_logits(np.array([1e4, 1e4], dtype), 0.8), [0.8, 0.8], rtol=1e-6)


@pytest.mark.parametrize("activation", network.ACTIVATIONS)
def test_networks_of_extreme_activity(dtype, activation):
    mlp = MLP("net", (1, 4, 2), activation)
    parameters = Parameters(mlp.shapes(), dtype=dtype)
    parameters["net.0.W"][:] = [[-1e4, -40, 40, 1e4]]
    parameters["net.1.W"][:] = 1
    output, inputs = mlp.forward(parameters, np.array([[1], [-1], [0]], dtype))
    grads, d_x = mlp.backward(parameters, inputs, np.ones_like(output))
    assert_sound(dtype, output, grads | {"x": d_x})


@pytest.mark.parametrize("regulariser", ("mmd", "kl-inc"))
@pytest.mark.parametrize("link", posterior.SCALE_LINKS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@each_prior
def test_the_objective(dtype, kind, given_settings, likelihood, link, regulariser):
    """x in {0, 1}, K = 1, D = 1, an encoder whose raw is -40 or 40 and a decoder far from the data."""
    encoder = MLP("enc", (2, 2), "relu")
    decoder = MLP("dec", (1, LIKELIHOODS[likelihood].output_dim(2)), "relu")
    parameters = Parameters(parameter_shapes(encoder, decoder, 1, True), dtype=dtype)
    parameters["enc.0.W"][:] = [[1, 80], [-1, 0]]
    parameters["enc.0.b"][:] = [0, -40]
    parameters["dec.0.W"][:] = 0.01
    parameters["dec.0.b"][:] = -40
    prior = make_prior(kind, dtype, **given_settings)
    vae = VAE(encoder, decoder, LIKELIHOODS[likelihood], prior, link, parameters)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype)
    draws = draw(vae.current_prior(), 1, 4, 1, 0, 0, dtype)
    objective = Objective(4.0, 10.0, regulariser, "monte-carlo", 1)
    values, gradient = textbook.value_and_grad(vae, objective, x, draws)
    assert all(np.isfinite(value) for value in values.values())
    assert_sound(dtype, dtype(0), gradient)
    assert gradient[PRIOR_LOGITS] == 0
    expected = textbook.value(vae, objective, x, draws)
    assert_allclose([values[name] for name in expected], list(expected.values()), rtol=1e-5)


def test_one_posterior_and_one_sample(dtype):
    """B = K = D = J = 1 is enough for the inclusive KL."""
    prior = make_prior("gaussian", dtype)
    one = np.ones((1, 1), dtype)
    value, gradients = inclusive_kl.value_and_grad(2 * one, one, one, prior)
    assert_sound(dtype, value, gradients)
    assert_array_equal(gradients["loc"], -one)
    assert Draws(one[None]).prior_sample is None

"""Overlap and match of a linear-Gaussian model against closed forms; of other priors against integrals."""

import dataclasses
import math

import numpy as np
import pytest
from engine_cases import make
from exact import Grid, LinearGaussian, by_integration
from numpy.testing import assert_allclose
from scipy import stats

from minidecomp.evaluation.decomposition import decomposition
from minidecomp.evaluation.marginal import marginal_log_likelihood
from minidecomp.terms import priors

FIVE = np.random.default_rng(5).normal(size=(5, 5)) * 0.4
MODELS = {
    "one": LinearGaussian(np.array([[1.2]]), np.array([0.5]), np.array([1.0])),
    "two": LinearGaussian(np.array([[0.9, -0.4, 0.2], [0.3, 0.5, -0.6]]), np.array([0.6, 0.4]), np.array([1.0, 0.7])),
    "correlated": LinearGaussian(np.array([[1.0, 0.0], [0.99, 0.1]]), np.full(2, 0.3), np.ones(2)),
    "five": LinearGaussian(FIVE, np.linspace(0.6, 1, 5), np.linspace(0.7, 1.3, 5)),
    "posterior is prior": LinearGaussian(np.zeros((3, 2)), np.array([0.5, 1, 2]), np.array([0.5, 1, 2])),
}
POINTS = 2048


def estimates(found):
    return {name: each for part in ("overlap", "match") for name, each in found[part].items()}


def prior_of(model):
    return priors.Gaussian(np.zeros(len(model.prior_scale)), model.prior_scale)


@pytest.mark.parametrize("name", MODELS)
def test_a_linear_gaussian_model(name):
    """Within 4 errors of the closed forms; the bias of 2048 encodings is less than an error (next test)."""
    model = MODELS[name]
    exact, found = model.values(), estimates(decomposition(*model.encodings(POINTS), prior_of(model)))
    for part, each in found.items():
        assert abs(each["value"] - exact[part]) <= 4 * each["error"] + 2e-4, (part, each, exact[part])


@pytest.mark.parametrize(("name", "bias"), [("one", 3e-4), ("two", 8e-4), ("correlated", 3.5e-3)])
def test_how_far_the_mixture_of_encodings_is_from_its_limit(name, bias):
    """No samples are drawn. This compares the mixture's own values, by integrals, with the closed forms."""
    model = MODELS[name]
    mixture = by_integration(*model.encodings(POINTS), prior_of(model), Grid.even(8, 0.1), Grid.even(8, 0.1))
    exact = model.values()
    for part in exact:
        assert_allclose(mixture[part], exact[part], atol=bias, err_msg=part)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_linear_gaussian_model_over_seeds(name):
    """The mean of 10 seeds is within 4 of its own errors and the bias of 4096 encodings."""
    model = MODELS[name]
    exact, encodings = model.values(), model.encodings(4096)
    found = [estimates(decomposition(*encodings, prior_of(model), seed=seed)) for seed in range(10)]
    for part in exact:
        values = np.array([each[part]["value"] for each in found])
        error = values.std(ddof=1) / math.sqrt(10)
        assert abs(values.mean() - exact[part]) <= 4 * error + 2e-3, (part, values.mean(), error, exact[part])


@pytest.mark.parametrize("scale", [2e-3, 1e-4, 1e-8])
def test_a_lookup_table_knows_log_n_exactly(scale):
    """No two encodings overlap: every sample says log N, and the error is that of no sampling at all."""
    loc = np.linspace(-2, 2, 64)[:, None]
    found = decomposition(loc, np.full((64, 1), scale), priors.Gaussian(np.zeros(1), np.ones(1)))["overlap"]
    assert_allclose(found["mutual_information"]["value"], math.log(64), rtol=1e-10)
    assert found["mutual_information"]["error"] == 0


def test_equal_densities_have_no_error_of_rounding():
    """Their logarithms differ in the last bit, which is no error of sampling: -3e-17 with an error of 3e-18 lies."""
    scale = np.array([1.0, 0.7])
    found = decomposition(np.zeros((50, 2)), np.tile(scale, (50, 1)), priors.Gaussian(np.zeros(2), scale))
    for part in ("mutual_information", "dimension_wise_kl", "kl"):
        assert found["overlap"][part]["value"] == found["overlap"][part]["error"] == 0
    assert found["match"]["kl-inc"]["value"] == found["match"]["kl-inc"]["error"] == 0


PLANE = np.random.default_rng(1).normal(scale=0.7, size=(60, 2))
LINE = np.random.default_rng(4).normal(size=(100, 1))
MIXTURE = priors.Mixture(np.array([[-1.0, -1], [1, 1]]), np.full((2, 2), 0.6), np.log([0.3, 0.7]))


@pytest.mark.parametrize(
    ("prior", "loc", "of_p"),
    [
        (MIXTURE, PLANE, Grid.even(7, 0.05)),
        (priors.StudentT(np.zeros(1), np.ones(1), 9.0), LINE, Grid.wide(1e7, 0.002)),
        (priors.Sparse(np.zeros(1), np.ones(1), 0.8, 0.05), LINE, Grid.even(12, 0.005)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_other_priors_against_integrals(prior, loc, of_p):
    """A mixture's own dependence in two dimensions; heavy tails and a spike in one."""
    scale = np.random.default_rng(2).uniform(0.3, 0.6, loc.shape)
    exact = by_integration(loc, scale, prior, Grid.even(12, 0.02 if loc.shape[1] == 1 else 0.08), of_p)
    assert prior.is_product == (abs(exact["prior_dependence"]) < 1e-6)
    for part, each in estimates(decomposition(loc, scale, prior)).items():
        assert abs(each["value"] - exact[part]) <= 4 * each["error"] + 1e-6, (part, each, exact[part])


@pytest.mark.parametrize("df", [1.0, 2.0, 2.5, 4.0, 4.5])
def test_heavy_tails_leave_kl_p_q_without_an_error_or_infinite(df):
    """log q falls like z^2. E z^2 is infinite for df <= 2. The variance of z^2 is infinite for df <= 4."""
    found = decomposition(LINE, np.ones_like(LINE), priors.StudentT(np.zeros(1), np.ones(1), df))
    inclusive = found["match"]["kl-inc"]
    assert found["df"] == df
    assert math.isinf(inclusive["value"]) == (df <= 2)
    assert math.isnan(inclusive["error"]) == (df <= 4)


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_the_marginal_log_likelihood_of_a_linear_gaussian_decoder(latent_dim):
    """x = W z + b + 0.5 e with z ~ N(0, I): p(x) = N(b, W W^T + 0.25 I). Mean and variances are the true ones."""
    data_dim, sigma, rng = 6, 0.5, np.random.default_rng(latent_dim)
    vae, _ = make(data_dim, prior="gaussian", likelihood="gaussian", latent_dim=latent_dim, hidden=(), kl="monte-carlo")
    weight, bias = rng.normal(size=(latent_dim, data_dim)) * 0.5, rng.normal(size=data_dim)
    covariance = weight.T @ weight + sigma**2 * np.eye(data_dim)
    gain = weight @ np.linalg.inv(covariance)
    scale = np.sqrt(np.diag(np.eye(latent_dim) - gain @ weight.T))
    zeros, parameters = np.zeros_like(weight), vae.parameters
    parameters["dec.0.W"][...] = np.concatenate([weight, zeros], axis=1)
    parameters["dec.0.b"][...] = np.concatenate([bias, np.full(data_dim, np.log(np.expm1(sigma)))])
    parameters["enc.0.W"][...] = np.concatenate([gain, zeros]).T
    parameters["enc.0.b"][...] = np.concatenate([-gain @ bias, np.log(np.expm1(scale))])
    vae = dataclasses.replace(vae, prior=priors.Gaussian(np.zeros(latent_dim), np.ones(latent_dim)))

    marginal = stats.multivariate_normal(bias, covariance)
    x = np.ascontiguousarray(marginal.rvs(100, random_state=1))
    exact = marginal.logpdf(x).mean()
    found = marginal_log_likelihood(vae, x, 2000)
    if latent_dim == 1:  # the posterior is exact, so that each weight is exact
        assert_allclose(found.mean, exact, rtol=1e-6)
        assert found.sampling_error < 1e-6 and found.bias < 1e-9
    else:
        assert abs(found.mean + found.bias - exact) < 4 * found.sampling_error < 0.05

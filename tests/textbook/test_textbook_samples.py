"""What the likelihoods draw, what one dimension of a prior is, and the Student-t's constant, against scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from minidecomp.evaluation.dimensions import active_dimensions, dimension_kl
from minidecomp.evaluation.traversal import traverse
from minidecomp.randomness import philox, streams
from minidecomp.terms import likelihoods, priors

COUNT = 20_000
LOC = np.array([0.3, -1.0])


def drawn(likelihood, output):
    noise = philox.uniform if likelihood.noise_kind == "uniform" else philox.normal
    return likelihood.sample(output, noise((COUNT, 2), 1, *streams.SAMPLE_X.at()))


def test_bernoulli_samples():
    x = drawn(likelihoods.Bernoulli(), LOC)
    assert set(np.unique(x)) == {0, 1}
    assert_allclose(x.mean(0), 1 / (1 + np.exp(-LOC)), atol=0.015)


@pytest.mark.parametrize(
    ("likelihood", "output", "distributions"),
    [
        (likelihoods.Gaussian(), np.array([0.3, -1, 0.5, -2]), [stats.norm(0.3, 0.974078), stats.norm(-1, 0.126929)]),
        (likelihoods.Laplace(0.4), LOC, [stats.laplace(0.3, 0.4), stats.laplace(-1, 0.4)]),
    ],
)
def test_samples_have_the_distribution_of_the_likelihood(likelihood, output, distributions):
    x = drawn(likelihood, output)
    for column, distribution in zip(x.T, distributions, strict=True):
        assert stats.kstest(column, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize("df", [0.5, 1, 9, 999.9, 1000.1, 1e5, 9e8])
def test_students_constant(df):
    prior = priors.StudentT(np.zeros(1), np.ones(1), df)
    # scipy loses digits here itself for a large df, hence the Gaussian's there.
    expected = stats.t(df).logpdf(0) if df < 1e5 else stats.norm.logpdf(0) - 0.25 / df
    assert_allclose(prior.log_normaliser, expected, rtol=1e-12)


PRIORS = {
    "gaussian": priors.Gaussian(np.array([0.2, -0.5]), np.array([1.0, 0.3])),
    "student-t": priors.StudentT(np.array([0.2, -0.5]), np.array([1.0, 0.3]), 5.0),
    "sparse": priors.Sparse(np.array([0.2, -0.5]), np.array([1.0, 0.3]), 0.7, 0.1),
    "mixture": priors.Mixture(np.array([[0.0, 1], [2, -1]]), np.array([[0.5, 0.2], [0.3, 0.4]]), np.log([0.3, 0.7])),
}


@pytest.mark.parametrize("name", PRIORS)
def test_marginals_are_the_joint_density_integrated(name):
    prior = PRIORS[name]
    for z in (-0.4, 0.1, 1.3):
        marginal = np.exp(prior.marginal_log_density(np.full(2, z)))
        kinks = {"points": [-1, -0.5, 0, 0.2, 1, 2], "limit": 200}
        first, _ = integrate.quad(lambda v, z=z: np.exp(prior.log_density(np.array([z, v]))), -60, 60, **kinks)
        second, _ = integrate.quad(lambda v, z=z: np.exp(prior.log_density(np.array([v, z]))), -60, 60, **kinks)
        assert_allclose(marginal, [first, second], rtol=1e-4, atol=1e-9)


def test_each_dimensions_kl():
    """Of the Gaussian in closed form; a collapsed dimension carries nothing."""
    rng = np.random.default_rng(0)
    loc = np.stack([rng.normal(size=COUNT), np.zeros(COUNT)], axis=1).astype(np.float32)
    scale = np.broadcast_to(np.float32([0.2, 1.0]), loc.shape)
    kl = dimension_kl(loc, scale, priors.Gaussian(np.zeros(2), np.ones(2)))
    exact = 0.5 * (0.04 + (loc[:, 0].astype(float) ** 2).mean() - 1) - np.log(0.2)
    assert_allclose(kl, [exact, 0], atol=0.02)
    assert active_dimensions(loc) == [0]
    assert active_dimensions(loc * np.float32([0.099, 1])) == []


def test_traversal_moves_one_dimension_through_the_prior():
    class Model:
        dtype = np.dtype(float)
        likelihood = likelihoods.Laplace()

        def current_prior(self):
            return PRIORS["gaussian"]

        def decode(self, z):
            return 10 * z

    values, means = traverse(Model(), np.array([7.0, 8.0]), steps=3, span=2.0)
    assert_allclose(values, [[-1.8, 0.2, 2.2], [-1.1, -0.5, 0.1]])
    assert_allclose(means[0], [[-18, 80], [2, 80], [22, 80]])
    assert_allclose(means[1], [[70, -11], [70, -5], [70, 1]], atol=1e-12)


def test_a_mixtures_spread_is_its_standard_deviation():
    centre, scale = PRIORS["mixture"].centre_and_spread()
    choice = philox.uniform((COUNT,), 0, *streams.SAMPLE_CHOICE.at())
    z = PRIORS["mixture"].sample(philox.normal((COUNT, 2), 0, *streams.SAMPLE_Z.at()), choice)
    assert_allclose(centre, z.mean(0), atol=0.03)
    assert_allclose(scale, z.std(0), rtol=0.03)

"""The textbook's values against independent forms: scipy, quadrature, naive loops; and identities."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from finite_differences import LIKELIHOODS, PRIORS, random_points, random_prior
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, special, stats

from minidecomp.randomness import philox, streams
from minidecomp.randomness.draws import draw, prior_of_step
from minidecomp.terms import arrays, kl, posterior, priors
from minidecomp.terms.regularisers import inclusive_kl, mmd

few = settings(derandomize=True, deadline=None, max_examples=20, database=None)
seeds = st.integers(0, 2**32 - 1)
dims = st.integers(1, 4)


def density(prior, z):
    """p(z) for one point z (D,), by direct sums of scipy's densities."""
    normal = stats.norm.pdf
    match prior.name:
        case "gaussian":
            return np.prod(normal(z, prior.loc, prior.scale))
        case "student-t":
            return np.prod(stats.t.pdf(z, prior.df, prior.loc, prior.scale))
        case "mixture":
            parts = zip(np.exp(prior.log_weight), prior.loc, prior.scale, strict=True)
            return sum(weight * np.prod(normal(z, loc, scale)) for weight, loc, scale in parts)
        case "sparse":
            slab, spike = normal(z, prior.loc, prior.scale), normal(z, 0, prior.spike_scale)
            return np.prod((1 - prior.gamma) * slab + prior.gamma * spike)


def marginal_cdf(prior, d):
    """The distribution function of dimension d."""
    normal = stats.norm.cdf
    match prior.name:
        case "gaussian":
            return lambda z: normal(z, prior.loc[d], prior.scale[d])
        case "student-t":
            return lambda z: stats.t.cdf(z, prior.df, prior.loc[d], prior.scale[d])
        case "mixture":
            weight = np.exp(prior.log_weight)
            return lambda z: sum(
                w * normal(z, m, s) for w, m, s in zip(weight, prior.loc[:, d], prior.scale[:, d], strict=True)
            )
        case "sparse":
            return lambda z: (
                (1 - prior.gamma) * normal(z, prior.loc[d], prior.scale[d])
                + prior.gamma * normal(z, 0, prior.spike_scale)
            )


# Densities


@few
@given(seed=seeds, dx=dims, lead=st.sampled_from([(1,), (3,), (2, 3)]))
def test_likelihoods_are_scipys(seed, dx, lead):
    rng = np.random.default_rng(seed)
    x, output = rng.normal(size=(lead[-1], dx)), rng.normal(size=(*lead, dx))
    bits, raw = (x > 0).astype(float), rng.normal(size=output.shape)
    bernoulli, gaussian, laplace = (LIKELIHOODS[name] for name in ("bernoulli", "gaussian", "laplace"))
    probability = special.expit(output)
    assert_allclose(bernoulli.value(bits, output), stats.bernoulli.logpmf(bits, probability).sum(-1), rtol=1e-12)
    assert_allclose(bernoulli.mean(output), probability, rtol=1e-12)
    scale = np.log1p(np.exp(raw)) + 1e-6
    both = np.concatenate([output, raw], axis=-1)
    assert_allclose(gaussian.value(x, both), stats.norm.logpdf(x, output, scale).sum(-1), rtol=1e-12)
    assert_array_equal(gaussian.mean(both), output)
    assert_allclose(laplace.value(x, output), stats.laplace.logpdf(x, output, 0.3).sum(-1), rtol=1e-12)
    assert_array_equal(laplace.mean(output), output)
    assert [likelihood.output_dim(dx) for likelihood in (bernoulli, gaussian, laplace)] == [dx, 2 * dx, dx]


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(
    seed=seeds, latent_dim=dims, components=st.integers(1, 5), df=st.floats(0.5, 200),
    gamma=st.sampled_from([0.0, 1.0, 0.3, 0.8]),
)  # fmt: skip
def test_priors_are_scipys(kind, seed, latent_dim, components, df, gamma):
    rng = np.random.default_rng(seed)
    prior = random_prior(kind, rng, latent_dim, components, gamma, df)
    z = random_points(prior, rng, (2, 3, latent_dim))
    expected = np.apply_along_axis(lambda point: np.log(density(prior, point)), -1, z)
    assert_allclose(prior.log_density(z), expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("seed", range(3))
def test_priors_integrate_to_one(kind, seed):
    """In one dimension; a Student-t through z = tan(a), as its tails are long."""
    prior = random_prior(kind, np.random.default_rng(seed), 1, df=1.5, spike_scale=0.05)

    def p(z):
        return math.exp(prior.log_density(np.array([z]))) if abs(z) < 1e9 else 0.0

    if kind == "student-t":
        total, _ = integrate.quad(lambda a: p(math.tan(a)) / math.cos(a) ** 2, -math.pi / 2, math.pi / 2)
    else:
        total, _ = integrate.quad(p, -15, 15, points=[-0.2, 0, 0.2], limit=200)
    assert_allclose(total, 1, rtol=1e-7)


def test_a_mixture_in_the_plane_integrates_to_one():
    prior = random_prior("mixture", np.random.default_rng(0), 2)
    grid = np.linspace(-12, 12, 301)
    points = np.stack(np.meshgrid(grid, grid), axis=-1)
    assert_allclose(np.exp(prior.log_density(points)).sum() * (grid[1] - grid[0]) ** 2, 1, rtol=1e-9)


# Samples


@pytest.mark.parametrize(
    ("kind", "given_settings"),
    [
        ("gaussian", {}),
        ("student-t", {"df": 0.5}),
        ("student-t", {"df": 9.0}),
        ("student-t", {"df": 200.0}),
        ("mixture", {"components": 1}),
        ("mixture", {"components": 4}),
        ("sparse", {"gamma": 0.0}),
        ("sparse", {"gamma": 0.8}),
        ("sparse", {"gamma": 1.0}),
    ],
)
def test_samples_have_the_priors_distribution(kind, given_settings):
    prior = random_prior(kind, np.random.default_rng(3), 2, **given_settings)
    z, noise, choice = prior_of_step(prior, (20_000, 2), 11, 4, np.float64)
    for d in range(2):
        assert stats.kstest(z[:, d], marginal_cdf(prior, d)).pvalue > 1e-3
    assert_array_equal(z, prior.sample(noise, choice))
    assert (choice is None) == (prior.choice_kind is None)


def test_a_mixtures_sample_takes_one_component_for_all_dimensions():
    """Far components: each point is near one of them, as often as its weight says."""
    loc = np.array([[-50.0, 50], [0, -50], [50, 0]])
    weight = np.array([0.5, 0.2, 0.3])
    prior = priors.Mixture(loc, np.ones((3, 2)), np.log(weight))
    z, _, choice = prior_of_step(prior, (20_000, 2), 5, 0, np.float64)
    nearest = ((z[:, None] - loc) ** 2).sum(-1)
    assert nearest.min(1).max() < 100
    assert_array_equal(nearest.argmin(1), prior.component(choice))
    assert stats.chisquare(np.bincount(nearest.argmin(1)), 20_000 * weight).pvalue > 1e-3


def test_components_at_the_edges_of_the_weights():
    prior = priors.Mixture(np.zeros((3, 1)), np.ones((3, 1)), np.log([0.25, 0.5, 0.25]))
    assert prior.component(np.array([0.0, 0.2499, 0.2501, 0.7499, 0.7501, 0.9999])).tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    one = priors.Mixture(np.zeros((1, 1)), np.ones((1, 1)), np.zeros(1))
    assert one.component(np.array([0.0, 0.5, 1.0])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", PRIORS)
def test_draws_have_the_right_shapes_and_streams(kind):
    prior = random_prior(kind, np.random.default_rng(3), 3)
    draws = draw(prior, 2, 5, 3, 11, 4, np.float64)
    assert draws.eps.shape == (2, 5, 3)
    assert draws.prior_sample.shape == draws.prior_noise.shape == (5, 3)
    assert np.shape(draws.prior_choice) == {"point": (5,), "element": (5, 3), None: ()}[prior.choice_kind]
    assert np.intersect1d(draws.eps, draws.prior_noise).size == 0
    again, other = draw(prior, 2, 5, 3, 11, 4, np.float64), draw(prior, 2, 5, 3, 11, 5, np.float64)
    assert_array_equal(draws.prior_sample, again.prior_sample)
    assert np.abs(draws.prior_sample - other.prior_sample).min() > 0
    assert draw(prior, 2, 5, 3, 11, 4, np.float64, with_prior=False).prior_sample is None


# Divergences


@pytest.mark.parametrize("seed", range(5))
def test_analytic_kl_by_quadrature(seed):
    rng = np.random.default_rng(seed)
    prior = random_prior("gaussian", rng, 1)
    loc, scale = rng.normal(size=1), rng.uniform(0.3, 1.5, 1)

    def integrand(z):
        log_q = stats.norm.logpdf(z, loc[0], scale[0])
        return math.exp(log_q) * (log_q - stats.norm.logpdf(z, prior.loc[0], prior.scale[0]))

    expected, _ = integrate.quad(integrand, loc[0] - 12 * scale[0], loc[0] + 12 * scale[0])
    assert_allclose(kl.analytic_value(loc, scale, prior), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", PRIORS)
def test_monte_carlo_kl_has_the_right_mean(kind):
    """By quadrature within 5 standard errors; for a Gaussian prior that is the closed form."""
    rng = np.random.default_rng(1)
    prior = random_prior(kind, rng, 1)
    loc, scale = rng.normal(size=1), rng.uniform(0.3, 1.5, 1)

    def integrand(z):
        log_q = stats.norm.logpdf(z, loc[0], scale[0])
        return math.exp(log_q) * (log_q - math.log(density(prior, np.array([z]))))

    expected, _ = integrate.quad(integrand, loc[0] - 10 * scale[0], loc[0] + 10 * scale[0], points=[0], limit=200)
    eps = philox.normal((20_000, 1), 3, streams.POSTERIOR, 0)
    estimates = kl.monte_carlo_value(posterior.sample(loc, scale, eps), loc, scale, prior)
    error = estimates.std() / math.sqrt(len(estimates))
    assert error < 0.02
    assert abs(estimates.mean() - expected) < 5 * error
    if kind == "gaussian":
        assert_allclose(kl.analytic_value(loc, scale, prior), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(seed=seeds, latent_dim=dims, multiplier=st.floats(0, 5))
def test_monte_carlo_kl_is_log_q_less_m_log_p(kind, seed, latent_dim, multiplier):
    rng = np.random.default_rng(seed)
    prior = random_prior(kind, rng, latent_dim)
    loc, scale = rng.normal(size=(3, latent_dim)), rng.uniform(0.3, 1.5, (3, latent_dim))
    z = random_points(prior, rng, (2, 3, latent_dim))
    got = kl.monte_carlo_value(z, loc, scale, prior, multiplier)
    log_p = np.apply_along_axis(lambda point: np.log(density(prior, point)), -1, z)
    assert_allclose(got, stats.norm.logpdf(z, loc, scale).sum(-1) - multiplier * log_p, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("shapes", [((5, 2), (4, 2)), ((1, 2), (1, 2)), ((5, 2), (5, 1)), ((5,), (5,))])
def test_mmd_refuses_samples_that_its_formula_is_not_of(shapes):
    x, y = (np.zeros(shape) for shape in shapes)
    for function in (mmd.value, mmd.value_and_grad):
        with pytest.raises(ValueError, match=re.escape(f"of shape {shapes[0]} and z of {shapes[1]}; the MMD needs")):
            function(x, y)


@few
@given(seed=seeds, batch=st.integers(2, 6), latent_dim=dims)
def test_mmd_by_loops(seed, batch, latent_dim):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(batch, latent_dim)), rng.normal(1, 2, (batch, latent_dim))
    total = 0.0
    for d, c, i, j in itertools.product(range(latent_dim), (0.2, 0.4, 1, 2, 4, 10), range(batch), range(batch)):

        def k(a, b, c=c, d=d):
            return c / (c + (a[d] - b[d]) ** 2)

        if i != j:
            total += (k(x[i], x[j]) + k(y[i], y[j])) / (batch * (batch - 1))
        total -= 2 * k(x[i], y[j]) / batch**2
    assert_allclose(mmd.value(x, y), total, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(seed=seeds, sizes=st.permutations(range(1, 6)), latent_dim=dims)
def test_inclusive_kl_by_loops(kind, seed, sizes, latent_dim):
    batch, draws = sizes[:2]
    rng = np.random.default_rng(seed)
    prior = random_prior(kind, rng, latent_dim)
    loc, scale = rng.normal(size=(batch, latent_dim)), rng.uniform(0.5, 1.5, (batch, latent_dim))
    z = random_points(prior, rng, (draws, latent_dim))
    total = 0.0
    for z_j in z:
        q = sum(np.prod(stats.norm.pdf(z_j, loc[i], scale[i])) for i in range(batch)) / batch
        total += (math.log(density(prior, z_j)) - math.log(q)) / draws
    assert_allclose(inclusive_kl.value(z, loc, scale, prior), total, rtol=1e-10, atol=1e-11)


# Small parts


@few
@given(seed=seeds)
def test_arrays_are_scipys(seed):
    x = np.random.default_rng(seed).normal(0, 20, (4, 5))
    assert_allclose(arrays.softplus(x), np.logaddexp(0, x), rtol=1e-14)
    assert_allclose(arrays.sigmoid(x), special.expit(x), rtol=1e-14)
    for axis in (0, 1, -1):
        assert_allclose(arrays.logsumexp(x, axis), special.logsumexp(x, axis=axis), rtol=1e-13)
    assert_allclose(posterior.scale_from_raw(x, "softplus"), np.logaddexp(0, x) + 1e-6, rtol=1e-14)
    assert_allclose(posterior.scale_from_raw(x, "exp") ** 2, (np.exp(x / 2) + 1e-6) ** 2, rtol=1e-14)


def test_a_ring_of_components():
    assert_array_equal(priors.ring_of_components(4, 2, 1.0), [[1, 0], [0, 1], [-1, 0], [0, -1]])
    assert_array_equal(priors.ring_of_components(3, 1, 2.0), [[-2], [0], [2]])
    assert_array_equal(priors.ring_of_components(1, 1, 2.0), [[0]])
    ring = priors.ring_of_components(5, 3, 2.0)
    assert_allclose(np.hypot(ring[:, 0], ring[:, 1]), 2)
    assert not ring[:, 2].any()
    assert len(np.unique(ring.round(9), axis=0)) == 5


# Identities


@few
@given(seed=seeds, latent_dim=dims)
def test_kl_is_zero_and_stationary_at_the_prior(seed, latent_dim):
    prior = random_prior("gaussian", np.random.default_rng(seed), latent_dim)
    value, gradients = kl.analytic_value_and_grad(prior.loc, prior.scale, prior)
    assert_allclose(value, 0, atol=1e-14)
    for gradient in gradients.values():
        assert_allclose(gradient, np.zeros(latent_dim), atol=1e-14)
    eps = np.random.default_rng(seed).normal(size=(3, latent_dim))
    z = posterior.sample(prior.loc, prior.scale, eps)
    estimate, gradients = kl.monte_carlo_value_and_grad(z, prior.loc, prior.scale, prior)
    assert_allclose(estimate, np.zeros(3), atol=1e-13)
    assert_allclose(gradients["z"], np.zeros((3, latent_dim)), atol=1e-12)


@few
@given(seed=seeds, batch=st.integers(1, 4), latent_dim=dims)
def test_inclusive_kl_is_zero_where_every_posterior_is_the_prior(seed, batch, latent_dim):
    """Its value, and the gradient by the sample; the one by loc has mean zero over the prior."""
    rng = np.random.default_rng(seed)
    prior = random_prior("gaussian", rng, latent_dim)
    loc, scale = np.tile(prior.loc, (batch, 1)), np.tile(prior.scale, (batch, 1))
    z = prior.sample(rng.normal(size=(7, latent_dim)))
    z = np.concatenate([z, 2 * prior.loc - z])
    value, gradients = inclusive_kl.value_and_grad(z, loc, scale, prior)
    assert_allclose(value, 0, atol=1e-14)
    assert_allclose(gradients["prior_sample"], np.zeros_like(z), atol=1e-13)
    assert_allclose(gradients["loc"], np.zeros_like(loc), atol=1e-13)


@few
@given(seed=seeds, batch=st.integers(2, 6), latent_dim=dims)
def test_mmd_is_symmetric_and_known_for_equal_samples(seed, batch, latent_dim):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, batch, latent_dim))
    forth, forth_gradients = mmd.value_and_grad(x, y)
    back, back_gradients = mmd.value_and_grad(y, x)
    assert_allclose(forth, back, rtol=1e-12, atol=1e-13)
    assert_allclose(forth_gradients["z"], back_gradients["prior_sample"], rtol=1e-10, atol=1e-13)
    off = ~np.eye(batch, dtype=bool)
    mean_off = sum(mmd.kernel(column[:, None] - column)[off].mean() for column in x.T)
    expected = -2 / batch * (latent_dim * mmd.kernel(0.0) - mean_off)
    assert_allclose(mmd.value(x, x), expected, rtol=1e-11, atol=1e-12)
    assert mmd.value(x, x) < 0


def test_mmd_is_unbiased():
    """Its mean over many pairs of samples is zero for one distribution, and above zero for two."""
    rng = np.random.default_rng(0)
    same, different = [], []
    for _ in range(2000):
        x, y = rng.normal(size=(2, 4, 1))
        same.append(mmd.value(x, y))
        different.append(mmd.value(x, y + 1))
    assert abs(np.mean(same)) < 4 * np.std(same) / math.sqrt(2000)
    assert np.mean(different) > 10 * np.std(different) / math.sqrt(2000)


def test_a_student_t_of_many_degrees_of_freedom_is_a_gaussian():
    rng = np.random.default_rng(0)
    loc, scale, z = rng.normal(size=3), rng.uniform(0.5, 1.5, 3), rng.normal(size=(5, 3))
    student, gaussian = priors.StudentT(loc, scale, 1e8), priors.Gaussian(loc, scale)
    (log_p, d_log_p), (expected, gradients) = (
        student.log_density_and_grad(z),
        gaussian.log_density_and_grad(z),
    )
    assert_allclose(log_p, expected, atol=2e-6)
    for name in ("z", "variance"):
        assert_allclose(d_log_p[name], gradients[name], rtol=1e-6, atol=1e-6)


def test_a_mixture_of_equal_parts_is_a_gaussian():
    rng = np.random.default_rng(0)
    loc, scale, z = rng.normal(size=3), rng.uniform(0.5, 1.5, 3), rng.normal(size=(2, 5, 3))
    weight = np.log([0.2, 0.7, 0.1])
    mixture, gaussian = (
        priors.Mixture(np.tile(loc, (3, 1)), np.tile(scale, (3, 1)), weight),
        priors.Gaussian(loc, scale),
    )
    _same_density(mixture, gaussian, z)
    _same_density(priors.Mixture(loc[None], scale[None], np.zeros(1)), gaussian, z)


def test_a_sparse_prior_of_gamma_0_or_1_is_a_gaussian():
    rng = np.random.default_rng(0)
    loc, scale, z = rng.normal(size=3), rng.uniform(0.5, 1.5, 3), rng.normal(size=(2, 5, 3))
    _same_density(priors.Sparse(loc, scale, 0.0, 0.05), priors.Gaussian(loc, scale), z)
    spike, gaussian = priors.Sparse(loc, scale, 1.0, 0.05), priors.Gaussian(np.zeros(3), np.full(3, 0.05))
    assert_allclose(spike.log_density(z), gaussian.log_density(z), rtol=1e-12)
    gradients = spike.log_density_and_grad(z)[1]
    assert_allclose(gradients["z"], gaussian.log_density_and_grad(z)[1]["z"], rtol=1e-12)
    assert not gradients["variance"].any()


def _same_density(prior, expected, z):
    (log_p, gradients), (log_p_expected, gradients_expected) = (p.log_density_and_grad(z) for p in (prior, expected))
    assert_allclose(log_p, log_p_expected, rtol=1e-13)
    for name in ("z", "variance"):
        assert_allclose(gradients[name], gradients_expected[name], rtol=1e-11, atol=1e-13)


def _rotation(rng, latent_dim):
    return np.linalg.qr(rng.normal(size=(latent_dim, latent_dim)))[0]


def test_what_a_rotation_leaves_alone():
    """Isotropic prior and posteriors: both KLs are invariant, the dimension-wise MMD is not."""
    rng = np.random.default_rng(2)
    prior = priors.Gaussian(np.zeros(3), np.full(3, 0.8))
    loc, scale = rng.normal(size=(6, 3)) * [2, 1, 0.3], np.repeat(rng.uniform(0.3, 1.2, (6, 1)), 3, axis=1)
    z = prior.sample(rng.normal(size=(9, 3)))
    turn = _rotation(rng, 3)
    turned = inclusive_kl.value(z @ turn, loc @ turn, scale, prior)
    assert_allclose(turned, inclusive_kl.value(z, loc, scale, prior), rtol=1e-12)
    assert_allclose(kl.analytic_value(loc @ turn, scale, prior), kl.analytic_value(loc, scale, prior), rtol=1e-12)
    assert abs(mmd.value(z[:6] @ turn, loc @ turn) - mmd.value(z[:6], loc)) > 0.05
    uneven = priors.Gaussian(np.zeros(3), np.array([1.3, 0.8, 0.5]))
    turned = inclusive_kl.value(z @ turn, loc @ turn, scale, uneven)
    assert abs(turned - inclusive_kl.value(z, loc, scale, uneven)) > 0.05
    student = priors.StudentT(np.zeros(3), np.ones(3), 3.0)
    assert abs(student.log_density(z @ turn) - student.log_density(z)).max() > 0.01


@few
@given(seed=seeds, latent_dim=dims, prior_variance_scale=st.floats(0.05, 5), spread=st.floats(0, 5))
def test_learned_variances_keep_their_sum(seed, latent_dim, prior_variance_scale, spread):
    logits = np.random.default_rng(seed).normal(0, spread, latent_dim)
    variance = priors.variance_from_logits(logits, prior_variance_scale)
    assert_allclose(variance.sum(), prior_variance_scale * latent_dim, rtol=1e-12)
    assert_allclose(variance, prior_variance_scale * latent_dim * special.softmax(logits), rtol=1e-12)
    assert_allclose(priors.variance_from_logits(logits + 1000, prior_variance_scale), variance, rtol=1e-9)
    grad = priors.logits_grad(np.random.default_rng(seed).normal(size=latent_dim), variance)
    assert_allclose(grad.sum(), 0, atol=1e-12)

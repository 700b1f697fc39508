"""The marginal log-likelihood on models whose own is known, and the importance weights of both engines."""

import dataclasses
import math

import numpy as np
import pytest
from engine_cases import batch, make
from numpy.testing import assert_allclose
from scipy import stats

from minidecomp.data.points import Bits
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.evaluation.marginal import marginal_log_likelihood
from minidecomp.evaluation.terms import evaluate
from minidecomp.objective import Objective
from minidecomp.randomness import streams
from minidecomp.terms import priors


def linear_gaussian(encoder="random"):
    """x = W z + b + 0.5 e with z ~ N(m, diag v): p(x) = N(W m + b, W diag(v) W^T + 0.25 I)."""
    vae, _ = make(3, prior="gaussian", likelihood="gaussian", latent_dim=2, hidden=(), kl="monte-carlo")
    p, rng = vae.parameters, np.random.default_rng(0)
    p["dec.0.W"][:, :3] = weight = rng.normal(size=(2, 3))
    p["dec.0.W"][:, 3:] = 0
    p["dec.0.b"][...] = np.concatenate([[0.3, -0.2, 0.1], np.full(3, math.log(math.expm1(0.5)))])
    prior = priors.Gaussian(np.array([0.2, -0.4]), np.array([1.0, 0.6]))
    vae = dataclasses.replace(vae, prior=prior)
    covariance = weight.T @ np.diag(prior.scale**2) @ weight + 0.25 * np.eye(3)
    marginal = stats.multivariate_normal(prior.loc @ weight + [0.3, -0.2, 0.1], covariance)
    if encoder == "exact":
        # Only the loc is the true posterior's: its covariance is not diagonal.
        gain = np.diag(prior.scale**2) @ weight @ np.linalg.inv(covariance)
        p["enc.0.W"][...] = np.concatenate([gain, np.zeros((2, 3))]).T
        p["enc.0.b"][...] = np.concatenate([prior.loc - gain @ marginal.mean, np.full(2, math.log(math.expm1(0.5)))])
    return vae, marginal


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_linear_gaussian_model(engine):
    vae, marginal = linear_gaussian("exact")
    x = marginal.rvs(150, random_state=1)
    found = marginal_log_likelihood(vae, x, 1500, engine=engine, threads=2)
    exact = marginal.logpdf(x)
    assert abs(found.mean - exact.mean()) < 4 * found.sampling_error < 0.01
    assert_allclose(found.standard_error, exact.std(ddof=1) / math.sqrt(150), rtol=0.01)
    assert found.samples == 1500 and found.points == 150 and 100 < found.effective_samples < 1500


@pytest.mark.parametrize("samples", [2, 3, 200])
def test_the_error_says_how_far_off_it_is(samples):
    """Over seeds, the estimates of a few samples spread as they say."""
    vae, marginal = linear_gaussian("exact")
    x = marginal.rvs(60, random_state=2)
    found = [marginal_log_likelihood(vae, x, samples, seed) for seed in range(30)]
    spread = np.std([each.mean for each in found], ddof=1)
    assert 0.6 < spread / np.mean([each.sampling_error for each in found]) < 1.6


def test_never_below_the_elbo_and_rising_with_the_samples():
    vae, marginal = linear_gaussian("random")
    x = np.ascontiguousarray(marginal.rvs(200, random_state=3))
    engine = CpuEngine(vae, Objective(samples=20), max_rows=200)
    terms = evaluate(engine, x, 200, 0)
    bounds = [terms["log_likelihood"] - terms["kl"]]
    bounds += [marginal_log_likelihood(vae, x, samples).mean for samples in (5, 50, 500)]
    assert bounds == sorted(bounds)
    assert bounds[-1] < marginal.logpdf(x).mean() + 0.05


def test_the_error_of_two_points_is_half_their_distance():
    vae, marginal = linear_gaussian("exact")
    x = np.ascontiguousarray(marginal.rvs(2, random_state=5))
    distance = abs(np.diff(marginal.logpdf(x)).item())
    assert_allclose(marginal_log_likelihood(vae, x, 500).standard_error, distance / 2, rtol=0.05)


def test_one_sample_is_the_elbos():
    """K = 1: log w is the ELBO's own estimate, drawn anew."""
    vae, marginal = linear_gaussian("exact")
    x = marginal.rvs(2000, random_state=4)
    found = marginal_log_likelihood(vae, x, 1)
    terms = evaluate(CpuEngine(vae, Objective(), max_rows=2000), x, 2000, 0)
    # One weight says nothing of its spread: no error, not one of 0.
    assert math.isnan(found.sampling_error) and found.effective_samples == 1
    assert abs(found.mean - (terms["log_likelihood"] - terms["kl"])) < 0.1


@pytest.mark.parametrize("samples", [1, 49, 50, 51, 130])
def test_samples_are_streamed_but_counted(samples, monkeypatch):
    """In pieces or at once, the draws differ but not their number; no piece is larger than it may be."""
    vae, marginal = linear_gaussian("exact")
    sizes = []
    original = CpuEngine.log_weights

    def counted(self, x, seed, step):
        out = original(self, x, seed, step)
        sizes.append(out.shape)
        return out

    monkeypatch.setattr(CpuEngine, "log_weights", counted)
    found = marginal_log_likelihood(vae, marginal.rvs(70, random_state=0), samples)
    assert found.samples == samples and max(k for k, _ in sizes) <= 50 and max(b for _, b in sizes) == 64
    assert {b for _, b in sizes} == {64, 6}


@pytest.mark.parametrize("prior", ["gaussian", "student-t", "mixture", "sparse"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "laplace"])
def test_the_engines_weigh_alike(prior, likelihood):
    vae, _ = make(8, prior=prior, likelihood=likelihood, latent_dim=3, hidden=(6,), learn_prior_variance=True)
    objective = Objective(samples=4)
    x = batch(vae, 9)
    cpu = CpuEngine(vae, objective, max_rows=16, threads=2)
    step = streams.MARGINAL.step(3)
    expected = TextbookEngine(vae, objective).log_weights(x, 3, step)
    assert_allclose(cpu.log_weights(x, 3, step), expected, rtol=1e-9)
    if likelihood == "bernoulli":
        assert_allclose(cpu.log_weights(Bits(np.packbits(x.astype(bool), axis=1)), 3, step), expected, rtol=1e-9)
    # Asked once, it does not stay: the next step writes no weights.
    cpu.values(x, 0, 0)


def test_weights_need_the_true_prior():
    vae, _ = make(8, latent_dim=3, hidden=(6,))
    for objective in (Objective(log_prior_multiplier=3.0), Objective(kl="analytic")):
        with pytest.raises(ValueError, match="importance weights need the Monte-Carlo KL"):
            CpuEngine(vae, objective, max_rows=16).log_weights(batch(vae, 5), 0, 0)


def test_a_weight_that_dwarfs_the_others():
    """log p = -1e4 apart between samples: sums are taken over the largest, whichever chunk it is in."""
    vae, _ = make(
        4, "float32", prior="gaussian", likelihood="laplace", likelihood_scale=1e-3, latent_dim=2, hidden=(5,)
    )
    found = marginal_log_likelihood(vae, batch(vae, 20), 170)
    assert np.isfinite([found.mean, found.sampling_error]).all() and 1 <= found.effective_samples < 5


@pytest.mark.parametrize(
    ("shape", "samples", "message"),
    [((4, 3), 0, "samples must be 1"), ((0, 3), 5, "N of 1"), ((3,), 5, "expected"), ((4, 2), 5, r"\(N, 3\)")],
)
def test_what_cannot_be_right_is_refused(shape, samples, message):
    vae, _ = linear_gaussian()
    with pytest.raises(ValueError, match=message):
        marginal_log_likelihood(vae, np.zeros(shape), samples)

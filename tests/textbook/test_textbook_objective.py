"""The objective against finite differences of its value by the parameter vector; Adam; the parameters."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from finite_differences import LIKELIHOODS, PRIORS, check_gradient, random_prior
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp import objective as textbook
from minidecomp.model import network
from minidecomp.model.network import MLP, Parameters
from minidecomp.model.optimizer import Adam
from minidecomp.model.vae import PRIOR_LOGITS, VAE, parameter_shapes
from minidecomp.objective import Objective
from minidecomp.randomness.draws import Draws, draw, prior_of_step
from minidecomp.terms import priors
from minidecomp.terms.posterior import SCALE_LINKS, sample
from minidecomp.terms.regularisers import inclusive_kl, mmd
from minidecomp.variants import REGULARISERS

DATA_DIM, LATENT_DIM, BATCH, STEP = 3, 2, 4, 7
KINDS = ("gaussian-analytic", *PRIORS)
CASES = list(itertools.product(KINDS, REGULARISERS, LIKELIHOODS, SCALE_LINKS, (1, 3)))


def make(kind, likelihood_name, link, seed, learn, activation):
    """A small VAE and a batch of data; every parameter is random, the prior's logits too."""
    rng, likelihood = np.random.default_rng(seed), LIKELIHOODS[likelihood_name]
    encoder = MLP("enc", (DATA_DIM, 4, 2 * LATENT_DIM), activation)
    decoder = MLP("dec", (LATENT_DIM, 4, likelihood.output_dim(DATA_DIM)), activation)
    parameters = Parameters(parameter_shapes(encoder, decoder, LATENT_DIM, learn))
    parameters.vector[:] = rng.normal(0, 0.7, parameters.vector.shape)
    prior = random_prior(kind, rng, LATENT_DIM)
    vae = VAE(encoder, decoder, likelihood, prior, link, parameters, prior_variance_scale=0.8)
    x = rng.normal(size=(BATCH, DATA_DIM))
    return vae, (x > 0).astype(float) if likelihood_name == "bernoulli" else x


def distance_from_kinks(vae, x, eps):
    """The smallest |a| before an activation, and |x - output| where the likelihood is Laplace's."""

    def smallest(mlp, inputs):
        layers = [
            vae.parameters[f"{mlp.name}.{i}.b"] + h @ vae.parameters[f"{mlp.name}.{i}.W"]
            for i, h in enumerate(inputs[:-1])
        ]
        return min(np.abs(a).min() for a in layers)

    z = sample(*vae.encode(x), eps)
    output, decoder_inputs = vae.decoder.forward(vae.parameters, z)
    distances = [
        smallest(vae.encoder, vae.encoder.forward(vae.parameters, x)[1]),
        smallest(vae.decoder, decoder_inputs),
    ]
    if vae.likelihood.name == "laplace":
        distances.append(np.abs(x - output).min())
    return min(distances)


def make_off_kinks(kind, likelihood_name, link, samples, seed, learn=True, activation="tanh"):
    """``make`` at the first seed that leaves every kink 2e-3 away, and the step's draws."""
    for shift in itertools.count():
        vae, x = make(kind, likelihood_name, link, seed + 1000 * shift, learn, activation)
        draws = draw(vae.current_prior(), samples, BATCH, LATENT_DIM, seed, STEP, np.float64)
        if distance_from_kinks(vae, x, draws.eps) > 2e-3:
            return vae, x, draws
    raise AssertionError


def value_at(vae, objective, x, draws, seed):
    """The values as functions of the vector; a sample of which the noise is known moves with the prior."""

    def values(vector):
        moved = replace(vae, parameters=Parameters(vae.parameters.shapes, vector))
        prior_draws = (draws.prior_sample,)
        if draws.prior_noise is not None:
            prior_draws = prior_of_step(moved.current_prior(), (BATCH, LATENT_DIM), seed, STEP, np.float64)
        return textbook.value(moved, objective, x, Draws(draws.eps, *prior_draws))

    return values


def check_objective(
    kind,
    regulariser,
    likelihood,
    link,
    samples,
    seed,
    *,
    terms=("objective",),
    multiplier=1.0,
    constant_sample=False,
    learn=True,
    activation="tanh",
):
    analytic = kind == "gaussian-analytic"
    kind = "gaussian" if analytic else kind
    vae, x, draws = make_off_kinks(kind, likelihood, link, samples, seed, learn, activation)
    if constant_sample:
        draws = Draws(draws.eps, draws.prior_sample)
    objective = Objective(1.7, 3.0, regulariser, "analytic" if analytic else "monte-carlo", samples, multiplier)
    values = value_at(vae, objective, x, draws, seed)
    for term in terms:
        weights = None if term == "objective" else {term: 1.0}
        got, gradient = textbook.value_and_grad(vae, objective, x, draws, weights)
        expected = textbook.value(vae, objective, x, draws)
        assert got.keys() == expected.keys()
        assert_allclose(list(got.values()), [expected[name] for name in got], rtol=1e-12, atol=1e-12)
        vector = np.concatenate([gradient[name].ravel() for name in vae.parameters.shapes])
        check_gradient(
            f"{term} ({kind}, {regulariser}, {likelihood}, {link}, K = {samples})",
            lambda vector, term=term: values(vector)[term],
            {"vector": vae.parameters.vector},
            {"vector": vector},
            step=1e-5,
            rtol=1e-5,
            entries=0,
        )
        if learn and (term != "log_likelihood"):
            start = vae.parameters.offsets()[PRIOR_LOGITS]

            def by_logits(logits, term=term, start=start):
                vector = vae.parameters.vector.copy()
                vector[start:] = logits
                return values(vector)[term]

            check_gradient(
                f"{term} by the prior's logits",
                by_logits,
                {"logits": vae.parameters[PRIOR_LOGITS]},
                {"logits": gradient[PRIOR_LOGITS]},
                zero=("logits",) if constant_sample and (term, regulariser) == ("regulariser", "mmd") else (),
                directions=1,
                entries=1,
            )


@pytest.mark.parametrize(("kind", "regulariser", "likelihood", "link", "samples"), CASES)
def test_objective(kind, regulariser, likelihood, link, samples):
    case = (kind, regulariser, likelihood, link, samples)
    index = CASES.index(case)
    check_objective(*case, seed=index, activation=network.ACTIVATIONS[index % 4])


@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_term_alone(kind, regulariser):
    """One term's gradient; log p counted D times; the sample a constant; the prior's variance fixed."""
    for multiplier, constant_sample in itertools.product((1.0, float(LATENT_DIM)), (False, True)):
        check_objective(
            kind, regulariser, "gaussian", "softplus", 2, 5, terms=textbook.TERMS, multiplier=multiplier,
            constant_sample=constant_sample,
        )  # fmt: skip
    check_objective(kind, regulariser, "gaussian", "softplus", 2, 6, terms=("objective",), learn=False)


def test_gradients_by_z_loc_and_scale():
    """d/dz at fixed loc and scale; d/dloc and d/dscale with z = loc + scale eps moving."""
    vae, x, draws = make_off_kinks("mixture", "gaussian", "softplus", 2, 1)
    objective = Objective(1.3, 0.7, "mmd", "monte-carlo", 2)
    _, gradient = textbook.value_and_grad(vae, objective, x, draws)
    loc, scale = vae.encode(x)
    prior = vae.current_prior()

    def at(z, loc, scale):
        kl = textbook.kl.monte_carlo_value(z, loc, scale, prior).mean()
        reg = np.mean([mmd.value(draws.prior_sample, z_k) for z_k in z])
        return vae.likelihood.value(x, vae.decode(z)).mean() - 1.3 * kl - 0.7 * reg

    z = sample(loc, scale, draws.eps)
    check_gradient("objective", lambda z: at(z, loc, scale), {"z": z}, gradient)
    check_gradient(
        "objective",
        lambda loc, scale: at(sample(loc, scale, draws.eps), loc, scale),
        {"loc": loc, "scale": scale},
        gradient,
    )


def _without_sample_path(monkeypatch):
    for prior in (priors.Gaussian, priors.StudentT, priors.Mixture, priors.Sparse):
        monkeypatch.setattr(prior, "sample_grad", lambda self, d_sample, *_: 0 * d_sample)


def _scaled(owner, attribute, argument, factor):
    def plant(monkeypatch):
        right = getattr(owner, attribute)

        def wrong(*inputs):
            value, grads = right(*inputs)
            return value, grads | {argument: factor * grads[argument]}

        monkeypatch.setattr(owner, attribute, wrong)

    return plant


ERRORS = {
    "no path through the prior's sample": ("mmd", _without_sample_path),
    "no path through the prior's sample, inclusive KL": ("kl-inc", _without_sample_path),
    "sign of the inclusive KL's variance": (
        "kl-inc", _scaled(inclusive_kl, "value_and_grad", "variance", -1)),
    "twice the MMD by the sample": ("mmd", _scaled(mmd, "value_and_grad", "prior_sample", 2)),
    "sign of the MMD by z": ("mmd", _scaled(mmd, "value_and_grad", "z", -1)),
    "twice the KL by scale": ("mmd", _scaled(textbook.kl, "monte_carlo_value_and_grad", "scale", 2)),
    "no KL by the variance": ("mmd", _scaled(textbook.kl, "monte_carlo_value_and_grad", "variance", 0)),
    "no KL by z": ("mmd", _scaled(textbook.kl, "monte_carlo_value_and_grad", "z", 0)),
    "softmax without its mean": (
        "mmd", lambda patch: patch.setattr(textbook, "logits_grad", lambda d, v: v * d)),
    "link without its slope": (
        "mmd", lambda patch: patch.setattr(textbook, "scale_slope", lambda raw, link: np.ones_like(raw))),
}  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", PRIORS)
def test_a_planted_error_is_seen(kind, error, monkeypatch):
    regulariser, plant = ERRORS[error]
    check_objective(kind, regulariser, "gaussian", "softplus", 2, 3)
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=r"objective .*: analytic .*, numeric "):
        check_objective(kind, regulariser, "gaussian", "softplus", 2, 3)


def test_the_mean_over_samples_is_the_mean_of_single_samples():
    vae, x, draws = make_off_kinks("sparse", "bernoulli", "exp", 3, 2)
    objective = Objective(2.0, 0.5, "mmd", "monte-carlo", 3)
    together, gradient = textbook.value_and_grad(vae, objective, x, draws)
    apart = [textbook.value_and_grad(vae, objective, x, replace(draws, eps=draws.eps[k : k + 1])) for k in range(3)]
    for name, value in together.items():
        assert_allclose(value, np.mean([values[name] for values, _ in apart]), rtol=1e-12)
    for name in vae.parameters.shapes:
        assert_allclose(gradient[name], np.mean([grads[name] for _, grads in apart], axis=0), rtol=1e-9, atol=1e-12)


def test_without_a_prior_sample_there_is_no_regulariser():
    vae, x, draws = make_off_kinks("gaussian", "bernoulli", "exp", 1, 2)
    draws = Draws(draws.eps)
    values, _ = textbook.value_and_grad(vae, Objective(), x, draws)
    assert values.keys() == {"log_likelihood", "kl", "objective"}
    assert values["objective"] == values["log_likelihood"] - values["kl"]
    with pytest.raises(KeyError):
        textbook.value(vae, Objective(alpha=1.0), x, draws)


def test_the_analytic_kl_refuses_other_priors():
    vae, x, draws = make_off_kinks("sparse", "bernoulli", "exp", 1, 2)
    for function in (textbook.value, textbook.value_and_grad):
        with pytest.raises(ValueError, match="sparse: use monte-carlo"):
            function(vae, Objective(kl="analytic"), x, draws)


# Adam


def naive_adam(theta, gradients, lr, amsgrad, beta1=0.9, beta2=0.999, eps=1e-8):
    """One number at a time, as the papers write it (AMSGrad with Adam's bias corrections)."""
    theta = [float(t) for t in theta]
    for j in range(len(theta)):
        m = v = v_max = 0.0
        for t, g in enumerate(gradients[:, j].tolist(), start=1):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            v_max = max(v, v_max)
            m_hat = m / (1 - beta1**t)
            v_hat = (v_max if amsgrad else v) / (1 - beta2**t)
            theta[j] -= lr * m_hat / (math.sqrt(v_hat) + eps)
    return np.array(theta)


@pytest.mark.parametrize("amsgrad", [True, False])
@settings(derandomize=True, deadline=None, max_examples=15, database=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 60), lr=st.floats(1e-4, 1))
def test_adam_is_the_papers(amsgrad, seed, steps, lr):
    rng = np.random.default_rng(seed)
    start, gradients = rng.normal(size=4), rng.normal(size=(steps, 4)) * rng.lognormal(0, 3, (steps, 1))
    gradients[:, 0] = 0
    theta, adam = start.copy(), Adam.for_vector(start, lr, amsgrad)
    for gradient in gradients:
        adam.update(theta, gradient)
    assert adam.step == steps
    assert (adam.v_max is not None) == amsgrad
    assert_allclose(theta, naive_adam(start, gradients, lr, amsgrad), rtol=1e-10, atol=1e-12)
    assert theta[0] == start[0]


def test_amsgrad_is_not_adam():
    """After one large gradient and many small ones the running mean forgets, the maximum does not."""
    gradients = np.r_[10.0, np.full(2000, 0.1)]
    ends = {}
    for amsgrad in (True, False):
        theta, adam = np.zeros(1), Adam.for_vector(np.zeros(1), 0.01, amsgrad)
        for g in gradients:
            adam.update(theta, np.array([g]))
        ends[amsgrad] = -theta[0]
        assert adam.v_max is None or adam.v_max[0] > adam.v[0]
    assert 0 < ends[True] < 0.9 * ends[False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_finds_a_minimum_and_its_first_step_is_lr(dtype):
    theta = np.array([3.0, -2.0], dtype)
    target, adam = np.array([1.0, 0.5], dtype), Adam.for_vector(theta, 0.05)
    adam.update(theta, theta - target)
    assert_allclose(theta, [2.95, -1.95], rtol=1e-6)
    for _ in range(3000):
        adam.update(theta, theta - target)
    assert_allclose(theta, target, atol=1e-4)
    assert {array.dtype for array in (theta, adam.m, adam.v, adam.v_max)} == {np.dtype(dtype)}


# Parameters


def test_parameters_are_views_in_order():
    mlp = MLP("enc", (3, 4, 2), "relu")
    parameters = Parameters(mlp.shapes() | {PRIOR_LOGITS: (2,)})
    parameters.vector[:] = np.arange(len(parameters.vector))
    assert list(parameters.shapes) == ["enc.0.W", "enc.0.b", "enc.1.W", "enc.1.b", PRIOR_LOGITS]
    assert parameters.offsets() == {
        "enc.0.W": 0,
        "enc.0.b": 12,
        "enc.1.W": 16,
        "enc.1.b": 24,
        PRIOR_LOGITS: 26,
    }
    assert_array_equal(parameters["enc.1.W"], np.arange(16, 24).reshape(4, 2))
    parameters["enc.0.b"][1] = -5
    assert parameters.vector[13] == -5
    with pytest.raises(ValueError, match=r"shape \(27,\), the parameters need \(28,\)"):
        Parameters(parameters.shapes, np.zeros(27))


def test_initialisation():
    mlp = MLP("enc", (400, 100, 50), "relu")
    parameters = Parameters(mlp.shapes() | {PRIOR_LOGITS: (2,)})
    network.initialise(parameters, seed=3)
    for name, fan_in in {"enc.0.W": 400, "enc.0.b": 400, "enc.1.W": 100, "enc.1.b": 100}.items():
        bound = 1 / math.sqrt(fan_in)
        assert np.abs(parameters[name]).max() < bound
        assert_allclose(parameters[name].std(), bound / math.sqrt(3), rtol=0.15)
    assert not parameters[PRIOR_LOGITS].any()
    first = parameters["enc.0.W"].ravel()[:5] * math.sqrt(400)
    assert np.abs(first - parameters["enc.1.W"].ravel()[:5] * math.sqrt(100)).min() > 1e-6

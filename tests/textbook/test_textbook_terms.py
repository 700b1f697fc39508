"""Every gradient of the textbook against finite differences, and that the check sees a planted error."""

from __future__ import annotations

import numpy as np
import pytest
from finite_differences import (
    LIKELIHOODS,
    PRIORS,
    check_gradient,
    derivative,
    random_points,
    random_prior,
    random_variance,
    with_variance,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

from minidecomp.model import network
from minidecomp.model.network import MLP, Parameters
from minidecomp.terms import kl, likelihoods, posterior, priors
from minidecomp.terms.arrays import sigmoid
from minidecomp.terms.regularisers import inclusive_kl, mmd

few = settings(derandomize=True, deadline=None, max_examples=25, database=None)
seeds = st.integers(0, 2**32 - 1)
gammas = st.sampled_from([0.0, 1.0]) | st.floats(0.05, 0.95)
dfs = st.floats(0.5, 200)
batches = st.integers(1, 5)
dims = st.integers(1, 4)
prior_settings = st.fixed_dictionaries(
    {
        "latent_dim": dims,
        "components": st.integers(1, 5),
        "gamma": gammas,
        "df": dfs,
        "spike_scale": st.floats(0.05, 0.5),
    }
)
leading_axes = st.sampled_from([(1,), (4,), (2, 3), (3, 1), (2, 1, 2)])


def no_variance(prior):
    """A spike and slab without a slab has no gradient by the slab's variance."""
    return ("variance",) if prior.name == "sparse" and prior.gamma == 1 else ()


# The checks: each draws its inputs from a seed and calls the textbook by its public names.


def check_likelihood(name, seed, lead=(2, 3), data_dim=3):
    """x is (B, dx), the output (..., B, out); Laplace's output keeps off x, where it has a kink."""
    rng, likelihood = np.random.default_rng(seed), LIKELIHOODS[name]
    x = rng.normal(size=(lead[-1], data_dim))
    if name == "bernoulli":
        x = np.where(rng.uniform(size=x.shape) < 0.5, rng.integers(0, 2, x.shape), rng.uniform(size=x.shape))
    output = rng.normal(0, 1.5, (*lead, likelihood.output_dim(data_dim)))
    if name == "laplace":
        output = x + rng.choice([-1, 1], output.shape) * rng.uniform(0.05, 2, output.shape)
    value, gradients = likelihood.value_and_grad(x, output)
    assert_array_equal(value, likelihood.value(x, output))
    check_gradient(
        f"{name} likelihood",
        lambda output: likelihood.value(x, output),
        {"output": output},
        gradients,
    )


def check_log_density(kind, seed, lead=(4,), latent_dim=2, **prior_settings):
    rng = np.random.default_rng(seed)
    base = random_prior(kind, rng, latent_dim, **prior_settings)
    z = random_points(base, rng, (*lead, latent_dim))
    variance = random_variance(base, rng, z.shape)
    prior = with_variance(base, variance)
    value, gradients = prior.log_density_and_grad(z)
    assert_allclose(value, prior.log_density(z), rtol=1e-14)
    check_gradient(
        f"{kind} prior",
        lambda z, variance: with_variance(base, variance).log_density(z),
        {"z": z, "variance": variance},
        gradients,
        zero=no_variance(base),
    )


def check_prior_sample(kind, seed, batch=6, latent_dim=2, **prior_settings):
    """The components share their variance's gradient; the choices do not move with it."""
    rng = np.random.default_rng(seed)
    base = random_prior(kind, rng, latent_dim, **prior_settings)
    variance = random_variance(base, rng, (latent_dim,))
    noise, weight = rng.normal(size=(2, batch, latent_dim))
    choice = rng.uniform(size={"point": batch, "element": noise.shape}.get(base.choice_kind, ()))
    if kind == "sparse" and base.gamma < 1:
        choice.flat[0] = 0.5 * (1 + base.gamma)  # one of the slab at least
    check_gradient(
        f"{kind} sample",
        lambda variance: (weight * with_variance(base, variance).sample(noise, choice)).sum(),
        {"variance": variance},
        {"variance": with_variance(base, variance).sample_grad(weight, noise, choice).sum(0)},
        zero=no_variance(base),
    )


def check_analytic_kl(seed, batch=3, latent_dim=2):
    rng = np.random.default_rng(seed)
    base = random_prior("gaussian", rng, latent_dim)
    loc, scale = rng.normal(size=(batch, latent_dim)), rng.uniform(0.2, 1.5, (batch, latent_dim))
    variance = random_variance(base, rng, loc.shape)
    value, gradients = kl.analytic_value_and_grad(loc, scale, with_variance(base, variance))
    assert_array_equal(value, kl.analytic_value(loc, scale, with_variance(base, variance)))
    check_gradient(
        "analytic KL",
        lambda loc, scale, variance: kl.analytic_value(loc, scale, with_variance(base, variance)),
        {"loc": loc, "scale": scale, "variance": variance},
        gradients,
    )


def check_monte_carlo_kl(kind, seed, lead=(2,), batch=3, latent_dim=2, multiplier=1.0, **prior_settings):
    """z, loc, scale and the variance move one at a time: these are partial derivatives."""
    rng = np.random.default_rng(seed)
    base = random_prior(kind, rng, latent_dim, **prior_settings)
    loc, scale = rng.normal(size=(batch, latent_dim)), rng.uniform(0.3, 1.5, (batch, latent_dim))
    z = random_points(base, rng, (*lead, batch, latent_dim))
    variance = random_variance(base, rng, loc.shape)
    prior = with_variance(base, variance)
    value, gradients = kl.monte_carlo_value_and_grad(z, loc, scale, prior, multiplier)
    assert_allclose(value, kl.monte_carlo_value(z, loc, scale, prior, multiplier), rtol=1e-13, atol=1e-13)
    check_gradient(
        f"Monte-Carlo KL, {kind} prior",
        lambda z, loc, scale, variance: kl.monte_carlo_value(z, loc, scale, with_variance(base, variance), multiplier),
        {"z": z, "loc": loc, "scale": scale, "variance": variance},
        gradients,
        zero=no_variance(base),
    )


def check_mmd(seed, batch=4, latent_dim=2):
    rng = np.random.default_rng(seed)
    arguments = {
        "z": rng.normal(size=(batch, latent_dim)),
        "prior_sample": rng.normal(1, 2, (batch, latent_dim)),
    }
    value, gradients = mmd.value_and_grad(**arguments)
    assert value == mmd.value(**arguments)
    check_gradient("MMD", mmd.value, arguments, gradients)


def check_inclusive_kl(kind, seed, batch=3, draws=5, latent_dim=2, **prior_settings):
    rng = np.random.default_rng(seed)
    base = random_prior(kind, rng, latent_dim, **prior_settings)
    arguments = {
        "loc": rng.normal(size=(batch, latent_dim)),
        "scale": rng.uniform(0.5, 1.5, (batch, latent_dim)),
        "prior_sample": random_points(base, rng, (draws, latent_dim)),
        "variance": random_variance(base, rng, (draws, latent_dim)),
    }

    def value(variance, **rest):
        return inclusive_kl.value(**rest, prior=with_variance(base, variance))

    rest = {name: argument for name, argument in arguments.items() if name != "variance"}
    prior = with_variance(base, arguments["variance"])
    estimate, gradients = inclusive_kl.value_and_grad(**rest, prior=prior)
    assert_allclose(estimate, value(**arguments), rtol=1e-13, atol=1e-13)
    check_gradient(f"inclusive KL, {kind} prior", value, arguments, gradients, zero=no_variance(base))


def check_posterior(link, seed, lead=(2, 3)):
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, lead)
    check_gradient(
        f"{link} link",
        lambda raw: posterior.scale_from_raw(raw, link),
        {"raw": raw},
        {"raw": posterior.scale_slope(raw, link)},
    )
    loc, scale, eps = rng.normal(size=(3, *lead))
    check_gradient(
        "posterior sample",
        lambda loc, scale: posterior.sample(loc, scale, eps),
        {"loc": loc, "scale": scale},
        {"loc": np.ones(lead), "scale": eps},
    )


def check_learned_variance(seed, latent_dim=3, prior_variance_scale=0.8):
    rng = np.random.default_rng(seed)
    logits, weight = rng.normal(size=(2, latent_dim))
    variance = priors.variance_from_logits(logits, prior_variance_scale)
    check_gradient(
        "learned variance",
        lambda logits: (weight * priors.variance_from_logits(logits, prior_variance_scale)).sum(),
        {"logits": logits},
        {"logits": priors.logits_grad(weight, variance)},
    )


def check_network(activation, seed, lead=(2, 3), widths=(3, 5, 4, 2)):
    """The seed moves on until no unit is within 1e-3 of its kink and a row has a live unit in every layer."""
    mlp = MLP("net", widths, activation)
    while True:
        rng = np.random.default_rng(seed)
        parameters = Parameters(mlp.shapes())
        parameters.vector[:] = rng.normal(0, 0.6, parameters.vector.shape)
        x, weight = rng.normal(size=(*lead, widths[0])), rng.normal(size=(*lead, widths[-1]))
        _, inputs = mlp.forward(parameters, x)
        units = [h @ parameters[f"net.{i}.W"] + parameters[f"net.{i}.b"] for i, h in enumerate(inputs[:-1])]
        live = np.logical_and.reduce([np.ones(lead), *(a.max(-1) > 0 for a in units)])
        if live.any() and all(np.abs(a).min() > 1e-3 for a in units):
            break
        seed += 1
    grads, d_x = mlp.backward(parameters, inputs, weight)
    assert grads.keys() == mlp.shapes().keys()

    def value(x, **changed):
        return (weight * mlp.forward({key.replace("_", "."): p for key, p in changed.items()}, x)[0]).sum()

    check_gradient(
        f"{activation} network",
        value,
        {"x": x} | {name.replace(".", "_"): view for name, view in parameters.items()},
        {"x": d_x} | {name.replace(".", "_"): gradient for name, gradient in grads.items()},
        step=1e-5,
    )


# The checks on many shapes and settings.


@pytest.mark.parametrize("name", LIKELIHOODS)
@few
@given(seed=seeds, lead=leading_axes, data_dim=dims)
def test_likelihood(name, seed, lead, data_dim):
    check_likelihood(name, seed, lead, data_dim)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(seed=seeds, lead=leading_axes, given_settings=prior_settings)
def test_log_density(kind, seed, lead, given_settings):
    check_log_density(kind, seed, lead, **given_settings)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(seed=seeds, batch=batches, given_settings=prior_settings)
def test_sample(kind, seed, batch, given_settings):
    check_prior_sample(kind, seed, batch, **given_settings)


@few
@given(seed=seeds, batch=batches, latent_dim=dims)
def test_analytic_kl(seed, batch, latent_dim):
    check_analytic_kl(seed, batch, latent_dim)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(
    seed=seeds,
    lead=st.sampled_from([(), (1,), (3,)]),
    batch=batches,
    multiplier=st.just(1.0) | st.floats(0.5, 10),
    given_settings=prior_settings,
)
def test_monte_carlo_kl(kind, seed, lead, batch, multiplier, given_settings):
    check_monte_carlo_kl(kind, seed, lead, batch, multiplier=multiplier, **given_settings)


@few
@given(seed=seeds, batch=st.integers(2, 6), latent_dim=dims)
def test_mmd(seed, batch, latent_dim):
    check_mmd(seed, batch, latent_dim)


@pytest.mark.parametrize("kind", PRIORS)
@few
@given(seed=seeds, sizes=st.permutations(range(1, 7)), given_settings=prior_settings)
def test_inclusive_kl(kind, seed, sizes, given_settings):
    batch, draws = sizes[:2]
    check_inclusive_kl(kind, seed, batch, draws, **given_settings)


@pytest.mark.parametrize("link", posterior.SCALE_LINKS)
@few
@given(seed=seeds, lead=leading_axes)
def test_scale_link(link, seed, lead):
    check_posterior(link, seed, lead)


@few
@given(seed=seeds, latent_dim=st.integers(2, 6), prior_variance_scale=st.floats(0.1, 3))
def test_learned_variance(seed, latent_dim, prior_variance_scale):
    check_learned_variance(seed, latent_dim, prior_variance_scale)


@pytest.mark.parametrize("activation", network.ACTIVATIONS)
@few
@given(seed=seeds, lead=leading_axes, hidden=st.lists(st.integers(1, 5), max_size=3), dx=dims, out=dims)
def test_network(activation, seed, lead, hidden, dx, out):
    check_network(activation, seed, lead, (dx, *hidden, out))


# Planted errors. Each: the check, the gradient it spoils, and that gradient with a part forgotten (from the
# right one, g, and the arguments of the function that gives it).


def _loglik_gaussian_without_log_scale(g, self, x, output):
    loc, raw = self.loc_and_raw(output)
    scale = posterior.scale_from_raw(raw, "softplus")
    return np.concatenate([g[..., : loc.shape[-1]], (x - loc) ** 2 / scale**3 * sigmoid(raw)], axis=-1)


def _no_log_variance(g, self, z):
    return g + 0.5 / self.scale**2


def _responsibility(self, z, log_weight=0):
    joint = self.joint_log_density(z) - self.log_weight + log_weight
    return np.exp(joint - logsumexp(joint, axis=-1)[..., None])[..., None]


def _components_of_equal_weight(g, self, z):
    return -(_responsibility(self, z) * (z[..., None, :] - self.loc) / self.scale**2).sum(-2)


def _no_log_variances(g, self, z):
    return g + (_responsibility(self, z, self.log_weight) * 0.5 / self.scale**2).sum(-2)


def _slab_log_variance(g, self, z):
    slab, spike = self._parts(z)
    return g + np.exp(slab - np.logaddexp(slab, spike)) * 0.5 / self.scale**2


def _slab_pull_only(g, self, z):
    slab, spike = self._parts(z)
    return -np.exp(slab - np.logaddexp(slab, spike)) * (z - self.loc) / self.scale**2


def _within(sample):
    difference = sample[:, None] - sample
    n = len(sample)
    return 2 / (n * (n - 1)) * mmd.kernel_slope(difference).sum(1)


PLANTS = {
    "bernoulli": (
        lambda: check_likelihood("bernoulli", 1),
        (likelihoods.Bernoulli, "value_and_grad", "output"),
        lambda g, self, x, output: x + 0 * output,
    ),
    "gaussian likelihood": (
        lambda: check_likelihood("gaussian", 1),
        (likelihoods.Gaussian, "value_and_grad", "output"),
        _loglik_gaussian_without_log_scale,
    ),
    "laplace": (
        lambda: check_likelihood("laplace", 1),
        (likelihoods.Laplace, "value_and_grad", "output"),
        lambda g, self, x, output: np.sign(x - output),
    ),
    "gaussian prior, z": (
        lambda: check_log_density("gaussian", 1),
        (priors.Gaussian, "log_density_and_grad", "z"),
        lambda g, self, z: -z / self.scale**2,
    ),
    "gaussian prior, variance": (
        lambda: check_log_density("gaussian", 1),
        (priors.Gaussian, "log_density_and_grad", "variance"),
        _no_log_variance,
    ),
    "student-t prior, z": (
        lambda: check_log_density("student-t", 1),
        (priors.StudentT, "log_density_and_grad", "z"),
        lambda g, self, z: -(self.df + 1) * (z - self.loc) / (self.df * self.scale**2),
    ),
    "student-t prior, variance": (
        lambda: check_log_density("student-t", 1),
        (priors.StudentT, "log_density_and_grad", "variance"),
        _no_log_variance,
    ),
    "mixture prior, z": (
        lambda: check_log_density("mixture", 1),
        (priors.Mixture, "log_density_and_grad", "z"),
        _components_of_equal_weight,
    ),
    "mixture prior, variance": (
        lambda: check_log_density("mixture", 1),
        (priors.Mixture, "log_density_and_grad", "variance"),
        _no_log_variances,
    ),
    "sparse prior, z": (
        lambda: check_log_density("sparse", 1),
        (priors.Sparse, "log_density_and_grad", "z"),
        _slab_pull_only,
    ),
    "sparse prior, variance": (
        lambda: check_log_density("sparse", 1),
        (priors.Sparse, "log_density_and_grad", "variance"),
        _slab_log_variance,
    ),
    **{
        f"{kind} sample": (
            lambda kind=kind: check_prior_sample(kind, 1),
            (owner, "sample_grad", None),
            lambda g, self, d_sample, noise, choice=None: g * 2 * np.mean(self.scale),  # 1 / (2 s) forgotten
        )
        for kind, owner in zip(PRIORS, (priors.Gaussian, priors.StudentT, priors.Mixture, priors.Sparse), strict=True)
    },
    "analytic KL, loc": (
        lambda: check_analytic_kl(1),
        (kl, "analytic_value_and_grad", "loc"),
        lambda g, loc, scale, prior: loc / prior.scale**2,
    ),
    "analytic KL, scale": (
        lambda: check_analytic_kl(1),
        (kl, "analytic_value_and_grad", "scale"),
        lambda g, loc, scale, prior: scale / prior.scale**2,
    ),
    "analytic KL, variance": (
        lambda: check_analytic_kl(1),
        (kl, "analytic_value_and_grad", "variance"),
        lambda g, loc, scale, prior: g - 0.5 / prior.scale**2,
    ),
    "Monte-Carlo KL, z": (
        lambda: check_monte_carlo_kl("mixture", 1, multiplier=2.0),
        (kl, "monte_carlo_value_and_grad", "z"),
        lambda g, z, loc, scale, prior, multiplier: g + (z - loc) / scale**2,
    ),
    "Monte-Carlo KL, loc": (
        lambda: check_monte_carlo_kl("mixture", 1, multiplier=2.0),
        (kl, "monte_carlo_value_and_grad", "loc"),
        lambda g, z, loc, scale, prior, multiplier: z / scale**2,
    ),
    "Monte-Carlo KL, scale": (
        lambda: check_monte_carlo_kl("mixture", 1, multiplier=2.0),
        (kl, "monte_carlo_value_and_grad", "scale"),
        lambda g, z, loc, scale, prior, multiplier: g + 1 / scale,
    ),
    "Monte-Carlo KL, variance": (
        lambda: check_monte_carlo_kl("mixture", 1, multiplier=2.0),
        (kl, "monte_carlo_value_and_grad", "variance"),
        lambda g, z, loc, scale, prior, multiplier: g / multiplier,
    ),
    "MMD, z": (
        lambda: check_mmd(1),
        (mmd, "value_and_grad", "z"),
        lambda g, prior_sample, z: np.stack([_within(y) for y in z.T], axis=1),
    ),
    "MMD, prior sample": (
        lambda: check_mmd(1),
        (mmd, "value_and_grad", "prior_sample"),
        lambda g, prior_sample, z: g - np.stack([_within(x) for x in prior_sample.T], axis=1),
    ),
    "inclusive KL, loc": (
        lambda: check_inclusive_kl("student-t", 1),
        (inclusive_kl, "value_and_grad", "loc"),
        lambda g, prior_sample, loc, scale, prior: -((prior_sample[:, None] - loc) / scale**2).mean(0) / len(loc),
    ),
    "inclusive KL, scale": (
        lambda: check_inclusive_kl("student-t", 1),
        (inclusive_kl, "value_and_grad", "scale"),
        lambda g, prior_sample, loc, scale, prior: g - 1 / (len(loc) * scale),
    ),
    "inclusive KL, prior sample": (
        lambda: check_inclusive_kl("student-t", 1),
        (inclusive_kl, "value_and_grad", "prior_sample"),
        lambda g, prior_sample, loc, scale, prior: (
            g - prior.log_density_and_grad(prior_sample)[1]["z"] / len(prior_sample)
        ),
    ),
    "inclusive KL, variance": (
        lambda: check_inclusive_kl("student-t", 1),
        (inclusive_kl, "value_and_grad", "variance"),
        lambda g, prior_sample, loc, scale, prior: g * len(prior_sample),
    ),
    **{
        f"{link} link": (
            lambda link=link: check_posterior(link, 1),
            (posterior, "scale_slope", None),
            lambda g, raw, link: np.ones_like(raw) if link == "softplus" else np.exp(0.5 * raw),
        )
        for link in posterior.SCALE_LINKS
    },
    "learned variance": (
        lambda: check_learned_variance(1),
        (priors, "logits_grad", None),
        lambda g, d_variance, variance: variance * d_variance,
    ),
    **{
        f"{activation} network": (
            lambda activation=activation: check_network(activation, 1),
            (network, "activation_slope", None),
            lambda g, h, activation: np.ones_like(h),
        )
        for activation in network.ACTIVATIONS
    },
    "network, bias": (
        lambda: check_network("tanh", 1),
        (MLP, "backward", "net.1.b"),
        lambda g, self, parameters, inputs, d_output: g - d_output.sum((0, 1))[0],
    ),
    "network, weight": (
        lambda: check_network("tanh", 1),
        (MLP, "backward", "net.0.W"),
        lambda g, *_: np.concatenate([0 * g[:1], g[1:]]),
    ),
}
ERRORS = ("sign", "factor 2", "dropped part")


@pytest.mark.parametrize("plant", PLANTS)
def test_the_checks_pass_where_errors_are_planted(plant):
    PLANTS[plant][0]()


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_error_is_seen(plant, error, monkeypatch):
    check, (owner, attribute, argument), dropped = PLANTS[plant]
    right = getattr(owner, attribute)

    def wrong(*inputs, **named):
        def spoil(g):
            if error == "dropped part":
                return dropped(g, *inputs, **named)
            return -g if error == "sign" else 2 * g

        result = right(*inputs, **named)
        if argument is None:
            return spoil(result)
        grads = next(part for part in result if isinstance(part, dict))
        spoilt = grads | {argument: spoil(grads[argument])}
        return tuple(spoilt if part is grads else part for part in result)

    monkeypatch.setattr(owner, attribute, wrong)
    with pytest.raises(AssertionError, match=r"gradient by .*: analytic .*, numeric "):
        check()


def test_the_checker_refuses_inputs_without_spread():
    with pytest.raises(AssertionError, match="no spread"):
        check_gradient("square", lambda z: z**2, {"z": np.ones(3)}, {"z": 2 * np.ones(3)})


def test_the_checker_refuses_a_gradient_of_zeros():
    with pytest.raises(AssertionError, match="square, gradient by z: all zero"):
        check_gradient("square", lambda z: 0 * z, {"z": np.arange(3.0)}, {"z": np.zeros(3)})


def test_the_checker_refuses_float32_and_shapes():
    z = np.arange(1, 4, dtype=np.float32)
    with pytest.raises(AssertionError, match="too coarse"):
        check_gradient("square", lambda z: z**2, {"z": z}, {"z": 2 * z})
    with pytest.raises(AssertionError, match=r"shape \(2,\), not \(3,\)"):
        check_gradient("sum", lambda z: (z**2).sum(), {"z": z.astype(float)}, {"z": np.ones(2)})


def test_the_checker_sees_one_wrong_entry_among_many():
    z = np.linspace(1, 2, 1000)
    g = 2 * z
    g[137] *= 1 + 1e-2
    with pytest.raises(AssertionError, match="square, gradient by z, along direction 0: analytic"):
        check_gradient("square", lambda z: (z**2).sum(), {"z": z}, {"z": g})


def test_the_difference_is_of_fourth_order():
    errors = [abs(derivative(lambda t: np.exp(3 * t), h) - 3) for h in (0.1, 0.05)]
    assert 12 < errors[0] / errors[1] < 20

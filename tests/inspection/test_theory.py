"""The paper's theorems on models of every prior, and where they are to fail."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from engine_cases import PRIORS, batch, make
from scipy import integrate, stats

from minidecomp.cli.main import main
from minidecomp.errors import OptionError
from minidecomp.inspection import theory
from minidecomp.terms import priors

BETAS = [0.3, 0.5, 1.0, 2.0, 4.0, 16.0]


def looked_at(prior, rows=15, **more):
    how = {"latent_dim": 2, "hidden": (7,), "likelihood": "bernoulli"} | more
    vae, _ = make(5, prior=prior, **how)
    return vae, batch(vae, rows), np.random.default_rng(3).normal(size=(rows, vae.latent_dim))


@pytest.mark.parametrize(
    "beta", [beta if beta == 0.5 else pytest.param(beta, marks=pytest.mark.slow) for beta in BETAS]
)
@pytest.mark.parametrize("prior", PRIORS)
def test_theorem_1(prior, beta):
    sides = theory.theorem_1(*looked_at(prior), beta)
    assert abs(sides.difference) < 1e-10 * max(1, abs(sides.left))
    assert sides.left == pytest.approx(sum(sides.left_parts.values()))
    assert sides.right == pytest.approx(sum(sides.right_parts.values()))


def on_a_grid(prior, loc, scale):
    """The points and weights of sum_i w_i f(z_i) ~ E_q[f(z)], by the trapezoid rule over 9 scales each way."""
    node = np.linspace(-9, 9, 20001 if loc.size == 1 else 301)
    weight = stats.norm.pdf(node) * (node[1] - node[0])
    lines = np.meshgrid(*(m + s * node for m, s in zip(loc, scale, strict=True)), indexing="ij")
    return np.stack(lines, -1), weight if loc.size == 1 else np.outer(weight, weight)


@pytest.mark.parametrize("beta", [0.5, *(pytest.param(beta, marks=pytest.mark.slow) for beta in (2.0, 4.0))])
@pytest.mark.parametrize(("prior", "latent_dim"), [("gaussian", 1), ("student-t", 1), ("mixture", 2), ("sparse", 1)])
def test_each_part_of_theorem_1(prior, latent_dim, beta):
    """By itself: log F_beta is on both ends of the right side, and what cancels could be anything."""
    # The spike is as wide as a posterior here, which the rule for E_q[log p] resolves.
    more = {"spike_scale": 0.5} if prior == "sparse" else {}
    vae, x, eps = looked_at(prior, rows=3, latent_dim=latent_dim, prior_variance_scale=1.0, **more)
    prior, (loc, scale) = vae.current_prior(), vae.encode(x)
    side = np.linspace(-40, 40, 40001 if latent_dim == 1 else 801)
    grid = np.stack(np.meshgrid(*[side] * latent_dim, indexing="ij"), -1)
    log_f = math.log(np.exp(beta * prior.log_density(grid)).sum() * (side[1] - side[0]) ** latent_dim)
    own, annealed = [], []
    for m, s in zip(loc, scale, strict=True):
        z, weight = on_a_grid(prior, m, s)
        log_p, log_q = prior.log_density(z), stats.norm.logpdf(z, m, s).sum(-1)
        own.append((weight * (log_q - log_p)).sum())
        annealed.append((weight * (log_q - beta * log_p + log_f)).sum())
    entropy = stats.norm.entropy(loc, scale).sum(-1).mean()
    found = theory.theorem_1(vae, x, eps, beta)
    tolerance = {"rel": 2e-4, "abs": 2e-4} if prior.name != "student-t" else {"rel": 2e-2, "abs": 2e-2}
    assert found.left_parts["-beta KL(q || p)"] == pytest.approx(-beta * np.mean(own), **tolerance)
    assert found.right_parts["-KL(q || p^beta / F_beta)"] == pytest.approx(-np.mean(annealed), **tolerance)
    assert found.right_parts["(beta - 1) H[q]"] == pytest.approx((beta - 1) * entropy, abs=1e-10)
    assert found.right_parts["log F_beta"] == pytest.approx(log_f, **tolerance)


def test_log_F_of_a_square_is_a_sum_over_pairs():
    """int p^2 = sum_ij w_i w_j N(m_i; m_j, v_i + v_j) for mixtures, and the sparse prior is one in each dimension."""

    def log_square(weight, loc, scale):
        pairs = itertools.product(range(len(weight)), repeat=2)
        return math.log(
            sum(
                weight[i] * weight[j] * np.prod(stats.norm.pdf(loc[i], loc[j], np.sqrt(scale[i] ** 2 + scale[j] ** 2)))
                for i, j in pairs
            )
        )

    loc, scale = np.array([[-1.0, 0.5], [0.7, 0.2], [0.0, -1.0]]), np.array([[0.3, 0.5], [0.6, 0.2], [0.4, 0.4]])
    weight = np.array([0.2, 0.5, 0.3])
    found = theory.log_F(priors.Mixture(loc, scale, np.log(weight)), 2.0)
    assert found == pytest.approx(log_square(weight, loc, scale), abs=1e-8)

    slab, width, gamma, spike = np.array([0.0, 0.5, -1.0]), np.array([1.0, 0.7, 1.3]), 0.8, 0.05
    expected = sum(
        log_square([1 - gamma, gamma], np.array([[m], [0.0]]), np.array([[s], [spike]]))
        for m, s in zip(slab, width, strict=True)
    )
    assert theory.log_F(priors.Sparse(slab, width, gamma, spike), 2.0) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize(
    "prior",
    [
        priors.Gaussian(np.array([0.3]), np.array([0.7])),
        priors.StudentT(np.array([0.3]), np.array([0.7]), 5.0),
        priors.Mixture(np.array([[-1.0], [1.0]]), np.array([[0.2], [0.5]]), np.log([0.3, 0.7])),
        priors.Sparse(np.array([0.0]), np.array([1.0]), 0.8, 0.05),
        priors.Sparse(np.array([0.4]), np.array([0.6]), 0.3, 0.2),
    ],
    ids=lambda prior: prior.name,
)
def test_log_F_is_the_integral(prior, beta):
    """Here by an adaptive rule that knows where p is narrow."""

    def power(z):
        return math.exp(beta * float(prior.log_density(np.array([z]))))

    edges = [-400, -30, -5, -1.5, -0.6, -0.2, -0.05, 0, 0.05, 0.2, 0.6, 1.5, 5, 30, 400]
    total = sum(
        integrate.quad(power, a, b, limit=400, epsabs=1e-13, epsrel=1e-11)[0] for a, b in itertools.pairwise(edges)
    )
    if isinstance(prior, priors.StudentT):
        total += integrate.quad(power, 400, np.inf)[0] + integrate.quad(power, -np.inf, -400)[0]
    assert theory.log_F(prior, beta) == pytest.approx(math.log(total), abs=2e-6)


@pytest.mark.slow
def test_log_F_of_the_pinwheels_mixture():
    """In two dimensions, by importance sampling from a wider mixture."""
    vae, _ = make(2, prior="mixture", latent_dim=2, prior_variance_scale=0.03)
    prior = vae.prior
    for beta in (0.5, 2.0):
        rng = np.random.default_rng(0)
        component = rng.integers(4, size=400_000)
        wide = dataclasses.replace(prior, scale=prior.scale * 2)
        z = wide.loc[component] + wide.scale[component] * rng.normal(size=(400_000, 2))
        w = np.exp(beta * prior.log_density(z) - wide.log_density(z))
        error = w.std() / w.mean() / math.sqrt(len(w))
        assert abs(theory.log_F(prior, beta) - math.log(w.mean())) < 5 * error


@pytest.mark.parametrize("beta", BETAS)
def test_annealed_priors_are_p_to_the_beta(beta):
    z = np.linspace(-3, 3, 7)[:, None]
    for prior in (
        priors.Gaussian(np.array([0.3]), np.array([0.7])),
        priors.StudentT(np.zeros(1), np.array([0.7]), 5.0),
    ):
        expected = beta * prior.log_density(z) - theory.log_F(prior, beta)
        np.testing.assert_allclose(prior.annealed(beta).log_density(z), expected, atol=1e-12)


def test_expected_log_prior_of_a_student_t():
    """Gauss-Hermite against an adaptive rule."""
    prior = priors.StudentT(np.zeros(1), np.ones(1), 4.0)
    got = theory.expected_log_prior(prior, np.array([[0.7]]), np.array([[0.5]]))[0]
    expected = integrate.quad(lambda z: stats.norm.pdf(z, 0.7, 0.5) * float(prior.log_density(np.array([z]))), -9, 9)[0]
    assert got == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("scale", [np.ones(2), np.array([0.5, 1.5])], ids=["equal", "unequal"])
def test_the_corollary(beta, scale):
    vae, x, eps = looked_at("gaussian")
    vae.prior = priors.Gaussian(np.zeros(2), scale)
    assert abs(theory.corollary(vae, x, eps, beta).difference) < 1e-12 * max(1, beta)


def test_theorem_2_holds_for_the_isotropic_gaussian_only():
    for prior in PRIORS:
        vae, x, eps = looked_at(prior, latent_dim=3 if prior != "mixture" else 2)
        assert abs(theory.theorem_2(vae, x, eps, 2.0).difference) > 1e-3, prior
    D = vae.latent_dim
    vae.prior = priors.Gaussian(np.zeros(D), np.ones(D))
    assert abs(theory.theorem_2(vae, x, eps, 2.0).difference) < 1e-12
    vae.prior = priors.Gaussian(np.zeros(D), np.linspace(0.8, 1.2, D))
    assert abs(theory.theorem_2(vae, x, eps, 2.0).difference) > 1e-3


def test_a_rotation_is_one():
    R = theory.rotation(5, 3)
    np.testing.assert_allclose(R @ R.T, np.eye(5), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)


def test_what_has_no_answer():
    vae, x, eps = looked_at("student-t", df=2.0)
    with pytest.raises(OptionError, match=r"above 0\.333333 for a Student-t prior with df 2"):
        theory.theorem_1(vae, x, eps, 0.3)
    vae, x, eps = looked_at("mixture", latent_dim=3)
    with pytest.raises(OptionError, match="more than two dimensions"):
        theory.theorem_1(vae, x, eps, 2.0)
    vae, x, eps = looked_at("gaussian", latent_dim=1)
    with pytest.raises(OptionError, match="at least 2 for a rotation"):
        theory.theorem_2(vae, x, eps, 2.0)


def test_on_the_command_line(capsys):
    common = ["gradients", "--data", "pinwheel", "--hidden", "5", "--beta", "3", "--points", "20"]
    for prior in ("gaussian", "student-t", "mixture", "sparse"):
        assert main([*common, "--prior", prior, "--theorem", "1"]) == 0
        out = capsys.readouterr().out
        assert "log F_beta" in out and abs(float(out.split("difference: ")[1].split()[0])) < 1e-10
        assert "equal up to rounding" in " ".join(out.split())
    assert main([*common, "--prior", "gaussian", "--theorem", "corollary", "--json"]) == 0
    assert abs(json.loads(capsys.readouterr().out)["difference"]) < 1e-12

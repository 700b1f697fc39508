"""What the sides of a theorem mean in words, for each prior and beta."""

import itertools

import numpy as np
import pytest

from minidecomp.inspection.meaning import are_equal, meaning
from minidecomp.inspection.theory import Sides
from minidecomp.terms.priors import Gaussian, Mixture, Sparse, StudentT

GAUSSIAN = Gaussian(np.zeros(2), np.ones(2))


def sides(left, right):
    return Sides("a statement", left, right, {"a": left}, {"b": right})


def test_equal_means_to_rounding_of_the_largest_part():
    assert are_equal(sides(-5000.0, -5000.0 + 1e-9)) and not are_equal(sides(1.0, 1.0 + 1e-6))


RING = Mixture(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.full((3, 2), 0.4), np.log([0.5, 0.3, 0.2]))
ONE_COMPONENT = Mixture(np.array([[0.3, -0.2]]), np.array([[0.5, 1.5]]), np.zeros(1))
AT_ONE_PLACE = Mixture(np.zeros((4, 2)), np.ones((4, 2)), np.full(4, np.log(0.25)))
SPARSE = Sparse(np.zeros(2), np.array([1.0, 0.7]), 0.8, 0.3)


def annealed_gaussian(prior, beta):
    """N(m, v / beta) for a prior that is N(m, v) under another name."""
    loc, scale = np.atleast_2d(prior.loc)[0], np.atleast_2d(prior.scale)[0]
    if getattr(prior, "gamma", None) == 1:
        scale = np.full(2, prior.spike_scale)
    return Gaussian(loc, scale / beta**0.5)


def products(log_weight, loc, scale, beta):
    """The mixture that p^beta / F_beta is, for components (M, D): a component for each product of beta of them."""
    made = []
    for chosen in itertools.product(range(len(loc)), repeat=beta):
        chosen = list(chosen)
        precision = (1 / scale[chosen] ** 2).sum(0)
        mean = (loc[chosen] / scale[chosen] ** 2).sum(0) / precision
        product = Gaussian(mean, precision**-0.5)
        parts = [Gaussian(loc[m], scale[m]).log_density(mean) + log_weight[m] for m in chosen]
        made.append((sum(parts) - product.log_density(mean), product))
    weight = np.exp(np.array([log_w for log_w, _ in made]))
    return Mixture(
        np.stack([each.loc for _, each in made]),
        np.stack([each.scale for _, each in made]),
        np.log(weight / weight.sum()),
    )


def assert_is_annealed(found, prior, beta):
    """The two densities differ by a factor alone."""
    z = np.random.default_rng(0).normal(size=(50, prior.loc.shape[-1]))
    assert np.ptp(found.log_density(z) - beta * prior.log_density(z)) < 1e-9


@pytest.mark.parametrize("beta", [0.5, 2.0, 2.5])
@pytest.mark.parametrize(
    "prior",
    [
        GAUSSIAN,
        ONE_COMPONENT,
        AT_ONE_PLACE,
        *(Sparse(np.zeros(2), np.array([1.0, 0.7]), gamma, 0.3) for gamma in (0.0, 1.0)),
        Sparse(np.zeros(2), np.full(2, 0.3), 0.8, 0.3),
    ],
    ids=lambda value: value.name,
)
def test_what_is_said_to_be_a_gaussian_is_one(prior, beta):
    text = prior.describe_annealed(beta)
    assert f"a Gaussian with variances divided by beta = {beta:g}" in text and "mixture" not in text
    assert_is_annealed(annealed_gaussian(prior, beta), prior, beta)


@pytest.mark.parametrize("beta", [2, 3, 4])
def test_what_is_said_to_be_a_mixture_is_one(beta):
    assert "again a mixture of Gaussians" in RING.describe_annealed(beta)
    assert_is_annealed(products(RING.log_weight, RING.loc, RING.scale, beta), RING, beta)
    assert "a mixture of beta + 1 Gaussians" in SPARSE.describe_annealed(float(beta))
    for scale in SPARSE.scale:
        one = Sparse(np.zeros(1), np.array([scale]), SPARSE.gamma, SPARSE.spike_scale)
        scales = np.array([[scale], [SPARSE.spike_scale]])
        found = products(np.log([1 - SPARSE.gamma, SPARSE.gamma]), np.zeros((2, 1)), scales, beta)
        assert len(np.unique(found.scale.round(12))) == beta + 1
        assert_is_annealed(found, one, beta)


@pytest.mark.parametrize("prior", [RING, SPARSE], ids=lambda prior: prior.name)
def test_no_more_is_said_where_beta_is_not_whole(prior):
    for beta, word in ((0.5, "flatter"), (2.5, "sharper")):
        text = prior.describe_annealed(beta)
        assert f"is {word} than the prior" in text and f"power {beta:g}" in text and "Gaussian" not in text


@pytest.mark.parametrize(
    ("prior", "beta", "words"),
    [
        (GAUSSIAN, 3, "Gaussian with variances divided by beta = 3"),
        (StudentT(np.zeros(2), np.ones(2), 9.0), 3, "Student-t with 29 degrees of freedom: it has lighter tails"),
        (StudentT(np.zeros(2), np.ones(2), 9.0), 0.5, "Student-t with 4 degrees of freedom: it has heavier tails"),
        (RING, 3, "again a mixture of Gaussians"),
        (SPARSE, 0.5, "flatter than the prior"),
    ],
)
def test_theorem_1_says_what_the_annealed_prior_is(prior, beta, words):
    text = meaning("1", sides(1.0, 1.0), prior, beta)
    assert words in text and "equal up to rounding" in text
    assert ("rewards the entropy" if beta > 1 else "penalises the entropy") in text


def test_a_difference_where_there_should_be_none_is_said():
    assert "should be equal, but they differ by 0.5 nats" in meaning("1", sides(1.5, 1.0), GAUSSIAN, 2)


def test_the_corollary_says_what_beta_does():
    assert "rewards wide encodings" in (text := meaning("corollary", sides(1.0, 1.0), GAUSSIAN, 2))
    assert "by itself it does not disentangle" in text
    assert "penalises wide encodings" in meaning("corollary", sides(1.0, 1.0), GAUSSIAN, 0.5)
    assert "ordinary ELBO" in meaning("corollary", sides(1.0, 1.0), GAUSSIAN, 1)


def test_theorem_2_says_whether_the_prior_has_axes():
    assert "no preferred axes" in meaning("2", sides(1.0, 1.0), GAUSSIAN, 2)
    unequal = Gaussian(np.zeros(2), np.array([1.0, 2.0]))
    assert "(its variances differ)" in (text := meaning("2", sides(1.0, 1.25), unequal, 2))
    assert "0.25 nats per data point lower than its rotation" in text
    heavy = StudentT(np.zeros(2), np.ones(2), 9.0)
    assert "0.25 nats per data point higher" in meaning("2", sides(1.25, 1.0), heavy, 2)
    assert "They differ, because a rotation changes this student-t prior" in meaning("2", sides(1.25, 1.0), heavy, 2)
    moved = Gaussian(np.ones(2), np.ones(2))
    assert "(its mean is not 0)" in meaning("2", sides(1.0, 1.25), moved, 2)


def test_theorem_2_goes_by_the_prior_and_not_by_one_difference():
    """A tiny beta hides a difference, and a round prior that differs has a fault."""
    heavy = StudentT(np.zeros(2), np.ones(2), 9.0)
    text = meaning("2", sides(1.0, 1.0), heavy, 1e-13)
    assert "no more than rounding, although a rotation changes" in text and "every direction" not in text
    for plain in (AT_ONE_PLACE, Sparse(np.zeros(2), np.ones(2), 0.0, 0.3)):
        assert "no preferred axes" in meaning("2", sides(1.0, 1.0), plain, 2)
        assert "should be equal, but they differ" in meaning("2", sides(1.5, 1.0), plain, 2)
    for uneven in (RING, SPARSE, ONE_COMPONENT):
        assert "because a rotation changes" in meaning("2", sides(1.5, 1.0), uneven, 2)

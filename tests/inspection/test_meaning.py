"""What the sides of a theorem mean in words, for each prior and beta."""

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


@pytest.mark.parametrize(
    ("prior", "beta", "words"),
    [
        (GAUSSIAN, 3, "Gaussian with variances divided by beta = 3"),
        (StudentT(np.zeros(2), np.ones(2), 9.0), 3, "Student-t with 29 degrees of freedom: it has lighter tails"),
        (StudentT(np.zeros(2), np.ones(2), 9.0), 0.5, "Student-t with 4 degrees of freedom: it has heavier tails"),
        (Mixture(np.zeros((2, 2)), np.ones((2, 2)), np.log([0.5, 0.5])), 3, "narrower modes and deeper valleys"),
        (Sparse(np.zeros(2), np.ones(2), 0.8, 0.05), 0.5, "flatter peak and heavier tails"),
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

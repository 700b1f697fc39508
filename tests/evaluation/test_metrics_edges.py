"""Factors of one value, and codes or points too few to say much: a value that they do not move, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
from test_metrics_shared import BY_ARRAYS, BY_DRAWS, every_number

from minidecomp.errors import OptionError
from minidecomp.evaluation import metrics
from minidecomp.evaluation.metrics import GroundTruth

WITH_FACTORS = [name for name in BY_ARRAYS if name not in ("unsupervised", "hoyer", "hoyer plain")]


def points(n=300, dims=4, seed=0):
    """Codes that tell a little of two factors, and the factors."""
    random = np.random.default_rng(seed)
    factors = random.integers(0, 4, (n, 2))
    return random.normal(size=(n, dims)) + 0.3 * factors @ random.normal(size=(2, dims)), factors


def with_constants(factors):
    """The factors with others of one value before, between and after them."""
    one = np.full((len(factors), 3), 0.1)
    return np.concatenate([one, factors[:, :1], one, factors[:, 1:], one[:, :2]], axis=1)


@pytest.mark.parametrize("name", WITH_FACTORS)
def test_factors_of_one_value_move_no_score_of_arrays(name):
    codes, factors = points()
    plain, more = BY_ARRAYS[name](codes, factors), BY_ARRAYS[name](codes, with_constants(factors))
    assert (more.score, more.details) == (plain.score, plain.details)


@pytest.mark.slow
def test_factors_of_one_value_do_not_move_dci():
    pytest.importorskip("sklearn")
    codes, factors = points(60, 3)
    plain = metrics.dci_from_codes(codes, factors, codes, factors)
    more = metrics.dci_from_codes(codes, with_constants(factors), codes, with_constants(factors))
    assert (more.score, more.details) == (plain.score, plain.details)
    two = metrics.dci_from_codes(codes[:2], [[0, 1], [1, 0]], codes[:1], factors[:1])
    alone = metrics.dci_from_codes(codes[:, :1], factors, codes[:, :1], factors)
    assert np.isfinite(every_number([two.details, alone.details])).all() and alone.details["completeness"] == 1


@pytest.mark.parametrize("name", BY_DRAWS)
def test_factors_of_one_value_move_no_score_of_a_ground_truth(name):
    """Held, they would hold nothing; the codes see them at their value."""
    table = np.random.default_rng(1).normal(size=(3, 4, 5))
    plain = GroundTruth((3, 4), lambda f: table[f[:, 0], f[:, 1]])
    more = GroundTruth((1, 3, 1, 4, 1), lambda f: table[f[:, 1], f[:, 3]] + f[:, [0, 2, 4]].sum(1, keepdims=True))
    one, other = BY_DRAWS[name](plain), BY_DRAWS[name](more)
    assert (other.score, other.details) == (one.score, one.details)


def test_modularity_of_random_codes_stays_what_it_is():
    random = np.random.default_rng(0)
    codes, factors = random.normal(size=(1000, 10)), random.integers(0, 5, (1000, 2))
    constant = np.ones((1000, 8), int)
    more = metrics.modularity_from_codes(codes, np.concatenate([factors, constant], axis=1)).score
    assert more == metrics.modularity_from_codes(codes, factors).score < 0.6


@pytest.mark.parametrize("name", BY_ARRAYS)
@pytest.mark.parametrize("kind", ["zero", "one constant", "duplicated", "one code", "few points", "two points"])
def test_poor_codes_have_finite_scores_or_are_refused(name, kind):
    codes, factors = points()
    match kind:
        case "zero":
            codes = np.full_like(codes, 0.1)
        case "one constant":
            codes[:, 1] = 0.1
        case "duplicated":
            codes[:] = codes[:, :1]
        case "one code":
            codes = codes[:, :1]
        case "few points":
            codes, factors = codes[:7], factors[:7]
        case "two points":
            codes, factors = codes[:2], np.array([[0, 1], [1, 0]])
    try:
        scored = BY_ARRAYS[name](codes, factors)
    except OptionError as error:
        assert kind == "one code" and "D >= 2" in str(error) and "\n" not in str(error)
        return
    assert np.isfinite(every_number([scored.score, scored.details])).all()


@pytest.mark.parametrize("name", WITH_FACTORS)
@pytest.mark.parametrize("size", [1e-200, 1e60])
def test_the_size_of_factors_does_not_matter(name, size):
    codes, factors = points()
    assert BY_ARRAYS[name](codes, factors * size).score == pytest.approx(BY_ARRAYS[name](codes, factors).score)


def test_factors_too_large_to_count_with_are_refused():
    codes, factors = points()
    for call in (BY_ARRAYS[name] for name in WITH_FACTORS):
        with pytest.raises(OptionError, match=r"factors: .* 'a number that is not finite or too large"):
            call(codes, factors * 1e300)

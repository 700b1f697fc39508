"""What metrics must say of codes of known quality (ideal, useless, duplicated), and their invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp.evaluation import metrics
from minidecomp.evaluation.metrics import GroundTruth
from minidecomp.evaluation.metrics.sampling import all_factors

few = settings(derandomize=True, deadline=None, max_examples=15, database=None)
seeds = st.integers(0, 2**32 - 1)

SIZES = (2, 3, 4)
FACTORS = all_factors(SIZES)
MANY = all_factors((8, 8, 8))

VOTES = {"num_train": 500, "num_eval": 500, "num_variance_estimate": 1000}


def scores(codes, factors=FACTORS):
    """Each metric's score of codes of every combination of factors, tested where it was fitted."""
    sizes = tuple(int(size) for size in factors.max(0) + 1)
    truth = GroundTruth.from_table(codes, sizes)
    return {
        "mig": metrics.mig_from_codes(codes, factors).score,
        "modularity": metrics.modularity_from_codes(codes, factors).score,
        "explicitness": metrics.explicitness_from_codes(codes, factors, codes, factors).score,
        "sap": metrics.sap_from_codes(codes, factors, codes, factors).score,
        "sap continuous": metrics.sap_from_codes(codes, factors, continuous=True).score,
        "irs": metrics.irs_from_codes(codes, factors).score,
        "factor_vae": metrics.factor_vae(truth, **VOTES).score,
        "factor_vae_mathieu19": metrics.factor_vae_mathieu19(truth, num_votes=500).score,
        "beta_vae": metrics.beta_vae(truth, num_train=500, num_eval=500).score,
    }


def test_ideal_codes_score_1():
    found = scores(FACTORS * 1.0)
    found.pop("sap")  # a machine on one code cannot single out a middle value: below
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=1e-9)
    alone = metrics.unsupervised_from_codes(FACTORS * 1.0)
    assert alone.score == pytest.approx(0, abs=1e-12)
    assert alone.details["mutual_information"] == pytest.approx(0, abs=1e-12)
    assert alone.details["gaussian_wasserstein"] == pytest.approx(0, abs=1e-7)


def test_saps_best_is_1_minus_chance():
    factors = np.tile(all_factors((2, 2, 2)), (40, 1))
    assert metrics.sap_from_codes(factors * 4.0, factors, factors * 4.0, factors).score == pytest.approx(0.5)


def test_order_sign_and_scale_of_ideal_codes_do_not_matter():
    codes = FACTORS[:, [2, 0, 1]] * [-7.0, 5.0, 3.0] + 11
    found = scores(codes)
    found.pop("sap")
    assert found == pytest.approx(dict.fromkeys(found, 1.0), abs=1e-9)


def test_zero_codes_score_low():
    found = scores(np.zeros((24, 3)))
    assert found.pop("explicitness") == 0.5
    assert found.pop("beta_vae") < 0.5
    assert found == dict.fromkeys(found, 0.0)
    assert metrics.hoyer(np.zeros((24, 3))).score == 0
    assert metrics.hoyer(np.zeros((24, 3)), normalise=False).score == 0
    alone = metrics.unsupervised_from_codes(np.zeros((24, 3)))
    assert (alone.score, alone.details["active"]) == (0, [])


def test_random_codes_score_near_chance():
    found = scores(np.random.default_rng(0).normal(size=(512, 5)), MANY)
    upper = {
        "mig": 0.05,
        "explicitness": 0.6,
        "sap": 0.06,
        "sap continuous": 0.02,
        "irs": 0.4,
        "factor_vae": 0.5,
        "factor_vae_mathieu19": 0.75,  # the same 64 points in each vote: by luck always the same code wins
        "beta_vae": 0.5,
    }
    for name, bound in upper.items():
        assert found[name] < bound, name


def test_duplicated_codes_have_no_gap():
    found = scores(np.tile(FACTORS * 1.0, 2))
    for name in ("mig", "sap", "sap continuous"):
        assert found[name] == pytest.approx(0, abs=1e-12)
    for name in ("modularity", "explicitness", "irs", "factor_vae"):
        assert found[name] == pytest.approx(1, abs=1e-9)
    alone = metrics.unsupervised_from_codes(np.tile(FACTORS * 1.0, 2))
    assert 3 * 17 < alone.score < 3 * 20


def test_collapsed_codes_win_votes_unless_they_are_pruned():
    random = np.random.default_rng(1)
    codes = np.concatenate([MANY[:, :2] * 1.0, 1e-3 * random.normal(size=(512, 5))], axis=1)
    codes[:, 2] = 1e-3 * MANY[:, 2]
    truth = GroundTruth.from_table(codes, (8, 8, 8))
    assert metrics.factor_vae(truth, **VOTES, prune_below=0).score == 1
    pruned = metrics.factor_vae(truth, **VOTES)
    assert pruned.score == pytest.approx(2 / 3, abs=0.15)
    assert pruned.details["kept"] == [0, 1]
    assert metrics.factor_vae_mathieu19(truth, num_votes=500).score == 1


def test_hoyer_of_gaussian_codes():
    """(sqrt(D) - E |y|_1/|y|_2) / (sqrt(D) - 1) with E = D Gamma(D/2) / (sqrt(pi) Gamma((D + 1)/2))."""
    z = np.random.default_rng(0).normal(size=(20000, 50))
    assert metrics.hoyer(z, normalise=False).score == pytest.approx(0.2307, abs=1e-3)
    assert metrics.hoyer(z).score == pytest.approx(0.2307, abs=1e-3)


def random_codes(seed, n=120, dims=3):
    """Codes that tell something of the factors, and the factors."""
    random = np.random.default_rng(seed)
    factors = random.integers(0, 3, (n, 2))
    codes = random.normal(size=(n, dims)) + factors @ random.normal(size=(2, dims))
    return codes, factors, random


@few
@given(seed=seeds)
def test_the_order_of_codes_does_not_matter(seed):
    codes, factors, random = random_codes(seed)
    order = random.permutation(3)
    for metric in (
        metrics.mig_from_codes,
        metrics.modularity_from_codes,
        metrics.irs_from_codes,
        lambda z, y: metrics.sap_from_codes(z, y, z, y),
        lambda z, y: metrics.sap_from_codes(z, y, continuous=True),
        lambda z, y: metrics.explicitness_from_codes(z, y, z, y),
        lambda z, y: metrics.factor_vae_mathieu19_from_codes(z, y, num_votes=50, batch_size=20),
        lambda z, y: metrics.unsupervised_from_codes(z),
        lambda z, y: metrics.hoyer(z),
    ):
        assert metric(codes[:, order], factors).score == pytest.approx(metric(codes, factors).score, abs=1e-9)


@few
@given(seed=seeds)
def test_the_scale_and_origin_of_each_code_do_not_matter(seed):
    codes, factors, random = random_codes(seed)
    moved = codes * np.exp(random.normal(size=3)) + random.normal(size=3)
    for metric in (
        metrics.mig_from_codes,
        metrics.modularity_from_codes,
        lambda z, y: metrics.sap_from_codes(z, y, continuous=True),
        lambda z, y: metrics.explicitness_from_codes(z, y, z, y),
        lambda z, y: metrics.factor_vae_mathieu19_from_codes(z, y, num_votes=50, batch_size=20),
        lambda z, y: metrics.unsupervised_from_codes(z),
    ):
        assert metric(moved, factors).score == pytest.approx(metric(codes, factors).score, abs=1e-6)
    assert metrics.irs_from_codes(3 * codes + 1, factors).score == pytest.approx(
        metrics.irs_from_codes(codes, factors).score
    )


@few
@given(seed=seeds)
def test_factor_vae_does_not_see_scale_nor_order(seed):
    random = np.random.default_rng(seed)
    table = random.normal(size=(24, 4)) + FACTORS @ random.normal(size=(3, 4))
    order, scale = random.permutation(4), np.exp(random.normal(size=4))
    options = {"num_train": 60, "num_eval": 30, "prune_below": 0.0}
    plain = metrics.factor_vae(GroundTruth.from_table(table, SIZES), **options)
    other = metrics.factor_vae(GroundTruth.from_table((table * scale + 1)[:, order], SIZES), **options)
    assert other.score == plain.score
    assert np.array_equal(np.array(other.details["votes"]), np.array(plain.details["votes"])[:, order])


@few
@given(seed=seeds, dims=st.integers(2, 6))
def test_hoyer_has_its_range_and_ignores_scale(seed, dims):
    random = np.random.default_rng(seed)
    codes = random.normal(size=(30, dims)) * (random.random((30, dims)) < 0.7)
    scale = np.exp(random.normal(size=dims))
    normalised, plain = metrics.hoyer(codes).score, metrics.hoyer(codes, normalise=False).score
    assert -1e-12 <= normalised <= 1 + 1e-12
    assert -1e-12 <= plain <= 1 + 1e-12
    assert metrics.hoyer(codes * scale).score == pytest.approx(normalised)
    points = np.exp(random.normal(size=(30, 1)))
    assert metrics.hoyer(codes * points, normalise=False).score == pytest.approx(plain)

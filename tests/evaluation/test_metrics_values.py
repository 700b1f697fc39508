"""Each metric against values worked out by hand, or by another and more direct computation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, stats

from minidecomp.errors import OptionError
from minidecomp.evaluation import metrics
from minidecomp.evaluation.dimensions import active_dimensions
from minidecomp.evaluation.metrics import GroundTruth
from minidecomp.evaluation.metrics.explicitness import auc
from minidecomp.evaluation.metrics.sampling import all_factors

few = settings(derandomize=True, deadline=None, max_examples=15, database=None)
seeds = st.integers(0, 2**32 - 1)

H_QUARTER = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
H_THIRD = -(math.log(1 / 3) / 3 + 2 / 3 * math.log(2 / 3))


def test_mig_by_hand():
    y = np.array([[0], [0], [1], [1]])
    z = np.array([[0.0, 0], [1, 0], [1, 1], [1, 1]])
    # I(z_0; y) = H(y) - H(y | z_0), where z_0 = 1 leaves y with odds of 2 to 1; z_1 is y.
    told = math.log(2) - 0.75 * H_THIRD
    scored = metrics.mig_from_codes(z, y)
    assert_allclose(scored.details["mutual_information"], [[told], [math.log(2)]], rtol=1e-14)
    assert scored.score == pytest.approx(0.75 * H_THIRD / math.log(2), rel=1e-14)


def test_modularity_by_hand():
    y = np.array(list(itertools.product([0, 1], [0, 1], [0, 1])))
    # Code 0 is factor 0; code 1 is a mix of factors 0 and 1, each told wholly; code 2 is constant.
    z = np.stack([y[:, 0], 2.0 * y[:, 0] + y[:, 1], np.full(8, 3)], axis=1)
    scored = metrics.modularity_from_codes(z, y)
    assert_allclose(scored.details["modularity"], [1, 1 - 1 / 2, 0], atol=1e-14)
    assert scored.score == pytest.approx(0.5)
    assert scored.details["active"] == [0, 1]


def test_irs_by_hand():
    y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    z = np.array([[0.0, 5, 0], [1, 5, 0], [10, 5, 0], [11, 5, 4]])
    # Code 0: its mean is 5.5; with factor 0 held it moves 0.5, with factor 1 held 5. Code 1 is constant.
    # Code 2: its mean is 1, its largest deviation 3; held at y = 0 it moves 0, at 1 it moves 2: by mean 1.
    scored = metrics.irs_from_codes(z, y)
    assert scored.details["kept"] == [0, 2]
    assert_allclose(scored.details["matrix"], [[1 - 0.5 / 5.5, 1 - 5 / 5.5], [2 / 3, 2 / 3]])
    assert scored.score == pytest.approx((5 + 2) / (5.5 + 3))


def test_irs_quantile_interpolates():
    z = np.array([[0.0], [1], [2], [3], [14]])
    # mean 4, deviations 4 3 2 1 10; at 0.9 of 5 points: 0.6 of the way from 4 to 10
    scored = metrics.irs_from_codes(np.tile(z, (2, 1)), np.repeat([[0], [1]], 5, axis=0), quantile=0.9)
    assert scored.score == pytest.approx(1 - 7.6 / 10)


def exact_gaussian(cov, n=60):
    """Points whose covariance (ddof 1) is cov."""
    z = np.random.default_rng(0).normal(size=(n, len(cov)))
    z -= z.mean(0)
    return z @ np.linalg.inv(np.linalg.cholesky(np.cov(z, rowvar=False))).T @ np.linalg.cholesky(cov).T


def test_unsupervised_by_hand():
    r = 0.6
    details = metrics.unsupervised_from_codes(exact_gaussian(np.array([[1, r], [r, 1]]))).details
    distance = 4 - 2 * (math.sqrt(1 + r) + math.sqrt(1 - r))
    assert details["gaussian_total_correlation"] == pytest.approx(-0.5 * math.log(1 - r**2))
    assert details["gaussian_wasserstein"] == pytest.approx(distance)
    assert details["gaussian_wasserstein_normalised"] == pytest.approx(distance / 2)


def test_unsupervised_by_its_defining_matrices():
    a = np.random.default_rng(3).normal(size=(4, 4))
    cov = a @ a.T + 0.1 * np.eye(4)
    details = metrics.unsupervised_from_codes(exact_gaussian(cov)).details
    total = 0.5 * (np.log(np.diag(cov)).sum() - np.linalg.slogdet(cov)[1])
    distance = 2 * np.trace(cov) - 2 * np.trace(linalg.sqrtm(np.diag(cov)[:, None] * cov)).real
    assert details["gaussian_total_correlation"] == pytest.approx(total)
    assert details["gaussian_wasserstein"] == pytest.approx(distance)


def test_mutual_information_of_codes_by_hand():
    z = np.array([[0.0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]])
    # Codes 0 and 1 are one; code 2 is independent of them: 2 of the 6 ordered pairs tell log 2.
    assert metrics.unsupervised_from_codes(z).details["mutual_information"] == pytest.approx(math.log(2) / 3)


def test_the_codes_that_metrics_call_active_are_the_active_dimensions():
    z = np.array([[0.0, 0, 1], [0.201, 0.199, 1]])  # variances 0.0101, 0.0099, 0; deviations above 0.05
    factors = np.array([[0, 1], [1, 0]])
    for scored in (metrics.unsupervised_from_codes(z), metrics.modularity_from_codes(z, factors)):
        assert scored.details["active"] == active_dimensions(z) == [0]


def test_hoyer_by_hand():
    z = np.array([[3.0, 4], [0, 0], [5, 0], [-2, 2]])
    root = math.sqrt(2)
    by_point = [(root - 7 / 5) / (root - 1), 0, 1, 0]
    scored = metrics.hoyer(z, normalise=False)
    assert scored.score == pytest.approx(sum(by_point) / 4)
    assert scored.details == {"kept": [0, 1], "zero_points": 1}


def test_normalised_hoyer_by_loops():
    z = np.random.default_rng(0).normal(size=(7, 4)) * [1, 5, 0, 0.1] + [0, 1, 2, 0]
    kept = [0, 1, 3]  # code 2 is constant
    deviation = [np.std(z[:, d], ddof=1) for d in kept]
    total = 0.0
    for row in z:
        y = [row[d] / s for d, s in zip(kept, deviation, strict=True)]
        ratio = sum(map(abs, y)) / math.sqrt(sum(v * v for v in y))
        total += (math.sqrt(3) - ratio) / (math.sqrt(3) - 1)
    scored = metrics.hoyer(z)
    assert scored.score == pytest.approx(total / 7)
    assert scored.details == {"kept": kept, "zero_points": 0}


def test_hoyer_with_one_code_left_is_0():
    z = np.array([[1.0, 2], [3, 2], [0, 2]])
    assert metrics.hoyer(z).score == 0


def test_squared_correlation_by_numpy():
    random = np.random.default_rng(0)
    y = random.integers(0, 5, (50, 2))
    z = random.normal(size=(50, 3)) + y @ random.normal(size=(2, 3))
    z = np.concatenate([z, 1e-7 * z[:, :1]], axis=1)  # too small a variance to count
    scored = metrics.sap_from_codes(z, y, continuous=True)
    expected = np.corrcoef(z.T, y.T)[:4, 4:] ** 2
    expected[3] = 0
    assert_allclose(scored.details["matrix"], expected, rtol=1e-12)
    top = np.sort(expected, axis=0)
    assert scored.score == pytest.approx(np.mean(top[-1] - top[-2]))


@few
@given(seed=seeds, n=st.integers(2, 30))
def test_auc_counts_pairs(seed, n):
    random = np.random.default_rng(seed)
    scores, positive = random.integers(0, 6, n) / 6, random.permutation(np.arange(n) % 2 == 0)
    pairs = [(s > t) + 0.5 * (s == t) for s in scores[positive] for t in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))


def votes_by_loops(truth, seed, batch, train, fresh, points, threshold):
    """FactorVAE's votes in lists, from the protocol's text."""
    random = np.random.RandomState(seed)

    def draw(n):
        columns = [random.randint(size, size=n) for size in truth.factor_sizes]
        return np.array(columns).T

    variance = [stats.tvar(column) for column in truth.represent(draw(points)).T]
    active = [d for d, v in enumerate(variance) if math.sqrt(v) >= threshold]

    def vote():
        held = random.randint(len(truth.factor_sizes))
        factors = draw(batch)
        factors[:, held] = factors[0, held]
        codes = truth.represent(factors)
        ratio = [stats.tvar(codes[:, d]) / variance[d] for d in active]
        return held, ratio.index(min(ratio))

    return active, [vote() for _ in range(train)], [vote() for _ in range(fresh)]


@pytest.mark.parametrize("seed", [0, 4])
def test_factor_vae_by_loops(seed):
    sizes = (3, 4, 2)
    table = np.random.default_rng(seed).normal(size=(24, 4)) * [1, 1, 0.01, 1]
    table += 2 * all_factors(sizes)[:, [0, 1, 2, 1]] * [1, 0.3, 0, 0.5]
    table[:, 3] *= 0.06  # a deviation above 0.05, a variance below
    truth = GroundTruth.from_table(table, sizes)
    active, train, fresh = votes_by_loops(truth, seed, 6, 300, 80, 40, 0.05)
    scored = metrics.factor_vae(truth, seed=seed, batch_size=6, num_train=300, num_eval=80, num_variance_estimate=40)
    assert scored.details["kept"] == active == [0, 1, 3]
    expected = [[train.count((k, d)) for d in range(3)] for k in range(3)]
    assert scored.details["votes"] == expected
    guess = [max(range(3), key=lambda k: (expected[k][d], -k)) for d in range(3)]
    assert scored.score == sum(guess[d] == k for k, d in fresh) / 80
    assert scored.details["train_accuracy"] == sum(guess[d] == k for k, d in train) / 300


def test_mathieu19_by_loops():
    random = np.random.default_rng(2)
    factors = random.integers(0, 3, (40, 2)) * 5
    codes = random.normal(size=(40, 3)) + factors @ random.normal(size=(2, 3)) / 9
    codes[:, 1] = 7.0
    scored = metrics.factor_vae_mathieu19_from_codes(codes, factors, seed=3, num_votes=200, batch_size=10)

    random, votes = np.random.default_rng(3), np.zeros((3, 2), int)
    for _ in range(200):
        k = random.integers(2)
        value = sorted(set(factors[:, k].tolist()))[random.integers(3)]
        rows = [i for i in range(40) if factors[i, k] == value]
        if len(rows) > 10:
            rows = [rows[i] for i in random.choice(len(rows), 10, replace=False, shuffle=False)]
        spread = {d: stats.tvar(codes[rows, d]) / stats.tvar(codes[:, d]) for d in (0, 2)}
        votes[min(spread, key=spread.get), k] += 1
    assert_array_equal(scored.details["votes"], votes)
    assert scored.score == votes.max(1).sum() / 200


# From mpmath with 60 digits: sqrt(2) erfinv(2 F(t) - 1).
QUANTILES = [
    (9, 1e-9, 9.726592741215884e-10),
    (9, 0.5, 0.4830344158699858),
    (9, 5.0, 3.3746977942210634),
    (9, 1e10, 19.772942393494873),
    (9, 1e40, 40.40964678418622),
    (1, 0.5, 0.378804878070813),
    (1, 1e69, 17.676467594242624),
    (100, 1e3, 30.312189596200028),
    (100, 1e40, 133.996187115127),
    (1000, 55.0, 37.308287903965978),
    (1e6, 60.0, 59.9460900634996),
]


@pytest.mark.parametrize(("df", "t", "x"), QUANTILES)
def test_gaussian_quantiles(df, t, x):
    assert_allclose(metrics.gaussian_quantiles([[t, -t, 0.0]], df)[0], [x, -x, 0], rtol=1e-11)


def test_gaussian_quantiles_by_scipy():
    z = np.random.default_rng(0).normal(size=(50, 2))
    loc, scale = np.array([0.5, -1]), np.array([2, 0.3])
    expected = stats.norm.ppf(stats.t.cdf(z, 4.5, loc, scale))
    assert_allclose(metrics.gaussian_quantiles(z, 4.5, loc, scale), expected, rtol=1e-9)


def test_gaussian_quantiles_are_increasing_and_approach_the_codes():
    t = np.concatenate([-np.logspace(60, -12, 3000), [0], np.logspace(-12, 60, 3000)])[:, None]
    for df in (0.7, 9, 300):
        x = metrics.gaussian_quantiles(t, df)
        assert np.isfinite(x).all()
        assert (np.diff(x[:, 0]) > 0).all()
    near = np.linspace(-4, 4, 9)[:, None]
    assert_allclose(metrics.gaussian_quantiles(near, 1e9), near, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"df": 0}, "df"),
        ({"df": math.inf}, "df"),
        ({"df": math.nan}, "df"),
        ({"df": 9, "scale": 0}, "scale"),
        ({"df": 9, "scale": [1, 1, 1]}, "scale"),
        ({"df": 9, "loc": [math.nan, 0]}, "loc"),
    ],
)
def test_bad_priors_are_refused(options, name):
    with pytest.raises(OptionError, match=name):
        metrics.gaussian_quantiles(np.zeros((3, 2)), **options)

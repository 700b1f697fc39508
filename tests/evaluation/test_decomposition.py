"""Overlap and match, where they are known."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from minidecomp.evaluation.decomposition import _estimate, decomposition, overlap
from minidecomp.terms import priors
from minidecomp.terms.regularisers import mmd

NORMAL = priors.Gaussian(np.zeros(2), np.ones(2))


def values(found):
    return {name: each["value"] for part in ("overlap", "match") for name, each in found[part].items()}


def assert_known(found, expected, least=1e-9):
    for part in ("overlap", "match"):
        for name, estimate in found[part].items():
            if name in expected:
                error = abs(estimate["value"] - expected[name])
                assert error <= 4 * estimate["error"] + least, (name, estimate, expected[name])


def test_every_posterior_is_the_prior():
    """The collapsed model: full overlap, perfect match."""
    found = decomposition(np.zeros((500, 2)), np.ones((500, 2)), NORMAL)
    nothing = (
        "mutual_information",
        "total_correlation",
        "dimension_wise_kl",
        "prior_dependence",
        "kl",
        "mmd",
        "kl-inc",
    )
    assert_known(found, dict.fromkeys(nothing, 0.0) | {"posterior_entropy": 1 + math.log(2 * math.pi)})
    assert found["points"] == 500 and found["samples"] == 2000


def test_encodings_that_do_not_overlap():
    """A lookup table: I(x; z) = log N."""
    angle = 2 * np.pi * np.arange(50) / 50
    loc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = decomposition(loc, np.full((50, 2), 1e-3), NORMAL)
    assert_allclose(values(found)["mutual_information"], math.log(50), rtol=1e-6)
    assert values(found)["kl-inc"] > 100


def test_correlated_gaussian_encodings():
    """loc ~ N(0, C - s^2 I), scale s: q(z) = N(0, C) but for the points being finite."""
    s, c = 0.3, np.array([[1.5, 0.9], [0.9, 0.8]])
    rng = np.random.default_rng(0)
    loc = rng.multivariate_normal([0, 0], c - s**2 * np.eye(2), size=10_000)
    found = decomposition(loc, np.full(loc.shape, s), NORMAL)
    log_det = math.log(np.linalg.det(c))
    kl = 0.5 * (np.trace(c) - 2 - log_det)
    dims = 0.5 * (np.trace(c) - 2 - np.log(np.diag(c)).sum())
    expected = {
        "posterior_entropy": 1 + math.log(2 * math.pi) + 2 * math.log(s),
        "mutual_information": 0.5 * log_det - 2 * math.log(s),
        "total_correlation": kl - dims,
        "dimension_wise_kl": dims,
        "prior_dependence": 0,
        "kl": kl + 0.5 * log_det - 2 * math.log(s),
        "kl-inc": 0.5 * (np.trace(np.linalg.inv(c)) - 2 + log_det),
    }
    assert_known(found, expected, least=0.05)


def test_a_mixtures_dependence_is_the_priors_not_the_codes():
    """Encodings that match a mixture: correlated as it is, but the correlation is the prior's own."""
    loc = priors.ring_of_components(4, 2, 1.0)
    prior = priors.Mixture(loc, np.full((4, 2), 0.2), np.full(4, -math.log(4)))
    found = decomposition(np.tile(loc, (100, 1)), np.full((400, 2), 0.2), prior)
    v = values(found)
    assert_known(found, {"kl-inc": 0.0, "mmd": 0.0, "mutual_information": math.log(4)}, least=1e-3)
    assert v["total_correlation"] > 0.3
    assert_allclose(v["total_correlation"] + v["prior_dependence"] + v["dimension_wise_kl"], 0, atol=1e-9)


def test_the_mmd_of_encodings_that_match_is_zero_on_average():
    """One encoding a component: samples of q(z) share an encoding as often as those of the prior a component."""
    loc = priors.ring_of_components(4, 2, 1.0)
    prior = priors.Mixture(loc, np.full((4, 2), 0.2), np.full(4, -math.log(4)))
    found = [decomposition(loc, np.full((4, 2), 0.2), prior, 500, seed)["match"]["mmd"]["value"] for seed in range(40)]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(len(found)), np.mean(found)


@pytest.mark.parametrize(
    "prior",
    [
        NORMAL,
        priors.StudentT(np.zeros(2), np.ones(2), 5.0),
        priors.Sparse(np.zeros(2), np.ones(2), 0.8, 0.05),
        priors.Mixture(np.array([[0.0, 1], [1, 0]]), np.ones((2, 2)), np.log([0.4, 0.6])),
    ],
    ids=lambda prior: prior.name,
)
def test_the_parts_add_up_to_the_kl(prior):
    rng = np.random.default_rng(1)
    found = decomposition(rng.normal(size=(300, 2)), rng.uniform(0.1, 1, (300, 2)), prior, samples=500)
    v = values(found)
    parts = ("mutual_information", "total_correlation", "dimension_wise_kl", "prior_dependence")
    assert_allclose(sum(v[name] for name in parts), v["kl"], rtol=1e-9)
    assert 0 < v["mutual_information"] < math.log(300)
    if prior.name != "mixture":
        assert abs(v["prior_dependence"]) < 1e-9
    assert decomposition(np.ones((9, 2)), np.ones((9, 2)), prior, 50, 3) == decomposition(
        np.ones((9, 2)), np.ones((9, 2)), prior, 50, 3
    )


def test_many_points_are_thinned():
    found = decomposition(np.zeros((25_000, 1)), np.ones((25_000, 1)), priors.Gaussian(np.zeros(1), np.ones(1)), 20)
    assert found["points"] == 10_000


def test_an_estimates_error_by_hand():
    assert _estimate(np.array([1.0, 3.0])) == {"value": 2.0, "error": pytest.approx(1.0), "largest_share": 0.5}


def test_data_in_turns_are_met_alike():
    """Where classes alternate, equal steps through many points would leave half of them out."""
    i = np.arange(20_000)
    loc, scale = np.stack([i // 5000 - 1.5, 3 * (i % 2 - 0.5)], axis=1), np.full((20_000, 2), 0.1)
    in_turns = decomposition(loc, scale, NORMAL, 400)
    mixed = decomposition(np.random.default_rng(0).permutation(loc), scale, NORMAL, 400)
    for factor in ("overlap", "match"):
        for name, found in in_turns[factor].items():
            other = mixed[factor][name]
            assert abs(found["value"] - other["value"]) < 6 * math.hypot(found["error"], other["error"]) + 0.02, name


@pytest.mark.parametrize(
    ("loc", "scale", "message"),
    [
        (np.zeros((30, 2)), np.ones((29, 2)), "\\(N, D\\) for both"),
        (np.zeros((0, 2)), np.ones((0, 2)), "N of 1 or more"),
        (np.zeros(30), np.ones(30), "\\(N, D\\) for both"),
        (np.full((30, 2), np.nan), np.ones((30, 2)), "must be finite"),
        (np.zeros((30, 2)), np.zeros((30, 2)), "scale above 0"),
    ],
)
def test_what_are_no_posteriors_is_refused(loc, scale, message):
    with pytest.raises(ValueError, match=message):
        decomposition(loc, scale, NORMAL, 40)


def test_errors_are_those_of_as_many_independent_draws():
    """Over few seeds, and to a factor: the slow tests below are the ones that tell small faults."""
    loc, scale = clustered(40)
    found = [decomposition(loc, scale, NORMAL, 60, seed) for seed in range(25)]
    for factor, name in (("overlap", "mutual_information"), ("overlap", "kl"), ("match", "mmd"), ("match", "kl-inc")):
        each = [one[factor][name] for one in found]
        spread = np.std([one["value"] for one in each], ddof=1)
        assert 0.55 < spread / np.mean([one["error"] for one in each]) < 1.6, name


@pytest.mark.parametrize("samples", [0, 1, 19])
def test_fewer_samples_than_its_blocks_need_are_refused(samples):
    with pytest.raises(ValueError, match=f"{samples} samples?; a decomposition needs 20 or more"):
        decomposition(np.zeros((30, 2)), np.ones((30, 2)), NORMAL, samples)
    fewest = values(decomposition(np.zeros((30, 2)), np.ones((30, 2)), NORMAL, 20))
    assert np.isfinite(list(fewest.values())).all()


# ---- by repetition ----

SEEDS = 100
WIDENED = stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975)  # the MMD's error, for its ten blocks


def clustered(points):
    """Encodings in two clusters, narrow beside what lies between them."""
    rng = np.random.default_rng(points)
    loc = rng.normal(scale=0.5, size=(points, 2)) + np.where(rng.random((points, 1)) < 0.5, -1.0, 1.0)
    return loc, rng.uniform(0.1, 0.5, (points, 2))


def mmd_by_a_grid(loc, scale, reach=16.0, count=3201):
    """MMD^2 to N(0, 1), a dimension at a time: the double integral of (q - p)(z) (q - p)(z') k(z - z')."""
    grid = np.linspace(-reach, reach, count)
    step, total = grid[1] - grid[0], 0.0
    kernel = mmd.kernel(grid[:, None] - grid)
    for mu, s in zip(loc.T, scale.T, strict=True):
        q = stats.norm.pdf(grid[:, None], mu, s).mean(1)
        difference = (q - stats.norm.pdf(grid)) * step
        total += difference @ kernel @ difference
    return total


def found_by_seed(loc, scale, samples):
    return [decomposition(loc, scale, NORMAL, samples, seed) for seed in range(SEEDS)]


@pytest.mark.slow
@pytest.mark.parametrize("points", [40, 400])
def test_the_mmd_has_no_bias_and_its_error_covers(points):
    """Held against the double integral. Encodings drawn without replacement were off by 0.01, and covered half."""
    loc, scale = clustered(points)
    exact = mmd_by_a_grid(loc, scale)
    found = [each["match"]["mmd"] for each in found_by_seed(loc, scale, 2000)]
    off = np.array([each["value"] for each in found]) - exact
    error = np.array([each["error"] for each in found])
    assert abs(off.mean()) < 4 * off.std(ddof=1) / math.sqrt(SEEDS) and abs(off.mean()) < 0.05 * exact
    assert 0.88 <= np.mean(np.abs(off) < 1.96 * error) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("points", [100, 1000, 5000])
def test_every_error_is_what_repetition_shows(points):
    """With fewer points than samples, as many, and more."""
    prior = priors.Mixture(np.array([[-1.0, -1], [1, 1]]), np.full((2, 2), 0.6), np.log([0.5, 0.5]))
    loc, scale = clustered(points)
    found = [decomposition(loc, scale, prior, 1000, seed) for seed in range(SEEDS)]
    for part in ("overlap", "match"):
        for name in found[0][part]:
            value, error = (np.array([each[part][name][what] for each in found]) for what in ("value", "error"))
            if name == "posterior_entropy":
                assert np.ptp(value) == 0 and not error.any()
                continue
            ratio = math.sqrt((error**2).mean()) / value.std(ddof=1)
            usual = WIDENED if name == "mmd" else 1
            assert 0.8 < ratio / usual < 1.25, (points, name, ratio)


def test_blocks_of_the_mmd_share_no_draws(monkeypatch):
    """Each draw is in one block: that they come of the same encoding is chance, as in q(z) itself."""
    seen = []
    monkeypatch.setattr(mmd, "value", lambda x, y: float(seen.append((x, y)) or 0.0))
    decomposition(*clustered(5), NORMAL, 200)
    for sample in zip(*seen, strict=True):
        rows = np.concatenate(sample)
        assert len(sample) == 10 and len(np.unique(rows, axis=0)) == len(rows) == 200


def test_overlap_alone_has_the_same_numbers():
    """`overlap` skips the match and nothing else."""
    loc, scale = np.random.default_rng(3).normal(size=(2, 300, 3))
    scale = np.exp(scale)
    prior = priors.Gaussian(np.zeros(3), np.ones(3))
    assert overlap(loc, scale, prior, 200, 4) == decomposition(loc, scale, prior, 200, 4)["overlap"]
    with pytest.raises(ValueError, match="19 samples"):
        overlap(loc, scale, prior, 19)


def test_a_prior_of_another_width_is_refused():
    loc = np.zeros((5, 3))
    with pytest.raises(ValueError, match="the prior has 2 dimensions"):
        decomposition(loc, loc + 1, NORMAL)
    with pytest.raises(TypeError):
        decomposition(loc[:, :2], loc[:, :2] + 1, NORMAL, 20.5)

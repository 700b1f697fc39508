"""How often value ± 1.96 errors covers the true value, by repetition; -s prints the coverages of docs/metrics.md."""

import math
import sys

import numpy as np
import pytest
from exact import Grid, by_integration
from scipy import stats
from scipy.special import logsumexp
from test_marginal import linear_gaussian

from minidecomp.cli.main import main
from minidecomp.data.points import as_numbers
from minidecomp.evaluation.decomposition import decomposition
from minidecomp.evaluation.marginal import marginal_log_likelihood
from minidecomp.evaluation.standard_errors import (
    FEW,
    LARGEST_SHARE,
    coverage,
    largest_share,
    of_few,
    standard_error,
    widened,
)
from minidecomp.runs import checkpoint
from minidecomp.runs.grouping import Group
from minidecomp.sweeps.work import Datasets
from minidecomp.terms import priors

SEEDS = 200
LOW, HIGH = 0.90, 0.99


def covered(value, error, exact):
    return float(np.mean(np.abs(np.asarray(value) - exact) <= 1.96 * np.asarray(error)))


def assert_covers(said, rate):
    print(f"{said}: {rate:.3f}", file=sys.stderr)
    assert LOW <= rate <= HIGH, (said, rate)


# ---- overlap and match ----


def clustered(points):
    rng = np.random.default_rng(points)
    loc = rng.normal(scale=0.5, size=(points, 2)) + np.where(rng.random((points, 1)) < 0.5, -1.0, 1.0)
    return loc, rng.uniform(0.1, 0.5, (points, 2))


def spread(points, dims, scale, seed):
    loc = np.random.default_rng(seed).normal(size=(points, dims))
    return loc, np.full(loc.shape, scale)


def collapsed():
    """One active dimension and one whose posterior is nearly the prior."""
    loc = np.random.default_rng(2).normal(size=(200, 2)) * [0.9, 0.01]
    return loc, np.tile([0.4, 1.0], (200, 1))


def one_mode():
    loc = np.random.default_rng(3).normal([1.5, 0], 0.3, (100, 2))
    return loc, np.full(loc.shape, 0.2)


NORMAL = priors.Gaussian(np.zeros(2), np.ones(2))
MIXTURE = priors.Mixture(np.array([[-1.0, -1], [1, 1]]), np.full((2, 2), 0.6), np.log([0.5, 0.5]))
TWO_MODES = priors.Mixture(np.array([[-1.5, 0], [1.5, 0]]), np.full((2, 2), 0.3), np.log([0.03, 0.97]))
WIDE = Grid.even(7, 0.05)
CASES = {
    "clusters": (*clustered(40), NORMAL, Grid.even(7, 0.04), WIDE),
    "mixture prior": (*clustered(100), MIXTURE, Grid.even(7, 0.04), WIDE),
    "narrow posteriors": (*spread(400, 2, 0.05, 1), NORMAL, Grid.even(7, 0.025), Grid.even(6.5, 0.05)),
    "a collapsed dimension": (*collapsed(), NORMAL, WIDE, WIDE),
    "q misses a rare mode of p": (*one_mode(), TWO_MODES, Grid.even(5, 0.04), Grid.even(5, 0.04)),
}


def line(prior, scale, reach=1.0):
    """Encodings of which a fifth reach as far as the prior, and the others ``reach`` times as far."""
    loc, scale = spread(100, 1, scale, 4)
    loc[np.arange(100) % 5 != 0] *= reach
    return loc, scale, prior, Grid.even(12, 0.01), Grid.wide(1e7, 0.001)


HEAVY = {  # whose KL(p || q) has an error that is too small
    "Student-t prior, df 9": line(priors.StudentT(np.zeros(1), np.ones(1), 9.0), 0.5),
    "Student-t prior, df 5": line(priors.StudentT(np.zeros(1), np.ones(1), 5.0), 0.5),
    "q misses the tails of a spike-and-slab prior": line(priors.Sparse(np.zeros(1), np.ones(1), 0.8, 0.05), 0.1, 0.02),
}


def over_seeds(case):
    """By name: the exact value, and the values, errors and largest shares over seeds."""
    loc, scale, prior, of_q, of_p = case
    exact = by_integration(loc, scale, prior, of_q, of_p)
    found = [decomposition(loc, scale, prior, seed=seed) for seed in range(SEEDS)]
    return {
        name: (exact[name], *(np.array([each[part][name].get(of, 0.0) for each in found]) for of in KEYS))
        for part in ("overlap", "match")
        for name in found[0][part]
    }


KEYS = ("value", "error", "largest_share")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CASES, *HEAVY])
def test_the_errors_of_overlap_and_match_cover(name):
    """Where they do not, the note that the error is a guess is there in most seeds."""
    for part, (exact, value, error, share) in over_seeds((CASES | HEAVY)[name]).items():
        if not error.any():  # exact: the posterior's entropy, and what is 0 for every sample
            assert np.abs(value - exact).max() < 1e-6, (part, exact)
            continue
        rate, guesses = covered(value, error, exact), float(np.mean(share > LARGEST_SHARE))
        print(f"{name}: {part}: {rate:.3f}, a guess in {guesses:.2f}", file=sys.stderr)
        if part == "kl-inc" and name in HEAVY:
            assert 0.8 <= rate <= HIGH and guesses > 0.7, (part, rate, guesses)
        else:
            assert LOW <= rate <= HIGH, (part, rate)


# ---- marginal log-likelihood ----


@pytest.mark.slow
@pytest.mark.parametrize(("points", "samples"), [(50, 100), (200, 100), (200, 400)])
def test_the_sampling_error_covers_once_the_bias_is_added(points, samples):
    """log p(x) of these same points; without the bias, which more points do not lower, the error covers less often."""
    vae, marginal = linear_gaussian("exact")
    x = np.ascontiguousarray(marginal.rvs(points, random_state=2))
    exact = marginal.logpdf(x).mean()
    found = [marginal_log_likelihood(vae, x, samples, seed) for seed in range(SEEDS)]
    mean, error, bias = (np.array([getattr(f, of) for f in found]) for of in ("mean", "sampling_error", "bias"))
    print(f"{points} points, {samples} samples, as it is: {covered(mean, error, exact):.3f}", file=sys.stderr)
    assert_covers(f"{points} points, {samples} samples, and the bias", covered(mean + bias, error, exact))


@pytest.mark.slow
def test_a_curved_model_is_far_from_covered_and_says_that_it_is_a_guess(tmp_path):
    """The pinwheel's model with beta 1, alpha 0: log p(x) by the trapezoidal rule, log int p(x|z) p(z) dz, in 2-D."""
    run = str(tmp_path / "run")
    assert main(["train", "--prior", "mixture", "--beta", "1", "--alpha", "0", "--no-plots", "--out", run, "-q"]) == 0
    vae, options = (trained := checkpoint.load(run)).vae, trained.options
    x = as_numbers(Datasets().get(options).test, vae.dtype)[:60]
    side = np.linspace(-3, 3, 401)
    z = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    log_p = vae.current_prior().log_density(z)
    z, log_p = z[log_p > -60].astype(vae.dtype), log_p[log_p > -60]
    output = np.concatenate([vae.decode(z[i : i + 5000]) for i in range(0, len(z), 5000)]).astype(np.float64)
    exact = np.mean([logsumexp(vae.likelihood.value(each, output) + log_p) for each in x.astype(np.float64)])
    exact += 2 * np.log(side[1] - side[0])
    found = [marginal_log_likelihood(vae, x, 1000, seed) for seed in range(40)]
    mean, error, bias = (np.array([getattr(f, of) for f in found]) for of in ("mean", "sampling_error", "bias"))
    print(f"a curved model: {covered(mean + bias, error, exact):.3f}, {exact - mean.mean():.3f}", file=sys.stderr)
    assert covered(mean + bias, error, exact) < 0.5 and 0.01 < exact - mean.mean() < 0.1
    assert all(each.dominated for each in found)


@pytest.mark.slow
def test_the_error_over_points_covers_the_mean_of_all_points():
    """Each repetition has other test points; E log p(x) = -entropy of the marginal."""
    vae, marginal = linear_gaussian("exact")
    found = []
    for seed in range(SEEDS):
        x = np.ascontiguousarray(marginal.rvs(60, random_state=seed))
        found.append(marginal_log_likelihood(vae, x, 200, seed))
    mean, error = (np.array([getattr(f, of) for f in found]) for of in ("mean", "standard_error"))
    assert_covers("marginal log-likelihood, over points", covered(mean, error, -marginal.entropy()))


def test_a_bad_posterior_is_seen_by_its_dominated_points():
    """The effective samples of an untrained encoder are many on average, and yet the bound is far too low."""
    vae, marginal = linear_gaussian("random")
    x = np.ascontiguousarray(marginal.rvs(100, random_state=2))
    bad = marginal_log_likelihood(vae, x, 200)
    gap = marginal.logpdf(x).mean() - bad.mean
    assert bad.effective_samples > 20 and gap > 10 * bad.sampling_error and gap > 3 * bad.bias
    assert bad.dominated > 20
    vae, marginal = linear_gaussian("exact")
    good = marginal_log_likelihood(vae, np.ascontiguousarray(marginal.rvs(100, random_state=2)), 1000)
    assert good.dominated == 0 and 0 < good.bias < good.sampling_error


# ---- means over seeds ----


@pytest.mark.parametrize("count", [2, 3, 5, 10, 30])
def test_means_over_seeds_cover_as_often_as_the_sentence_says(count):
    """`table --by`: normal values, 4000 groups."""
    values = np.random.default_rng(count).normal(size=(4000, count))
    means = [Group({}, [{"kl": value} for value in row]).mean("kl") for row in values.tolist()]
    rate = covered([each.value for each in means], [each.error for each in means], 0)
    print(f"{count} seeds: {rate:.3f}", file=sys.stderr)
    assert abs(rate - coverage(count)) < 4 * math.sqrt(0.25 / 4000)
    assert (rate < LOW) == (count in (2, 3, 5)) == bool(of_few([count], "seed"))


def test_what_is_few():
    assert of_few([1, 2, 5], "seed") == (
        "errors are a guess: with 2 seeds, ± 2 standard errors contain the true mean in 70 % of cases, not 95 %"
    )
    assert "± 1 standard error contains the true mean in 50 % of cases, not 68 %" in of_few([2], "seed", 1)
    assert of_few([1, FEW, 200], "seed") == of_few([], "seed") == of_few([1], "seed") == ""
    assert coverage(FEW) > LOW > coverage(5)


def test_an_error_of_ten_blocks_is_widened_to_students_quantile():
    values = np.random.default_rng(0).normal(size=10)
    ratio = widened(values) / standard_error(values)
    assert ratio == pytest.approx(stats.t.ppf(0.975, 9) / stats.norm.ppf(0.975), rel=1e-6)
    assert coverage(10, 1.959964 * ratio) == pytest.approx(0.95, abs=1e-6)


def test_the_largest_share():
    assert largest_share(np.array([1.0, 1, 1, 5])) == pytest.approx(9 / 12)
    assert largest_share(np.ones(3)) == 0
    assert largest_share(np.array([1, np.inf])) == largest_share(np.array([1, 1e200])) == 1

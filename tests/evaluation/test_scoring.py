"""Which metrics are chosen, and what they are given."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidecomp import packages
from minidecomp.data.dataset import Grid
from minidecomp.errors import MinidecompError, OptionError
from minidecomp.evaluation import metrics, scoring
from minidecomp.evaluation.dimensions import active_dimensions
from minidecomp.terms import priors

QUICK = ["factor_vae", "factor_vae_mathieu19", "beta_vae", "mig", "sap", "modularity", "explicitness", "irs"]
FREE = ["unsupervised", "hoyer", "hoyer_plain"]


def drawn(count):
    """So many factors that can be drawn at will."""
    return metrics.KnownFactors.drawn([f"f{i}" for i in range(count)], [2] * count)


@pytest.mark.parametrize(
    ("wanted", "factors", "latent_dim", "expected"),
    [
        ("", 5, 10, ["factor_vae"]),
        ("", 0, 10, FREE),
        ("", 0, 1, []),
        ("", 1, 2, ["mig", "sap", "explicitness", "irs", *FREE]),
        ("all", 5, 10, QUICK + FREE),
        ("all", 5, 1, ["factor_vae", "factor_vae_mathieu19", "beta_vae", "modularity", "explicitness", "irs"]),
        ("none", 5, 10, []),
        ("mig, irs,mig,", 5, 10, ["mig", "irs"]),
    ],
)
def test_choice(wanted, factors, latent_dim, expected):
    assert scoring.choose(wanted, drawn(factors), latent_dim) == expected


@pytest.mark.parametrize(
    ("wanted", "factors", "latent_dim", "why"),
    [
        ("migg", 5, 10, "there is no such metric; did you mean 'mig'?"),
        ("mig", 0, 10, "it needs data with known factors that vary; possible here: all, none, unsupervised"),
        ("factor_vae", 1, 10, "it needs two factors that vary"),
        ("hoyer", 0, 1, "it needs two latent dimensions; possible here: all, none"),
    ],
)
def test_no_choice(wanted, factors, latent_dim, why):
    with pytest.raises(OptionError) as caught:
        scoring.choose(wanted, drawn(factors), latent_dim)
    assert str(caught.value).startswith(f"metrics={wanted}: {why}")


def test_dci_without_scikit_learn_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MinidecompError, match=r"pip install .scikit-learn"):
        scoring.choose("mig,dci", drawn(5), 10)


def test_a_factor_of_one_value_is_left_out():
    values = (np.array([1.0, 2, 3]), np.array([0.5]), np.array([0.0, 1]))
    grid = Grid(("shape", "scale", "posX"), values, np.zeros((6, 1)))
    assert metrics.KnownFactors.drawn(grid.names, grid.sizes).sizes == {"shape": 3, "posX": 2}
    truth = scoring.ground_truth(np.arange(6.0)[:, None], grid)
    assert truth.factor_sizes == (3, 2)
    assert truth.represent(np.array([[2, 1], [1, 0]])).ravel().tolist() == [5, 2]


def test_scores_come_one_by_one():
    seen = []
    codes = np.random.default_rng(0).normal(size=(50, 3))
    found = scoring.scores(FREE, codes, None, 0, seen.append, lambda name, score: seen.append(score.score))
    assert seen == [part for name in FREE for part in (name, found[name].score)]


def test_students_codes_become_gaussian_in_their_own_units():
    prior = priors.StudentT(np.array([0.5, -1]), np.array([0.1, 2.0]), 3.0)
    uniform = (np.arange(999) + 0.5) / 999
    from scipy import stats

    codes = np.stack([stats.t(3, 0.5, 0.1).ppf(uniform), stats.t(3, -1, 2).ppf(uniform)], axis=1)
    expected = np.stack([stats.norm(0.5, 0.1).ppf(uniform), stats.norm(-1, 2).ppf(uniform)], axis=1)
    assert_allclose(scoring.gaussian_codes(codes, prior), expected, rtol=1e-9)
    assert metrics.gaussian_quantiles(codes, 3.0, prior.loc, prior.scale).std(0) == pytest.approx([1, 1], abs=0.01)


def test_active_means_a_variance_above_one_hundredth():
    loc = np.array([[-1.0, -1.0], [1.0, 1.0]]) * np.sqrt([0.0101, 0.0099])
    assert active_dimensions(loc) == [0]

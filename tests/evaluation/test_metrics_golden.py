"""Golden numbers: one representation of dSprites' factors, scored by disentanglement_lib's own protocol."""

from __future__ import annotations

import json
import warnings

import golden_codes
import numpy as np
import pytest

from minidecomp.evaluation import metrics
from minidecomp.evaluation.metrics import logistic
from minidecomp.evaluation.metrics.beta_vae import _points
from minidecomp.evaluation.metrics.sampling import draw_points, legacy_random

# Exact: what disentanglement_lib with numpy and scikit-learn of two versions gave, to all digits noted.
EXACT = {
    "mig": 0.1087947046106,
    "modularity": 0.8969920461054,
    "irs": 0.4807912104,
    "unsupervised": 3.0859445342,
}


@pytest.fixture(scope="module")
def truth():
    return metrics.GroundTruth.from_table(golden_codes.table(), golden_codes.SIZES)


@pytest.mark.parametrize("name", EXACT)
def test_exact_scores(truth, name):
    scored = getattr(metrics, name)(truth)
    assert scored.score == pytest.approx(EXACT[name], abs=1e-10)
    assert (scored.seed, scored.samples) == (0, {"train": 10000})


def test_unsupervised_details(truth):
    details = metrics.unsupervised(truth).details
    assert details["gaussian_total_correlation"] == pytest.approx(3.0859445342, abs=1e-10)
    assert details["gaussian_wasserstein"] == pytest.approx(0.2050086148, abs=1e-10)
    assert details["mutual_information"] == pytest.approx(0.0785854720, abs=1e-10)
    assert details["active"] == list(range(7))


def test_bins_move_mig(truth):
    scores = [metrics.mig(truth, bins=bins).score for bins in (10, 20, 40, 100)]
    assert np.round(scores, 4).tolist() == [0.1068, 0.1088, 0.1085, 0.1055]


def test_sap(truth):
    assert metrics.sap(truth, continuous=True).score == pytest.approx(0.2702596972, abs=1e-10)
    assert metrics.sap(truth).score == pytest.approx(0.05188, abs=1e-12)


@pytest.mark.parametrize(
    ("threshold", "score", "kept"), [(0.05, 0.9534, 7), pytest.param(0.0, 0.9876, 10, marks=pytest.mark.slow)]
)
def test_factor_vae(truth, threshold, score, kept):
    scored = metrics.factor_vae(truth, prune_below=threshold)
    assert scored.score == score
    assert len(scored.details["kept"]) == kept
    assert f"{threshold:g}" in scored.definition


@pytest.mark.slow
def test_explicitness(truth):
    scored = metrics.explicitness(truth)
    assert scored.score == pytest.approx(0.9105914133, abs=1e-6)
    assert scored.samples == {"train": 10000, "test": 5000}


@pytest.mark.slow
def test_beta_vae(truth):
    assert metrics.beta_vae(truth).score == 0.9770


@pytest.mark.slow
def test_mathieu19_on_all_points(truth):
    scored = metrics.factor_vae_mathieu19(truth, num_votes=2000)
    assert scored.score >= 0.999
    assert scored.samples == {"points": 737280, "votes": 2000, "batch": 1000}
    assert sum(map(sum, scored.details["votes"])) == 2000


@pytest.mark.slow
def test_mathieu19_of_its_full_size(truth):
    assert metrics.factor_vae_mathieu19(truth).score == pytest.approx(1.0, abs=2e-4)


@pytest.mark.slow
def test_dci_within_the_noise_of_its_trees(truth):
    pytest.importorskip("sklearn")
    scored = metrics.dci(truth, num_train=1000, num_test=500)
    assert scored.details["disentanglement"] == pytest.approx(0.1722, abs=0.002)
    assert scored.details["completeness"] == pytest.approx(0.1427, abs=0.002)
    json.dumps(scored.as_dict(), allow_nan=False)


@pytest.mark.slow
def test_predictions_are_those_of_scikit_learn(truth):
    """At full size and small tolerances: BetaVAE's to the point, SAP's but for a point or two on a border."""
    linear_model, svm = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.svm")
    random = legacy_random(0)
    (x, held), (fresh, _) = _points(truth, 10000, 64, random), _points(truth, 5000, 64, random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its line search cannot get any lower
        model = linear_model.LogisticRegression(solver="newton-cg", tol=1e-10, max_iter=10000).fit(x, held)
    p = logistic.probabilities(fresh, logistic.fit(x, held, 5))
    np.testing.assert_allclose(p, model.predict_proba(fresh), atol=1e-5)
    np.testing.assert_array_equal(p.argmax(1), model.predict(fresh))

    random = legacy_random(0)
    (z, y), (test_z, test_y) = draw_points(truth, 10000, random), draw_points(truth, 5000, random)
    matrix = np.array(metrics.sap_from_codes(z, y, test_z, test_y).details["matrix"])
    options = {"C": 0.01, "class_weight": "balanced", "dual": False, "tol": 1e-9, "max_iter": 100000}
    for i, j in np.ndindex(matrix.shape):
        model = svm.LinearSVC(**options).fit(z[:, [i]], y[:, j])
        assert model.score(test_z[:, [i]], test_y[:, j]) == pytest.approx(matrix[i, j], abs=4.1e-4)


def test_a_table_scores_as_the_formula_does(truth):
    by_formula = metrics.GroundTruth(golden_codes.SIZES, golden_codes.codes)
    ours, theirs = (draw_points(each, 50, legacy_random(3)) for each in (truth, by_formula))
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[0], theirs[0], rtol=0, atol=1e-12)

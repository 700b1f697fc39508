"""The solvers behind SAP, explicitness and BetaVAE, and DCI, against scipy's optimisers and scikit-learn."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, special

from minidecomp.errors import MinidecompError
from minidecomp.evaluation import metrics
from minidecomp.evaluation.metrics import GroundTruth, logistic
from minidecomp.evaluation.metrics.beta_vae import _points
from minidecomp.evaluation.metrics.dci import completeness, disentanglement
from minidecomp.evaluation.metrics.sampling import all_factors, legacy_random
from minidecomp.evaluation.metrics.sap import COST, fit_machine

SIZES = (3, 4, 2)


def problem(classes, n=300, dims=4, seed=0):
    """Points (n, D) of overlapping classes with unequal counts, and labels."""
    random = np.random.default_rng(seed)
    labels = np.minimum(random.geometric(0.4, n) - 1, classes - 1)
    labels[:classes] = np.arange(classes)
    return random.normal(size=(n, dims)) + random.normal(size=(classes, dims))[labels], labels


def logistic_loss(w, x, labels, classes):
    """The objective and its gradient, written with scipy; two classes have one vector, as is the custom."""
    if classes == 2:
        score, t = x @ w[:-1] + w[-1], 2 * labels - 1
        pull = -t * special.expit(-t * score)
        value = np.logaddexp(0, -t * score).sum() + 0.5 * w[:-1] @ w[:-1]
        return value, np.append(x.T @ pull + w[:-1], pull.sum())
    w = w.reshape(-1, classes)
    score = x @ w[:-1] + w[-1]
    pull = special.softmax(score, axis=1) - np.eye(classes)[labels]
    value = -special.log_softmax(score, axis=1)[np.arange(len(x)), labels].sum() + 0.5 * (w[:-1] ** 2).sum()
    return value, np.vstack([x.T @ pull + w[:-1], pull.sum(0)]).ravel()


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_logistic_regression_is_at_its_optimum(classes):
    x, labels = problem(classes)
    w = logistic.fit(x, labels, classes)
    flat = w[:, 1] - w[:, 0] if classes == 2 else w.ravel()
    assert np.abs(logistic_loss(flat, x, labels, classes)[1]).max() <= 1e-7
    found = optimize.minimize(logistic_loss, 0 * flat, (x, labels, classes), "BFGS", jac=True, options={"gtol": 1e-6}).x
    p = logistic.probabilities(x, w)
    if classes == 2:
        assert_allclose(p[:, 1], special.expit(x @ found[:-1] + found[-1]), atol=1e-7)
    else:
        found = found.reshape(-1, classes)
        assert_allclose(p, special.softmax(x @ found[:-1] + found[-1], axis=1), atol=1e-7)


@pytest.mark.parametrize("scale", [1e-8, 1e6])
def test_logistic_regression_of_separate_classes(scale):
    x = scale * np.repeat([[0.0, 0], [1, 0], [0, 1]], 10, axis=0)
    labels = np.repeat(np.arange(3), 10)
    w = logistic.fit(x, labels, 3)
    assert np.isfinite(w).all()
    assert (np.argmax(logistic.with_ones(x) @ w, 1) == labels).all()


def machine_loss(v, z, t, k):
    slack = np.maximum(0, 1 - t * (v[0] * z + v[1]))
    pull = -2 * COST * k * slack * t
    return 0.5 * v @ v + COST * (k * slack**2).sum(), v + np.array([(pull * z).sum(), pull.sum()])


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize(("scale", "offset"), [(1, 0), (1e-3, 0), (1e3, 0), (1, 50)])
def test_machines_are_at_their_optimum(classes, scale, offset):
    x, labels = problem(classes, dims=1, seed=1)
    z = scale * x[:, 0] + offset
    w, b = fit_machine(z, labels, classes)
    for c in range(classes):
        t = np.where(labels == c, 1.0, -1)
        count = np.bincount(labels)
        balanced = len(z) / (classes * count[labels])
        k = balanced if classes == 2 else np.where(labels == c, balanced, 1)
        value, gradient = machine_loss(np.array([w[c], b[c]]), z, t, k)
        size = COST * (k * (1 + np.abs(z))).sum()
        assert np.abs(gradient).max() <= 1e-9 * size
        for step in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]):
            assert machine_loss(np.array([w[c], b[c]]) + np.array(step) / scale, z, t, k)[0] > value


def test_beta_vae_points_by_loops():
    truth = GroundTruth(SIZES, lambda f: np.sin(f @ np.arange(1, 7).reshape(3, 2)))
    x, held = _points(truth, 140, 5, legacy_random(9))
    random = np.random.RandomState(9)
    for row, k in zip(x, held, strict=True):
        assert k == random.randint(3)
        first, second = (np.array([random.randint(s, size=5) for s in SIZES]).T for _ in range(2))
        second[:, k] = first[:, k]
        assert_allclose(row, np.mean(np.abs(truth.represent(first) - truth.represent(second)), axis=0))


def test_disentanglement_and_completeness_by_hand():
    half = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert disentanglement(np.eye(3)) == pytest.approx(1)
    assert disentanglement(np.ones((3, 3))) == pytest.approx(0, abs=1e-12)
    assert disentanglement(np.array([[0.75, 0.25], [0.25, 0.75]])) == pytest.approx(1 - half)
    # Code 0 carries 3/4 of the weight, half of it for each factor; code 1 the rest, all for factor 0.
    table = np.array([[0.75, 0.75], [0.5, 0]])
    assert disentanglement(table) == pytest.approx(0.25, abs=1e-8)
    share = 0.75 / 1.25
    told = 1 + share * np.log2(share) + (1 - share) * np.log2(1 - share)
    assert completeness(table) == pytest.approx((1.25 * told + 0.75) / 2, abs=1e-8)
    assert disentanglement(np.zeros((2, 3))) == pytest.approx(0, abs=1e-12)
    assert disentanglement(np.ones((3, 1))) == pytest.approx(1)


def test_dci_without_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    factors = all_factors(SIZES)
    with pytest.raises(MinidecompError, match=r"pip install .scikit-learn"):
        metrics.dci_from_codes(factors, factors, factors, factors)


def test_dci_of_ideal_and_random_codes():
    pytest.importorskip("sklearn")
    factors = np.tile(all_factors((2, 3)), (8, 1))
    ideal = metrics.dci_from_codes(factors, factors, factors, factors)
    for name in ("disentanglement", "completeness", "informativeness_train", "informativeness_test"):
        assert ideal.details[name] == pytest.approx(1, abs=1e-6)
    assert ideal.seed == 0
    noise = np.random.default_rng(0).normal(size=(96, 3))
    first = metrics.dci_from_codes(noise[:48], factors, noise[48:], factors, random_state=5)
    assert first == metrics.dci_from_codes(noise[:48], factors, noise[48:], factors, random_state=5)
    assert first.score < 0.3
    assert first.details["informativeness_test"] < 0.7


@pytest.mark.parametrize("classes", [2, 5])
def test_logistic_regression_is_that_of_scikit_learn(classes):
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, labels = problem(classes, n=800)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that its line search cannot get any lower
        model = linear_model.LogisticRegression(solver="newton-cg", tol=1e-10, max_iter=10000).fit(x, labels)
    w = logistic.fit(x, labels, classes)
    assert_allclose(logistic.probabilities(x, w), model.predict_proba(x), atol=1e-6)
    assert_array_equal(np.argmax(logistic.probabilities(x, w), axis=1), model.predict(x))


@pytest.mark.parametrize("classes", [2, 5])
def test_machines_are_those_of_liblinear(classes):
    svm = pytest.importorskip("sklearn.svm")
    x, labels = problem(classes, n=800, dims=1)
    options = {"C": COST, "class_weight": "balanced", "dual": False, "tol": 1e-10, "max_iter": 100000}
    model = svm.LinearSVC(**options).fit(x, labels)
    w, b = fit_machine(x[:, 0], labels, classes)
    first = 1 if classes == 2 else 0  # of two classes it keeps the second
    assert_allclose(w[first:], model.coef_[:, 0], rtol=1e-6, atol=1e-9)
    assert_allclose(b[first:], model.intercept_, rtol=1e-6, atol=1e-9)
    assert_array_equal(np.argmax(x * w + b, axis=1), model.predict(x))


def test_explicitness_is_that_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    random = np.random.default_rng(0)
    y = random.integers(0, [3, 4], (600, 2))
    z = random.normal(size=(600, 3)) + y @ random.normal(size=(2, 3))
    x = (z - z[:400].mean(0)) / z[:400].std(0)
    areas = []
    for j in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = linear_model.LogisticRegression(solver="newton-cg", tol=1e-10, max_iter=10000).fit(
                x[:400], y[:400, j]
            )
        p = model.predict_proba(x[400:])
        areas.append(roc_auc_score(y[400:, j], p, multi_class="ovr", average="macro"))
    scored = metrics.explicitness_from_codes(z[:400], y[:400], z[400:], y[400:])
    assert scored.details["test"] == pytest.approx(areas, abs=1e-6)
    assert scored.score == pytest.approx(np.mean(areas), abs=1e-6)


def test_values_missing_from_the_test_points_are_left_out():
    y = np.array([[0], [1], [2]] * 10)
    z = np.random.default_rng(0).normal(size=(30, 2)) + y
    kept = y[:, 0] < 2
    scored = metrics.explicitness_from_codes(z, y, z[kept], y[kept])
    assert scored.details["values_left_out"] == 1
    assert 0.5 < scored.score <= 1

"""What the metrics share: draws, bins, mutual information, checks, the result's shape, lazy imports."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidecomp.errors import MinidecompError, OptionError
from minidecomp.evaluation import metrics
from minidecomp.evaluation.metrics import GroundTruth
from minidecomp.evaluation.metrics.arrays import varying
from minidecomp.evaluation.metrics.discrete import discretise, entropy, mutual_information
from minidecomp.evaluation.metrics.sampling import all_factors, codes_of, draw_factors, draw_points, legacy_random

few = settings(derandomize=True, deadline=None, max_examples=25, database=None)
seeds = st.integers(0, 2**32 - 1)

SIZES = (2, 3, 4)
IDEAL = GroundTruth(SIZES, lambda factors: factors * 1.0)
# The ways to call each metric on arrays, with (codes, factors) for training and test where it needs both.
BY_ARRAYS = {
    "mig": lambda z, y: metrics.mig_from_codes(z, y),
    "modularity": lambda z, y: metrics.modularity_from_codes(z, y),
    "explicitness": lambda z, y: metrics.explicitness_from_codes(z, y, z, y),
    "sap": lambda z, y: metrics.sap_from_codes(z, y, z, y),
    "sap continuous": lambda z, y: metrics.sap_from_codes(z, y, continuous=True),
    "irs": lambda z, y: metrics.irs_from_codes(z, y),
    "unsupervised": lambda z, y: metrics.unsupervised_from_codes(z),
    "hoyer": lambda z, y: metrics.hoyer(z),
    "hoyer plain": lambda z, y: metrics.hoyer(z, normalise=False),
    "factor_vae_mathieu19": lambda z, y: metrics.factor_vae_mathieu19_from_codes(z, y, num_votes=50),
}
BY_DRAWS = {
    "mig": lambda truth: metrics.mig(truth, num_train=200),
    "modularity": lambda truth: metrics.modularity(truth, num_train=200),
    "explicitness": lambda truth: metrics.explicitness(truth, num_train=200, num_test=100),
    "sap": lambda truth: metrics.sap(truth, num_train=200, num_test=100),
    "irs": lambda truth: metrics.irs(truth, num_train=200),
    "unsupervised": lambda truth: metrics.unsupervised(truth, num_train=200),
    "beta_vae": lambda truth: metrics.beta_vae(truth, num_train=200, num_eval=100),
    "factor_vae": lambda truth: metrics.factor_vae(truth, num_train=200, num_eval=100),
    "factor_vae_mathieu19": lambda truth: metrics.factor_vae_mathieu19(truth, num_votes=50),
}


def every_number(value):
    """The numbers in nested lists and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for part in value for number in every_number(part)]
    return [] if isinstance(value, str) else [value]


def test_factors_are_drawn_one_after_the_other_in_batches_of_16():
    random = np.random.RandomState(5)
    by_hand = []
    for n in (16, 16, 8):
        columns = [random.randint(size, size=n) for size in SIZES]
        by_hand += list(zip(*columns, strict=True))
    codes, factors = draw_points(IDEAL, 40, legacy_random(5))
    np.testing.assert_array_equal(factors, by_hand)
    np.testing.assert_array_equal(codes, by_hand)
    assert factors.dtype == np.int64
    assert (draw_factors(SIZES, 40, legacy_random(5)) != factors).any()


def test_all_factors_are_in_the_order_of_a_table():
    factors = all_factors(SIZES)
    assert factors.tolist() == [[i, j, k] for i in range(2) for j in range(3) for k in range(4)]
    looked_up = GroundTruth.from_table(np.arange(24.0)[:, None], SIZES)
    assert codes_of(looked_up, factors[[23, 0, 7]]).tolist() == [[23], [0], [7]]


def test_a_float32_table_gives_float64_codes():
    truth = GroundTruth.from_table(all_factors(SIZES).astype(np.float32), SIZES)
    assert codes_of(truth, all_factors(SIZES)).dtype == np.float64


def test_bins_by_hand():
    column = np.array([[0.0], [0.24], [0.25], [0.5], [0.99], [1.0]])
    assert discretise(column, 4).ravel().tolist() == [1, 1, 2, 3, 4, 4]
    assert len(set(discretise(np.full((5, 1), 0.1), 4).ravel())) == 1


@few
@given(seed=seeds)
def test_bins_are_those_of_numpy_histogram(seed):
    row = np.random.default_rng(seed).normal(size=200)
    counts, edges = np.histogram(row, 20)
    bins = discretise(row[:, None])[:, 0]
    np.testing.assert_array_equal(bins, np.digitize(row, edges[:-1]))
    np.testing.assert_array_equal(np.bincount(bins, minlength=21)[1:], counts)


def shannon(values):
    counts = Counter(values).values()
    return -sum(c / len(values) * math.log(c / len(values)) for c in counts)


@few
@given(seed=seeds, n=st.integers(2, 60))
def test_mutual_information_from_three_entropies(seed, n):
    random = np.random.default_rng(seed)
    a, b = random.integers(0, 4, (n, 2)), random.integers(-2, 2, (n, 3))
    information = mutual_information(a, b)
    for i in range(2):
        for j in range(3):
            pair = list(zip(a[:, i].tolist(), b[:, j].tolist(), strict=True))
            expected = shannon(a[:, i].tolist()) + shannon(b[:, j].tolist()) - shannon(pair)
            assert information[i, j] == pytest.approx(expected, abs=1e-13)
    np.testing.assert_allclose(entropy(b), np.diag(mutual_information(b, b)), atol=1e-14)


def test_a_constant_tells_exactly_nothing():
    b = np.arange(7)[:, None] % 3
    assert mutual_information(np.full((7, 1), 0.1), b).item() == 0


def test_varying_ignores_rounding():
    codes = np.stack([np.full(1000, 0.1), np.linspace(0, 1, 1000), np.linspace(0, 1e-300, 1000)], axis=1)
    assert codes[:, 0].var() > 0  # by rounding
    assert varying(codes).tolist() == [False, True, False]


@pytest.mark.parametrize("name", BY_DRAWS)
def test_every_draw_has_the_one_shape_and_repeats(name):
    scored = BY_DRAWS[name](IDEAL)
    assert isinstance(scored, metrics.Score)
    assert json.loads(json.dumps(scored.as_dict(), allow_nan=False)) == scored.as_dict()
    assert scored.seed == 0
    assert "\n" not in scored.definition
    assert scored == BY_DRAWS[name](IDEAL)


def test_numpy_integers_are_integers():
    for name, counts in (
        ("factor_vae", ("num_train", "num_eval", "batch_size", "num_variance_estimate")),
        ("beta_vae", ("num_train", "num_eval", "batch_size")),
        ("factor_vae_mathieu19", ("num_votes", "batch_size")),
        ("sap", ("num_train", "num_test")),
    ):
        options = dict.fromkeys(counts, np.int64(50))
        json.dumps(getattr(metrics, name)(IDEAL, seed=np.int64(1), **options).as_dict())


@pytest.mark.parametrize("name", BY_ARRAYS)
def test_every_array_function_has_the_one_shape(name):
    scored = BY_ARRAYS[name](all_factors(SIZES).astype(np.float32), all_factors(SIZES))
    assert json.loads(json.dumps(scored.as_dict(), allow_nan=False)) == scored.as_dict()
    assert scored.seed == (0 if name == "factor_vae_mathieu19" else None)


@pytest.mark.parametrize("name", BY_ARRAYS)
@pytest.mark.parametrize("kind", ["zero", "one constant", "duplicated", "tiny", "huge", "offset", "two points"])
def test_no_codes_give_nan(name, kind):
    factors = np.tile(all_factors(SIZES), (2, 1))
    codes = np.random.default_rng(0).normal(size=(48, 3))
    match kind:
        case "zero":
            codes[:] = 0
        case "one constant":
            codes[:, 1] = 0.1
        case "duplicated":
            codes[:, 1] = codes[:, 0]
        case "tiny":
            codes *= 1e-200
        case "huge":
            codes[:, 1] *= 1e6
        case "offset":
            codes += 1e4
        case "two points":
            codes, factors = codes[[0, 47]], factors[[0, 47]]
    scored = BY_ARRAYS[name](codes, factors)
    assert np.isfinite(every_number([scored.score, scored.details])).all()


def refuse(call, *parts, error=OptionError):
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, MinidecompError)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("name", BY_ARRAYS)
def test_bad_codes_are_refused(name):
    call, factors = BY_ARRAYS[name], all_factors(SIZES)
    codes = factors * 1.0
    refuse(lambda: call(codes[:, 0], factors), "codes", "(24,)", "(n, D)")
    refuse(lambda: call(codes[:1], factors[:1]), "codes", "(1, 3)")
    refuse(lambda: call(codes[:, :0], factors), "codes", "(24, 0)")
    refuse(lambda: call(codes.astype(str), factors), "codes", "dtype")
    refuse(lambda: call(np.where(factors == 3, np.nan, codes), factors), "codes", "nan in row 3, column 2")
    refuse(lambda: call(codes * 1e300, factors), "codes", "finite")
    if name not in ("unsupervised", "hoyer", "hoyer plain"):
        refuse(lambda: call(codes, factors[:-1]), "factors", "(23, 3)", "(24, F)")
        refuse(lambda: call(codes, factors[:, 0]), "factors", "(24,)")
        refuse(lambda: call(codes, factors.astype(str)), "factors", "dtype")
        refuse(lambda: call(codes, np.where(factors == 3, np.inf, codes)), "factors", "finite")
        least = 2 if name == "modularity" else 1
        refuse(lambda: call(codes, factors * 0), "factors", "in 0 of 3 factors", f"F >= {least} factors that vary")
    if name not in ("irs", "factor_vae_mathieu19", "modularity", "explicitness"):  # for these one is enough
        refuse(lambda: call(codes[:, :1], factors), "codes", "D >= 2")


def test_other_bad_calls_are_refused():
    factors = all_factors(SIZES)
    codes = factors * 1.0
    refuse(lambda: metrics.modularity_from_codes(codes, factors[:, :1]), "factors", "F >= 2")
    refuse(lambda: metrics.modularity_from_codes(codes, factors * [1, 0, 0]), "factors", "in 1 of 3 factors")
    refuse(
        lambda: metrics.explicitness_from_codes(codes, factors, codes, factors * [1, 0, 1]), "test_factors", "one value"
    )
    refuse(lambda: metrics.mig_from_codes(codes, factors, bins=0), "bins", "0")
    refuse(lambda: metrics.irs_from_codes(codes, factors, quantile=1.5), "quantile", "1.5")
    refuse(lambda: metrics.sap_from_codes(codes, factors), "test_codes")
    refuse(lambda: metrics.sap_from_codes(codes, factors, codes[:, :2], factors), "test_codes", "3 columns")
    refuse(lambda: metrics.sap_from_codes(codes, factors, codes, factors[:, :2]), "test_factors", "3 columns")
    z = np.random.default_rng(0).normal(size=(1001, 2))
    for name in ("mig", "modularity", "sap", "explicitness"):
        refuse(lambda name=name: BY_ARRAYS[name](z, z), "factors", "1001 distinct values in factor 0", "1000")
    assert metrics.sap_from_codes(z, z, continuous=True).score > 0.9
    apart = factors + 10
    refuse(
        lambda: metrics.explicitness_from_codes(codes, factors, codes, apart),
        "factor 0",
        error=MinidecompError,
    )

    refuse(lambda: GroundTruth((), IDEAL.represent), "factor_sizes")
    refuse(lambda: GroundTruth((3, 0), IDEAL.represent), "factor_sizes", "0")
    refuse(lambda: GroundTruth.from_table(codes[1:], SIZES), "codes", "(23, 3)", "24 rows")
    refuse(lambda: metrics.mig(GroundTruth(SIZES, lambda f: f[1:])), "represent", "9999")
    refuse(lambda: metrics.mig(GroundTruth(SIZES, lambda f: f[:, 0])), "represent", "(10000,)")
    refuse(lambda: metrics.beta_vae(GroundTruth((3,), IDEAL.represent)), "factors", "2")
    refuse(lambda: metrics.beta_vae(GroundTruth((3, 1), IDEAL.represent)), "factors", "2")
    refuse(lambda: metrics.factor_vae(GroundTruth((1, 1), IDEAL.represent)), "factor_sizes", "(1, 1)")
    for seed in (-1, 2**32, 0.5):
        refuse(lambda seed=seed: metrics.mig(IDEAL, seed=seed), "seed", str(seed))
    refuse(lambda: metrics.mig(IDEAL, num_train=1), "num_train", "1")
    refuse(lambda: metrics.sap(IDEAL, num_test=0), "num_test", "0")
    refuse(lambda: metrics.factor_vae(IDEAL, batch_size=1), "batch_size", "1")
    refuse(lambda: metrics.factor_vae(IDEAL, prune_below=math.nan), "prune_below", "nan")
    refuse(lambda: metrics.factor_vae_mathieu19(IDEAL, num_votes=0), "num_votes", "0")


def test_nothing_heavy_is_imported_before_it_is_needed():
    program = "import sys, minidecomp.evaluation.metrics; print([m for m in ('scipy', 'sklearn') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"

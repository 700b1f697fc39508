"""Metrics of a person's own points, whose factors are known but cannot be drawn at will."""

import csv
import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidecomp import resolve, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.dataset import Dataset, Factors
from minidecomp.data.source import DataSource
from minidecomp.errors import OptionError
from minidecomp.evaluation import metrics, scoring
from minidecomp.evaluation.everything import Listener, Wanted, check_wanted, evaluate
from minidecomp.evaluation.metrics import KnownFactors, LabelledCodes, Metric, Score
from minidecomp.evaluation.metrics.sampling import all_factors
from minidecomp.runs.evaluation_file import read_evaluation, update_evaluation
from minidecomp.variants import DATA_SETS, METRICS

OF_ALL = ["factor_vae", "factor_vae_mathieu19", "mig", "modularity", "irs"]
OF_BOTH_PARTS = ["sap", "explicitness"]
SIZES = (3, 4, 5)


def split(codes, factors, test=0.25, seed=0):
    """Points in random order, the first of them for the test."""
    order = np.random.default_rng(seed).permutation(len(codes))
    held_out, fit = np.split(order, [round(test * len(codes))])
    return LabelledCodes(codes[fit], factors[fit], codes[held_out], factors[held_out])


def entangled(factors, seed=0, noise=0.3):
    """Codes (n, 4): two mix the factors, one has the last, and one is noise alone."""
    random = np.random.default_rng(seed)
    weights = np.array([[1.0, 0.4, 0, 0], [0.3, 1, 0, 0], [0, 0.2, 0.8, 0]])
    return factors @ weights + noise * random.normal(size=(len(factors), 4))


def score(name, points, seed=0):
    return METRICS[name].score(points.test_codes, points, seed)


# ---- the numbers ----


def test_they_are_those_of_the_same_arrays():
    factors = np.tile(all_factors(SIZES), (3, 1))
    points = split(entangled(factors), factors)
    codes = np.concatenate([points.codes, points.test_codes])
    both = np.concatenate([points.factors, points.test_factors])
    arrays = {
        "mig": metrics.mig_from_codes(codes, both),
        "modularity": metrics.modularity_from_codes(codes, both),
        "irs": metrics.irs_from_codes(codes, both),
        "factor_vae": metrics.factor_vae_from_codes(codes, both, seed=3),
        "factor_vae_mathieu19": metrics.factor_vae_mathieu19_from_codes(codes, both, seed=3),
        "sap": metrics.sap_from_codes(points.codes, points.factors, points.test_codes, points.test_factors),
        "explicitness": metrics.explicitness_from_codes(
            points.codes, points.factors, points.test_codes, points.test_factors
        ),
    }
    for name, expected in arrays.items():
        found = score(name, points, seed=3)
        assert found.score == expected.score and expected.details.items() <= found.details.items(), name
        assert found.definition.startswith(expected.definition), name
        if name in OF_ALL:
            assert found.samples == (expected.samples if "points" in expected.samples else {"points": 180}), name
        else:
            assert found.samples == {"train": 135, "test": 45} and found.details["factors"] == [0, 1, 2]


def test_dci_of_both_parts():
    pytest.importorskip("sklearn")
    factors = np.tile(all_factors((2, 3)), (20, 1))
    found = score("dci", split(factors + 0.0, factors), seed=1)
    assert found.score > 0.99 and found.details["informativeness_test"] == 1
    assert found.samples == {"train": 90, "test": 30} and found.seed == 1


def test_codes_that_are_the_factors_score_high_and_shuffled_factors_low():
    random = np.random.default_rng(1)
    factors = np.stack([random.integers(size, size=3000) for size in SIZES], axis=1)
    codes = factors + 0.05 * random.normal(size=(3000, 3))
    ideal, shuffled = split(codes, factors), split(codes, random.permutation(factors))
    for name in ("factor_vae", "factor_vae_mathieu19", "mig", "modularity", "explicitness"):
        assert score(name, ideal).score > 0.95, name
    assert score("sap", ideal).score > 0.3 and score("irs", ideal).score > 0.75
    assert score("mig", shuffled).score < 0.02 and score("sap", shuffled).score < 0.05
    assert score("explicitness", shuffled).score == pytest.approx(0.5, abs=0.05)
    assert score("factor_vae", shuffled).score == pytest.approx(1 / 3, abs=0.06)
    assert score("irs", shuffled).score < score("irs", ideal).score - 0.3


def test_factor_vae_from_a_balanced_grid_is_that_of_its_ground_truth():
    """But for the draws; the batch is small beside the points of a value, so that replacing them hardly matters."""
    sizes = (10, 12, 14)
    factors = all_factors(sizes)
    codes = entangled(factors / np.array(sizes), noise=0.2)
    by_file = metrics.factor_vae_from_codes(codes, factors, batch_size=6)
    by_draws = metrics.factor_vae(metrics.GroundTruth.from_table(codes, sizes), batch_size=6)
    assert 0.5 < by_draws.score < 0.95, "neither chance nor perfect"
    error = np.sqrt(2 * by_draws.score * (1 - by_draws.score) / 5000)
    assert by_file.score == pytest.approx(by_draws.score, abs=4 * error)
    assert by_file.details["kept"] == by_draws.details["kept"]
    share = np.array(by_draws.details["votes"]) / 10000
    assert_allclose(np.array(by_file.details["votes"]) / 10000, share, atol=0.03)
    assert "not disentanglement_lib's number" in by_file.definition


@pytest.mark.parametrize(("equal", "mig"), [(0, 1), (0.5, 0.84), (0.9, 0.5)])
def test_factors_that_go_together_leave_no_gap_whatever_the_codes(equal, mig):
    """The numbers that docs/metrics.md has."""
    random = np.random.default_rng(0)
    a, b, c = (random.integers(size, size=4000) for size in (5, 5, 4))
    factors = np.stack([a, np.where(random.random(4000) < equal, a, b), c], axis=1)
    codes = factors + 0.05 * random.normal(size=factors.shape)
    assert metrics.mig_from_codes(codes, factors).score == pytest.approx(mig, abs=0.02)
    assert metrics.factor_vae_from_codes(codes, factors, num_train=2000, num_eval=1000).score > 0.99


def test_factor_vae_leaves_out_codes_that_hardly_move():
    factors = np.tile(all_factors((3, 3)), (20, 1))
    codes = np.concatenate([factors, 1e-3 * np.random.default_rng(0).normal(size=(180, 1)), np.ones((180, 1))], axis=1)
    assert metrics.factor_vae_from_codes(codes, factors).details["kept"] == [0, 1]
    assert metrics.factor_vae_from_codes(codes, factors, prune_below=0).details["kept"] == [0, 1, 2]
    assert metrics.factor_vae_from_codes(codes * 1e-3, factors).score == 0
    with pytest.raises(OptionError, match="prune_below"):
        metrics.factor_vae_from_codes(codes, factors, prune_below=np.nan)
    with pytest.raises(OptionError, match="batch_size"):
        metrics.factor_vae_from_codes(codes, factors, batch_size=1)


@pytest.mark.parametrize(
    ("of_codes", "factor_axis"), [(metrics.factor_vae_from_codes, 0), (metrics.factor_vae_mathieu19_from_codes, 1)]
)
def test_the_value_of_a_single_point_is_never_held(of_codes, factor_axis):
    """Its variance is 0 in every code: each such vote would go to the first code."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    single = np.concatenate([np.arange(150), np.full(50, 150)])  # 150 values of one point, one of fifty
    factors = np.stack([random.permutation(groups), random.permutation(single)], axis=1)
    codes = np.stack([random.normal(size=200), factors[:, 0] + 0.0, factors[:, 1] + 0.0], axis=1)
    votes = np.array(of_codes(codes, factors).details["votes"]).sum(factor_axis)
    assert votes[0] == 0 and (votes[1:] > 0).all(), "the first code tells of no factor"
    assert of_codes(codes, factors).score == 1
    alone = np.stack([np.arange(200), np.arange(200)], axis=1)
    assert of_codes(codes, alone).score == 0, "nothing can be held"


def test_at_most_ten_thousand_points_are_fitted_and_five_thousand_scored():
    random = np.random.default_rng(0)
    factors = random.integers(2, size=(18000, 2))
    found = score("sap", split(factors + 0.1 * random.normal(size=(18000, 2)), factors, test=1 / 3))
    assert found.samples == {"train": 10000, "test": 5000} and found.score > 0.4
    assert score("mig", split(factors + 0.0, factors)).samples == {"points": 18000}


# ---- what cannot be used ----


def test_only_factors_with_two_values_in_both_parts_are_fitted():
    """Of the second factor the test has one value only, of the third no value that the training points have."""
    random = np.random.default_rng(0)
    factors, test = random.integers(2, size=(60, 3)), random.integers(2, size=(30, 3))
    test[:, 1], test[:, 2] = 0, test[:, 2] + 2
    points = LabelledCodes(factors + 0.0, factors, test + 0.0, test)
    for name in OF_BOTH_PARTS:
        found = score(name, points)
        assert found.details["factors"] == [0], name
    assert KnownFactors.of_points("abc", factors, test).count("in both parts") == 1
    known = KnownFactors.of_points("c", factors[:, 2:], test[:, 2:])
    for name in (*OF_BOTH_PARTS, "dci"):
        assert METRICS[name].lacks(known, 2) == (
            "it needs a factor of which two values are both in the training and in the test points"
        )


def test_a_value_that_the_training_points_do_not_have_counts_as_not_found():
    factors, test = np.tile([[0], [1]], (20, 1)), np.tile([[0], [1], [2], [3]], (5, 1))
    points = LabelledCodes(np.tile(factors, 2) + 0.0, factors, np.tile(test, 2) + 0.0, test)
    assert_allclose(score("sap", points).details["matrix"], [[0.5], [0.5]])
    assert score("explicitness", points).details["values_left_out"] == 0


def test_what_own_points_allow():
    random = np.random.default_rng(0)
    rows = np.arange(1500)
    factors = np.stack([rows, rows % 2, rows % 3, np.zeros(1500, int)], axis=1)
    known = KnownFactors.of_points(("id", "a", "b", "constant"), factors[:1200], factors[1200:])
    assert known.sizes == {"id": 1500, "a": 2, "b": 3} and not known.at_will
    assert METRICS["mig"].lacks(known, 2) == "the factor id has 1500 values, more than 1000, as each is a class"
    assert METRICS["irs"].lacks(known, 1) == "" and METRICS["mig"].lacks(known, 1).startswith("the factor id")
    two = KnownFactors.of_points(("id", "a"), factors[:1200, :2], factors[1200:, :2])
    why = "it needs two factors that vary and have a value of two points or more"
    assert METRICS["factor_vae"].lacks(two, 2) == why
    few = KnownFactors.of_points(("a", "b"), factors[:9, 1:3], factors[9:10, 1:3])
    assert scoring.choose("all", few, 2) == [
        *["factor_vae", "factor_vae_mathieu19", "mig", "modularity", "irs"],
        *["unsupervised", "hoyer", "hoyer_plain"],
    ]
    assert scoring.choose("", few, 1) == ["factor_vae"]
    one = KnownFactors.of_points(("a",), factors[:900, 1:2], factors[900:, 1:2])
    assert scoring.choose("", one, 1) == ["explicitness", "irs"]
    codes = random.normal(size=(10, 2))
    points = LabelledCodes(codes[:9], factors[:9, 1:3], codes[9:], factors[9:10, 1:3])
    for name in OF_ALL:
        assert np.isfinite(score(name, points).score), name


def test_an_added_metric_and_the_data_that_it_takes():
    made = Score(0.5, {}, {}, None, "half")
    one_way = {
        way: Metric(way, "half", **{way: lambda *_, **__: made}) for way in ("of_truth", "of_points", "of_codes")
    }
    own = KnownFactors.of_points("ab", np.eye(2, dtype=int)[[0, 1, 0, 1]], np.eye(2, dtype=int))
    at_will = KnownFactors.drawn("ab", (2, 2))
    lacks = {way: (metric.lacks(own, 2), metric.lacks(at_will, 2)) for way, metric in one_way.items()}
    assert lacks == {
        "of_truth": ("it needs data that can be drawn by any values of their factors, as dSprites can", ""),
        "of_points": ("", "it needs a file of your own, with `--factors`"),
        "of_codes": ("", ""),
    }
    assert one_way["of_codes"].score(np.ones((3, 2)), LabelledCodes(*4 * [np.ones((3, 2))]), 0) is made


# ---- a run ----


def own_points():
    """40 training and 20 test points of two factors that are there, and one that has a single value."""
    random = np.random.default_rng(0)
    every = np.tile(np.concatenate([all_factors((2, 3)), np.zeros((6, 1), np.int64)], axis=1), (10, 1))
    every = random.permutation(every)
    points = every + 0.1 * random.normal(size=every.shape)
    factors = Factors(("arm", "size, in cm", "same"), (2, 3, 1), every[:40], every[40:])
    return Dataset("toy", points[:40], points[40:], factors=factors)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    DATA_SETS.add(DataSource("toy", lambda options: own_points(), limits_itself=True))
    yield ["--data", "toy", "--hidden", "4", "-z", "2", "-e", "2", "--engine", "cpu"]
    DATA_SETS.remove("toy")


def stored(run):
    return json.loads(Path(run, "evaluation.json").read_text())


def test_evaluate_a_sweep_and_a_table(toy, capsys):
    assert main(["sweep", *toy, "-o", "s", "-q", "--metrics", "mig,factor_vae", "--alpha", "0,1"]) == 0
    with open("s/sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert main(["evaluate", "s/alpha1", "--metrics", "all", "--verbose"]) == 0
    out, err = capsys.readouterr()
    found = stored("s/alpha1")
    assert found["factors"] == {"arm": 2, "size, in cm": 3}
    assert set(found["metrics"]) == {*OF_ALL, *OF_BOTH_PARTS, "unsupervised", "hoyer", "hoyer_plain"}
    assert float(rows[1]["mig"]) == found["metrics"]["mig"]["score"]
    out = re.sub(r"\s+", " ", out)
    assert "factors: arm (2 values), size, in cm (3 values)" in out and "(points 60)" in out
    samples = {name: score["samples"] for name, score in found["metrics"].items()}
    assert samples["unsupervised"] == samples["hoyer"] == {"points": 20}
    assert "(train 40, test 20)" in out and "encoding 40 points" in err
    assert "(points 60, train 10000, eval 5000, batch 64; seed 0)" in out
    assert main(["table", "s"]) == 0
    assert "mig" in capsys.readouterr().out.splitlines()[0].split()
    assert main(["evaluate", "s/alpha1", "--metrics", "beta_vae"]) == 2
    assert "--metrics beta_vae: it needs data that can be drawn by any" in capsys.readouterr().err


def trained(dataset, **given):
    options = resolve(hidden=(4,), epochs=1, engine="cpu", latent_dim=2, **given)
    trainer = training.start_in_memory(options, dataset)
    training.train(trainer)
    return trainer


def evaluated(trainer, dataset, names, seed=0):
    wanted = Wanted(names, seed=seed)
    return evaluate(trainer.options, trainer.state, trainer.engine, dataset, wanted, Listener())


def test_a_run_scores_the_means_of_its_own_points():
    """With a Student-t prior, of the quantiles too; what needs no factors has the test points, as without factors."""
    options = resolve(data="pinwheel", prior="student-t", points_per_arm=20)
    dataset = dataset_from(options)
    rows = np.arange(len(dataset.train) + len(dataset.test))
    every = np.stack([rows % 2, rows // 2 % 3], axis=1)
    fit, held_out = np.split(every, [len(dataset.train)])
    dataset = dataclasses.replace(dataset, factors=Factors(("a", "b"), (2, 3), fit, held_out))
    trainer = trained(dataset, data="pinwheel", prior="student-t", points_per_arm=20)
    result = evaluated(trainer, dataset, "mig,factor_vae,hoyer,explicitness", seed=5)
    codes, test_codes = (trainer.engine.encode(np.float32(x))[0] for x in (dataset.train, dataset.test))
    prior = trainer.state.vae.current_prior()
    ways = {"metrics": lambda z: z, "metrics_of_gaussian_quantiles": lambda z: scoring.gaussian_codes(z, prior)}
    for key, way in ways.items():
        points = LabelledCodes(way(codes), fit, way(test_codes), held_out)
        for name in ("mig", "factor_vae", "explicitness"):
            expected = score(name, points, seed=5).score
            assert result[key][name]["score"] == pytest.approx(expected, abs=1e-12), (key, name)
        assert result[key]["hoyer"]["score"] == metrics.hoyer(way(test_codes)).score
    without = evaluated(trainer, dataclasses.replace(dataset, factors=None), "hoyer", seed=5)
    assert without["metrics"]["hoyer"] == result["metrics"]["hoyer"] and without["factors"] == {}


def test_training_points_are_encoded_only_where_a_metric_needs_them():
    dataset = own_points()
    trainer = trained(dataset, data="toy.csv", prior="gaussian")
    said = []
    for names in ("hoyer", "irs"):
        evaluate(trainer.options, trainer.state, trainer.engine, dataset, Wanted(names), Listener(said.append))
    assert said == ["computing Hoyer sparsity", "encoding 40 points", "computing interventional robustness"]


def test_what_your_own_file_lacks_is_said(capsys):
    options = resolve(data="points.csv", prior="gaussian", latent_dim=2)
    dataset = own_points()
    with pytest.raises(OptionError, match="known factors that vary; factors names them; possible here: all, none"):
        check_wanted(Wanted("mig"), options, dataclasses.replace(dataset, factors=None))
    same = Factors(("same",), (4,), dataset.factors.train[:, 2:], dataset.factors.test[:, 2:])
    with pytest.raises(OptionError, match="known factors that vary; one value only: same; possible here: all, none"):
        check_wanted(Wanted("mig"), options, dataclasses.replace(dataset, factors=same))


@pytest.mark.parametrize("other", [{"a": 3}, {"b": 3, "a": 2}, {}])
def test_metrics_of_other_factors_are_not_kept(toy, other):
    assert main(["train", *toy, "-o", "r", "--no-plots", "-q"]) == 0
    from minidecomp.runs import checkpoint

    run = checkpoint.load("r")
    old = {"factors": {"a": 2, "b": 3}, "metrics": {"mig": {"score": 0.5}}}
    update_evaluation(run.folder, run.state, old)
    update_evaluation(run.folder, run.state, {"seed": 0})
    assert read_evaluation(run.folder, run.state)["metrics"] == old["metrics"]
    update_evaluation(run.folder, run.state, {"factors": old["factors"], "metrics": {"irs": {"score": 0.2}}})
    assert set(read_evaluation(run.folder, run.state)["metrics"]) == {"mig", "irs"}
    update_evaluation(run.folder, run.state, {"factors": other, "metrics": {"sap": {"score": 0.1}}})
    found = read_evaluation(run.folder, run.state)
    assert found["metrics"] == {"sap": {"score": 0.1}} and found["factors"] == other


def test_factors_of_a_file_through_the_commands(capsys):
    """A table whose first two columns are its factors, with noise: the metrics are high, and go with their file."""
    random = np.random.default_rng(0)
    factors = random.integers(0, 4, (200, 2))
    X = factors + random.normal(0, 0.05, factors.shape)
    lines = ["a,b,left,right", *(",".join(map(str, row)) for row in np.hstack([X.round(3), factors]))]
    Path("x.csv").write_text("\n".join(lines))
    options = ["--factors", "left,right", "--scale", "standardise", "-e", "300", "--beta", "0.2", "--no-plots", "-q"]
    assert main(["train", "--data", "x.csv", *options, "--out", "r"]) == 0
    assert main(["evaluate", "r", "--metrics", "mig,explicitness,factor_vae", "-q"]) == 0
    assert "factors: left (4 values), right (4 values)" in capsys.readouterr().out
    found = json.loads(Path("r/evaluation.json").read_text())
    assert found["metrics"]["explicitness"]["score"] > 0.9
    assert found["metrics"]["mig"]["samples"] == {"points": 200}
    assert found["metrics"]["explicitness"]["samples"] == {"train": 180, "test": 20}
    # Other values under the same names: what was computed of the old ones goes.
    Path("x.csv").write_text(
        "\n".join([lines[0], *(line[:-1] + "9" * (i % 2) + line[-1] for i, line in enumerate(lines[1:]))])
    )
    assert main(["evaluate", "r", "--metrics", "irs", "-q"]) == 0
    assert set(json.loads(Path("r/evaluation.json").read_text())["metrics"]) == {"irs"}
    assert main(["evaluate", "r", "--metrics", "beta_vae", "-q"]) == 2
    assert "can be drawn" in capsys.readouterr().err

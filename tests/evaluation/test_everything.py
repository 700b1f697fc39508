"""One evaluation for all faces: what is wanted is checked first, and each number has one computation."""

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from minidecomp import DecompositionVAE
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.engines import make_for_use
from minidecomp.errors import OptionError
from minidecomp.evaluation.everything import Listener, Wanted, evaluate
from minidecomp.evaluation.metrics import KnownFactors, Metric, Score
from minidecomp.evaluation.metrics.sampling import legacy_seed
from minidecomp.evaluation.terms import evaluate as evaluate_terms
from minidecomp.report.content import content
from minidecomp.runs import checkpoint
from minidecomp.runs.evaluation_file import read_evaluation
from minidecomp.variants import METRICS

SMALL = ["--data", "pinwheel", "--prior", "mixture", "--points-per-arm", "10", "--hidden", "5", "--engine", "cpu"]
LARGE_SEED = 2**40
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(*args):
    assert main(["train", *SMALL, "-e", "2", *args, "--no-plots", "-q"]) == 0


def stored(run):
    return json.loads(Path(run, "evaluation.json").read_text())


@pytest.fixture
def toy():
    def largest(codes):
        return Score(float(np.abs(codes).max()), {}, {"points": len(codes)}, None, "largest code")

    yield METRICS.add(Metric("toy", "the largest code", of_codes=largest, least_latent_dims=2))
    METRICS.remove("toy")


# ---- one seed ----


def test_evaluate_uses_the_seed_of_the_run(capsys):
    """`evaluate` once drew with seed 0, so that it changed what the sweep had recorded of a run with seed 1."""
    assert main(["sweep", *SMALL, "-e", "1", "--seeds", "2", "-o", "s", "-q", "--json"]) == 0
    _, row = json.loads(capsys.readouterr().out)
    run = "s/seed1"
    trained = stored(run)
    assert main(["evaluate", run, "-q", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seed"] == found["decomposition"]["seed"] == 1
    assert found["test"] == trained["test"] and stored(run)["test"] == trained["test"]
    assert found["test"]["log_likelihood"] == row["test.log_likelihood"]
    loaded = checkpoint.load(run)
    options, dataset = loaded.options, dataset_from(loaded.options)
    engine = make_for_use("cpu", loaded.vae, loaded.objective, batch_size=options.batch_size)
    assert evaluate(options, loaded.state, engine, dataset)["test"] == found["test"]
    assert evaluate(options, loaded.state, engine, dataset, Wanted(seed=0))["test"] != found["test"]
    assert main(["evaluate", run, "-q", "--json", "--seed", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 0


# ---- metrics tell about themselves ----


def test_an_added_metric_is_a_choice_like_the_others(toy, capsys):
    assert main(["sweep", *SMALL, "-e", "1", "--alpha", "0,2", "-o", "s", "--metrics", "toy", "-q"]) == 0
    assert "toy" in capsys.readouterr().out.splitlines()[0].split()
    assert main(["evaluate", "s/alpha2", "--metrics", "all", "--json", "-q"]) == 0
    score = json.loads(capsys.readouterr().out)["metrics"]["toy"]["score"]
    with open("s/sweep.csv") as file:
        assert float(list(csv.DictReader(file))[1]["toy"]) == score
    assert main(["table", "s"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split()[-1] == "toy"
    assert main(["sweep", *SMALL, "-z", "1", "-o", "t", "--metrics", "toy"]) == 2
    assert "--metrics toy: it needs two latent dimensions" in capsys.readouterr().err
    assert main(["evaluate", "--help"]) == 0
    assert "the largest code" in capsys.readouterr().out


def test_a_metric_removed_is_no_choice(capsys):
    train("-o", "r")
    assert main(["evaluate", "r", "--metrics", "toy"]) == 2
    assert "--metrics toy: there is no such metric" in capsys.readouterr().err


def test_the_documentation_has_every_metric():
    text = (DOCS / "metrics.md").read_text("utf-8")
    assert [name for name in METRICS if f"| `{name}` |" not in text] == []


def test_what_a_metric_needs():
    with pytest.raises(ValueError, match="none of of_truth, of_points and of_codes"):
        Metric("nothing", "of nothing")
    two = Metric("two", "..", of_truth=lambda truth, seed: None, least_factors=3)
    drawn = [KnownFactors.drawn("abc"[:count], [2] * count) for count in range(4)]
    assert two.lacks(drawn[0], 5) == "it needs data with known factors that vary"
    assert two.lacks(drawn[2], 5) == "it needs three factors that vary" and two.lacks(drawn[3], 1) == ""


# ---- checked before anything is computed ----


def test_a_sweep_is_refused_in_the_words_of_evaluate_before_it_trains(capsys):
    train("-o", "r")
    capsys.readouterr()
    assert main(["evaluate", "r", "--metrics", "mig"]) == 2
    words = capsys.readouterr().err
    assert (
        "it needs data with known factors that vary; possible here: all, none, unsupervised, hoyer, hoyer_plain"
        in words
    )
    assert main(["sweep", *SMALL, "--alpha", "1,2", "-e", "2", "--metrics", "mig", "-o", "s"]) == 2
    assert capsys.readouterr().err == words and not Path("s").exists()


def test_a_resumed_sweep_is_refused_too_and_computes_what_is_missing(capsys):
    assert main(["sweep", *SMALL, "-e", "1", "--alpha", "1,2", "-o", "s", "-q", "--metrics", "unsupervised"]) == 0
    capsys.readouterr()
    assert main(["sweep", "--resume", "s", "-q", "--metrics", "mig"]) == 2
    assert "--metrics mig: it needs data with known factors" in capsys.readouterr().err
    changed = stored("s/alpha1")
    changed["metrics"]["unsupervised"]["score"] = 77.0
    Path("s/alpha1/evaluation.json").write_text(json.dumps(changed))
    assert main(["sweep", "--resume", "s", "-q", "--metrics", "all"]) == 0
    assert set(stored("s/alpha2")["metrics"]) == {"unsupervised", "hoyer", "hoyer_plain"}
    assert stored("s/alpha1")["metrics"]["unsupervised"]["score"] == 77, "what is there is not computed again"


def test_a_metric_that_fails_is_a_failure_with_its_reason(capsys):
    def broken(codes):
        raise ZeroDivisionError("oh")

    METRICS.add(Metric("broken", "fails", of_codes=broken))
    try:
        assert main(["sweep", *SMALL, "-e", "1", "--alpha", "1,2", "-o", "s", "-q", "--metrics", "broken"]) == 1
        assert capsys.readouterr().err.count("ZeroDivisionError: oh") == 2
        with open("s/sweep.csv") as file:
            assert [row["state"] for row in csv.DictReader(file)] == ["failed", "failed"]
        assert main(["sweep", "--resume", "s", "-q", "--metrics", "broken"]) == 1
    finally:
        METRICS.remove("broken")


@pytest.mark.parametrize(("name", "value"), [("seed", -1), ("seed", "x"), ("points", 0), ("importance_samples", 0)])
def test_numbers_beyond_their_limits(name, value):
    with pytest.raises(OptionError, match=name):
        Wanted(**{name: value})


# ---- one computation ----


def test_a_sweep_a_run_and_the_function_agree(capsys):
    """To the bit, metrics with their draws included."""
    assert main(["sweep", *SMALL, "-e", "2", "--seed", "3", "-o", "s", "-q", "--metrics", "all"]) == 0
    swept = stored("s/run")
    train("--seed", "3", "-o", "r")
    trained = stored("r")
    assert main(["evaluate", "r", "--seed", "3", "--metrics", "all", "-q"]) == 0
    evaluated = stored("r")
    for part in ("test", "dimensions", "parameters_sha256", "epochs", "seed"):
        assert swept[part] == trained[part] == evaluated[part], part
    assert swept["metrics"] == evaluated["metrics"]


def test_the_estimators_score_is_what_evaluate_says():
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = DecompositionVAE(epochs=2, hidden=(4,), batch_size=20, engine="cpu", seed=5).fit(X)
    engine = model._make_engine(20)
    test = evaluate_terms(engine, X, 20, 5)
    assert model.score(X) == test["log_likelihood"] - test["kl"]


def test_parts_come_one_by_one():
    from minidecomp import resolve, training
    from minidecomp.data import dataset_from

    options = resolve(data="pinwheel", prior="student-t", points_per_arm=10, hidden=(4,), epochs=1, engine="cpu")
    dataset = dataset_from(options)
    trainer = training.start_in_memory(options, dataset)
    training.train(trainer)
    seen, said, points = [], [], []
    listener = Listener(said.append, lambda result: seen.append(set(result)), lambda *done: points.append(done))
    wanted = Wanted("hoyer", decomposition=True, marginal_log_likelihood=True, importance_samples=3, points=7)
    result = evaluate(trainer.options, trainer.state, trainer.engine, dataset, wanted, listener)
    new = [sorted(later - earlier) for earlier, later in itertools.pairwise(seen)]
    assert new == [
        ["decomposition"],
        ["marginal_log_likelihood"],
        ["factors", "factors_sha256", "metrics"],
        ["metrics_of_gaussian_quantiles"],
    ]
    assert said == [
        "computing overlap and match",
        "computing Hoyer sparsity",
        "computing Hoyer sparsity of the Gaussian quantiles",
    ]
    assert points == [(7, 7)] and result["marginal_log_likelihood"]["points"] == 7
    assert result["epochs"] == 1 and len(result["parameters_sha256"]) == 64


# ---- large seeds ----


def test_a_seed_beyond_32_bits_becomes_one_that_numpy_takes():
    assert [legacy_seed(seed) for seed in (0, 7, 2**32 - 1)] == [0, 7, 2**32 - 1]
    large = [legacy_seed(seed) for seed in (2**32, 2**32 + 1, LARGE_SEED, 2**64 - 1)]
    assert len(set(large)) == 4 and all(0 <= seed < 2**32 for seed in large)


PART = ["--data", "dsprites", "--factors", "shape=heart,scale=1,orientation=0,posX=0..0.2,posY=0..0.2", "--hidden", "5"]


def test_large_seeds_in_a_sweep_and_in_evaluate(capsys):
    run = [*PART, "-z", "2", "-e", "1", "--engine", "cpu"]
    names = "mig,factor_vae,factor_vae_mathieu19"
    assert main(["sweep", *run, "--seed", str(LARGE_SEED), "-o", "s", "-q", "--metrics", names]) == 0
    swept = stored("s/run")
    assert {score["seed"] for score in swept["metrics"].values()} == {legacy_seed(LARGE_SEED)}
    assert main(["evaluate", "s/run", "--metrics", names, "--seed", str(LARGE_SEED), "-q"]) == 0
    assert stored("s/run")["metrics"] == swept["metrics"] and stored("s/run")["seed"] == LARGE_SEED
    assert main(["evaluate", "s/run", "--seed", str(2**64)]) == 2
    assert "--seed must be a whole number from 0 to 2^64 - 1, not 18446744073709551616" in capsys.readouterr().err


# ---- what is kept ----


def test_a_finished_run_keeps_what_is_true_of_it():
    train("--seed", "4", "-o", "r")
    args = ["--log-likelihood", "--importance-samples", "5", "--points", "6", "--metrics", "hoyer", "-q", "--seed", "0"]
    assert main(["evaluate", "r", *args]) == 0
    before = stored("r")
    assert main(["train", "--resume", "r", "--no-plots", "-q"]) == 0
    after = stored("r")
    for part in ("decomposition", "marginal_log_likelihood", "metrics"):
        assert after[part] == before[part], part
    assert (before["seed"], after["seed"], after["decomposition"]["seed"]) == (0, 4, 0)
    assert after["marginal_log_likelihood"]["seed"] == 0 and after["test"] != before["test"]


def test_of_another_model_nothing_is_kept():
    train("-o", "r")
    assert main(["evaluate", "r", "--metrics", "hoyer", "-q"]) == 0
    old = Path("r/evaluation.json").read_text()
    assert main(["train", "--resume", "r", "-e", "3", "--no-plots", "-q"]) == 0
    assert not {"decomposition", "metrics"} & set(stored("r")) and stored("r")["epochs"] == 3
    # The same number of epochs, but other parameters: another run's file.
    train("--seed", "1", "-o", "other")
    Path("other/evaluation.json").write_text(old)
    run = checkpoint.load("other")
    assert run.state.epoch == json.loads(old)["epochs"] and read_evaluation(run.folder, run.state) == {}
    assert main(["evaluate", "other", "--metrics", "none", "--no-decomposition", "-q"]) == 0
    assert not {"decomposition", "metrics"} & set(stored("other"))
    assert stored("other")["train"] == dict(run.state.rows[-1]) | {"regulariser": None}


def test_the_report_shows_no_evaluation_of_another_model():
    train("-o", "r")
    run = checkpoint.load("r")
    dataset = dataset_from(run.options)
    assert content(run, dataset)["evaluation"] != []
    Path("r/evaluation.json").write_text(json.dumps(stored("r") | {"parameters_sha256": "0"}))
    assert content(run, dataset)["evaluation"] == []


def test_a_metric_that_fails_is_one_line(capsys):
    """A metric that was added may raise, or return another type or NumPy's numbers."""
    assert main(["train", "--prior", "mixture", "-e", "1", "--out", "r", "-q", "--no-plots"]) == 0

    def fails(codes):
        raise ZeroDivisionError("by me")

    scores = {
        "fails": (fails, "the metric fails failed: ZeroDivisionError: by me"),
        "empty": (lambda codes: None, "the metric empty gave a NoneType, not a Score"),
        "nothing": (
            lambda codes: Score(math.nan, {}, {}, None, "none"),
            "the metric nothing gave nan, which is not a number",
        ),
        "narrow": (lambda codes: Score(np.float32(0.5), {"part": np.arange(3)}, {"points": 3}, None, "half"), ""),
    }
    for name, (function, said) in scores.items():
        METRICS.add(Metric(name, "a test", of_codes=function))
        try:
            capsys.readouterr()
            assert main(["evaluate", "r", "--metrics", name, "-q"]) == (1 if said else 0)
            assert said in capsys.readouterr().err
        finally:
            METRICS.remove(name)
    assert json.loads(Path("r/evaluation.json").read_text())["metrics"]["narrow"]["details"] == {"part": [0, 1, 2]}


def test_an_evaluation_of_another_epoch_is_in_no_table(capsys):
    """A run that was resumed and stopped has still the file of the model that it was."""
    assert main(["train", "--prior", "mixture", "-e", "1", "--out", "r", "-q", "--no-plots"]) == 0
    kept = Path("r/evaluation.json").read_text()
    assert main(["train", "--resume", "r", "-e", "3", "-q", "--no-plots"]) == 0
    capsys.readouterr()
    assert main(["table", "r", "--json"]) == 0
    assert "test.kl" in json.loads(capsys.readouterr().out)[0]
    Path("r/evaluation.json").write_text(kept)
    assert main(["table", "r", "--json"]) == 0
    assert "test.kl" not in json.loads(capsys.readouterr().out)[0]


@pytest.mark.parametrize("metrics", [None, 0, True, ["hoyer"], {"hoyer": None}, "hoyer"])
def test_a_sweep_heals_an_evaluation_that_is_damaged(metrics):
    args = "sweep --prior mixture -e 1 --out s -q --metrics hoyer"
    assert main(args.split()) == 0
    (path,) = Path("s").glob("*/evaluation.json")
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"metrics": metrics}))
    assert main(["sweep", "--resume", "s", "-q", "--metrics", "hoyer"]) == 0
    assert json.loads(path.read_text())["metrics"] == whole["metrics"]

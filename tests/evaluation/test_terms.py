"""The terms on test data: which points come into a batch, and which KL it is."""

import csv
import dataclasses
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from engine_cases import batch, make
from numpy.testing import assert_allclose, assert_array_equal
from toys import Logistic

from minidecomp import DecompositionVAE, load_run, resolve
from minidecomp._core.codes import NO_REGULARISER
from minidecomp._core.codes import REGULARISERS as REGULARISER_CODES
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.data.points import Bits
from minidecomp.engines.batches import BatchByBatch
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.evaluation.terms import evaluate
from minidecomp.figures import learning_curves
from minidecomp.model.vae import VAE
from minidecomp.objective import Objective
from minidecomp.report.content import content
from minidecomp.runs.comparison import will_be_recorded
from minidecomp.variants import PRIORS

SMALL = "--data pinwheel --prior mixture --points-per-arm 30 --hidden 5 --engine cpu --no-plots -q"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(line):
    assert main(line.split()) == 0, line


def stored(folder):
    return json.loads(Path(folder, "evaluation.json").read_text())


# ---- batches ----


def test_sorted_test_data_do_not_make_each_batch_one_class():
    """Four arms in turn, each on a component of its own: the encodings match the prior, a stored batch's do not."""
    run("train --prior mixture --alpha 5 --beta 0 --points-per-arm 500 --epochs 60 --batch-size 250 --no-plots -q -o r")
    test, train = (stored("r")[part] for part in ("test", "train"))
    assert train["regulariser"] < 0.4
    assert abs(test["kl-inc"] - train["regulariser"]) < 0.3 and abs(test["mmd"]) < 0.1


class Seen(BatchByBatch):
    """An engine's face that keeps what it is asked of."""

    def __init__(self, vae, multiplier=1.0):
        self.vae, self.objective, self.batches = vae, Objective(log_prior_multiplier=multiplier), []

    def values_with(self, x, seed, step, regularisers):
        self.batches.append(x)
        return iter([{"log_likelihood": 0.0, "kl": 0.0, "regulariser": 0.0}] * len(regularisers))


def points_seen(data, seed):
    vae, _ = make(8)
    engine = Seen(vae)
    evaluate(engine, data, 4, seed, ("kl-inc",))
    assert [len(x) for x in engine.batches] == [4, 4, 2]
    return engine.batches


def test_every_point_is_in_one_batch_in_an_order_of_the_seed():
    data = np.arange(80.0).reshape(10, 8)
    first, again, other = (np.concatenate(points_seen(data, seed)) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != data).any() and (first != other).any()
    assert_array_equal(first[first[:, 0].argsort()], data)
    packed = np.arange(10, dtype=np.uint8)[:, None]
    bits = np.concatenate([each.packed for each in points_seen(Bits(packed), 0)])
    assert_array_equal(bits[:, 0], first[:, 0] / 8)


# ---- one forward pass for all regularisers ----


class Steps:
    """A core that counts its steps."""

    def __init__(self, core):
        self.core, self.count = core, 0

    def step(self, *arguments, **more):
        self.count += 1
        return self.core.step(*arguments, **more)

    def __enter__(self):
        return self.core.__enter__()

    def __exit__(self, *error):
        self.core.__exit__(*error)


@pytest.mark.parametrize("prior", ["mixture", Logistic.name])
def test_the_core_steps_once_a_batch_whatever_is_evaluated(prior):
    PRIORS.add(Logistic)
    try:
        vae, objective = make(4, prior=prior, alpha=1.0, latent_dim=2, hidden=(5,), samples=2)
    finally:
        PRIORS.remove(Logistic.name)
    engine, x = CpuEngine(vae, objective, max_rows=7), batch(vae, 15)
    engine._engine = steps = Steps(engine._engine)
    found = evaluate(engine, x, 7, 3)
    assert steps.count == 3 and {"mmd", "kl-inc"} <= found.keys()
    for name in ("mmd", "kl-inc"):
        alone = evaluate(engine, x, 7, 3, [name])
        assert {key: found[key] for key in alone} == alone
    assert evaluate(TextbookEngine(vae, objective), x, 7, 3).items() >= {"points": 15}.items()


def test_the_textbook_encodes_and_decodes_once_a_batch(monkeypatch):
    vae, objective = make(4, prior="mixture", alpha=1.0, latent_dim=2, hidden=(5,))
    passes = Counter()
    for name in ("encode", "decode"):
        plain = getattr(VAE, name)
        monkeypatch.setattr(VAE, name, lambda *a, name=name, plain=plain: passes.update([name]) or plain(*a))
    evaluate(TextbookEngine(vae, objective), batch(vae, 15), 7, 3)
    assert passes == {"encode": 3, "decode": 3}


def test_further_regularisers_need_a_first_one_and_no_gradient():
    vae, objective = make(4, alpha=1.0, latent_dim=2, hidden=(5,))
    core, x = CpuEngine(vae, objective, max_rows=7)._engine, batch(vae, 7)
    kl_inc, mmd, none = REGULARISER_CODES.index("kl-inc"), REGULARISER_CODES.index("mmd"), NO_REGULARISER
    gradient = np.zeros(vae.parameters.vector.size, vae.dtype)
    for rows, how in (
        (7, {"regulariser": none, "others": (mmd,)}),
        (7, {"regulariser": mmd, "others": (none,)}),
        (7, {"regulariser": mmd, "others": (kl_inc,), "gradient": gradient}),
        (1, {"regulariser": kl_inc, "others": (mmd,)}),
    ):
        with pytest.raises(ValueError, match="regularisers"):
            core.step(x[:rows], (0.0, 0.0, 0.0), **how)
    assert len(core.step(x, (0.0, 0.0, 0.0), regulariser=mmd, others=(kl_inc, mmd))) == 5


# ---- the KL ----


@pytest.mark.parametrize("make_engine", [lambda *a: CpuEngine(*a, max_rows=7), TextbookEngine], ids=["cpu", "textbook"])
def test_the_kl_is_one_whatever_the_objective_counts(make_engine):
    vae, objective = make(4, "float64", prior="mixture", alpha=1.0, latent_dim=2, hidden=(5,))
    x = batch(vae, 20)
    expected = evaluate(make_engine(vae, objective), x, 7, 3)
    other = dataclasses.replace(objective, log_prior_multiplier=2.0)
    engine = make_engine(vae, other)
    assert evaluate(engine, x, 7, 3) == expected
    assert engine.objective == other and abs(engine.values(x[:7], 3, 0)["kl"] - expected["kl"]) > 0.1


def test_no_face_calls_log_q_less_two_log_p_a_kl(capsys):
    run(f"sweep {SMALL.replace(' --no-plots', '')} -e 3 --log-prior-multiplier 1,2 --alpha 1 -o s")
    capsys.readouterr()
    once, twice = sorted(path.parent for path in Path("s").glob("*/checkpoint.npz"))
    one, two = stored(once), stored(twice)
    assert "kl" in one["train"] and "kl_term" not in one["train"] and "kl" not in two["train"]
    trained = load_run(twice)
    assert trained.objective.kl_title == "log q - 2 log p"
    assert two["train"]["kl_term"] == trained.state.rows[-1]["kl"] > two["test"]["kl"] + 0.5
    dataset = dataset_from(trained.options)
    engine = CpuEngine(trained.vae, Objective(), max_rows=len(dataset.test))
    assert_allclose(two["test"]["kl"], evaluate(engine, dataset.test, trained.options.batch_size, 0)["kl"], rtol=1e-6)

    run(f"evaluate {twice} -q --metrics none")
    printed = [float(line.split()[1]) for line in capsys.readouterr().out.splitlines() if re.match(" +KL  ", line)]
    assert len(printed) == 2 and abs(printed[0] - printed[1]) < 0.3  # the terms' and the overlap's
    assert content(trained, dataset)["objective"]["kl_title"] == "log q - 2 log p"
    with open("s/sweep.csv") as file:
        rows = {float(row["log_prior_multiplier"]): row for row in csv.DictReader(file)}
    assert float(rows[2.0]["test.kl"]) == two["test"]["kl"] and rows[2.0].get("train.kl", "") == ""
    assert "train.kl_term" in will_be_recorded(trained.options) and "train.kl" not in will_be_recorded(trained.options)
    assert "train.kl" in will_be_recorded(resolve(data="pinwheel"))
    run(f"gradients {twice} --no-plots")
    assert "KL stands for log q - 2 log p" in capsys.readouterr().out
    run(f"gradients {once} --no-plots")
    assert "stands for" not in capsys.readouterr().out


def test_train_prints_the_kl_and_the_objectives_term_in_rows_of_their_own(capsys):
    assert main([*f"train {SMALL} -e 3 --log-prior-multiplier 2.5 -o r".split()]) == 0
    lines = {name: rest for name, *rest in (re.split("  +", line) for line in capsys.readouterr().out.splitlines())}
    assert lines["KL"] == [f"{stored('r')['test']['kl']:.4f}"]
    assert [cell for cell in lines["log q - 2.5 log p"] if cell] == [f"{stored('r')['train']['kl_term']:.4f}"]


def test_curves_name_the_objectives_term():
    pytest.importorskip("matplotlib")
    metrics = {"epoch": np.arange(3), "kl": np.arange(3.0)}
    labels = [learning_curves(metrics, *more).axes[0].get_ylabel() for more in ((), ("log q - 2 log p",))]
    assert labels == ["KL (nats)", "log q - 2 log p (nats)"]


def test_the_estimators_score_is_the_elbo():
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = DecompositionVAE(
        prior="mixture", log_prior_multiplier=3.0, epochs=2, hidden=(4,), batch_size=20, engine="cpu"
    ).fit(X)
    test = evaluate(CpuEngine(model.vae_, Objective(), max_rows=20), X, 20, 0)
    assert model.score(X) == pytest.approx(test["log_likelihood"] - test["kl"], rel=1e-9)


def test_a_batch_has_no_more_points_than_there_are():
    assert main(["train", "--points-per-arm", "20", "--hidden", "4", "-e", "1", "-q", "--no-plots", "-o", "r"]) == 0
    test = json.loads(Path("r/evaluation.json").read_text())["test"]
    assert (test["points"], test["batch_size"]) == (80, 80)

"""Gradients by term, their check and their explanations, in Python and on the command line."""

import dataclasses
import json
import re

import numpy as np
import pytest
from engine_cases import EVERY_KIND, LIKELIHOODS, PRIORS, REGULARISERS, batch, make, settings_of_a_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minidecomp import objective as textbook
from minidecomp.cli.main import main
from minidecomp.errors import OptionError
from minidecomp.inspection import explain as explain_module
from minidecomp.inspection.by_term import cosine, largest_entries, summarise, term_gradients
from minidecomp.inspection.check import check
from minidecomp.inspection.explain import explain, lines, where
from minidecomp.inspection.explanation import Situation
from minidecomp.inspection.explanations import explanations
from minidecomp.inspection.over_training import record
from minidecomp.inspection.theory import entropy
from minidecomp.randomness.draws import draw
from minidecomp.runs.gradient_log import FRAMES, GradientLog
from minidecomp.terms import kl, likelihoods, posterior, priors
from minidecomp.terms.arrays import normal_log_density
from minidecomp.terms.regularisers import inclusive_kl, mmd


def looked_at(data_dim=5, rows=12, **model):
    vae, objective = make(data_dim, **({"hidden": (7,), "latent_dim": 3, "alpha": 2.0, "beta": 0.7} | model))
    with_prior = objective.alpha > 0
    drawn = draw(vae.current_prior(), objective.samples, rows, vae.latent_dim, 0, 0, np.float64, with_prior)
    return vae, objective, batch(vae, rows), drawn


# ---- by term ----


def test_the_terms_add_up_to_the_objective():
    vae, objective, x, drawn = looked_at()
    found = term_gradients(vae, objective, x, drawn)
    whole = textbook.value_and_grad(vae, objective, x, drawn)[1]
    for block, gradient in whole.items():
        assert_allclose(sum(by_block[block] for by_block in found.gradients.values()), gradient, rtol=1e-9, atol=1e-12)
    assert found.weights == {"log_likelihood": 1.0, "kl": -0.7, "regulariser": -2.0}
    for by_term in found.blocks().values():
        summary = summarise(by_term)
        assert sum(summary.share.values()) == pytest.approx(1)
        assert all(-1.0000001 <= value <= 1.0000001 or np.isnan(value) for value in summary.cosine.values())


def test_a_term_without_weight_has_no_gradient():
    vae, objective, x, drawn = looked_at(alpha=0.0)
    assert term_gradients(vae, objective, x, drawn).terms == ("log_likelihood", "kl")


def test_cosines_and_largest_entries():
    assert cosine(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == pytest.approx(0.5**0.5)
    assert np.isnan(cosine(np.zeros(2), np.ones(2)))
    assert largest_entries(np.array([[1.0, -5.0], [3.0, 0.0]]), 2) == [((0, 1), -5.0), ((1, 0), 3.0)]


# ---- the check ----


@settings(max_examples=3, deadline=None)
@given(settings_of_a_model(), st.integers(1, 6), st.integers(2, 12))
def test_every_model_passes(model, data_dim, rows):
    # Differences by each parameter take long.
    model["latent_dim"] = min(model["latent_dim"], 6)
    model["hidden"], model["decoder_hidden"] = (
        tuple(min(width, 8) for width in model[name]) for name in ("hidden", "decoder_hidden")
    )
    vae, objective, x, drawn = looked_at(data_dim, rows, **model)
    found = check(vae, objective, x, drawn)
    assert found.failures() == []


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_that_is_zero_passes(seed):
    """The one logit of a single dimension moves nothing: what engines differ by is rounding."""
    model = {"prior": "student-t", "likelihood": "bernoulli", "latent_dim": 1, "hidden": (), "beta": 1.5, "alpha": 0.0}
    model |= {"learn_prior_variance": True, "prior_variance_scale": 1.5, "seed": seed}
    assert check(*looked_at(3, 2, **model)).failures() == []


BREAKS = [
    (likelihoods.Bernoulli, "output", "log_likelihood", {"likelihood": "bernoulli"}),
    (likelihoods.Gaussian, "output", "log_likelihood", {"likelihood": "gaussian"}),
    (likelihoods.Laplace, "output", "log_likelihood", {"likelihood": "laplace"}),
    *((prior, "z", "kl", {"prior": prior.name, "kl": "monte-carlo"}) for prior in (priors.Gaussian, priors.StudentT)),
    *((prior, "z", "kl", {"prior": prior.name}) for prior in (priors.Mixture, priors.Sparse)),
    *(
        (
            prior,
            "variance",
            "kl",
            {"prior": prior.name, "learn_prior_variance": True, "kl": "monte-carlo", "regulariser": "mmd"},
        )
        for prior in (priors.Gaussian, priors.StudentT, priors.Mixture, priors.Sparse)
    ),
    *((kl, key, "kl", {"prior": "gaussian", "kl": "analytic"}) for key in ("loc", "scale")),
    *((kl, key, "kl", {"prior": "mixture"}) for key in ("z", "loc", "scale")),
    (mmd, "z", "regulariser", {"regulariser": "mmd"}),
    (mmd, "prior_sample", "regulariser", {"regulariser": "mmd", "learn_prior_variance": True}),
    *((inclusive_kl, key, "regulariser", {"regulariser": "kl-inc"}) for key in ("loc", "scale")),
    (inclusive_kl, "prior_sample", "regulariser", {"regulariser": "kl-inc", "learn_prior_variance": True}),
]


# By default one of each formula; the others are of the same kind.
FIRST = {("Bernoulli", "output"), ("Laplace", "output"), ("StudentT", "z"), ("Mixture", "variance"), ("Sparse", "z")}
FIRST |= {("kl", "scale"), ("mmd", "z"), ("mmd", "prior_sample"), ("inclusive_kl", "loc")}


def name_of(owner):
    return owner.__name__.rpartition(".")[2]


@pytest.mark.parametrize(
    ("owner", "key", "term", "model"),
    [pytest.param(*each, marks=[] if (name_of(each[0]), each[1]) in FIRST else pytest.mark.slow) for each in BREAKS],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:40],
)
def test_a_wrong_sign_is_caught_by_name(owner, key, term, model, monkeypatch):
    """Each gradient of the textbook is turned round once; the check has to see it, and at the right term."""
    names = [name for name in vars(owner) if name.endswith("_and_grad")]

    def broken(plain):
        def wrong(*args, **more):
            value, grads = plain(*args, **more)
            return value, grads | ({key: -grads[key]} if key in grads else {})

        return wrong

    for name in names:
        monkeypatch.setattr(owner, name, broken(getattr(owner, name)))
    # A mixture far from its components has one responsibility of 1, where little can go wrong.
    small = {"prior": "sparse", "samples": 2, "hidden": (3,), "latent_dim": 2}
    vae, objective, x, drawn = looked_at(2, 8, prior_variance_scale=1.0, **(small | model))
    failures = check(vae, objective, x, drawn).failures()
    assert {failed for _, failed, against, _ in failures if against == "differences"} == {term}


@pytest.mark.parametrize(
    ("owner", "name"),
    [(posterior, "scale_slope"), (priors, "logits_grad")],
    ids=["scale link", "softmax of the logits"],
)
def test_a_wrong_link_is_caught(owner, name, monkeypatch):
    plain = getattr(owner, name)
    monkeypatch.setattr(textbook, name, lambda *args: -plain(*args))
    vae, objective, x, drawn = looked_at(learn_prior_variance=True)
    assert check(vae, objective, x, drawn).failures()


def test_a_small_slip_is_caught(monkeypatch):
    """Not only signs: one part in ten thousand of one gradient."""
    plain = mmd.value_and_grad

    def slipped(*args):
        value, grads = plain(*args)
        return value, grads | {"z": 1.0001 * grads["z"]}

    monkeypatch.setattr(mmd, "value_and_grad", slipped)
    vae, objective, x, drawn = looked_at(regulariser="mmd")
    assert {term for _, term, _, _ in check(vae, objective, x, drawn).failures()} == {"regulariser"}


def test_kinks_are_counted():
    vae, objective, x, drawn = looked_at(activation="relu", likelihood="laplace", rows=40)
    found = check(vae, objective, x, drawn)
    assert found.kinks[0] > 0 and found.kinks[-1] == 0
    vae, objective, x, drawn = looked_at(activation="tanh", likelihood="bernoulli")
    assert not any(check(vae, objective, x, drawn).kinks)


def test_abbreviations_and_kinks_are_explained_below_the_tables(capsys):
    args = ["gradients", "--no-plots", "--points-per-arm", "10", "--hidden", "4", "--activation", "relu"]
    assert main(args) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "r: reconstruction; KL: beta KL; |.|: norm; share: the term's part of the step, negative if" in out
    assert main([*args, "--check"]) == 0
    assert "kinks crossed: points where f has no derivative, of relu or" in capsys.readouterr().out


# ---- explanations ----


@pytest.mark.parametrize(("prior", "likelihood", "regulariser"), EVERY_KIND)
def test_every_explanation_is_worked_to_the_codes_number(prior, likelihood, regulariser):
    vae, objective, x, drawn = looked_at(prior=prior, likelihood=likelihood, regulariser=regulariser)
    s = Situation(vae, objective, x, drawn)
    for name, explanation in explanations().items():
        worked = explanation.work(s)
        assert_allclose(worked.by_hand, worked.by_code, rtol=1e-10, atol=1e-14, err_msg=name)
        assert lines(explanation, s)[-1].endswith(": equal")


def entry(model, term, data_dim=2, **more):
    """The lines of a term's worked entry."""
    text = explain(term, Situation(*looked_at(data_dim, **model, **more)))
    return text[text.index("One entry, with this model's numbers") + 1 :]


@pytest.mark.parametrize("term", LIKELIHOODS)
@pytest.mark.parametrize("model", LIKELIHOODS)
def test_another_likelihood_takes_outputs_of_its_own_width(model, term):
    text = entry({"likelihood": model}, f"{term}-likelihood")
    assert text[-1].endswith(": equal")
    outputs = {
        ("gaussian", "bernoulli"): "the first 2 of its 4 outputs stand in",
        ("gaussian", "laplace"): "the first 2 of its 4 outputs stand in",
        ("bernoulli", "gaussian"): "its 2 outputs, padded with 2 zeros, stand in",
        ("laplace", "gaussian"): "its 2 outputs, padded with 2 zeros, stand in",
    }
    if model == term:
        assert "the model's likelihood" not in text[0]
    else:
        stands_in = outputs.get((model, term), "its 2 outputs stand in")
        assert f"the model's likelihood is {model}; here {stands_in} for {term}'s" in text[0]
        assert ("x is cut to 0..1" in text[0]) == (term == "bernoulli")


def test_the_entry_of_another_likelihood_is_in_its_range():
    """x - sigmoid(o) for x in 0..1, where the model's points are normal."""
    value = float(entry({"likelihood": "laplace"}, "bernoulli-likelihood")[-1].split()[2].rstrip(","))
    assert -1 < value < 1


@pytest.mark.parametrize("term", PRIORS)
@pytest.mark.parametrize("model", PRIORS)
def test_another_prior_has_its_own_defaults(model, term):
    text = entry({"prior": model}, f"{term}-prior")
    assert text[-1].endswith(": equal")
    assert (f"the model's prior is {model}; here {term} has its scale" in text[0]) == (model != term)
    if term == "mixture" and model != "mixture":
        weights = next(line for line in text if "R = softmax" in line)
        assert weights.count(",") == 3  # of four components, not of one


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("term", REGULARISERS)
@pytest.mark.parametrize("model", REGULARISERS)
def test_another_regulariser_takes_the_steps_points(model, term, alpha):
    for prior in PRIORS:
        text = entry({"regulariser": model, "prior": prior, "alpha": alpha}, term, rows=2)
        assert text[-1].endswith(": equal")
    if term == "mmd":
        with pytest.raises(OptionError, match="at least 2 for --term mmd, not 1"):
            entry({"regulariser": model, "alpha": alpha}, term, rows=1)


def test_the_closed_form_says_which_prior_it_is_for():
    assert "the model's prior is mixture; here gaussian" in entry({"prior": "mixture"}, "analytic-kl")[0]
    assert "the model's prior" not in entry({"prior": "gaussian"}, "analytic-kl")[0]


def test_a_term_without_a_worked_entry_is_explained_without(monkeypatch):
    monkeypatch.delattr(priors.Gaussian, "work_by_hand")
    text = explain("gaussian-prior", Situation(*looked_at(prior="gaussian")))
    assert "Derivation" in text and "One entry, with this model's numbers" not in text


@pytest.mark.parametrize("term", ["sample", "mmd"])
def test_numbers_that_are_not_finite_are_not_compared(term):
    vae, objective, x, drawn = looked_at(prior="gaussian", scale_link="exp", activation="relu")
    with np.errstate(all="ignore"):
        text = explain(term, Situation(vae, objective, 1e9 * x, drawn))
    assert text[-1].endswith("some of them are not finite") and not any("NOT EQUAL" in line for line in text)


def test_the_derivations_say_what_is_so():
    """Signs and reasons that were wrong once."""
    said = {name: " ".join(each.explanation.steps) for name, each in explanations().items()}
    loc, scale = np.zeros((1, 1)), np.array([[0.7]])
    z = loc + scale * np.random.default_rng(0).standard_normal((200_000, 1))
    mean_log_q = normal_log_density(z, loc, scale).mean()
    assert mean_log_q == pytest.approx(-np.log(0.7) - 0.5 - np.log(2 * np.pi) / 2, abs=0.01)
    assert mean_log_q == pytest.approx(-entropy(scale)[0], abs=0.01)
    assert "-log s - 1/2 - log(2 pi) / 2: minus the entropy of a normal" in said["analytic-kl"]
    assert "depends on s alone, so nothing else can remain" in said["monte-carlo-kl"]
    assert "E[df/dz dz/dmu], and the same with s" in said["sample"]


def test_where_the_code_is():
    """The line that is named is the function's first."""
    for explanation in explanations().values():
        for function in explanation.code:
            path, line, name = re.fullmatch(r"(minidecomp/[\w/]+\.py):(\d+) (\S+)", where(function)).groups()
            text = (explain_module.FOLDER / path).read_text().splitlines()[int(line) - 1 :]
            declared = next(each for each in text if not each.strip().startswith("@"))
            assert f"def {name.split('.')[-1]}(" in declared


def test_own_names():
    vae, objective, x, drawn = looked_at(prior="sparse", likelihood="laplace", regulariser="kl-inc")
    s = Situation(vae, objective, x, drawn)
    for name, title in (("reconstruction", "Laplace"), ("kl", "KL(q"), ("prior", "Spike"), ("regulariser", "KL(p")):
        assert explain(name, s)[0].startswith(title)


# ---- over training ----


def test_frames_are_thinned():
    from minidecomp.engines.cpu import CpuEngine

    vae, objective, x, _ = looked_at(latent_dim=2, rows=6)
    engine, log = CpuEngine(vae, objective, max_rows=6), GradientLog()
    for epoch in range(1, 3 * FRAMES):
        record(log, engine, x, 6, epoch, 0)
    assert len(log.rows) == 3 * FRAMES - 1 and FRAMES / 2 <= len(log.frames) < FRAMES
    assert len(set(np.diff(log.frame_epochs))) == 1
    again = GradientLog.from_arrays({name: np.asarray(array) for name, array in log.arrays().items()})
    assert_allclose(again.rows, log.rows)
    assert again.frame_epochs == log.frame_epochs and again.gap == log.gap


SMALL = ["--points-per-arm", "15", "--hidden", "6", "--threads", "1", "--quiet", "--no-plots"]


@pytest.mark.slow
def test_log_gradients_survives_a_resume(capsys):
    common = ["train", *SMALL, "--alpha", "3", "--log-gradients"]
    assert main([*common, "--epochs", "3", "--out", "whole"]) == 0
    assert main([*common, "--epochs", "2", "--out", "halves"]) == 0
    assert main(["train", "--resume", "halves", "--epochs", "3", "--quiet", "--no-plots"]) == 0
    with open("whole/gradients.csv") as whole, open("halves/gradients.csv") as halves:
        text = whole.read()
        assert text == halves.read() and text.count("\n") == 4
    assert text.startswith("epoch,norm_log_likelihood,norm_kl,norm_regulariser,cosine_log_likelihood_kl,")
    assert main(["plot", "whole"]) == 0
    out = capsys.readouterr().out
    assert "whole/figures/gradients.png" in out and "whole/figures/gradient_field.gif" in out


def test_without_it_nothing_is_kept():
    from pathlib import Path

    assert main(["train", *SMALL, "--epochs", "2", "--out", "run"]) == 0
    assert not Path("run/gradients.csv").exists()
    with np.load("run/checkpoint.npz") as arrays:
        assert not [name for name in arrays if name.startswith("gradients")]


# ---- the command ----


@pytest.fixture
def run(own_folder):
    assert main(["train", *SMALL, "--alpha", "3", "--epochs", "3", "--out", "run"]) == 0
    return "run"


def test_the_table(run, capsys):
    capsys.readouterr()
    assert main(["gradients", run, "--save", "g.npz"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^all parameters +\S+ +\S+ +\S+", out, re.MULTILINE) and "cos r,KL" in out
    assert "picture: run/figures/gradient_field.png" in out
    with np.load("g.npz") as arrays:
        assert arrays["kl.loc"].shape == (60, 2) and arrays["log_likelihood.dec.0.W"].shape == (2, 6)


def test_json_is_the_same_numbers(run, capsys):
    capsys.readouterr()
    assert main(["gradients", run, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["points"] == 60 and set(result["weights"]) == {"log_likelihood", "kl", "regulariser"}
    block = result["blocks"]["enc.0.W"]
    assert set(block) == {"norm", "share", "cosine", "largest"} and sum(block["share"].values()) == pytest.approx(1)


def test_check_passes_and_fails(run, capsys, monkeypatch):
    assert main(["gradients", run, "--check", "--points", "9"]) == 0
    assert "comparisons agree" in capsys.readouterr().out
    plain = inclusive_kl.value_and_grad
    monkeypatch.setattr(inclusive_kl, "value_and_grad", lambda *a: (plain(*a)[0], plain(*a)[1] | {"loc": 0 * a[1]}))
    assert main(["gradients", run, "--check", "--points", "9", "--no-plots"]) == 1
    out = capsys.readouterr().out
    assert "FAIL: alpha D by loc differs from the differences" in out and "picture" not in out
    assert main(["gradients", run, "--check", "--points", "9", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert not result["pass"] and {each["term"] for each in result["failures"]} == {"regulariser"}


def test_a_fresh_model(capsys):
    assert main(["gradients", "--prior", "mixture", "--hidden", "5", "--alpha", "2", "--check", "--points", "8"]) == 0
    assert main(["gradients", "--data", "pinwheel", "--prior", "sparse", "--points", "8"]) == 0
    assert "picture" not in capsys.readouterr().out


def test_explain_on_the_command_line(run, capsys):
    capsys.readouterr()
    assert main(["gradients", run, "--term", "regulariser", "--explain"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("KL(p || q) from samples") and ": equal" in out
    assert re.search(r"minidecomp/terms/regularisers/inclusive_kl.py:\d+ value_and_grad", out)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("gradients nowhere", "nowhere: no such run folder"),
        ("gradients run --alpha 2", "--alpha 2: the run run has its own options"),
        ("gradients run --points 0", "--points must be a whole number from 1"),
        ("gradients run --points x", "--points: expected a whole number from 1"),
        ("gradients run --explain", "--explain: this needs --term, the term to explain"),
        ("gradients run --term mmd", "--term mmd: this needs --explain"),
        ("gradients run --term kl --explain --json", "--json: --explain writes a text"),
        ("gradients run --term mdm --explain", "--term must be reconstruction, kl,"),
        ("gradients run --check --theorem 1", "--check and --theorem cannot be used together"),
        ("gradients run --check --save x.npz", "--check and --save cannot be used together"),
        ("gradients run --save x.txt", "--save x.txt: the file's name must end in .npz"),
        ("gradients run --theorem 3", "--theorem must be 1, corollary or 2, not 3"),
        ("gradients run --theorem corollary", "--prior mixture: the corollary is about the gaussian"),
        ("gradients --prior mixture --beta 0 --theorem 1", "--beta must be above 0 for the paper"),
        ("gradients run -c run/config.toml", "--config run/config.toml: the run run has its own options"),
    ],
)
def test_wrong_use(args, message, run, capsys):
    capsys.readouterr()
    assert main(args.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith(f"minidecomp: {message}"), err


def test_float64_is_what_is_looked_at(run, capsys):
    """A float32 run is checked in float64: float32 could not tell."""
    from minidecomp import load_run
    from minidecomp.inspection.situation import situation

    loaded = load_run(run)
    from minidecomp.data import dataset_from

    s = situation(loaded.vae, loaded.objective, dataset_from(loaded.options), 10, 0, 0)
    assert loaded.vae.dtype == np.float32 and s.vae.dtype == s.x.dtype == s.draws.eps.dtype == np.float64
    assert dataclasses.replace(s).vae.parameters.vector is not loaded.vae.parameters.vector

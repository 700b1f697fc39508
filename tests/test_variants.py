"""A variant that you add through the public functions is a choice like the others: in commands, Python and pages."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import MOMENTS, RING, TEXT, Logistic, Unit

from minidecomp import DecompositionVAE, load_run, resolve
from minidecomp.cli.main import main
from minidecomp.data.dataset import Dataset
from minidecomp.data.source import DataSource
from minidecomp.errors import OptionError
from minidecomp.evaluation.metrics import Metric
from minidecomp.settings.options import by_name
from minidecomp.terms.priors import Prior
from minidecomp.variants import DATA_SETS, EXPORT_FORMATS, LIKELIHOODS, METRICS, PRIORS, REGULARISERS, Option


@pytest.fixture(autouse=True)
def toys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    added = (
        (PRIORS, Logistic),
        (LIKELIHOODS, Unit),
        (REGULARISERS, MOMENTS),
        (DATA_SETS, RING),
        (EXPORT_FORMATS, TEXT),
    )
    for variants, toy in added:
        variants.add(toy)
    yield
    for variants, toy in added:
        variants.remove(toy.name)


def run(line, capsys, code=0):
    assert main(line.split()) == code, capsys.readouterr().err
    return capsys.readouterr()


def test_help_and_lists_have_them(capsys):
    out = run("train --help", capsys).out
    for word in (
        "logistic (tails",
        "--logistic-width",
        "[default: 1]",
        "unit (normal",
        "moments (squared",
        "ring",
        "--ring-points",
    ):
        assert word in " ".join(out.split()), word
    assert "text" in run("export --help", capsys).out and "ring" in run("data list", capsys).out


def test_without_them_they_are_unknown():
    PRIORS.remove("logistic")
    try:
        assert "logistic_width" not in by_name()
        with pytest.raises(OptionError, match="unknown option"):
            resolve(logistic_width=2)
        with pytest.raises(OptionError, match="must be gaussian, student-t, mixture or sparse"):
            resolve(prior="logistic")
    finally:
        PRIORS.add(Logistic)


@pytest.mark.parametrize("engine", ["textbook", pytest.param("cpu", marks=pytest.mark.slow)])
def test_a_prior(engine, capsys):
    """It trains, evaluates, explains, reports and exports; its own option is kept, and read back."""
    train = f"train --prior logistic --logistic-width 0.5 --alpha 2 -e 3 --engine {engine} --out r -q"
    out = json.loads(run(f"{train} --json", capsys).out)
    assert np.isfinite([out["test"]["kl"], out["test"]["mmd"], out["test"]["kl-inc"]]).all()
    vae = load_run("r").vae
    assert vae.prior.width == 0.5 and load_run("r").options.data == "pinwheel"
    assert "logistic_width = 0.5" in Path("r/config.toml").read_text()
    run("evaluate r -q --log-likelihood --importance-samples 5", capsys)
    assert "dt/dz = 1 / w" in run("gradients r --term prior --explain --points 8", capsys).out
    assert run("gradients r --points 8 --check", capsys)
    run("traverse r", capsys)
    run("sample r", capsys)
    run("report r", capsys)
    run("export r --format numpy", capsys)
    run("train --resume r -e 4 -q --no-plots", capsys)
    assert load_run("r").state.epoch == 4


def test_the_same_prior_by_both_engines():
    """To the textbook's numbers."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    models = [
        DecompositionVAE(prior="logistic", logistic_width=0.7, alpha=3.0, epochs=3, dtype="float64", engine=engine).fit(
            X
        )
        for engine in ("textbook", "cpu")
    ]
    vectors = [model.vae_.parameters.vector for model in models]
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-8, atol=1e-10)
    assert models[0].get_params()["logistic_width"] == 0.7


def test_a_likelihood(capsys):
    run("train --likelihood unit -e 3 --engine textbook --out r -q", capsys)
    run("evaluate r -q", capsys)
    assert "d/dm = x - m" in run("gradients r --term reconstruction --explain --points 8", capsys).out
    for kind in ("onnx", "c", "numpy", "safetensors"):
        run(f"export r --format {kind} --name m{kind}", capsys)
    run("report r", capsys)
    np.save("far.npy", np.full((20, 2), 99.0))
    err = run("train --data far.npy --likelihood unit --engine textbook", capsys, 2).err
    assert "this needs data from -50 to 50" in err and err.count("\n") == 1


@pytest.mark.parametrize("engine", [pytest.param("textbook", marks=pytest.mark.slow), "cpu"])
def test_a_regulariser(engine, capsys):
    run(f"train --regulariser moments --alpha 2 -e 3 --engine {engine} --out r -q", capsys)
    evaluation = json.loads(Path("r/evaluation.json").read_text())
    assert 0 <= evaluation["test"]["moments"] < 10 and 0 <= evaluation["train"]["regulariser"] < 10
    assert "moments" in run("evaluate r -q", capsys).out
    assert "a square's derivative" in run("gradients r --term moments --explain --points 8", capsys).out
    run("gradients r --check --points 8", capsys)
    run("report r", capsys)
    assert "test.moments" in run("table r --json", capsys).out
    err = run("train --regulariser moments --alpha 2 --batch-size 2", capsys, 2).err
    assert "must be at least 3 for --regulariser moments" in err


def test_the_same_regulariser_by_both_engines():
    X = np.random.default_rng(0).normal(size=(60, 3))
    given = {"regulariser": "moments", "alpha": 3.0, "prior": "mixture", "epochs": 3, "dtype": "float64"}
    vectors = [DecompositionVAE(engine=engine, **given).fit(X).vae_.parameters.vector for engine in ("textbook", "cpu")]
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-8, atol=1e-10)


def test_what_compiled_code_does_not_know_is_refused(capsys):
    err = run("train --likelihood unit --engine cpu --out r", capsys, 2).err
    assert "--engine cpu: it does not know the unit likelihood; use --engine textbook" in err
    assert not Path("r").exists()


def test_a_data_set(capsys):
    run("train --data ring --ring-points 40 --out r -q", capsys)
    assert len(load_run("r").options.hidden) == 1 and load_run("r").options.batch_size == 20
    run("evaluate r -q", capsys)
    run("sweep --data ring --ring-points 20,40 --out s -q", capsys)
    assert "ring" in run("train --data rnig", capsys, 2).err
    err = run("train --data pinwheel --ring-points 9", capsys, 2).err
    assert "this is for --data ring" in err


def test_an_export_format(capsys):
    run("train -e 1 --out r -q --no-plots", capsys)
    run("export r --format text --name names", capsys)
    assert "enc.0.W (2, 100)" in Path("r/export/names.txt").read_text()
    assert "this needs --format onnx or --format c" in run("export r --format text --weights int8", capsys, 2).err


@pytest.mark.parametrize("variants", [PRIORS, LIKELIHOODS, REGULARISERS, DATA_SETS, EXPORT_FORMATS, METRICS])
def test_a_name_is_given_once(variants):
    name = next(iter(variants))

    class Other:
        pass

    Other.name = name
    with pytest.raises(ValueError, match="already"):
        variants.add(Other)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "a prior's name is of lower case letters"),
        ({"name": "Upper"}, "a prior's name is of lower case letters"),
        ({"name": "a,b"}, "a prior's name is of lower case letters"),
        ({"name": "all"}, "a prior's name is of lower case letters"),
        ({"name": 3}, "a prior's name is of lower case letters"),
        ({"aliases": ("mixture",)}, "there is a prior named mixture already"),
        ({"aliases": ("normal",)}, "there is a prior named normal already"),
        ({"options": (Option("alpha", float, "A."),)}, "cannot have an option 'alpha': there is one of that name"),
        ({"options": (Option("resume", str, "R."),)}, "cannot have an option 'resume': there is one of that name"),
        ({"options": (Option("gamma", str, "G.", "abc"),)}, "cannot have an option 'gamma': there is one of that name"),
        ({"options": (Option("a-b", float, "A."),)}, "cannot have an option 'a-b'"),
        ({"options": (Option("lambda", float, "L."),)}, "cannot have an option 'lambda'"),
        ({"options": (Option("width", float, "W."),) * 2}, "cannot have an option 'width'"),
        ({"options": (Option("fit", float, "F."),)}, "cannot have an option 'fit'"),
        ({"options": (Option("no_width", float, "W."),)}, "cannot have an option 'no_width'"),
        ({"options": (Option("width", float, "W.", -1.0, low=0),)}, "width refuses its own default"),
        ({"options": (Option("width", list, "W."),)}, "width has the kind <class 'list'>"),
        ({"options": (Option("width", float, "W.", flags="-e"),)}, "width cannot have -e: another option has it"),
        (
            {"options": (Option("width", float, "W.", flags="--alpha"),)},
            "width cannot have --alpha: another option has it",
        ),
        ({"defaults": {"alfa": 3}}, "has defaults of no option: alfa"),
        ({"noise_kind": "uniform"}, "has noise_kind 'uniform'; normal, student-t are"),
        ({"choice_kind": "banana"}, "has choice_kind 'banana'; None, point, element are"),
    ],
)
def test_what_cannot_be_added_changes_nothing(wrong, said):
    made = type("Made", (Prior,), {"name": "made", "aliases": (), "options": (), **wrong})
    before = list(PRIORS), by_name()
    with pytest.raises(ValueError, match=said):
        PRIORS.add(made)
    assert (list(PRIORS), by_name()) == before
    with pytest.raises(ValueError, match="the prior bare has no options"):
        PRIORS.add(type("Bare", (), {"name": "bare"}))


def test_a_name_is_itself_before_it_is_an_alias():
    assert PRIORS.named("mixture") == "mixture" and PRIORS.named("normal") == "gaussian"


def test_many_threads_find_the_same_tables():
    """From a process in which nothing has been looked at yet."""
    code = """
from concurrent.futures import ThreadPoolExecutor
from minidecomp import resolve
found = list(ThreadPoolExecutor(8).map(lambda i: resolve(prior="mixture", alpha=i), range(8)))
assert [o.alpha for o in found] == list(range(8)) and {o.data for o in found} == {"pinwheel"}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("engine", ["textbook", "cpu"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda z, x: {"z": z[..., :1]}, "the derivative by z has shape .*1\\), not "),
        (lambda z, x: {"z": 1.0}, "the derivative by z has shape None, not "),
        (lambda z, x: {"foo": z}, "derivatives by some of z, loc, scale"),
        (lambda z, x: {}, "derivatives by some of z, loc, scale"),
    ],
)
def test_a_regularisers_gradient_has_its_shape(engine, wrong, said):
    """Another would broadcast, and train in silence."""
    REGULARISERS.add(replace(MOMENTS, name="wrong", value_and_grad=lambda x, z, *more: (0.0, wrong(z, x))))
    X = np.random.default_rng(0).normal(size=(30, 3))
    try:
        with pytest.raises(ValueError, match=said):
            DecompositionVAE(regulariser="wrong", alpha=1.0, epochs=1, engine=engine).fit(X)
    finally:
        REGULARISERS.remove("wrong")


def test_a_regulariser_that_is_added_changes_no_other_number(capsys):
    """Least of all the log-likelihood and the KL, which an evaluation takes from the first of them."""
    REGULARISERS.remove("moments")
    try:
        run("train -e 2 --out r -q --no-plots", capsys)
        before = json.loads(Path("r/evaluation.json").read_text())["test"]
    finally:
        REGULARISERS.add(MOMENTS)
    run("evaluate r -q --metrics none", capsys)
    after = json.loads(Path("r/evaluation.json").read_text())["test"]
    assert after.pop("moments") > 0 and after == before


def test_a_likelihood_whose_mean_is_not_its_link_is_not_exported(capsys):
    """An export knows the link alone: another mean would go out wrong."""

    class Exponential(Unit):
        name, mean_link = "exponential", "identity"

        def mean(self, output):
            return np.exp(output)

    LIKELIHOODS.add(Exponential)
    try:
        run("train --likelihood exponential -e 1 --engine textbook --out r -q --no-plots", capsys)
        for kind in ("c", "numpy", "onnx"):
            err = run(f"export r --format {kind}", capsys, 2).err
            assert (
                "the exponential likelihood's mean is not the identity of its outputs" in err and err.count("\n") == 1
            )
        run("export r --format safetensors", capsys)
        assert "the CPU engine does not know this model" in run("gradients r --check --points 4", capsys).out
    finally:
        LIKELIHOODS.remove("exponential")


def test_a_data_set_that_says_nothing_but_its_points(capsys):
    X = np.random.default_rng(0).normal(size=(40, 3))
    DATA_SETS.add(DataSource("blob", lambda options: Dataset("blob", X, X)))
    try:
        run("train --data blob -e 1 --out r -q --no-plots", capsys)
        assert load_run("r").options.prior == "gaussian"
        assert "blob needs no fetching" in run("data fetch blob", capsys, 2).err
    finally:
        DATA_SETS.remove("blob")


def test_a_regulariser_that_fails_is_one_line(capsys):
    """In an evaluation of another's model, too, for all of them are computed."""

    def fails(*arguments):
        raise ZeroDivisionError("by me")

    REGULARISERS.add(replace(MOMENTS, name="fails", value=fails))
    try:
        err = run("train -e 1 --out r -q --no-plots", capsys, 1).err
        assert "the terms with regulariser fails failed: ZeroDivisionError: by me" in err
    finally:
        REGULARISERS.remove("fails")


def test_what_has_no_explanation_says_so(capsys):
    bare = type("Bare", (Logistic,), {"name": "bare", "explanation": None, "options": ()})
    PRIORS.add(bare)
    try:
        err = run("gradients --prior bare --term prior --explain --data pinwheel", capsys, 2).err
        assert "there is no explanation of this term" in err
    finally:
        PRIORS.remove("bare")


@pytest.mark.parametrize("name", ["kl", "all", "state", "alpha", "out"])
def test_a_metric_is_not_named_like_a_column(name):
    with pytest.raises(ValueError, match="name"):
        METRICS.add(Metric(name, "a test", of_codes=lambda codes: None))

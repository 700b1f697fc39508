"""The page's tables: what evaluation.json and the options become there, and that evaluate prints the same numbers."""

import json
import math
import re

import pytest

import minidecomp
from minidecomp.cli.main import main
from minidecomp.objective import Objective
from minidecomp.report.evaluation import estimate, evaluation, number
from minidecomp.report.settings import settings

FOUND = {
    "version": "1",
    "epochs": 3,
    "seed": 0,
    "train": {"epoch": 3, "log_likelihood": -2.0, "kl": 1.5, "regulariser": None, "objective": -3.5, "seconds": 1.0},
    "validation": {"log_likelihood": -2.5, "kl": 1.25, "regulariser": None, "objective": -3.75},
    "test": {"log_likelihood": -2.25, "kl": 1.75, "mmd": 0.5, "kl-inc": 0.25, "points": 400, "batch_size": 64},
    "dimensions": {"kl": [0.5, 2], "active": [1]},
    "decomposition": {
        "overlap": {
            "posterior_entropy": {"value": -1.0, "error": 0.0},
            "mutual_information": {"value": 2.38123, "error": 0.02204},
            "kl": {"value": 3.3, "error": None},
        },
        "match": {"mmd": {"value": 0.01083, "error": 0.00582}, "of_tomorrow": {"value": 1.0}},
        "points": 400,
        "samples": 2000,
    },
    "marginal_log_likelihood": {"mean": -1.848, "standard_error": 0.10186, "samples": 1, "effective_samples": 1.04},
    "factors": {"shape": 3},
    "metrics": {
        "unsupervised": {"score": 0.5, "details": {"gaussian_total_correlation": 0.5, "mutual_information": 1.0}},
        "hoyer": {"score": 0.75, "details": {"kept": [0, 1], "zero_points": 0, "gaps": [0, 2]}, "seed": 4},
        "of_a_plugin": {"score": None},
    },
}


def tables(found=FOUND, **objective):
    weights = {"beta": 1.0, "alpha": 0.0, "regulariser": "mmd"} | objective
    return {table["title"]: table for table in evaluation(found, Objective(**weights))}


def test_means_over_batches_and_estimates_of_all_points_stand_apart():
    found = tables()
    batches, whole = found["Means over batches"], found["All test points"]
    assert batches["head"] == ["training", "validation", "test"]
    assert batches["rows"] == [
        ["log-likelihood", "−2.0000", "−2.5000", "−2.2500"],
        ["KL", "1.5000", "1.2500", "1.7500"],
        ["MMD", "–", "–", "0.5000"],
        ["KL(p || q)", "–", "–", "0.2500"],
        ["objective", "−3.5000", "−3.7500", "–"],
    ]
    assert "400 test points in batches of 64" in batches["note"] and "400 test points" in whole["note"]
    assert whole["rows"] == [
        ["Overlap of the encodings"],
        ["posterior entropy", "−1.0000", ""],
        ["mutual information I(x;\u00a0z)", "2.381", "± 0.022"],
        ["KL, the sum of the four above", "3.3000", ""],
        ["Match of q(z) to the prior"],
        ["MMD", "0.0108", "± 0.0058"],
        ["of tomorrow", "1.0000", ""],
        ["Marginal log-likelihood"],
        ["log p(x)", "−1.85", "± 0.10"],
        ["· effective samples", "1.0", ""],
    ]


def test_the_page_says_why_a_term_has_two_values():
    assert "of 400 encodings; above, it is that of a batch of 64" in tables()["All test points"]["note"]
    one = FOUND | {"test": FOUND["test"] | {"batch_size": 400}}
    assert "from other samples, so the values differ by chance" in tables(one)["All test points"]["note"]
    assert "400 test points, one batch" in tables(one)["Means over batches"]["note"]
    many = FOUND | {"decomposition": FOUND["decomposition"] | {"points": 10_000}}
    assert "mixture of 10,000 encodings" in tables(many)["All test points"]["note"]
    assert "mean over epoch 3, during which the weights changed" in tables()["Means over batches"]["note"]


def test_the_kl_of_each_dimension_with_a_mixture_is_that_to_the_marginal():
    def note(found, is_product):
        made = evaluation(found, Objective(1.0, 0.0, "mmd"), is_product)
        return next(table["note"] for table in made if table["title"] == "Latent dimensions")

    assert "marginal p(z_d), so they do not add up to the KL" in note(FOUND, False)
    assert "marginal" not in note(FOUND, True)
    assert "marginal" not in note(FOUND | {"dimensions": {"kl": [1.0], "active": [0]}}, False)


def test_a_term_that_is_no_kl_has_its_own_row():
    train = {"log_likelihood": -2.0, "kl_term": 4.0, "regulariser": 1.5, "objective": -3.0}
    rows = tables(FOUND | {"train": train}, log_prior_multiplier=2.0, alpha=1.0)["Means over batches"]["rows"]
    assert ["log q - 2 log p", "4.0000", "–", "–"] in rows and ["KL", "–", "1.2500", "1.7500"] in rows
    assert ["MMD", "1.5000", "–", "0.5000"] in rows


def test_metrics_have_their_names_and_dimensions_count_from_1():
    found = tables()
    assert found["Latent dimensions"]["rows"] == [["z1", "0.5000", "no"], ["z2", "2.0000", "yes"]]
    metrics = found["Metrics"]
    assert metrics["rows"] == [
        ["Gaussian total correlation", "0.5000"],
        ["· mean mutual information between codes", "1.0000"],
        [minidecomp.variants.METRICS["hoyer"].title, "0.7500"],
        ["· dimensions used", "z1, z2"],
        ["· points with all codes zero", "0"],
        ["of a plugin", "–"],
    ]
    assert "shape (3)" in metrics["note"] and "Seed 4" in metrics["note"]


def test_many_dimensions_are_named_together():
    details = {"kept": list(range(30)), "active": list(range(25))}
    found = FOUND | {
        "dimensions": {"kl": [1.0] * 30, "active": []},
        "metrics": {"hoyer": {"score": 1.0, "details": details}},
    }
    rows = dict(tables(found)["Metrics"]["rows"])
    assert rows["· dimensions used"] == "all 30" and rows["· active dimensions"].endswith("z20 …")
    assert tables(found)["Latent dimensions"]["rows"][-1] == ["and 10 more", "", ""]


def test_errors_that_are_a_guess_are_in_the_note():
    decomposition = json.loads(json.dumps(FOUND["decomposition"])) | {"df": 2.0, "samples": 2000, "points": 400}
    decomposition["overlap"]["mutual_information"]["largest_share"] = 0.5
    decomposition["match"]["kl-inc"] = {"value": None, "error": None, "largest_share": 0.9}  # as in the file
    marginal = FOUND["marginal_log_likelihood"] | {
        "samples": 5000,
        "sampling_error": 0.01,
        "bias": 0.02,
        "dominated": 2000,
        "points": 9000,
    }
    made = tables(FOUND | {"decomposition": decomposition, "marginal_log_likelihood": marginal})["All test points"]
    assert (
        "1 of 2,000 samples makes a quarter or more of the squared error: mutual information I(x; z) (50 %)."
        in made["note"]
    )
    assert "KL(p || q) is infinite" in made["note"] and "a guess: for 2,000 of 9,000 points" in made["note"]
    assert ["KL(p || q)", "–", ""] in made["rows"] and ["· too low by about", "0.0200", ""] in made["rows"]


def test_nothing_evaluated_is_no_table():
    assert evaluation({}, Objective(1.0, 0.0, "mmd")) == []


SMALL = ["--points-per-arm", "10", "--hidden", "4", "--epochs", "1", "--no-plots", "--threads", "1", "-q"]
NUMBER = r"-?\d+\.\d+(?:e[+-]\d+)?"


def printed_numbers(lines):
    """Each row's value and error in evaluate's text, and the three numbers in the line about importance sampling."""
    found = re.findall(rf"^ +.*?[^ ] +({NUMBER})(?: +± ({NUMBER}))?(?:  [^ ].*)?$", "\n".join(lines), re.MULTILINE)
    words = rf"({NUMBER}) effective; sampling error ({NUMBER}); the estimate is too low by about ({NUMBER});"
    words = words.replace(" ", r"\s+")
    said = re.findall(words, "\n".join(lines))
    return [list(row) for row in found] + [[number, ""] for pair in said for number in pair]


def page_numbers(made):
    """The cells of the page's tables, with the signs of a terminal."""
    plain = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")
    rows = [cells for table in made for _, *cells in table["rows"] if cells]
    texts = [[cell.translate(plain).replace("\u00a0×\u00a010", "e").removeprefix("± ") for cell in row] for row in rows]
    return [row if len(row) == 2 and row[1] not in ("yes", "no") else [row[0], ""] for row in texts]


def test_evaluate_and_the_page_print_the_same_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *SMALL, "--prior", "student-t", "--data", "pinwheel", "--out", "r"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "r", "--log-likelihood", "--metrics", "all", "--verbose", "-q"]) == 0
    shown = printed_numbers(capsys.readouterr().out.splitlines())
    found = json.loads((tmp_path / "r/evaluation.json").read_text())
    of_test = {name: part for name, part in found.items() if name != "train"}
    in_page = page_numbers(evaluation(of_test, minidecomp.load_run("r").objective))
    assert len(shown) == 4 + 8 + 1 + 2 * 3 + 2 + 3 and sum(bool(error) for _, error in shown) >= 7
    assert [row for row in shown if row not in in_page] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        ("x", "–"),
        (0.0, "0.0000"),
        (-1253.98, "−1253.9800"),
        (4.136e-4, "0.00041"),
        (-4.136e-9, "−4.1 × 10⁻⁹"),
        (2000, "2000.0000"),
    ],
)
def test_numbers(value, text):
    assert number(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-34.4661, 0.39325, ["−34.47", "± 0.39"]),
        (1.0, "much", ["1.0000", ""]),
        (1.0, 1e-10, ["1.00000000000", "± 1.0\u00a0×\u00a010⁻¹⁰"]),
        (-1e-5, 0.02, ["0.000", "± 0.020"]),
    ],
)
def test_errors_leave_two_digits(value, error, text):
    assert estimate(value, error) == text


@pytest.mark.parametrize(
    ("given", "marked"),
    [
        ({}, set()),
        ({"data": "pinwheel", "hidden": (30,)}, {"--hidden"}),
        ({"data": "dsprites", "hidden": (30,), "beta": 4.0}, {"--hidden", "--beta"}),
        ({"data": "pinwheel", "prior": "student-t", "df": 3.0, "threads": 1}, {"--data", "--prior", "--df"}),
        ({"data": "x.csv", "likelihood": "gaussian", "lr_schedule": "cosine"}, {"--data", "--lr-schedule"}),
        ({"beta_warmup": 5, "log_gradients": True, "seed": 3}, {"--beta-warmup", "--log-gradients", "--seed"}),
    ],
)
def test_settings_that_differ_from_the_defaults_are_marked(given, marked):
    groups = settings(minidecomp.resolve(**given))
    assert [group["title"] for group in groups] == ["Data", "Prior p(z)", "Model", "Objective", "Training"]
    assert {name for group in groups for name, _, differs in group["rows"] if differs} == marked


def test_values_are_written_as_one_types_them():
    rows = {name: value for group in settings(minidecomp.resolve(hidden=(30, 20))) for name, value, _ in group["rows"]}
    assert rows["--hidden"] == "30,20" and rows["--amsgrad"] == "yes" and rows["--lr"] == "0.001"

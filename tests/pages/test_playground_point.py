"""A point's worked numbers on the playground: by hand they are the engine's, whatever the objective's terms."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from browsers import needs_chromium
from javascript import in_chromium, in_node, needs_node

from minidecomp.inspection.explanations import explanations
from minidecomp.page.constants import constants
from minidecomp.page.parts import json_text
from minidecomp.playground.formulas import formulas

PLAYGROUND = Path(__file__).parents[2] / "minidecomp/playground"
SCRIPTS = ("point_numbers", "point_prior", "point_likelihood", "point_kl", "point_regulariser", "point", "point_panel")
PULLING = ("log_likelihood", "kl", "regulariser")

CASES = {
    "mixture": {
        "prior": "mixture", "components": 7, "likelihood": "gaussian", "regulariser": "kl-inc", "alpha": 2.5,
        "samples": 3, "log_prior_multiplier": 2, "latent_dim": 2, "activation": "leaky-relu",
    },
    "student-t": {
        "prior": "student-t", "df": 5, "likelihood": "laplace", "regulariser": "mmd", "alpha": 40, "samples": 2,
        "latent_dim": 3, "decoder_activation": "softplus",
    },
    "sparse": {
        "prior": "sparse", "gamma": 0.8, "likelihood": "bernoulli", "regulariser": "mmd", "alpha": 3, "latent_dim": 4,
        "scale_link": "exp", "decoder_hidden": [5, 6], "width": 9,
    },
    "closed form": {
        "prior": "gaussian", "kl": "analytic", "likelihood": "gaussian", "alpha": 0, "latent_dim": 2,
        "learn_prior_variance": True, "prior_variance_scale": 2, "samples": 2,
    },
    "without KL": {"prior": "gaussian", "likelihood": "laplace", "regulariser": "kl-inc", "alpha": 1, "beta": 0},
}  # fmt: skip
USUAL = {
    "data": "own", "data_seed": 0, "prior_variance_scale": 0.3, "components": 4, "component_radius": 1, "df": 9,
    "gamma": 0.8, "spike_scale": 0.05, "learn_prior_variance": False, "latent_dim": 2, "hidden": [6],
    "decoder_hidden": [7], "activation": "relu", "decoder_activation": "tanh", "init": "torch",
    "scale_link": "softplus", "likelihood_scale": 0.1, "beta": 0.7, "alpha": 0, "regulariser": "mmd",
    "kl": "monte-carlo", "samples": 1, "log_prior_multiplier": 1, "batch_size": 11, "lr": 0.01, "amsgrad": True,
    "seed": 3,
}  # fmt: skip

# A few steps of training.
TRAINED = """
const data = pointsOf(given), trainer = new Trainer(given.options, data);
for (let step = 0; step < 4; step++) trainer.stepOnce();
const snapshot = trainer.snapshot(), look = snapshot.look;
"""
# What the panel says of every point of the next batch, and of one whose pull is not the engine's any more.
WORKED = """
const points = Array.from(look.rows, (_, i) => workedPoint(snapshot, i));
look.pulls.log_likelihood.loc[1] += 1e-6;
return { points, values: look.values, spoilt: workedPoint(snapshot, 0) };
"""
# What a person sees and does; the clock stands still between draws.
PANEL = """
let clock = 0;
performance.now = () => clock;
const container = document.body.appendChild(document.createElement("div")), panel = new PointPanel(container);
panel.columns = ["<b>a</b>", "b"];
const view = { chosen: null, arrows: { log_likelihood: true, kl: false, regulariser: true, sum: false } };
const found = {}, details = (term) => panel.sections.get(term).details;
const open = () => [...panel.sections].filter(([, section]) => section.details.open).map(([term]) => term);
const draw = (changes = {}) => panel.draw({ ...snapshot, running: false, ...changes }, view);
draw();
found.nothing = [container.innerText.trim(), panel.numbers.hidden];
view.chosen = data.rows - 1;
while (look.rows.includes(view.chosen)) view.chosen -= 1;
draw();
found.elsewhere = [container.innerText.trim(), view.chosen, panel.numbers.hidden];
view.chosen = look.rows[2];
draw();
found.chosen = view.chosen;
found.message = panel.message.textContent;
found.open = open();
found.pulls = Array.from(panel.pulls.body.rows, (row) => Array.from(row.cells, (cell) => cell.textContent));
found.classes = Array.from(panel.pulls.body.rows, (row) => row.cells[0].className);
found.checks = [...panel.sections.values()].map((section) => section.check.textContent);
found.bold = container.querySelectorAll("b").length;
found.columns = Array.from(panel.sections.get("log_likelihood").parts.body.rows, (row) => row.cells[0].textContent);
const summary = details("prior").querySelector("summary");
summary.click();
details("regulariser").querySelector("summary").click();
summary.focus();
view.arrows = { log_likelihood: false, kl: true, regulariser: true, sum: true };
for (let step = 0; step < 5; step++) {
  trainer.stepOnce();
  clock += 1000;
  panel.draw({ ...trainer.snapshot(), running: true }, view);
}
found.afterwards = open();
found.focus = document.activeElement === summary;
const message = (step, running) => {
  draw({ step, running });
  return Number(/step,? (\\d+)/.exec(panel.message.textContent)[1]);
};
clock = 10000;
found.shown = [message(10, true)];
for (const [later, step] of [[100, 11], [199, 12], [200, 13], [250, 14]]) {
  clock = 10000 + later;
  found.shown.push(message(step, true));
}
found.shown.push(message(15, false));
view.chosen = look.rows[0];
found.shown.push(message(16, true));
return found;
"""


def scripts():
    explained = f"const EXPLANATIONS = {json_text(formulas())};"
    return [explained, *((PLAYGROUND / f"{name}.js").read_text() for name in SCRIPTS)]


def situation(case):
    """The options, and 25 points of the case's width."""
    options = USUAL | {name: value for name, value in CASES[case].items() if name != "width"}
    x = np.random.default_rng(7).uniform(size=(25, CASES[case].get("width", 2)))
    return {"x": x, "rows": len(x), "width": x.shape[1], "options": options}


def worked(case):
    given = situation(case)
    return in_node(TRAINED + WORKED, given, *scripts()), given["options"]


@needs_node
@pytest.mark.parametrize("case", CASES)
def test_by_hand_is_the_engines(case):
    found, options = worked(case)
    weights = {"log_likelihood": 1, "kl": options["beta"], "regulariser": options["alpha"]}
    means = {term: [] for term in ("log_likelihood", "kl")}
    for sections in found["points"]:
        by_term = {section["term"]: section for section in sections}
        assert list(by_term) == ["posterior", "log_likelihood", "prior", "kl", "regulariser", "sum"]
        for term, section in by_term.items():
            np.testing.assert_allclose(section["byHand"], section["byEngine"], rtol=1e-9, atol=1e-9, err_msg=term)
            assert section["agree"] and len(section["byHand"]) == options["latent_dim"]
            assert section["lines"] and section["rows"]
        for term, weight in weights.items():
            assert np.any(by_term[term]["byEngine"]) == (weight > 0)
        total = np.sum([by_term[term]["byHand"] for term in PULLING], axis=0)
        np.testing.assert_allclose(by_term["sum"]["byHand"], total, rtol=1e-12)
        for term, values in means.items():
            values.append(by_term[term]["value"])
    for term, values in means.items():
        assert np.mean(values) == pytest.approx(found["values"][term], rel=1e-9)


@needs_node
def test_what_is_not_the_engines_is_said():
    found, _ = worked("mixture")
    agree = {section["term"]: section["agree"] for section in found["spoilt"]}
    assert not agree.pop("log_likelihood") and not agree.pop("sum")
    assert all(agree.values())


@needs_node
def test_a_line_works_its_result_out():
    found, options = worked("mixture")
    by_term = {section["term"]: section for section in found["points"][0]}
    kl, prior, divergence = by_term["kl"], by_term["prior"], by_term["regulariser"]
    assert kl["title"] == "KL term: log q - 2 log p"
    for line, slope in zip(kl["lines"][1:3], prior["byHand"], strict=True):
        assert float(line.rpartition(" = ")[2]) == pytest.approx(-2 * slope, rel=1e-5)
    # Each addend of the three largest and the rest's sum: R x (m - z) / v.
    for line, slope in zip(prior["lines"][1:], prior["byHand"], strict=True):
        _, addends, result = line.split(" = ")
        *shown, rest = addends.split(" + ")
        assert len(shown) == 3 and rest.endswith("(the other 4)")
        total = float(rest.split(" ")[0].strip("()"))
        for addend in shown:
            R, away, v = (float(part.strip("()")) for part in re.split(" × | / ", addend))
            total += R * away / v
        assert total == pytest.approx(slope, rel=1e-4, abs=1e-4) and float(result) == pytest.approx(slope, rel=1e-5)
    parts = prior["parts"]
    assert [row[0] for row in parts["rows"]][3:] == ["the other 4"] and len(parts["rows"]) == 4
    assert sum(row[2] for row in parts["rows"]) == pytest.approx(1)
    W = [row[3] for row in divergence["parts"]["rows"]]
    assert divergence["lines"][0].startswith(f"sum_j W = {sum(W):.6g}: how many of the {options['batch_size']} samples")


@needs_node
def test_many_values_are_the_largest_three_and_the_rest():
    found, _ = worked("sparse")
    section = found["points"][0][1]
    rows = section["parts"]["rows"]
    assert len(rows) == 4 and rows[3][0] == "the other 6" and rows[3][1] is None
    assert sum(row[4] for row in rows) == pytest.approx(section["value"], rel=1e-9)
    assert abs(rows[3][4]) / 6 <= min(abs(row[4]) for row in rows[:3])


def test_the_formulas_are_those_of_explain():
    found, explained = formulas(), explanations()
    assert found.keys() == explained.keys() and {"mixture-prior", "kl-inc", "mmd", "sample"} <= found.keys()
    for name, each in found.items():
        assert each == json.loads(json.dumps(each))
        assert tuple(each["formula"]) == explained[name].explanation.formula
        assert each["title"] == explained[name].explanation.title


@needs_node
def test_every_choice_of_a_term_is_worked():
    """A prior, likelihood, regulariser or link that the engine learns needs its numbers here, too."""
    tables = "{ PRIORS: WORKED_PRIORS, LIKELIHOODS: WORKED_LIKELIHOODS, REGULARISERS: WORKED_REGULARISERS,"
    tables += " SCALE_LINKS: LINK_FORMULAS }"
    names = "return Object.entries(tables).map(([name, table]) => [name, Object.keys(table)]);"
    for name, keys in in_node(f"const tables = {tables}; {names}", None, *scripts()):
        assert sorted(keys) == sorted(constants()[name])


@pytest.mark.slow
@needs_chromium
def test_the_panel(tmp_path):
    found = in_chromium(TRAINED + PANEL, situation("mixture"), tmp_path, *scripts())
    assert found["nothing"] == ["Choose a point in either plane to read its numbers.", True]
    text, point, hidden = found["elsewhere"]
    assert (
        text
        == f"Point {point + 1} is not in the batch of 11 points for the next step, 5; continue until a step has it."
    )
    assert hidden
    assert found["message"].startswith(f"Point {found['chosen'] + 1} is in the batch of 11 points for the next step")
    assert found["open"] == ["log_likelihood", "regulariser"]
    assert [row[0] for row in found["pulls"]] == ["reconstruction", "beta KL", "alpha D", "sum"]
    assert found["classes"] == ["reconstruction", "kl", "regulariser", "sum"]
    pulls = np.array([row[1:] for row in found["pulls"]], dtype=float)
    np.testing.assert_allclose(pulls[:3].sum(0), pulls[3], rtol=1e-4, atol=1e-4)
    assert all(check.endswith(": equal") for check in found["checks"])
    assert found["bold"] == 0 and found["columns"] == ["<b>a</b>", "b"]
    # What the person opened and closed stays so; the others go with their arrows.
    assert found["afterwards"] == ["prior", "kl", "sum"] and found["focus"]
    # Five times a second while it runs, at once when it stands still or another point is chosen.
    assert found["shown"] == [11, 11, 11, 14, 14, 16, 17]

"""The playground's settings, address, files and training thread, as plain functions in node."""

import math
import re
import tomllib
from pathlib import Path

import pytest
from javascript import in_node, needs_node

from minidecomp import playground, resolve
from minidecomp._core import codes
from minidecomp.model.from_options import vae
from minidecomp.page import json_text
from minidecomp.page.constants import PAGE_OPTIONS, option_constants
from minidecomp.runs.folder import config_text

FOLDER = Path(playground.__file__).parent
SCRIPTS = ("datasets.js", "settings.js", "setting_help.js", "address.js", "saving.js", "worker.js")
DATA_NAMES = ["pinwheel", "ring", "drawn"]
pytestmark = needs_node


def answer(body, given=None):
    options = f"Object.assign(CONSTANTS, {json_text(option_constants())});"
    return in_node(body, given, options, *((FOLDER / name).read_text("utf-8") for name in SCRIPTS))


# ---- settings ----


def test_a_setting_is_read_within_the_command_s_limits():
    texts = {
        "alpha": ["0", " 5 ", "1e-3", ".5"],
        "seed": ["0", "9007199254740993", "18446744073709551615"],
        "hidden": ["100", "64, 32", "8,8,8", ""],
        "amsgrad": ["false"],
        "prior": ["student-t"],
    }
    found = answer(
        "return Object.entries(given).map(([name, texts]) => texts.map((text) => readSetting(name, text)))", texts
    )
    assert found == [
        [{"value": value} for value in values]
        for values in (
            [0, 5, 1e-3, 0.5],
            [0, "9007199254740993", "18446744073709551615"],
            [[100], [64, 32], [8, 8, 8], []],
            [False],
            ["student-t"],
        )
    ]


WRONG = (
    ("alpha", "-1", "alpha must be 0 or more, not -1"),
    ("alpha", "", "alpha must be 0 or more, not empty"),
    ("alpha", "Infinity", "alpha must be 0 or more, not Infinity"),
    ("alpha", "0x10", "alpha must be 0 or more, not 0x10"),
    ("lr", "0", "lr must be above 0, not 0"),
    ("df", "1e9", "df must be above 0 and below 1000000000, not 1e9"),
    ("gamma", "1.5", "gamma must be from 0 to 1, not 1.5"),
    ("components", "2.5", "components must be a whole number from 1 to 50, not 2.5"),
    (
        "seed",
        "18446744073709551616",
        "seed must be a whole number from 0 to 18446744073709551615, not 18446744073709551616",
    ),
    ("seed", "-1", "seed must be a whole number from 0 to 18446744073709551615, not -1"),
    ("hidden", "8,8,8,8", "hidden must be up to 3 whole numbers from 1 to 256, separated by commas, not 8,8,8,8"),
    ("hidden", "0", "hidden must be up to 3 whole numbers from 1 to 256, separated by commas, not 0"),
    ("amsgrad", "maybe", "amsgrad must be true or false, not maybe"),
    ("prior", "cauchy", "prior must be one of gaussian, student-t, mixture, sparse, not cauchy"),
)


def test_a_wrong_setting_is_one_line():
    found = answer(
        "return given.map(([name, text]) => readSetting(name, text))", [[name, text] for name, text, _ in WRONG]
    )
    assert found == [{"fault": fault} for _, _, fault in WRONG]


def test_every_control_is_of_an_option_that_the_page_trains_with():
    found = answer(
        "return { names: [...SETTING_GROUPS.flatMap((group) => group.names), ...addressOptions()],"
        " labels: Object.keys(SETTING_LABELS), owners: Object.keys(SETTING_OWNERS) }"
    )
    named = set(found["names"]) | set(found["labels"]) | set(found["owners"])
    assert named <= {*PAGE_OPTIONS, "scale"}, "the page itself scales a table"
    groups = answer("return SETTING_GROUPS.flatMap((group) => group.names)")
    assert set(groups) <= set(found["labels"])
    assert answer("return Object.keys(SETTING_HELP).sort()") == answer("return Object.keys(SETTING_LABELS).sort()")
    from_table = answer("return Object.keys(CONSTANTS.options)")
    assert set(PAGE_OPTIONS) <= set(from_table)


def test_sliders_go_through_allowed_values_and_back():
    found = answer(
        """return Object.entries(SLIDERS).map(([name, slider]) => {
          const places = Array.from({ length: SLIDER_PLACES + 1 }, (_, place) => place);
          const values = places.map((place) => valueAtPlace(slider, place));
          return { name, slider, values, read: values.map((value) => readSetting(name, String(value)).value),
            again: values.map((value) => valueAtPlace(slider, placeOfValue(slider, value))) };
        })"""
    )
    for each in found:
        values, slider = each["values"], each["slider"]
        assert values == sorted(values) and values == each["read"], each["name"]
        assert each["again"] == pytest.approx(values, rel=0.03), each["name"]
        ends = (0 if slider.get("zero") else slider["low"], slider["high"])
        assert (values[0], values[-1]) == pytest.approx(ends), each["name"]
    beyond = answer(
        "return [placeOfValue(SLIDERS.alpha, 1e9), placeOfValue(SLIDERS.alpha, 1e-9), placeOfValue(SLIDERS.lr, 1e-9)]"
    )
    assert beyond == [200, 1, 0]


@pytest.mark.parametrize(("prior", "scale"), [("gaussian", 1), ("mixture", 0.03), ("sparse", 1), ("student-t", 1)])
def test_a_prior_brings_its_usual_variance(prior, scale):
    assert resolve(data="pinwheel", prior=prior).prior_variance_scale == scale
    body = """const before = withSettings(FIRST_OPTIONS, { prior: given === "mixture" ? "gaussian" : "mixture" });
      const after = (options) => withSettings(options, { prior: given }).prior_variance_scale;
      return [after(before), after({ ...before, prior_variance_scale: 0.5 })];"""
    assert answer(body, prior) == [scale, 0.5]


def test_what_follows_from_a_change():
    found = answer(
        """const changed = (options, changes) => withSettings({ ...FIRST_OPTIONS, ...options }, changes);
        return [changed({}, { hidden: [64, 32] }).decoder_hidden,
          changed({ decoder_hidden: [7] }, { hidden: [64, 32] }).decoder_hidden,
          changed({}, { activation: "tanh" }).decoder_activation,
          changed({ prior: "gaussian", kl: "analytic" }, { prior: "sparse" }).kl,
          changed({ prior: "gaussian" }, { kl: "analytic" }).kl,
          ...[{ latent_dim: 3 }, { prior: "mixture" }, { prior_variance_scale: 2 }, { alpha: 3 }].map((changes) => {
            const own = { prior: "gaussian", prior_scale: [1, 2], prior_variance: "pca" };
            const after = changed(own, changes);
            return ["prior_scale" in after, after.prior_variance];
          })];"""
    )
    assert found[:5] == [[32, 64], [7], "tanh", "monte-carlo", "analytic"]
    assert found[5:] == [[False, "iso"]] * 3 + [[True, "pca"]]


@pytest.mark.parametrize(
    "options", [{}, {"hidden": (9, 7, 5)}, {"likelihood": "laplace", "latent_dim": 5}, {"hidden": ()}]
)
def test_weights_are_counted_as_the_model_has_them(options):
    resolved = resolve(data="pinwheel", prior="mixture", **options)
    given = {name: getattr(resolved, name) for name in PAGE_OPTIONS}
    assert answer("return countWeights(given, 2)", given) == vae(resolved, 2).parameters.vector.size
    assert answer("return optionsFault({ ...given, hidden: [256, 256, 256] }, 2)", given).startswith(
        "hidden must give at most 20000 weights"
    )


def test_options_for_data():
    found = answer(
        """const data = (x, width) => ({ x: Float64Array.from(x), width });
        const bits = optionsForData(FIRST_OPTIONS, data(new Array(512).fill(1), 256));
        return [bits.likelihood, countWeights(bits, 256) <= MOST_WEIGHTS, bits.hidden, bits.decoder_hidden,
          optionsForData({ ...FIRST_OPTIONS, likelihood: "bernoulli" }, data([0, 2], 2)).likelihood,
          optionsForData({ ...FIRST_OPTIONS, likelihood: "laplace" }, data([0, 2], 2)).likelihood,
          optionsForData(FIRST_OPTIONS, data([0, 2], 2)).hidden,
          optionsForData(FIRST_OPTIONS, data([0, 1], 2), true).likelihood];"""
    )
    assert found.pop() == "gaussian", "what a person names stays"
    assert found[:2] == ["bernoulli", True] and found[2] == found[3] and len(found[2]) == 1
    assert found[4:] == ["gaussian", "laplace", [100]]


def test_what_was_set_for_the_data_is_said_and_put_back():
    found = answer(
        """const bits = { x: new Float64Array(512).fill(1), width: 256 };
        const reals = { x: Float64Array.of(0, 2), width: 2 };
        const fitted = optionsForData(FIRST_OPTIONS, bits), fits = fitsOfData(FIRST_OPTIONS, fitted);
        const changed = withSettings(fitted, { hidden: [4], alpha: 1 });
        const wide = { ...FIRST_OPTIONS, likelihood: "bernoulli" }, other = optionsForData(wide, reals);
        return { back: withoutFits(fitted, fits), first: FIRST_OPTIONS, notes: fitNotes(fitted, fits),
          kept: withoutFits(changed, fits).hidden, left: fitNotes(changed, fits).length,
          other: fitNotes(other, fitsOfData(wide, other)), none: fitNotes(FIRST_OPTIONS, {}) };"""
    )
    assert found["back"] == found["first"] and found["kept"] == [4] and found["left"] == 1 and found["none"] == []
    assert found["notes"] == [
        "The likelihood is bernoulli, not gaussian, because all values are 0 or 1.",
        "The hidden widths are 32, not 100: the page can train at most 20,000 weights.",
    ]
    assert found["other"] == ["The likelihood is gaussian, not bernoulli, because not all values are from 0 to 1."]


def test_two_of_the_dimensions_that_there_are():
    assert answer(
        "return [[[0, 1], 1], [[0, 0], 1], [[0, 0], 2], [[3, 1], 4], [[3, 1], 3]].map((each) => twoWithin(...each))"
    ) == [[0, 0], [0, 0], [0, 1], [3, 1], [0, 1]]


# ---- the address ----

VIEW = """{ chosen: null, arrows: { log_likelihood: true, kl: true, regulariser: true, sum: false }, dims: [0, 1],
  dimsChosen: false, columns: [0, 1], ellipses: new Set(),
  show: { data: true, reconstructions: true, samples: false },
}"""


def test_the_first_state_needs_no_address():
    state = f"{{ options: FIRST_OPTIONS, base: FIRST_OPTIONS, view: {VIEW}, drawn: null, table: null, stop: null"
    assert answer(f"return writeAddress({state}, pace: Infinity }})") == ""


def test_an_address_brings_the_state_back():
    body = """const state = { options: { ...FIRST_OPTIONS, data: "drawn", alpha: 0, hidden: [64, 32],
        decoder_hidden: [32, 64], prior: "sparse", latent_dim: 4, amsgrad: false, seed: "18446744073709551615" },
      base: FIRST_OPTIONS,
      view: { chosen: 12, arrows: { log_likelihood: false, kl: true, regulariser: false, sum: true }, dims: [2, 0],
        dimsChosen: true, columns: [3, 1], show: { data: false, reconstructions: true, samples: true },
        ellipses: new Set([4]) },
      drawn: [[0.125, -1.5], [2, -2], [0.001, 0]], table: null, stop: "match", pace: 5 };
      const text = writeAddress(state), found = readAddress("#" + text, ["match"], given);
      return { text, found, again: withSettings(FIRST_OPTIONS, found.options), options: state.options };"""
    result = answer(body, DATA_NAMES)
    found = result["found"]
    assert result["again"] == result["options"] and found["refused"] == []
    assert found["drawn"] == [[0.125, -1.5], [2, -2], [0.001, 0]]
    assert found["view"] == {
        "chosen": 12,
        "dims": [2, 0],
        "dimsChosen": True,
        "arrows": {"log_likelihood": False, "kl": True, "regulariser": False, "sum": True},
        "columns": [3, 1],
        "show": {"data": False, "reconstructions": True, "samples": True},
    }
    assert (found["stop"], found["table"], found["pace"], found["ellipses"]) == ("match", None, 5, True)
    assert "point=13&" in result["text"], "counted from 1, as on the page"
    assert "beta" not in result["text"] and "hidden=64,32" in result["text"]


def test_one_dimension_is_no_pair_in_an_address():
    body = """const options = { ...FIRST_OPTIONS, latent_dim: 1 }, base = FIRST_OPTIONS;
      const view = { ...VIEW, dims: [0, 0], dimsChosen: true };
      return writeAddress({ options, base, view, drawn: null, table: null, stop: null, pace: Infinity });"""
    assert answer(body.replace("VIEW", VIEW)) == "latent_dim=1"


@pytest.mark.parametrize(
    "changes",
    [
        {"prior": "sparse"},
        {"prior": "sparse", "prior_variance_scale": 0.03},
        {"prior": "gaussian", "kl": "analytic", "alpha": 5},
        {"alpha": 0, "hidden": [7]},
        {"hidden": [7], "decoder_hidden": [100]},
        {"activation": "tanh", "decoder_activation": "relu"},
    ],
)
@pytest.mark.parametrize("stop", [{}, {"alpha": 0, "prior": "student-t", "hidden": [9, 8]}])
def test_an_address_counts_from_the_stop_that_it_names(changes, stop):
    body = """const base = optionsOfStop({ options: given.stop });
      const options = withSettings(withSettings(FIRST_OPTIONS, given.stop), given.changes);
      const text = writeAddress({ options, base, view: VIEW, drawn: null, table: null, stop: null, pace: Infinity });
      const found = readAddress(text, [], ["pinwheel"]);
      return [withSettings(base, found.options), options, found.refused];""".replace("VIEW", VIEW)
    again, options, refused = answer(body, {"changes": changes, "stop": stop})
    assert again == options and refused == []


def test_what_an_address_says_wrongly_is_refused_and_the_rest_taken():
    address = (
        "#alpha=-1&gamma=0.5&data=iris&stop=nowhere&points=!!&point=x&arrows=up&dims=1,1&colour=red&seed=%E0"
        "&table=%3Cb%3E.csv&points=AAA&point=0&show=all&pace=3&columns=0,1&scale=unit"
    )
    found = answer(
        "return readAddress(given.address, ['match'], given.names)", {"address": address, "names": DATA_NAMES}
    )
    assert found["options"] == {"gamma": 0.5} and found["view"] == {} and found["drawn"] is None
    assert found["table"] == "<b>.csv"
    assert found["refused"] == [
        "alpha must be 0 or more, not -1",
        "data must be one of pinwheel, ring, drawn, not iris",
        "stop must be one of match, not nowhere",
        "points must be points packed by this page, not !!",
        "point must be the number of a point, counted from 1, not x",
        "arrows must be some of log_likelihood, kl, regulariser, sum, not up",
        "dims must be the numbers of two dimensions, counted from 1, not 1,1",
        "colour in the address is not a setting",
        "seed in the address is not text",
        "points must be points packed by this page, not AAA",
        "point must be the number of a point, counted from 1, not 0",
        "show must be some of data, reconstructions, samples, ellipses, not all",
        "pace must be one of 20, 5, 1, not 3",
        "columns must be the numbers of two columns, counted from 1, not 0,1",
        "scale must be one of none, standardise, not unit",
    ]


def test_500_drawn_points_fit_and_more_are_said_to_be_left_out():
    body = """const points = Array.from({ length: given }, (_, i) => [Math.sin(i) * 2, Math.cos(i)].map(onDrawnGrid));
      const state = { options: { ...FIRST_OPTIONS, data: "drawn" }, base: FIRST_OPTIONS, drawn: points, table: null,
        stop: null, view: VIEW, pace: Infinity };
      const { drawn } = readAddress(writeAddress(state), [], ["drawn"]);
      return [drawn && drawn.every((at, i) => at.join() === points[i].join()), leftOutOfAddress(state)];""".replace(
        "VIEW", VIEW
    )
    assert answer(body, 500) == [True, None]
    kept, said = answer(body, 501)
    assert kept is None and said.startswith("A link can hold at most 500 drawn points, not 501")
    table = answer(f"return leftOutOfAddress({{ options: {{}}, drawn: null, table: 'a.csv', view: {VIEW} }})")
    assert table == "A link cannot hold the table a.csv: whoever opens the link must drop that table on the page."


# ---- config.toml ----


@pytest.mark.parametrize("prior", codes.PRIORS)
@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
def test_the_command_takes_the_saved_config(prior, likelihood):
    body = """const options = withSettings({ ...FIRST_OPTIONS, lr: 1e-7, seed: "18446744073709551615" }, given);
      return { text: configText(options, 37, {}), options };"""
    saved = answer(body, {"prior": prior, "likelihood": likelihood, "hidden": [16, 8]})
    resolved = resolve(tomllib.loads(saved["text"]))
    for name in PAGE_OPTIONS:
        value = getattr(resolved, name)
        wanted = saved["options"][name]
        assert wanted == (
            str(value) if isinstance(wanted, str) else list(value) if isinstance(value, tuple) else value
        ), name
    assert (resolved.epochs, resolved.dtype, resolved.engine) == (37, "float64", "cpu")


def test_the_points_file_replaces_the_data():
    file = {"data": 'po"ints\u007f.csv', "header": True, "labels": "label"}
    text = answer("return configText(FIRST_OPTIONS, 0, given)", file)
    values = tomllib.loads(text)
    assert {name: values[name] for name in file} == file and values["epochs"] == 1
    assert not {"arms", "points_per_arm", "rate"} & set(values)


def test_a_run_s_own_options_of_its_data_go_with_that_data_only():
    body = """const options = { ...FIRST_OPTIONS, columns: "a,b", scale: "standardise" };
      return [true, false].map((ofTheRun) => optionsToSave(options, ofTheRun));"""
    ofTheRun, other = answer(body)
    assert (ofTheRun["columns"], ofTheRun["scale"], ofTheRun["beta"]) == ("a,b", "standardise", other["beta"])
    assert not {"columns", "scale"} & set(other)


def test_a_config_s_scale_is_the_page_s_where_it_has_it():
    found = answer("return [\"scale = 'standardise'\", 'scale = \"unit\"'].map((text) => readConfig(text, []))")
    assert found == [
        {"options": {"scale": "standardise"}, "refused": []},
        {"options": {}, "refused": ["scale must be one of none, standardise, not unit"]},
    ]


def test_a_config_is_read_back():
    options = resolve(data="pinwheel", prior="sparse", hidden=(64, 32), alpha=2.5, seed=2**64 - 1, epochs=9, threads=1)
    found = answer("return readConfig(given, ['pinwheel'])", config_text(options))
    assert found["refused"] == []
    assert found["options"]["hidden"] == [64, 32] and found["options"]["seed"] == "18446744073709551615"
    for name, value in found["options"].items():
        assert settled(value) == settled(getattr(options, name)), name
    assert set(found["options"]) >= {"prior", "gamma", "spike_scale", "beta", "alpha", "lr", "batch_size"}


def settled(value):
    return (
        list(value) if isinstance(value, tuple) else str(value) if isinstance(value, int) and value > 2**53 else value
    )


def test_what_a_config_says_beyond_the_page_is_said():
    text = """\ufeff# a comment
alpha = 1_0.5  # more
prior = 'mixture'
hidden = [8, 4,]
data = "flowers.csv"
beta_schedule = "0:0,10:4"
gamma = 3
[table]
activation = "tanh" # "quoted"
"""
    found = answer("return readConfig(given, ['pinwheel'])", text)
    assert found["options"] == {"alpha": 10.5, "prior": "mixture", "hidden": [8, 4], "activation": "tanh"}
    assert found["refused"] == [
        "drop its data, flowers.csv, on the page as well",
        "beta_schedule = 0:0,10:4 cannot be used in the page",
        "gamma must be from 0 to 1, not 3",
        "the line [table] is not of the form name = value",
    ]


# ---- the thread that trains ----

THREAD = """
  const sent = [], due = [];
  let clock = 0;
  const later = (callback, ms) => due.push([clock + ms, callback]);
  const thread = new TrainingThread((message) => sent.push(message), () => clock, later);
  const x = Float64Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const data = { name: "points", x, rows: 20, width: 2, labels: null, classNames: [], columns: ["a", "b"],
    imageShape: null };
  const options = { ...FIRST_OPTIONS, hidden: [4], decoder_hidden: [4], batch_size: 10 };
  const run = (until) => {
    while (due.length && Math.min(...due.map(([at]) => at)) <= until) {
      due.sort((a, b) => a[0] - b[0]);
      const [at, callback] = due.shift();
      clock = Math.max(clock, at) + 1;
      callback();
    }
    clock = Math.max(clock, until);
  };
  const snapshots = () => sent.filter((message) => message.is === "snapshot");
  const begin = () => thread.receive({ do: "begin", options, data, state: null });
"""


def in_thread(body, given=None):
    return answer(THREAD + body, given)


def test_a_step_at_a_time():
    found = in_thread(
        """begin();
        thread.receive({ do: "shown" });
        thread.receive({ do: "step" });
        return { order: sent.map((message) => message.is), steps: snapshots().map((each) => each.step),
          history: Array.from(snapshots()[1].history), running: snapshots()[1].running };"""
    )
    assert found["order"] == ["begun", "snapshot", "snapshot"] and found["steps"] == [0, 1]
    step, *terms = found["history"]
    assert step == 1 and len(terms) == 4 and not found["running"]
    log_likelihood, kl, regulariser, objective = terms
    assert objective == pytest.approx(log_likelihood - 0.5 * kl - 5 * regulariser)


def test_no_snapshot_before_the_last_is_shown_and_at_most_30_a_second():
    found = in_thread(
        """TrainingThread.prototype.makeStep = function () {
          clock += 2;
          this.trainer.adam.step += 1;
          this.keep({ log_likelihood: 1, kl: 2, objective: 3 });
          this.finished.push(clock);
          this.wanted = true;
        };
        begin();
        thread.receive({ do: "play" });
        run(500);
        const before = snapshots().length;
        const times = [];
        const post = thread.post;
        thread.post = (message) => {
          post(message);
          if (message.is === "snapshot") times.push(clock);
          thread.shown = true;
        };
        thread.receive({ do: "shown" });
        run(2500);
        const rows = snapshots().slice(before).flatMap((each) => Array.from(each.history));
        const gaps = times.slice(1).map((at, i) => at - times[i]);
        return { before, gaps, steps: rows.filter((_, i) => i % 5 === 0), pace: snapshots().at(-1).stepsPerSecond };"""
    )
    assert found["before"] == 1
    assert min(found["gaps"]) >= 1000 / 30 and 40 <= len(found["gaps"]) <= 75
    assert found["steps"] == list(range(1, len(found["steps"]) + 1)), "every step is in one history"
    assert 300 < found["pace"] <= 510


@pytest.mark.parametrize("pace", [1, 5, 20])
def test_slow_motion(pace):
    body = """begin();
      thread.receive({ do: "pace", stepsPerSecond: given });
      thread.receive({ do: "play" });
      run(4000);
      return thread.trainer.step;"""
    assert in_thread(body, pace) == pytest.approx(4 * pace, abs=1)


@pytest.mark.parametrize("pace", [1, 5, 20])
def test_the_pace_is_counted_from_step_to_step(pace):
    body = """begin();
      thread.receive({ do: "pace", stepsPerSecond: given });
      thread.receive({ do: "play" });
      const paces = [thread.stepsPerSecond()];
      for (let second = 1; second <= 6; second++) {
        run(730 * second);
        paces.push(thread.stepsPerSecond());
      }
      return paces;"""
    assert in_thread(body, pace) == pytest.approx([pace] * 7, rel=0.1)


def test_the_page_is_told_whether_a_state_goes_on():
    found = in_thread(
        """begin();
        thread.receive({ do: "step" });
        const { adam, model: { parameters: { vector } }, epoch, row } = thread.trainer;
        const state = { vector: vector.slice(), m: adam.m.slice(), v: adam.v.slice(), vMax: adam.vMax.slice(),
          step: adam.step, epoch, row };
        thread.receive({ do: "begin", options, data, state });
        thread.receive({ do: "change", options: { ...options, seed: 5 } });
        return sent.filter((message) => message.is === "begun").map(({ goesOn }) => Boolean(goesOn));"""
    )
    assert found == [False, True, False]


def test_pause_and_faults():
    found = in_thread(
        """begin();
        thread.receive({ do: "play" });
        thread.receive({ do: "pause" });
        run(100);
        const paused = thread.trainer.step;
        thread.receive({ do: "change", options: { ...options, lr: 1e300 } });
        thread.receive({ do: "play" });
        run(200);
        return { paused, running: thread.running, sent: sent.filter((message) => message.is !== "snapshot") };"""
    )
    assert found["paused"] == 0 and not found["running"]
    kept, fault = found["sent"][-2:]
    assert kept == {"is": "begun", "anew": False, "turn": 0}
    assert fault["is"] == "fault" and "not finite" in fault["message"] and "\n" not in fault["message"]


def test_a_change_of_shape_begins_anew():
    found = in_thread(
        """begin();
        thread.receive({ do: "step" });
        thread.receive({ do: "change", options: { ...options, alpha: 1 } });
        const kept = thread.trainer.step;
        thread.receive({ do: "change", options: { ...options, hidden: [5], decoder_hidden: [5] } });
        const begun = sent.filter((message) => message.is === "begun");
        return [kept, thread.trainer.step, begun.map((message) => message.anew)];"""
    )
    assert found == [1, 0, [True, False, True]]


# ---- the style sheet ----


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out(theme):
    blocks = re.findall(r":root \{(.*?)\}", (FOLDER / "page.css").read_text("utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[theme]))
    for text in ("ink", "faint", "prior", "reconstruction", "kl", "regulariser", "mark", "sum"):
        for ground in ("paper", "panel"):
            light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
    assert math.isclose(luminance("#ffffff"), 1)


def test_what_is_long_deep_or_has_a_name_that_every_object_has_is_refused():
    nines, deep = "9" * 200_000, "[" * 30_000
    found = answer(
        """return [...["beta", "seed", "hidden"].map((name) => readSetting(name, `${given.nines}x`)),
          readSetting("beta", given.nines).fault.length < 120, CELL_NUMBER.test(given.nines + "x"),
          readConfig(`hidden = ${given.deep}\nbeta = 1${"_1".repeat(9000)}\ntoString = 1\n  alpha = 2  `, []),
          readAddress("#toString=1&constructor=2&__proto__=3", [], []).refused.length,
          Object.keys(optionsToSave({ ...FIRST_OPTIONS, from_run: "a", keep_optimizer: true, toString: 1 }, true)),
          configText({ ...FIRST_OPTIONS, toString: 1 }, 1, {})];""",
        {"nines": nines, "deep": deep},
    )
    assert all("fault" in each for each in found[:3]) and found[3] and not found[4]
    assert found[5]["options"] == {"alpha": 2} and len(found[5]["refused"]) == 3
    assert found[6] == 3 and not {"from_run", "keep_optimizer"} & set(found[7]) and "toString" not in found[8]


def test_what_the_page_no_longer_shows_goes_back_with_its_own_number():
    found = answer(
        """const sent = [], due = [];
        const later = (callback) => due.push(callback);
        const thread = new TrainingThread((message) => sent.push([message.is, message.turn]), () => 0, later);
        const data = DATASETS.ring.make(FIRST_OPTIONS);
        const options = { ...FIRST_OPTIONS, hidden: [4], decoder_hidden: [4] };
        thread.receive({ do: "begin", turn: 1, options, data });
        thread.receive({ do: "step" });
        const before = thread.trainer.step;
        thread.receive({ do: "change", turn: 2, options, data: DATASETS.moons.make(FIRST_OPTIONS) });
        return { sent, before, step: thread.trainer.step, name: thread.trainer.data.name };"""
    )
    assert {tuple(each) for each in found["sent"]} == {("begun", 1), ("snapshot", 1), ("begun", 2), ("snapshot", 2)}
    assert found["before"] == found["step"] == 1 and found["name"] == "moons"

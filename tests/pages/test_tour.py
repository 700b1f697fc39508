"""The tour's stops: each shows as numbers what it promises, and docs/teaching.md says the same of it."""

import json
import operator
import shlex
from pathlib import Path

import numpy as np
import pytest
from javascript import in_node, needs_node

import minidecomp
from minidecomp import resolve
from minidecomp.data import dataset_from
from minidecomp.evaluation.decomposition import decomposition
from minidecomp.page.constants import option_constants
from minidecomp.page.parts import json_text
from minidecomp.training import start_in_memory, train

TOUR = Path(minidecomp.__file__).parent / "playground" / "tour.json"
LESSON = Path(__file__).parents[2] / "docs" / "teaching.md"
STOPS = json.loads(TOUR.read_text("utf-8"))
IDS = [stop["id"] for stop in STOPS]
SIGNS = {"<": operator.lt, ">": operator.gt}
ASLEEP = 0.1  # a dimension sleeps if the standard deviation of its means over the points is below
NOT_OF_THE_MODEL = {"version", "epochs", "dtype", "engine", "threads"}


def options_of(stop, **more):
    """The options of a stop, by name: those of the pinwheel and the mixture prior but for what it changes."""
    return {**vars(resolve(data="pinwheel", prior="mixture")), **stop["options"], **more}


def shown(stop, seed):
    """What the page shows after the stop's steps, by the names that promises have."""
    more = {"seed": seed, "epochs": stop["steps"], "dtype": "float64", "engine": "cpu"}
    options = resolve(options_of(stop, **more))
    dataset = dataset_from(options)
    assert options.batch_size == len(dataset.train)  # an epoch is a step
    trainer = start_in_memory(options, dataset)
    assert train(trainer)
    trainer.engine.pull()
    loc, scale = trainer.state.vae.encode(dataset.train)
    found = decomposition(loc, scale, trainer.state.vae.current_prior(), samples=400, seed=seed)
    last, spread = trainer.state.rows[-1], loc.std(axis=0)
    return {
        "klPQ": found["match"]["kl-inc"]["value"],
        "mutualInformation": found["overlap"]["mutual_information"]["value"],
        "mmd": last["regulariser"] if options.regulariser == "mmd" else np.nan,
        "kl": last["kl"],
        "log_likelihood": last["log_likelihood"],
        "maxSpread": spread.max(),
        "sleeping": (spread < ASLEEP).sum(),
    }


def check(stop, found):
    assert stop["promises"]
    for quantity, sign, number in stop["promises"]:
        assert SIGNS[sign](found[quantity], number), (quantity, found[quantity])


@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS, ids=IDS)
def test_a_stop_shows_what_it_promises(stop):
    check(stop, shown(stop, stop["options"].get("seed", 0)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("stop", STOPS, ids=IDS)
def test_other_seeds_do_too(stop, seed):
    check(stop, shown(stop, seed))


PAGES_OWN = """
const options = optionsOfStop(given.stop), data = DATASETS[options.data].make(options);
const trainer = new Trainer(options, data);
let values;
while (trainer.step < given.stop.steps) values = trainer.stepOnce();
const encodings = encode(trainer.model, data.x, data.rows), prior = currentPrior(trainer.model);
const { spread } = aboutDimensions(encodings, data.rows, prior, options.seed);
return {
  ...overlapAndMatch(encodings, data.rows, prior, options.seed), ...values, mmd: values.regulariser,
  maxSpread: Math.max(...spread), sleeping: spread.filter((each) => each < given.asleep).length,
};
"""


@needs_node
@pytest.mark.slow
@pytest.mark.parametrize("stop", STOPS, ids=IDS)
def test_the_pages_engine_shows_it(stop):
    options = f"Object.assign(CONSTANTS, {json_text(option_constants())});"
    scripts = [(TOUR.parent / each).read_text("utf-8") for each in ("datasets.js", "settings.js")]
    check(stop, in_node(PAGES_OWN, {"stop": stop, "asleep": ASLEEP}, options, *scripts))


def test_alpha_makes_the_difference():
    """The second and the third stop differ in alpha alone, and their promises exclude each other."""
    without, matched = STOPS[1], STOPS[2]
    assert {**without["options"], "alpha": 5} == matched["options"] and without["options"]["alpha"] == 0
    assert ["klPQ", ">", 2] in without["promises"] and ["klPQ", "<", 0.3] in matched["promises"]


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def sections():
    """The lesson's stops, by their titles."""
    parts = LESSON.read_text("utf-8").split("\n## The seven stops\n")[1].split("\n### ")[1:]
    return [part.split("\n", 1) for part in parts]


def test_the_lesson_has_the_same_stops(sections):
    assert [title for title, _ in sections] == [f"{i}. {stop['title']}" for i, stop in enumerate(STOPS, 1)]
    assert len(STOPS) == 7 and len(set(IDS)) == 7


@pytest.mark.parametrize("i", range(len(STOPS)), ids=IDS)
def test_the_lesson_says_the_same_sentences(i, sections):
    said, command = sections[i][1].split("```sh\n")
    assert words(said) == f"**{STOPS[i]['question']}** {STOPS[i]['look_for']}"
    assert command.count("\n```") == 1


@pytest.mark.parametrize("i", range(len(STOPS)), ids=IDS)
def test_the_lessons_command_trains_the_stops_model(i, sections):
    program, name, *rest = shlex.split(sections[i][1].split("```sh\n")[1].split("\n```")[0])
    assert (program, name) == ("minidecomp", "train")
    given = {flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(*[iter(rest)] * 2, strict=True)}
    options = vars(resolve(given))
    assert options["epochs"] == STOPS[i]["steps"] and options["dtype"] == "float64"
    expected = options_of(STOPS[i])
    assert {n: v for n, v in options.items() if n not in NOT_OF_THE_MODEL} == {
        n: v for n, v in expected.items() if n not in NOT_OF_THE_MODEL
    }

"""The page's engine against the reference cases, the textbook's random numbers, and the CPU engine's training."""

import numpy as np
import pytest
import reference_cases
from browsers import needs_chromium
from javascript import in_chromium, in_node, needs_node
from numpy.testing import assert_allclose, assert_array_equal

import minidecomp
from minidecomp import training
from minidecomp.page.values import prior_values
from minidecomp.randomness import philox, streams

# Weights that give a term's own gradient
ALONE = {
    "log_likelihood": {"log_likelihood": 1, "kl": 0, "regulariser": 0},
    "kl": {"log_likelihood": 0, "kl": 1, "regulariser": 0},
    "regulariser": {"log_likelihood": 0, "kl": 0, "regulariser": 1},
    "objective": None,
}

CASES = """
return given.cases.map((each) => {
  const model = makeModel(each.options, each.width, Float64Array.from(each.vector));
  model.prior = typedPrior(each.prior);
  model.meanVariance = each.meanVariance;
  const [x, eps, priorSample] = [each.x, each.eps, each.priorSample].map((values) => Float64Array.from(values));
  const draws = { eps, priorSample, priorNoise: null, priorChoice: null };
  return Object.fromEntries(Object.entries(given.weights).map(([term, weights]) => {
    const found = valueAndGrad(model, each.options, x, each.rows, draws, true, weights || undefined);
    return [term, { value: found.values[term], gradient: found.gradient.vector, z: found.byZ }];
  }));
});
"""


def reference(name):
    """A reference case as the page's engine takes it."""
    _, vae, objective, x, draws = reference_cases.load(name)
    options = minidecomp.resolve(data="pinwheel", prior=vae.prior.name)
    values = vars(options) | vars(objective)
    values |= {
        "hidden": vae.encoder.widths[1:-1],
        "decoder_hidden": vae.decoder.widths[1:-1],
        "activation": vae.encoder.activation,
        "decoder_activation": vae.decoder.activation,
        "latent_dim": vae.latent_dim,
        "likelihood": vae.likelihood.name,
        "likelihood_scale": getattr(vae.likelihood, "scale", 1.0),
        "scale_link": vae.scale_link,
        "learn_prior_variance": vae.learn_prior_variance,
    }
    return {
        "options": values,
        "width": vae.data_dim,
        "vector": vae.parameters.vector,
        "prior": prior_values(vae.prior),
        "meanVariance": vae.prior_variance_scale,
        "x": x,
        "rows": len(x),
        "eps": draws.eps,
        "priorSample": draws.prior_sample,
    }


def check_references(found):
    for name, answers in zip(reference_cases.NAMES, found, strict=True):
        case, vae, _, _, _ = reference_cases.load(name)
        for term, answer in answers.items():
            assert_allclose(answer["value"], case[f"value.{term}"], rtol=1e-9)
            assert_allclose(answer["z"], case[f"grad.{term}.z"].ravel(), rtol=1e-9, atol=1e-12)
            expected = np.concatenate([case[f"grad.{term}.{each}"].ravel() for each in vae.parameters.shapes])
            atol = 1e-9 * max(np.abs(expected).max(), 1e-3)
            assert_allclose(answer["gradient"], expected, rtol=1e-9, atol=atol, err_msg=f"{name} {term}")


@needs_node
def test_the_24_reference_cases():
    given = {"cases": [reference(name) for name in reference_cases.NAMES], "weights": ALONE}
    check_references(in_node(CASES, given))


@pytest.mark.slow
@needs_chromium
def test_the_24_reference_cases_in_a_browser(tmp_path):
    given = {"cases": [reference(name) for name in reference_cases.NAMES], "weights": ALONE}
    check_references(in_chromium(CASES, given, tmp_path))


@needs_node
def test_it_draws_the_same_numbers():
    seed, step = 2**64 - 3, 2**63 + 5
    found = in_node(
        """
        const at = [given.seed, given.purpose, given.step];
        const drawn = [philoxWords(7, ...at), uniforms(5, ...at), normals(5, ...at), studentTs(5, 3.5, ...at)];
        return [...drawn, permutation(50, ...at), [0.01, 3, 9.5, 999, 1e6].map(studentTNormaliser)];
        """,
        {"seed": str(seed), "purpose": 6, "step": str(step)},
    )
    at = seed, 6, step
    assert_array_equal(found[0], philox.words(7, *at))
    assert_array_equal(found[1], philox.uniform((5,), *at))
    assert_allclose(found[2], philox.normal((5,), *at), rtol=1e-13)
    assert_allclose(found[3], philox.student_t((5,), 3.5, *at), rtol=1e-13)
    assert_array_equal(found[4], philox.permutation(50, *at))
    from minidecomp.terms.priors import StudentT

    normalisers = [StudentT(0, 1, df).log_normaliser for df in (0.01, 3, 9.5, 999, 1e6)]
    assert_allclose(found[5], normalisers, rtol=1e-12)


@needs_node
def test_its_streams_are_minidecomps():
    found = in_node(
        'return [streamAt("EPOCH_ORDER", 7), streamAt("DECOMPOSITION_NOISE"), streamStep("VALIDATION", 3)];'
    )
    assert found == [
        [streams.EPOCH_ORDER.at(7)[0], str(streams.EPOCH_ORDER.step(7))],
        [streams.DECOMPOSITION_NOISE.at()[0], str(streams.DECOMPOSITION_NOISE.step())],
        str(streams.VALIDATION.step(3)),
    ]


# A look now and then, as the page has it, must not change a step.
TRAIN = """
const trainer = new Trainer(given.options, pointsOf(given));
const values = [];
for (let i = 0; i < given.steps; i++) {
  if (i % 7 === 3) trainer.snapshot();
  values.push(trainer.stepOnce());
}
const { m, v, vMax } = trainer.adam;
return { vector: trainer.model.parameters.vector, m, v, vMax, epoch: trainer.epoch, row: trainer.row, values };
"""
RUNS = {
    "mixture": {"alpha": 5.0},
    "mixture-mmd": {"prior": "mixture", "alpha": 5.0, "regulariser": "mmd", "batch_size": 133, "hidden": (20, 10, 5)},
    "mixture-as-the-authors": {"prior": "mixture", "log_prior_multiplier": 2.0, "samples": 3, "activation": "tanh"},
    "gaussian-learned": {"prior": "gaussian", "alpha": 2.0, "learn_prior_variance": True, "scale_link": "exp"},
    "gaussian-sampled": {"prior": "gaussian", "kl": "monte-carlo", "beta": 4.0, "init": "he", "activation": "softplus"},
    "student-t": {"prior": "student-t", "alpha": 5.0, "regulariser": "mmd", "learn_prior_variance": True, "df": 3.0},
    "sparse": {"prior": "sparse", "alpha": 5.0, "latent_dim": 5, "amsgrad": False, "activation": "leaky-relu"},
    "laplace": {"prior": "mixture", "alpha": 1.0, "likelihood": "laplace", "batch_size": 100, "latent_dim": 3},
}


def trained(**given):
    """A run of the CPU engine in float64, 50 steps or a little more, and what the page's engine needs for the same."""
    given = {"data": "pinwheel", "prior": "mixture", **given}
    options = minidecomp.resolve(**given, dtype="float64", engine="cpu", threads=1, epochs=1)
    dataset = minidecomp.data.load("pinwheel")
    a_step = min(options.batch_size, 400)
    options = options.replace(epochs=-(-50 // -(-400 // a_step)) if 400 % a_step == 0 else 17)
    trainer = training.start_in_memory(options, dataset)
    training.train(trainer)
    values = {"options": vars(trainer.options), "x": dataset.train, "rows": 400, "width": 2}
    return trainer, values | {"steps": trainer.state.optimizer.step}


def check_training(trainer, found):
    state = trainer.state
    adam = state.optimizer
    assert state.optimizer.step >= 50 and (found["epoch"], found["row"]) == (state.epoch, 0)
    assert_allclose(found["vector"], state.vae.parameters.vector, rtol=1e-9, atol=1e-9)
    for name, mine in (("m", adam.m), ("v", adam.v), ("vMax", adam.v_max)):
        if mine is not None:
            assert_allclose(found[name], mine, rtol=1e-9, atol=1e-9 * np.abs(mine).max())
    last = state.rows[-1]
    count = -(-400 // min(trainer.options.batch_size, 400))
    if count == 1:
        for term, value in found["values"][-1].items():
            assert_allclose(value, last[term], rtol=1e-9)


FAST = ("mixture", "gaussian-learned")


@needs_node
@pytest.mark.parametrize(
    "name", [each if each in FAST else pytest.param(each, marks=pytest.mark.slow) for each in RUNS]
)
def test_fifty_steps_are_the_cpu_engines(name):
    trainer, given = trained(**RUNS[name])
    check_training(trainer, in_node(TRAIN, given))


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name", ["mixture", "sparse"])
def test_fifty_steps_in_a_browser(name, tmp_path):
    trainer, given = trained(**RUNS[name])
    check_training(trainer, in_chromium(TRAIN, given, tmp_path))


@needs_node
def test_a_run_goes_on_from_its_state():
    found = in_node(
        """
        const data = pointsOf(given);
        const one = new Trainer(given.options, data);
        for (let i = 0; i < 11; i++) one.stepOnce();
        const two = Trainer.fromState(given.options, data, one.state());
        for (let i = 0; i < 6; i++) { one.stepOnce(); two.stepOnce(); }
        return [one.model.parameters.vector, two.model.parameters.vector, two.step, two.epoch, two.row];
        """,
        trained(batch_size=150)[1],
    )
    assert found[0] == found[1] and found[2:] == [17, 5, 300]


CHANGES = """
const data = pointsOf(given);
return given.changes.map((changes) => {
  const trainer = new Trainer(given.options, data);
  for (let i = 0; i < 5; i++) trainer.stepOnce();
  const before = trainer.model.parameters.vector.slice(), answer = trainer.change({ ...given.options, ...changes });
  const step = trainer.step, same = before.every((value, i) => value === trainer.model.parameters.vector[i]);
  for (let i = 0; i < 3; i++) trainer.stepOnce();
  const { look } = trainer.snapshot();
  return { answer, step, same, terms: Object.keys(look.norms), vector: trainer.model.parameters.vector };
});
"""


@pytest.mark.slow
@needs_node
def test_all_but_the_shape_changes_training_as_it_runs():
    kept = [
        {"alpha": 0.0},
        {"beta": 3.0},
        {"prior": "sparse", "gamma": 0.5},
        {"prior": "student-t", "df": 3.0},
        {"components": 7},
        {"regulariser": "mmd"},
        {"samples": 4},
        {"lr": 0.01},
        {"scale_link": "exp"},
        {"batch_size": 100},
        {"activation": "tanh"},
        {"prior": "gaussian", "kl": "analytic"},
    ]
    anew = [{"hidden": [10, 10]}, {"latent_dim": 3}, {"seed": 1}, {"init": "he"}, {"learn_prior_variance": True}]
    _, given = trained(alpha=5.0)
    found = in_node(CHANGES, given | {"changes": [{}, *kept, *anew]})
    plain = found[0]["vector"]
    for change, answer in zip([{}, *kept], found, strict=False):
        assert (answer["answer"], answer["step"], answer["same"]) == ("kept", 5, True), change
        assert answer["terms"] == ["log_likelihood", "kl", *(["regulariser"] if change.get("alpha", 5) else [])]
        assert (answer["vector"] == plain) == (change == {}), change
    for change, answer in zip(anew, found[1 + len(kept) :], strict=True):
        assert (answer["answer"], answer["step"]) == ("begun anew", 0), change


@needs_node
def test_another_likelihood_keeps_what_both_have():
    found = in_node(
        """
        const data = pointsOf(given);
        const trainer = new Trainer(given.options, data);
        for (let i = 0; i < 5; i++) trainer.stepOnce();
        const means = () => meanOfData(trainer.model, Float64Array.of(0.3, -0.2, 1, 2), 2), before = means();
        const answers = ["laplace", "gaussian"].map((likelihood) => trainer.change({ ...given.options, likelihood }));
        const after = means();
        trainer.stepOnce();
        return [before, after, answers, trainer.step, trainer.adam.m.length, trainer.model.parameters.vector.length];
        """,
        trained(alpha=5.0)[1],
    )
    assert found[0] == found[1] and found[2] == ["kept", "kept"] and found[3] == 6 and found[4] == found[5]


@needs_node
def test_what_cannot_go_on_is_said_and_changes_nothing():
    found = in_node(
        """
        const data = pointsOf(given);
        const said = (work) => { try { work(); return null; } catch (error) { return error.message; } };
        const trainer = new Trainer({ ...given.options, lr: 1e300 }, data);
        const lines = [said(() => { trainer.stepOnce(); trainer.stepOnce(); })];
        const vector = trainer.model.parameters.vector.slice();
        lines.push(said(() => trainer.stepOnce()));
        const unchanged = vector.every((value, i) => Object.is(value, trainer.model.parameters.vector[i]));
        const other = new Trainer(given.options, data);
        lines.push(said(() => other.change({ ...given.options, kl: "analytic" })));
        lines.push(said(() => other.change({ ...given.options, likelihood: "bernoulli" })));
        lines.push(said(() => other.change({ ...given.options, regulariser: "mmd", batch_size: 1 })));
        return [lines, unchanged, other.options.kl];
        """,
        trained(alpha=5.0)[1],
    )
    lines, unchanged, kl = found
    assert lines[0] == lines[1] and lines[0].endswith("is not finite at step 2") and unchanged
    assert lines[2] == "kl analytic needs prior gaussian, not mixture" and kl == "monte-carlo"
    assert lines[3].startswith("the bernoulli likelihood needs data from 0 to 1, not ")
    assert lines[4] == "mmd needs 2 points or more in a batch, not 1"


@pytest.mark.slow
@needs_node
def test_overlap_and_match_are_those_of_evaluate():
    """With as many samples the page's estimates agree with evaluate's within both standard errors."""
    from minidecomp.evaluation.decomposition import decomposition

    trainer, given = trained(alpha=5.0)
    vae = trainer.state.vae
    loc, scale = vae.encode(trainer.dataset.train)
    values = decomposition(loc, scale, vae.prior, 20_000)
    found = in_node(
        """
        const trainer = new Trainer(given.options, pointsOf(given));
        for (let i = 0; i < given.steps; i++) trainer.stepOnce();
        return trainer.snapshot().dials;
        """,
        given,
    )
    overlap, match = values["overlap"]["mutual_information"], values["match"]["kl-inc"]
    more = np.sqrt(20_000 / 400)  # the page has fewer samples
    assert abs(found["mutualInformation"] - overlap["value"]) < 4 * more * overlap["error"]
    assert abs(found["klPQ"] - match["value"]) < 4 * more * match["error"]
    assert found["mostInformation"] == pytest.approx(np.log(400))


@needs_node
def test_norms_shares_and_cosines_are_those_of_gradients():
    """The step that comes next, taken apart as `minidecomp gradients` does."""
    from minidecomp.inspection.by_term import summarise, term_gradients
    from minidecomp.randomness.draws import draw

    trainer, given = trained(alpha=5.0)
    vae, o, step = trainer.state.vae, trainer.options, trainer.state.optimizer.step
    rows = trainer.engine.permutation(400, o.seed, streams.EPOCH_ORDER.step(trainer.state.epoch))
    at = streams.TRAINING.step(step)
    draws = draw(vae.prior, 1, 400, 2, o.seed, at, np.float64)
    gradients = term_gradients(vae, trainer.objective, trainer.dataset.train[rows], draws)
    wanted = summarise(gradients.blocks()["all parameters"])
    found = in_node(
        """
        const trainer = new Trainer(given.options, pointsOf(given));
        for (let i = 0; i < given.steps; i++) trainer.stepOnce();
        const { norms, shares, cosines, pulls } = trainer.look();
        return { norms, shares, cosines, loc: pulls.regulariser.loc };
        """,
        given,
    )
    for term, share in wanted.share.items():
        assert found["shares"][term] == pytest.approx(share, rel=1e-8)
        assert found["norms"][term] == pytest.approx(wanted.norm[term], rel=1e-8)
    assert found["cosines"] == pytest.approx(wanted.cosine, rel=1e-7)
    assert_allclose(found["loc"], 400 * gradients.gradients["regulariser"]["loc"].ravel(), rtol=1e-7, atol=1e-9)


@needs_node
def test_of_many_points_those_are_measured_that_minidecomp_takes():
    from minidecomp.data.points import evenly_spread

    found = in_node("return someRows(Float64Array.from({ length: 3600 }, (_, i) => i), 1800, 2, 1000);")
    assert_array_equal(np.reshape(found[0], (-1, 2))[:, 0], 2 * evenly_spread(1800, 1000))
    assert found[1] == 1000

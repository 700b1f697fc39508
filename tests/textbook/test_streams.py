"""No two uses of random numbers draw the same ones: the table of streams, and what commands really draw."""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from engine_cases import make

import minidecomp
from minidecomp import DecompositionVAE
from minidecomp.cli.main import main
from minidecomp.data import load
from minidecomp.evaluation.metrics.sampling import legacy_seed
from minidecomp.randomness import order, philox, streams
from minidecomp.randomness.streams import Stream

PACKAGE = Path(minidecomp.__file__).parent
STREAMS = {name: stream for name, stream in vars(streams).items() if isinstance(stream, Stream)}


# ---- the table ----


def steps_of(stream):
    return range(stream.first_step, stream.first_step + stream.steps)


def streams_of(purpose, step):
    """The names of the streams that a draw belongs to."""
    return [name for name, stream in STREAMS.items() if purpose in stream.purposes and step in steps_of(stream)]


def test_no_two_streams_overlap():
    assert len(STREAMS) > 15
    for (a, one), (b, other) in itertools.combinations(STREAMS.items(), 2):
        if set(one.purposes) & set(other.purposes):
            first, second = sorted((steps_of(one), steps_of(other)), key=lambda steps: steps.start)
            assert first.stop <= second.start, (a, b)


def test_the_steps_are_what_the_engines_take():
    """The core's steps are signed, and training, whose steps are the optimiser's, begins at 0."""
    assert all(stream.first_step >= 0 and steps_of(stream).stop <= 2**63 for stream in STREAMS.values())
    assert streams.TRAINING.first_step == streams.EPOCH_ORDER.first_step == 0


def test_the_order_of_test_batches_is_no_epochs():
    first, last = streams.EPOCH_ORDER.step(0), streams.EPOCH_ORDER.step(streams.EPOCH_ORDER.steps - 1)
    assert not first <= streams.TEST_ORDER.step() <= last
    orders = [philox.permutation(50, 0, *stream.at()).tolist() for stream in (streams.TEST_ORDER, streams.EPOCH_ORDER)]
    assert orders[0] != orders[1] and sorted(orders[0]) == list(range(50))


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream_does_not_run_over(stream):
    last = stream.steps - 1
    assert stream.step() == stream.first_step and stream.step(last) == steps_of(stream)[-1]
    for number in (-1, stream.steps):
        with pytest.raises(ValueError, match=f"draw {number} is outside a stream of {stream.steps}"):
            stream.step(number)
    if len(stream.purposes) == 1:
        assert stream.at(last) == (stream.purposes[0], stream.first_step + last)


# ---- what is drawn ----


def drawing_function():
    """Module and function that asked for a draw: the first caller that is neither the generator nor an engine."""
    frame = sys._getframe(2)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE) and path.relative_to(PACKAGE).parts[0] not in ("randomness", "engines"):
            return f"{path.relative_to(PACKAGE)}: {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "the test"


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Who drew at each (seed, purpose, step), in an empty folder; the textbook engine draws where this sees it."""
    found, words = defaultdict(list), philox.words

    def recorded(count, seed, purpose, step, *rest):
        found[seed, purpose, step].append(drawing_function())
        return words(count, seed, purpose, step, *rest)

    monkeypatch.setattr(philox, "words", recorded)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.parametrize("prior", ["mixture", "sparse"])
def test_no_two_uses_draw_the_same_numbers(prior, drawn, capsys):
    """Everything that draws, at one seed, with the priors that draw choices."""
    points = np.random.default_rng(0).normal(size=(30, 3))
    np.save("own.npy", points)
    small = ["-q", "--no-plots", "--engine", "textbook", "--prior", prior, "--alpha", "2", "--hidden", "4", "-e", "2"]
    run = ["train", *small, "--batch-size", "8", "--likelihood", "gaussian", "--log-gradients"]
    for command in (
        [*run, "--data", "pinwheel", "--points-per-arm", "5", "-o", "r"],
        ["evaluate", "r", "--log-likelihood", "--importance-samples", "60", "--metrics", "none", "-q"],
        ["sample", "r"],
        ["gradients", "r", "--no-plots"],
        ["report", "r"],
        [*run, "--data", "own.npy", "--limit", "20", "--validation-fraction", "0.2", "-o", "own"],
    ):
        assert main(command) == 0, capsys.readouterr().err
    options = {"prior": prior, "alpha": 2.0, "hidden": (4,), "epochs": 1, "engine": "textbook"}
    model = DecompositionVAE(**options).fit(points)
    model.score(points)
    model.sample(3)
    legacy_seed(2**32)

    assert {seed for seed, _, _ in drawn} == {0, 2**32}
    users = defaultdict(set)
    for (_, purpose, step), functions in drawn.items():
        names = streams_of(purpose, step)
        assert len(names) == 1, (purpose, step, functions)
        users[names[0]] |= set(functions)
    assert {name: who for name, who in users.items() if len(who) > 1} == {}
    assert set(users) == set(STREAMS)
    first_words = {tuple(philox.words(4, *key).tolist()) for key in list(drawn)}
    assert len(first_words) == len(drawn)


@pytest.mark.parametrize("data", ["own.npy", "pinwheel", "dsprites"])
def test_a_data_set_is_put_in_order_once(data, drawn):
    """Test part and --limit are of one order; two of them would not be independent."""
    np.save("own.npy", np.arange(100.0))
    loaded = load(data, limit=20, factors="shape=heart,orientation=0,scale=1" if data == "dsprites" else None)
    assert len(loaded.train) == 20
    assert len(drawn[0, *streams.SPLIT.at()]) == 1


# ---- a sample of a model is not training's ----


def test_a_samples_components_are_not_the_first_training_steps():
    vae, _ = make(3, prior="mixture", components=4, hidden=(4,), latent_dim=2, prior_variance_scale=1e-4)
    prior, count = vae.current_prior(), 400
    z, _, _ = vae.sample(count, seed=0)
    components = ((z[:, None] - prior.loc) ** 2).sum(-1).argmin(1)
    first = prior.component(philox.uniform((count,), 0, streams.PRIOR_CHOICE, streams.TRAINING.step()))
    again = prior.component(philox.uniform((count,), 0, *streams.SAMPLE_CHOICE.at()))
    assert np.mean(components == again) > 0.99
    assert np.mean(components == first) < 0.35


def test_a_samples_spikes_are_not_the_first_training_steps():
    vae, _ = make(3, prior="sparse", gamma=0.5, spike_scale=1e-4, hidden=(4,), latent_dim=3)
    z, _, _ = vae.sample(400, seed=0)
    spikes = np.abs(z) < 1e-3
    first = philox.uniform(z.shape, 0, streams.PRIOR_CHOICE, streams.TRAINING.step()) < 0.5
    again = philox.uniform(z.shape, 0, *streams.SAMPLE_CHOICE.at()) < 0.5
    assert np.mean(spikes == again) > 0.99
    assert np.mean(spikes == first) < 0.6


@pytest.mark.parametrize("n", [1, 1000, order.MANY + 7])
def test_an_order_of_many_rows_is_the_textbooks(n):
    np.testing.assert_array_equal(order.permutation(n, 5, 3, 2), philox.permutation(n, 5, 3, 2))

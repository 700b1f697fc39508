"""Slices of training: many short epochs in one call of the engine, and nothing else changes."""

import json
import sys

import numpy as np
import pytest
from emulated import COMPILER, EmulatedDevice
from numpy.testing import assert_array_equal

from minidecomp import DecompositionVAE, resolve, slices, training
from minidecomp.cli.main import main
from minidecomp.data import dataset_from
from minidecomp.engines import gpu_small
from minidecomp.engines.gpu import GpuEngine
from minidecomp.errors import Fault
from minidecomp.randomness import philox, streams
from minidecomp.runs import checkpoint

SMALL = {"hidden": "4", "epochs": 23, "points_per_arm": 13, "batch_size": 100, "threads": 1, "alpha": 1.0, "lr": 0.01}
LONG, SHORT = 1e9, 0.0  # seconds of a slice: slices double, or each has one batch


def start(folder=None, **given):
    options = resolve(SMALL | given)
    dataset = dataset_from(options)
    return training.start_in_memory(options, dataset) if folder is None else training.start(options, dataset, folder)


@pytest.fixture
def epochs_of_calls(monkeypatch):
    """The number of epochs of each call of an engine's ``train``; 0 for a part of one."""
    counts, make = [], training.make

    def noted(*args, **more):
        engine = make(*args, **more)
        train = engine.train

        def noting(data, order, *rest):
            counts.append(len(order) if order.ndim == 2 else 0)
            return train(data, order, *rest)

        engine.train = noting
        engine.with_objective = lambda objective: noted(args[0], args[1], objective, **more)
        return engine

    monkeypatch.setattr(training, "make", noted)
    monkeypatch.setattr(slices, "SLICE_SECONDS", LONG)
    return counts


def without_seconds(rows):
    return json.dumps([{name: value for name, value in row.items() if name != "seconds"} for row in rows])


def assert_same_end(one, other):
    states = one.state, other.state
    assert without_seconds(states[0].rows) == without_seconds(states[1].rows)
    for name in ("m", "v", "v_max"):
        assert_array_equal(*(getattr(state.optimizer, name) for state in states), err_msg=name)
    assert_array_equal(*(state.vae.parameters.vector for state in states))
    assert len({(s.epoch, s.row, s.optimizer.step, s.stopped_early, s.best and s.best.epoch) for s in states}) == 1


CASES = {
    "one batch an epoch": ({}, [0, 2, 4, 8, 8]),
    "four batches": ({"batch_size": 17}, None),
    "the last batch left out": ({"batch_size": 17, "regulariser": "mmd"}, None),
    "steps of the rate": ({"lr_schedule": "step", "epochs": 40}, [0, 2, 4, 8, 5, 10, 10]),
    "a warm-up": ({"beta_warmup": 5}, [0, 0, 0, 0, 0, 2, 4, 8, 4]),
    "validation": ({"validation_fraction": 0.2, "validate_every": 7}, [0, 2, 4, 7, 7, 2]),
    "early stopping": ({"early_stopping": 2, "validate_every": 4, "epochs": 400, "lr": 0.1}, None),
    "a log of gradients": ({"log_gradients": True}, [0] * 23),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_and_parameters_are_those_of_epochs_one_by_one(case, epochs_of_calls, monkeypatch):
    given, calls = CASES[case]
    several = start(**given)
    training.train(several)
    if calls is None:
        assert max(epochs_of_calls) >= 4
    else:
        assert epochs_of_calls == calls
    monkeypatch.setattr(slices, "SLICE_SECONDS", SHORT)
    alone = start(**given)
    training.train(alone)
    assert_same_end(several, alone)
    assert several.state.stopped_early == (case == "early stopping")


def use_the_emulated_device(monkeypatch):
    if COMPILER is None:
        pytest.skip("no g++ to compile the kernels with")

    def make(name, vae, objective, *, max_rows, threads):
        return GpuEngine(vae, objective, max_rows=max_rows, device=EmulatedDevice(vae.dtype))

    monkeypatch.setattr(training, "make", make)


@pytest.mark.parametrize("engine", ["textbook", "gpu"])
def test_other_engines_take_several_epochs_too(engine, monkeypatch):
    if engine == "gpu":
        use_the_emulated_device(monkeypatch)
    ends = []
    for seconds in (LONG, SHORT):
        monkeypatch.setattr(slices, "SLICE_SECONDS", seconds)
        trainer = start(engine="cpu" if engine == "gpu" else engine, epochs=7, batch_size=17, regulariser="mmd")
        training.train(trainer)
        ends.append(trainer)
    assert_same_end(*ends)


@pytest.mark.parametrize("stop", [0, 2, 3])
def test_stopped_and_resumed(stop, epochs_of_calls):
    whole, stopped = start(), start("run")
    training.train(whole)
    slices = iter(range(100))
    assert not training.train(stopped, should_stop=lambda: next(slices) == stop)
    run = checkpoint.load("run")
    assert run.state.epoch == [1, 3, 7, 15][stop]
    resumed = training.resume(run, run.options, dataset_from(run.options))
    assert training.train(resumed)
    assert_same_end(resumed, whole)


def test_progress_is_called_once_a_slice_and_each_epoch_has_its_time(epochs_of_calls):
    seen, trainer = [], start()
    training.train(trainer, lambda trainer: seen.append((trainer.state.epoch, trainer.state.row)))
    assert seen == [(1, 0), (3, 0), (7, 0), (15, 0), (23, 0)]
    seconds = np.array([0.0, *(row["seconds"] for row in trainer.state.rows)])
    times = np.diff(seconds)
    assert (times > 0).all() and seconds[-1] == trainer.state.seconds
    for first, last in ((1, 3), (3, 7), (7, 15), (15, 23)):
        np.testing.assert_allclose(times[first:last], times[first:last].mean(), rtol=1e-9)


def test_callbacks_see_every_epoch(epochs_of_calls):
    seen, trainer = [], start(epochs=6)
    assert not training.train(trainer, on_epoch=[lambda t: seen.append(t.state.epoch), lambda t: t.state.epoch == 4])
    assert seen == [1, 2, 3, 4] and epochs_of_calls == [0] * 4


def spoil(trainer, epoch):
    """One point is not finite, and only that epoch uses it."""
    bad, engine = 20, trainer.engine

    def one(n, seed, step):
        order = philox.permutation(n, seed, streams.SHUFFLE, step)
        return order if step == epoch else np.where(order == bad, 0, order)

    trainer.data = trainer.data.copy()
    trainer.data[bad] = np.nan
    engine.permutation = one
    engine.permutations = lambda n, seed, step, count: np.stack([one(n, seed, step + e) for e in range(count)])
    order = philox.permutation(len(trainer.data), trainer.options.seed, streams.SHUFFLE, epoch)
    return order.tolist().index(bad) // trainer.options.batch_size


@pytest.mark.parametrize("engine", ["cpu", "textbook"])
def test_a_fault_in_a_later_epoch_leaves_the_rows_before_it(engine, epochs_of_calls, monkeypatch):
    faults, trainers = [], []
    for seconds in (LONG, SHORT):
        monkeypatch.setattr(slices, "SLICE_SECONDS", seconds)
        trainer = start(engine=engine, batch_size=17)
        batch = spoil(trainer, 5)
        with pytest.raises(Fault) as raised:
            training.train(trainer)
        faults.append(str(raised.value))
        trainers.append(trainer)
    steps = 4  # of an epoch of 52 points
    assert f"is not finite in epoch 6, step {5 * steps + batch + 1}; " in faults[0]
    assert faults[0] == faults[1]
    assert trainers[0].state.epoch == 5 and len(trainers[0].state.rows) == 5
    assert max(epochs_of_calls) >= 4
    assert without_seconds(trainers[0].state.rows) == without_seconds(trainers[1].state.rows)
    assert_array_equal(*(trainer.state.totals for trainer in trainers))


def test_the_command_a_sweep_and_the_estimator_take_several_epochs(epochs_of_calls, capsys):
    given = ["--hidden", "4", "--points-per-arm", "13", "--epochs", "9", "--threads", "1", "-q"]
    assert main(["train", *given, "--no-plots", "-o", "run"]) == 0
    assert epochs_of_calls == [0, 2, 4, 2]
    assert main(["sweep", *given, "--alpha", "0,1", "-o", "sweep"]) == 0
    assert epochs_of_calls == [0, 2, 4, 2] * 3
    epochs_of_calls.clear()
    model = DecompositionVAE(hidden=(4,), epochs=9, threads=1).fit(np.random.default_rng(0).normal(size=(30, 2)))
    assert epochs_of_calls == [0, 2, 4, 2] and len(model.history_["epoch"]) == 9
    model.partial_fit(np.random.default_rng(0).normal(size=(30, 2)))
    assert epochs_of_calls == [0, 2, 4, 2, 0] and model.n_iter_ == 10


def test_slices_do_not_grow_while_epochs_cut_them_short(epochs_of_calls):
    """After a long warm-up the first free slice is short too, so that a stop is never far."""
    trainer = start(beta_warmup=20, epochs=40)
    training.train(trainer)
    assert epochs_of_calls == [0] * 20 + [2, 4, 8, 6]


def operations(trainer):
    """Python's calls in training, without the launches and what they do."""
    count, inside = 0, 0

    def note(frame, event, argument):
        nonlocal count, inside
        launch = event in ("call", "return") and frame.f_code.co_name in ("launch", "multiply", "replay")
        if launch:
            inside += 1 if event == "call" else -1
        elif inside == 0 and event in ("call", "c_call"):
            count += 1

    sys.setprofile(note)
    try:
        training.train(trainer)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("one_launch", [False, True])
def test_at_most_five_operations_a_step_beside_the_launches(one_launch, monkeypatch):
    """One epoch is one step here, and has a row of its own."""
    monkeypatch.setattr(slices, "SLICE_SECONDS", LONG)
    monkeypatch.setattr(gpu_small, "fits", lambda *_: one_launch)
    use_the_emulated_device(monkeypatch)
    warming = 1 + 2 + 4 + 8 + 16
    # The first training of a process imports modules.
    counts = [operations(start(epochs=warming + more, points_per_arm=2)) for more in (1, 17, 32)][1:]
    assert counts[0] > 0 and counts[1] - counts[0] <= 5 * 15, counts


@pytest.mark.parametrize("way", ["epochs", "part"])
def test_an_interrupted_slice_is_noted_as_far_as_it_came(way, monkeypatch):
    """So that the trainer can go on, to the same end; Python raises KeyboardInterrupt when the engine returns."""
    given = {"batch_size": 17} if way == "part" else {"batch_size": 100}
    monkeypatch.setattr(slices, "SLICE_SECONDS", LONG if way == "epochs" else SHORT)
    whole, broken = start(**given), start(**given)
    training.train(whole)
    train, calls = broken.engine.train, []

    def interrupted(*given):
        fault = train(*given)
        calls.append(fault)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return fault

    broken.engine.train = interrupted
    with pytest.raises(KeyboardInterrupt):
        training.train(broken)
    steps = -(-len(broken.data) // broken.options.batch_size)
    assert broken.state.optimizer.step == broken.state.epoch * steps + broken.state.row // broken.options.batch_size > 0
    training.train(broken)
    assert_same_end(whole, broken)

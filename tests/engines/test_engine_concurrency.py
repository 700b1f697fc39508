"""One engine, many callers: a call is refused and changes nothing, or does what it does alone. Each engine holds it."""

import contextlib
import threading
from functools import partial

import numpy as np
import pytest
from devices import KINDS as DEVICES
from devices import make_device
from engine_cases import batch, draws, make
from numpy.testing import assert_array_equal
from test_own_prior import Logistic, model

from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam
from minidecomp.randomness.draws import draw

REFUSED = (
    "the engine is at work: it does one call at a time, so make one for each thread, and another for a prior that "
    "calls one"
)
ENGINES = ("cpu", "textbook", *DEVICES)


class Problem:
    """An engine for 5 columns, its data, and everything that it can be asked for."""

    def __init__(self, prior=None, kind="cpu"):
        if prior is None:
            self.vae, objective = make(
                5, prior="gaussian", kl="monte-carlo", hidden=(30,), latent_dim=3, alpha=2.0, samples=2
            )
            self.drawn = draws(self.vae, objective, 12)
        else:
            self.vae, objective = model(prior, hidden=(30,))
            self.drawn = draw(Logistic(), 2, 12, 3, 0, 0, np.float64)
        if kind == "cpu":
            self.engine = CpuEngine(self.vae, objective, max_rows=20, threads=2)
        elif kind == "textbook":
            self.engine = TextbookEngine(self.vae, objective)
        else:
            self.engine = GpuEngine(self.vae, objective, max_rows=20, device=make_device(kind, self.vae.dtype))
        self.data, self.adam, self.totals = (
            batch(self.vae, 200),
            Adam.for_vector(self.vae.parameters.vector),
            np.zeros(4),
        )
        self.x, self.z = self.data[:12], np.linspace(-1, 1, 90).reshape(30, 3)

    def train(self):
        fault = self.engine.train(self.data, np.arange(200), 20, self.adam, 3, self.totals)
        assert fault is None

    def questions(self):
        """Each as a function of nothing that returns bytes."""
        engine = self.engine
        return {
            "values": lambda: repr(engine.values(self.x, 1, 2, "kl-inc")).encode(),
            "value_and_grad": lambda: engine.value_and_grad(self.x, self.drawn)[1].tobytes(),
            "log_weights": lambda: engine.log_weights(self.x, 1, 2).tobytes(),
            "encode": lambda: b"".join(part.tobytes() for part in engine.encode(self.data)),
            "decode": lambda: engine.decode(self.z).tobytes(),
        }

    def calls(self):
        """Training, the questions and, of an engine with memory of its own, the ways into that memory and out of it."""
        memory = (self.engine.push, self.engine.pull) if isinstance(self.engine, GpuEngine) else ()
        return [self.train, *self.questions().values(), *memory]

    def state(self):
        self.engine.pull()
        optimizer = [self.adam.m, self.adam.v, self.adam.v_max, [self.adam.step]]
        return np.concatenate([self.vae.parameters.vector, *optimizer, self.totals])


def undisturbed(prior, epochs, kind="cpu"):
    """The state after so many epochs, and all answers that were right at some time."""
    problem, right = Problem(prior, kind), {}
    for epoch in range(epochs + 1):
        for name, question in problem.questions().items():
            right.setdefault(name, set()).add(question())
        if epoch < epochs:
            problem.train()
    assert all(len(answers) == epochs + 1 for answers in right.values())
    return problem.state(), right


def refused(call):
    with pytest.raises(RuntimeError, match=REFUSED):
        call()


@pytest.mark.parametrize("prior", [None, Logistic()], ids=["built in", "own"])
@pytest.mark.parametrize("kind", ENGINES)
def test_many_threads_on_one_engine(kind, prior):
    if prior is not None and kind not in ("textbook", "cpu"):
        pytest.skip("the GPU engine takes the built-in priors only")
    trainers, epochs = 2, 4
    expected, right = undisturbed(prior, trainers * epochs, kind)
    problem, over, wrong = Problem(prior, kind), threading.Event(), []

    def may_be_refused(call):
        try:
            return True, call()
        except RuntimeError as error:
            assert str(error) == REFUSED
            return False, None

    def watched(work):
        try:
            work()
        except BaseException as error:
            wrong.append(error)

    def ask(name, question):
        for _ in range(400):
            done, answer = may_be_refused(question)
            assert not done or answer in right[name], name
            if over.wait(0.0005):
                return

    def train():
        for _ in range(epochs):
            for _ in range(20_000):
                if may_be_refused(problem.train)[0]:
                    break
                over.wait(0.0002)
            else:
                raise AssertionError("never let in")

    asking = [
        threading.Thread(target=watched, args=(lambda pair=pair: ask(*pair),)) for pair in problem.questions().items()
    ]
    training = [threading.Thread(target=watched, args=(train,)) for _ in range(trainers)]
    for thread in asking + training:
        thread.start()
    for thread in training:
        thread.join()
    over.set()
    for thread in asking:
        thread.join()
    assert wrong == []
    assert_array_equal(problem.state(), expected)


class Meddling(Logistic):
    """The logistic prior; at one of its calls it does something else first."""

    def __init__(self):
        self.meddle = None

    def log_density(self, z):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        return super().log_density(z)


class Interrupted:
    """A problem that does something, once, in the middle of the engine's next call: see ``next_call_does``.

    An added prior does it where the engine takes one; elsewhere the copy from the device to the host does it.
    """

    def __init__(self, kind):
        self.own = Meddling() if kind in ("textbook", "cpu") else None
        self.undisturbed_prior = None if self.own is None else Logistic()
        self.problem, self.meddle = Problem(self.own, kind), None
        if self.own is None:
            device = self.problem.engine._device
            device.to_host = partial(self._to_host, device.to_host)

    def _to_host(self, to_host, array):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        return to_host(array)

    def next_call_does(self, meddle):
        (self if self.own is None else self.own).meddle = meddle


@pytest.mark.parametrize("in_a_thread", [False, True])
@pytest.mark.parametrize("kind", ENGINES)
def test_a_call_in_the_middle_of_another_is_refused(kind, in_a_thread):
    interrupted, refusals = Interrupted(kind), []
    problem = interrupted.problem
    expected, _ = undisturbed(interrupted.undisturbed_prior, 2, kind)
    calls = problem.calls()

    def call_everything():
        for call in calls:
            try:
                call()
            except RuntimeError as error:
                refusals.append(str(error))

    def meddle():
        if not in_a_thread:
            call_everything()
            return
        thread = threading.Thread(target=call_everything)
        thread.start()
        thread.join()

    for _ in range(2):
        interrupted.next_call_does(meddle)
        problem.train()
    assert len(calls) >= 6 and refusals == [REFUSED] * 2 * len(calls)
    assert_array_equal(problem.state(), expected)


@pytest.mark.parametrize("kind", ENGINES)
def test_what_it_is_refused_comes_out_of_the_first_call_and_the_engine_works_on(kind):
    interrupted = Interrupted(kind)
    problem, questions = interrupted.problem, interrupted.problem.questions()
    for first, second in (
        (questions["values"], questions["encode"]),
        (questions["value_and_grad"], questions["log_weights"]),
        (questions["log_weights"], questions["decode"]),
    ):
        interrupted.next_call_does(second)
        refused(first)
    expected, right = undisturbed(interrupted.undisturbed_prior, 1, kind)
    assert all(answer() in right[name] for name, answer in questions.items())
    problem.train()
    assert_array_equal(problem.state(), expected)


def test_a_refused_training_leaves_what_it_was_called_with():
    """The prior calls back in the first step of a training, which ends there: no step counts."""
    problem = Problem(Meddling())
    problem.vae.prior.meddle = problem.questions()["decode"]
    refused(problem.train)
    assert problem.adam.step == 0 and not problem.totals.any()


class Busy(np.ndarray):
    """Points that do something else when they are asked for their number, which is before a call has the engine."""

    meddle = None

    def __len__(self):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        return super().__len__()


@pytest.mark.parametrize(
    ("prior", "name"),
    [
        (None, "values"),
        (None, "value_and_grad"),
        (None, "log_weights"),
        (Logistic(), "values"),
        (Logistic(), "value_and_grad"),
    ],
)
def test_a_call_that_is_about_to_begin_changes_nothing(prior, name):
    problem, trained = Problem(prior), 0
    problem.x = problem.x.view(Busy)

    def meddle():
        nonlocal trained
        problem.x.meddle = meddle  # the next time as well
        with contextlib.suppress(RuntimeError):  # the call has begun
            problem.train()
            trained += 1

    problem.x.meddle = meddle
    answer = problem.questions()[name]()
    expected, right = undisturbed(prior, trained)
    assert trained > 0 and answer in right[name]
    assert_array_equal(problem.state(), expected)


def test_the_weights_of_samples_stay_in_their_array():
    """A training that comes between writes nothing into the array of log weights, nor beyond it."""
    problem = Problem()
    held = np.full((4, 12), 7.0)
    x = problem.x.view(Busy)

    def meddle():
        x.meddle = meddle  # the next time as well
        with contextlib.suppress(RuntimeError):  # the call has begun
            problem.train()
        assert_array_equal(held, 7)

    x.meddle = meddle
    problem.engine._engine.log_weights(x, 1, 2, held[1:3])
    assert_array_equal(held[[0, 3]], 7)
    assert_array_equal(held[1:3], problem.engine.log_weights(problem.x, 1, 2))


def test_an_engine_can_be_held():
    problem = Problem()
    with problem.engine._engine:
        for call in (problem.train, *problem.questions().values()):
            refused(call)
    problem.train()

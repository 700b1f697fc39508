"""One engine, many callers: a call is refused and changes nothing, or does what it does alone."""

import contextlib
import threading

import numpy as np
import pytest
from engine_cases import batch, draws, make
from numpy.testing import assert_array_equal
from test_own_prior import Logistic, model

from minidecomp.engines.cpu import CpuEngine
from minidecomp.model.optimizer import Adam
from minidecomp.randomness.draws import draw

REFUSED = "the engine is at work: it does one call at a time"


class Problem:
    """An engine for 5 columns, its data, and everything that it can be asked for."""

    def __init__(self, prior=None):
        if prior is None:
            self.vae, objective = make(
                5, prior="gaussian", kl="monte-carlo", hidden=(30,), latent_dim=3, alpha=2.0, samples=2
            )
            self.drawn = draws(self.vae, objective, 12)
        else:
            self.vae, objective = model(prior, hidden=(30,))
            self.drawn = draw(Logistic(), 2, 12, 3, 0, 0, np.float64)
        self.engine = CpuEngine(self.vae, objective, max_rows=20, threads=2)
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

    def state(self):
        optimizer = [self.adam.m, self.adam.v, self.adam.v_max, [self.adam.step]]
        return np.concatenate([self.vae.parameters.vector, *optimizer, self.totals])


def undisturbed(prior, epochs):
    """The state after so many epochs, and all answers that were right at some time."""
    problem, right = Problem(prior), {}
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
def test_many_threads_on_one_engine(prior):
    trainers, epochs = 2, 8
    expected, right = undisturbed(prior, trainers * epochs)
    problem, over, wrong = Problem(prior), threading.Event(), []

    def may_be_refused(call):
        try:
            return True, call()
        except RuntimeError as error:
            assert str(error).startswith(REFUSED)
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

    def log_density_and_grad(self, z):
        if self.meddle is not None:
            meddle, self.meddle = self.meddle, None
            meddle()
        return super().log_density_and_grad(z)


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_prior_that_calls_its_engine_back_is_refused(in_a_thread):
    expected, _ = undisturbed(Logistic(), 2)
    problem, refusals = Problem(Meddling()), []

    def call_everything():
        for call in (problem.train, *problem.questions().values()):
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
        problem.vae.prior.meddle = meddle
        problem.train()
    assert len(refusals) == 12 and all(refusal.startswith(REFUSED) for refusal in refusals)
    assert_array_equal(problem.state(), expected)


def test_what_it_is_refused_comes_out_of_the_first_call_and_the_engine_works_on():
    problem = Problem(Meddling())
    problem.vae.prior.meddle = problem.questions()["decode"]
    refused(problem.train)
    problem.vae.prior.meddle = problem.questions()["encode"]
    refused(problem.questions()["values"])
    problem.vae.prior.meddle = problem.questions()["log_weights"]
    refused(problem.questions()["value_and_grad"])
    assert problem.adam.step == 0
    expected, _ = undisturbed(Logistic(), 1)
    problem.train()
    assert_array_equal(problem.state(), expected)


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
    expected, right = undisturbed(prior, 1)
    problem = Problem(prior)
    problem.x = problem.x.view(Busy)
    problem.x.meddle = problem.train
    assert problem.questions()[name]() in right[name]
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

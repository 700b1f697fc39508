"""A prior that you add: a class with a log density, its gradient and a sample, on the textbook and the CPU engine."""

import dataclasses
import re

import numpy as np
import pytest
from engine_cases import assert_gradients_agree, batch, make, own_copy, trained
from numpy.testing import assert_allclose, assert_array_equal

from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu_step import GpuStep
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.inspection.check import check
from minidecomp.model.optimizer import Adam
from minidecomp.randomness.draws import draw
from minidecomp.terms.priors import Gaussian


class Logistic:
    """p(z) = e^-z / (1 + e^-z)^2 in each dimension."""

    name, choice_kind = "logistic", None

    def log_density(self, z):
        return (-z - 2 * np.log1p(np.exp(-z))).sum(-1)

    def log_density_and_grad(self, z):
        return self.log_density(z), {"z": -np.tanh(z / 2)}

    def sample(self, noise, choice=None):
        # The noise is standard normal: through its distribution function, then the logistic's inverse.
        from scipy.special import ndtr

        u = ndtr(noise)
        return (np.log(u) - np.log1p(-u)).astype(noise.dtype)


class MyNormal(Logistic):
    """A standard normal as if the core did not know it."""

    name = "my-normal"

    def log_density(self, z):
        return (-0.5 * z**2 - 0.5 * np.log(2 * np.pi)).sum(-1)

    def log_density_and_grad(self, z):
        return self.log_density(z), {"z": -z}

    def sample(self, noise, choice=None):
        return noise


def model(prior, dtype="float64", **more):
    how = {"prior": "gaussian", "kl": "monte-carlo", "hidden": (9,), "latent_dim": 3, "alpha": 2.0, "samples": 2}
    vae, objective = make(5, dtype, **(how | more))
    return dataclasses.replace(vae, prior=prior), objective


@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
@pytest.mark.parametrize("weights", [None, {"kl": 1.0}, {"regulariser": -3.0}, {"log_likelihood": 1.0}])
def test_values_and_gradients(regulariser, weights):
    vae, objective = model(Logistic(), regulariser=regulariser)
    x, drawn = batch(vae, 20), draw(Logistic(), 2, 20, 3, 0, 0, np.float64)
    expected, expected_gradient = TextbookEngine(vae, objective).value_and_grad(x, drawn, weights)
    values, gradient = CpuEngine(own_copy(vae), objective, max_rows=20).value_and_grad(x, drawn, weights)
    for term, value in expected.items():
        assert_allclose(values[term], value, rtol=1e-10, err_msg=term)
    assert_gradients_agree(vae, gradient, expected_gradient, 1e-10)


def test_finite_differences():
    vae, objective = model(Logistic(), regulariser="kl-inc")
    assert check(vae, objective, batch(vae, 8), draw(Logistic(), 2, 8, 3, 0, 0, np.float64)).failures() == []


@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
def test_training(regulariser, alpha):
    vae, objective = model(Logistic(), regulariser=regulariser, alpha=alpha)
    data, copy = batch(vae, 31), own_copy(vae)
    expected, _, expected_totals = trained(TextbookEngine(vae, objective), data, 20, 16)
    got, _, totals = trained(CpuEngine(copy, objective, max_rows=16, threads=2), data, 20, 16)
    assert_allclose(totals, expected_totals, rtol=1e-8)
    assert_allclose(got, expected, rtol=1e-7, atol=1e-8)


def test_a_known_prior_written_anew_is_that_prior():
    """In float32: the compiled standard normal and an added one train alike, up to rounding."""
    own, objective = model(MyNormal(), "float32")
    known = dataclasses.replace(own_copy(own), prior=Gaussian(np.zeros(3, "f"), np.ones(3, "f")))
    data = batch(own, 40)
    a, _, totals_a = trained(CpuEngine(own, objective, max_rows=20), data, 20, 20)
    b, _, totals_b = trained(CpuEngine(known, objective, max_rows=20), data, 20, 20)
    assert_allclose(totals_a, totals_b, rtol=1e-4)
    assert np.abs(a - b).max() < 2e-4


def test_the_rest_of_an_engine():
    vae, objective = model(Logistic())
    cpu, textbook, x = CpuEngine(own_copy(vae), objective, max_rows=20), TextbookEngine(vae, objective), batch(vae, 20)
    for regulariser in (None, "mmd", "kl-inc"):
        expected = textbook.values(x, 5, 2**40, regulariser)
        for term, value in cpu.values(x, 5, 2**40, regulariser).items():
            assert_allclose(value, expected[term], rtol=1e-9, err_msg=term)
    assert_allclose(cpu.log_weights(x, 1, 2), textbook.log_weights(x, 1, 2), rtol=1e-10)
    assert_allclose(cpu.encode(x)[0], textbook.encode(x)[0], rtol=1e-10)


def test_what_it_raises_comes_out():
    class Broken(Logistic):
        def log_density_and_grad(self, z):
            raise ZeroDivisionError("in the prior")

    vae, objective = model(Broken())
    engine, before = CpuEngine(vae, objective, max_rows=10), vae.parameters.vector.copy()
    adam = Adam.for_vector(vae.parameters.vector)
    with pytest.raises(ZeroDivisionError, match="in the prior"):
        engine.train(batch(vae, 10), np.arange(10), 10, adam, 0, np.zeros(4))
    assert_array_equal(vae.parameters.vector, before)
    with pytest.raises(ZeroDivisionError):
        engine.values(batch(vae, 10), 0, 0)


@pytest.mark.parametrize("engine", [CpuEngine, TextbookEngine])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, g: (p, {"z": g["z"][..., :1]}), r"gradient has shape \(2, 10, 1\), not \(2, 10, 3\)"),
        (lambda p, g: (p, {"z": g["z"][0]}), r"gradient has shape \(10, 3\), not \(2, 10, 3\)"),
        (lambda p, g: (p[:, :1], g), r"log density has shape \(2, 1\), not \(2, 10\)"),
    ],
)
def test_shapes_of_what_it_returns_are_checked(engine, change, message):
    class Wrong(Logistic):
        def log_density_and_grad(self, z):
            return change(*super().log_density_and_grad(z))

    vae, objective = model(Wrong())
    more = {"max_rows": 10} if engine is CpuEngine else {}
    adam = Adam.for_vector(vae.parameters.vector)
    with pytest.raises(ValueError, match=message):
        engine(vae, objective, **more).train(batch(vae, 10), np.arange(10), 10, adam, 0, np.zeros(4))


@pytest.mark.parametrize("shape", [(10, 2), (9, 3), (11, 3), (10, 4), (30,), ()])
def test_the_core_takes_gradients_of_the_batch_alone(shape):
    vae, objective = model(Logistic())
    engine, right = CpuEngine(vae, objective, max_rows=10)._engine, np.zeros((10, 3))
    for name, gradients in (("loc", (np.zeros(shape), right)), ("scale", (right, np.zeros(shape)))):
        with pytest.raises(ValueError, match=re.escape(f"the gradient by {name} has shape {shape}, not (10, 3)")):
            engine.step(batch(vae, 10), (0, 0, 0), terms=lambda *_, gradients=gradients: (0.0, 0.0, *gradients))


def test_the_shape_of_its_sample_is_checked():
    class Wrong(Logistic):
        def sample(self, noise, choice=None):
            return np.zeros((len(noise), 4))

    vae, objective = model(Wrong(), regulariser="kl-inc")
    with pytest.raises(ValueError, match=r"logistic: the prior's sample has shape \(10, 4\), not \(10, 3\)"):
        CpuEngine(vae, objective, max_rows=10).values(batch(vae, 10), 0, 0)


def test_what_it_cannot_do_is_said():
    vae, objective = model(Logistic())
    with pytest.raises(ValueError, match="has no closed form"):
        CpuEngine(vae, dataclasses.replace(objective, kl="analytic"), max_rows=5)
    with pytest.raises(
        ValueError, match='engine=gpu: it does not know the logistic prior; use engine="cpu" or engine="textbook"'
    ):
        GpuStep(vae, objective, 5, None)

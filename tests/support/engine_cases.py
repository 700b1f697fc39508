"""Models of every kind, drawn by hypothesis or by hand, for tests that hold one engine against another."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minidecomp import resolve
from minidecomp.engines.cpu import CpuEngine
from minidecomp.model import from_options
from minidecomp.model.optimizer import Adam
from minidecomp.objective import objective_from
from minidecomp.randomness.draws import draw

PRIORS = ("gaussian", "student-t", "mixture", "sparse")
LIKELIHOODS = ("bernoulli", "gaussian", "laplace")
REGULARISERS = ("mmd", "kl-inc")
EVERY_KIND = list(itertools.product(PRIORS, LIKELIHOODS, REGULARISERS))
# With and without a learned prior. By default each kind once: every prior, likelihood and regulariser meets both.
EVERY_KIND_LEARNED = [
    pytest.param(*kind, learn, marks=[pytest.mark.slow] if (i // 2 + i) % 2 != learn else [])
    for i, kind in enumerate(EVERY_KIND)
    for learn in (False, True)
]


def weights_and_dtypes(every: list[dict[str, float] | None]) -> Any:
    """Each term alone and the objective in float64; in float32 the terms alone are slow tests."""
    return pytest.mark.parametrize(
        ("weights", "dtype"),
        [
            pytest.param(
                weights,
                dtype,
                marks=pytest.mark.slow if weights and dtype == "float32" else [],
                id=f"{next(iter(weights or ['objective']))}-{dtype}",
            )
            for weights in every
            for dtype in ("float32", "float64")
        ],
    )


widths = st.lists(st.integers(1, 40), min_size=0, max_size=3).map(tuple)
weights = st.floats(0, 10).filter(lambda weight: weight == 0 or weight > 1e-3)


@st.composite
def settings_of_a_model(draw_: Any) -> dict[str, Any]:
    """Options of a run, of any kind and of small size, as ``make`` takes them."""
    prior = draw_(st.sampled_from(PRIORS))
    return {
        "prior": prior,
        "likelihood": draw_(st.sampled_from(LIKELIHOODS)),
        "regulariser": draw_(st.sampled_from(REGULARISERS)),
        "activation": draw_(st.sampled_from(("relu", "leaky-relu", "tanh", "softplus"))),
        "decoder_activation": draw_(st.sampled_from((None, "relu", "tanh"))),
        "scale_link": draw_(st.sampled_from(("softplus", "exp"))),
        "kl": draw_(st.sampled_from(("analytic", "monte-carlo"))) if prior == "gaussian" else "monte-carlo",
        "learn_prior_variance": draw_(st.booleans()),
        "prior_variance_scale": draw_(st.floats(0.03, 3)),
        "latent_dim": draw_(st.integers(1, 40)),
        "hidden": draw_(widths),
        "decoder_hidden": draw_(widths),
        "samples": draw_(st.integers(1, 3)),
        "beta": draw_(weights),
        "alpha": draw_(weights),
        "log_prior_multiplier": 1.0 if prior == "gaussian" else draw_(st.sampled_from((1.0, 2.5))),
        "gamma": draw_(st.sampled_from((0.0, 0.3, 0.8, 1.0))),
        "components": draw_(st.integers(1, 6)),
        "seed": draw_(st.integers(0, 2**64 - 1)),
    }


def make(data_dim: int, dtype: str = "float64", **given: Any) -> tuple[Any, Any]:
    """A VAE and its Objective. The prior's logits, where learned, and its loc are moved off their round values."""
    belongs = {"df": "student-t", "components": "mixture", "gamma": "sparse", "spike_scale": "sparse"}
    prior = given.get("prior", "mixture")
    given = {name: value for name, value in given.items() if belongs.get(name, prior) == prior}
    resolved = resolve({"data": "own.npy", "likelihood": "gaussian", **given, "dtype": dtype})
    logits = np.random.default_rng(1).normal(size=resolved.latent_dim)
    vae = from_options.vae(resolved, data_dim, logits)
    shifted = vae.prior.loc + np.random.default_rng(2).normal(0, 0.3, vae.prior.loc.shape).astype(dtype)
    vae.prior = dataclasses.replace(vae.prior, loc=shifted)
    return vae, objective_from(resolved)


def batch(vae: Any, rows: int, seed: int = 0) -> np.ndarray:
    """Points (rows, dx) that suit the model's likelihood."""
    rng = np.random.default_rng(seed)
    if vae.likelihood.name == "bernoulli":
        return (rng.random((rows, vae.data_dim)) < 0.4).astype(vae.dtype)
    return rng.normal(size=(rows, vae.data_dim)).astype(vae.dtype)


def draws(vae: Any, objective: Any, rows: int, seed: int = 0, step: int = 0) -> Any:
    """The draws of a step."""
    return draw(vae.current_prior(), objective.samples, rows, vae.latent_dim, seed, step, vae.dtype)


def own_copy(vae):
    """The same model with parameters of its own."""
    shapes, vector = vae.parameters.shapes, vae.parameters.vector.copy()
    return dataclasses.replace(vae, parameters=type(vae.parameters)(shapes, vector))


def cpu_engine(vae: Any, objective: Any, rows: int, threads: int = 1, narrow: bool = True) -> CpuEngine:
    """The CPU engine; without ``narrow``, it treats narrow layers like wide ones."""
    engine = CpuEngine(vae, objective, max_rows=rows, threads=threads)
    if not narrow:
        engine._engine.narrow = False
    return engine


def in_float64(vae):
    """The same model in float64, as the exact answer for one in float32."""
    prior = vae.prior
    arrays = {name: value.astype(np.float64) for name, value in vars(prior).items() if isinstance(value, np.ndarray)}
    parameters = type(vae.parameters)(vae.parameters.shapes, vae.parameters.vector.astype(np.float64))
    return dataclasses.replace(vae, prior=dataclasses.replace(prior, **arrays), parameters=parameters)


def as_float64(given_draws):
    """The same draws in float64."""
    known = {name: array.astype(float) for name, array in vars(given_draws).items() if array is not None}
    return dataclasses.replace(given_draws, **known)


def assert_agree(got, expected, tolerance, what="", scale=1e-3):
    """Relative to each block's largest entry: cancellation inside a block is the formula's, not the engine's."""
    assert_allclose(got, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=scale), err_msg=what)


def assert_gradients_agree(vae, got, expected, tolerance):
    """Parameter by parameter. One point's gradient is of size 1: where points cancel, what is left is rounding."""
    start, floor = 0, 1e-3 * np.abs(expected).max(initial=1.0)
    assert got.shape == expected.shape
    for name, view in vae.parameters.items():
        stop = start + view.size
        assert_agree(got[start:stop], expected[start:stop], tolerance, name, floor)
        start = stop


def trained(engine, data, steps, batch_size, seed=7, lr=1e-3, amsgrad=True):
    """The parameters, the optimiser and the totals after so many steps."""
    optimizer = Adam.for_vector(engine.vae.parameters.vector, lr, amsgrad)
    totals, epoch = np.zeros(4), 0
    while optimizer.step < steps:
        order = engine.permutation(len(data), seed, epoch)
        assert engine.train(data, order, batch_size, optimizer, seed, totals) is None
        epoch += 1
    engine.pull()
    return engine.vae.parameters.vector, optimizer, totals

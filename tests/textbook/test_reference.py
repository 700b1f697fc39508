"""The textbook against the reference cases: every value and every gradient, to 1e-10 in float64."""

import numpy as np
import pytest
import reference_cases
from numpy.testing import assert_allclose

from minidecomp import objective as textbook
from minidecomp.terms.posterior import sample

TERM_WEIGHTS = {
    "log_likelihood": {"log_likelihood": 1},
    "kl": {"kl": 1},
    "regulariser": {"regulariser": 1},
    "objective": None,
}


def test_all_24_cases_are_here():
    assert len(reference_cases.NAMES) == 24


@pytest.mark.parametrize("name", reference_cases.NAMES)
def test_forward(name):
    case, vae, _, x, draws = reference_cases.load(name)
    loc, scale = vae.encode(x)
    z = sample(loc, scale, draws.eps)[0]
    assert_allclose(loc, case["posterior.loc"], rtol=1e-10)
    assert_allclose(scale, case["posterior.scale"], rtol=1e-10)
    assert_allclose(z, case["z"], rtol=1e-10)
    assert_allclose(vae.decode(z), case["decoder_output"], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("term", TERM_WEIGHTS)
@pytest.mark.parametrize("name", reference_cases.NAMES)
def test_values_and_gradients(name, term):
    case, vae, objective, x, draws = reference_cases.load(name)
    values, gradient = textbook.value_and_grad(vae, objective, x, draws, TERM_WEIGHTS[term])
    assert_allclose(values[term], case[f"value.{term}"], rtol=1e-10)
    assert_allclose(textbook.value(vae, objective, x, draws)[term], case[f"value.{term}"], rtol=1e-10)
    prefix = f"grad.{term}."
    expected = {key.removeprefix(prefix): value for key, value in case.items() if key.startswith(prefix)}
    assert expected.keys() == gradient.keys() - {"loc", "scale"}
    gradient["z"] = gradient["z"][0]
    for parameter, value in expected.items():
        tolerance = 1e-10 * max(np.abs(value).max(), 1e-3)
        assert_allclose(gradient[parameter], value, rtol=1e-10, atol=tolerance, err_msg=parameter)

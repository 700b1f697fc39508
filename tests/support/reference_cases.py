"""Reads the reference cases into minidecomp's own objects."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from minidecomp.model.network import MLP, Parameters
from minidecomp.model.vae import VAE, cast_prior, parameter_shapes
from minidecomp.objective import Objective
from minidecomp.randomness.draws import Draws
from minidecomp.terms import likelihoods, priors

FOLDER = Path(__file__).parents[1] / "reference"
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


def _widths(case, network):
    weights = [case[name] for name in case if name.startswith(network) and name.endswith(".W")]
    return (weights[0].shape[0], *(weight.shape[1] for weight in weights))


@functools.cache
def _arrays(name):
    """The file's arrays. They are read-only, because every test of the case gets the same ones."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = dict(file)
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def load(name, dtype=np.float64):
    """The case's arrays, its VAE, Objective, batch and Draws."""
    case = dict(_arrays(name))
    activation = str(case["activation"]).replace("_", "-")
    encoder = MLP("enc", _widths(case, "enc"), activation)
    decoder = MLP("dec", _widths(case, "dec"), activation)
    likelihood = {
        "bernoulli": likelihoods.Bernoulli(),
        "gaussian": likelihoods.Gaussian(),
        "laplace": likelihoods.Laplace(0.1),
    }[str(case["likelihood"])]
    kind = str(case["prior"])
    if kind == "gaussian":
        prior = priors.Gaussian(case["prior.loc"], case["prior.scale"])
    elif kind == "student-t":
        prior = priors.StudentT(case["prior.loc"], case["prior.scale"], float(case["prior.df"]))
    elif kind == "mixture":
        prior = priors.Mixture(case["prior.loc"], case["prior.scale"], case["prior.log_weight"])
    else:
        prior = priors.Sparse(
            case["prior.loc"],
            case["prior.scale"],
            float(case["prior.gamma"]),
            float(case["prior.spike_scale"]),
        )
    latent_dim = decoder.widths[0]
    shapes = parameter_shapes(encoder, decoder, latent_dim, bool(case["learn_prior"]))
    parameters = Parameters(shapes, dtype=dtype)
    for parameter, view in parameters.items():
        view[...] = case[parameter]
    vae = VAE(encoder, decoder, likelihood, cast_prior(prior, dtype), str(case["scale_link"]), parameters, 0.8)
    objective = Objective(
        beta=float(case["beta"]),
        alpha=float(case["alpha"]),
        regulariser=str(case["regulariser"]),
        kl="analytic" if kind == "gaussian" else "monte-carlo",
    )
    draws = Draws(case["eps"].astype(dtype)[None], case["prior_sample"].astype(dtype))
    return case, vae, objective, case["x"].astype(dtype), draws

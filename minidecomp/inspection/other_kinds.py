"""A term of another kind than the model's, with the numbers of the model's step: what ``--explain`` works with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import counted
from ..settings.resolving import resolve
from ..terms.likelihoods import Likelihood
from ..terms.priors import Prior
from .explanation import Situation


class OfLikelihood(NamedTuple):
    """A likelihood, points x (B, dx) in its range, outputs (B, output_dim) of its width, and a line about them."""

    likelihood: Likelihood
    x: np.ndarray
    output: np.ndarray
    note: str


class OfPrior(NamedTuple):
    """A prior, and a line about its parameters; the line is empty if the prior is the model's."""

    prior: Prior
    note: str


def likelihood_of_kind(kind: type[Likelihood], s: Situation, output: np.ndarray) -> OfLikelihood:
    """The model's likelihood if it is of this kind; otherwise one with the default options.

    Parameters
    ----------
    kind : type
    s : Situation
    output : numpy.ndarray of shape (B, output_dim)
        The model's decoder's. It is cut, or padded with zeros, to the other likelihood's width.
    """
    own = s.vae.likelihood
    if isinstance(own, kind):
        return OfLikelihood(own, s.x, output, "")
    other = kind.from_options(resolve(data="own.npy", likelihood=kind.name))
    had, wanted = output.shape[1], other.output_dim(s.x.shape[1])
    note = f"the model's likelihood is {own.name}; here {_which_outputs(had, wanted)} in for {kind.name}'s"
    shaped = np.zeros((len(output), wanted))
    shaped[:, : min(had, wanted)] = output[:, :wanted]
    if kind.data_range is None:
        return OfLikelihood(other, s.x, shaped, note)
    low, high = kind.data_range
    x = np.clip(s.x, low, high)
    return OfLikelihood(other, x, shaped, note if (x == s.x).all() else f"{note}, and x is cut to {low:g}..{high:g}")


def _which_outputs(had: int, wanted: int) -> str:
    if wanted < had:
        return f"the first {wanted} of its {had} outputs {'stands' if wanted == 1 else 'stand'}"
    padding = f", padded with {counted(wanted - had, 'zero')}," if wanted > had else ""
    return f"its {counted(had, 'output')}{padding} {'stands' if had == 1 else 'stand'}"


def prior_of_kind(kind: type[Prior], s: Situation) -> OfPrior:
    """The model's prior if it is of this kind; otherwise one with the model's scale and the default options."""
    own: Any = s.vae.current_prior()
    if isinstance(own, kind):
        return OfPrior(own, "")
    scale = np.atleast_2d(getattr(own, "scale", np.ones(s.vae.latent_dim)))[0]
    note = f"the model's prior is {own.name}; here {kind.name} has its scale and the default options"
    return OfPrior(kind.from_options(resolve(data="own.npy", prior=kind.name), scale), note)

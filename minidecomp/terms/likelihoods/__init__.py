"""The likelihoods p(x|z), one per file, each with its value, gradient, mean, sample, options and explanation."""

from ...variants import LIKELIHOODS
from .bernoulli import Bernoulli
from .gaussian import Gaussian
from .laplace import Laplace
from .likelihood import Likelihood

for _likelihood in (Bernoulli, Gaussian, Laplace):
    LIKELIHOODS.add(_likelihood)

__all__ = ["Bernoulli", "Gaussian", "Laplace", "Likelihood"]

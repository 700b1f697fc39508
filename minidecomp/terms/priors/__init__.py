"""The priors p(z), one per file, each with its density, gradient, sample, options and explanation."""

from ...variants import PRIORS
from .gaussian import Gaussian
from .mixture import Mixture, ring_of_components
from .prior import Prior
from .sparse import Sparse
from .student_t import StudentT
from .variance import logits_grad, variance_from_logits

for _prior in (Gaussian, StudentT, Mixture, Sparse):
    PRIORS.add(_prior)

__all__ = [
    "Gaussian",
    "Mixture",
    "Prior",
    "Sparse",
    "StudentT",
    "logits_grad",
    "ring_of_components",
    "variance_from_logits",
]

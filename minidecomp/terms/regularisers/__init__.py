"""The regularisers D(q(z), p(z)), one per file, each with its value, gradient and explanation."""

from ...variants import REGULARISERS
from . import inclusive_kl, mmd
from .regulariser import Regulariser

for _module in (mmd, inclusive_kl):
    REGULARISERS.add(_module.REGULARISER)

__all__ = ["Regulariser", "inclusive_kl", "mmd"]

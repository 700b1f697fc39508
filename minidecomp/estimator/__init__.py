"""A scikit-learn estimator with the options and the training of the command line, for arrays in memory.

scikit-learn is optional: without it the class has the same methods, and raises plain ValueErrors.
"""

from .transformer import DecompositionVAE

__all__ = ["DecompositionVAE"]

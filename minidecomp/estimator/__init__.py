"""A scikit-learn estimator: the same options and the same training as the command line's, on arrays in memory.

scikit-learn is not needed: without it the class has the same methods, and raises plain ValueErrors.
"""

from .transformer import DecompositionVAE

__all__ = ["DecompositionVAE"]

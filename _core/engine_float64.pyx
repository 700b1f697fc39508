# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True

ctypedef double real

include "primitives.pxi"

include "engine.pxi"

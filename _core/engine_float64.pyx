# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True

ctypedef double real

include "primitives.pxi"

include "engine.pxi"

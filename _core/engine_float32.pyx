# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True

ctypedef float real

include "primitives.pxi"

include "engine.pxi"

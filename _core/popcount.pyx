# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# cython: freethreading_compatible=True
"""Second moments of bits, by counting ones (popcount.h)."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef extern from "popcount.h" nogil:
    enum: MD_BLOCK_POINTS, MD_COUNT_VARIANTS
    ctypedef struct md_pairs:
        pass
    ctypedef void (*md_count)()
    md_count md_count_variant(int variant)
    md_pairs *md_pairs_new(int64_t bytes, int threads, int variant)
    void md_pairs_free(md_pairs *pairs)
    void md_pairs_add(md_pairs *pairs, const uint8_t *packed, int64_t points)
    void md_pairs_move(md_pairs *pairs, double *out)

BLOCK = MD_BLOCK_POINTS
MOST_HELD = <uint32_t>-1

cdef tuple NAMES = ("avx512vpopcntdq", "popcnt", "portable")
# Those that this machine runs, the fastest first.
VARIANTS = tuple([NAMES[i] for i in range(MD_COUNT_VARIANTS) if md_count_variant(i) != NULL])


def add_second_moment(packed, second, int threads, counted=lambda done: None, str variant=VARIANTS[0], most_held=MOST_HELD):
    """Add X^T X of bits to `second` (dx, dx), float64; `packed` (N, dx / 8), uint8, is as from numpy.packbits.

    `counted` is given how many points are done, after each block of them. Counts have 32 bits, so they are moved to
    `second` before they stand for more than `most_held` points.
    """
    cdef Py_buffer points, moment
    cdef md_pairs *pairs = NULL
    cdef int64_t first, some, total, held = 0
    cdef int chosen = NAMES.index(variant)
    if variant not in VARIANTS:
        raise ValueError(f"this machine does not run {variant}")
    PyObject_GetBuffer(packed, &points, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
    try:
        PyObject_GetBuffer(second, &moment, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if points.ndim != 2 or points.format != b"B" or moment.ndim != 2 or moment.format != b"d":
                raise ValueError("packed must be (N, bytes) of uint8, and second (dx, dx) of float64")
            if moment.shape[0] != 8 * points.shape[1] or moment.shape[1] != moment.shape[0]:
                raise ValueError(f"second must be ({8 * points.shape[1]}, {8 * points.shape[1]})")
            total = points.shape[0]
            pairs = md_pairs_new(points.shape[1], threads, chosen)
            if pairs == NULL:
                raise MemoryError("not enough memory for the second moment")
            for first in range(0, total, MD_BLOCK_POINTS):
                some = min(MD_BLOCK_POINTS, total - first)
                if held + some > most_held:
                    md_pairs_move(pairs, <double*>moment.buf)
                    held = 0
                held += some
                with nogil:
                    md_pairs_add(pairs, <const uint8_t*>points.buf + first * points.shape[1], some)
                counted(first + some)
            md_pairs_move(pairs, <double*>moment.buf)
        finally:
            md_pairs_free(pairs)
            PyBuffer_Release(&moment)
    finally:
        PyBuffer_Release(&points)

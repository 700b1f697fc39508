# The C headers for Cython, except for what mentions `real`: primitives.pxi has that, after each stub's ctypedef.

from libc.stdint cimport int64_t

cdef extern from "real.h" nogil:
    pass

cdef extern from "simd.h" nogil:
    ctypedef void md_cloned_void

cdef extern from "pool.h" nogil:
    ctypedef void (*md_task)(void *context, int64_t task) noexcept nogil
    ctypedef struct md_pool:
        pass
    md_pool *md_pool_new(int threads)
    void md_pool_free(md_pool *pool)
    void md_pool_run(md_pool *pool, md_task f, void *context, int64_t tasks)
    int md_pool_threads(const md_pool *pool)
    int md_pool_me()

cdef extern from "gemm.h" nogil:
    void md_set_blas(void *cblas_gemm, int bits_of_int)
    int64_t md_gemm_tasks(int64_t m, int64_t n, int64_t k)
    void md_gemm_tile(int64_t task, int64_t m, int64_t n, int64_t k, int64_t *top, int64_t *bottom, int64_t *left, int64_t *right)

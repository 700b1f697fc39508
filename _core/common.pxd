# The C headers for Cython, but for what mentions `real`: that is in primitives.pxi, after each stub's own ctypedef.

cdef extern from "real.h" nogil:
    pass

cdef extern from "simd.h" nogil:
    ctypedef void md_cloned_void

cdef extern from "pool.h" nogil:
    ctypedef void (*md_task)(void *context, long task) noexcept nogil
    ctypedef struct md_pool:
        pass
    md_pool *md_pool_new(int threads)
    void md_pool_free(md_pool *pool)
    void md_pool_run(md_pool *pool, md_task f, void *context, long tasks)
    int md_pool_threads(const md_pool *pool)
    int md_pool_me()

cdef extern from "gemm.h" nogil:
    void md_set_blas(void *cblas_gemm, int bits_of_int)
    long md_gemm_tasks(long m, long n, long k)
    void md_gemm_tile(long task, long m, long n, long k, long *top, long *bottom, long *left, long *right)

# The C functions that mention `real`, and functions for testing them in Python; the including module defines `real`.

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport calloc, free

from common cimport (
    md_cloned_void,
    md_gemm_tasks,
    md_gemm_tile,
    md_pool,
    md_pool_free,
    md_pool_me,
    md_pool_new,
    md_pool_run,
    md_pool_threads,
    md_set_blas,
    md_task,
)

from minidecomp._core import blas as _blas

cdef extern from "simd.h" nogil:
    real md_exp(real x)
    real md_exp_of_negative(real x)
    real md_exp2_of_negative(real x)
    real md_expm1(real x)
    real md_log(real x)
    real md_log1p(real x)
    real md_tanh(real x)
    real md_sqrt(real x)
    real md_fabs(real x)
    real md_max(real a, real b)
    real md_min(real a, real b)
    void md_sincos2pi(real u, real* s, real* c)
    const char* md_code_path()

cdef extern from "gemm.h" nogil:
    void md_gemm(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const real* a, int64_t lda, const real* b, int64_t ldb,
                 int accumulate, real* c, int64_t ldc)
    void md_gemm_rows(int64_t m, int64_t n, int64_t k, const real* a, int64_t lda, const real* b, int64_t ldb, real* c, int64_t ldc)
    void md_gemm_task(int64_t task, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const real* a, int64_t lda,
                      const real* b, int64_t ldb, int accumulate, real* c, int64_t ldc)

cdef extern from "posteriors.h" nogil:
    enum: MD_SAMPLES
    const int64_t MD_LANES
    const double LOG_2
    ctypedef struct md_posteriors:
        int64_t n, D, width, groups
        int32_t* order
    int64_t md_lanes_for(int64_t n)
    int64_t md_posteriors_room(int64_t n, int64_t D)
    void md_place_posteriors(md_posteriors* p, int64_t n, int64_t D, real* room)
    int64_t md_sort_room(int64_t n, int64_t group)
    void md_sort_points(const real* x, int64_t stride, int64_t n, int64_t D, int64_t group, int32_t* order, int32_t* room)
    void md_arrange_posteriors(md_posteriors* p, const real* loc, int64_t stride, const real* scale, int32_t* sort_room)
    void md_near_groups(const md_posteriors* p, const real* z, real* room, int32_t* near, int64_t* count)
    void md_log_posteriors(const md_posteriors* p, int64_t count, const int32_t* near, const real* z, real* weight, int64_t stride)
    void md_weigh(real* weight, int64_t stride, int64_t n, real* largest, real* total)
    void md_posterior_sums(const md_posteriors* p, int64_t count, const int32_t* near, const real* z, const real* factor,
                           const real* weight, int64_t stride, real* pull, real* stretch)
    void md_posterior_grads(const md_posteriors* p, int64_t d, int64_t parts, int64_t apart, real* pull, real* stretch,
                            real* d_loc, real* d_scale)
    void md_sample_pull(const md_posteriors* p, int64_t d, int64_t count, const int32_t* near, const real* z, const real* factor,
                        const real* weight, int64_t stride, real* pull)

cdef extern from "rows.h" nogil:
    void md_sum_of_rows(const real* table, int64_t stride, const int32_t* rows, int64_t count, int64_t columns, real* out)


cdef md_cloned_void exp_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_exp(x[i])


cdef md_cloned_void exp_of_negative_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_exp_of_negative(x[i])


cdef md_cloned_void exp2_of_negative_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_exp2_of_negative(x[i])


cdef md_cloned_void expm1_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_expm1(x[i])


cdef md_cloned_void log_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_log(x[i])


cdef md_cloned_void log1p_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_log1p(x[i])


cdef md_cloned_void tanh_loop(const real* x, real* y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        y[i] = md_tanh(x[i])


cdef md_cloned_void sincos2pi_loop(const real* u, real* s, real* c, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        md_sincos2pi(u[i], &s[i], &c[i])


def elementwise(str name, const real[::1] x, real[::1] out):
    """out_i = f(x_i) for f one of exp, exp-of-negative, exp2-of-negative, expm1, log, log1p, tanh."""
    cdef int64_t n = x.shape[0]
    if out.shape[0] != n:
        raise ValueError(f"out has {out.shape[0]} elements, x has {n}")
    if n == 0:
        return
    if name == "exp":
        exp_loop(&x[0], &out[0], n)
    elif name == "exp-of-negative":
        exp_of_negative_loop(&x[0], &out[0], n)
    elif name == "exp2-of-negative":
        exp2_of_negative_loop(&x[0], &out[0], n)
    elif name == "expm1":
        expm1_loop(&x[0], &out[0], n)
    elif name == "log":
        log_loop(&x[0], &out[0], n)
    elif name == "log1p":
        log1p_loop(&x[0], &out[0], n)
    elif name == "tanh":
        tanh_loop(&x[0], &out[0], n)
    else:
        raise ValueError(f"elementwise has exp, exp-of-negative, exp2-of-negative, expm1, log, log1p and tanh, not {name!r}")


def sincos2pi(const real[::1] u, real[::1] sine, real[::1] cosine):
    """sine_i = sin(2 pi u_i) and cosine_i = cos(2 pi u_i), for u_i in [0, 1)."""
    cdef int64_t n = u.shape[0]
    if sine.shape[0] != n or cosine.shape[0] != n:
        raise ValueError(f"sine and cosine have {sine.shape[0]} and {cosine.shape[0]} elements, u has {n}")
    if n > 0:
        sincos2pi_loop(&u[0], &sine[0], &cosine[0], n)


def code_path():
    """Which compiled variant of the hot loops runs here, in words."""
    return md_code_path().decode()


def use_blas(bint on):
    """Large products go to numpy's BLAS, or not. Returns its name, or None where the own kernels serve everything."""
    cdef uintptr_t address
    found = _blas.find("float" if sizeof(real) == 4 else "double") if on else None
    if found is None:
        md_set_blas(NULL, 0)
        return None
    address, bits, name = found
    md_set_blas(<void*>address, bits)
    return name


cdef struct Product:
    int trans_a, trans_b, accumulate
    int64_t m, n, k, lda, ldb, ldc
    const real* a
    const real* b
    real* c


cdef void product_task(void* context, int64_t task) noexcept nogil:
    cdef Product* p = <Product*>context
    md_gemm_task(task, p.trans_a, p.trans_b, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.accumulate, p.c, p.ldc)


def gemm_tasks(int64_t m, int64_t n, int64_t k):
    """How many tasks an m x n product over k is cut into."""
    return md_gemm_tasks(m, n, k)


cdef void count_task(void* context, int64_t task) noexcept nogil:
    (<int64_t*>context)[task] += 1


cdef class Pool:
    """A pool of threads, the caller's included."""

    cdef md_pool* pool

    def __cinit__(self, int threads=1):
        self.pool = md_pool_new(threads)
        if self.pool == NULL:
            raise MemoryError(f"cannot start {threads} threads")

    def __dealloc__(self):
        md_pool_free(self.pool)

    @property
    def threads(self):
        return md_pool_threads(self.pool)

    def stress(self, int64_t runs, int64_t tasks):
        """Are 0 to `tasks` tasks, in `runs` runs, done exactly once each?"""
        cdef int64_t run, task, count
        cdef bint right = True
        cdef int64_t* hits = <int64_t*>calloc(tasks + 1, sizeof(int64_t))
        if hits == NULL:
            raise MemoryError
        with nogil:
            for run in range(runs):
                count = (run * 7919) % (tasks + 1)
                md_pool_run(self.pool, count_task, hits, count)
                for task in range(tasks + 1):
                    right = right and hits[task] == (task < count)
                    hits[task] = 0
        free(hits)
        return right

    def gemm(self, const real[:, :] a, const real[:, :] b, real[:, :] c, bint trans_a=False, bint trans_b=False,
             bint accumulate=False):
        """C = op(A) op(B) (+ C). Rows may be apart, columns not."""
        cdef Product p
        cdef int64_t inner = b.shape[1] if trans_b else b.shape[0]
        p.m, p.k = (a.shape[1], a.shape[0]) if trans_a else (a.shape[0], a.shape[1])
        p.n = b.shape[0] if trans_b else b.shape[1]
        if p.k != inner or c.shape[0] != p.m or c.shape[1] != p.n:
            raise ValueError(f"({p.m}, {p.k}) times ({inner}, {p.n}) into ({c.shape[0]}, {c.shape[1]})")
        for stride, size in ((a.strides[1], a.shape[1]), (b.strides[1], b.shape[1]), (c.strides[1], c.shape[1])):
            if stride != sizeof(real) and size > 1:
                raise ValueError(f"a row's elements are {stride} bytes apart, not {sizeof(real)}")
        p.trans_a, p.trans_b, p.accumulate = trans_a, trans_b, accumulate
        p.lda = a.strides[0] // <int64_t>sizeof(real)
        p.ldb = b.strides[0] // <int64_t>sizeof(real)
        p.ldc = c.strides[0] // <int64_t>sizeof(real)
        p.a = &a[0, 0] if a.shape[0] > 0 and a.shape[1] > 0 else NULL
        p.b = &b[0, 0] if b.shape[0] > 0 and b.shape[1] > 0 else NULL
        p.c = &c[0, 0] if c.shape[0] > 0 and c.shape[1] > 0 else NULL
        with nogil:
            md_pool_run(self.pool, product_task, &p, md_gemm_tasks(p.m, p.n, p.k))


use_blas(True)

# Adam with AMSGrad (minidecomp/model/optimizer.py): one pass over the parameter vector, or over a part of it.

cdef md_cloned_void adam_range(real* theta, const real* g, real* m, real* v, real* v_max, int64_t n, real rest1, real rest2, real rate, real root, real eps) noexcept nogil:
    cdef int64_t i
    cdef real second
    if v_max != NULL:
        for i in range(n):
            theta[i] -= md_adam(g[i], &m[i], &v[i], &v_max[i], rest1, rest2, rate, root, eps)
    else:
        for i in range(n):
            second = 0      # so that the maximum is v itself
            theta[i] -= md_adam(g[i], &m[i], &v[i], &second, rest1, rest2, rate, root, eps)


cdef inline void adam_stretch(Step* s, int64_t first, const real* g, int64_t n) noexcept nogil:
    """The update of n parameters from `first` on; their gradient is g."""
    adam_range(s.vector + first, g, s.m + first, s.v + first, s.v_max + first if s.v_max != NULL else NULL, n,
               <real>(1 - s.beta1), <real>(1 - s.beta2), s.rate, s.root, <real>s.adam_eps)


cdef void set_rates(Step* s, int64_t updates) noexcept nogil:
    """For update number `updates`:  rate = lr / (1 - b1^t),  root = 1 / sqrt(1 - b2^t)"""
    s.rate = <real>(s.lr / (1 - pow(s.beta1, <double>updates)))
    s.root = <real>(1 / sqrt(1 - pow(s.beta2, <double>updates)))


cdef enum:
    ADAM_PIECE = 16384


cdef void adam_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t first = task * ADAM_PIECE
    adam_stretch(s, first, s.gradient + first, min(s.size - first, <int64_t>ADAM_PIECE))


cdef void adam(Step* s) noexcept nogil:
    md_pool_run(s.pool, adam_phase, s, (s.size + ADAM_PIECE - 1) // ADAM_PIECE)

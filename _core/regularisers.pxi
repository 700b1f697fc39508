# The regulariser that a step computes, and where its gradient goes: the only place in the core that knows them all.

include "mmd.pxi"
include "inclusive_kl.pxi"


cdef void regularise(Step* s) noexcept nogil:
    """D's value goes to `partial`, and its gradients to where the functions below find them."""
    cdef double numbers = <double>s.K * s.B * s.D, pairs = <double>s.B * s.B
    if s.regulariser == MMD:
        run(s, mmd_columns_phase, s.chunks, numbers)
        run(s, mmd_phase, s.D, 2 * s.D * min(pairs, 400.0 * s.B))
    elif s.regulariser == INCLUSIVE_KL:
        s.mixture.n = s.B
        md_place_posteriors(&s.mixture.posteriors, s.B, s.D, s.mixture.posterior_room)
        run(s, inclusive_arrange_phase, 2, 25.0 * s.B * s.D)
        run(s, inclusive_kl_phase, CHUNKS, 0.1 * pairs * s.D)
        if s.backward:
            run(s, inclusive_grads_phase, s.D, 1.0 * s.B * s.D)


cdef inline void add_pull_on_posterior(const Step* s, int64_t b, int64_t rows, real* d_loc, real* d_scale) noexcept nogil:
    """Add D's gradient with respect to loc and scale (rows, D) of the points from b on, at a fixed z."""
    cdef int64_t d, i
    if s.regulariser == INCLUSIVE_KL:
        for d in range(s.D):
            for i in range(rows):
                d_loc[i * s.D + d] += s.kl_loc[d * s.B + b + i]
                d_scale[i * s.D + d] += s.kl_scale[d * s.B + b + i]


cdef inline void add_pull_on_z(const Step* s, int64_t k, int64_t b, int64_t rows, real* d_z) noexcept nogil:
    """Add D's gradient with respect to the k-th samples z (rows, D) of the points from b on."""
    cdef int64_t d, i
    if s.regulariser == MMD:
        for d in range(s.D):
            for i in range(rows):
                d_z[i * s.D + d] += s.d_columns[((k + 1) * s.D + d) * s.B + b + i]


cdef inline real pull_on_sample(const Step* s, int64_t b, int64_t d) noexcept nogil:
    """D's gradient with respect to the prior's sample x_bd."""
    return s.d_columns[d * s.B + b] if s.regulariser == MMD else s.d_sample[b * s.D + d]

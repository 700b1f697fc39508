# p(z) (minidecomp/terms/priors/): log density, gradients and samples, a row of D dimensions at a time.

cdef md_cloned_void gaussian_prior_row(const PriorData* p, const real* z, int64_t D, real* d_z, real* d_variance, double* log_p) noexcept nogil:
    cdef int64_t d
    cdef real total = 0
    for d in range(D):
        total += md_gaussian_prior(z[d], p.loc[d], p.scale[d], &d_z[d], &d_variance[d])
    log_p[0] = total


cdef md_cloned_void student_t_prior_row(const PriorData* p, const real* z, int64_t D, real* d_z, real* d_variance, double* log_p) noexcept nogil:
    cdef int64_t d
    cdef real total = 0
    for d in range(D):
        total += md_student_t_prior(z[d], p.loc[d], p.scale[d], p.df, p.log_normaliser, &d_z[d], &d_variance[d])
    log_p[0] = total


cdef md_cloned_void sparse_prior_row(const PriorData* p, const real* z, int64_t D, real* d_z, real* d_variance, double* log_p) noexcept nogil:
    cdef int64_t d
    cdef real total = 0
    for d in range(D):
        total += md_sparse_prior(z[d], p.loc[d], p.scale[d], p.log_slab, p.log_spike, p.spike_scale, &d_z[d], &d_variance[d])
    log_p[0] = total


cdef void prior_constants(PriorData* p, int64_t D) noexcept nogil:
    """The functions of every component's scale that a mixture's density needs."""
    cdef int64_t d, m
    cdef double total
    for m in range(p.components):
        total = p.log_weight[m]
        for d in range(D):
            p.inverse[m * D + d] = 1 / p.scale[m * D + d]
            total -= log(<double>p.scale[m * D + d]) + 0.5 * MD_LOG_2PI
        p.constant[m] = <real>total


cdef md_cloned_void mixture_prior_rows(const PriorData* p, const real* z, int64_t rows, int64_t D, real* joint, real* d_z, real* d_variance, real* log_p) noexcept nogil:
    """log p = logsumexp_m joint_m,  joint_m = log pi_m + log N(z; m_m, v_m);  R_m = e^(joint_m - log p)
    d/dz = -sum_m R_m t / s_m,  d/dv = sum_m R_m (t^2 - 1) / (2 v_m),  t = (z - m_m) / s_m;  a lane is a point"""
    cdef int64_t d, m, lane
    cdef real t, loc, inverse, over
    cdef real column[LANES]
    cdef real largest[LANES]
    cdef real total[LANES]
    cdef real by_z[LANES]
    cdef real by_variance[LANES]
    for m in range(p.components):
        for lane in range(LANES):
            joint[m * LANES + lane] = p.constant[m]
    for d in range(D):
        for lane in range(LANES):
            column[lane] = z[(lane if lane < rows else 0) * D + d]
        for m in range(p.components):
            loc = p.loc[m * D + d]
            inverse = p.inverse[m * D + d]
            for lane in range(LANES):
                t = (column[lane] - loc) * inverse
                joint[m * LANES + lane] -= <real>0.5 * t * t
    for lane in range(LANES):
        largest[lane] = joint[lane]
        total[lane] = 0
    for m in range(1, p.components):
        for lane in range(LANES):
            largest[lane] = md_max(largest[lane], joint[m * LANES + lane])
    for m in range(p.components):
        for lane in range(LANES):
            joint[m * LANES + lane] = md_exp_of_negative(joint[m * LANES + lane] - largest[lane])
            total[lane] += joint[m * LANES + lane]
    for m in range(p.components):
        for lane in range(LANES):
            joint[m * LANES + lane] /= total[lane]
    for lane in range(LANES):
        total[lane] = largest[lane] + md_log(total[lane])
    for lane in range(rows):
        log_p[lane] = total[lane]
    if d_z == NULL:
        return
    for d in range(D):
        for lane in range(LANES):
            column[lane] = z[(lane if lane < rows else 0) * D + d]
            by_z[lane] = 0
            by_variance[lane] = 0
        for m in range(p.components):
            loc = p.loc[m * D + d]
            inverse = p.inverse[m * D + d]
            for lane in range(LANES):
                t = (column[lane] - loc) * inverse
                over = joint[m * LANES + lane] * inverse
                by_z[lane] -= over * t
                by_variance[lane] += <real>0.5 * over * inverse * (t * t - 1)
        for lane in range(rows):
            d_z[lane * D + d] = by_z[lane]
            d_variance[lane * D + d] = by_variance[lane]


cdef inline void prior_rows(const PriorData* p, const real* z, int64_t rows, int64_t D, real* joint, real* d_z, real* d_variance, real* log_p) noexcept nogil:
    """log p(z) of up to LANES points (rows, D), and its gradients with respect to z and the variance (rows, D); joint
    (components, LANES) is scratch. A mixture's gradients are left out if d_z is NULL."""
    cdef int64_t row
    cdef double value = 0
    if p.kind == MIXTURE_PRIOR:
        mixture_prior_rows(p, z, rows, D, joint, d_z, d_variance, log_p)
        return
    for row in range(rows):
        if p.kind == GAUSSIAN_PRIOR:
            gaussian_prior_row(p, z + row * D, D, d_z + row * D, d_variance + row * D, &value)
        elif p.kind == STUDENT_T_PRIOR:
            student_t_prior_row(p, z + row * D, D, d_z + row * D, d_variance + row * D, &value)
        else:
            sparse_prior_row(p, z + row * D, D, d_z + row * D, d_variance + row * D, &value)
        log_p[row] = <real>value


cdef void mixture_samples(const PriorData* p, const real* choice, const real* e, int64_t rows, int64_t D, real* z) noexcept nogil:
    """z = m_c + s_c e (rows, D), with c the number of components whose cumulative weight is not above the row's choice.

    The choices may end where z ends: a row's is read before the row is written.
    """
    cdef int64_t b, d, m, c
    for b in range(rows):
        c = 0
        for m in range(p.components - 1):
            c += choice[b] >= p.edge[m]
        for d in range(D):
            z[b * D + d] = p.loc[c * D + d] + p.scale[c * D + d] * e[b * D + d]


cdef md_cloned_void sparse_samples(const PriorData* p, const real* e, int64_t rows, int64_t D, real* z, uint8_t* moves) noexcept nogil:
    """z = a e where the uniform number in its place is below gamma, else m + s e (rows, D); whether z moves with s."""
    cdef int64_t b, d
    cdef bint spike
    for b in range(rows * D):
        moves[b] = not z[b] < p.gamma
    for b in range(rows):
        for d in range(D):
            spike = z[b * D + d] < p.gamma
            z[b * D + d] = p.spike_scale * e[b * D + d] if spike else p.loc[d] + p.scale[d] * e[b * D + d]


cdef md_cloned_void simple_samples(const PriorData* p, const real* e, int64_t rows, int64_t D, real* z) noexcept nogil:
    """z = m + s e (rows, D)"""
    cdef int64_t b, d
    for b in range(rows):
        for d in range(D):
            z[b * D + d] = p.loc[d] + p.scale[d] * e[b * D + d]


cdef void sample_prior_rows(Step* s, int64_t first, int64_t last) noexcept nogil:
    """z = m + scale e, with a component or a spike chosen by a uniform number."""
    cdef PriorData* p = &s.prior
    cdef int64_t D = s.D, rows = last - first
    cdef real* z = s.prior_sample + first * D
    cdef real* e = s.noise + first * D
    cdef real* choice = z + rows * (D - 1)
    if rows == 0:
        return
    if p.kind == STUDENT_T_PRIOR:
        fill_student_t(e, first * D, last * D, p.df, s.seed, PRIOR, s.step)
    else:
        fill_normal(e, first * D, last * D, s.seed, PRIOR, s.step)
    memset(s.moves + first * D, 1, rows * D)
    if p.kind == MIXTURE_PRIOR:
        fill_uniform(choice, first, last, s.seed, PRIOR_CHOICE, s.step)
        mixture_samples(p, choice, e, rows, D, z)
    elif p.kind == SPARSE_PRIOR:
        fill_uniform(z, first * D, last * D, s.seed, PRIOR_CHOICE, s.step)
        sparse_samples(p, e, rows, D, z, s.moves + first * D)
    else:
        simple_samples(p, e, rows, D, z)


cdef void prior_from_logits(PriorData* p, int64_t D) noexcept nogil:
    """v_d = S D softmax(l)_d"""
    cdef int64_t d, m
    cdef double largest = p.logits[0], total = 0
    for d in range(1, D):
        largest = max(largest, <double>p.logits[d])
    for d in range(D):
        total += exp(p.logits[d] - largest)
    for d in range(D):
        p.scale[d] = <real>sqrt(p.variance_scale * D * exp(p.logits[d] - largest) / total)
    for m in range(1, p.components):
        for d in range(D):
            p.scale[m * D + d] = p.scale[d]
    prior_constants(p, D)


cdef void logits_backward(Step* s) noexcept nogil:
    """d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),  w = v / sum v"""
    cdef PriorData* p = &s.prior
    cdef int64_t d, part, D = s.D
    cdef double mean = 0, total = 0, v
    for d in range(D):
        for part in range(1, 2 * CHUNKS):
            s.d_variance[d] += s.d_variance[part * D + d]
        v = <double>p.scale[d] * <double>p.scale[d]
        total += v
        mean += v * s.d_variance[d]
    mean /= total
    for d in range(D):
        v = <double>p.scale[d] * <double>p.scale[d]
        p.d_logits[d] = <real>(v * (s.d_variance[d] - mean))

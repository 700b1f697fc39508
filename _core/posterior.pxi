# q(z|x) and the KL term (minidecomp/terms/posterior.py, kl.py): forward, z = mu + s eps; backward, the gradients
# with respect to z, loc and scale become the gradient with respect to the encoder's output (loc, raw).

cdef void draw_phase(void* context, int64_t task) noexcept nogil:
    """Gather the batch's rows, draw the posterior's noise, and sample the prior."""
    cdef Step* s = <Step*>context
    cdef int64_t first = chunk_start(s, s.B, task), last = chunk_start(s, s.B, task + 1), b, k, row
    cdef real* x = s.encoder.layer[0].input
    for b in range(first, last if s.unpacked else first):
        if s.data_kind == BIT_DATA:
            bits_to_row(<const uint8_t*>s.data + s.index[b] * (s.dx // 8), x + b * s.dx, s.dx // 8)
        elif s.data_kind == BYTE_DATA:
            bytes_to_row(<const uint8_t*>s.data + s.index[b] * s.dx, x + b * s.dx, s.dx)
        else:
            memcpy(x + b * s.dx, <const real*>s.data + s.index[b] * s.dx, s.dx * sizeof(real))
    if s.given_draws:
        return
    for k in range(s.K if first < last else 0):
        row = k * s.B
        fill_normal(s.eps + (row + first) * s.D, (row + first) * s.D, (row + last) * s.D, s.seed, POSTERIOR, s.step)
    if s.regulariser != NO_REGULARISER:
        sample_prior_rows(s, first, last)


cdef md_cloned_void bytes_to_row(const uint8_t* bytes_, real* x, int64_t n) noexcept nogil:
    """x = v / 255"""
    cdef int64_t i
    cdef real unit = <real>(1.0 / 255.0)
    for i in range(n):
        x[i] = <real><int>bytes_[i] * unit


cdef md_cloned_void bits_to_row(const uint8_t* bytes_, real* x, int64_t n) noexcept nogil:
    """The eight bits of each of n bytes, the highest first."""
    cdef int64_t i
    cdef int bit
    for i in range(n):
        for bit in range(8):
            x[8 * i + bit] = <real>(bytes_[i] >> (7 - bit) & 1)


cdef md_cloned_void scale_row(const real* raw, real* scale, real* slope, int64_t D, int link) noexcept nogil:
    cdef int64_t d
    if link == EXP_LINK:
        for d in range(D):
            scale[d] = md_exp_link(raw[d], &slope[d])
    else:
        for d in range(D):
            scale[d] = md_softplus_link(raw[d], &slope[d])


cdef md_cloned_void sample_rows(const real* loc, const real* scale, const real* eps, real* z, int64_t n, double* log_q) noexcept nogil:
    """z = mu + s eps,  log q = sum -eps^2 / 2 - log s - log(2 pi) / 2, for n numbers of one row or more"""
    cdef int64_t i, lane
    cdef real lanes[32]
    for lane in range(32):
        lanes[lane] = 0
    for i in range(0, n - 31, 32):
        for lane in range(32):
            z[i + lane] = loc[i + lane] + scale[i + lane] * eps[i + lane]
            lanes[lane] -= <real>0.5 * eps[i + lane] * eps[i + lane] + md_log(scale[i + lane])
    for i in range(n // 32 * 32, n):
        z[i] = loc[i] + scale[i] * eps[i]
        lanes[i % 32] -= <real>0.5 * eps[i] * eps[i] + md_log(scale[i])
    add_lanes(lanes, log_q)
    log_q[0] -= n * (<double>0.5 * MD_LOG_2PI)


cdef md_cloned_void analytic_kl_row(const PriorData* p, const real* loc, const real* scale, int64_t D, real* d_loc, real* d_scale, real* d_variance, double* kl) noexcept nogil:
    cdef int64_t d
    cdef real total = 0
    for d in range(D):
        total += md_gaussian_kl(loc[d], scale[d], p.loc[d], p.scale[d], &d_loc[d], &d_scale[d], &d_variance[d])
    kl[0] = total


cdef void posterior_phase(void* context, int64_t task) noexcept nogil:
    """scale, z, and the KL term: its value, its gradients with respect to z (Monte-Carlo) and the prior's variance."""
    cdef Step* s = <Step*>context
    cdef int64_t b, k, d, i, row, rows, D = s.D, last = chunk_start(s, s.B, task + 1)
    cdef const real* encoder_output
    cdef real* scale
    cdef real* d_z
    cdef real* loc = s.scratch + task * s.scratch_size
    cdef real* raw = loc + s.block * D
    cdef real* d_variance = raw + s.block * D
    cdef real* joint = d_variance + s.block * D
    cdef real* log_p = joint + LANES * s.prior.components
    cdef double* variance_total = s.d_variance + task * D
    cdef double total = 0, kl, log_q
    cdef double point = s.weight[KL] / s.B, draw = point / s.K
    cdef real multiplier = s.log_prior_multiplier
    for d in range(D):
        variance_total[d] = 0
    b = chunk_start(s, s.B, task)
    while b < last:
        # One point at a time if each point's log weight is asked for.
        rows = 1 if s.log_weight != NULL else min(s.block, last - b)
        for i in range(rows):
            encoder_output = s.encoder.layer[s.encoder.layers - 1].output + (b + i) * 2 * D
            for d in range(D):
                loc[i * D + d] = encoder_output[d]
                raw[i * D + d] = encoder_output[D + d]
        scale = s.scale + b * D
        scale_row(raw, scale, s.slope + b * D, rows * D, s.scale_link)
        if s.kl == ANALYTIC:
            for i in range(rows):
                # raw is no longer needed and is overwritten by the gradients, which the backward pass computes again.
                analytic_kl_row(&s.prior, loc + i * D, scale + i * D, D, raw, joint, d_variance, &kl)
                total += kl / s.B
                for d in range(D):
                    variance_total[d] += point * d_variance[d]
        for k in range(s.K):
            row = (k * s.B + b) * D
            sample_rows(loc, scale, s.eps + row, s.z + row, rows * D, &log_q)
            d_z = s.d_z + row
            if s.kl == ANALYTIC:
                memset(d_z, 0, rows * D * sizeof(real))
                continue
            prior_rows(&s.prior, s.z + row, rows, D, joint, d_z, d_variance, log_p)
            kl = log_q
            for i in range(rows):
                kl -= multiplier * log_p[i]
            total += kl / (s.B * s.K)
            if s.log_weight != NULL:
                s.log_weight[k * s.B + b] = -kl
            for i in range(rows * D):
                d_z[i] *= <real>(-draw * multiplier)
            if s.prior.logits != NULL:
                for i in range(rows):
                    for d in range(D):
                        variance_total[d] -= draw * multiplier * d_variance[i * D + d]
        b += rows
    s.partial[KL * s.partials + task] = total


cdef md_cloned_void log_q_grads(const real* scale, int64_t n, real weight, real* d_loc, real* d_scale) noexcept nogil:
    """Of -weight log s: with z = mu + s eps the residuals of log q cancel, and d/ds = -1 / s is left."""
    cdef int64_t i
    for i in range(n):
        d_loc[i] = 0
        d_scale[i] = -weight / scale[i]


cdef md_cloned_void add_through_z(const real* d_z, const real* eps, int64_t n, real* d_loc, real* d_scale) noexcept nogil:
    """z = mu + s eps:  dz/dmu = 1,  dz/ds = eps"""
    cdef int64_t i
    for i in range(n):
        d_loc[i] += d_z[i]
        d_scale[i] += d_z[i] * eps[i]


cdef void posterior_backward_phase(void* context, int64_t task) noexcept nogil:
    """d/dmu = dz + d(KL, KL(p || q))/dloc;  d/ds = dz eps + d(KL, KL(p || q))/dscale;  d/draw = d/ds ds/draw."""
    cdef Step* s = <Step*>context
    cdef Layer* last = &s.encoder.layer[s.encoder.layers - 1]
    cdef int64_t b = chunk_start(s, s.B, task), end = chunk_start(s, s.B, task + 1), i, k, d, n, rows, D = s.D
    cdef real* d_loc = s.scratch + task * s.scratch_size
    cdef real* d_scale = d_loc + s.block * D
    cdef real* d_z = d_scale + s.block * D
    cdef real* loc
    cdef real* to
    cdef double kl
    cdef real weight = <real>(s.weight[KL] / s.B)
    while b < end:
        rows = min(s.block, end - b)
        n = rows * D
        if s.kl == ANALYTIC:
            for i in range(rows):
                loc = last.output + (b + i) * 2 * D
                analytic_kl_row(&s.prior, loc, s.scale + (b + i) * D, D, d_loc + i * D, d_scale + i * D, d_z, &kl)
            for i in range(n):
                d_loc[i] *= weight
                d_scale[i] *= weight
        else:
            log_q_grads(s.scale + b * D, n, weight, d_loc, d_scale)
        if s.external != NULL:
            for i in range(n):
                d_loc[i] += s.external_loc[b * D + i]
                d_scale[i] += s.external_scale[b * D + i]
        add_pull_on_posterior(s, b, rows, d_loc, d_scale)
        for k in range(s.K):
            memcpy(d_z, s.d_z + (k * s.B + b) * D, n * sizeof(real))
            add_pull_on_z(s, k, b, rows, d_z)
            add_through_z(d_z, s.eps + (k * s.B + b) * D, n, d_loc, d_scale)
        for i in range(rows):
            to = last.d_output + (b + i) * 2 * D
            for d in range(D):
                to[d] = d_loc[i * D + d]
                to[D + d] = d_scale[i * D + d] * s.slope[(b + i) * D + d]
        b += rows


cdef void prior_backward_phase(void* context, int64_t task) noexcept nogil:
    """The regulariser's pull on a learned prior through its sample: z = m + sqrt(v) e, so dz/dv = e / (2 sqrt(v))."""
    cdef Step* s = <Step*>context
    cdef int64_t b, d, D = s.D
    cdef double* total = s.d_variance + (CHUNKS + task) * D
    for b in range(chunk_start(s, s.B, task), chunk_start(s, s.B, task + 1)):
        for d in range(D):
            if s.moves[b * D + d]:
                total[d] += pull_on_sample(s, b, d) * s.noise[b * D + d] / (2 * s.prior.scale[d])

# KL(p(z) || q(z)) with the batch's aggregate posterior (minidecomp/terms/regularisers/inclusive_kl.py). A task takes a chunk of the
# prior sample's rows j and sums the gradient for every posterior i; the parts are then summed in order.

cdef void inclusive_columns_phase(void* context, int64_t task) noexcept nogil:
    """loc, 1 / scale, and c_i = sum_d -log s_id - log(2 pi) / 2, dimension by dimension."""
    cdef Step* s = <Step*>context
    cdef const real* encoder_output = s.encoder.layer[s.encoder.layers - 1].output
    cdef int64_t b, d, D = s.D, B = s.B
    cdef real constant
    for b in range(chunk_start(s, B, task), chunk_start(s, B, task + 1)):
        constant = 0
        for d in range(D):
            s.posterior[d * B + b] = encoder_output[b * 2 * D + d]
            s.posterior[(D + d) * B + b] = 1 / s.scale[b * D + d]
            constant -= md_log(s.scale[b * D + d]) + <real>0.5 * MD_LOG_2PI
        s.posterior[2 * D * B + b] = constant


cdef md_cloned_void largest_of(const real* a, int64_t n, real* largest) noexcept nogil:
    cdef int64_t i, lane
    cdef real top[32]
    for lane in range(32):
        top[lane] = a[0]
    for i in range(0, n - 31, 32):
        for lane in range(32):
            top[lane] = md_max(top[lane], a[i + lane])
    for i in range(n // 32 * 32, n):
        top[0] = md_max(top[0], a[i])
    for lane in range(1, 32):
        top[0] = md_max(top[0], top[lane])
    largest[0] = top[0]


cdef md_cloned_void exp_and_sum(real* a, int64_t n, real largest, double* total) noexcept nogil:
    """a_i <- e^(a_i - largest), and their sum"""
    cdef int64_t i, lane
    cdef real lanes[32]
    for lane in range(32):
        lanes[lane] = 0
    for i in range(n):
        a[i] = md_exp_of_negative(a[i] - largest)
    for i in range(0, n - 31, 32):
        for lane in range(32):
            lanes[lane] += a[i + lane]
    for i in range(n // 32 * 32, n):
        lanes[i % 32] += a[i]
    add_lanes(lanes, total)


cdef md_cloned_void scale_weights(real* weight, int64_t n, real factor) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        weight[i] = factor * weight[i]


cdef md_cloned_void pull_of_posteriors(real z, const real* weight, const real* loc, const real* inverse, int64_t n, double* pull) noexcept nogil:
    """sum_i w_i (z - mu_i) / s_i^2"""
    cdef int64_t i, lane
    cdef real lanes[32]
    for lane in range(32):
        lanes[lane] = 0
    for i in range(0, n - 31, 32):
        for lane in range(32):
            lanes[lane] += weight[i + lane] * (z - loc[i + lane]) * inverse[i + lane] * inverse[i + lane]
    for i in range(n // 32 * 32, n):
        lanes[i % 32] += weight[i] * (z - loc[i]) * inverse[i] * inverse[i]
    add_lanes(lanes, pull)


cdef void inclusive_kl_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t j, d, first, samples, D = s.D, B = s.B, plane = s.D * s.B, last = chunk_start(s, s.B, task + 1)
    cdef real* d_log_p = s.scratch + task * s.scratch_size
    cdef real* d_variance = d_log_p + s.block * D
    cdef real* joint = d_variance + s.block * D
    cdef real* log_p = joint + LANES * s.prior.components
    cdef real* weights = s.kl_weight + task * MD_SAMPLES * s.max_rows
    cdef real* weight
    cdef real* d_loc = s.kl_loc + task * plane
    cdef real* d_scale = s.kl_scale + task * plane
    cdef double* variance_total = s.d_variance + (CHUNKS + task) * D
    cdef const real* z
    cdef real column[MD_SAMPLES]
    cdef real largest
    cdef double sum_, pull, total = 0, share = s.weight[REGULARISER] / B
    cdef bint learned = s.prior.logits != NULL
    memset(d_loc, 0, plane * sizeof(real))
    memset(d_scale, 0, plane * sizeof(real))
    first = chunk_start(s, B, task)
    while first < last:
        samples = min(min(<int64_t>MD_SAMPLES, s.block), last - first)
        prior_rows(&s.prior, s.prior_sample + first * D, samples, D, joint, d_log_p, d_variance, log_p)
        for j in range(samples):
            z = s.prior_sample + (first + j) * D
            weight = weights + j * B
            md_log_posteriors(z, D, B, s.posterior, s.posterior + D * B, s.posterior + 2 * D * B, weight)
            largest_of(weight, B, &largest)
            exp_and_sum(weight, B, largest, &sum_)
            total += log_p[j] - largest - log(sum_) + log(<double>B)
            if not s.backward:
                continue
            scale_weights(weight, B, <real>(share / sum_))
            for d in range(D if learned else 0):
                pull_of_posteriors(z[d], weight, s.posterior + d * B, s.posterior + (D + d) * B, B, &pull)
                s.d_sample[(first + j) * D + d] = <real>(share * d_log_p[j * D + d] + pull)
                variance_total[d] += share * d_variance[j * D + d]
        for d in range(D if s.backward else 0):
            for j in range(samples):
                column[j] = s.prior_sample[(first + j) * D + d]
            md_posterior_grads(samples, column, weights, B, B, s.posterior + d * B, s.posterior + (D + d) * B,
                               d_loc + d * B, d_scale + d * B)
        first += samples
    s.partial[REGULARISER * s.partials + task] = total / B

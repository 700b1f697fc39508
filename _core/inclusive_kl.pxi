# KL(p(z) || q(z)) with the batch's aggregate posterior (minidecomp/terms/inclusive_kl.py). A task takes a chunk of the
# prior sample's rows j and adds up the gradient by every posterior i; the parts are summed in order afterwards.

cdef void inclusive_columns_phase(void* context, long task) noexcept nogil:
    """loc, 1 / scale, and c_i = sum_d -log s_id - log(2 pi) / 2, dimension by dimension."""
    cdef Step* s = <Step*>context
    cdef const real* encoder_output = s.encoder.layer[s.encoder.layers - 1].output
    cdef long b, d, D = s.D, B = s.B
    cdef real constant
    for b in range(chunk_start(B, task), chunk_start(B, task + 1)):
        constant = 0
        for d in range(D):
            s.posterior[d * B + b] = encoder_output[b * 2 * D + d]
            s.posterior[(D + d) * B + b] = 1 / s.scale[b * D + d]
            constant -= md_log(s.scale[b * D + d]) + <real>0.5 * MD_LOG_2PI
        s.posterior[2 * D * B + b] = constant


cdef md_cloned_void log_posteriors(const real* z, const real* posterior, long B, long D, real* out, real* largest) noexcept nogil:
    """out_i = log q(z | x_i) = c_i - sum_d ((z_d - mu_id) / s_id)^2 / 2, and the largest of them"""
    cdef long i, d, lane
    cdef real r
    cdef real top[32]
    cdef const real* loc
    cdef const real* inverse
    cdef const real* constant = posterior + 2 * D * B
    for i in range(B):
        out[i] = constant[i]
    for d in range(D):
        loc = posterior + d * B
        inverse = posterior + (D + d) * B
        for i in range(B):
            r = (z[d] - loc[i]) * inverse[i]
            out[i] = out[i] - <real>0.5 * r * r
    for lane in range(32):
        top[lane] = out[0]
    for i in range(0, B - 31, 32):
        for lane in range(32):
            top[lane] = md_max(top[lane], out[i + lane])
    for i in range(B // 32 * 32, B):
        top[0] = md_max(top[0], out[i])
    for lane in range(1, 32):
        top[0] = md_max(top[0], top[lane])
    largest[0] = top[0]


cdef md_cloned_void exp_and_sum(real* a, long n, real largest, double* total) noexcept nogil:
    """a_i <- e^(a_i - largest), and their sum"""
    cdef long i, lane
    cdef real lanes[32]
    for lane in range(32):
        lanes[lane] = 0
    for i in range(0, n - 31, 32):
        for lane in range(32):
            a[i + lane] = md_exp(a[i + lane] - largest)
            lanes[lane] += a[i + lane]
    for i in range(n // 32 * 32, n):
        a[i] = md_exp(a[i] - largest)
        lanes[i % 32] += a[i]
    add_lanes(lanes, total)


cdef md_cloned_void add_posterior_grads(real z, const real* weight, const real* loc, const real* inverse, long B, real factor, real* d_loc, real* d_scale, real* pull) noexcept nogil:
    """With w_i = factor W_ji, one dimension:  d_mu_i -= w_i r / s_i,  d_s_i -= w_i (r^2 - 1) / s_i,  r = (z - mu_i) / s_i;
    pull = sum_i w_i r / s_i"""
    cdef long i, lane
    cdef real r, w
    cdef real lanes[32]
    cdef double total
    for lane in range(32):
        lanes[lane] = 0
    for i in range(0, B - 31, 32):
        for lane in range(32):
            w = factor * weight[i + lane] * inverse[i + lane]
            r = (z - loc[i + lane]) * inverse[i + lane]
            d_loc[i + lane] -= w * r
            d_scale[i + lane] -= w * (r * r - 1)
            lanes[lane] += w * r
    for i in range(B // 32 * 32, B):
        w = factor * weight[i] * inverse[i]
        r = (z - loc[i]) * inverse[i]
        d_loc[i] -= w * r
        d_scale[i] -= w * (r * r - 1)
        lanes[i % 32] += w * r
    add_lanes(lanes, &total)
    pull[0] = <real>total


cdef void inclusive_kl_phase(void* context, long task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef long j, d, D = s.D, B = s.B, plane = s.D * s.B
    cdef real* weight = s.scratch + task * s.scratch_size
    cdef real* d_log_p = weight + B
    cdef real* d_variance = d_log_p + D
    cdef real* joint = d_variance + D
    cdef real* d_loc = s.kl_loc + task * plane
    cdef real* d_scale = s.kl_scale + task * plane
    cdef double* variance_total = s.d_variance + (CHUNKS + task) * D
    cdef const real* z
    cdef real largest, pull
    cdef double sum_, log_p, total = 0, share = s.weight[REGULARISER] / B
    memset(d_loc, 0, plane * sizeof(real))
    memset(d_scale, 0, plane * sizeof(real))
    for j in range(chunk_start(B, task), chunk_start(B, task + 1)):
        z = s.prior_sample + j * D
        log_posteriors(z, s.posterior, B, D, weight, &largest)
        exp_and_sum(weight, B, largest, &sum_)
        log_p = prior_row(&s.prior, z, D, joint, d_log_p, d_variance)
        total += log_p - largest - log(sum_) + log(<double>B)
        if not s.backward:
            continue
        for d in range(D):
            add_posterior_grads(z[d], weight, s.posterior + d * B, s.posterior + (D + d) * B, B,
                                <real>(share / sum_), d_loc + d * B, d_scale + d * B, &pull)
            s.d_sample[j * D + d] = <real>share * d_log_p[d] + pull
            variance_total[d] += share * d_variance[d]
    s.partial[REGULARISER * s.partials + task] = total / B

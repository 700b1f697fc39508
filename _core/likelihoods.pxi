# log p(x | z) (minidecomp/terms/likelihoods/): the value, and the gradient, which overwrites the decoder's output.

cdef md_cloned_void bernoulli_row(const real* x, real* output, int64_t dx, real weight, double* log_p) noexcept nogil:
    """log p = sum_d x o - softplus(o),  d/do = x - sigmoid(o)"""
    cdef int64_t d, lane
    cdef real total[32]
    cdef real d_logit
    for lane in range(32):
        total[lane] = 0
    for d in range(0, dx - 31, 32):
        for lane in range(32):
            total[lane] += md_bernoulli(x[d + lane], output[d + lane], &d_logit)
            output[d + lane] = weight * d_logit
    for d in range(dx // 32 * 32, dx):
        total[d % 32] += md_bernoulli(x[d], output[d], &d_logit)
        output[d] = weight * d_logit
    add_lanes(total, log_p)


cdef md_cloned_void gaussian_row(const real* x, real* loc, real* raw, int64_t dx, real weight, double* log_p) noexcept nogil:
    """log p = sum_d log N(x; m, s^2),  s = softplus(r) + 1e-6,  for loc m and raw scale r"""
    cdef int64_t d, lane
    cdef real total[32]
    cdef real d_loc, d_raw
    for lane in range(32):
        total[lane] = 0
    for d in range(0, dx - 31, 32):
        for lane in range(32):
            total[lane] += md_gaussian(x[d + lane], loc[d + lane], raw[d + lane], &d_loc, &d_raw)
            loc[d + lane] = weight * d_loc
            raw[d + lane] = weight * d_raw
    for d in range(dx // 32 * 32, dx):
        total[d % 32] += md_gaussian(x[d], loc[d], raw[d], &d_loc, &d_raw)
        loc[d] = weight * d_loc
        raw[d] = weight * d_raw
    add_lanes(total, log_p)


cdef md_cloned_void laplace_row(const real* x, real* output, int64_t dx, real scale, real weight, double* log_p) noexcept nogil:
    """log p = sum_d -|x - m| / b - log(2 b),  d/dm = sign(x - m) / b"""
    cdef int64_t d, lane
    cdef real total[32]
    cdef real d_loc, inverse = 1 / scale
    for lane in range(32):
        total[lane] = 0
    for d in range(0, dx - 31, 32):
        for lane in range(32):
            total[lane] += md_laplace(x[d + lane], output[d + lane], inverse, &d_loc)
            output[d + lane] = weight * d_loc
    for d in range(dx // 32 * 32, dx):
        total[d % 32] += md_laplace(x[d], output[d], inverse, &d_loc)
        output[d] = weight * d_loc
    add_lanes(total, log_p)
    log_p[0] -= dx * log(2 * <double>scale)


cdef inline void add_lanes(const real* total, double* out) noexcept nogil:
    """out = sum of 32 lanes"""
    cdef int64_t lane
    out[0] = 0
    for lane in range(32):
        out[0] += total[lane]


cdef void gaussian_rows(const real* x, real* output, int64_t rows, int64_t dx, real weight, real* scratch, double* log_p) noexcept nogil:
    """Short rows are put side by side: all means, then all raw scales."""
    cdef int64_t i, d
    for i in range(rows):
        for d in range(dx):
            scratch[i * dx + d] = output[i * 2 * dx + d]
            scratch[(rows + i) * dx + d] = output[i * 2 * dx + dx + d]
    gaussian_row(x, scratch, scratch + rows * dx, rows * dx, weight, log_p)
    for i in range(rows):
        for d in range(dx):
            output[i * 2 * dx + d] = scratch[i * dx + d]
            output[i * 2 * dx + dx + d] = scratch[(rows + i) * dx + d]


cdef inline void likelihood_of(const Step* s, const real* x, real* output, real* raw, int64_t n, real weight, double* log_p) noexcept nogil:
    """log p of n numbers, and `weight` times its gradient in place of the output; a Gaussian's raw scales are apart."""
    if s.likelihood == BERNOULLI:
        bernoulli_row(x, output, n, weight, log_p)
    elif s.likelihood == LAPLACE:
        laplace_row(x, output, n, s.likelihood_scale, weight, log_p)
    else:
        gaussian_row(x, output, raw, n, weight, log_p)


cdef void likelihood_phase(void* context, int64_t task) noexcept nogil:
    """The K B rows of the decoder's output; row k B + b stands for data point b."""
    cdef Step* s = <Step*>context
    cdef Layer* last = &s.decoder.layer[s.decoder.layers - 1]
    cdef int64_t row, rows, n = s.K * s.B, end = chunk_start(s, s.K * s.B, task + 1)
    cdef real weight = <real>(s.weight[LOG_LIKELIHOOD] / n)
    cdef double log_p, total = 0
    cdef const real* x
    cdef real* output
    row = chunk_start(s, n, task)
    while row < end:
        # As many as give about SIDE_BY_SIDE numbers; one at a time if each point's log weight is asked for.
        rows = 1 if s.log_weight != NULL else max(1, min(<int64_t>SIDE_BY_SIDE // s.dx, min(end - row, s.B - row % s.B)))
        x = s.encoder.layer[0].input + row % s.B * s.dx
        output = last.output + row * last.n_out
        if s.likelihood == GAUSSIAN and rows > 1:
            gaussian_rows(x, output, rows, s.dx, weight, s.scratch + task * s.scratch_size, &log_p)
        else:
            likelihood_of(s, x, output, output + s.dx, rows * s.dx, weight, &log_p)
        total += log_p
        if s.log_weight != NULL:
            s.log_weight[row] += log_p
        row += rows
    s.partial[LOG_LIKELIHOOD * s.partials + task] = total / n

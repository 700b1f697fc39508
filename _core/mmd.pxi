# The dimension-wise MMD^2 (minidecomp/terms/mmd.py). A task takes one dimension of one posterior sample; nothing of size
# B x B is stored.

cdef md_cloned_void kernel_within(const real* y, long n, real* d_y, bint far, double* total) noexcept nogil:
    """total = sum_{i<j} k(y_i - y_j);  d_y_a += sum_j k'(y_a - y_j).  A pair serves both of its points: k' is odd."""
    cdef long i, j, lane, width
    cdef real sum_k[32]
    cdef real sum_d[32]
    cdef real r, d_s, slope
    cdef double row
    total[0] = 0
    for i in range(n - 1):
        for lane in range(32):
            sum_k[lane] = 0
            sum_d[lane] = 0
        j = i + 1
        while j < n:
            width = 32 if n - j >= 32 else n - j
            if far:
                for lane in range(width):
                    r = y[i] - y[j + lane]
                    sum_k[lane] += md_mmd_kernel_far(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_y[j + lane] -= slope
            elif width == 32:
                for lane in range(32):
                    r = y[i] - y[j + lane]
                    sum_k[lane] += md_mmd_kernel(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_y[j + lane] -= slope
            else:
                for lane in range(width):
                    r = y[i] - y[j + lane]
                    sum_k[lane] += md_mmd_kernel(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_y[j + lane] -= slope
            j += 32
        add_lanes(sum_k, &row)
        total[0] += row
        add_lanes(sum_d, &row)
        d_y[i] += <real>row


cdef md_cloned_void kernel_across(const real* y, const real* x, long n, real* d_y, real* d_x, bint far, double* total) noexcept nogil:
    """total = sum_{i,j} k(y_i - x_j);  d_y_a += sum_j k'(y_a - x_j);  d_x_a += sum_j k'(x_a - y_j)"""
    cdef long i, j, lane, width
    cdef real sum_k[32]
    cdef real sum_d[32]
    cdef real r, d_s, slope
    cdef double row
    total[0] = 0
    for i in range(n):
        for lane in range(32):
            sum_k[lane] = 0
            sum_d[lane] = 0
        j = 0
        while j < n:
            width = 32 if n - j >= 32 else n - j
            if far:
                for lane in range(width):
                    r = y[i] - x[j + lane]
                    sum_k[lane] += md_mmd_kernel_far(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_x[j + lane] -= slope
            elif width == 32:
                for lane in range(32):
                    r = y[i] - x[j + lane]
                    sum_k[lane] += md_mmd_kernel(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_x[j + lane] -= slope
            else:
                for lane in range(width):
                    r = y[i] - x[j + lane]
                    sum_k[lane] += md_mmd_kernel(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_x[j + lane] -= slope
            j += 32
        add_lanes(sum_k, &row)
        total[0] += row
        add_lanes(sum_d, &row)
        d_y[i] += <real>row


cdef bint far_apart(const real* x, const real* y, long n) noexcept nogil:
    """Whether s^6 could overflow for s = the largest squared distance."""
    cdef long i
    cdef double low = x[0], high = x[0]
    for i in range(n):
        low = min(low, min(<double>x[i], <double>y[i]))
        high = max(high, max(<double>x[i], <double>y[i]))
    return (high - low) * (high - low) > (1e6 if sizeof(real) == 4 else 1e50)


cdef void mmd_columns_phase(void* context, long task) noexcept nogil:
    """The prior sample (k = 0) and z, dimension by dimension."""
    cdef Step* s = <Step*>context
    cdef long k, b, d
    cdef const real* row
    for k in range(s.K + 1):
        for b in range(chunk_start(s.B, task), chunk_start(s.B, task + 1)):
            row = s.prior_sample + b * s.D if k == 0 else s.z + ((k - 1) * s.B + b) * s.D
            for d in range(s.D):
                s.columns[(k * s.D + d) * s.B + b] = row[d]


cdef void mmd_phase(void* context, long task) noexcept nogil:
    """MMD^2 of dimension d, posterior samples k = 1..K in turn, and its gradient by z and by the prior sample."""
    cdef Step* s = <Step*>context
    cdef long k, b, d = task, B = s.B, plane = s.D * s.B
    cdef real* x = s.columns + d * B
    cdef real* d_x = s.d_columns + d * B
    cdef real* y
    cdef real* d_y
    cdef real* within = s.scratch_columns + d * 3 * B
    cdef real* across_x = within + B
    cdef real* across_y = within + 2 * B
    cdef double pairs, total = 0, weight = s.weight[REGULARISER] / s.K
    cdef double pair = 2.0 / (<double>B * (B - 1)), cross = 2.0 / (<double>B * B)
    cdef bint far
    for k in range(1, s.K + 1):
        y = s.columns + k * plane + d * B
        d_y = s.d_columns + k * plane + d * B
        far = far_apart(x, y, B)
        if k == 1:
            memset(within, 0, B * sizeof(real))
            kernel_within(x, B, within, far, &pairs)
            for b in range(B):
                d_x[b] = <real>(s.K * weight * pair * within[b])
            total += s.K * pair * pairs
        memset(within, 0, 3 * B * sizeof(real))
        kernel_within(y, B, within, far, &pairs)
        total += pair * pairs
        kernel_across(y, x, B, across_y, across_x, far, &pairs)
        total -= cross * pairs
        for b in range(B):
            d_y[b] = <real>(weight * (pair * within[b] - cross * across_y[b]))
            d_x[b] -= <real>(weight * cross * across_x[b])
    s.partial[REGULARISER * s.partials + task] = total / s.K

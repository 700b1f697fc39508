# The dimension-wise MMD^2 (minidecomp/terms/regularisers/mmd.py). A task takes one dimension; nothing of size B x B is stored.

cdef extern from "mmd.h" nogil:
    const double MD_MMD_WIDTH
    const int64_t MD_MMD_SPAN, MD_MMD_CELLS, MD_MMD_TABLE
    ctypedef struct md_mmd_cells:
        double* moment[2]
        double* field[2]
        double* mirror[2]
    bint md_mmd_tables(double* table, int64_t places)
    int64_t md_mmd_room(int64_t cells)
    md_mmd_cells md_mmd_place(double* room, int64_t cells)
    bint md_range(const real* x, int64_t n, double* low, double* high)
    int64_t md_mmd_occupied(md_mmd_cells* c, int64_t cells, const real* x, const real* y, int64_t n, double low, double high)
    void md_mmd_spread(const md_mmd_cells* c, int64_t used, const real* x, int64_t n, double low, double* moment)
    void md_mmd_sums(md_mmd_cells* c, int64_t used, double pair, double cross, int backward, double* total)
    void md_mmd_gather(const md_mmd_cells* c, int64_t used, const real* x, int64_t n, double low, double* field, const double* mirror, real* d)


cdef md_cloned_void kernel_pairs(const real* y, const real* x, int64_t n, real* d_y, real* d_x, bint within, bint far, double* total) noexcept nogil:
    """total = sum k(y_i - x_j);  d_y_a += sum_j k'(y_a - x_j);  d_x_a += sum_j k'(x_a - y_j), where k' is odd.

    Over all i and j or, `within` one sample (x is y, d_x is d_y), over i < j.
    """
    cdef int64_t i, j, lane, width
    cdef real sum_k[32]
    cdef real sum_d[32]
    cdef real r, d_s, slope
    cdef double row
    total[0] = 0
    for i in range(n):
        for lane in range(32):
            sum_k[lane] = 0
            sum_d[lane] = 0
        j = i + 1 if within else 0
        while j < n:
            width = 32 if n - j >= 32 else n - j
            if far:
                for lane in range(width):
                    r = y[i] - x[j + lane]
                    sum_k[lane] += md_mmd_kernel_far(r * r, &d_s)
                    slope = 2 * r * d_s
                    sum_d[lane] += slope
                    d_x[j + lane] -= slope
            elif width == 32:       # with a constant number of lanes, the loop vectorises
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


cdef double exact_mmd(const real* x, const real* y, int64_t n, double weight, real* d_x, real* d_y, real* scratch, bint far) noexcept nogil:
    """MMD^2 of one dimension over all pairs; `weight` times its gradient in d_y and d_x. scratch holds 4 n numbers."""
    cdef double pair = 2.0 / (<double>n * (n - 1)), cross = 2.0 / (<double>n * n), xx, yy, xy
    cdef real* within_x = scratch
    cdef real* within_y = scratch + n
    cdef real* across_x = scratch + 2 * n
    cdef real* across_y = scratch + 3 * n
    cdef int64_t b
    memset(scratch, 0, 4 * n * sizeof(real))
    kernel_pairs(x, x, n, within_x, within_x, True, far, &xx)
    kernel_pairs(y, y, n, within_y, within_y, True, far, &yy)
    kernel_pairs(y, x, n, across_y, across_x, False, far, &xy)
    for b in range(n):
        d_y[b] = <real>(weight * (pair * within_y[b] - cross * across_y[b]))
        d_x[b] = <real>(weight * (pair * within_x[b] - cross * across_x[b]))
    return pair * (xx + yy) - cross * xy


cdef bint fast_mmd(const real* x, const real* y, int64_t n, double low, double high, double weight, real* d_x, real* d_y, int backward, double* room, int64_t cells, double* value) noexcept nogil:
    """The same with mmd.h. Does nothing and returns False if the points are so far apart that all pairs are cheaper.

    The gradient is computed for `backward` 1 (d_y) or 2 (also d_x). room holds md_mmd_room(cells) numbers.
    """
    cdef double pair = 2.0 / (<double>n * (n - 1)), cross = 2.0 / (<double>n * n), diagonal = <double>KERNEL_COUNT * n
    cdef double[3] total
    cdef md_mmd_cells c
    cdef int64_t used
    if not high - low < MD_MMD_WIDTH * (MD_MMD_SPAN - 1):
        return False
    c = md_mmd_place(room, cells)
    used = md_mmd_occupied(&c, min(cells, n // 3), x, y, n, low, high)
    if used == 0:
        return False
    md_mmd_spread(&c, used, x, n, low, c.moment[0])
    md_mmd_spread(&c, used, y, n, low, c.moment[1])
    md_mmd_sums(&c, used, weight * pair, weight * cross, backward, total)
    if backward >= 1:
        md_mmd_gather(&c, used, y, n, low, c.field[1], c.mirror[1], d_y)
    if backward >= 2:
        md_mmd_gather(&c, used, x, n, low, c.field[0], c.mirror[0], d_x)
    # A cell's moments also pair each point with itself, and k(0) = KERNEL_COUNT.
    value[0] = 0.5 * pair * (total[0] + total[1] - 2 * diagonal) - cross * total[2]
    return True


cdef double mmd_of_dimension(const real* x, const real* y, int64_t n, double weight, real* d_x, real* d_y, int backward, real* scratch, double* room, int64_t cells) noexcept nogil:
    cdef double low = x[0], high = x[0], value = 0
    cdef bint numbers = md_range(x, n, &low, &high)
    numbers = md_range(y, n, &low, &high) and numbers
    if numbers and fast_mmd(x, y, n, low, high, weight, d_x, d_y, backward, room, cells, &value):
        return value
    # s^6 must not overflow for s = the largest squared distance.
    return exact_mmd(x, y, n, weight, d_x, d_y, scratch, (high - low) * (high - low) > (MMD_FAR_FLOAT if sizeof(real) == 4 else MMD_FAR_DOUBLE))


cdef void mmd_columns_phase(void* context, int64_t task) noexcept nogil:
    """The prior sample (k = 0) and z, dimension by dimension."""
    cdef Step* s = <Step*>context
    cdef int64_t k, b, d
    cdef const real* row
    for k in range(s.K + 1):
        for b in range(chunk_start(s, s.B, task), chunk_start(s, s.B, task + 1)):
            row = s.prior_sample + b * s.D if k == 0 else s.z + ((k - 1) * s.B + b) * s.D
            for d in range(s.D):
                s.columns[(k * s.D + d) * s.B + b] = row[d]


cdef void mmd_phase(void* context, int64_t task) noexcept nogil:
    """MMD^2 of dimension d, the mean over samples k = 1..K, and its gradients in z and the prior sample."""
    cdef Step* s = <Step*>context
    cdef int64_t k, b, d = task, B = s.B, plane = s.D * s.B
    cdef real* d_x = s.d_columns + d * B
    cdef real* d_x_k = s.scratch_columns + d * 5 * B
    cdef double total = 0
    cdef int backward = 0 if not s.backward else 1 if s.prior.logits == NULL else 2
    memset(d_x, 0, B * sizeof(real))
    for k in range(1, s.K + 1):
        total += mmd_of_dimension(s.columns + d * B, s.columns + k * plane + d * B, B, s.weight[REGULARISER] / s.K, d_x_k,
                                  s.d_columns + k * plane + d * B, backward, d_x_k + B, s.mmd_room + d * s.mmd_room_size,
                                  s.mmd_cells)
        if backward == 2:
            for b in range(B):
                d_x[b] += d_x_k[b]
    s.partial[REGULARISER * s.partials + task] = total / s.K


cdef struct Discrepancy:
    const real* x           # (D, n)
    const real* y
    real* d_x
    real* d_y
    int64_t n
    int backward
    bint exact
    real* scratch           # (D, 4, n)
    double* room            # (D, room_size)
    int64_t room_size, cells
    double* value           # (D,)


cdef void discrepancy_task(void* context, int64_t d) noexcept nogil:
    cdef Discrepancy* t = <Discrepancy*>context
    cdef int64_t at = d * t.n
    cdef real* scratch = t.scratch + 4 * at
    if t.exact:
        t.value[d] = exact_mmd(t.x + at, t.y + at, t.n, 1, t.d_x + at, t.d_y + at, scratch, False)
    else:
        t.value[d] = mmd_of_dimension(t.x + at, t.y + at, t.n, 1, t.d_x + at, t.d_y + at, t.backward, scratch,
                                      t.room + d * t.room_size, t.cells)


def mmd(Pool pool not None, prior_sample, z, bint backward=True, bint exact=False):
    """MMD^2 of a prior sample and z, (n, D) each, and its gradient by both; `exact` sums over all pairs of points.

    Without `backward` the gradients are None.
    """
    cdef Discrepancy t
    cdef real[:, ::1] x = numpy.ascontiguousarray(numpy.transpose(prior_sample), DTYPE)
    cdef real[:, ::1] y = numpy.ascontiguousarray(numpy.transpose(z), DTYPE)
    cdef int64_t D = x.shape[0], n = x.shape[1]
    if y.shape[0] != D or y.shape[1] != n or n < LEAST_MMD_POINTS or D < 1:
        raise ValueError(f"a prior sample of shape ({n}, {D}) and z of ({y.shape[1]}, {y.shape[0]}); mmd needs two points")
    d_x, d_y, value = numpy.empty((D, n), DTYPE), numpy.empty((D, n), DTYPE), numpy.empty(D)
    cdef real[:, ::1] d_x_view = d_x, d_y_view = d_y
    cdef double[::1] value_view = value
    make_mmd_tables()
    t.cells = max(1, min(n // 3, MD_MMD_CELLS))
    t.room_size = md_mmd_room(t.cells)
    cdef real[::1] scratch = numpy.empty(4 * D * n, DTYPE)
    cdef double[::1] room = numpy.empty(D * t.room_size)
    t.x, t.y, t.d_x, t.d_y, t.value = &x[0, 0], &y[0, 0], &d_x_view[0, 0], &d_y_view[0, 0], &value_view[0]
    t.scratch, t.room, t.n, t.backward, t.exact = &scratch[0], &room[0], n, 2 if backward else 0, exact
    with nogil:
        md_pool_run(pool.pool, discrepancy_task, &t, D)
    return value.sum(), d_x.T if backward else None, d_y.T if backward else None


_tables = numpy.empty(0)     # read by all engines
_tables_lock = threading.Lock()


cdef make_mmd_tables():
    """The coefficients of mmd.h, computed when first needed."""
    global _tables
    cdef double[::1] table
    with _tables_lock:
        if len(_tables) == 0:
            table = numpy.empty(MD_MMD_TABLE)
            if not md_mmd_tables(&table[0], MD_MMD_TABLE):
                raise MemoryError("MD_MMD_TABLE is too small")
            _tables = numpy.asarray(table)

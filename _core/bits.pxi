# The encoder's first layer for data of bits with few ones: x W is the sum of the rows of W where x is 1, and a row
# of d_W is the sum of the rows of d_a for the points where x is 1.

cdef inline bint on_bits(Step* s) noexcept nogil:
    """Whether the current layer is that one."""
    return s.sums_of_rows and s.layer == 0 and s.network == &s.encoder


cdef void list_ones(Step* s, int64_t b) noexcept nogil:
    """The indices of the ones in point b of the batch; the count is -1 if there are too many."""
    cdef const uint8_t* point = <const uint8_t*>s.data + s.index[b] * (s.dx // 8)
    cdef int32_t* ones = s.ones + b * (s.dx // LEAST_DARK)
    cdef int64_t q, bit, count = 0, most = s.dx // LEAST_DARK
    memcpy(s.bits + b * (s.dx // 8), point, s.dx // 8)
    for q in range(s.dx // 8):
        if point[q] == 0:
            continue
        if count + 8 > most:
            s.ones_count[b] = -1
            return
        for bit in range(8):
            ones[count] = <int32_t>(8 * q + bit)
            count += point[q] >> (7 - bit) & 1
    s.ones_count[b] = <int32_t>count


cdef void gather_bits_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t b
    for b in range(chunk_start(s, s.B, task), chunk_start(s, s.B, task + 1)):
        list_ones(s, b)


cdef void gather_bits(Step* s) noexcept nogil:
    """List the batch's ones, and decide from the data alone how to compute the first layer."""
    cdef int64_t b
    s.sums_of_rows = s.data_kind == BIT_DATA and s.B * s.encoder.layer[0].n_out >= 1024 and not s.rows_alone
    if s.sums_of_rows:
        md_pool_run(s.pool, gather_bits_phase, s, s.chunks)
        for b in range(s.B):
            s.sums_of_rows = s.sums_of_rows and s.ones_count[b] >= 0


cdef int64_t bits_forward_tasks(const Layer* l) noexcept nogil:
    return (l.n_out + STRIP - 1) // STRIP


cdef void bits_forward_phase(void* context, int64_t task) noexcept nogil:
    """A strip of columns of W stays in the L2 cache for all points."""
    cdef Step* s = <Step*>context
    cdef Layer* l = &s.encoder.layer[0]
    cdef int64_t b, c0 = task * STRIP, width = min(<int64_t>STRIP, l.n_out - c0)
    for b in range(s.rows):
        md_sum_of_rows(l.W + c0, l.n_out, s.ones + b * (s.dx // LEAST_DARK), s.ones_count[b], width, l.output + b * l.n_out + c0)
    bias_and_activation(l.output + c0, l.b + c0, s.rows, width, l.n_out, l.activation)


cdef void list_points(Step* s, int64_t first, int64_t pixels, int32_t* lists, int64_t* counts) noexcept nogil:
    """For each of `pixels` columns of x from `first` on, the points where x is 1; both are multiples of 8."""
    cdef int64_t b, q, bit, p
    cdef uint8_t byte
    cdef const uint8_t* column
    for p in range(pixels):
        counts[p] = 0
    for b in range(s.B):
        column = s.bits + b * (s.dx // 8) + first // 8
        for q in range(pixels // 8):
            byte = column[q]
            if byte == 0:
                continue
            for bit in range(8):
                p = 8 * q + bit
                lists[p * s.max_rows + counts[p]] = <int32_t>b
                counts[p] += byte >> (7 - bit) & 1


cdef void bits_weights_task(Step* s, int64_t task) noexcept nogil:
    """STRIP rows of d_W = x^T d_a and, in training, Adam's update with them"""
    cdef Layer* l = &s.encoder.layer[0]
    cdef int64_t counts[STRIP]
    cdef int64_t p, row, first = task * STRIP, pixels = min(<int64_t>STRIP, l.n_in - first)
    cdef int32_t* lists = s.list_room + md_pool_me() * STRIP * s.max_rows
    cdef real* gradient
    list_points(s, first, pixels, lists, counts)
    for p in range(pixels):
        row = first + p
        if s.update and counts[p] == 0 and s.never_updated[row]:
            continue    # if m, v and the gradient are 0, Adam changes nothing
        gradient = s.tile_room + md_pool_me() * s.tile_room_size if s.update else l.d_W + row * l.n_out
        md_sum_of_rows(l.d_output, l.n_out, lists + p * s.max_rows, counts[p], l.n_out, gradient)
        if s.update:
            s.never_updated[row] = 0
            adam_stretch(s, l.W - s.vector + row * l.n_out, gradient, l.n_out)


cdef void find_never_updated(Step* s) noexcept nogil:
    """The rows of the first layer's weights that Adam has never moved."""
    cdef const Layer* l = &s.encoder.layer[0]
    cdef int64_t row, j
    cdef const real* m
    cdef const real* v
    for row in range(l.n_in):
        m = s.m + (l.W - s.vector) + row * l.n_out
        v = s.v + (l.W - s.vector) + row * l.n_out
        s.never_updated[row] = 1
        for j in range(l.n_out):
            if m[j] != 0 or v[j] != 0:
                s.never_updated[row] = 0
                break

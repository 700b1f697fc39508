# The layers (minidecomp/model/network.py): h = act(x W + b), and back. A task computes a tile of a product and then,
# in cache, the element-wise operations that follow.

cdef md_cloned_void bias_and_activation(real* h, const real* b, int64_t rows, int64_t columns, int64_t stride, int activation) noexcept nogil:
    """h <- act(h + b)"""
    cdef int64_t i, j
    cdef real* row
    for i in range(rows):
        row = h + i * stride
        if activation == LINEAR:
            for j in range(columns):
                row[j] = row[j] + b[j]
        elif activation == RELU:
            for j in range(columns):
                row[j] = md_relu(row[j] + b[j])
        elif activation == LEAKY_RELU:
            for j in range(columns):
                row[j] = md_leaky_relu(row[j] + b[j])
        elif activation == TANH:
            for j in range(columns):
                row[j] = md_tanh(row[j] + b[j])
        else:
            for j in range(columns):
                row[j] = md_softplus(row[j] + b[j])


cdef md_cloned_void activate(real* h, int64_t n, int activation) noexcept nogil:
    """h <- act(h) for an activation other than relu, which narrow.h's products apply themselves"""
    cdef int64_t i
    if activation == LEAKY_RELU:
        for i in range(n):
            h[i] = md_leaky_relu(h[i])
    elif activation == TANH:
        for i in range(n):
            h[i] = md_tanh(h[i])
    else:
        for i in range(n):
            h[i] = md_softplus(h[i])


cdef md_cloned_void times_slope(real* d_h, const real* h, int64_t rows, int64_t columns, int64_t stride, int activation) noexcept nogil:
    """d_a = d_h act'(a), from h = act(a)"""
    cdef int64_t i, j
    cdef real* d_row
    cdef const real* row
    for i in range(rows):
        d_row = d_h + i * stride
        row = h + i * stride
        if activation == RELU:
            for j in range(columns):
                d_row[j] = d_row[j] * md_relu_slope(row[j])
        elif activation == LEAKY_RELU:
            for j in range(columns):
                d_row[j] = d_row[j] * md_leaky_relu_slope(row[j])
        elif activation == TANH:
            for j in range(columns):
                d_row[j] = d_row[j] * md_tanh_slope(row[j])
        elif activation == SOFTPLUS:
            for j in range(columns):
                d_row[j] = d_row[j] * md_softplus_slope(row[j])


cdef md_cloned_void column_sums(real* out, const real* a, int64_t rows, int64_t columns) noexcept nogil:
    """out_j = sum_i a_ij"""
    cdef int64_t i, j
    for j in range(columns):
        out[j] = 0
    for i in range(rows):
        for j in range(columns):
            out[j] = out[j] + a[i * columns + j]


cdef md_cloned_void absolute_sum(const real* a, int64_t n, double* out) noexcept nogil:
    """sum_i |a_i|, which is NaN or infinite if any entry is"""
    cdef int64_t i, lane
    cdef real lanes[32]
    for lane in range(32):
        lanes[lane] = 0
    for i in range(0, n - 31, 32):
        for lane in range(32):
            lanes[lane] += md_fabs(a[i + lane])
    for i in range(n // 32 * 32, n):
        lanes[i % 32] += md_fabs(a[i])
    out[0] = 0
    for lane in range(32):
        out[0] += lanes[lane]


cdef void forward_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef Layer* l = &s.network.layer[s.layer]
    cdef int64_t r0, r1, c0, c1
    md_gemm_tile(task, s.rows, l.n_out, l.n_in, &r0, &r1, &c0, &c1)
    cdef real* tile = l.output + r0 * l.n_out + c0
    if s.rows_alone:
        md_gemm_rows(r1 - r0, c1 - c0, l.n_in, l.input + r0 * l.n_in, l.n_in, l.W + c0, l.n_out, tile, l.n_out)
    else:
        md_gemm(0, 0, r1 - r0, c1 - c0, l.n_in, l.input + r0 * l.n_in, l.n_in, l.W + c0, l.n_out, 0, tile, l.n_out)
    bias_and_activation(tile, l.b + c0, r1 - r0, c1 - c0, l.n_out, l.activation)


cdef void forward(Step* s, Network* network, int64_t rows) noexcept nogil:
    cdef Layer* l
    s.network = network
    s.rows = rows
    for s.layer in range(network.layers):
        l = &network.layer[s.layer]
        if on_bits(s):
            md_pool_run(s.pool, bits_forward_phase, s, bits_forward_tasks(l))
        else:
            md_pool_run(s.pool, forward_phase, s, md_gemm_tasks(rows, l.n_out, l.n_in))


cdef void place_gradient(Step* s, Network* network) noexcept:
    """The layers' places in the gradient vector."""
    cdef int i
    for i in range(network.layers):
        network.layer[i].d_W = s.gradient + (network.layer[i].W - s.vector)
        network.layer[i].d_b = s.gradient + (network.layer[i].b - s.vector)


cdef void backward_phase(void* context, int64_t task) noexcept nogil:
    """Task 0: d_b = sum d_a, and a bound on d_W; then tiles of d_h = d_a W^T, times the slope of the layer below."""
    cdef Step* s = <Step*>context
    cdef Layer* l = &s.network.layer[s.layer]
    cdef int64_t r0, r1, c0, c1
    cdef double of_input, of_gradient
    cdef real* tile
    if task == 0:
        column_sums(l.d_b, l.d_output, s.rows, l.n_out)
        absolute_sum(l.d_output, s.rows * l.n_out, &of_gradient)
        if on_bits(s):
            of_input = 1
        else:
            absolute_sum(l.input, s.rows * l.n_in, &of_input)
        # |sum_b h_bi d_bj| <= (sum |h|) (sum |d|)
        l.largest = of_gradient * max(of_input, 1.0)
        return
    md_gemm_tile(task - 1, s.rows, l.n_in, l.n_out, &r0, &r1, &c0, &c1)
    tile = l.d_input + r0 * l.n_in + c0
    # The decoder's input is z, whose gradient already contains the KL's part.
    md_gemm(0, 1, r1 - r0, c1 - c0, l.n_out, l.d_output + r0 * l.n_out, l.n_out, l.W + c0 * l.n_out, l.n_out,
            s.layer == 0, tile, l.n_in)
    if s.layer > 0:
        times_slope(tile, l.input + r0 * l.n_in + c0, r1 - r0, c1 - c0, l.n_in, s.network.layer[s.layer - 1].activation)


cdef void backward(Step* s, Network* network, int64_t rows) noexcept nogil:
    """The gradients with respect to every layer's output and bias; weights.pxi has those of the weights."""
    cdef Layer* l
    cdef int64_t tasks
    s.network = network
    s.rows = rows
    for s.layer in range(network.layers - 1, -1, -1):
        l = &network.layer[s.layer]
        tasks = 1 if l.d_input == NULL else 1 + md_gemm_tasks(rows, l.n_in, l.n_out)
        run(s, backward_phase, tasks, 0.02 * rows * l.n_in * l.n_out)

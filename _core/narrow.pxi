# The step of a model whose layers are all narrow (`is_narrow`), in two phases with one meeting of the threads between:
#
#     there   rows of the batch -> encoder -> posterior, sample, KL -> decoder -> likelihood -> back through the decoder
#             (the aggregate posterior is known: the regulariser; without one, a task goes on at once)
#     back    its pull and the decoder's -> posterior -> back through the encoder
#
# A task takes a stretch of rows through all of a phase, in blocks that stay in the caches, a lane a row (narrow.h), and
# adds up the gradient of its rows. `narrow_gradient` then adds the tasks' parts in order.

cdef extern from "narrow.h" nogil:
    enum: MD_NARROW_STEP
    ctypedef struct md_narrow:
        int64_t rows, n_in, n_out, w_unit, w_in
        const real* w
        const real* in_ "in"
        const real* bias
        const real* gate
        int relu
        real* out
    void md_narrow_product(const md_narrow* p)
    void md_narrow_weights(int64_t rows, int64_t n_in, int64_t n_out, const real* in_, const real* ones, const real* d_out,
                           real* d_W, real* d_b)

cdef enum:
    NARROW_ROWS = 64        # of a block: the hidden values of a layer 100 wide are 26 KB
    NARROW_WIDTH = 4 * NARROW_ROWS  # of a narrow layer's input and output at most
    NARROW_WEIGHTS = 4096   # of a narrow layer at most: beyond, gemm.h's products are faster
    NARROW_PIECE = 1024     # parameters in a task of the sum

cdef struct NarrowRoom:     # a thread's working memory: columns, (units, rows) each
    real* x
    real* z
    real* d_z
    real* output            # of the encoder or the decoder
    real* d_hidden[2]       # of every other layer
    real* ones


cdef bint is_narrow(const Step* s) noexcept nogil:
    """Whether all layers are narrow, and nothing is asked of single points."""
    return s.narrow and s.log_weight == NULL


cdef bint has_narrow_layers(const Network* network) noexcept nogil:
    cdef int i
    cdef const Layer* l
    for i in range(network.layers):
        l = &network.layer[i]
        if max(l.n_in, l.n_out) > NARROW_WIDTH or l.n_in * l.n_out > NARROW_WEIGHTS:
            return False
    return True


cdef inline int64_t narrow_room_size() noexcept nogil:
    return (6 * NARROW_WIDTH + 1) * NARROW_ROWS


cdef NarrowRoom narrow_room(Step* s) noexcept nogil:
    cdef NarrowRoom room
    cdef real* at = s.narrow_room + md_pool_me() * narrow_room_size()
    cdef int64_t size = NARROW_WIDTH * NARROW_ROWS, i
    room.x, room.z, room.d_z, room.output = at, at + size, at + 2 * size, at + 3 * size
    room.d_hidden[0], room.d_hidden[1], room.ones = at + 4 * size, at + 5 * size, at + 6 * size
    for i in range(NARROW_ROWS):
        room.ones[i] = 1
    return room


cdef inline int64_t padded(int64_t rows) noexcept nogil:
    return (rows + MD_NARROW_STEP - 1) // MD_NARROW_STEP * MD_NARROW_STEP


cdef md_cloned_void to_columns(const real* rows, int64_t n, int64_t width, int64_t stride, real* columns) noexcept nogil:
    """columns (width, stride) of rows (n, width); the columns are filled up with zeros."""
    cdef int64_t i, j
    for j in range(width):
        for i in range(n):
            columns[j * stride + i] = rows[i * width + j]
        for i in range(n, stride):
            columns[j * stride + i] = 0


cdef md_cloned_void to_rows(const real* columns, int64_t n, int64_t width, int64_t stride, real* rows) noexcept nogil:
    cdef int64_t i, j
    for j in range(width):
        for i in range(n):
            rows[i * width + j] = columns[j * stride + i]


cdef md_cloned_void add_to_rows(const real* columns, int64_t n, int64_t width, int64_t stride, real* rows) noexcept nogil:
    cdef int64_t i, j
    for j in range(width):
        for i in range(n):
            rows[i * width + j] += columns[j * stride + i]


cdef void narrow_forward(Network* network, const real* x, int64_t rows, int64_t at, real* output) noexcept nogil:
    """The output (n_out, rows) for x (n_in, rows); hidden layers keep theirs, in the place of row `at`."""
    cdef md_narrow p
    cdef Layer* l
    cdef int layer
    for layer in range(network.layers):
        l = &network.layer[layer]
        p.rows, p.n_in, p.n_out, p.w_unit, p.w_in = rows, l.n_in, l.n_out, 1, l.n_out
        p.w, p.in_, p.bias, p.gate, p.relu = l.W, x, l.b, NULL, l.activation == RELU
        p.out = output if layer == network.layers - 1 else l.output + at * l.n_out
        md_narrow_product(&p)
        if l.activation not in (LINEAR, RELU):
            activate(p.out, rows * l.n_out, l.activation)
        x = p.out


cdef void narrow_backward(Step* s, Network* network, NarrowRoom* room, const real* x, const real* d_output, int64_t rows,
                          int64_t at, real* gradient, real* d_x) noexcept nogil:
    """Add the gradient of the network's weights; d_x (n_in, rows), unless it is NULL."""
    cdef md_narrow p
    cdef Layer* l
    cdef int layer, below
    cdef const real* d_out = d_output
    cdef const real* h
    for layer in range(network.layers - 1, -1, -1):
        l = &network.layer[layer]
        h = x if layer == 0 else network.layer[layer - 1].output + at * l.n_in
        md_narrow_weights(rows, l.n_in, l.n_out, h, room.ones, d_out, gradient + (l.W - s.vector), gradient + (l.b - s.vector))
        if layer == 0 and d_x == NULL:
            return
        # d_h = d_a W^T, times the slope of the layer below
        below = LINEAR if layer == 0 else network.layer[layer - 1].activation
        p.rows, p.n_in, p.n_out, p.w_unit, p.w_in = rows, l.n_out, l.n_in, l.n_out, 1
        p.w, p.in_, p.bias, p.gate, p.relu = l.W, d_out, NULL, h if below == RELU else NULL, False
        p.out = d_x if layer == 0 else room.d_hidden[layer % 2]
        md_narrow_product(&p)
        if below not in (LINEAR, RELU):
            times_slope(p.out, h, 1, rows * l.n_in, 0, below)
        d_out = p.out


cdef double narrow_likelihood(Step* s, const real* x, real* output, int64_t n, int64_t rows) noexcept nogil:
    """The sum of log p of n rows; its gradient, 0 in the rows that fill the block up, overwrites the output."""
    cdef real weight = <real>(s.weight[LOG_LIKELIHOOD] / (s.K * s.B))
    cdef int64_t d, i, dx = s.dx
    cdef double log_p = 0, total = 0
    if n == rows:
        likelihood_of(s, x, output, output + dx * rows, dx * rows, weight, &total)
        return total
    for d in range(dx):
        likelihood_of(s, x + d * rows, output + d * rows, output + (dx + d) * rows, n, weight, &log_p)
        total += log_p
    for d in range(s.decoder.layer[s.decoder.layers - 1].n_out):
        for i in range(n, rows):
            output[d * rows + i] = 0
    return total


cdef void narrow_there_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t first = chunk_start(s, s.B, task), last = chunk_start(s, s.B, task + 1), b, k, n, rows, D = s.D
    cdef NarrowRoom room = narrow_room(s)
    cdef real* x = s.encoder.layer[0].input
    cdef real* posterior = s.encoder.layer[s.encoder.layers - 1].output
    cdef real* gradient = s.narrow_part + task * s.size
    cdef double log_p = 0
    if s.backward:
        memset(gradient, 0, s.size * sizeof(real))
    draw_phase(context, task)
    b = first
    while b < last:
        n = min(last - b, <int64_t>NARROW_ROWS)
        rows = padded(n)
        to_columns(x + b * s.dx, n, s.dx, rows, room.x)
        narrow_forward(&s.encoder, room.x, rows, b, room.output)
        to_rows(room.output, n, 2 * D, rows, posterior + b * 2 * D)
        b += n
    posterior_phase(context, task)
    b = first
    while b < last:
        n = min(last - b, <int64_t>NARROW_ROWS)
        rows = padded(n)
        to_columns(x + b * s.dx, n, s.dx, rows, room.x)
        for k in range(s.K):
            to_columns(s.z + (k * s.B + b) * D, n, D, rows, room.z)
            narrow_forward(&s.decoder, room.z, rows, first, room.output)
            log_p += narrow_likelihood(s, room.x, room.output, n, rows)
            if s.backward:
                narrow_backward(s, &s.decoder, &room, room.z, room.output, rows, first, gradient, room.d_z)
                add_to_rows(room.d_z, n, D, rows, s.d_z + (k * s.B + b) * D)
        b += n
    s.partial[LOG_LIKELIHOOD * s.partials + task] = log_p / (s.K * s.B)
    if s.backward and not meets(s):
        narrow_back_phase(context, task)


cdef inline bint meets(const Step* s) noexcept nogil:
    """Whether something of the whole batch is needed between there and back."""
    return s.regulariser != NO_REGULARISER or s.external != NULL


cdef void narrow_back_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t b = chunk_start(s, s.B, task), last = chunk_start(s, s.B, task + 1), n, rows, D = s.D
    cdef NarrowRoom room = narrow_room(s)
    cdef real* x = s.encoder.layer[0].input
    cdef real* d_posterior = s.encoder.layer[s.encoder.layers - 1].d_output
    cdef real* gradient = s.narrow_part + task * s.size
    posterior_backward_phase(context, task)
    while b < last:
        n = min(last - b, <int64_t>NARROW_ROWS)
        rows = padded(n)
        to_columns(x + b * s.dx, n, s.dx, rows, room.x)
        to_columns(d_posterior + b * 2 * D, n, 2 * D, rows, room.output)
        narrow_backward(s, &s.encoder, &room, room.x, room.output, rows, b, gradient, NULL)
        b += n


cdef md_cloned_void add_parts(const real* parts, int64_t stride, int64_t count, int64_t n, real* total) noexcept nogil:
    """total_i = sum_t parts_ti"""
    cdef int64_t i, t
    for i in range(n):
        total[i] = parts[i]
    for t in range(1, count):
        for i in range(n):
            total[i] += parts[t * stride + i]


cdef void narrow_sum_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef int64_t first = task * NARROW_PIECE, n = min(s.narrow_size - first, <int64_t>NARROW_PIECE)
    add_parts(s.narrow_part + first, s.size, s.chunks, n, s.gradient + first)


cdef void narrow_gradient(Step* s) noexcept nogil:
    """The gradient of the layers' weights, from the tasks' parts; the prior's logits have theirs already."""
    run(s, narrow_sum_phase, (s.narrow_size + NARROW_PIECE - 1) // NARROW_PIECE, 0.1 * s.chunks * s.narrow_size)

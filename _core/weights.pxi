# The gradients of the weights, d_W = h^T d_a, with all layers' tiles in one run. In training, Adam uses a tile as
# soon as it is computed, so it never goes to memory. With AVX-512 and batches of up to 256 rows, both run side by side.

cdef extern from "update_wide.h" nogil:
    enum:
        MD_WIDE_MOST
        MD_WIDE_ROWS
    ctypedef struct md_adam_arrays:
        real* theta
        real* m
        real* v
        real* v_max
        real rest1
        real rest2
        real rate
        real root
        real eps
    int64_t md_update_room(int64_t n_in, int64_t n_out, int64_t k)
    void md_update_wide(int64_t rows, int64_t width, int64_t k, const real* h, int64_t ldh, const real* d,
                        const md_adam_arrays* arrays, real* room)


cdef enum:
    UPDATE_HEIGHT = 120     # rows of W in a task that does both: it packs all of d_a for them


cdef inline bint side_by_side(Step* s, Layer* l, int64_t rows) noexcept nogil:
    """Whether a task computes its tile of d_W and uses it at once (update_wide.h)."""
    return s.update and md_update_room(l.n_in, l.n_out, rows) > 0


cdef int64_t tile_room(const Network* network, int64_t rows) noexcept nogil:
    """The numbers of a thread's working memory for tiles, with up to `rows` rows; no two threads share a cache line."""
    cdef int64_t room = 0
    cdef int i
    cdef const Layer* l
    for i in range(network.layers):
        l = &network.layer[i]
        room = max(room, min(l.n_in * l.n_out, <int64_t>TILE))
        room = max(room, md_update_room(l.n_in, l.n_out, min(rows, <int64_t>MD_WIDE_MOST)))
    return (room + 15) // 16 * 16


cdef void update_side_by_side(Step* s, Layer* l, int64_t rows, int64_t r0, int64_t height) noexcept nogil:
    cdef int64_t at = l.W - s.vector + r0 * l.n_out
    cdef md_adam_arrays arrays
    arrays.theta, arrays.m, arrays.v = s.vector + at, s.m + at, s.v + at
    arrays.v_max = s.v_max + at if s.v_max != NULL else NULL
    arrays.rest1, arrays.rest2, arrays.rate = <real>(1 - s.beta1), <real>(1 - s.beta2), s.rate
    arrays.root, arrays.eps = s.root, <real>s.adam_eps
    md_update_wide(height, l.n_out, rows, l.input + r0, l.n_in, l.d_output, &arrays, s.tile_room + md_pool_me() * s.tile_room_size)


cdef inline real* tile_of(Step* s, Layer* l, int64_t r0, int64_t c0, int64_t width, int64_t* stride) noexcept nogil:
    """Where to write a tile of d_W: to this thread's own memory, or to the gradient vector."""
    if s.update:
        stride[0] = width
        return s.tile_room + md_pool_me() * s.tile_room_size
    stride[0] = l.n_out
    return l.d_W + r0 * l.n_out + c0


cdef inline void use_tile(Step* s, Layer* l, const real* tile, int64_t r0, int64_t c0, int64_t rows, int64_t width) noexcept nogil:
    """In training, Adam's update of the tile's weights."""
    cdef int64_t i, at = l.W - s.vector + r0 * l.n_out + c0
    if not s.update:
        return
    if width == l.n_out:
        adam_stretch(s, at, tile, rows * width)
        return
    for i in range(rows):
        adam_stretch(s, at + i * l.n_out, tile + i * width, width)


cdef inline int64_t tile_width(Step* s, Layer* l, int64_t rows) noexcept nogil:
    cdef int64_t parts = (l.n_out + TILE_WIDTH - 1) // TILE_WIDTH
    return l.n_out if parts == 1 or side_by_side(s, l, rows) else (l.n_out // parts + 15) // 16 * 16


cdef inline int64_t tile_height(Step* s, Layer* l, int64_t rows) noexcept nogil:
    """As many rows as fill a tile, or fewer if there is work for several threads."""
    cdef int64_t width = tile_width(s, l, rows), columns = (l.n_out + width - 1) // width
    cdef int64_t parts = max(1, md_gemm_tasks(l.n_in, l.n_out, rows) // columns)
    if side_by_side(s, l, rows):
        parts = max(parts, (l.n_in + UPDATE_HEIGHT - 1) // UPDATE_HEIGHT)
        return ((l.n_in + parts - 1) // parts + MD_WIDE_ROWS - 1) // MD_WIDE_ROWS * MD_WIDE_ROWS
    return max(1, min(<int64_t>(TILE // width), (l.n_in + parts - 1) // parts))


cdef int64_t weights_tasks(Step* s, Layer* l, int64_t rows, bint bits) noexcept nogil:
    cdef int64_t width, height
    if bits:
        return (l.n_in + STRIP - 1) // STRIP
    width, height = tile_width(s, l, rows), tile_height(s, l, rows)
    return ((l.n_out + width - 1) // width) * ((l.n_in + height - 1) // height)


cdef void weights_task(Step* s, Layer* l, int64_t rows, int64_t task) noexcept nogil:
    cdef int64_t width = tile_width(s, l, rows), height = tile_height(s, l, rows), columns = (l.n_out + width - 1) // width
    cdef int64_t r0 = task // columns * height, c0 = task % columns * width, stride
    cdef real* tile
    height = min(height, l.n_in - r0)
    width = min(width, l.n_out - c0)
    if side_by_side(s, l, rows) and height >= MD_WIDE_ROWS:
        update_side_by_side(s, l, rows, r0, height)
        return
    tile = tile_of(s, l, r0, c0, width, &stride)
    md_gemm(1, 0, height, width, rows, l.input + r0, l.n_in, l.d_output + c0, l.n_out, 0, tile, stride)
    use_tile(s, l, tile, r0, c0, height, width)


cdef void weights_phase(void* context, int64_t task) noexcept nogil:
    """Tiles of the decoder's layers, then of the encoder's; the last task has the biases and the prior's logits."""
    cdef Step* s = <Step*>context
    cdef int64_t part, layer, tasks, rows
    cdef Network* network
    cdef Layer* l
    cdef bint bits
    for part in range(2):
        network, rows = (&s.encoder, s.B) if part else (&s.decoder, s.K * s.B)
        for layer in range(network.layers):
            l = &network.layer[layer]
            bits = part == 1 and layer == 0 and s.sums_of_rows
            tasks = weights_tasks(s, l, rows, bits)
            if task < tasks:
                if bits:
                    bits_weights_task(s, task)
                else:
                    weights_task(s, l, rows, task)
                return
            task -= tasks
    if s.update:
        for part in range(2):
            network = &s.encoder if part else &s.decoder
            for layer in range(network.layers):
                l = &network.layer[layer]
                adam_stretch(s, l.b - s.vector, l.d_b, l.n_out)
        if s.prior.logits != NULL:
            adam_stretch(s, s.prior.logits - s.vector, s.prior.d_logits, s.D)


cdef void weight_gradients(Step* s, bint update) noexcept nogil:
    cdef int64_t layer, tasks = 1
    s.update = update
    for layer in range(s.decoder.layers):
        tasks += weights_tasks(s, &s.decoder.layer[layer], s.K * s.B, False)
    for layer in range(s.encoder.layers):
        tasks += weights_tasks(s, &s.encoder.layer[layer], s.B, layer == 0 and s.sums_of_rows)
    run(s, weights_phase, tasks, 0.02 * s.size * s.B)


cdef bint certainly_small(Step* s) noexcept nogil:
    """Whether no entry of the gradient can be NaN, or so large that its square is not finite."""
    cdef int64_t layer, d
    for layer in range(s.decoder.layers):
        if not s.decoder.layer[layer].largest < LARGEST:
            return False
    for layer in range(s.encoder.layers):
        if not s.encoder.layer[layer].largest < LARGEST:
            return False
    if s.prior.logits != NULL:
        for d in range(s.D):
            if not md_fabs(s.prior.d_logits[d]) < LARGEST:
                return False
    return True


cdef bint update_parameters(Step* s) noexcept nogil:
    """Adam's step down the gradient; False, and nothing is changed, if an entry is NaN or its square is not finite."""
    cdef int64_t i
    cdef bint small = not is_narrow(s) and certainly_small(s)
    cdef double total
    if s.never_updated != NULL and not (small and s.sums_of_rows):
        memset(s.never_updated, 0, s.dx)   # because rows are now updated without a check
    if small:
        weight_gradients(s, True)
        return True
    whole_gradient(s)
    absolute_sum(s.gradient, s.size, &total)
    if not total < LARGEST:
        for i in range(s.size):
            if not md_fabs(s.gradient[i]) < LARGEST:
                return False
    adam(s)
    return True


cdef void whole_gradient(Step* s) noexcept nogil:
    """The gradient vector of the step that was run."""
    if is_narrow(s):
        narrow_gradient(s)
    else:
        weight_gradients(s, False)

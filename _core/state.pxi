# What one step works on. Sizes: B rows in the batch, K posterior samples, D latent dimensions, dx the data's width.
#
# A phase of a step is a function (context, task) that the pool runs for every task. Tasks depend on the shapes alone,
# each writes places of its own, and sums go over tasks in order: any number of threads gives the same bits.

cdef enum:
    CHUNKS = 8          # row phases are cut into this many tasks
    TILE = 262144       # of a weight gradient: it stays in the caches until Adam has used it
    TILE_WIDTH = 2048
    LANES = 32          # points that are worked on side by side
    SIDE_BY_SIDE = 512  # numbers of short rows that are worked on at once
    STRIP = 64          # columns of the first layer's weights, or rows of their gradient, that are a task on bits
    LEAST_DARK = 4      # points of which less than a quarter is ones are sums of rows

cdef struct Layer:
    int64_t n_in, n_out
    real* W             # (n_in, n_out), in the parameter vector
    real* b             # (n_out,)
    real* d_W           # in the gradient vector
    real* d_b
    real* input         # (rows, n_in); of the layer above it is this layer's output
    real* output        # (rows, n_out)
    real* d_input       # NULL for the encoder's first layer
    real* d_output
    int activation      # of this layer's output
    double largest      # no entry of d_W or d_b is larger

cdef struct Network:
    int layers
    Layer layer[MAX_LAYERS]

cdef struct PriorData:
    int kind
    int64_t components
    real* loc           # (D,), or (components, D)
    real* scale
    real* log_weight    # (components,)
    real* inverse       # as scale: 1 / s
    real* constant      # (components,): log pi - sum_d log s - D log(2 pi) / 2
    real* edge          # (components,): cumulated weights
    real df, log_normaliser
    real gamma, log_slab, log_spike, spike_scale
    real* logits        # (D,), in the parameter vector; NULL where the variance is fixed
    real* d_logits
    double variance_scale

cdef struct Step:
    md_pool* pool
    # what it is
    Network encoder, decoder
    PriorData prior
    int64_t D, dx, K
    int64_t max_rows
    int scale_link, likelihood, kl, regulariser
    real likelihood_scale, log_prior_multiplier
    # this batch
    const void* data
    int data_kind
    const int64_t* index
    int64_t B
    uint8_t* bits       # (max_rows, dx / 8): a batch of bits, and for each point the indices of its ones
    int32_t* ones        # (max_rows, dx / LEAST_DARK)
    int32_t* ones_count
    uint8_t* never_updated     # (dx,): whether Adam's m and v of that row of the weights are 0
    bint sums_of_rows   # whether the first layer adds up the weights' rows of those indices, and is not a product
    bint unpacked       # whether the first layer's input is filled in
    uint64_t seed, step
    bint given_draws    # eps and prior_sample are in place already
    bint through_sample # the gradient goes through the prior sample, of `noise` and `moves`, to a learned variance
    bint backward
    double weight[3]    # the gradient is that of sum_T weight[T] value[T]
    # working arrays
    real* eps           # (K, B, D)
    real* scale         # (B, D)
    real* slope         # (B, D): d scale / d raw
    real* z             # (K, B, D): the decoder's input
    real* d_z           # (K, B, D)
    real* noise         # (B, D): the prior sample's standard noise
    uint8_t* moves      # (B, D): whether the sample moves with the learned scale (not where it is a spike)
    real* prior_sample  # (B, D)
    real* columns       # (K + 1, D, B): the prior sample and z, dimension by dimension
    real* d_columns     # (K + 1, D, B): the MMD's gradient by them
    real* kl_weight     # (CHUNKS, MD_SAMPLES, B): of posteriors for a few of the prior's samples
    real* kl_loc        # (CHUNKS, D, B): the inclusive KL's gradient by loc, a part for each chunk of the prior sample
    real* kl_scale      # (CHUNKS, D, B)
    real* d_sample      # (B, D): the regulariser's gradient by the prior sample
    real* posterior     # (2 D + 1, B): loc, 1 / scale and log scale's sum, dimension by dimension
    real* scratch       # (CHUNKS, scratch_size)
    int64_t scratch_size
    int64_t block          # rows of D numbers that are worked on at once, LANES at most
    real* scratch_columns   # (D, 5, B)
    double* mmd_room    # (D, mmd_room_size): for cells of points (mmd.h)
    int64_t mmd_room_size, mmd_cells
    void* external       # the engine, whose `terms` gives KL and regulariser of a prior that the core does not know; or NULL
    real* external_loc   # (B, D): their gradient by loc, and by scale, through z too
    real* external_scale
    double external_value[2]
    double* log_weight  # (K, B): log p(x|z) p(z) / q(z|x) of each sample; NULL where it is not asked for
    double* partial     # (3, partials): sums of the values, a part for each task
    int64_t partials
    double* d_variance  # (2, CHUNKS, D)
    # where the phases are
    Network* network
    int layer
    int64_t rows
    double value[3]
    # What one thread works on: a tile of a weight gradient, and lists of points.
    real* tile_room     # (threads, tile_room_size)
    int64_t tile_room_size
    int32_t* list_room  # (threads, STRIP, max_rows)
    # Adam; where `update` is set, a gradient's tile is used up while it is in cache
    bint update
    real* vector
    real* gradient
    real* m
    real* v
    real* v_max         # NULL without AMSGrad
    int64_t size
    double lr, beta1, beta2, adam_eps
    real rate, root


cdef inline int64_t chunk_start(int64_t n, int64_t chunk) noexcept nogil:
    """Where chunk 0..CHUNKS of n rows starts."""
    return n * chunk // CHUNKS


cdef enum:
    WORTH_A_THREAD = 1000   # nanoseconds of work; a run of the pool costs 300


cdef inline void run(Step* s, md_task f, int64_t tasks, double nanoseconds) noexcept nogil:
    """All tasks of a phase, by the pool unless there is too little to do."""
    cdef int64_t task
    if nanoseconds < WORTH_A_THREAD:
        for task in range(tasks):
            f(s, task)
    else:
        md_pool_run(s.pool, f, s, tasks)

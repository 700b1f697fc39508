# The data of one step. Sizes: B rows in the batch, K posterior samples, D latent dimensions, dx the data's width.
#
# A phase of a step is a function (context, task) that the pool runs for every task. Tasks depend only on the shapes,
# each writes to its own memory, and sums go over tasks in order: any number of threads gives the same bits.

cdef enum:
    CHUNKS = 8          # row phases are cut into this many tasks at most
    NARROW_CHUNK = 24   # rows of narrow layers that are worth a task
    TILE = 262144       # numbers of a weight gradient, few enough to stay in the caches until Adam has used them
    TILE_WIDTH = 2048
    LANES = 32          # points that are processed side by side
    SIDE_BY_SIDE = 512  # numbers in short rows that are processed at once
    STRIP = 64          # columns of the first layer's weights, or rows of their gradient, in a task on bits
    LEAST_DARK = 4      # points with less than a quarter of ones are computed as sums of rows

cdef struct Layer:
    int64_t n_in, n_out
    real* W             # (n_in, n_out), in the parameter vector
    real* b             # (n_out,)
    real* d_W           # in the gradient vector
    real* d_b
    real* input         # (rows, n_in); this layer's output is the next one's input
    real* output        # (rows, n_out)
    real* d_input       # NULL for the encoder's first layer
    real* d_output
    int activation      # that of this layer's output
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
    real* edge          # (components,): cumulative weights
    real df, log_normaliser
    real gamma, log_slab, log_spike, spike_scale
    real* logits        # (D,), in the parameter vector; NULL if the variance is fixed
    real* d_logits
    double variance_scale

cdef struct Mixture:
    # log sum_i q(z_j | x_i) for n samples z and as many posteriors, and its gradients; memory for n up to `most`
    md_posteriors posteriors
    int64_t n, D
    int32_t* sample_order   # (n,): the sample at each place
    int32_t* sort_room      # (2, sort_size)
    int64_t sort_size
    real* posterior_room
    real* sample            # (n, D), in that order
    real* weight            # (CHUNKS, MD_SAMPLES, width)
    real* column            # (CHUNKS, D, MD_SAMPLES)
    real* bounds            # (CHUNKS, 2 groups)
    int32_t* near           # (CHUNKS, groups + 1)
    real* pull              # (CHUNKS, D, width)
    real* stretch           # (CHUNKS, D, width)
    int64_t[CHUNKS] pairs   # how many each task has met

cdef struct Step:
    md_pool* pool
    # the model and the objective
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
    int64_t chunks      # row phases are cut into this many tasks
    uint8_t* bits       # (max_rows, dx / 8): a batch of bits, and for each point the indices of its ones
    int32_t* ones        # (max_rows, dx / LEAST_DARK)
    int32_t* ones_count
    uint8_t* never_updated     # (dx,): whether Adam's m and v of that row of the weights are 0
    bint sums_of_rows   # whether the first layer sums the weights' rows with those indices, in place of a product
    bint unpacked       # whether the first layer's input is filled in
    bint rows_alone     # whether a row's numbers must be the same whatever other rows there are
    uint64_t seed, step
    bint given_draws    # eps and prior_sample are already given
    bint through_sample # the gradient goes to a learned variance through the prior sample, by `noise` and `moves`
    bint backward
    double weight[3]    # the gradient is that of sum_T weight[T] value[T]
    # working arrays
    real* eps           # (K, B, D)
    real* scale         # (B, D)
    real* slope         # (B, D): d scale / d raw
    real* z             # (K, B, D): the decoder's input
    real* d_z           # (K, B, D)
    real* noise         # (B, D): the prior sample's standard noise
    uint8_t* moves      # (B, D): whether the sample moves with the learned scale (a spike does not)
    real* prior_sample  # (B, D)
    real* columns       # (K + 1, D, B): the prior sample and z, dimension by dimension
    real* d_columns     # (K + 1, D, B): the MMD's gradient with respect to them
    Mixture mixture     # for the inclusive KL
    real* kl_loc        # (D, B): its gradients in loc and scale
    real* kl_scale
    real* d_sample      # (B, D): the regulariser's gradient with respect to the prior sample
    real* scratch       # (CHUNKS, scratch_size)
    int64_t scratch_size
    int64_t block          # rows of D numbers that are processed at once, at most LANES
    real* scratch_columns   # (D, 5, B)
    double* mmd_room    # (D, mmd_room_size): for cells of points (mmd.h)
    int64_t mmd_room_size, mmd_cells
    void* external       # the engine, whose `terms` computes KL and regulariser that the core does not support; or NULL
    real* external_loc   # (B, D): their gradients with respect to loc and scale, including those through z
    real* external_scale
    double external_value[2]
    double* log_weight  # (K, B): log p(x|z) p(z) / q(z|x) of each sample; NULL if not asked for
    double* partial     # (3, partials): sums of the values, a part for each task
    int64_t partials
    double* d_variance  # (2, CHUNKS, D)
    # the state of the phases
    Network* network
    int layer
    int64_t rows
    double value[3]
    # A thread's working memory: a tile of a weight gradient, and lists of points.
    real* tile_room     # (threads, tile_room_size)
    int64_t tile_room_size
    int32_t* list_room  # (threads, STRIP, max_rows)
    # narrow.pxi
    bint narrow
    int64_t narrow_size  # parameters of the layers
    real* narrow_room   # (threads, narrow_room_size())
    real* narrow_part   # (CHUNKS, size): each task's part of the gradient
    # Adam; if `update` is set, a gradient's tile is used while it is in cache
    bint update
    real* vector
    real* gradient      # NULL until it is needed
    real* m
    real* v
    real* v_max         # NULL without AMSGrad
    int64_t size
    double lr, beta1, beta2, adam_eps
    real rate, root


cdef inline int64_t chunk_start(const Step* s, int64_t n, int64_t chunk) noexcept nogil:
    """The first row of chunk 0..chunks of n rows: whole blocks of eight rows, which suit vectors of all widths."""
    return min(n, (n + 7) // 8 * chunk // s.chunks * 8)


cdef inline void cut_into_chunks(Step* s) noexcept nogil:
    """As many chunks as there are, at most, for the batch of B rows; fewer if their layers are narrow and the rows few."""
    s.chunks = CHUNKS
    while s.narrow and s.chunks > 1 and s.B < s.chunks * NARROW_CHUNK:
        s.chunks //= 2


cdef enum:
    WORTH_A_THREAD = 1000           # nanoseconds of work; a run of the pool costs 300
    NARROW_WORTH_A_THREAD = 20000   # of a model that fits one core's cache, from which the other core has to fetch it


cdef inline void run(Step* s, md_task f, int64_t tasks, double nanoseconds) noexcept nogil:
    """Run all tasks of a phase, in the pool unless there is too little work."""
    cdef int64_t task
    if nanoseconds < (NARROW_WORTH_A_THREAD if s.narrow else WORTH_A_THREAD):
        for task in range(tasks):
            f(s, task)
    else:
        md_pool_run(s.pool, f, s, tasks)

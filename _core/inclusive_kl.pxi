# KL(p(z) || q(z)) with the batch's aggregate posterior (minidecomp/terms/regularisers/inclusive_kl.py). posteriors.h has
# the picture: posteriors and samples are sorted, and each block of samples meets the groups of posteriors near it.
# A task takes a row of blocks and sums the gradient for every posterior; the parts are then summed in order.

cdef set_mixture_room(Mixture* m, int64_t most, int64_t D, Memory memory):
    """Memory for up to `most` samples and posteriors."""
    cdef int64_t width = md_lanes_for(most), groups = md_lanes_for(width // MD_LANES)
    m.D, m.sort_size = D, md_sort_room(most, MD_LANES)
    m.posteriors.order, m.sample_order = <int32_t*>memory.take(most * 4), <int32_t*>memory.take(most * 4)
    m.sort_room = <int32_t*>memory.take(2 * m.sort_size * 4)
    m.near = <int32_t*>memory.take(CHUNKS * (groups + 1) * 4)
    m.posterior_room = <real*>memory.take(md_posteriors_room(most, D) * sizeof(real))
    m.sample = <real*>memory.take(most * D * sizeof(real))
    m.weight = <real*>memory.take(CHUNKS * MD_SAMPLES * width * sizeof(real))
    m.column = <real*>memory.take(CHUNKS * D * MD_SAMPLES * sizeof(real))
    m.bounds = <real*>memory.take(CHUNKS * 2 * groups * sizeof(real))
    m.pull = <real*>memory.take(CHUNKS * D * width * sizeof(real))
    m.stretch = <real*>memory.take(CHUNKS * D * width * sizeof(real))


cdef void arrange_samples(Mixture* m, const real* sample) noexcept nogil:
    """The samples (n, D), neighbours side by side."""
    cdef int64_t i
    md_sort_points(sample, m.D, m.n, m.D, MD_SAMPLES, m.sample_order, m.sort_room + m.sort_size)
    for i in range(m.n):
        memcpy(m.sample + i * m.D, sample + m.sample_order[i] * m.D, m.D * sizeof(real))


cdef inline int64_t first_sample(const Mixture* m, int64_t task) noexcept nogil:
    """The first place of task 0..CHUNKS, which begins with a block."""
    return min(m.n, (m.n + MD_SAMPLES - 1) // MD_SAMPLES * task // CHUNKS * MD_SAMPLES)


cdef double log_mixture(Mixture* m, int64_t task, double share, bint backward, real* d_sample) noexcept nogil:
    """sum_j log sum_i q(z_j | x_i) over the task's samples; `share` times its gradients go to the task's pull and stretch
    and are added to d_sample (n, D), which is in the batch's order, unless that is NULL."""
    cdef int64_t first, last = first_sample(m, task + 1), j, d, used, count, D = m.D, width = m.posteriors.width
    cdef real* z = m.column + task * D * MD_SAMPLES
    cdef real* weight = m.weight + task * MD_SAMPLES * width
    cdef real* pull = m.pull + task * D * width
    cdef real* stretch = m.stretch + task * D * width
    cdef int32_t* near = m.near + task * (m.posteriors.groups + 1)
    cdef real[MD_SAMPLES] largest, total, factor
    cdef double value = 0
    memset(pull, 0, D * width * sizeof(real))
    memset(stretch, 0, D * width * sizeof(real))
    m.pairs[task] = 0
    first = first_sample(m, task)
    while first < last:
        used = min(<int64_t>MD_SAMPLES, last - first)
        for j in range(MD_SAMPLES):
            for d in range(D):
                z[d * MD_SAMPLES + j] = m.sample[(first + min(j, used - 1)) * D + d]
        md_near_groups(&m.posteriors, z, m.bounds + task * 2 * m.posteriors.groups, near, &count)
        m.pairs[task] += used * count * MD_LANES
        md_log_posteriors(&m.posteriors, count, near, z, weight, width)
        md_weigh(weight, width, count * MD_LANES, largest, total)
        for j in range(MD_SAMPLES):
            value += LOG_2 * largest[j] + md_log(total[j]) if j < used else 0
            factor[j] = <real>(share / total[j]) if j < used else 0
        if backward:
            md_posterior_sums(&m.posteriors, count, near, z, factor, weight, width, pull, stretch)
        for d in range(D if d_sample != NULL else 0):
            # `largest` is no longer needed.
            md_sample_pull(&m.posteriors, d, count, near, z, factor, weight, width, largest)
            for j in range(used):
                d_sample[m.sample_order[first + j] * D + d] += largest[j]
        first += MD_SAMPLES
    return value


cdef void mixture_grads(Mixture* m, int64_t d, real* d_loc, real* d_scale) noexcept nogil:
    """The sum of the tasks' gradients by loc and scale (n,) of dimension d."""
    md_posterior_grads(&m.posteriors, d, CHUNKS, m.D * m.posteriors.width, m.pull, m.stretch, d_loc, d_scale)


cdef void inclusive_arrange_phase(void* context, int64_t task) noexcept nogil:
    """Task 0 sorts the posteriors, task 1 the prior's samples."""
    cdef Step* s = <Step*>context
    if task == 0:
        md_arrange_posteriors(&s.mixture.posteriors, s.encoder.layer[s.encoder.layers - 1].output, 2 * s.D, s.scale,
                              s.mixture.sort_room)
    else:
        arrange_samples(&s.mixture, s.prior_sample)


cdef double log_prior(Step* s, int64_t task, double share) noexcept nogil:
    """sum_j log p(z_j) over the task's samples, and `share` times its gradients by z and the variance if that is learned."""
    cdef Mixture* m = &s.mixture
    cdef int64_t first = first_sample(m, task), last = first_sample(m, task + 1), rows, j, d, D = s.D
    cdef real* d_log_p = s.scratch + task * s.scratch_size
    cdef real* d_variance = d_log_p + s.block * D
    cdef real* joint = d_variance + s.block * D
    cdef real* log_p = joint + LANES * s.prior.components
    cdef double* variance_total = s.d_variance + (CHUNKS + task) * D
    cdef double value = 0
    if s.prior.kind == MIXTURE_PRIOR and not (s.backward and s.prior.logits != NULL):
        d_log_p = NULL
    while first < last:
        rows = min(s.block, last - first)
        prior_rows(&s.prior, m.sample + first * D, rows, D, joint, d_log_p, d_variance, log_p)
        for j in range(rows):
            value += log_p[j]
            for d in range(D if s.backward and s.prior.logits != NULL else 0):
                s.d_sample[m.sample_order[first + j] * D + d] = <real>(share * d_log_p[j * D + d])
                variance_total[d] += share * d_variance[j * D + d]
        first += rows
    return value


cdef void inclusive_kl_phase(void* context, int64_t task) noexcept nogil:
    cdef Step* s = <Step*>context
    cdef Mixture* m = &s.mixture
    cdef double share = s.weight[REGULARISER] / s.B, value = log_prior(s, task, share)
    value -= log_mixture(m, task, share, s.backward, s.d_sample if s.backward and s.prior.logits != NULL else NULL)
    value += (first_sample(m, task + 1) - first_sample(m, task)) * log(<double>s.B)
    s.partial[REGULARISER * s.partials + task] = value / s.B


cdef void inclusive_grads_phase(void* context, int64_t d) noexcept nogil:
    cdef Step* s = <Step*>context
    mixture_grads(&s.mixture, d, s.kl_loc + d * s.B, s.kl_scale + d * s.B)


def inclusive_log_density(prior_sample, loc, scale):
    """sum_j log sum_i q(z_j | x_i) of z, loc and scale (n, D); the gradients of minus that by loc, scale and z; and how
    many pairs were met."""
    cdef real[:, ::1] z = numpy.ascontiguousarray(prior_sample, DTYPE), mu = numpy.ascontiguousarray(loc, DTYPE)
    cdef real[:, ::1] s = numpy.ascontiguousarray(scale, DTYPE)
    cdef int64_t n = z.shape[0], D = z.shape[1], task, d, pairs = 0
    cdef double value = 0
    cdef Mixture m
    if n < 1 or D < 1 or mu.shape[0] != n or s.shape[0] != n or mu.shape[1] != D or s.shape[1] != D:
        raise ValueError("samples, loc and scale must have one shape (n, D)")
    cdef Memory memory = Memory()
    set_mixture_room(&m, n, D, memory)
    m.n = n
    md_place_posteriors(&m.posteriors, n, D, m.posterior_room)
    cdef real[:, ::1] d_loc = numpy.empty((D, n), DTYPE), d_scale = numpy.empty((D, n), DTYPE), d_z = numpy.zeros((n, D), DTYPE)
    with nogil:
        md_arrange_posteriors(&m.posteriors, &mu[0, 0], D, &s[0, 0], m.sort_room)
        arrange_samples(&m, &z[0, 0])
        for task in range(CHUNKS):
            value += log_mixture(&m, task, 1, True, &d_z[0, 0])
            pairs += m.pairs[task]
        for d in range(D):
            mixture_grads(&m, d, &d_loc[d, 0], &d_scale[d, 0])
    return value, numpy.asarray(d_loc).T, numpy.asarray(d_scale).T, numpy.asarray(d_z), pairs

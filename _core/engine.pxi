# The engine: one step from the batch's indices to the updated parameters, without Python in between.

from libc.math cimport exp, isfinite, log, pow, sqrt
from libc.string cimport memcpy, memset

import threading

import numpy

include "formulas.pxi"
include "step.pxi"
include "random.pxi"
include "bits.pxi"
include "network.pxi"
include "likelihoods.pxi"
include "priors.pxi"
include "posterior.pxi"
include "mmd.pxi"
include "inclusive_kl.pxi"
include "adam.pxi"
include "weights.pxi"

DTYPE = numpy.dtype(numpy.float32 if sizeof(real) == 4 else numpy.float64)
cdef double LARGEST = LARGEST_GRADIENT_FLOAT if sizeof(real) == 4 else LARGEST_GRADIENT_DOUBLE     # whose square Adam can hold


cdef bint ask_outside(Step* s) noexcept nogil:
    """KL and regulariser, and their gradients by loc and scale, from the engine's `terms`; False if it raised."""
    cdef long B = s.B, D = s.D
    cdef const real* output = s.encoder.layer[s.encoder.layers - 1].output
    with gil:
        engine = <Engine>s.outside
        try:
            loc, scale = numpy.empty((2, B, D), DTYPE)
            eps = numpy.empty((s.K, B, D), DTYPE)
            copy_out(loc, output, 2 * D)
            copy_out(scale, s.scale, D)
            copy_out(eps.reshape(s.K * B, D), s.eps, D)
            kl, regulariser, d_loc, d_scale = engine.terms(loc, scale, eps, s.seed, s.step, s.backward)
            s.outside_value[0], s.outside_value[1] = kl, regulariser
            copy_in(numpy.ascontiguousarray(d_loc, DTYPE), s.outside_loc, D)
            copy_in(numpy.ascontiguousarray(d_scale, DTYPE), s.outside_scale, D)
        except BaseException as error:
            engine.failure = error
            return False
    return True


cdef copy_out(real[:, ::1] to, const real* rows, long stride):
    cdef long i
    for i in range(to.shape[0]):
        memcpy(&to[i, 0], rows + i * stride, to.shape[1] * sizeof(real))


cdef copy_in(const real[:, ::1] rows, real* to, long D):
    memcpy(to, &rows[0, 0], rows.shape[0] * D * sizeof(real))


cdef int run_step(Step* s) noexcept nogil:
    """Values of all terms and, if asked, the gradient by every layer's output, the biases and the prior's logits.

    Returns the first term that is not finite, or -1.
    """
    cdef long task
    cdef int term
    s.unpacked = True   # the likelihood needs it
    if s.prior.logits != NULL:
        prior_from_logits(&s.prior, s.D)
        memset(s.d_variance, 0, 2 * CHUNKS * s.D * sizeof(double))
    memset(s.partial, 0, 3 * s.partials * sizeof(double))
    cdef double numbers = <double>s.K * s.B * s.D, pairs = <double>s.B * s.B
    gather_bits(s)
    run(s, draw_phase, CHUNKS, 0.3 * s.B * s.dx + 8 * numbers)
    forward(s, &s.encoder, s.B)
    run(s, posterior_phase, CHUNKS, 4 * numbers * s.prior.components)
    if s.outside != NULL and not ask_outside(s):
        return KL
    forward(s, &s.decoder, s.K * s.B)
    run(s, likelihood_phase, CHUNKS, 2.0 * s.K * s.B * s.dx)
    if s.regulariser == MMD:
        run(s, mmd_columns_phase, CHUNKS, numbers)
        run(s, mmd_phase, s.D, 2 * s.D * min(pairs, 400.0 * s.B))
    elif s.regulariser == INCLUSIVE_KL:
        run(s, inclusive_columns_phase, CHUNKS, 4 * numbers)
        run(s, inclusive_kl_phase, CHUNKS, 0.3 * pairs * s.D)
    for term in range(3):
        s.value[term] = 0
        for task in range(s.partials):
            s.value[term] += s.partial[term * s.partials + task]
    if s.outside != NULL:
        s.value[KL], s.value[REGULARISER] = s.outside_value[0], s.outside_value[1]
    for term in range(3):
        if not isfinite(s.value[term]):
            return term
    if s.backward:
        backward(s, &s.decoder, s.K * s.B)
        run(s, posterior_backward_phase, CHUNKS, 3 * numbers)
        backward(s, &s.encoder, s.B)
        if s.prior.logits != NULL:
            if s.regulariser != NO_REGULARISER and s.through_sample:
                run(s, prior_backward_phase, CHUNKS, numbers)
            logits_backward(s)
    return -1


cdef class Engine:
    """A model's working memory for batches of up to `max_rows` points, and the steps on it.

    `parameters` is the model's vector, read and written in place. One call at a time. minidecomp/engines/cpu.py makes
    it. The numbers for activations, priors and the like are those of codes.h.

    A second thread that calls while one is at work gets a RuntimeError; any number of engines work at once, with or
    without the GIL.
    """

    cdef Step s
    cdef list arrays
    cdef object mine                # the lock of the thread that is at work on this
    cdef readonly object gradient   # (size,): what `step` leaves
    cdef public object terms        # (loc, scale, eps, seed, step, backward) -> KL, regulariser, gradients by loc and scale
    cdef public object failure      # what `terms` raised

    def __cinit__(self):
        memset(&self.s, 0, sizeof(Step))
        self.arrays, self.mine = [], threading.RLock()

    def __dealloc__(self):
        if self.s.pool != NULL:
            md_pool_free(self.s.pool)

    def __init__(self, real[::1] parameters not None, tuple encoder_widths, tuple decoder_widths, *, int encoder_activation, int decoder_activation,
                 int scale_link, int likelihood, double likelihood_scale, prior, bint learn_prior_variance,
                 double prior_variance_scale, int kl, double log_prior_multiplier, int regulariser, double beta,
                 double alpha, long samples, long max_rows, int threads):
        cdef Step* s = &self.s
        cdef long D, B = max_rows, K = samples, offset = 0
        if s.pool != NULL:
            raise ValueError("the engine has been made already")
        for widths in (encoder_widths, decoder_widths):
            if not 2 <= len(widths) <= MAX_LAYERS or min(widths) < 1:
                raise ValueError(f"widths {widths}: 2 to {MAX_LAYERS} of at least 1 are needed")
        D = decoder_widths[0]
        output_dim = encoder_widths[0] * (2 if likelihood == GAUSSIAN else 1)
        if encoder_widths[len(encoder_widths) - 1] != 2 * D or decoder_widths[len(decoder_widths) - 1] != output_dim:
            raise ValueError(f"widths {encoder_widths} and {decoder_widths} do not fit each other and the likelihood")
        for name, number, count in (("encoder_activation", encoder_activation, ACTIVATION_COUNT),
                                    ("decoder_activation", decoder_activation, ACTIVATION_COUNT),
                                    ("scale_link", scale_link, SCALE_LINK_COUNT), ("likelihood", likelihood, LIKELIHOOD_COUNT),
                                    ("kl", kl, KL_ESTIMATOR_COUNT), ("regulariser", regulariser, NO_REGULARISER + 1)):
            if not 0 <= number < count:
                raise ValueError(f"{name} {number} is not in 0 .. {count - 1}")
        if min(B, K, threads) < 1:
            raise ValueError(f"max_rows {B}, samples {K} and threads {threads} must be at least 1")
        if parameters.shape[0] == 0:
            raise ValueError("there are no parameters")
        self.gradient = numpy.zeros(parameters.shape[0], DTYPE)
        cdef real[::1] gradient = self.gradient
        self.arrays += [parameters, gradient]
        s.pool = md_pool_new(threads)
        if s.pool == NULL:
            raise RuntimeError(f"cannot start {threads} threads")
        s.vector, s.gradient, s.size = &parameters[0], &gradient[0], parameters.shape[0]
        s.D, s.dx, s.K, s.max_rows = D, encoder_widths[0], K, B
        s.scale_link, s.likelihood, s.kl, s.regulariser = scale_link, likelihood, kl, regulariser
        s.likelihood_scale, s.log_prior_multiplier = likelihood_scale, log_prior_multiplier
        # Adam goes down, so the gradient is that of the loss: minus the objective's weights.
        s.weight[LOG_LIKELIHOOD], s.weight[KL], s.weight[REGULARISER] = -1, beta, alpha

        s.eps, s.z, s.d_z = self.buffer(K * B * D), self.buffer(K * B * D), self.buffer(K * B * D)
        s.scale, s.slope = self.buffer(B * D), self.buffer(B * D)
        s.noise, s.prior_sample, s.d_sample = self.buffer(B * D), self.buffer(B * D), self.buffer(B * D)
        s.block = max(1, min(<long>LANES, 4096 // D))
        s.scratch_size = 3 * s.block * D + LANES * (max(<long>prior["components"], D // LANES + 1) + 1) + 2 * SIDE_BY_SIDE
        s.scratch = self.buffer(CHUNKS * s.scratch_size)
        s.partials = max(<long>CHUNKS, D)
        s.partial = self.doubles(3 * s.partials)
        s.d_variance = self.doubles(2 * CHUNKS * D)
        cdef uint8_t[::1] moves = numpy.zeros(B * D, numpy.uint8)
        self.arrays.append(moves)
        s.moves = &moves[0]
        # Both regularisers are at hand, for an evaluation asks for both.
        s.columns, s.d_columns = self.buffer((K + 1) * D * B), self.buffer((K + 1) * D * B)
        s.scratch_columns = self.buffer(5 * D * B)
        make_mmd_tables()
        s.mmd_cells = max(1, min(B // 3, MD_MMD_CELLS))
        s.mmd_room_size = md_mmd_room(s.mmd_cells)
        s.mmd_room = self.doubles(D * s.mmd_room_size)
        s.kl_weight = self.buffer(CHUNKS * MD_SAMPLES * B)
        s.kl_loc, s.kl_scale = self.buffer(CHUNKS * D * B), self.buffer(CHUNKS * D * B)
        s.posterior = self.buffer((2 * D + 1) * B)

        # The likelihood puts its gradient in place of the decoder's output.
        offset = self.network(&s.encoder, encoder_widths, B, encoder_activation, 0, False)
        offset = self.network(&s.decoder, decoder_widths, K * B, decoder_activation, offset, True)
        s.encoder.layer[0].input = self.buffer(B * s.dx)
        s.encoder.layer[0].d_input = NULL
        s.decoder.layer[0].input, s.decoder.layer[0].d_input = s.z, s.d_z
        self.prior(prior, learn_prior_variance, prior_variance_scale, offset)
        widest = max(a * b for widths in (encoder_widths, decoder_widths) for a, b in zip(widths[:-1], widths[1:]))
        s.tile_room_size = min(widest, TILE)
        s.tile_room = self.buffer(md_pool_threads(s.pool) * s.tile_room_size)

    cdef void* room(self, long size):
        """Zeroed bytes that begin with a cache line: no two threads' parts share one, no vector lies in two."""
        cdef uint8_t[::1] array = numpy.zeros(size + 64, numpy.uint8)
        self.arrays.append(array)
        return <void*>((<uintptr_t>&array[0] + 63) // 64 * 64)

    cdef real* buffer(self, long n):
        return <real*>self.room(n * sizeof(real))

    cdef double* doubles(self, long n):
        return <double*>self.room(n * sizeof(double))

    cdef real* copy(self, values):
        cdef real[::1] array = numpy.array(values, DTYPE).reshape(-1)
        self.arrays.append(array)
        return &array[0]

    cdef long network(self, Network* network, tuple widths, long rows, int activation, long offset,
                     bint in_place):
        """The layers' places in the parameter vector from `offset` on; returns where it ends."""
        cdef Layer* l
        cdef int i
        network.layers = len(widths) - 1
        for i in range(network.layers):
            l = &network.layer[i]
            l.n_in, l.n_out = widths[i], widths[i + 1]
            l.W, l.d_W = self.s.vector + offset, self.s.gradient + offset
            offset += l.n_in * l.n_out
            l.b, l.d_b = self.s.vector + offset, self.s.gradient + offset
            offset += l.n_out
            l.activation = activation if i < network.layers - 1 else LINEAR
            l.output = self.buffer(rows * l.n_out)
            l.d_output = l.output if in_place and i == network.layers - 1 else self.buffer(rows * l.n_out)
            if i > 0:
                l.input, l.d_input = network.layer[i - 1].output, network.layer[i - 1].d_output
        if offset > self.s.size:
            raise ValueError("the parameter vector is too short for the layers")
        return offset

    cdef prior(self, prior, bint learned, double variance_scale, long offset):
        cdef PriorData* p = &self.s.prior
        p.kind, p.components = prior["kind"], prior["components"]
        for name, count in (("loc", p.components * self.s.D), ("scale", p.components * self.s.D),
                            ("log_weight", p.components), ("edge", p.components)):
            if numpy.size(prior[name]) != count or count < 1:
                raise ValueError(f"the prior's {name} has {numpy.size(prior[name])} entries, not {count}")
        if not 0 <= p.kind < PRIOR_COUNT or (p.kind != MIXTURE_PRIOR and p.components != 1):
            raise ValueError(f"there is no prior {p.kind} of {p.components} components")
        p.loc, p.scale = self.copy(prior["loc"]), self.copy(prior["scale"])
        p.log_weight, p.edge = self.copy(prior["log_weight"]), self.copy(prior["edge"])
        p.inverse, p.constant = self.buffer(p.components * self.s.D), self.buffer(p.components)
        prior_constants(p, self.s.D)
        p.df, p.log_normaliser = prior["df"], prior["log_normaliser"]
        p.gamma, p.spike_scale = prior["gamma"], prior["spike_scale"]
        p.log_slab, p.log_spike = prior["log_slab"], prior["log_spike"]
        p.variance_scale = variance_scale
        if learned:
            if offset + self.s.D != self.s.size:
                raise ValueError("the parameter vector has no place for the prior's logits")
            p.logits, p.d_logits = self.s.vector + offset, self.s.gradient + offset
        elif offset != self.s.size:
            raise ValueError(f"the parameter vector has {self.s.size} entries, the layers need {offset}")

    cdef made(self):
        if self.s.pool == NULL:
            raise ValueError("the engine has not been made")

    cdef set_data(self, data):
        """Point at data of shape (N, dx): real, bytes, or bits. The caller keeps them alive."""
        self.made()
        cdef const real[:, ::1] reals
        cdef const uint8_t[:, ::1] bytes_
        packed = getattr(data, "packed", None)
        if packed is not None:
            bytes_ = packed
            self.s.data, self.s.data_kind = &bytes_[0, 0], BIT_DATA
            width = 8 * bytes_.shape[1]
            if self.s.lit == NULL:
                self.make_room_for_bits()
        elif data.dtype == numpy.uint8:
            bytes_ = data
            self.s.data, self.s.data_kind = &bytes_[0, 0], BYTE_DATA
            width = bytes_.shape[1]
        else:
            reals = data
            self.s.data, self.s.data_kind = &reals[0, 0], REAL_DATA
            width = reals.shape[1]
        if width != self.s.dx:
            raise ValueError(f"the data are {width} wide, the model takes {self.s.dx}")

    cdef make_room_for_bits(self):
        cdef Step* s = &self.s
        cdef uint8_t[::1] bits = numpy.zeros(s.max_rows * (s.dx // 8), numpy.uint8)
        cdef int32_t[::1] lit = numpy.zeros(s.max_rows * (s.dx // LEAST_DARK), numpy.int32)
        cdef int32_t[::1] counts = numpy.zeros(s.max_rows, numpy.int32)
        cdef int32_t[::1] lists = numpy.zeros(md_pool_threads(s.pool) * STRIP * s.max_rows, numpy.int32)
        cdef uint8_t[::1] asleep = numpy.zeros(s.dx, numpy.uint8)
        self.arrays += [bits, lit, counts, lists, asleep]
        s.asleep = &asleep[0]
        s.bits, s.lit, s.lit_count, s.list_room = &bits[0], &lit[0], &counts[0], &lists[0]

    def ask(self, terms):
        """From now on KL and regulariser, and their gradients by loc and scale (B, D), come from ``terms``."""
        self.terms, self.failure = terms, None
        self.s.outside = <void*>self
        self.s.outside_loc = self.buffer(self.s.max_rows * self.s.D)
        self.s.outside_scale = self.buffer(self.s.max_rows * self.s.D)

    cdef take(self):
        if not self.mine.acquire(False):
            raise RuntimeError("the engine is at work for another thread; make one for each thread")

    cdef set_batch(self, const int64_t[::1] order, long rows):
        cdef long i, n = rows
        if not 0 < order.shape[0]:
            raise ValueError("no rows")
        for i in range(order.shape[0]):
            if not 0 <= order[i] < n:
                raise IndexError(f"row {order[i]} of {n}")
        self.s.index = &order[0]

    def train(self, data, const int64_t[::1] order not None, long batch_size, uint64_t seed, long step,
              real[::1] m not None, real[::1] v not None, v_max, double lr, double beta1, double beta2, double eps,
              double[::1] totals not None):
        """Steps over consecutive batches of `order`, the first being number `step`.

        `totals` (4,) gains each term's value times the batch's size, and the batch's size. Returns how many steps were
        made, and the term, or 3 for the gradient, that was not finite (then its step changed nothing), or -1.
        """
        cdef Step* s = &self.s
        cdef long first = 0, n = order.shape[0], done = 0
        cdef int term, fault = -1
        cdef real[::1] largest
        self.take()
        try:
            if m.shape[0] != s.size or v.shape[0] != s.size or totals.shape[0] != 4 or not 0 < min(batch_size, n) <= s.max_rows:
                raise ValueError("the optimiser's state, the totals or the batch have another size")
            s.m, s.v, s.v_max = &m[0], &v[0], NULL
            if v_max is not None:
                largest = v_max
                if largest.shape[0] != s.size:
                    raise ValueError("v_max has another size")
                s.v_max = &largest[0]
            self.set_data(data)
            self.set_batch(order, len(data))
            s.lr, s.beta1, s.beta2, s.adam_eps = lr, beta1, beta2, eps
            s.seed, s.given_draws, s.through_sample, s.backward = seed, False, True, True
            with nogil:
                if s.data_kind == BIT_DATA:
                    find_asleep(s)
                while first < n:
                    s.B = min(batch_size, n - first)
                    first += s.B
                    if s.B < LEAST_MMD_POINTS and s.regulariser == MMD:
                        break
                    s.step = step + done
                    fault = run_step(s)
                    s.index = s.index + s.B
                    if fault >= 0:
                        break
                    set_rates(s, step + done + 1)
                    if not update_parameters(s):
                        fault = GRADIENT
                        break
                    done += 1
                    for term in range(3):
                        totals[term] += s.value[term] * s.B
                    totals[3] += s.B
            return done, fault
        finally:
            self.mine.release()

    def step(self, x, tuple weights, uint64_t seed=0, long step=0, real[:, :, ::1] eps=None,
             real[:, ::1] prior_sample=None, real[:, ::1] prior_noise=None, real[:, ::1] prior_choice=None,
             int regulariser=-1, bint backward=True):
        """Values (3,) of the terms for the batch x (B, dx); leaves the gradient of sum_T weights[T] T in `gradient`.

        The draws are those of the seed and the step, or the given ones. A given prior sample is a constant, unless its
        noise is given too and, for a sparse prior, the uniform numbers (B, D) that chose between spike and slab.
        """
        cdef Step* s = &self.s
        cdef double[3] kept_weights
        cdef int term, kept = s.regulariser
        cdef const int64_t[::1] order = numpy.arange(len(x))
        self.take()
        try:
            self.made()
            if len(x) > s.max_rows:
                raise ValueError(f"{len(x)} rows, room for {s.max_rows}")
            if len(weights) != 3:
                raise ValueError(f"{len(weights)} weights for 3 terms")
            if regulariser < 0:
                regulariser = kept
            if regulariser == MMD and len(x) < LEAST_MMD_POINTS:
                raise ValueError("mmd needs two points or more")
            if regulariser > NO_REGULARISER or (regulariser != NO_REGULARISER and eps is not None and prior_sample is None):
                raise ValueError(f"regulariser {regulariser} needs a prior sample beside eps")
            values = tuple(float(weight) for weight in weights)
            self.set_data(x)
            self.set_batch(order, len(x))
            s.B, s.seed, s.step, s.backward, s.given_draws = len(x), seed, step, backward, eps is not None
            s.through_sample = eps is None or prior_noise is not None
            if eps is not None:
                if eps.shape[0] != s.K or eps.shape[1] != s.B or eps.shape[2] != s.D:
                    raise ValueError("eps has another shape")
                memcpy(s.eps, &eps[0, 0, 0], s.K * s.B * s.D * sizeof(real))
                if prior_sample is not None:
                    if prior_sample.shape[0] != s.B or prior_sample.shape[1] != s.D:
                        raise ValueError("prior_sample has another shape")
                    memcpy(s.prior_sample, &prior_sample[0, 0], s.B * s.D * sizeof(real))
                if prior_noise is not None:
                    self.take_noise(prior_noise, prior_choice)
            for term in range(3):
                kept_weights[term] = s.weight[term]
                s.weight[term] = values[term]
            s.regulariser = regulariser
            with nogil:
                if run_step(s) < 0 and s.backward:
                    weight_gradients(s, False)
            s.regulariser = kept
            for term in range(3):
                s.weight[term] = kept_weights[term]
            return s.value[LOG_LIKELIHOOD], s.value[KL], s.value[REGULARISER]
        finally:
            self.mine.release()

    cdef take_noise(self, real[:, ::1] noise, real[:, ::1] choice):
        """What the given prior sample was made of: its noise, and where it is a spike, which no variance moves."""
        cdef Step* s = &self.s
        cdef long b, d
        cdef bint spikes = s.prior.kind == SPARSE_PRIOR
        if noise.shape[0] != s.B or noise.shape[1] != s.D:
            raise ValueError("prior_noise has another shape")
        if spikes and (choice is None or choice.shape[0] != s.B or choice.shape[1] != s.D):
            raise ValueError("prior_choice has another shape")
        for b in range(s.B):
            for d in range(s.D):
                s.noise[b * s.D + d] = noise[b, d]
                s.moves[b * s.D + d] = not (spikes and choice[b, d] < s.prior.gamma)

    def log_weights(self, x, uint64_t seed, long step, double[:, ::1] out not None):
        """log p(x_b|z_kb) + log p(z_kb) - log q(z_kb|x_b) into out (K, B), with the noise of a seed and a step."""
        cdef Step* s = &self.s
        self.made()
        if s.kl != MONTE_CARLO or s.log_prior_multiplier != 1:
            raise ValueError("importance weights need the Monte-Carlo KL, with a log prior multiplier of 1")
        if out.shape[0] != s.K or out.shape[1] != len(x):
            raise ValueError(f"out has shape ({out.shape[0]}, {out.shape[1]}), not ({s.K}, {len(x)})")
        s.log_weight = &out[0, 0]
        try:
            self.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=NO_REGULARISER, backward=False)
        finally:
            s.log_weight = NULL

    def encode(self, data, const int64_t[::1] order not None, real[:, ::1] loc not None, real[:, ::1] scale not None):
        """loc and scale (n, D) of the rows `order` (n,) of the data."""
        cdef Step* s = &self.s
        cdef long first = 0, b, n = order.shape[0], D = s.D
        cdef real* output
        self.take()
        try:
            self.made()
            output = s.encoder.layer[s.encoder.layers - 1].output
            if loc.shape[0] != n or scale.shape[0] != n or loc.shape[1] != D or scale.shape[1] != D:
                raise ValueError("loc or scale has another shape")
            self.set_data(data)
            self.set_batch(order, len(data))
            s.given_draws = True
            with nogil:
                while first < n:
                    s.B = min(s.max_rows, n - first)
                    gather_bits(s)
                    s.unpacked = not s.sums_of_rows
                    md_pool_run(s.pool, draw_phase, s, CHUNKS)
                    s.index = s.index + s.B
                    forward(s, &s.encoder, s.B)
                    for b in range(s.B):
                        memcpy(&loc[first + b, 0], output + b * 2 * D, D * sizeof(real))
                        scale_row(output + b * 2 * D + D, &scale[first + b, 0], s.slope, D, s.scale_link)
                    first += s.B
        finally:
            self.mine.release()

    def decode(self, const real[:, ::1] z not None, real[:, ::1] output not None):
        """The decoder's output (n, output_dim) for z (n, D)."""
        cdef Step* s = &self.s
        cdef long first = 0, n = z.shape[0], rows, width
        self.take()
        try:
            self.made()
            width = s.decoder.layer[s.decoder.layers - 1].n_out
            if z.shape[1] != s.D or output.shape[0] != n or output.shape[1] != width:
                raise ValueError("z or output has another shape")
            with nogil:
                while first < n:
                    rows = min(s.max_rows, n - first)
                    memcpy(s.z, &z[first, 0], rows * s.D * sizeof(real))
                    forward(s, &s.decoder, rows)
                    memcpy(&output[first, 0], s.decoder.layer[s.decoder.layers - 1].output, rows * width * sizeof(real))
                    first += rows
        finally:
            self.mine.release()

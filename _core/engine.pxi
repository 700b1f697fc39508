# The engine: one step from the batch's indices to the updated parameters, without any Python in between.

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.math cimport NAN, exp, isfinite, log, pow, sqrt
from libc.string cimport memcpy, memset

import threading

import numpy

include "formulas.pxi"
include "state.pxi"
include "random.pxi"
include "bits.pxi"
include "network.pxi"
include "likelihoods.pxi"
include "priors.pxi"
include "posterior.pxi"
include "regularisers.pxi"
include "adam.pxi"
include "weights.pxi"
include "narrow.pxi"
include "step.pxi"

DTYPE = numpy.dtype(numpy.float32 if sizeof(real) == 4 else numpy.float64)
MOST_NUMBERS = 2**40    # in one of the engine's arrays, so that no size overflows
cdef double LARGEST = LARGEST_GRADIENT_FLOAT if sizeof(real) == 4 else LARGEST_GRADIENT_DOUBLE     # has a finite square


cdef struct Block:
    Block* next


cdef class Memory:
    """Zeroed blocks of memory, which live as long as this object does."""

    cdef Block* last

    cdef void* take(self, int64_t size) except NULL:
        """A block that begins with a cache line: no two threads' parts share one, no vector lies in two."""
        cdef Block* block = <Block*>PyMem_RawCalloc(1, size + sizeof(Block) + 64)    # which tracemalloc knows
        if block == NULL:
            raise MemoryError(f"no memory for {size} bytes")
        block.next = self.last
        self.last = block
        return <void*>((<uintptr_t>(block + 1) + 63) // 64 * 64)

    def __dealloc__(self):
        cdef Block* block
        while self.last != NULL:
            block = self.last
            self.last = block.next
            PyMem_RawFree(block)


cdef class Engine:
    """A model's working memory for batches of up to `max_rows` points, and the steps on it.

    `parameters` is the model's vector, read and written in place. One call at a time. minidecomp/engines/cpu.py makes
    it. The numbers for activations, priors and the like are those of codes.h.

    A call while another is at work, of a second thread or from within `terms`, gets a RuntimeError and changes nothing;
    any number of engines work at once, with or without the GIL. `with engine:` keeps all calls out.
    """

    cdef Step s
    cdef Memory memory
    cdef list arrays        # those that are shared with Python, or copied from it
    cdef object mine        # the lock, held by the call that is running
    cdef bint ready         # whether it has been made
    # For the call that is running:
    cdef object held        # its data
    cdef object terms       # (loc, scale, eps, seed, step, backward) -> KL, regulariser, gradients in loc and scale
    cdef object failure     # the exception that `terms` raised

    def __cinit__(self):
        memset(&self.s, 0, sizeof(Step))
        self.memory, self.arrays, self.mine = Memory(), [], threading.Lock()

    def __dealloc__(self):
        if self.s.pool != NULL:
            md_pool_free(self.s.pool)

    def __init__(self, real[::1] parameters not None, tuple encoder_widths, tuple decoder_widths, *, int encoder_activation, int decoder_activation,
                 int scale_link, int likelihood, double likelihood_scale, prior, bint learn_prior_variance,
                 double prior_variance_scale, int kl, double log_prior_multiplier, int regulariser, double beta,
                 double alpha, int64_t samples, int64_t max_rows, int threads):
        cdef Step* s = &self.s
        cdef int64_t D, B = max_rows, K = samples, offset = 0
        # Held until the engine is made, and for ever if that fails.
        if not self.mine.acquire(False):
            raise ValueError("an engine is made once")
        if self.ready:
            self.mine.release()
            raise ValueError("an engine is made once")
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
        if (<object>samples + 1) * max_rows * max(encoder_widths + decoder_widths + (prior["components"],)) > MOST_NUMBERS:
            raise MemoryError(f"max_rows {max_rows}, samples {samples}: no memory has room for that")
        self.arrays.append(parameters)
        s.pool = md_pool_new(threads)
        if s.pool == NULL:
            raise RuntimeError(f"cannot start {threads} threads")
        s.vector, s.size = &parameters[0], parameters.shape[0]
        s.D, s.dx, s.K, s.max_rows = D, encoder_widths[0], K, B
        s.scale_link, s.likelihood, s.kl, s.regulariser = scale_link, likelihood, kl, regulariser
        s.likelihood_scale, s.log_prior_multiplier = likelihood_scale, log_prior_multiplier
        # Adam descends, so the gradient is that of the loss: minus the objective's weights.
        s.weight[LOG_LIKELIHOOD], s.weight[KL], s.weight[REGULARISER] = -1, beta, alpha

        s.eps, s.z, s.d_z = self.buffer(K * B * D), self.buffer(K * B * D), self.buffer(K * B * D)
        s.scale, s.slope = self.buffer(B * D), self.buffer(B * D)
        s.noise, s.prior_sample, s.d_sample = self.buffer(B * D), self.buffer(B * D), self.buffer(B * D)
        s.block = max(1, min(<int64_t>LANES, 4096 // D))
        s.scratch_size = 3 * s.block * D + LANES * (max(<int64_t>prior["components"], D // LANES + 1) + 1) + 2 * SIDE_BY_SIDE
        s.scratch = self.buffer(CHUNKS * s.scratch_size)
        s.partials = max(<int64_t>CHUNKS, D)
        s.partial = self.doubles(3 * s.partials)
        s.d_variance = self.doubles(2 * CHUNKS * D)
        s.moves = <uint8_t*>self.memory.take(B * D)
        # There is memory for both regularisers, because an evaluation asks for both.
        s.columns, s.d_columns = self.buffer((K + 1) * D * B), self.buffer((K + 1) * D * B)
        s.scratch_columns = self.buffer(5 * D * B)
        make_mmd_tables()
        s.mmd_cells = max(1, min(B // 3, MD_MMD_CELLS))
        s.mmd_room_size = md_mmd_room(s.mmd_cells)
        s.mmd_room = self.doubles(D * s.mmd_room_size)
        set_mixture_room(&s.mixture, B, D, self.memory)
        s.kl_loc, s.kl_scale = self.buffer(D * B), self.buffer(D * B)

        # The likelihood's gradient overwrites the decoder's output.
        offset = self.network(&s.encoder, encoder_widths, B, encoder_activation, 0, False)
        offset = self.network(&s.decoder, decoder_widths, K * B, decoder_activation, offset, True)
        s.encoder.layer[0].input = self.buffer(B * s.dx)
        s.encoder.layer[0].d_input = NULL
        s.decoder.layer[0].input, s.decoder.layer[0].d_input = s.z, s.d_z
        self.prior(prior, learn_prior_variance, prior_variance_scale, offset)
        s.narrow, s.narrow_size = has_narrow_layers(&s.encoder) and has_narrow_layers(&s.decoder), offset
        self.ready = True
        self.mine.release()

    @property
    def narrow(self):
        """Whether the phases of narrow.pxi make its steps. It can be set to False, so that tests compare both ways."""
        return bool(self.s.narrow)

    @narrow.setter
    def narrow(self, bint on):
        if on and not self.s.narrow:
            raise ValueError("the layers are too wide, or narrow was set to False")
        self.s.narrow = on

    cdef real* buffer(self, int64_t n):
        return <real*>self.memory.take(n * sizeof(real))

    cdef double* doubles(self, int64_t n):
        return <double*>self.memory.take(n * sizeof(double))

    cdef real* copy(self, values):
        cdef real[::1] array = numpy.array(values, DTYPE).reshape(-1)
        self.arrays.append(array)
        return &array[0]

    cdef int64_t network(self, Network* network, tuple widths, int64_t rows, int activation, int64_t offset,
                     bint in_place):
        """The layers' places in the parameter vector from `offset` on; returns where it ends."""
        cdef Layer* l
        cdef int i
        network.layers = len(widths) - 1
        for i in range(network.layers):
            l = &network.layer[i]
            l.n_in, l.n_out = widths[i], widths[i + 1]
            # n_in n_out + n_out may overflow 64 bits.
            if l.n_in >= (self.s.size - offset) // l.n_out:
                raise ValueError("the parameter vector is too short for the layers")
            l.W = self.s.vector + offset
            offset += l.n_in * l.n_out
            l.b = self.s.vector + offset
            offset += l.n_out
            l.activation = activation if i < network.layers - 1 else LINEAR
            l.output = self.buffer(padded(rows) * l.n_out)
            l.d_output = l.output if in_place and i == network.layers - 1 else self.buffer(rows * l.n_out)
            if i > 0:
                l.input, l.d_input = network.layer[i - 1].output, network.layer[i - 1].d_output
        return offset

    cdef prior(self, prior, bint learned, double variance_scale, int64_t offset):
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
            p.logits = self.s.vector + offset
        elif offset != self.s.size:
            raise ValueError(f"the parameter vector has {self.s.size} entries, the layers need {offset}")

    cdef set_batch(self, data, const int64_t[::1] order):
        """Point at data of shape (N, dx), real, bytes, or bits, and at the rows `order`, which the caller keeps alive."""
        cdef const real[:, ::1] reals
        cdef const uint8_t[:, ::1] bytes_
        cdef int64_t i, rows, width
        packed = getattr(data, "packed", None)
        if packed is not None:
            bytes_ = packed
            self.s.data, self.s.data_kind = &bytes_[0, 0], BIT_DATA
            rows, width = bytes_.shape[0], 8 * bytes_.shape[1]
            self.held = bytes_
        elif data.dtype == numpy.uint8:
            bytes_ = data
            self.s.data, self.s.data_kind = &bytes_[0, 0], BYTE_DATA
            rows, width = bytes_.shape[0], bytes_.shape[1]
            self.held = bytes_
        else:
            reals = data
            self.s.data, self.s.data_kind = &reals[0, 0], REAL_DATA
            rows, width = reals.shape[0], reals.shape[1]
            self.held = reals
        if width != self.s.dx:
            raise ValueError(f"the data are {width} wide, the model takes {self.s.dx}")
        if packed is not None and self.s.ones == NULL:
            self.make_room_for_bits()
        if not 0 < order.shape[0]:
            raise ValueError("no rows")
        for i in range(order.shape[0]):
            if not 0 <= order[i] < rows:
                raise IndexError(f"row {order[i]} of {rows}")
        self.s.index = &order[0]

    cdef make_room_for_gradient(self):
        """The gradient vector, in which all has the places that it has in the parameter vector; once."""
        cdef Step* s = &self.s
        if s.gradient != NULL:
            return
        s.tile_room_size = max(tile_room(&s.encoder, s.max_rows), tile_room(&s.decoder, s.K * s.max_rows))
        s.tile_room = self.buffer(md_pool_threads(s.pool) * s.tile_room_size)
        if s.narrow:
            s.narrow_part = self.buffer(CHUNKS * s.size)
        s.gradient = self.buffer(s.size)    # last: if there is no memory for one, the next call tries again
        place_gradient(s, &s.encoder)
        place_gradient(s, &s.decoder)
        if s.prior.logits != NULL:
            s.prior.d_logits = s.gradient + (s.prior.logits - s.vector)

    cdef make_room_for_steps(self):
        """What the phases of narrow.pxi work in; once."""
        if self.s.narrow and self.s.narrow_room == NULL:
            self.s.narrow_room = self.buffer(md_pool_threads(self.s.pool) * narrow_room_size())

    cdef make_room_for_bits(self):
        cdef Step* s = &self.s
        s.bits = <uint8_t*>self.memory.take(s.max_rows * (s.dx // 8))
        s.ones_count = <int32_t*>self.memory.take(s.max_rows * sizeof(int32_t))
        s.list_room = <int32_t*>self.memory.take(md_pool_threads(s.pool) * STRIP * s.max_rows * sizeof(int32_t))
        s.never_updated = <uint8_t*>self.memory.take(s.dx)
        s.ones = <int32_t*>self.memory.take(s.max_rows * (s.dx // LEAST_DARK) * sizeof(int32_t))    # last, as above

    cdef set_terms(self, terms):
        """KL and regulariser, and their gradients by loc and scale (B, D), come from `terms` in this call; None: the core."""
        if terms is None:
            return
        if self.s.external_loc == NULL:
            self.s.external_scale = self.buffer(self.s.max_rows * self.s.D)
            self.s.external_loc = self.buffer(self.s.max_rows * self.s.D)
        self.terms = terms
        self.s.external = <void*>self

    cdef take(self):
        if not self.ready:
            raise ValueError("the engine has not been made")
        if not self.mine.acquire(False):
            raise RuntimeError("the engine is at work: it does one call at a time, so make one for each thread, and another "
                               "for a prior that calls one")

    cdef give_back(self):
        self.s.external, self.s.log_weight, self.s.rows_alone = NULL, NULL, False
        self.held = self.terms = self.failure = None
        self.mine.release()

    def __enter__(self):
        self.take()

    def __exit__(self, *error):
        self.give_back()

    def train(self, data, const int64_t[::1] order not None, int64_t rows, int64_t batch_size, uint64_t seed, optimizer,
              double[:, ::1] totals not None, terms=None):
        """Steps of Adam, an `optimizer` of minidecomp/model/optimizer.py, over consecutive batches of each epoch.

        `order` has E epochs of n rows, one after the other; of each, the first `rows` are used. The first step is number
        `optimizer.step`, which counts on. `totals[e]` of (E, 4) gains each term's value times the batch's size, and the
        batch's size. Returns the term, or 3 for the gradient, that was not finite (then its step changed nothing), or -1.
        What `terms` raises comes out after the steps that were made.
        """
        cdef Step* s = &self.s
        cdef const int64_t* start
        cdef int64_t epochs = totals.shape[0], n = order.shape[0] // max(1, epochs), epoch, first, done = 0, step
        cdef int term, fault = -1
        cdef real[::1] m, v, largest
        self.take()
        try:
            step, m, v, v_max = optimizer.step, optimizer.m, optimizer.v, optimizer.v_max
            if m.shape[0] != s.size or v.shape[0] != s.size or totals.shape[1] != 4 or not 0 < min(batch_size, rows) <= s.max_rows:
                raise ValueError("the optimiser's state, the totals or the batch have another size")
            if n * epochs != order.shape[0] or rows > n:
                raise ValueError(f"{order.shape[0]} rows are not {epochs} epochs of {rows} or more")
            s.m, s.v, s.v_max = &m[0], &v[0], NULL
            if v_max is not None:
                largest = v_max
                if largest.shape[0] != s.size:
                    raise ValueError("v_max has another size")
                s.v_max = &largest[0]
            s.lr, s.beta1, s.beta2, s.adam_eps = optimizer.lr, optimizer.beta1, optimizer.beta2, optimizer.eps
            self.make_room_for_gradient()
            self.make_room_for_steps()
            self.set_batch(data, order)
            self.set_terms(terms)
            s.seed, s.given_draws, s.through_sample, s.backward = seed, False, True, True
            with nogil:
                if s.data_kind == BIT_DATA:
                    find_never_updated(s)
                start = s.index
                for epoch in range(epochs):
                    s.index, first = start + epoch * n, 0
                    while first < rows:
                        s.B = min(batch_size, rows - first)
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
                            totals[epoch, term] += s.value[term] * s.B
                        totals[epoch, 3] += s.B
                    if fault >= 0:
                        break
            optimizer.step = step + done
            if self.failure is not None:
                raise self.failure
            return fault
        finally:
            self.give_back()

    def step(self, x, tuple weights, uint64_t seed=0, int64_t step=0, real[:, :, ::1] eps=None,
             real[:, ::1] prior_sample=None, real[:, ::1] prior_noise=None, real[:, ::1] prior_choice=None,
             int regulariser=-1, real[::1] gradient=None, double[:, ::1] log_weights=None, terms=None, tuple others=()):
        """Values (3,) of the terms for the batch x (B, dx), and into `gradient` (size,), if given, that of
        sum_T weights[T] T; it is NaN where a term is not finite. `log_weights` (K, B): see the method.
        The values of `others`, further regularisers of the same encodings, come after the terms' (without a gradient).

        The draws are those of the seed and the step, or the given ones. A given prior sample is a constant, unless its
        noise is given too and, for a sparse prior, the uniform numbers (B, D) that chose between spike and slab.
        """
        cdef Step* s = &self.s
        cdef double[3] kept_weights
        cdef int term, fault, kept
        cdef int64_t i
        cdef const int64_t[::1] order = numpy.arange(len(x), dtype=numpy.int64)
        self.take()
        try:
            kept = s.regulariser
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
            if gradient is not None and gradient.shape[0] != s.size:
                raise ValueError(f"room for a gradient of {gradient.shape[0]} entries, not {s.size}")
            if others and (gradient is not None or regulariser == NO_REGULARISER):
                raise ValueError("further regularisers need a first one, and no gradient")
            if min(others, default=0) < 0 or max(others, default=0) >= NO_REGULARISER or (MMD in others and len(x) < LEAST_MMD_POINTS):
                raise ValueError(f"regularisers {others} of {len(x)} points")
            if gradient is not None:
                self.make_room_for_gradient()
            self.make_room_for_steps()
            values = tuple(float(weight) for weight in weights)
            self.set_batch(x, order)
            s.B, s.seed, s.step, s.backward, s.given_draws = order.shape[0], seed, step, gradient is not None, eps is not None
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
            if log_weights is not None:
                if log_weights.shape[0] != s.K or log_weights.shape[1] != s.B:
                    raise ValueError(f"out has shape ({log_weights.shape[0]}, {log_weights.shape[1]}), not ({s.K}, {s.B})")
                s.log_weight = &log_weights[0, 0]
            self.set_terms(terms)
            for term in range(3):
                kept_weights[term] = s.weight[term]
                s.weight[term] = values[term]
            s.regulariser = regulariser
            try:
                with nogil:
                    fault = run_step(s)
                    if fault < 0 and s.backward:
                        whole_gradient(s)
                if self.failure is not None:
                    raise self.failure
                found = [s.value[LOG_LIKELIHOOD], s.value[KL], s.value[REGULARISER]]
                for other in others:
                    s.regulariser = other
                    with nogil:
                        regularise_again(s)
                    found.append(s.value[REGULARISER])
            finally:
                s.regulariser = kept
                for term in range(3):
                    s.weight[term] = kept_weights[term]
            for i in range(s.size if s.backward else 0):
                gradient[i] = s.gradient[i] if fault < 0 else <real>NAN
            return tuple(found)
        finally:
            self.give_back()

    cdef take_noise(self, real[:, ::1] noise, real[:, ::1] choice):
        """What the given prior sample was made of: its noise, and where it is a spike, which no variance moves."""
        cdef Step* s = &self.s
        cdef int64_t b, d
        cdef bint spikes = s.prior.kind == SPARSE_PRIOR
        if noise.shape[0] != s.B or noise.shape[1] != s.D:
            raise ValueError("prior_noise has another shape")
        if spikes and (choice is None or choice.shape[0] != s.B or choice.shape[1] != s.D):
            raise ValueError("prior_choice has another shape")
        for b in range(s.B):
            for d in range(s.D):
                s.noise[b * s.D + d] = noise[b, d]
                s.moves[b * s.D + d] = not (spikes and choice[b, d] < s.prior.gamma)

    def log_weights(self, x, uint64_t seed, int64_t step, double[:, ::1] out not None):
        """log p(x_b|z_kb) + log p(z_kb) - log q(z_kb|x_b) into out (K, B), with the noise of a seed and a step."""
        if self.s.kl != MONTE_CARLO or self.s.log_prior_multiplier != 1:
            raise ValueError("importance weights need the Monte-Carlo KL, with a log prior multiplier of 1")
        self.step(x, (0.0, 0.0, 0.0), seed, step, regulariser=NO_REGULARISER, log_weights=out)

    def encode(self, data, const int64_t[::1] order not None, real[:, ::1] loc not None, real[:, ::1] scale not None,
               bint alone=False):
        """loc and scale (n, D) of the rows `order` (n,) of the data; if `alone`, the same whatever other rows there are."""
        cdef Step* s = &self.s
        cdef int64_t first = 0, b, n = order.shape[0], D = s.D
        cdef real* output
        self.take()
        try:
            output = s.encoder.layer[s.encoder.layers - 1].output
            if loc.shape[0] != n or scale.shape[0] != n or loc.shape[1] != D or scale.shape[1] != D:
                raise ValueError("loc or scale has another shape")
            self.set_batch(data, order)
            s.given_draws, s.rows_alone = True, alone
            with nogil:
                while first < n:
                    s.B = min(s.max_rows, n - first)
                    cut_into_chunks(s)
                    gather_bits(s)
                    s.unpacked = not s.sums_of_rows
                    md_pool_run(s.pool, draw_phase, s, s.chunks)
                    s.index = s.index + s.B
                    forward(s, &s.encoder, s.B)
                    for b in range(s.B):
                        memcpy(&loc[first + b, 0], output + b * 2 * D, D * sizeof(real))
                        scale_row(output + b * 2 * D + D, &scale[first + b, 0], s.slope, D, s.scale_link)
                    first += s.B
        finally:
            self.give_back()

    def decode(self, const real[:, ::1] z not None, real[:, ::1] output not None):
        """The decoder's output (n, output_dim) for z (n, D)."""
        cdef Step* s = &self.s
        cdef int64_t first = 0, n = z.shape[0], rows, width
        self.take()
        try:
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
            self.give_back()

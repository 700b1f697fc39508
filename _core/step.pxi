# One step: the phases in order, values and, if asked for, gradients; and the terms that the core asks Python for.

cdef bint ask_external_terms(Step* s) noexcept nogil:
    """KL and regulariser, and their gradients in loc and scale, from the engine's `terms`; False if it raised."""
    cdef int64_t B = s.B, D = s.D
    cdef const real* output = s.encoder.layer[s.encoder.layers - 1].output
    with gil:
        engine = <Engine>s.external
        try:
            loc, scale = numpy.empty((2, B, D), DTYPE)
            eps = numpy.empty((s.K, B, D), DTYPE)
            copy_out(loc, output, 2 * D)
            copy_out(scale, s.scale, D)
            copy_out(eps.reshape(s.K * B, D), s.eps, D)
            kl, regulariser, d_loc, d_scale = engine.terms(loc, scale, eps, s.seed, s.step, s.backward)
            s.external_value[0], s.external_value[1] = kl, regulariser
            copy_in("loc", numpy.asarray(d_loc, DTYPE), s.external_loc, B, D)
            copy_in("scale", numpy.asarray(d_scale, DTYPE), s.external_scale, B, D)
        except BaseException as error:
            engine.failure = error
            return False
    return True


cdef copy_out(real[:, ::1] to, const real* rows, int64_t stride):
    cdef int64_t i
    for i in range(to.shape[0]):
        memcpy(&to[i, 0], rows + i * stride, to.shape[1] * sizeof(real))


cdef copy_in(name, gradient, real* to, int64_t B, int64_t D):
    if gradient.shape != (B, D):
        raise ValueError(f"the gradient by {name} has shape {gradient.shape}, not {(B, D)}")
    cdef const real[:, ::1] rows = numpy.ascontiguousarray(gradient)
    memcpy(to, &rows[0, 0], B * D * sizeof(real))


cdef void add_up(Step* s, int term) noexcept nogil:
    cdef int64_t task
    s.value[term] = 0
    for task in range(s.partials):
        s.value[term] += s.partial[term * s.partials + task]


cdef void regularise_again(Step* s) noexcept nogil:
    """The value of another regulariser, from the encodings and the prior's sample of the step that has run."""
    memset(s.partial + REGULARISER * s.partials, 0, s.partials * sizeof(double))
    regularise(s)
    add_up(s, REGULARISER)


cdef int run_step(Step* s) noexcept nogil:
    """Values of all terms and, if asked, the gradients of every layer's output, the biases and the prior's logits.

    Returns the first term that is not finite, or -1.
    """
    cdef int term
    cut_into_chunks(s)
    s.unpacked = True   # the likelihood needs it
    if s.prior.logits != NULL:
        prior_from_logits(&s.prior, s.D)
        memset(s.d_variance, 0, 2 * CHUNKS * s.D * sizeof(double))
    memset(s.partial, 0, 3 * s.partials * sizeof(double))
    cdef double numbers = <double>s.K * s.B * s.D
    if is_narrow(s):
        s.sums_of_rows = False
        run(s, narrow_there_phase, s.chunks, 0.1 * s.K * s.B * s.size)
    else:
        gather_bits(s)
        run(s, draw_phase, s.chunks, 0.3 * s.B * s.dx + 8 * numbers)
        forward(s, &s.encoder, s.B)
        run(s, posterior_phase, s.chunks, 4 * numbers * s.prior.components)
    if s.external != NULL and not ask_external_terms(s):
        return KL
    if not is_narrow(s):
        forward(s, &s.decoder, s.K * s.B)
        run(s, likelihood_phase, s.chunks, 2.0 * s.K * s.B * s.dx)
    regularise(s)
    for term in range(3):
        add_up(s, term)
    if s.external != NULL:
        s.value[KL], s.value[REGULARISER] = s.external_value[0], s.external_value[1]
    for term in range(3):
        if not isfinite(s.value[term]):
            return term
    if s.backward:
        if is_narrow(s):
            if meets(s):
                run(s, narrow_back_phase, s.chunks, 0.1 * s.B * s.size)
        else:
            backward(s, &s.decoder, s.K * s.B)
            run(s, posterior_backward_phase, s.chunks, 3 * numbers)
            backward(s, &s.encoder, s.B)
        if s.prior.logits != NULL:
            if s.regulariser != NO_REGULARISER and s.through_sample:
                run(s, prior_backward_phase, s.chunks, numbers)
            logits_backward(s)
    return -1

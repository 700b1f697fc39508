/* The end of a step: the terms' means, the check of the gradient, and Adam. */

/* The values, as means of their parts.   One block. */
MD_DEVICE double block_total(const real *part, int64_t count) {
    double total = 0;
    int64_t i;
    for (i = threadIdx.x; i < count; i += blockDim.x) total += part[i];
    return block_sum(total);
}

MD_DEVICE void means_of_terms(
    double *numbers, int64_t likelihood_rows, int64_t kl_rows, int64_t regulariser_parts, double regulariser_factor,
    const real *log_likelihood, const real *kl, const real *regulariser
) {
    double a = block_total(log_likelihood, likelihood_rows), b = block_total(kl, kl_rows);
    double c = block_total(regulariser, regulariser_parts);
    if (threadIdx.x > 0) return;
    numbers[VALUE + LOG_LIKELIHOOD] = a / likelihood_rows;
    numbers[VALUE + KL] = b / kl_rows;
    numbers[VALUE + REGULARISER] = c * regulariser_factor;
}

MD_KERNEL add_up(
    double *numbers, int64_t likelihood_rows, int64_t kl_rows, int64_t regulariser_parts, double regulariser_factor,
    const real *log_likelihood, const real *kl, const real *regulariser
) {
    means_of_terms(numbers, likelihood_rows, kl_rows, regulariser_parts, regulariser_factor, log_likelihood, kl, regulariser);
}

/* Whether an entry of the gradient is NaN, or its square would not be finite in Adam. */
MD_DEVICE bool is_bad(real entry) {
    return !(md_fabs(entry) < (real)(sizeof(real) == 4 ? LARGEST_GRADIENT_FLOAT : LARGEST_GRADIENT_DOUBLE));
}

/* A thread looks at some packs. It is a pass of its own, because Adam must not begin before every entry is known to be
   good. */
MD_KERNEL look_at_gradient(int64_t size, const real *__restrict__ gradient, int64_t *__restrict__ state) {
    int64_t i;
    bool bad = false;
    int l;
    for (i = PACK * md_me(); i < size; i += (int64_t)PACK * gridDim.x * blockDim.x) {
        pack g = load_pack(gradient + i);
        MD_UNROLL
        for (l = 0; l < PACK; l++) bad |= is_bad(g.x[l]);
    }
    if (bad) state[BAD] = 1;
}

/* The first term that is not finite, or else the gradient if it was noted; otherwise -1. */
MD_DEVICE int fault_of_step(const int64_t *state, const double *numbers) {
    int fault = state[BAD] ? GRADIENT : -1;
    for (int term = REGULARISER; term >= LOG_LIKELIHOOD; term--)
        if (numbers[VALUE + term] - numbers[VALUE + term] != 0) fault = term;
    return fault;
}

/* 1 - b^t from 1 - b, as accurate as `real` is: lr / (1 - b1^t) and 1 / sqrt(1 - b2^t) need no double. */
MD_DEVICE real one_minus_power(real rest, real t) { return -md_expm1(t * md_log1p(-rest)); }

/* Adam's rates for step t: lr / (1 - b1^t),  1 / sqrt(1 - b2^t) */
MD_DEVICE void set_rates(const double *numbers, real t, real *rates) {
    rates[REST1] = (real)(1 - numbers[BETA1]);
    rates[REST2] = (real)(1 - numbers[BETA2]);
    rates[RATE] = (real)numbers[LR] / one_minus_power(rates[REST1], t);
    rates[ROOT] = 1 / md_sqrt(one_minus_power(rates[REST2], t));
    rates[TINY] = (real)numbers[EPS];
}

/* Counts the step, or notes which term was not finite; this step and later ones then change nothing.   One thread. */
MD_KERNEL finish(int64_t *state, double *numbers, double *totals, int B, real *rates) {
    double *of_epoch = totals + TOTAL_COUNT * (state[FIRST] / state[EPOCH_ROWS]);
    if (state[FAULT] >= 0) return;
    state[FAULT] = fault_of_step(state, numbers);
    if (state[FAULT] >= 0) return;
    for (int term = LOG_LIKELIHOOD; term <= REGULARISER; term++) of_epoch[term] += numbers[VALUE + term] * B;
    of_epoch[POINTS] += B;
    state[FIRST] += B;
    if (state[FIRST] % state[EPOCH_ROWS] == state[USED_ROWS]) state[FIRST] += state[EPOCH_ROWS] - state[USED_ROWS];
    state[DONE] += 1;
    set_rates(numbers, (real)(state[STEP] += 1), rates);
}

/* Adam's step up the gradient, a pack for each thread; `size` is a multiple of PACK. All loads come before any store, so
   that they are under way together. */
template <bool AMSGRAD> MD_DEVICE void adam_pack(
    const int64_t *__restrict__ state, const real *__restrict__ rates, int64_t size, const real *__restrict__ gradient,
    real *__restrict__ vector, real *__restrict__ m, real *__restrict__ v, real *__restrict__ v_max
) {
    int64_t i = PACK * md_me();
    int l;
    if (i >= size || state[FAULT] >= 0) return;
    pack g = load_pack(gradient + i), theta = load_pack(vector + i), mean = load_pack(m + i), square = load_pack(v + i);
    pack largest = AMSGRAD ? load_pack(v_max + i) : square;
    real rate = rates[RATE], root = rates[ROOT], rest1 = rates[REST1], rest2 = rates[REST2], tiny = rates[TINY];
    MD_UNROLL
    for (l = 0; l < PACK; l++)
        theta.x[l] -= md_adam(
            -g.x[l], &mean.x[l], &square.x[l], AMSGRAD ? &largest.x[l] : &square.x[l], rest1, rest2, rate, root, tiny);
    store_pack(vector + i, theta);
    store_pack(m + i, mean);
    store_pack(v + i, square);
    if (AMSGRAD) store_pack(v_max + i, largest);
}

MD_KERNEL adam(
    const int64_t *__restrict__ state, const real *__restrict__ rates, int64_t size, const real *__restrict__ gradient,
    real *__restrict__ vector, real *__restrict__ m, real *__restrict__ v
) {
    adam_pack<false>(state, rates, size, gradient, vector, m, v, 0);
}

MD_KERNEL adam_amsgrad(
    const int64_t *__restrict__ state, const real *__restrict__ rates, int64_t size, const real *__restrict__ gradient,
    real *__restrict__ vector, real *__restrict__ m, real *__restrict__ v, real *__restrict__ v_max
) {
    adam_pack<true>(state, rates, size, gradient, vector, m, v, v_max);
}

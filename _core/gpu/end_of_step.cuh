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

/* Notes an entry of the gradient that is NaN, or whose square would not be finite in Adam. */
MD_DEVICE void look_at(real entry, int64_t *state) {
    if (!(md_fabs(entry) < (real)(sizeof(real) == 4 ? LARGEST_GRADIENT_FLOAT : LARGEST_GRADIENT_DOUBLE))) state[BAD] = 1;
}

MD_KERNEL look_at_gradient(int64_t size, const real *gradient, int64_t *state) {
    int64_t i = md_me();
    if (i < size) look_at(gradient[i], state);
}

/* The first term that is not finite, or else the gradient if it was noted; otherwise -1. */
MD_DEVICE int fault_of_step(const int64_t *state, const double *numbers) {
    for (int term = LOG_LIKELIHOOD; term <= REGULARISER; term++)
        if (numbers[VALUE + term] - numbers[VALUE + term] != 0) return term;
    return state[BAD] ? GRADIENT : -1;
}

/* Counts a step of B points without a fault. */
MD_DEVICE void count_step(int64_t *state, const double *numbers, double *totals, int B) {
    double *of_epoch = totals + TOTAL_COUNT * (state[FIRST] / state[EPOCH_ROWS]);
    for (int term = LOG_LIKELIHOOD; term <= REGULARISER; term++) of_epoch[term] += numbers[VALUE + term] * B;
    of_epoch[POINTS] += B;
    state[FIRST] += B;
    if (state[FIRST] % state[EPOCH_ROWS] == state[USED_ROWS]) state[FIRST] += state[EPOCH_ROWS] - state[USED_ROWS];
    state[DONE] += 1;
    state[STEP] += 1;
}

/* Adam's rates for step t: lr / (1 - b1^t),  1 / sqrt(1 - b2^t) */
MD_DEVICE void set_rates(const double *numbers, double t, real *rates) {
    rates[RATE] = (real)(numbers[LR] / (1 - pow(numbers[BETA1], t)));
    rates[ROOT] = (real)(1 / sqrt(1 - pow(numbers[BETA2], t)));
    rates[REST1] = (real)(1 - numbers[BETA1]);
    rates[REST2] = (real)(1 - numbers[BETA2]);
    rates[TINY] = (real)numbers[EPS];
}

/* Counts the step, or notes which term was not finite; this step and later ones then change nothing.   One thread. */
MD_KERNEL finish(int64_t *state, double *numbers, double *totals, int B, real *rates) {
    if (state[FAULT] >= 0) return;
    state[FAULT] = fault_of_step(state, numbers);
    if (state[FAULT] >= 0) return;
    count_step(state, numbers, totals, B);
    set_rates(numbers, (double)state[STEP], rates);
}

/* Adam's step up the gradient; without AMSGrad v_max is v itself. */
MD_KERNEL adam(
    const int64_t *state, const real *rates, int64_t size, const real *gradient, real *vector, real *m, real *v, real *v_max
) {
    int64_t i = md_me();
    if (i >= size || state[FAULT] >= 0) return;
    vector[i] -= md_adam(
        -gradient[i], &m[i], &v[i], &v_max[i], rates[REST1], rates[REST2], rates[RATE], rates[ROOT], rates[TINY]);
}

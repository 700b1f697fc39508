/* Using a trained model batch by batch: what differs between batches comes from a plan, and each batch's results go to
   their place in a larger array. state[DONE] counts the batches that have begun. */

/* The next batch's first row in the order, and the step of its draws.   One thread. */
MD_KERNEL next_batch(int64_t *state, const int64_t *plan) {
    const int64_t *next = plan + 2 * state[DONE];
    state[FIRST] = next[0];
    state[STEP] = next[1];
    state[DONE] += 1;
}

/* part (width): the batch's numbers among all of them */
MD_KERNEL take_part(const int64_t *state, int64_t width, const real *all, real *part) {
    int64_t at = md_me();
    if (at < width) part[at] = all[(state[DONE] - 1) * width + at];
}

/* all (batches, width): the results of the batch in their place */
MD_KERNEL keep_part(const int64_t *state, int64_t width, const real *part, real *all) {
    int64_t at = md_me();
    if (at < width) all[(state[DONE] - 1) * width + at] = part[at];
}

/* values (batches, terms): the terms of the batch */
MD_KERNEL keep_values(const int64_t *state, const double *numbers, double *values) {
    int64_t at = md_me();
    if (at < TERM_COUNT) values[(state[DONE] - 1) * TERM_COUNT + at] = numbers[VALUE + at];
}

/* log_weights (batches, stride): log p(x|z) - (log q(z|x) - log p(z)) of the batch's samples */
MD_KERNEL keep_log_weights(
    const int64_t *state, int64_t width, int64_t stride, const real *log_likelihood, const real *kl, double *log_weights
) {
    int64_t at = md_me();
    if (at < width) log_weights[(state[DONE] - 1) * stride + at] = (double)log_likelihood[at] - (double)kl[at];
}

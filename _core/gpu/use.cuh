/* Using a trained model batch by batch: what differs between batches comes from a plan, and each batch's results go to
   their place in a larger array. state[DONE] counts the batches that have begun. */

/* The next batch's first row in the order, and the step of its draws.   One thread. */
MD_KERNEL next_batch(int64_t *state, const int64_t *plan) {
    const int64_t *next = plan + 2 * state[DONE];
    state[FIRST] = next[0];
    state[STEP] = next[1];
    state[DONE] += 1;
}

/* part (width): the batch's numbers in the room (batches, width) */
MD_KERNEL take_part(const int64_t *state, int64_t width, const real *room, real *part) {
    int64_t at = md_me();
    if (at < width) part[at] = room[(state[DONE] - 1) * width + at];
}

/* room (batches, width): the batch's results in their place */
MD_KERNEL keep_part(const int64_t *state, int64_t width, const real *part, real *room) {
    int64_t at = md_me();
    if (at < width) room[(state[DONE] - 1) * width + at] = part[at];
}

/* room (batches, terms): the batch's terms */
MD_KERNEL keep_values(const int64_t *state, const double *numbers, double *room) {
    int64_t at = md_me();
    if (at < TERM_COUNT) room[(state[DONE] - 1) * TERM_COUNT + at] = numbers[VALUE + at];
}

/* room (batches, stride): log p(x|z) - (log q(z|x) - log p(z)) of the batch's samples */
MD_KERNEL keep_log_weights(
    const int64_t *state, int64_t width, int64_t stride, const real *log_likelihood, const real *kl, double *room
) {
    int64_t at = md_me();
    if (at < width) room[(state[DONE] - 1) * stride + at] = (double)log_likelihood[at] - (double)kl[at];
}

/* The random numbers of a step, by stream and index; as in random.pxi. */

MD_DEVICE void md_words(const int64_t *state, uint32_t purpose, int64_t block, uint32_t w[4]) {
    md_philox((uint32_t)block, (uint64_t)state[STEP], purpose, (uint64_t)state[SEED], w);
}

/* Number i of the normal stream. */
MD_DEVICE real normal_at(const int64_t *state, uint32_t purpose, int64_t i) {
    uint32_t w[4];
    real z[2];
    md_words(state, purpose, i / 4, w);
    md_normal_pair(w[i % 4 / 2 * 2], w[i % 4 / 2 * 2 + 1], &z[0], &z[1]);
    return z[i % 2];
}

MD_DEVICE real student_t_at(const int64_t *state, uint32_t purpose, int64_t i, real df) {
    uint32_t w[4];
    md_words(state, purpose, i / 2, w);
    return md_student_t(w[i % 2 * 2], w[i % 2 * 2 + 1], df);
}

MD_DEVICE real uniform_at(const int64_t *state, uint32_t purpose, int64_t i) {
    uint32_t w[4];
    md_words(state, purpose, i / 4, w);
    return md_open_unit(w[i % 4]);
}

/* log p(x|z). */

/* log p of value x, number i of a point, but for a constant; w times its gradient overwrites the output. */
MD_DEVICE real likelihood_at(int likelihood, real inverse_scale, real w, real x, int i, int dx, const real *bias, real *output) {
    real by_loc, by_raw, value, loc = output[i] + bias[i];
    if (likelihood == BERNOULLI)
        value = md_bernoulli(x, loc, &by_loc);
    else if (likelihood == LAPLACE)
        value = md_laplace(x, loc, inverse_scale, &by_loc);
    else {
        value = md_gaussian(x, loc, output[dx + i] + bias[dx + i], &by_loc, &by_raw);
        output[dx + i] = w * by_raw;
    }
    output[i] = w * by_loc;
    return value;
}

/* log p(x | output + bias); the gradient overwrites the output.   One block per sample, row r = k B + b. */
MD_KERNEL likelihood(
    const int64_t *state, const double *numbers, const int64_t *order, const void *data, int data_kind, int likelihood, int B,
    int dx, double likelihood_scale, const real *bias, real *output, real *log_likelihood
) {
    int r = blockIdx.x, i;
    int64_t row = order[state[FIRST] + r % B];
    real w = (real)(numbers[WEIGHT + LOG_LIKELIHOOD] / gridDim.x), inverse_scale = (real)(1 / likelihood_scale), total = 0;
    output += (int64_t)r * dx * (likelihood == GAUSSIAN ? 2 : 1);
    for (i = threadIdx.x; i < dx; i += blockDim.x)
        total += likelihood_at(likelihood, inverse_scale, w, point_value(data, data_kind, row, dx, i), i, dx, bias, output);
    total = block_sum(total);
    if (threadIdx.x > 0) return;
    if (likelihood == LAPLACE) total -= (real)(dx * log(2 * likelihood_scale));
    log_likelihood[r] = total;
}

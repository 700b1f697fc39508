/* log p(x|z). */

#define VALUES_AT_ONCE 4 /* that a thread has under way */

/* log p of value x, number i of a point, but for a constant, for the output with its bias: loc and, for a Gaussian, raw.
   w times the gradient goes into `output`. */
MD_DEVICE real likelihood_at(
    int likelihood, real inverse_scale, real w, real x, real loc, real raw, int i, int dx, real *output
) {
    real by_loc, by_raw, value;
    if (likelihood == BERNOULLI)
        value = md_bernoulli(x, loc, &by_loc);
    else if (likelihood == LAPLACE)
        value = md_laplace(x, loc, inverse_scale, &by_loc);
    else {
        value = md_gaussian(x, loc, raw, &by_loc, &by_raw);
        output[dx + i] = w * by_raw;
    }
    output[i] = w * by_loc;
    return value;
}

/* log p(x | output + bias); the gradient overwrites the output.   One block per sample, row r = k B + b. */
MD_KERNEL likelihood(
    const int64_t *__restrict__ state, const double *__restrict__ numbers, const int64_t *__restrict__ order,
    const void *__restrict__ data, int data_kind, int likelihood, int B, int dx, double likelihood_scale,
    const real *__restrict__ bias, real *__restrict__ output, real *__restrict__ log_likelihood
) {
    int r = blockIdx.x, first, i, l;
    int64_t row = order[state[FIRST] + r % B];
    real w = (real)numbers[WEIGHT + LOG_LIKELIHOOD] / (real)gridDim.x, inverse_scale = 1 / (real)likelihood_scale;
    real total = 0;
    output += (int64_t)r * dx * (likelihood == GAUSSIAN ? 2 : 1);
    for (first = threadIdx.x; first < dx; first += VALUES_AT_ONCE * blockDim.x) {
        real x[VALUES_AT_ONCE], loc[VALUES_AT_ONCE], raw[VALUES_AT_ONCE];
        MD_UNROLL
        for (l = 0; l < VALUES_AT_ONCE; l++) {
            i = first + l * blockDim.x;
            x[l] = i < dx ? point_value(data, data_kind, row, dx, i) : 0;
            loc[l] = i < dx ? output[i] + bias[i] : 0;
            raw[l] = i < dx && likelihood == GAUSSIAN ? output[dx + i] + bias[dx + i] : 0;
        }
        MD_UNROLL
        for (l = 0; l < VALUES_AT_ONCE; l++) {
            i = first + l * blockDim.x;
            if (i < dx) total += likelihood_at(likelihood, inverse_scale, w, x[l], loc[l], raw[l], i, dx, output);
        }
    }
    total = block_sum(total);
    if (threadIdx.x > 0) return;
    if (likelihood == LAPLACE) total -= dx * md_log(2 * (real)likelihood_scale);
    log_likelihood[r] = total;
}

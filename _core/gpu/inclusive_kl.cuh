/* The inclusive KL term, KL(p(z) || q(z)). */

/* log p(z_j) of the prior's sample and, for KL(p || q), the gradients w/J d log p(z_j).   A warp per sample. */
MD_DEVICE void log_prior_of_sample_row(
    const md_prior &p, real w, int64_t j, const real *z, real *d_sample, real *d_variance, real *regulariser
) {
    real total = log_prior(p, z, w, d_sample + j * p.D, d_variance + j * p.D);
    if (md_lane() == 0) regulariser[j] = total;
}

MD_KERNEL log_prior_of_sample(
    const double *numbers, int prior, int components, const real *prior_loc, const real *prior_scale,
    const real *log_weight, const real *constants, int J, int D, const real *sample, real *d_sample, real *d_variance,
    real *regulariser
) {
    md_prior p = {prior, components, D, prior_loc, prior_scale, log_weight, constants};
    int64_t j = md_warp();
    real w = (real)(numbers[WEIGHT + REGULARISER] / J);
    if (j < J) log_prior_of_sample_row(p, w, j, sample + j * D, d_sample, d_variance, regulariser);
}

/* log q(z | x_i), but for its constant: -sum_d ((z_d - mu_d) / s_d)^2 / 2 - log_scale_i */
MD_DEVICE real log_posterior(const real *z, const real *loc, const real *inverse, real log_scale, int D) {
    real squares = 0;
    for (int d = 0; d < D; d++) {
        real r = (z[d] - loc[d]) * inverse[d];
        squares += r * r;
    }
    return (real)-0.5 * squares - log_scale;
}

/* W_ji = softmax_i log q(z_j | x_i) / J, and value_j = log p(z_j) - logsumexp_i log q(z_j | x_i) + log B, where it
   holds log p(z_j) before.   One block for each of the samples first, first + 1, ...; W holds only these rows. */
MD_KERNEL posterior_weights(
    int first, int J, int B, int D, const real *sample, const real *loc, const real *inverse, const real *log_scale, real *W, real *regulariser
) {
    const real *z = sample + (int64_t)(first + blockIdx.x) * D;
    int i;
    real largest = -(real)1e30, total = 0, log_sum;
    W += (int64_t)blockIdx.x * B;
    for (i = threadIdx.x; i < B; i += blockDim.x) {
        W[i] = log_posterior(z, loc + (int64_t)i * D, inverse + (int64_t)i * D, log_scale[i], D);
        largest = W[i] > largest || W[i] != W[i] ? W[i] : largest;
    }
    largest = block_max(largest);
    for (i = threadIdx.x; i < B; i += blockDim.x) total += md_exp(W[i] - largest);
    log_sum = largest + md_log(block_sum(total));
    for (i = threadIdx.x; i < B; i += blockDim.x) W[i] = md_exp(W[i] - log_sum) / J;
    if (threadIdx.x == 0) regulariser[first + blockIdx.x] += (real)0.5 * D * MD_LOG_2PI + md_log((real)B) - log_sum;
}

/* d/dmu_i = -sum_j W_ji (z_j - mu_i) / s_i^2,  d/ds_i = -sum_j W_ji ((z_j - mu_i)^2 / s_i^2 - 1) / s_i, times w, added.
   A block has 32 points i of dimension blockIdx.y, and a sample for each 32 threads. */
MD_KERNEL inclusive_kl_grad(
    const double *numbers, int first, int samples, int B, int D, const real *W, const real *sample, const real *loc,
    const real *scale, real *d_loc, real *d_scale
) {
    __shared__ real room[2][GPU_BLOCK];
    int lane = threadIdx.x / 32, lanes = blockDim.x / 32, i = 32 * blockIdx.x + threadIdx.x % 32, d = blockIdx.y, j, l;
    int64_t at = (int64_t)i * D + d;
    real by_loc = 0, by_scale = 0, w = (real)numbers[WEIGHT + REGULARISER];
    if (i < B) {
        real m = loc[at], inverse = 1 / scale[at];
        for (j = lane; j < samples; j += lanes) {
            real r = (sample[(int64_t)(first + j) * D + d] - m) * inverse, weight = W[(int64_t)j * B + i];
            by_loc += weight * r;
            by_scale += weight * (r * r - 1);
        }
        by_loc *= inverse;
        by_scale *= inverse;
    }
    room[0][threadIdx.x] = by_loc;
    room[1][threadIdx.x] = by_scale;
    __syncthreads();
    if (lane > 0 || i >= B) return;
    for (l = 1; l < lanes; l++) {
        by_loc += room[0][32 * l + threadIdx.x];
        by_scale += room[1][32 * l + threadIdx.x];
    }
    d_loc[at] -= w * by_loc;
    d_scale[at] -= w * by_scale;
}

/* d/dz_j = sum_i W_ji (z_j - mu_i) / s_i^2, times w, added.   One block for each sample first, first + 1, ... */
MD_KERNEL inclusive_kl_sample_grad(
    const double *numbers, int first, int B, int D, const real *W, const real *sample, const real *loc, const real *scale,
    real *d_sample
) {
    int64_t row = (int64_t)(first + blockIdx.x) * D;
    int i, d;
    W += (int64_t)blockIdx.x * B;
    for (d = 0; d < D; d++) {
        real total = 0;
        for (i = threadIdx.x; i < B; i += blockDim.x) {
            real s = scale[(int64_t)i * D + d];
            total += W[i] * ((sample[row + d] - loc[(int64_t)i * D + d]) / s) / s;
        }
        total = block_sum(total);
        if (threadIdx.x == 0) d_sample[row + d] += (real)numbers[WEIGHT + REGULARISER] * total;
    }
}

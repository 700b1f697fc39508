/* The KL term, by sampling or in closed form. */

/* KL ~ log q - M log p,  log q = -sum_d eps^2 / 2 - log s - log(2 pi) / 2: with z = mu + s eps, only -1 / s reaches s.
   One block per sample, row r = k B + b. */
MD_KERNEL monte_carlo_kl(
    const double *numbers, int prior, int components, const real *prior_loc, const real *prior_scale,
    const real *log_weight, const real *constants, double log_prior_multiplier, int B, int D, const real *z, const real *eps,
    const real *scale, const real *log_scale, real *d_z, real *d_loc, real *d_scale, real *d_variance, real *kl
) {
    int r = blockIdx.x, b = r % B, d;
    real M = (real)log_prior_multiplier, w = (real)(numbers[WEIGHT + KL] / gridDim.x), log_q = 0;
    const real *e = eps + (int64_t)r * D;
    d_z += (int64_t)r * D;
    d_variance += (int64_t)r * D;
    real log_p = log_prior(prior, components, prior_loc, prior_scale, log_weight, constants, z + (int64_t)r * D, D, d_z, d_variance);
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        log_q -= (real)0.5 * e[d] * e[d];
        d_z[d] *= -w * M;
        d_variance[d] *= -w * M;
        if (r == b) {
            d_loc[b * D + d] = 0;
            d_scale[b * D + d] = -w * (gridDim.x / B) / scale[b * D + d];
        }
    }
    log_q = block_sum(log_q) - log_scale[b] - (real)0.5 * D * MD_LOG_2PI;
    if (threadIdx.x == 0) kl[r] = log_q - M * log_p;
}

/* KL(N(loc, s^2) || N(m, v)) in closed form.   One block per point. */
MD_KERNEL analytic_kl(
    const double *numbers, const real *prior_loc, const real *prior_scale, int K, int B, int D, const real *loc,
    const real *scale, real *d_z, real *d_loc, real *d_scale, real *d_variance, real *kl
) {
    int b = blockIdx.x, d, k;
    real w = (real)(numbers[WEIGHT + KL] / B), total = 0;
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        int64_t at = (int64_t)b * D + d;
        total += md_gaussian_kl(
            loc[at], scale[at], prior_loc[d], prior_scale[d], &d_loc[at], &d_scale[at], &d_variance[at]);
        d_loc[at] *= w;
        d_scale[at] *= w;
        d_variance[at] *= w;
        for (k = 0; k < K; k++) d_z[(int64_t)k * B * D + at] = 0;
    }
    total = block_sum(total);
    if (threadIdx.x == 0) kl[b] = total;
}

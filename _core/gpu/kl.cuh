/* The KL term, by sampling or in closed form. */

/* KL ~ log q - M log p,  log q = -sum_d eps^2 / 2 - log s - log(2 pi) / 2: with z = mu + s eps, only -1 / s reaches s.
   Sample k of point b; w is the term's weight for each sample.   A warp. */
MD_DEVICE void monte_carlo_kl_row(
    const md_prior &p, real w, real M, int K, int B, int k, int b, const real *z, const real *eps, const real *scale,
    real log_scale, real *d_z, real *d_loc, real *d_scale, real *d_variance, real *kl
) {
    int D = p.D, d;
    int64_t r = (int64_t)k * B + b, row = r * D;
    real log_q = 0;
    for (d = md_lane(); d < D; d += GPU_WARP) {
        real e = eps[row + d];
        log_q -= (real)0.5 * e * e;
        if (k > 0) continue;
        d_loc[row + d] = 0;
        d_scale[row + d] = -w * K / scale[row + d];
    }
    log_q = warp_sum(log_q) - log_scale - (real)0.5 * D * MD_LOG_2PI;
    real log_p = log_prior(p, z, -w * M, d_z + row, d_variance + row);
    if (md_lane() == 0) kl[r] = log_q - M * log_p;
}

/* A warp per sample. */
MD_KERNEL monte_carlo_kl(
    const double *numbers, int prior, int components, const real *prior_loc, const real *prior_scale,
    const real *log_weight, const real *constants, double log_prior_multiplier, int K, int B, int D, const real *z,
    const real *eps, const real *scale, const real *log_scale, real *d_z, real *d_loc, real *d_scale, real *d_variance,
    real *kl
) {
    md_prior p = {prior, components, D, prior_loc, prior_scale, log_weight, constants};
    int64_t r = md_warp(), rows = (int64_t)K * B;
    int k = (int)(r / B), b = (int)(r - (int64_t)k * B);
    if (r >= rows) return;
    monte_carlo_kl_row(p, (real)numbers[WEIGHT + KL] / (real)rows, (real)log_prior_multiplier, K, B, k, b, z + r * D, eps, scale,
                       log_scale[b], d_z, d_loc, d_scale, d_variance, kl);
}

/* KL(N(loc, s^2) || N(m, v)) of point b in closed form.   A warp. */
MD_DEVICE void analytic_kl_row(
    const md_prior &p, real w, int K, int B, int b, const real *loc, const real *scale, real *d_z, real *d_loc,
    real *d_scale, real *d_variance, real *kl
) {
    int D = p.D, d, k;
    real total = 0;
    for (d = md_lane(); d < D; d += GPU_WARP) {
        int64_t at = (int64_t)b * D + d;
        total += md_gaussian_kl(loc[at], scale[at], p.loc[d], p.scale[d], &d_loc[at], &d_scale[at], &d_variance[at]);
        d_loc[at] *= w;
        d_scale[at] *= w;
        d_variance[at] *= w;
        for (k = 0; k < K; k++) d_z[(int64_t)k * B * D + at] = 0;
    }
    total = warp_sum(total);
    if (md_lane() == 0) kl[b] = total;
}

/* A warp per point. */
MD_KERNEL analytic_kl(
    const double *numbers, const real *prior_loc, const real *prior_scale, int K, int B, int D, const real *loc,
    const real *scale, real *d_z, real *d_loc, real *d_scale, real *d_variance, real *kl
) {
    md_prior p = {GAUSSIAN_PRIOR, 1, D, prior_loc, prior_scale, 0, 0};
    int b = (int)md_warp();
    if (b < B) analytic_kl_row(p, (real)(numbers[WEIGHT + KL] / B), K, B, b, loc, scale, d_z, d_loc, d_scale, d_variance, kl);
}

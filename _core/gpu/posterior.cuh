/* The posterior: sampling q(z|x), and the way back from z, loc and scale to the encoder's output. */

/* loc, s = link(raw), inverse = 1 / s, z_k = loc + s eps_k for output = (loc, raw) - bias, and log_scale = sum_d log s, of
   point b.   A warp; all lanes have log_scale as the result. */
MD_DEVICE real sample_posterior_row(
    const int64_t *state, int given_eps, int scale_link, int K, int B, int D, int b, const real *output, const real *bias,
    real *eps, real *loc, real *scale, real *inverse, real *slope, real *log_scale, real *z
) {
    int d, k;
    real total = 0;
    for (d = md_lane(); d < D; d += GPU_WARP) {
        real m = output[d] + bias[d], raw = output[D + d] + bias[D + d], by_raw;
        real s = scale_link == EXP_LINK ? md_exp_link(raw, &by_raw) : md_softplus_link(raw, &by_raw);
        loc[b * D + d] = m;
        scale[b * D + d] = s;
        inverse[b * D + d] = 1 / s;
        slope[b * D + d] = by_raw;
        total += md_log(s);
        for (k = 0; k < K; k++) {
            int64_t at = ((int64_t)k * B + b) * D + d;
            real e = given_eps ? eps[at] : normal_at(state, POSTERIOR, at);
            if (!given_eps) eps[at] = e;
            z[at] = m + s * e;
        }
    }
    total = warp_sum(total);
    if (md_lane() == 0) log_scale[b] = total;
    return total;
}

/* A warp per point. */
MD_KERNEL sample_posterior(
    const int64_t *state, int given_eps, int scale_link, int K, int B, int D, const real *output, const real *bias,
    real *eps, real *loc, real *scale, real *inverse, real *slope, real *log_scale, real *z
) {
    int b = (int)md_warp();
    if (b >= B) return;
    sample_posterior_row(state, given_eps, scale_link, K, B, D, b, output + (int64_t)b * 2 * D, bias, eps, loc, scale,
                         inverse, slope, log_scale, z);
}

/* d_loc = sum_k d_z,  d_raw = sum_k d_z eps ds/draw, plus the direct gradients of loc and scale: dimension d of point b, into
   the point's row of d_output (2 D,) */
MD_DEVICE void posterior_backward_at(
    int K, int B, int D, int b, int d, const real *d_z, const real *eps, const real *d_loc, const real *d_scale,
    const real *slope, real *d_output
) {
    int64_t at = (int64_t)b * D + d, plane = (int64_t)B * D;
    real by_loc = d_loc[at], by_scale = d_scale[at], by_raw = slope[at];
    for (int k = 0; k < K; k++) {
        by_loc += d_z[k * plane + at];
        by_scale += d_z[k * plane + at] * eps[k * plane + at];
    }
    d_output[d] = by_loc;
    d_output[D + d] = by_scale * by_raw;
}

MD_KERNEL posterior_backward(
    int K, int B, int D, const real *d_z, const real *eps, const real *d_loc, const real *d_scale, const real *slope,
    real *d_output
) {
    int64_t at = md_me();
    int b = (int)(at / D), d = (int)(at - (int64_t)b * D);
    if (b < B) posterior_backward_at(K, B, D, b, d, d_z, eps, d_loc, d_scale, slope, d_output + (int64_t)b * 2 * D);
}

/* The posterior: sampling q(z|x), and the way back from z, loc and scale to the encoder's output. */

/* loc, s = link(raw), z_k = loc + s eps_k for output = (loc, raw) - bias; log_scale = sum_d log s.   One block per point. */
MD_KERNEL sample_posterior(
    const int64_t *state, int given_eps, int scale_link, int K, int B, int D, const real *output, const real *bias,
    real *eps, real *loc, real *scale, real *slope, real *log_scale, real *z
) {
    int b = blockIdx.x, d, k;
    real total = 0;
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        real m = output[(int64_t)b * 2 * D + d] + bias[d], raw = output[(int64_t)b * 2 * D + D + d] + bias[D + d], by_raw;
        real s = scale_link == EXP_LINK ? md_exp_link(raw, &by_raw) : md_softplus_link(raw, &by_raw);
        loc[b * D + d] = m;
        scale[b * D + d] = s;
        slope[b * D + d] = by_raw;
        total += md_log(s);
        for (k = 0; k < K; k++) {
            int64_t at = ((int64_t)k * B + b) * D + d;
            if (!given_eps) eps[at] = normal_at(state, POSTERIOR, at);
            z[at] = m + s * eps[at];
        }
    }
    total = block_sum(total);
    if (threadIdx.x == 0) log_scale[b] = total;
}

/* d_loc = sum_k d_z,  d_raw = sum_k d_z eps ds/draw, plus the direct gradients of loc and scale: d_output (B, 2 D) */
MD_KERNEL posterior_backward(
    int K, int B, int D, const real *d_z, const real *eps, const real *d_loc, const real *d_scale, const real *slope,
    real *d_output
) {
    int64_t at = md_me();
    int k;
    if (at >= (int64_t)B * D) return;
    real by_loc = d_loc[at], by_scale = d_scale[at];
    for (k = 0; k < K; k++) {
        by_loc += d_z[(int64_t)k * B * D + at];
        by_scale += d_z[(int64_t)k * B * D + at] * eps[(int64_t)k * B * D + at];
    }
    d_output[at / D * 2 * D + at % D] = by_loc;
    d_output[at / D * 2 * D + D + at % D] = by_scale * slope[at];
}

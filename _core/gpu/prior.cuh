/* The priors: log p(z) and its gradients, their samples, and a learned variance. */

/* A prior's kind and parameters: loc and scale of all components (components, D), and its constants. */
struct md_prior {
    int kind, components, D;
    const real *loc, *scale, *log_weight, *constants;
};

/* scale_d = sqrt(S D softmax(logits)_d), for every component.   One block. */
MD_DEVICE void scale_from_logits(const real *logits, int D, int components, double variance_scale, real *prior_scale) {
    int d, m;
    real largest = logits[0], total = 0;
    for (d = threadIdx.x; d < D; d += blockDim.x) largest = md_max(largest, logits[d]);
    largest = block_max(largest);
    for (d = threadIdx.x; d < D; d += blockDim.x) total += md_exp(logits[d] - largest);
    total = block_sum(total);
    for (d = threadIdx.x; d < D; d += blockDim.x)
        for (m = 0; m < components; m++)
            prior_scale[m * D + d] = md_sqrt((real)(variance_scale * D) * md_exp(logits[d] - largest) / total);
}

MD_KERNEL prior_scale_from_logits(const real *logits, int D, int components, double variance_scale, real *prior_scale) {
    scale_from_logits(logits, D, components, variance_scale, prior_scale);
}

/* Dimension d of sample j of the prior, and dsample/dvariance = e / (2 s), or 0 where it is a spike. */
MD_DEVICE real prior_number(const int64_t *state, const md_prior &p, const real *edge, int64_t j, int d, real *slope) {
    int64_t at = j * p.D + d;
    int m = 0;
    real noise = p.kind == STUDENT_T_PRIOR ? student_t_at(state, PRIOR, at, p.constants[DF]) : normal_at(state, PRIOR, at);
    if (p.kind == MIXTURE_PRIOR) {
        real u = uniform_at(state, PRIOR_CHOICE, j);
        while (m < p.components - 1 && u >= edge[m]) m++;
    }
    if (p.kind == SPARSE_PRIOR && uniform_at(state, PRIOR_CHOICE, at) < p.constants[GAMMA]) {
        *slope = 0;
        return p.constants[SPIKE_SCALE] * noise;
    }
    *slope = noise / (2 * p.scale[m * p.D + d]);
    return p.loc[m * p.D + d] + p.scale[m * p.D + d] * noise;
}

MD_KERNEL draw_prior_sample(
    const int64_t *state, int prior, int components, const real *prior_loc, const real *prior_scale, const real *edge,
    const real *constants, int B, int D, real *sample, real *sample_slope
) {
    md_prior p = {prior, components, D, prior_loc, prior_scale, 0, constants};
    int64_t at = md_me(), j = at / D;
    if (j < B) sample[at] = prior_number(state, p, edge, j, (int)(at - j * D), &sample_slope[at]);
}

/* The same slope for a given sample, from its noise and, for a sparse prior, the numbers that chose its spikes. */
MD_KERNEL given_sample_slope(
    int prior, const real *prior_scale, const real *constants, int B, int D, const real *noise, const real *choice,
    real *sample_slope
) {
    int64_t at = md_me();
    if (at >= (int64_t)B * D) return;
    bool spike = prior == SPARSE_PRIOR && choice[at] < constants[GAMMA];
    sample_slope[at] = spike ? 0 : noise[at] / (2 * prior_scale[at % D]);
}

/* log pi_m + log N(z; m_m, v_m) of component m. */
MD_DEVICE real log_component(const md_prior &p, int m, const real *z) {
    real total = p.log_weight[m];
    for (int d = 0; d < p.D; d++) total += md_normal_log_density(z[d], p.loc[m * p.D + d], p.scale[m * p.D + d]);
    return total;
}

/* log p = logsumexp_m joint_m;  R_m = e^(joint_m - log p);  d/dz = -sum_m R_m (z - m_m) / v_m,
   d/dv = sum_m R_m ((z - m_m)^2 / v_m - 1) / (2 v_m).   A lane takes every 32nd component, then every 32nd dimension. */
MD_DEVICE real log_mixture(const md_prior &p, const real *z, real factor, real *d_z, real *d_variance) {
    int lane = md_lane(), M = p.components, first, d, l, m;
    real joint = log_component(p, lane < M ? lane : 0, z), largest = joint, sum = lane < M ? 1 : 0, log_p, by_z, by_variance;
    for (m = lane + GPU_WARP; m < M; m += GPU_WARP) {
        real another = log_component(p, m, z), larger = md_max(largest, another);
        sum = sum * md_exp(largest - larger) + md_exp(another - larger);
        largest = larger;
    }
    log_p = warp_max(largest);
    log_p += md_log(warp_sum(sum * md_exp(largest - log_p)));
    for (first = 0; first < M; first += GPU_WARP) {
        int count = M - first < GPU_WARP ? M - first : GPU_WARP;
        if (first > 0) joint = log_component(p, lane < count ? first + lane : 0, z);
        real R = factor * md_exp(joint - log_p);
        for (d = lane; d - lane < p.D; d += GPU_WARP) { /* all lanes together, because of the shuffle */
            real sum_z = 0, sum_variance = 0, z_d = d < p.D ? z[d] : 0;
            for (l = 0; l < count; l++) {
                real weight = __shfl_sync(ALL_LANES, R, l);
                int at = (first + l) * p.D + (d < p.D ? d : 0);
                md_gaussian_prior(z_d, p.loc[at], p.scale[at], &by_z, &by_variance);
                sum_z += weight * by_z;
                sum_variance += weight * by_variance;
            }
            if (d >= p.D) continue;
            d_z[d] = first > 0 ? d_z[d] + sum_z : sum_z;
            d_variance[d] = first > 0 ? d_variance[d] + sum_variance : sum_variance;
        }
    }
    return log_p;
}

/* log p(z) of one point z (D,), and `factor` times its gradient with respect to z and to each dimension's variance.   A
   warp; all lanes have the result. */
MD_DEVICE real log_prior(const md_prior &p, const real *z, real factor, real *d_z, real *d_variance) {
    real total = 0, by_z, by_variance;
    if (p.kind == MIXTURE_PRIOR) return log_mixture(p, z, factor, d_z, d_variance);
    for (int d = md_lane(); d < p.D; d += GPU_WARP) {
        if (p.kind == GAUSSIAN_PRIOR)
            total += md_gaussian_prior(z[d], p.loc[d], p.scale[d], &by_z, &by_variance);
        else if (p.kind == STUDENT_T_PRIOR)
            total += md_student_t_prior(
                z[d], p.loc[d], p.scale[d], p.constants[DF], p.constants[LOG_NORMALISER], &by_z, &by_variance);
        else
            total += md_sparse_prior(z[d], p.loc[d], p.scale[d], p.constants[LOG_SLAB], p.constants[LOG_SPIKE],
                                     p.constants[SPIKE_SCALE], &by_z, &by_variance);
        d_z[d] = factor * by_z;
        d_variance[d] = factor * by_variance;
    }
    return warp_sum(total);
}

/* d_v = sum over the rows of d_variance, plus sum_j d_sample dsample/dv from the sample.   One block. */
MD_DEVICE void variance_grad_at(
    int d, int64_t rows, int64_t samples, int D, const real *d_variance, const real *d_sample, const real *sample_slope,
    real *d_v
) {
    int64_t i;
    real total = 0;
    for (i = threadIdx.x; i < rows; i += blockDim.x) total += d_variance[i * D + d];
    for (i = threadIdx.x; i < samples; i += blockDim.x) total += d_sample[i * D + d] * sample_slope[i * D + d];
    total = block_sum(total);
    if (threadIdx.x == 0) d_v[d] = total;
}

/* One block per dimension. */
MD_KERNEL prior_variance_grad(
    int64_t rows, int64_t samples, int D, const real *d_variance, const real *d_sample, const real *sample_slope, real *d_v
) {
    variance_grad_at(blockIdx.x, rows, samples, D, d_variance, d_sample, sample_slope, d_v);
}

/* d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),  w = v / sum v.   One block. */
MD_DEVICE void logits_gradient(int D, const real *prior_scale, const real *d_v, real *d_logits) {
    real total = 0, mean = 0;
    int d;
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        total += prior_scale[d] * prior_scale[d];
        mean += prior_scale[d] * prior_scale[d] * d_v[d];
    }
    total = block_sum(total);
    mean = block_sum(mean) / total;
    for (d = threadIdx.x; d < D; d += blockDim.x) d_logits[d] = prior_scale[d] * prior_scale[d] * (d_v[d] - mean);
}

MD_KERNEL logits_grad(int D, const real *prior_scale, const real *d_v, real *d_logits) {
    logits_gradient(D, prior_scale, d_v, d_logits);
}

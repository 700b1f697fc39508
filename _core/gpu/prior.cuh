/* The priors: log p(z) and its gradients, their samples, and a learned variance. */

/* scale_d = sqrt(S D softmax(logits)_d), for every component.   One block. */
MD_KERNEL prior_scale_from_logits(const real *logits, int D, int components, double variance_scale, real *prior_scale) {
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

/* A sample (B, D) of the prior, and dsample/dvariance = e / (2 s), or 0 where it is a spike. */
MD_KERNEL draw_prior_sample(
    const int64_t *state, int prior, int components, const real *prior_loc, const real *prior_scale, const real *edge,
    const real *constants, int B, int D, real *sample, real *sample_slope
) {
    int64_t at = md_me();
    int d = (int)(at % D), m = 0;
    if (at >= (int64_t)B * D) return;
    real noise = prior == STUDENT_T_PRIOR ? student_t_at(state, PRIOR, at, constants[DF]) : normal_at(state, PRIOR, at);
    if (prior == MIXTURE_PRIOR) {
        real u = uniform_at(state, PRIOR_CHOICE, at / D);
        while (m < components - 1 && u >= edge[m]) m++;
    }
    if (prior == SPARSE_PRIOR && uniform_at(state, PRIOR_CHOICE, at) < constants[GAMMA]) {
        sample[at] = constants[SPIKE_SCALE] * noise;
        sample_slope[at] = 0;
        return;
    }
    sample[at] = prior_loc[m * D + d] + prior_scale[m * D + d] * noise;
    sample_slope[at] = noise / (2 * prior_scale[m * D + d]);
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

/* log pi_m + log N(z; m_m, v_m) of component m; by all threads of the block. */
MD_DEVICE real log_component(const real *loc, const real *scale, real log_weight, const real *z, int D) {
    real total = 0;
    int d;
    for (d = threadIdx.x; d < D; d += blockDim.x) total += md_normal_log_density(z[d], loc[d], scale[d]);
    return log_weight + block_sum(total);
}

/* log p = logsumexp_m joint_m;  R_m = e^(joint_m - log p);  d/dz = -sum_m R_m (z - m_m) / v_m,
   d/dv = sum_m R_m ((z - m_m)^2 / v_m - 1) / (2 v_m) */
MD_DEVICE real log_mixture(
    int components, const real *loc, const real *scale, const real *log_weight, const real *z, int D, real *d_z,
    real *d_variance
) {
    real largest = 0, sum = 0, log_p, by_z, by_variance;
    int m, d;
    for (m = 0; m < components; m++) {
        real joint = log_component(loc + m * D, scale + m * D, log_weight[m], z, D);
        real larger = m == 0 ? joint : md_max(largest, joint);
        sum = (m == 0 ? 0 : sum * md_exp(largest - larger)) + md_exp(joint - larger);
        largest = larger;
    }
    log_p = largest + md_log(sum);
    for (d = threadIdx.x; d < D; d += blockDim.x) d_z[d] = d_variance[d] = 0;
    for (m = 0; m < components; m++) {
        real R = md_exp(log_component(loc + m * D, scale + m * D, log_weight[m], z, D) - log_p);
        for (d = threadIdx.x; d < D; d += blockDim.x) {
            md_gaussian_prior(z[d], loc[m * D + d], scale[m * D + d], &by_z, &by_variance);
            d_z[d] += R * by_z;
            d_variance[d] += R * by_variance;
        }
    }
    return log_p;
}

/* log p(z) of one point z (D,), its gradient with respect to z and to each dimension's variance; by all threads. */
MD_DEVICE real log_prior(
    int prior, int components, const real *loc, const real *scale, const real *log_weight, const real *constants,
    const real *z, int D, real *d_z, real *d_variance
) {
    real total = 0;
    int d;
    if (prior == MIXTURE_PRIOR) return log_mixture(components, loc, scale, log_weight, z, D, d_z, d_variance);
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        if (prior == GAUSSIAN_PRIOR)
            total += md_gaussian_prior(z[d], loc[d], scale[d], &d_z[d], &d_variance[d]);
        else if (prior == STUDENT_T_PRIOR)
            total += md_student_t_prior(
                z[d], loc[d], scale[d], constants[DF], constants[LOG_NORMALISER], &d_z[d], &d_variance[d]);
        else
            total += md_sparse_prior(z[d], loc[d], scale[d], constants[LOG_SLAB], constants[LOG_SPIKE],
                                     constants[SPIKE_SCALE], &d_z[d], &d_variance[d]);
    }
    return block_sum(total);
}

/* d_v = sum over the rows of d_variance, plus sum_j d_sample dsample/dv from the sample.   One block per dimension. */
MD_KERNEL prior_variance_grad(
    int64_t rows, int64_t samples, int D, const real *d_variance, const real *d_sample, const real *sample_slope, real *d_v
) {
    int d = blockIdx.x;
    int64_t i;
    real total = 0;
    for (i = threadIdx.x; i < rows; i += blockDim.x) total += d_variance[i * D + d];
    for (i = threadIdx.x; i < samples; i += blockDim.x) total += d_sample[i * D + d] * sample_slope[i * D + d];
    total = block_sum(total);
    if (threadIdx.x == 0) d_v[d] = total;
}

/* d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),  w = v / sum v.   One block. */
MD_KERNEL logits_grad(int D, const real *prior_scale, const real *d_v, real *d_logits) {
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

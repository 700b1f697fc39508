/* The GPU engine's kernels (minidecomp/engines/gpu.py launches them). They share formulas.h with the CPU engine.

   Compiled by NVRTC with MINIDECOMP_REAL set to float or double, or by g++ with tests/support/cuda_on_cpu.h. A block has a
   power of two of threads, 32 to GPU_BLOCK. There are no atomics, and the order of sums depends only on the shapes, so
   the same numbers give the same bits. Sizes: B points in the batch, K posterior samples, D latent dimensions, dx the
   data's width; arrays are C-contiguous, and rows are points. */

#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#endif

#ifdef __CUDACC__
typedef MINIDECOMP_REAL real;
#define MD_INLINE static __device__ __forceinline__
MD_INLINE real md_max(real a, real b) { return a > b ? a : b; }
MD_INLINE real md_sqrt(real x) { return sqrt(x); }
MD_INLINE real md_fabs(real x) { return fabs(x); }
MD_INLINE real md_exp(real x) { return exp(x); }
MD_INLINE real md_expm1(real x) { return expm1(x); }
MD_INLINE real md_log(real x) { return log(x); }
MD_INLINE real md_log1p(real x) { return log1p(x); }
MD_INLINE real md_tanh(real x) { return tanh(x); }
MD_INLINE void md_sincos2pi(real u, real *s, real *c) { sincospi(2 * u, s, c); }
#endif

#include "formulas.h"

#define MD_KERNEL extern "C" __global__ void
#define MD_DEVICE static __device__

/* The step's own numbers stay on the device, so that every step is the same sequence of launches: `state`, `numbers`,
   and `rates`, which Adam's many threads need as real numbers. codes.h has their indices. */

/* This thread's index in the whole grid. */
MD_DEVICE int64_t md_me() { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }

/* sum_t x_t over the block's threads, returned to all of them; every thread must call it. */
template <typename T> MD_DEVICE T block_sum(T x) {
    __shared__ T room[GPU_BLOCK];
    int half, me = threadIdx.x;
    __syncthreads();
    room[me] = x;
    for (half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (me < half) room[me] += room[me + half];
    }
    __syncthreads();
    return room[0];
}

/* max_t x_t; NaN if one is. */
MD_DEVICE real block_max(real x) {
    __shared__ real room[GPU_BLOCK];
    int half, me = threadIdx.x;
    __syncthreads();
    room[me] = x;
    for (half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (me < half && !(room[me] >= room[me + half]) && room[me] == room[me]) room[me] = room[me + half];
    }
    __syncthreads();
    return room[0];
}

/* ---- random numbers ---- */

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

/* ---- the batch ---- */

/* Value i of a point: a number; a byte v for v / 255; or a bit, eight to a byte, the first the highest. */
MD_DEVICE real point_value(const void *data, int kind, int64_t row, int dx, int i) {
    if (kind == REAL_DATA) return ((const real *)data)[row * dx + i];
    if (kind == BYTE_DATA) return ((const uint8_t *)data)[row * dx + i] * (real)(1.0 / 255);
    return (real)(((const uint8_t *)data)[row * (dx / 8) + i / 8] >> (7 - i % 8) & 1);
}

/* x (B, dx): the batch as numbers */
MD_KERNEL gather(const int64_t *state, const int64_t *order, const void *data, int data_kind, int B, int dx, real *x) {
    int64_t at = md_me();
    if (at < (int64_t)B * dx) x[at] = point_value(data, data_kind, order[state[FIRST] + at / dx], dx, (int)(at % dx));
}

/* a_bj = sum of W_ij over the ones i of point b: x W for a batch of bits.   Block (b, columns). */
MD_KERNEL bits_product(
    const int64_t *state, const int64_t *order, const uint8_t *data, int dx, int n, const real *W, real *a
) {
    __shared__ uint32_t words[GPU_BLOCK];
    const uint8_t *bytes = data + order[state[FIRST] + blockIdx.x] * (dx / 8);
    int j = blockIdx.y * blockDim.x + threadIdx.x, first, i, l;
    real sum = 0;
    for (first = 0; first < dx; first += 32 * blockDim.x) {
        uint32_t word = 0;
        for (l = 0; l < 4; l++) {
            i = first / 8 + 4 * (int)threadIdx.x + l;
            word = word << 8 | (i < dx / 8 ? bytes[i] : 0);
        }
        __syncthreads();
        words[threadIdx.x] = word;
        __syncthreads();
        if (j >= n) continue;
        for (l = 0; l < (int)blockDim.x; l++)
            for (word = words[l]; word != 0; word ^= 0x80000000u >> i) {
                i = __clz((int)word);
                sum += W[(int64_t)(first + 32 * l + i) * n + j];
            }
    }
    if (j < n) a[(int64_t)blockIdx.x * n + j] = sum;
}

/* d_W_ij = sum of d_a_bj over the points b with a one at i: x^T d_a for a batch of bits.   Block (i, columns). */
MD_KERNEL bits_product_grad(
    const int64_t *state, const int64_t *order, const uint8_t *data, int B, int dx, int n, const real *d_a, real *d_W
) {
    __shared__ uint8_t ones[GPU_BLOCK];
    __shared__ uint32_t words[GPU_BLOCK / 32];
    int i = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x, me = threadIdx.x, first, b, l;
    real sum = 0;
    for (first = 0; first < B; first += blockDim.x) {
        b = first + me;
        ones[me] = b < B ? data[order[state[FIRST] + b] * (dx / 8) + i / 8] >> (7 - i % 8) & 1 : 0;
        __syncthreads();
        if (me < (int)blockDim.x / 32) {
            uint32_t word = 0;
            for (l = 0; l < 32; l++) word = word << 1 | ones[32 * me + l];
            words[me] = word;
        }
        __syncthreads();
        if (j >= n) continue;
        for (l = 0; l < (int)blockDim.x / 32; l++)
            for (uint32_t word = words[l]; word != 0; word ^= 0x80000000u >> b) {
                b = __clz((int)word);
                sum += d_a[(int64_t)(first + 32 * l + b) * n + j];
            }
    }
    if (j < n) d_W[(int64_t)i * n + j] = sum;
}

/* ---- layers: h = act(a),  a = x W + b ---- */

MD_DEVICE real activate(int activation, real a) {
    switch (activation) {
        case RELU: return md_relu(a);
        case LEAKY_RELU: return md_leaky_relu(a);
        case TANH: return md_tanh(a);
        case SOFTPLUS: return md_softplus(a);
    }
    return a;
}

/* act'(a) from h = act(a) */
MD_DEVICE real activation_slope(int activation, real h) {
    switch (activation) {
        case RELU: return md_relu_slope(h);
        case LEAKY_RELU: return md_leaky_relu_slope(h);
        case TANH: return md_tanh_slope(h);
        case SOFTPLUS: return md_softplus_slope(h);
    }
    return 1;
}

/* h <- act(h + b), where h holds x W at first */
MD_KERNEL bias_activation(int activation, int64_t rows, int n, const real *bias, real *h) {
    int64_t at = md_me();
    if (at < rows * n) h[at] = activate(activation, h[at] + bias[at % n]);
}

/* d_a = d_h act'(a), in place, and d_b = sum over the rows of d_a.   A block has 32 columns, a row for each 32 threads. */
MD_KERNEL activation_grad(int activation, int64_t rows, int n, const real *h, real *d_a, real *d_bias) {
    __shared__ real room[GPU_BLOCK];
    int lane = threadIdx.x / 32, lanes = blockDim.x / 32, j = 32 * blockIdx.x + threadIdx.x % 32, l;
    int64_t row;
    real sum = 0;
    if (j < n)
        for (row = lane; row < rows; row += lanes) {
            real d = d_a[row * n + j];
            if (activation != LINEAR) d_a[row * n + j] = d = d * activation_slope(activation, h[row * n + j]);
            sum += d;
        }
    room[threadIdx.x] = sum;
    __syncthreads();
    if (lane > 0 || j >= n) return;
    for (l = 1; l < lanes; l++) sum += room[32 * l + threadIdx.x];
    d_bias[j] = sum;
}

/* ---- the posterior ---- */

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

/* ---- the prior ---- */

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

/* ---- the KL term ---- */

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

/* ---- the likelihood ---- */

/* log p(x | output + bias); the gradient overwrites the output.   One block per sample, row r = k B + b. */
MD_KERNEL likelihood(
    const int64_t *state, const double *numbers, const int64_t *order, const void *data, int data_kind, int likelihood, int B,
    int dx, double likelihood_scale, const real *bias, real *output, real *log_likelihood
) {
    int r = blockIdx.x, i;
    int64_t row = order[state[FIRST] + r % B];
    real w = (real)(numbers[WEIGHT + LOG_LIKELIHOOD] / gridDim.x), total = 0, by_loc, by_raw;
    output += (int64_t)r * dx * (likelihood == GAUSSIAN ? 2 : 1);
    for (i = threadIdx.x; i < dx; i += blockDim.x) {
        real x = point_value(data, data_kind, row, dx, i), loc = output[i] + bias[i];
        if (likelihood == BERNOULLI)
            total += md_bernoulli(x, loc, &by_loc);
        else if (likelihood == LAPLACE)
            total += md_laplace(x, loc, 1 / (real)likelihood_scale, &by_loc);
        else {
            total += md_gaussian(x, loc, output[dx + i] + bias[dx + i], &by_loc, &by_raw);
            output[dx + i] = w * by_raw;
        }
        output[i] = w * by_loc;
    }
    total = block_sum(total);
    if (threadIdx.x > 0) return;
    if (likelihood == LAPLACE) total -= (real)(dx * log(2 * likelihood_scale));
    log_likelihood[r] = total;
}

/* ---- the regularisers ---- */

/* k(r) and k'(r) = 2 r dk/ds of s = r^2, for points near or far */
MD_DEVICE real mmd_pair(real r, real *slope) {
    real s = r * r, by_s, k = s < (real)MMD_FAR_FLOAT ? md_mmd_kernel(s, &by_s) : md_mmd_kernel_far(s, &by_s);
    *slope = 2 * r * by_s;
    return k;
}

/* MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j), the mean over K of y = z_k
   d/dy_i = 2/(B (B-1)) sum_j k'(y_i - y_j) - 2/B^2 sum_j k'(y_i - x_j), added to d_z; d/dx_i similarly, if asked for.
   One thread per point i of dimension blockIdx.y; value: a part for each block. */
MD_KERNEL mmd(
    const double *numbers, int K, int B, int D, const real *sample, const real *z, int with_sample_grad, real *d_z, real *d_sample,
    real *regulariser
) {
    __shared__ real xs[GPU_BLOCK], ys[GPU_BLOCK];
    int i = blockIdx.x * blockDim.x + threadIdx.x, d = blockIdx.y, k, first, j, n;
    real w = (real)numbers[WEIGHT + REGULARISER], within = 2 / ((real)B * (B - 1)), across = 2 / ((real)B * B);
    real xi = i < B ? sample[(int64_t)i * D + d] : 0, by_x = 0, slope;
    real k0 = mmd_pair(0, &slope), total = 0;
    for (k = 0; k < K; k++) {
        const real *y = z + (int64_t)k * B * D;
        real yi = i < B ? y[(int64_t)i * D + d] : 0, sum_xx = 0, sum_yy = 0, sum_xy = 0, by_xx = 0, by_yy = 0, by_xy = 0, by_yx = 0;
        for (first = 0; first < B; first += blockDim.x) {
            /* Summing parts of a block's length keeps the rounding error of a long sum small. */
            real part_xx = 0, part_yy = 0, part_xy = 0, part_by_xx = 0, part_by_yy = 0, part_by_xy = 0, part_by_yx = 0;
            j = first + threadIdx.x;
            __syncthreads();
            xs[threadIdx.x] = j < B ? sample[(int64_t)j * D + d] : 0;
            ys[threadIdx.x] = j < B ? y[(int64_t)j * D + d] : 0;
            __syncthreads();
            n = B - first < (int)blockDim.x ? B - first : (int)blockDim.x;
            for (j = 0; j < n; j++) {
                part_yy += mmd_pair(yi - ys[j], &slope);
                part_by_yy += slope;
                part_xy += mmd_pair(yi - xs[j], &slope);
                part_by_yx += slope;
                if (k == 0) {
                    part_xx += mmd_pair(xi - xs[j], &slope);
                    part_by_xx += slope;
                }
                if (with_sample_grad) {
                    mmd_pair(xi - ys[j], &slope);
                    part_by_xy += slope;
                }
            }
            sum_xx += part_xx, sum_yy += part_yy, sum_xy += part_xy;
            by_xx += part_by_xx, by_yy += part_by_yy, by_xy += part_by_xy, by_yx += part_by_yx;
        }
        total += within / 2 * (sum_yy - k0) / K - across * sum_xy / K;
        if (k == 0) total += within / 2 * (sum_xx - k0);
        by_x += (k == 0 ? within * by_xx : 0) - across * by_xy / K;
        if (i < B) d_z[((int64_t)k * B + i) * D + d] += w / K * (within * by_yy - across * by_yx);
    }
    if (i < B && with_sample_grad) d_sample[(int64_t)i * D + d] = w * by_x;
    total = block_sum(i < B ? total : 0);
    if (threadIdx.x == 0) regulariser[blockIdx.y * gridDim.x + blockIdx.x] = total;
}

/* log p(z_j) of the prior's sample and, for KL(p || q), the gradients w/J d log p(z_j).   One block per sample. */
MD_KERNEL log_prior_of_sample(
    const double *numbers, int prior, int components, const real *prior_loc, const real *prior_scale,
    const real *log_weight, const real *constants, int D, const real *sample, real *d_sample, real *d_variance, real *regulariser
) {
    int64_t row = (int64_t)blockIdx.x * D;
    real w = (real)(numbers[WEIGHT + REGULARISER] / gridDim.x);
    int d;
    real total = log_prior(prior, components, prior_loc, prior_scale, log_weight, constants, sample + row, D, d_sample + row, d_variance + row);
    for (d = threadIdx.x; d < D; d += blockDim.x) {
        d_sample[row + d] *= w;
        d_variance[row + d] *= w;
    }
    if (threadIdx.x == 0) regulariser[blockIdx.x] = total;
}

/* W_ji = softmax_i log q(z_j | x_i) / J, and value_j = log p(z_j) - logsumexp_i log q(z_j | x_i) + log B, where it
   holds log p(z_j) before.   One block for each of the samples first, first + 1, ...; W holds only these rows. */
MD_KERNEL posterior_weights(
    int first, int J, int B, int D, const real *sample, const real *loc, const real *scale, const real *log_scale, real *W, real *regulariser
) {
    const real *z = sample + (int64_t)(first + blockIdx.x) * D;
    int i, d;
    real largest = -(real)1e30, total = 0, log_sum;
    W += (int64_t)blockIdx.x * B;
    for (i = threadIdx.x; i < B; i += blockDim.x) {
        real squares = 0;
        for (d = 0; d < D; d++) {
            real r = (z[d] - loc[(int64_t)i * D + d]) / scale[(int64_t)i * D + d];
            squares += r * r;
        }
        W[i] = (real)-0.5 * squares - log_scale[i];
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

/* ---- the end of a step ---- */

/* The values, as means of their parts.   One block. */
MD_DEVICE double block_total(const real *part, int64_t count) {
    double total = 0;
    int64_t i;
    for (i = threadIdx.x; i < count; i += blockDim.x) total += part[i];
    return block_sum(total);
}

MD_KERNEL add_up(
    double *numbers, int64_t likelihood_rows, int64_t kl_rows, int64_t regulariser_parts, double regulariser_factor,
    const real *log_likelihood, const real *kl, const real *regulariser
) {
    double a = block_total(log_likelihood, likelihood_rows), b = block_total(kl, kl_rows);
    double c = block_total(regulariser, regulariser_parts);
    if (threadIdx.x > 0) return;
    numbers[VALUE + LOG_LIKELIHOOD] = a / likelihood_rows;
    numbers[VALUE + KL] = b / kl_rows;
    numbers[VALUE + REGULARISER] = c * regulariser_factor;
}

/* Notes an entry of the gradient that is NaN, or whose square would not be finite in Adam. */
MD_KERNEL look_at_gradient(int64_t size, const real *gradient, int64_t *state) {
    const real limit = (real)(sizeof(real) == 4 ? LARGEST_GRADIENT_FLOAT : LARGEST_GRADIENT_DOUBLE);
    int64_t i = md_me();
    if (i < size && !(md_fabs(gradient[i]) < limit)) state[BAD] = 1;
}

/* Counts the step, or notes which term was not finite; this step and later ones then change nothing.   One thread. */
MD_KERNEL finish(int64_t *state, double *numbers, int B, real *rates) {
    int term, fault = state[BAD] ? GRADIENT : -1;
    double t;
    if (state[FAULT] >= 0) return;
    for (term = REGULARISER; term >= LOG_LIKELIHOOD; term--)
        if (numbers[VALUE + term] - numbers[VALUE + term] != 0) fault = term;
    state[FAULT] = fault;
    if (fault >= 0) return;
    for (term = LOG_LIKELIHOOD; term <= REGULARISER; term++) numbers[TOTAL + term] += numbers[VALUE + term] * B;
    numbers[TOTAL + GRADIENT] += B;
    state[FIRST] += B;
    state[DONE] += 1;
    t = (double)(state[STEP] += 1);
    /* lr / (1 - b1^t),  1 / sqrt(1 - b2^t) */
    rates[RATE] = (real)(numbers[LR] / (1 - pow(numbers[BETA1], t)));
    rates[ROOT] = (real)(1 / sqrt(1 - pow(numbers[BETA2], t)));
    rates[REST1] = (real)(1 - numbers[BETA1]);
    rates[REST2] = (real)(1 - numbers[BETA2]);
    rates[TINY] = (real)numbers[EPS];
}

/* Adam's step up the gradient; without AMSGrad v_max is v itself. */
MD_KERNEL adam(
    const int64_t *state, const real *rates, int64_t size, const real *gradient, real *vector, real *m, real *v, real *v_max
) {
    int64_t i = md_me();
    if (i >= size || state[FAULT] >= 0) return;
    vector[i] -= md_adam(
        -gradient[i], &m[i], &v[i], &v_max[i], rates[REST1], rates[REST2], rates[RATE], rates[ROOT], rates[TINY]);
}

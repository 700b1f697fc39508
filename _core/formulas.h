/* The scalar formulas of every term, value and derivative side by side, shared by the CPU engine and the GPU's kernels.

   The textbook (minidecomp/terms/) derives them; the names are the same. `real` is float or double. None branches on
   data, so that the loops that call them vectorise. */
#ifndef MD_FORMULAS_H
#define MD_FORMULAS_H

#include "codes.h"

#ifndef __CUDACC__
#include "simd.h"
#endif

#define MD_LOG_2PI ((real)LOG_2PI)
#define MD_MIN_SCALE ((real)MIN_SCALE)
#define MD_LEAKY_SLOPE ((real)LEAKY_SLOPE)

/* ---- random numbers: Philox 4x32-10 of the counter (block, step low, step high, purpose) under the key seed ---- */

MD_INLINE void md_philox(uint32_t c0, uint64_t step, uint32_t c3, uint64_t seed, uint32_t w[4]) {
    uint32_t c1 = (uint32_t)step, c2 = (uint32_t)(step >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    int round;
    for (round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    w[0] = c0, w[1] = c1, w[2] = c2, w[3] = c3;
}

/* u = (floor(w / 2^9) + 1/2) / 2^23, exact in float */
MD_INLINE real md_open_unit(uint32_t w) { return ((real)(int32_t)(w >> 9) + (real)0.5) * (real)1.1920928955078125e-7; }

/* z0, z1 = sqrt(-2 log u0) (cos, sin)(2 pi u1)   (Box, Muller) */
MD_INLINE void md_normal_pair(uint32_t w0, uint32_t w1, real *z0, real *z1) {
    real radius = md_sqrt(-2 * md_log(md_open_unit(w0))), s, c;
    md_sincos2pi(md_open_unit(w1), &s, &c);
    *z0 = radius * c;
    *z1 = radius * s;
}

/* t = sqrt(nu (u0^(-2/nu) - 1)) cos(2 pi u1)   (Bailey) */
MD_INLINE real md_student_t(uint32_t w0, uint32_t w1, real df) {
    real s, c;
    md_sincos2pi(md_open_unit(w1), &s, &c);
    return md_sqrt(df * md_expm1(-2 / df * md_log(md_open_unit(w0)))) * c;
}

/* ---- activations and links ---- */

/* softplus(x) = max(x, 0) + log(1 + e),  sigmoid(x) = (x >= 0 ? 1 : e) / (1 + e),  e = exp(-|x|) */
MD_INLINE real md_softplus_sigmoid(real x, real *sigmoid) {
    real e = md_exp(-md_fabs(x));
    *sigmoid = (x >= 0 ? 1 : e) / (1 + e);
    return md_max(x, 0) + md_log1p(e);
}

MD_INLINE real md_softplus(real x) { return md_max(x, 0) + md_log1p(md_exp(-md_fabs(x))); }

/* act(a) */
MD_INLINE real md_relu(real a) { return a < 0 ? 0 : a; }
MD_INLINE real md_leaky_relu(real a) { return a > 0 ? a : MD_LEAKY_SLOPE * a; }

/* act'(a) from h = act(a) */
MD_INLINE real md_relu_slope(real h) { return h > 0 ? 1 : 0; }
MD_INLINE real md_leaky_relu_slope(real h) { return h > 0 ? 1 : MD_LEAKY_SLOPE; }
MD_INLINE real md_tanh_slope(real h) { return 1 - h * h; }
MD_INLINE real md_softplus_slope(real h) { return -md_expm1(-h); }

/* s = e^(a/2) + 1e-6,  ds/da = e^(a/2) / 2;      s = softplus(a) + 1e-6,  ds/da = sigmoid(a) */
MD_INLINE real md_exp_link(real raw, real *slope) {
    real e = md_exp((real)0.5 * raw);
    *slope = (real)0.5 * e;
    return e + MD_MIN_SCALE;
}

MD_INLINE real md_softplus_link(real raw, real *slope) { return md_softplus_sigmoid(raw, slope) + MD_MIN_SCALE; }

/* ---- likelihoods: log p(x | output), and its derivative with respect to the output ---- */

/* log p = x o - softplus(o),  d/do = x - sigmoid(o) */
MD_INLINE real md_bernoulli(real x, real logit, real *d_logit) {
    real sigmoid, softplus = md_softplus_sigmoid(logit, &sigmoid);
    *d_logit = x - sigmoid;
    return x * logit - softplus;
}

/* log p = -((x - m) / s)^2 / 2 - log s - log(2 pi) / 2,  s = softplus(r) + 1e-6
   d/dm = (x - m) / s^2,  d/dr = ((x - m)^2 / s^2 - 1) / s sigmoid(r) */
MD_INLINE real md_gaussian(real x, real loc, real raw, real *d_loc, real *d_raw) {
    real slope, scale = md_softplus_link(raw, &slope), residual = (x - loc) / scale;
    *d_loc = residual / scale;
    *d_raw = (residual * residual - 1) / scale * slope;
    return (real)-0.5 * residual * residual - md_log(scale) - (real)0.5 * MD_LOG_2PI;
}

/* log p = -|x - m| / b - log(2 b),  d/dm = sign(x - m) / b;  the constant log(2 b) is left to the caller */
MD_INLINE real md_laplace(real x, real loc, real inverse_scale, real *d_loc) {
    real residual = x - loc;
    *d_loc = residual > 0 ? inverse_scale : (residual < 0 ? -inverse_scale : 0 * residual);
    return -md_fabs(residual) * inverse_scale;
}

/* ---- log N(z; m, s^2) = -((z - m) / s)^2 / 2 - log s - log(2 pi) / 2 ---- */

MD_INLINE real md_normal_log_density(real z, real loc, real scale) {
    real residual = (z - loc) / scale;
    return (real)-0.5 * residual * residual - md_log(scale) - (real)0.5 * MD_LOG_2PI;
}

/* ---- priors: log p(z) of one dimension, and its derivatives with respect to z and the variance v = scale^2 ---- */

/* d/dz = -(z - m) / v,  d/dv = ((z - m)^2 / v - 1) / (2 v) */
MD_INLINE real md_gaussian_prior(real z, real loc, real scale, real *d_z, real *d_variance) {
    real residual = (z - loc) / scale;
    *d_z = -residual / scale;
    *d_variance = (real)0.5 * (residual * residual - 1) / (scale * scale);
    return (real)-0.5 * residual * residual - md_log(scale) - (real)0.5 * MD_LOG_2PI;
}

/* log p = c - log s - (nu + 1) / 2 log(1 + t^2 / nu),  t = (z - m) / s,  c = log_normaliser
   d/dz = -(nu + 1) t / (nu + t^2) / s,  d/dv = ((nu + 1) t^2 / (nu + t^2) - 1) / (2 v) */
MD_INLINE real md_student_t_prior(real z, real loc, real scale, real df, real log_normaliser, real *d_z, real *d_variance) {
    real t = (z - loc) / scale, pull = (df + 1) * t / (df + t * t);
    *d_z = -pull / scale;
    *d_variance = (real)0.5 * (pull * t - 1) / (scale * scale);
    return log_normaliser - md_log(scale) - (real)0.5 * (df + 1) * md_log1p(t * t / df);
}

/* log p = log(e^slab + e^spike),  slab = log(1 - gamma) + log N(z; m, v),  spike = log gamma + log N(z; 0, a^2)
   rho = e^spike / (e^slab + e^spike):   d/dz = -rho z / a^2 - (1 - rho) (z - m) / v,  d/dv: a Gaussian's times 1 - rho.
   log(1 - gamma) or log gamma may be -inf, but not both; |slab - spike| is then inf, and its exp(-) is 0. */
MD_INLINE real md_sparse_prior(
    real z, real loc, real scale, real log_slab, real log_spike, real spike_scale, real *d_z, real *d_variance
) {
    real spike_d_z, spike_d_variance, slab_d_z, slab_d_variance;
    real slab = log_slab + md_gaussian_prior(z, loc, scale, &slab_d_z, &slab_d_variance);
    real spike = log_spike + md_gaussian_prior(z, 0, spike_scale, &spike_d_z, &spike_d_variance);
    real e = md_exp(-md_fabs(slab - spike)), larger = 1 / (1 + e), smaller = e * larger;
    real rho = spike > slab ? larger : smaller, rest = spike > slab ? smaller : larger;
    *d_z = rho * spike_d_z + rest * slab_d_z;
    *d_variance = rest * slab_d_variance;
    return md_max(slab, spike) + md_log1p(e);
}

/* ---- KL(N(mu, s^2) || N(m, v)) of one dimension, and its derivatives ---- */

/* KL = log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2
   d/dmu = (mu - m) / v,  d/ds = s / v - 1 / s,  d/dv = (1 - (s^2 + (mu - m)^2) / v) / (2 v) */
MD_INLINE real md_gaussian_kl(
    real loc, real scale, real prior_loc, real prior_scale, real *d_loc, real *d_scale, real *d_variance
) {
    real inverse = 1 / prior_scale, r = (loc - prior_loc) * inverse, s = scale * inverse;
    *d_loc = r * inverse;
    *d_scale = s * inverse - 1 / scale;
    *d_variance = (real)0.5 * (1 - s * s - r * r) * inverse * inverse;
    return (real)0.5 * (s * s + r * r - 1) - md_log(s);
}

/* ---- the MMD's kernel: sum_c c / (c + s) for s = r^2, c = .2, .4, 1, 2, 4, 10 ---- */

/* The six fractions as one, P(s) / Q(s) with Q = prod_c (c + s): one division instead of six. s^6 must be finite. */
MD_INLINE real md_mmd_kernel(real s, real *d_s) {
    real q = (((((s + (real)17.6) * s + (real)94.28) * s + (real)199.76) * s + (real)175.52) * s + (real)59.84) * s + (real)6.4;
    real p = (((((real)17.6 * s + (real)188.56) * s + (real)599.28) * s + (real)702.08) * s + (real)299.2) * s + (real)38.4;
    real dq = (((((real)6 * s + (real)88) * s + (real)377.12) * s + (real)599.28) * s + (real)351.04) * s + (real)59.84;
    real dp = ((((real)88 * s + (real)754.24) * s + (real)1797.84) * s + (real)1404.16) * s + (real)299.2;
    real inverse = 1 / q, k = p * inverse;
    *d_s = (dp - k * dq) * inverse;
    return k;
}

/* The same, term by term, for points so far apart that s^6 overflows: d/ds = -sum_c c / (c + s)^2 */
MD_INLINE real md_mmd_kernel_far(real s, real *d_s) {
    real k = 0, fall = 0, inverse;
#define MD_FAR_TERM(c) inverse = 1 / ((real)c + s), fall += (real)c * inverse * inverse, k += (real)c * inverse;
    MD_KERNEL_SCALES(MD_FAR_TERM)
#undef MD_FAR_TERM
    *d_s = -fall;
    return k;
}

/* ---- Adam: m, v and, with AMSGrad, v_max are updated; returns the step to subtract ---- */

/* m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,  v_max <- max(v_max, v);  rate m / (sqrt(v_max) root + eps) */
MD_INLINE real md_adam(
    real g, real *m, real *v, real *v_max, real rest1, real rest2, real rate, real root, real eps
) {
    *m += rest1 * (g - *m);
    *v += rest2 * (g * g - *v);
    *v_max = md_max(*v_max, *v);
    return rate * *m / (md_sqrt(*v_max) * root + eps);
}

#endif

/* The pairs of KL(p || q): samples z_j of the prior against the posteriors i of a batch, one dimension at a time. */
#ifndef MD_POSTERIORS_H
#define MD_POSTERIORS_H

#include "gemm.h"

#define MD_SAMPLES 16 /* samples whose weights, 16 x B of them, are in memory at the same time */

/* out_i = c_i - sum_d ((z_d - mu_id) / s_id)^2 / 2 for `vectors` vectors of posteriors of D dimensions, n apart. */
MD_INLINE void md_log_vectors(const int vectors, const real *z, int64_t D, int64_t n, const real *loc,
                              const real *inverse, const real *constant, real *out) {
    md_vector sum[4];
    int64_t d;
    int v;
    MD_UNROLL for (v = 0; v < vectors; v++) sum[v] = MD_ZERO;
    for (d = 0; d < D; d++) {
        MD_UNROLL for (v = 0; v < vectors; v++) {
            md_vector r = MD_TIMES(MD_MINUS(MD_ALL(z[d]), MD_LOAD(loc + d * n + v * MD_LANES)),
                                   MD_LOAD(inverse + d * n + v * MD_LANES));
            MD_ADD_PRODUCT(sum[v], r, r);
        }
    }
    MD_UNROLL for (v = 0; v < vectors; v++)
        MD_STORE(out + v * MD_LANES,
                 MD_MINUS(MD_LOAD(constant + v * MD_LANES), MD_SCALED((real)0.5, sum[v])));
}

/* out_i = log q(z | x_i) for the n posteriors: loc (D, n), inverse (D, n) and constant (n,). */
MD_CLONES static MD_UNUSED void md_log_posteriors(const real *z, int64_t D, int64_t n, const real *loc,
                                                  const real *inverse, const real *constant, real *out) {
    int64_t i = 0, d;
    for (; i + 4 * MD_LANES <= n; i += 4 * MD_LANES)
        md_log_vectors(4, z, D, n, loc + i, inverse + i, constant + i, out + i);
    for (; i + MD_LANES <= n; i += MD_LANES)
        md_log_vectors(1, z, D, n, loc + i, inverse + i, constant + i, out + i);
    for (; i < n; i++) {
        real sum = 0;
        for (d = 0; d < D; d++) {
            real r = (z[d] - loc[d * n + i]) * inverse[d * n + i];
            sum += r * r;
        }
        out[i] = constant[i] - (real)0.5 * sum;
    }
}

/* With r = (z_j - mu_i) / s_i, for `vectors` vectors of posteriors and all the samples:
   d_mu_i -= sum_j w_ji r / s_i,  d_s_i -= sum_j w_ji (r^2 - 1) / s_i.  The sums stay in registers over j. */
MD_INLINE void md_posterior_vectors(const int vectors, int64_t samples, const real *z, const real *weight,
                                    int64_t stride, const real *loc, const real *inverse, real *d_loc, real *d_scale) {
    md_vector pull[4], stretch[4], mu[4], over[4];
    int64_t j;
    int v;
    MD_UNROLL for (v = 0; v < vectors; v++) {
        pull[v] = stretch[v] = MD_ZERO;
        mu[v] = MD_LOAD(loc + v * MD_LANES);
        over[v] = MD_LOAD(inverse + v * MD_LANES);
    }
    for (j = 0; j < samples; j++) {
        MD_UNROLL for (v = 0; v < vectors; v++) {
            md_vector w = MD_LOAD(weight + j * stride + v * MD_LANES);
            md_vector r = MD_TIMES(MD_MINUS(MD_ALL(z[j]), mu[v]), over[v]);
            MD_ADD_PRODUCT(pull[v], w, r);
            MD_ADD_PRODUCT(stretch[v], w, MD_MINUS(MD_TIMES(r, r), MD_ALL((real)1)));
        }
    }
    MD_UNROLL for (v = 0; v < vectors; v++) {
        MD_STORE(d_loc + v * MD_LANES, MD_MINUS(MD_LOAD(d_loc + v * MD_LANES), MD_TIMES(pull[v], over[v])));
        MD_STORE(d_scale + v * MD_LANES, MD_MINUS(MD_LOAD(d_scale + v * MD_LANES), MD_TIMES(stretch[v], over[v])));
    }
}

/* The same for n posteriors; weight (samples, stride). */
MD_CLONES static MD_UNUSED void md_posterior_grads(int64_t samples, const real *z, const real *weight, int64_t stride,
                                                   int64_t n, const real *loc, const real *inverse, real *d_loc,
                                                   real *d_scale) {
    int64_t i = 0, j;
    for (; i + 4 * MD_LANES <= n; i += 4 * MD_LANES)
        md_posterior_vectors(4, samples, z, weight + i, stride, loc + i, inverse + i, d_loc + i, d_scale + i);
    for (; i + MD_LANES <= n; i += MD_LANES)
        md_posterior_vectors(1, samples, z, weight + i, stride, loc + i, inverse + i, d_loc + i, d_scale + i);
    for (; i < n; i++) {
        real pull = 0, stretch = 0;
        for (j = 0; j < samples; j++) {
            real r = (z[j] - loc[i]) * inverse[i];
            pull += weight[j * stride + i] * r;
            stretch += weight[j * stride + i] * (r * r - 1);
        }
        d_loc[i] -= pull * inverse[i];
        d_scale[i] -= stretch * inverse[i];
    }
}

#endif

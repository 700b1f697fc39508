/* Products of narrow networks, a lane a row: the values of a unit at the rows of a block lie side by side, (units, rows),
   so that a vector holds one unit at MD_LANES rows. The weights are broadcast, and no width is too small for a vector.
   `rows` is a multiple of MD_NARROW_STEP; the rows that fill up a block have gradients of 0. */
#ifndef MD_NARROW_H
#define MD_NARROW_H

#include "gemm.h"

#define MD_NARROW_STEP 8 /* a multiple of MD_LANES everywhere */
#define MD_UNITS 4       /* 4 units of 3 vectors, 3 inputs and a weight fill AVX2's 16 registers */
#define MD_VECTORS 3

#if defined(__GNUC__)
#define MD_WHERE(mask, v) ((md_vector)((mask) & (md_mask)(v)))
#define MD_RELU(v) MD_WHERE(~((v) < MD_ZERO), v)
#define MD_GATED(v, h) MD_WHERE((h) > MD_ZERO, v)
#else
MD_INLINE md_vector md_relu_vector(md_vector v) {
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] = v.lane[i] < 0 ? 0 : v.lane[i];
    return v;
}
MD_INLINE md_vector md_gated(md_vector v, md_vector h) {
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] = h.lane[i] > 0 ? v.lane[i] : 0;
    return v;
}
#define MD_RELU(v) md_relu_vector(v)
#define MD_GATED(v, h) md_gated(v, h)
#endif

/* A product to compute: out[u] = b[u] + sum_i w[u, i] in[i], where w[u, i] is at w[u * w_unit + i * w_in].
   bias NULL: b is 0.  relu: negative results become 0.  gate (as out) not NULL: results are 0 where it is not above 0. */
typedef struct {
    int64_t rows, n_in, n_out, w_unit, w_in;
    const real *w, *in, *bias, *gate;
    int relu;
    real *out;
} md_narrow;

/* Units u .. u + units - 1 at `vectors` vectors from row r on; both numbers are constants at the call. */
MD_INLINE void md_narrow_tile(const int units, const int vectors, const md_narrow *p, int64_t u, int64_t r) {
    const real *w = p->w + u * p->w_unit, *in = p->in + r;
    const int64_t at = u * p->rows + r;
    md_vector sum[MD_UNITS][MD_VECTORS];
    int64_t i;
    int j, v;
    MD_UNROLL for (j = 0; j < units; j++)
        MD_UNROLL for (v = 0; v < vectors; v++) sum[j][v] = MD_ALL(p->bias ? p->bias[u + j] : 0);
    for (i = 0; i < p->n_in; i++) {
        md_vector x[MD_VECTORS];
        MD_UNROLL for (v = 0; v < vectors; v++) x[v] = MD_LOAD(in + i * p->rows + v * MD_LANES);
        MD_UNROLL for (j = 0; j < units; j++)
            MD_UNROLL for (v = 0; v < vectors; v++) MD_ADD_SCALED(sum[j][v], w[j * p->w_unit + i * p->w_in], x[v]);
    }
    if (p->relu) {
        MD_UNROLL for (j = 0; j < units; j++)
            MD_UNROLL for (v = 0; v < vectors; v++) sum[j][v] = MD_RELU(sum[j][v]);
    }
    if (p->gate) {
        MD_UNROLL for (j = 0; j < units; j++)
            MD_UNROLL for (v = 0; v < vectors; v++)
                sum[j][v] = MD_GATED(sum[j][v], MD_LOAD(p->gate + at + j * p->rows + v * MD_LANES));
    }
    MD_UNROLL for (j = 0; j < units; j++)
        MD_UNROLL for (v = 0; v < vectors; v++) MD_STORE(p->out + at + j * p->rows + v * MD_LANES, sum[j][v]);
}

MD_INLINE void md_narrow_units(const int vectors, const md_narrow *p, int64_t r) {
    int64_t u = 0;
    for (; u + MD_UNITS <= p->n_out; u += MD_UNITS) md_narrow_tile(MD_UNITS, vectors, p, u, r);
    for (; u + 2 <= p->n_out; u += 2) md_narrow_tile(2, vectors, p, u, r);
    for (; u < p->n_out; u++) md_narrow_tile(1, vectors, p, u, r);
}

MD_CLONES static MD_UNUSED void md_narrow_product(const md_narrow *p) {
    int64_t vectors = p->rows / MD_LANES, parts = (vectors + MD_VECTORS - 1) / MD_VECTORS, part;
    for (part = 0; part < parts; part++) {
        int64_t first = vectors * part / parts, n = vectors * (part + 1) / parts - first;
        if (n == 3)
            md_narrow_units(3, p, first * MD_LANES);
        else if (n == 2)
            md_narrow_units(2, p, first * MD_LANES);
        else
            md_narrow_units(1, p, first * MD_LANES);
    }
}

#if defined(__has_builtin) && defined(MINIDECOMP_FLOAT) && MD_VECTOR_BYTES == 32
#if __has_builtin(__builtin_shufflevector)
#define MD_SHUFFLES
typedef real md_half __attribute__((vector_size(MD_VECTOR_BYTES / 2), aligned(sizeof(real)), may_alias));
#endif
#endif

/* out[k] += the sum of the lanes of v[k] */
MD_INLINE void md_add_sums(const int n, const md_vector *v, real *out) {
    int k;
#ifdef MD_SHUFFLES
    if (n == 4) {
        md_vector a = __builtin_shufflevector(v[0], v[1], 0, 8, 2, 10, 4, 12, 6, 14) +
                      __builtin_shufflevector(v[0], v[1], 1, 9, 3, 11, 5, 13, 7, 15);
        md_vector b = __builtin_shufflevector(v[2], v[3], 0, 8, 2, 10, 4, 12, 6, 14) +
                      __builtin_shufflevector(v[2], v[3], 1, 9, 3, 11, 5, 13, 7, 15);
        md_vector c = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
                      __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
        *(md_half *)out += __builtin_shufflevector(c, c, 0, 1, 2, 3) + __builtin_shufflevector(c, c, 4, 5, 6, 7);
        return;
    }
#endif
    for (k = 0; k < n; k++) {
        real lane[MD_VECTOR_BYTES / sizeof(real)], sum = 0;
        int i;
        MD_STORE(lane, v[k]);
        for (i = 0; i < MD_LANES; i++) sum += lane[i];
        out[k] += sum;
    }
}

/* to[i][k] += sum_r in[i][r] d_out[k, r] for three inputs i and `outputs` outputs k, a constant at the call. */
MD_INLINE void md_narrow_gradients(const int outputs, int64_t rows, const real *const in[3], const real *d_out,
                                   real *const to[3]) {
    md_vector sum[3][MD_UNITS];
    int64_t r;
    int i, k;
    MD_UNROLL for (i = 0; i < 3; i++)
        MD_UNROLL for (k = 0; k < outputs; k++) sum[i][k] = MD_ZERO;
    for (r = 0; r < rows; r += MD_LANES) {
        md_vector x[3];
        MD_UNROLL for (i = 0; i < 3; i++) x[i] = MD_LOAD(in[i] + r);
        MD_UNROLL for (k = 0; k < outputs; k++) {
            md_vector d = MD_LOAD(d_out + k * rows + r);
            MD_UNROLL for (i = 0; i < 3; i++) MD_ADD_PRODUCT(sum[i][k], x[i], d);
        }
    }
    MD_UNROLL for (i = 0; i < 3; i++) md_add_sums(outputs, sum[i], to[i]);
}

/* d_W[i, k] += sum_r in[i, r] d_out[k, r]  and  d_b[k] += sum_r d_out[k, r]: to the inputs belongs one that is 1. */
MD_CLONES static MD_UNUSED void md_narrow_weights(int64_t rows, int64_t n_in, int64_t n_out, const real *in,
                                                  const real *ones, const real *d_out, real *d_W, real *d_b) {
    real nobody[MD_UNITS];
    int64_t i, k;
    int j;
    for (j = 0; j < MD_UNITS; j++) nobody[j] = 0;
    for (k = 0; k < n_out; k += k + MD_UNITS <= n_out ? MD_UNITS : 1) {
        for (i = 0; i <= n_in; i += 3) {
            const real *x[3];
            real *to[3];
            for (j = 0; j < 3; j++) {
                x[j] = i + j < n_in ? in + (i + j) * rows : ones;
                to[j] = i + j < n_in ? d_W + (i + j) * n_out + k : i + j == n_in ? d_b + k : nobody;
            }
            if (k + MD_UNITS <= n_out)
                md_narrow_gradients(MD_UNITS, rows, x, d_out + k * rows, to);
            else
                md_narrow_gradients(1, rows, x, d_out + k * rows, to);
        }
    }
}

#endif

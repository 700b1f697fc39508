/* Sums of chosen rows of a matrix: a product with a matrix of zeros and a few ones. */
#ifndef MD_ROWS_H
#define MD_ROWS_H

#include "gemm.h"

/* out[v] = sum_i table[rows[i] * stride + v lanes ..] for `vectors` vectors, a constant at the call: they stay in
   registers over all rows. */
MD_INLINE void md_sum_vectors(const int vectors, const real *table, int64_t stride, const int32_t *rows, int64_t count,
                              real *out) {
    md_vector sum[8];
    int64_t i;
    int v;
    MD_UNROLL for (v = 0; v < vectors; v++) sum[v] = MD_ZERO;
    for (i = 0; i < count; i++) {
        const real *row = table + rows[i] * stride;
        MD_UNROLL for (v = 0; v < vectors; v++) {
            md_vector w = MD_LOAD(row + v * MD_LANES);
            MD_ADD_SCALED(sum[v], (real)1, w);
        }
    }
    MD_UNROLL for (v = 0; v < vectors; v++) MD_STORE(out + v * MD_LANES, sum[v]);
}

/* out[j] = sum_i table[rows[i] * stride + j] for j < columns. */
MD_CLONES static MD_UNUSED void md_sum_of_rows(const real *table, int64_t stride, const int32_t *rows, int64_t count,
                                               int64_t columns, real *out) {
    int64_t i, j = 0;
    for (; j + 8 * MD_LANES <= columns; j += 8 * MD_LANES)
        md_sum_vectors(8, table + j, stride, rows, count, out + j);
    for (; j + 2 * MD_LANES <= columns; j += 2 * MD_LANES)
        md_sum_vectors(2, table + j, stride, rows, count, out + j);
    for (; j < columns; j++) {
        real total = 0;
        for (i = 0; i < count; i++) total += table[rows[i] * stride + j];
        out[j] = total;
    }
}

#endif

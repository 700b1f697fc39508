/* Matrix products: our own kernels for small ones and for batches of up to 256 rows, a BLAS for other large ones.

   Everything is row-major. The kernel for a product, and how it is cut into tasks, depend only on its shape, so the
   result is identical with any number of threads. */
#ifndef MD_GEMM_H
#define MD_GEMM_H

#include <stdint.h>
#include <string.h>

#include "real.h"
#include "simd.h"

/* gcc splits vectors wider than the machine's through memory, so 32 bytes are used only if clones or flags give AVX. */
#if defined(__AVX__) || (defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && \
                         !defined(MINIDECOMP_NO_CLONES) && defined(__GNUC__) && __GNUC__ >= 12)
#define MD_VECTOR_BYTES 32
#else
#define MD_VECTOR_BYTES 16
#endif
#define MD_LANES ((int64_t)(MD_VECTOR_BYTES / sizeof(real)))

#if defined(__GNUC__)
/* Unaligned, and allowed to alias arrays of real. */
typedef real md_vector __attribute__((vector_size(MD_VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#define MD_LOAD(p) (*(const md_vector *)(p))
#define MD_ZERO ((md_vector){0})
#define MD_STORE(p, v) (*(md_vector *)(p) = (v))
#define MD_ADD_PRODUCT(v, w, u) ((v) += (w) * (u))
#define MD_ADD_SCALED(v, s, w) ((v) += (s) * (w))
#define MD_MINUS(v, w) ((v) - (w))
#define MD_TIMES(v, w) ((v) * (w))
#define MD_SCALED(s, w) ((s) * (w))
#define MD_ALL(s) ((s) + MD_ZERO)
#ifdef MINIDECOMP_FLOAT
typedef int32_t md_mask __attribute__((vector_size(MD_VECTOR_BYTES)));
#else
typedef int64_t md_mask __attribute__((vector_size(MD_VECTOR_BYTES)));
#endif
/* Of each lane the larger; w where one of them is not a number. */
#define MD_LARGER(v, w) ((md_vector)(((md_mask)(v) & ((v) > (w))) | ((md_mask)(w) & ~((v) > (w)))))
#else
typedef struct {
    real lane[MD_VECTOR_BYTES / sizeof(real)];
} md_vector;
MD_INLINE md_vector md_load(const real *p) {
    md_vector v;
    memcpy(&v, p, sizeof v);
    return v;
}
MD_INLINE void md_add_product(md_vector *v, md_vector w, md_vector u) {
    int i;
    for (i = 0; i < MD_LANES; i++) v->lane[i] += w.lane[i] * u.lane[i];
}
MD_INLINE void md_add_scaled(md_vector *v, real s, md_vector w) {
    int i;
    for (i = 0; i < MD_LANES; i++) v->lane[i] += s * w.lane[i];
}
MD_INLINE md_vector md_combined(real s, md_vector v, real t, md_vector w) {
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] = s * v.lane[i] + t * w.lane[i];
    return v;
}
MD_INLINE md_vector md_times(md_vector v, md_vector w) {
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] *= w.lane[i];
    return v;
}
MD_INLINE md_vector md_all(real s) {
    md_vector v;
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] = s;
    return v;
}
MD_INLINE md_vector md_larger(md_vector v, md_vector w) {
    int i;
    for (i = 0; i < MD_LANES; i++) v.lane[i] = md_max(v.lane[i], w.lane[i]);
    return v;
}
#define MD_LARGER(v, w) md_larger(v, w)
#define MD_MINUS(v, w) md_combined(1, v, -1, w)
#define MD_TIMES(v, w) md_times(v, w)
#define MD_SCALED(s, w) md_combined(s, w, 0, w)
#define MD_ALL(s) md_all(s)
#define MD_LOAD(p) md_load(p)
#define MD_ZERO ((md_vector){{0}})
#define MD_STORE(p, v) memcpy((p), &(v), sizeof(md_vector))
#define MD_ADD_PRODUCT(v, w, u) md_add_product(&(v), w, u)
#define MD_ADD_SCALED(v, s, w) md_add_scaled(&(v), s, w)
#endif

/* gcc puts the arrays of vectors into registers only if the constant loops are unrolled first. */
#if defined(__GNUC__) && !defined(__clang__)
#define MD_UNROLL _Pragma("GCC unroll 8")
#else
#define MD_UNROLL
#endif

#define MD_ROWS 6 /* 6 rows of 2 vectors fill AVX2's 16 registers */
#define MD_WIDTH (2 * MD_LANES)
#define MD_DEPTH 256  /* a packed panel of B, MD_DEPTH x MD_WIDTH, stays in the L1 cache */
#define MD_HEIGHT 240 /* and MD_HEIGHT rows of A in the L2 cache */

/* A matrix given by its strides: element (i, j) is at p[i * row + j * column]. */
typedef struct {
    const real *p;
    int64_t row, column;
} md_view;

/* c[i, :] = sum_p a[i, p] b[p, :]  (+ c) for `rows` rows and `vectors` vectors, both constants at the call. */
MD_INLINE void md_tile(const int rows, const int vectors, int64_t k, const real *a, int64_t a_row, int64_t a_column,
                       const real *b, int64_t b_row, int accumulate, real *c, int64_t c_row) {
    md_vector sum[MD_ROWS][2];
    int64_t p;
    int i, v;
    MD_UNROLL for (i = 0; i < rows; i++)
        MD_UNROLL for (v = 0; v < vectors; v++)
            sum[i][v] = accumulate ? MD_LOAD(c + i * c_row + v * MD_LANES) : MD_ZERO;
    for (p = 0; p < k; p++) {
        md_vector w[2];
        MD_UNROLL for (v = 0; v < vectors; v++) w[v] = MD_LOAD(b + p * b_row + v * MD_LANES);
        MD_UNROLL for (i = 0; i < rows; i++)
            MD_UNROLL for (v = 0; v < vectors; v++)
                MD_ADD_SCALED(sum[i][v], a[i * a_row + p * a_column], w[v]);
    }
    MD_UNROLL for (i = 0; i < rows; i++)
        MD_UNROLL for (v = 0; v < vectors; v++) MD_STORE(c + i * c_row + v * MD_LANES, sum[i][v]);
}
#define MD_TILE(rows, vectors) md_tile(rows, vectors, k, a.p, a.row, a.column, b, b_row, accumulate, c, c_row)

/* The first `rows` rows of a tile; outputs beyond `width` are computed but not stored. */
MD_INLINE void md_tile_rows(int rows, int vectors, int64_t k, md_view a, const real *b, int64_t b_row, int accumulate,
                            real *c, int64_t c_row) {
#define MD_CASE(r)                   \
    case r:                          \
        if (vectors == 1)            \
            MD_TILE(r, 1);           \
        else                         \
            MD_TILE(r, 2);           \
        break;
    switch (rows) {
        MD_CASE(1)
        MD_CASE(2)
        MD_CASE(3)
        MD_CASE(4)
        MD_CASE(5)
    default:
        if (vectors == 1)
            MD_TILE(6, 1);
        else
            MD_TILE(6, 2);
    }
#undef MD_CASE
}

#define MD_STRETCH 8 /* vectors of one row: so many sums that none waits for another */

/* c[:] = sum_p a[p] b[p, :]  (+ c) for a row of MD_STRETCH vectors, in the order of a tile's sums. */
MD_INLINE void md_one_row(int64_t k, const real *a, int64_t a_column, const real *b, int64_t b_row, int accumulate,
                          real *c) {
    md_vector sum[MD_STRETCH];
    int64_t p;
    int v;
    MD_UNROLL for (v = 0; v < MD_STRETCH; v++) sum[v] = accumulate ? MD_LOAD(c + v * MD_LANES) : MD_ZERO;
    for (p = 0; p < k; p++)
        MD_UNROLL for (v = 0; v < MD_STRETCH; v++) {
            md_vector w = MD_LOAD(b + p * b_row + v * MD_LANES);
            MD_ADD_SCALED(sum[v], a[p * a_column], w);
        }
    MD_UNROLL for (v = 0; v < MD_STRETCH; v++) MD_STORE(c + v * MD_LANES, sum[v]);
}

/* C = A B (+ C) by tiles of 6 rows and one or two vectors; a column of C is c_column apart. A row of C is the same
   whatever other rows there are. */
MD_CLONES static MD_UNUSED void md_gemm_tiles(int64_t m, int64_t n, int64_t k, md_view a0, md_view b0, int accumulate0,
                                              real *c0, int64_t c_row0, int64_t c_column0) {
    real panel[MD_DEPTH * MD_WIDTH], edge[MD_ROWS * MD_WIDTH];
    int64_t top, left, first, i, j, p;
    if (m == 1 && b0.column == 1 && c_column0 == 1)
        for (; n >= MD_STRETCH * MD_LANES; n -= MD_STRETCH * MD_LANES) {
            md_one_row(k, a0.p, a0.column, b0.p, b0.row, accumulate0, c0);
            b0.p += MD_STRETCH * MD_LANES;
            c0 += MD_STRETCH * MD_LANES;
        }
    for (first = 0; first < k; first += MD_DEPTH) {
        int64_t depth = k - first < MD_DEPTH ? k - first : MD_DEPTH;
        int accumulate = accumulate0 || first > 0;
        for (top = 0; top < m; top += MD_HEIGHT) {
            int64_t bottom = m - top < MD_HEIGHT ? m : top + MD_HEIGHT;
            for (left = 0; left < n; left += MD_WIDTH) {
                int64_t width = n - left < MD_WIDTH ? n - left : MD_WIDTH;
                int vectors = width > MD_LANES ? 2 : 1, whole;
                const real *source, *b;
                int64_t b_row = b0.row;
                /* The last tile may overlap the one before it, as it computes the same numbers. */
                if (!accumulate && c_column0 == 1 && left > 0) {
                    left = n - vectors * MD_LANES < left ? n - vectors * MD_LANES : left;
                    width = vectors * MD_LANES;
                }
                whole = width == vectors * MD_LANES && c_column0 == 1;
                b = source = b0.p + first * b0.row + left * b0.column;
                if (width < vectors * MD_LANES || b0.column != 1 || bottom - top > 4 * MD_ROWS) {
                    b_row = vectors * MD_LANES;
                    b = panel;
                    if (b0.column == 1 && width == MD_WIDTH)
                        for (p = 0; p < depth; p++)
                            for (j = 0; j < MD_WIDTH; j++) panel[p * MD_WIDTH + j] = source[p * b0.row + j];
                    else {
                        if (width < b_row) memset(panel, 0, sizeof(real) * (size_t)(depth * b_row));
                        for (j = 0; j < width; j++)
                            for (p = 0; p < depth; p++)
                                panel[p * b_row + j] = source[p * b0.row + j * b0.column];
                    }
                }
                for (i = top; i < bottom; i += MD_ROWS) {
                    int rows = bottom - i < MD_ROWS ? (int)(bottom - i) : MD_ROWS, r;
                    md_view a = {a0.p + i * a0.row + first * a0.column, a0.row, a0.column};
                    real *c = c0 + i * c_row0 + left * c_column0;
                    if (whole) {
                        md_tile_rows(rows, vectors, depth, a, b, b_row, accumulate, c, c_row0);
                        continue;
                    }
                    md_tile_rows(rows, vectors, depth, a, b, b_row, 0, edge, MD_WIDTH);
                    for (r = 0; r < rows; r++)
                        for (j = 0; j < width; j++) {
                            real *to = c + r * c_row0 + j * c_column0;
                            *to = accumulate ? *to + edge[r * MD_WIDTH + j] : edge[r * MD_WIDTH + j];
                        }
                }
            }
        }
    }
}

/* The sum over the lanes of sum[i][j], for each row i. */
MD_INLINE void md_totals(const int rows, md_vector sum[4][2], int j, real *total) {
    int i, lane, step;
#if defined(MINIDECOMP_FLOAT) && MD_VECTOR_BYTES == 32 && defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12)
    if (rows == 4) {
        /* Neighbours are added twice, for four vectors at a time, and then the halves. */
#define MD_EVEN(v, w) __builtin_shufflevector(v, w, 0, 2, 8, 10, 4, 6, 12, 14)
#define MD_ODD(v, w) __builtin_shufflevector(v, w, 1, 3, 9, 11, 5, 7, 13, 15)
        md_vector s = MD_EVEN(sum[0][j], sum[1][j]) + MD_ODD(sum[0][j], sum[1][j]);
        md_vector t = MD_EVEN(sum[2][j], sum[3][j]) + MD_ODD(sum[2][j], sum[3][j]);
        md_vector u = MD_EVEN(s, t) + MD_ODD(s, t);
        for (i = 0; i < 4; i++) total[i] = u[i] + u[i + 4];
        return;
    }
#endif
    for (i = 0; i < rows; i++) {
        real lanes[MD_VECTOR_BYTES / sizeof(real)];
        MD_STORE(lanes, sum[i][j]);
        for (step = (int)MD_LANES / 2; step > 0; step /= 2)
            for (lane = 0; lane < step; lane++) lanes[lane] += lanes[lane + step];
        total[i] = lanes[0];
    }
}

/* c[i, j] (+)= sum_p a[i, p] b[j, p] for `rows` x `columns` outputs, both constants at the call; k >= MD_LANES.
   The last vector overlaps the one before it; `last` is the one of b, with zeros in the overlap. */
MD_INLINE void md_dots(const int rows, const int columns, int64_t k, const real *a, int64_t a_row, const real *b,
                       int64_t b_row, const real *last, int accumulate, real *c, int64_t c_row, int64_t c_column) {
    md_vector sum[4][2], w[2];
    int64_t p;
    int i, j;
    MD_UNROLL for (i = 0; i < rows; i++)
        MD_UNROLL for (j = 0; j < columns; j++) sum[i][j] = MD_ZERO;
    for (p = 0; p + MD_LANES <= k; p += MD_LANES) {
        MD_UNROLL for (j = 0; j < columns; j++) w[j] = MD_LOAD(b + j * b_row + p);
        MD_UNROLL for (i = 0; i < rows; i++) {
            md_vector x = MD_LOAD(a + i * a_row + p);
            MD_UNROLL for (j = 0; j < columns; j++) MD_ADD_PRODUCT(sum[i][j], x, w[j]);
        }
    }
    if (p < k) {
        MD_UNROLL for (j = 0; j < columns; j++) w[j] = MD_LOAD(last + j * MD_LANES);
        MD_UNROLL for (i = 0; i < rows; i++) {
            md_vector x = MD_LOAD(a + i * a_row + k - MD_LANES);
            MD_UNROLL for (j = 0; j < columns; j++) MD_ADD_PRODUCT(sum[i][j], x, w[j]);
        }
    }
    MD_UNROLL for (j = 0; j < columns; j++) {
        real total[4];
        md_totals(rows, sum, j, total);
        MD_UNROLL for (i = 0; i < rows; i++) {
            real *to = c + i * c_row + j * c_column;
            *to = accumulate ? *to + total[i] : total[i];
        }
    }
}

/* C = A B (+ C) where n is small and the rows of A and the columns of B are contiguous. */
MD_CLONES static MD_UNUSED void md_gemm_dots(int64_t m, int64_t n, int64_t k, const real *a, int64_t a_row,
                                             const real *b, int64_t b_column, int accumulate, real *c, int64_t c_row,
                                             int64_t c_column) {
    real last[2 * MD_LANES];
    int64_t i, j, q, p;
#define MD_DOTS(r, q)                                                                                               \
    md_dots(r, q, k, a + i * a_row, a_row, b + j * b_column, b_column, last, accumulate, c + i * c_row + j * c_column, \
            c_row, c_column)
    for (j = 0; j < n; j += 2) {
        for (q = 0; q < 2 && j + q < n; q++)
            for (p = 0; p < MD_LANES; p++)
                last[q * MD_LANES + p] = p < MD_LANES - k % MD_LANES ? 0 : b[(j + q) * b_column + k - MD_LANES + p];
        if (n - j > 1) {
            for (i = 0; i + 4 <= m; i += 4) MD_DOTS(4, 2);
            for (; i < m; i++) MD_DOTS(1, 2);
        } else {
            for (i = 0; i + 4 <= m; i += 4) MD_DOTS(4, 1);
            for (; i < m; i++) MD_DOTS(1, 1);
        }
    }
#undef MD_DOTS
}

MD_INLINE md_view md_transposed(md_view a) {
    md_view t = {a.p, a.column, a.row};
    return t;
}

/* Our own kernels: dot products for a few columns, otherwise tiles; C^T = B^T A^T if that wastes fewer lanes. */
static MD_UNUSED void md_gemm_own(int64_t m, int64_t n, int64_t k, md_view a, md_view b, int accumulate, real *c,
                                  int64_t c_row, int64_t c_column) {
    const int64_t room = MD_DEPTH * MD_WIDTH;
    int few_columns = 2 * n <= MD_LANES && a.column == 1 && (b.row == 1 || n * k <= room) && k >= 2 * MD_LANES;
    int few_rows = 2 * m <= MD_LANES && b.row == 1 && (a.column == 1 || m * k <= room) && k >= 2 * MD_LANES;
    if (few_columns) {
        real packed[MD_DEPTH * MD_WIDTH];
        int64_t j, p, apart = b.column;
        const real *columns = b.p;
        if (b.row != 1) {
            for (j = 0; j < n; j++)
                for (p = 0; p < k; p++) packed[j * k + p] = b.p[p * b.row + j * b.column];
            columns = packed;
            apart = k;
        }
        md_gemm_dots(m, n, k, a.p, a.row, columns, apart, accumulate, c, c_row, c_column);
    } else if (few_rows) {
        md_gemm_own(n, m, k, md_transposed(b), md_transposed(a), accumulate, c, c_column, c_row);
    } else if (a.row == 1 && 3 * n * ((m + MD_LANES - 1) / MD_LANES) < 2 * m * ((n + MD_LANES - 1) / MD_LANES))
        md_gemm_tiles(n, m, k, md_transposed(b), md_transposed(a), accumulate, c, c_column, c_row);
    else
        md_gemm_tiles(m, n, k, a, b, accumulate, c, c_row, c_column);
}

/* ---- the BLAS ---- */
#define MD_BLAS_ROW_MAJOR 101
#define MD_BLAS_PLAIN 111
#define MD_BLAS_TRANSPOSED 112

typedef void (*md_blas32)(int order, int trans_a, int trans_b, int32_t m, int32_t n, int32_t k, real alpha,
                          const real *a, int32_t lda, const real *b, int32_t ldb, real beta, real *c, int32_t ldc);
typedef void (*md_blas64)(int order, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, real alpha,
                          const real *a, int64_t lda, const real *b, int64_t ldb, real beta, real *c, int64_t ldc);

static md_blas32 md_blas_int32 = NULL;
static md_blas64 md_blas_int64 = NULL;

/* The address of cblas_sgemm or cblas_dgemm and the size of its integers; NULL for none. */
static MD_UNUSED void md_set_blas(void *cblas_gemm, int bits_of_int) {
    md_blas_int32 = NULL;
    md_blas_int64 = NULL;
    if (!cblas_gemm) return;
    /* memcpy: ISO C has no cast from an object's address to a function's. */
    if (bits_of_int == 64)
        memcpy(&md_blas_int64, &cblas_gemm, sizeof cblas_gemm);
    else
        memcpy(&md_blas_int32, &cblas_gemm, sizeof cblas_gemm);
}

#include "gemm_wide.h"

/* Below these sizes a BLAS is not faster (measured). */
#define MD_BLAS_VOLUME 1000000.0
#define MD_BLAS_SIDE 16

/* C = op(A) op(B) (+ C): op(A) is m x k, op(B) k x n; lda, ldb, ldc are the row strides in memory. */
static MD_UNUSED void md_gemm(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                              const real *b, int64_t ldb, int accumulate, real *c, int64_t ldc) {
    int large = m >= MD_BLAS_SIDE && n >= MD_BLAS_SIDE && k >= MD_BLAS_SIDE &&
                (double)m * (double)n * (double)k >= MD_BLAS_VOLUME;
    int64_t i;
    if (m <= 0 || n <= 0) return;
    if (k <= 0) {
        if (!accumulate)
            for (i = 0; i < m; i++) memset(c + i * ldc, 0, sizeof(real) * (size_t)n);
#if defined(MD_HAS_WIDE)
    } else if (large && md_wide_suits(trans_a, trans_b, m, n, accumulate)) {
        if (trans_b)
            md_wide_backward(m, n, k, a, lda, b, ldb, accumulate, c, ldc);
        else
            md_wide_forward(m, n, k, a, lda, b, ldb, c, ldc);
#endif
    } else if (large && (md_blas_int64 || md_blas_int32)) {
        int op_a = trans_a ? MD_BLAS_TRANSPOSED : MD_BLAS_PLAIN, op_b = trans_b ? MD_BLAS_TRANSPOSED : MD_BLAS_PLAIN;
        if (md_blas_int64)
            md_blas_int64(MD_BLAS_ROW_MAJOR, op_a, op_b, m, n, k, 1, a, lda, b, ldb, (real)(accumulate != 0), c, ldc);
        else
            md_blas_int32(MD_BLAS_ROW_MAJOR, op_a, op_b, (int32_t)m, (int32_t)n, (int32_t)k, 1, a, (int32_t)lda, b,
                          (int32_t)ldb, (real)(accumulate != 0), c, (int32_t)ldc);
    } else {
        md_view va = {a, trans_a ? 1 : lda, trans_a ? lda : 1}, vb = {b, trans_b ? 1 : ldb, trans_b ? ldb : 1};
        md_gemm_own(m, n, k, va, vb, accumulate, c, ldc, 1);
    }
}

/* C = A B by our own tiles, whatever its size, so that a row of C does not depend on how many rows A has. */
static MD_UNUSED void md_gemm_rows(int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,
                                   int64_t ldb, real *c, int64_t ldc) {
    md_view va = {a, lda, 1}, vb = {b, ldb, 1};
    md_gemm_tiles(m, n, k, va, vb, 0, c, ldc, 1);
}

/* ---- tasks ---- */
/* The volumes from which there are 2, 4 and 8 tasks: 2 pay from 2 us on; with two threads, 4 cost 2 %, 8 cost 6 %. */
static const double MD_TASK_VOLUMES[3] = {7e4, 1e7, 1e9};
#define MD_TASK_BLOCK 16

/* The output is halved along the longer side of its tiles: rows x columns of them. */
MD_INLINE void md_gemm_grid(int64_t tasks, int64_t m, int64_t n, int64_t *rows, int64_t *columns) {
    *rows = *columns = 1;
    while (*rows * *columns < tasks)
        if (m / *rows > n / *columns)
            *rows *= 2;
        else
            *columns *= 2;
}

/* The best number of tiles for the product. */
static MD_UNUSED int64_t md_gemm_tasks(int64_t m, int64_t n, int64_t k) {
    double volume = (double)m * (double)n * (double)k;
    int64_t rows, columns;
    int level;
    for (level = 0; level < 3 && volume >= MD_TASK_VOLUMES[level]; level++) {
        md_gemm_grid((int64_t)2 << level, m, n, &rows, &columns);
        if (m < rows * MD_TASK_BLOCK && rows > 1) break;
        if (n < columns * MD_TASK_BLOCK && columns > 1) break;
    }
    return (int64_t)1 << level;
}

/* The start of part i of `parts`, a multiple of 16. */
MD_INLINE int64_t md_gemm_cut(int64_t i, int64_t parts, int64_t size) {
    int64_t cut = (size + MD_TASK_BLOCK - 1) / MD_TASK_BLOCK * i / parts * MD_TASK_BLOCK;
    return cut < size ? cut : size;
}

/* The rows [top, bottom) and columns [left, right) of C that make one task. */
static MD_UNUSED void md_gemm_tile(int64_t task, int64_t m, int64_t n, int64_t k, int64_t *top, int64_t *bottom,
                                   int64_t *left, int64_t *right) {
    int64_t rows, columns;
    md_gemm_grid(md_gemm_tasks(m, n, k), m, n, &rows, &columns);
    *top = md_gemm_cut(task / columns, rows, m);
    *bottom = md_gemm_cut(task / columns + 1, rows, m);
    *left = md_gemm_cut(task % columns, columns, n);
    *right = md_gemm_cut(task % columns + 1, columns, n);
}

/* One task of C = op(A) op(B) (+ C). */
static MD_UNUSED void md_gemm_task(int64_t task, int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                                   const real *a, int64_t lda, const real *b, int64_t ldb, int accumulate, real *c,
                                   int64_t ldc) {
    int64_t top, bottom, left, right;
    md_gemm_tile(task, m, n, k, &top, &bottom, &left, &right);
    md_gemm(trans_a, trans_b, bottom - top, right - left, k, a + top * (trans_a ? 1 : lda), lda,
            b + left * (trans_b ? ldb : 1), ldb, accumulate, c + top * ldc + left, ldc);
}

#endif

/* Products with a layer's weights in AVX-512, for batches so small that a BLAS would spend a fifth of its time on packing.

   The large matrix W is read once. While a part of it is used, the next part is fetched, so that the memory works
   during the arithmetic. gemm.h includes this file. */
#ifndef MD_GEMM_WIDE_H
#define MD_GEMM_WIDE_H

#define MD_WIDE_ROWS 6   /* 6 rows of 4 vectors are 24 sums; the other 8 registers hold their factors */
#define MD_WIDE_MOST 256 /* rows of a batch for which this has been measured */

#if defined(MD_HAS_WIDE)

#define MD_WIDE __attribute__((target("arch=x86-64-v4")))
typedef real md_wide __attribute__((vector_size(64), aligned(sizeof(real)), may_alias));
#define MD_WIDE_LANES ((int64_t)(64 / sizeof(real)))
#define MD_WIDE_LOAD(p) (*(const md_wide *)(p))
#define MD_WIDE_STORE(p, v) (*(md_wide *)(p) = (v))

#define MD_WIDE_VECTORS 4
#define MD_WIDE_WIDTH (MD_WIDE_VECTORS * MD_WIDE_LANES)
#define MD_WIDE_DEPTH 128        /* a panel of W in the L1 cache: 32 KB */
#define MD_WIDE_LONG_DEPTH 1280  /* a panel of A^T in the L2 cache, on the stack: 320 KB */

/* c[i, :] = sum_p a[i, p] b[p, :]  (+ c) for `rows` rows and `vectors` vectors, both constants at the call; b has no
   gaps. Step p fetches next[p * next_step]. */
MD_WIDE MD_INLINE void md_wide_tile(const int rows, const int vectors, int64_t k, const real *a, int64_t a_row,
                                    const real *b, int accumulate, real *c, int64_t c_row, const real *next,
                                    int64_t next_step) {
    md_wide sum[MD_WIDE_ROWS][MD_WIDE_VECTORS];
    int64_t p;
    int i, v;
    MD_UNROLL for (i = 0; i < rows; i++)
        MD_UNROLL for (v = 0; v < vectors; v++)
            sum[i][v] = accumulate ? MD_WIDE_LOAD(c + i * c_row + v * MD_WIDE_LANES) : (md_wide){0};
    for (p = 0; p < k; p++) {
        md_wide w[MD_WIDE_VECTORS];
        MD_UNROLL for (v = 0; v < vectors; v++) w[v] = MD_WIDE_LOAD(b + (p * vectors + v) * MD_WIDE_LANES);
        MD_UNROLL for (i = 0; i < rows; i++)
            MD_UNROLL for (v = 0; v < vectors; v++) sum[i][v] += a[i * a_row + p] * w[v];
        __builtin_prefetch(next + p * next_step);
    }
    MD_UNROLL for (i = 0; i < rows; i++)
        MD_UNROLL for (v = 0; v < vectors; v++) MD_WIDE_STORE(c + i * c_row + v * MD_WIDE_LANES, sum[i][v]);
}

/* As many of the `left` rows as a tile takes. */
MD_INLINE int md_wide_rows(int64_t left) { return left >= MD_WIDE_ROWS ? MD_WIDE_ROWS : left >= 4 ? 4 : 1; }

#define MD_WIDE_TILES(name, vectors)                                                                                 \
    MD_WIDE static MD_UNUSED void name(int rows, int64_t k, const real *a, int64_t a_row, const real *b,              \
                                       int accumulate, real *c, int64_t c_row, const real *next, int64_t next_step) { \
        if (rows == MD_WIDE_ROWS)                                                                                    \
            md_wide_tile(MD_WIDE_ROWS, vectors, k, a, a_row, b, accumulate, c, c_row, next, next_step);              \
        else if (rows == 4)                                                                                          \
            md_wide_tile(4, vectors, k, a, a_row, b, accumulate, c, c_row, next, next_step);                         \
        else                                                                                                         \
            md_wide_tile(1, vectors, k, a, a_row, b, accumulate, c, c_row, next, next_step);                         \
    }
MD_WIDE_TILES(md_wide_tiles, MD_WIDE_VECTORS)
MD_WIDE_TILES(md_wide_thin_tiles, 1)
#undef MD_WIDE_TILES

MD_WIDE MD_INLINE void md_wide_pack(const int vectors, int64_t depth, const real *source, int64_t row, real *panel) {
    int64_t p;
    int v;
    for (p = 0; p < depth; p++)
        MD_UNROLL for (v = 0; v < vectors; v++)
            MD_WIDE_STORE(panel + (p * vectors + v) * MD_WIDE_LANES, MD_WIDE_LOAD(source + p * row + v * MD_WIDE_LANES));
}

/* C = A W. Panels of 4 columns of vectors, at the end of 1; the last may overlap the one before it, as it computes the
   same numbers. The first tiles of a panel fetch a vector's column of the next one each. */
MD_WIDE static MD_UNUSED void md_wide_forward(int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                                              const real *w, int64_t ldw, real *c, int64_t ldc) {
    real panel[MD_WIDE_DEPTH * MD_WIDE_WIDTH] __attribute__((aligned(64)));
    int64_t left, width, first, depth, i, vector;
    int rows;
    for (left = 0; left < n; left += width) {
        int whole = n - left >= MD_WIDE_WIDTH;
        width = whole ? MD_WIDE_WIDTH : MD_WIDE_LANES;
        if (left > n - width) left = n - width;
        for (first = 0; first < k; first += depth) {
            const real *source = w + first * ldw + left, *next;
            depth = k - first < MD_WIDE_DEPTH ? k - first : MD_WIDE_DEPTH;
            next = first + depth < k ? source + depth * ldw : w + left + width;
            if (whole)
                md_wide_pack(MD_WIDE_VECTORS, depth, source, ldw, panel);
            else
                md_wide_pack(1, depth, source, ldw, panel);
            for (i = 0, vector = 0; i < m; i += rows, vector += MD_WIDE_LANES) {
                int fetch = vector < width;
                rows = md_wide_rows(m - i);
                (whole ? md_wide_tiles : md_wide_thin_tiles)(rows, depth, a + i * lda + first, lda, panel, first > 0,
                                                             c + i * ldc + left, ldc, fetch ? next + vector : panel,
                                                             fetch ? ldw : 0);
            }
        }
    }
}

/* panel[p, j] = a[j, p], with zeros beyond `width` */
MD_WIDE MD_INLINE void md_wide_pack_transposed(int64_t width, int64_t depth, const real *a, int64_t row, real *panel) {
    int64_t j, p, q, end;
    if (width < MD_WIDE_WIDTH) memset(panel, 0, sizeof(real) * (size_t)(depth * MD_WIDE_WIDTH));
    for (p = 0; p < depth; p = end) {
        end = p + MD_WIDE_LANES < depth ? p + MD_WIDE_LANES : depth;
        for (j = 0; j < width; j++)
            for (q = p; q < end; q++) panel[q * MD_WIDE_WIDTH + j] = a[j * row + q];
    }
}

/* C = A W^T (+ C), as C^T = W A^T: the rows of W are read as they lie. In memory, the rows of the next tile follow. */
MD_WIDE static MD_UNUSED void md_wide_backward(int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,
                                               const real *w, int64_t ldw, int accumulate, real *c, int64_t ldc) {
    real panel[MD_WIDE_LONG_DEPTH * MD_WIDE_WIDTH] __attribute__((aligned(64)));
    real tile[MD_WIDE_ROWS * MD_WIDE_WIDTH] __attribute__((aligned(64)));
    int64_t parts = (k + MD_WIDE_LONG_DEPTH - 1) / MD_WIDE_LONG_DEPTH, part, top, width, i, j, r;
    int rows;
    for (top = 0; top < m; top += MD_WIDE_WIDTH)
        for (part = 0; part < parts; part++) {
            int64_t first = k * part / parts, depth = k * (part + 1) / parts - first;
            int add = accumulate || part > 0;
            width = m - top < MD_WIDE_WIDTH ? m - top : MD_WIDE_WIDTH;
            md_wide_pack_transposed(width, depth, a + top * lda + first, lda, panel);
            for (i = 0; i < n; i += rows) {
                const real *source = w + i * ldw + first;
                real *corner = c + top * ldc + i;
                rows = md_wide_rows(n - i);
                md_wide_tiles(rows, depth, source, ldw, panel, 0, tile, MD_WIDE_WIDTH, source + rows * ldw, rows);
                for (j = 0; j < width; j++)
                    for (r = 0; r < rows; r++)
                        corner[j * ldc + r] = (add ? corner[j * ldc + r] : 0) + tile[r * MD_WIDE_WIDTH + j];
            }
        }
}

static MD_UNUSED int md_has_wide(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("x86-64-v4");
}

/* Whether one of the two computes op(A) op(B) (+ C), and does not waste more than a fifth of its lanes. */
static MD_UNUSED int md_wide_suits(int trans_a, int trans_b, int64_t m, int64_t n, int accumulate) {
    int64_t lanes = (m + MD_WIDE_WIDTH - 1) / MD_WIDE_WIDTH * MD_WIDE_WIDTH;
    if (trans_a || m > MD_WIDE_MOST || !md_has_wide()) return 0;
    return trans_b ? 4 * lanes <= 5 * m : !accumulate && n >= MD_WIDE_LANES;
}

#endif

#endif

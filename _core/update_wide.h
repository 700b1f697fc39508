/* A tile of a weight gradient, d_W = h^T d_a, and Adam's update with it, side by side in AVX-512.

   Products keep the multipliers busy, Adam the memory and the divider. So while the gradient of six rows of W is
   computed, the six rows before them are updated:

       rows of W     0-5      6-11     12-17    ...
       product       d_W      d_W      d_W
       Adam                   0-5      6-11     ...                                                                 */
#ifndef MD_UPDATE_WIDE_H
#define MD_UPDATE_WIDE_H

#include "formulas.h"
#include "gemm.h"

/* The parameters, Adam's state of them, and its rates; v_max is NULL without AMSGrad. */
typedef struct {
    real *theta, *m, *v, *v_max;
    real rest1, rest2, rate, root, eps;
} md_adam_arrays;

#if defined(MD_HAS_WIDE)

#define MD_UPDATE_SLOTS (MD_WIDE_ROWS * MD_WIDE_VECTORS) /* vectors of a tile, each updated once */
#define MD_UPDATE_AHEAD (12 * MD_WIDE_LANES)

/* Gradients that wait for their update, and where their weights are; both have no gaps, so memory is read as streams. */
typedef struct {
    const real *g;
    int64_t at, vectors;
} md_waiting;

MD_WIDE MD_INLINE void md_update_vector(const md_adam_arrays *o, const real *MD_RESTRICT g, int64_t at) {
    real *MD_RESTRICT theta = o->theta + at, *MD_RESTRICT m = o->m + at, *MD_RESTRICT v = o->v + at;
    real none[64 / sizeof(real)] = {0}; /* so that the maximum is v itself */
    real *MD_RESTRICT v_max = o->v_max ? o->v_max + at : none;
    int lane;
    _Pragma("GCC ivdep") for (lane = 0; lane < (int)MD_WIDE_LANES; lane++)
        theta[lane] -= md_adam(g[lane], m + lane, v + lane, v_max + lane, o->rest1, o->rest2, o->rate, o->root, o->eps);
    __builtin_prefetch(theta + MD_UPDATE_AHEAD);
    __builtin_prefetch(m + MD_UPDATE_AHEAD);
    __builtin_prefetch(v + MD_UPDATE_AHEAD);
    __builtin_prefetch(v_max + MD_UPDATE_AHEAD);
}

MD_WIDE MD_INLINE void md_update_next(const md_adam_arrays *o, md_waiting *waiting) {
    if (waiting->vectors == 0) return;
    md_update_vector(o, waiting->g, waiting->at);
    waiting->vectors--;
    waiting->g += MD_WIDE_LANES;
    waiting->at += MD_WIDE_LANES;
}

/* c[i, :] = sum_p a[p, i] b[p, :] for a tile's rows; between the steps, one vector after the other is updated. */
MD_WIDE static MD_UNUSED void md_update_tile(int64_t k, const real *a, const real *b, real *c, int64_t c_row,
                                             const md_adam_arrays *o, md_waiting *waiting) {
    md_wide sum[MD_WIDE_ROWS][MD_WIDE_VECTORS];
    int64_t p = 0, slot;
    int i, v;
    MD_UNROLL for (i = 0; i < MD_WIDE_ROWS; i++)
        MD_UNROLL for (v = 0; v < MD_WIDE_VECTORS; v++) sum[i][v] = (md_wide){0};
    for (slot = 1; slot <= MD_UPDATE_SLOTS; slot++) {
        for (; p * MD_UPDATE_SLOTS < slot * k; p++) {
            md_wide w[MD_WIDE_VECTORS];
            MD_UNROLL for (v = 0; v < MD_WIDE_VECTORS; v++)
                w[v] = MD_WIDE_LOAD(b + p * MD_WIDE_WIDTH + v * MD_WIDE_LANES);
            MD_UNROLL for (i = 0; i < MD_WIDE_ROWS; i++)
                MD_UNROLL for (v = 0; v < MD_WIDE_VECTORS; v++) sum[i][v] += a[p * MD_WIDE_ROWS + i] * w[v];
        }
        md_update_next(o, waiting);
    }
    MD_UNROLL for (i = 0; i < MD_WIDE_ROWS; i++)
        MD_UNROLL for (v = 0; v < MD_WIDE_VECTORS; v++) MD_WIDE_STORE(c + i * c_row + v * MD_WIDE_LANES, sum[i][v]);
}

/* The first column of a panel; the last panel may overlap the one before it, as it computes the same numbers. */
MD_INLINE int64_t md_update_left(int64_t panel, int64_t width) {
    int64_t left = panel * MD_WIDE_WIDTH;
    return left < width - MD_WIDE_WIDTH ? left : width - MD_WIDE_WIDTH;
}

/* The update of `rows` x `width` weights with d_W = h^T d_a, where h is k x rows and d_a is k x width without gaps. */
MD_WIDE static MD_UNUSED void md_update_wide(int64_t rows, int64_t width, int64_t k, const real *h, int64_t ldh,
                                             const real *d, const md_adam_arrays *o, real *room) {
    int64_t panels = (width + MD_WIDE_WIDTH - 1) / MD_WIDE_WIDTH, panel, p, done, top;
    real *gradient = room, *before = gradient + MD_WIDE_ROWS * width, *packed = before + MD_WIDE_ROWS * width;
    real *columns = packed + panels * k * MD_WIDE_WIDTH, *swap;
    md_waiting waiting = {NULL, 0, 0};
    for (panel = 0; panel < panels; panel++)
        md_wide_pack(MD_WIDE_VECTORS, k, d + md_update_left(panel, width), width, packed + panel * k * MD_WIDE_WIDTH);
    for (done = 0; done < rows; done += MD_WIDE_ROWS) {
        top = done < rows - MD_WIDE_ROWS ? done : rows - MD_WIDE_ROWS;
        for (p = 0; p < k; p++) memcpy(columns + p * MD_WIDE_ROWS, h + p * ldh + top, MD_WIDE_ROWS * sizeof(real));
        for (panel = 0; panel < panels; panel++)
            md_update_tile(k, columns, packed + panel * k * MD_WIDE_WIDTH, gradient + md_update_left(panel, width), width,
                           o, &waiting);
        /* Rows that the last tile shares with the one before it are updated once. */
        waiting.g = gradient + (done - top) * width;
        waiting.at = done * width;
        waiting.vectors = (MD_WIDE_ROWS - (done - top)) * width / MD_WIDE_LANES;
        swap = before, before = gradient, gradient = swap;
    }
    while (waiting.vectors > 0) md_update_next(o, &waiting);
}

/* The numbers that md_update_wide works in; 0 if it cannot be used for layers of these sizes. */
static MD_UNUSED int64_t md_update_room(int64_t n_in, int64_t n_out, int64_t k) {
    if (n_in < MD_WIDE_ROWS || n_out < MD_WIDE_WIDTH || n_out % MD_WIDE_LANES != 0 || k > MD_WIDE_MOST) return 0;
    return md_has_wide() ? 2 * MD_WIDE_ROWS * n_out + k * (n_out + MD_WIDE_WIDTH + MD_WIDE_ROWS) : 0;
}

#else

static MD_UNUSED int64_t md_update_room(int64_t n_in, int64_t n_out, int64_t k) {
    (void)n_in, (void)n_out, (void)k;
    return 0;
}

static MD_UNUSED void md_update_wide(int64_t rows, int64_t width, int64_t k, const real *h, int64_t ldh, const real *d,
                                     const md_adam_arrays *o, real *room) {
    (void)rows, (void)width, (void)k, (void)h, (void)ldh, (void)d, (void)o, (void)room;
}

#endif

#endif

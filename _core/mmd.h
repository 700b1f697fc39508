/* The MMD's kernel sums over all pairs of points, in time linear in the points (minidecomp/terms/regularisers/mmd.py).

   The line is cut into cells of width H, so narrow that over a pair of cells, o cells apart, the kernel is a polynomial
   in both coordinates up to MD_MMD_ERROR (Chebyshev coefficients fall by a factor of 7 each: the kernel's poles are at
   +-i sqrt(0.2), 3.6 half-widths away):

       f(x - y) = sum_kl C_kl(o) T_k(t) T_l(u),   x = centre + H/2 t,  y = centre' + H/2 u,  centre - centre' = o H

   Sums over points then pass through the moments W_l = sum_j T_l(u_j) of each cell:
       sum_ij k(x_i - y_j) = sum over pairs of cells of W^T C W',   sum_j k'(x - y_j) = sum_k T_k(t) (C' W')_k.
   As f depends only on t - u, C_lk = (-1)^(k+l) C_kl: one block serves both orders of its cells. */
#ifndef MD_MMD_H
#define MD_MMD_H

#include <math.h>
#include <string.h>

#include "formulas.h"
#include "lanes.h"

#define MD_MMD_WIDTH 0.25
#ifdef MINIDECOMP_FLOAT
#define MD_MMD_ORDER 12 /* coefficients per cell, a multiple of 4 */
#define MD_MMD_ERROR 2e-8
#else
#define MD_MMD_ORDER 24
#define MD_MMD_ERROR 1e-13
#endif
#define MD_MMD_FOURS (MD_MMD_ORDER / 4)
#define MD_MMD_SPAN 1024 /* the largest number of cells from the first to the last */
#define MD_MMD_CELLS 512 /* the largest number with points in them; beyond n / 3, the sum over all pairs is cheaper */

typedef struct {
    const double *k, *d; /* C of the kernel and of its derivative: order x order, element (k, l) at [l * order + k] */
    int order;
} md_mmd_block;

static md_mmd_block md_mmd_blocks[MD_MMD_SPAN];

/* k(r) = sum_c c / (c + r^2);  k'(r) = -2 r sum_c c / (c + r^2)^2 */
static MD_UNUSED double md_mmd_exact(double r, int derivative) {
#define MD_SCALE(c) c,
    static const double scales[KERNEL_COUNT] = {MD_KERNEL_SCALES(MD_SCALE)};
#undef MD_SCALE
    double sum = 0, square = r * r;
    int i;
    for (i = 0; i < KERNEL_COUNT; i++) {
        double inverse = 1 / (scales[i] + square);
        sum += derivative ? -2 * r * scales[i] * inverse * inverse : scales[i] * inverse;
    }
    return sum;
}

#if defined(__GNUC__) && !defined(__clang__)
#define MD_UNROLL_FOURS _Pragma("GCC unroll 6")
#else
#define MD_UNROLL_FOURS
#endif

/* T_0 .. T_(n-1) of t, by fours:  T_(k+4) = 2 T_4 T_k - T_|k-4| */
MD_INLINE void md_chebyshev(double t, md_four T[MD_MMD_FOURS]) {
    double t2 = 2 * t * t - 1, t3 = 2 * t * t2 - t, t4 = 2 * t2 * t2 - 1;
    const md_four first = MD_FOUR_OF(1, t, t2, t3), back = MD_FOUR_OF(t4, t3, t2, t);
    int m;
    T[0] = first;
    T[1] = MD_FOUR_MINUS(MD_FOUR_TIMES(first, 2 * t4), back);
    MD_UNROLL_FOURS for (m = 2; m < MD_MMD_FOURS; m++)
        T[m] = MD_FOUR_MINUS(MD_FOUR_TIMES(T[m - 1], 2 * t4), T[m - 2]);
}

/* The Chebyshev coefficients of f for cells o apart, from n x n of its values, T[k][i] = T_k(t_i):
   C_kl = w_k w_l sum_ij T_k(t_i) T_l(t_j) f(o H + H/2 (t_i - t_j)),  w_0 = 1/n, otherwise 2/n */
#define MD_MMD_NODES (MD_MMD_ORDER + 4)
typedef double md_mmd_square[MD_MMD_NODES][MD_MMD_NODES];
static MD_UNUSED void md_mmd_coefficients(int o, int derivative, int n, md_mmd_square T, md_mmd_square C) {
    md_mmd_square half;
    double f[MD_MMD_NODES];
    int i, j, k, l;
    for (i = 0; i < n; i++) {
        for (j = 0; j < n; j++) f[j] = md_mmd_exact(MD_MMD_WIDTH * (o + 0.5 * (T[1][i] - T[1][j])), derivative);
        for (l = 0; l < n; l++)
            for (half[i][l] = 0, j = 0; j < n; j++) half[i][l] += T[l][j] * f[j] * (l ? 2.0 : 1.0) / n;
    }
    for (k = 0; k < n; k++)
        for (l = 0; l < n; l++)
            for (C[k][l] = 0, i = 0; i < n; i++) C[k][l] += T[k][i] * half[i][l] * (k ? 2.0 : 1.0) / n;
}

/* Room for the coefficients: all blocks of order 4, and far more wide ones than there are. */
#define MD_MMD_TABLE (32 * MD_MMD_SPAN + 128 * MD_MMD_ORDER * MD_MMD_ORDER)

/* Fill `md_mmd_blocks`, with the coefficients in `table`. Returns 0 if the table's `places` doubles are too few. */
static MD_UNUSED int md_mmd_tables(double *table, int64_t places) {
    md_mmd_square C[2], T;
    int64_t used = 0;
    int o, i, k, l, which, order = MD_MMD_ORDER, nodes = 0;
    for (o = 0; o < MD_MMD_SPAN; o++) {
        if (nodes != order + 4) {
            nodes = order + 4;
            for (k = 0; k < nodes; k++)
                for (i = 0; i < nodes; i++) T[k][i] = cos(k * (i + 0.5) * 3.14159265358979323846 / nodes);
        }
        for (which = 0; which < 2; which++) md_mmd_coefficients(o, which, nodes, T, C[which]);
        /* Orders fall with the distance: if the last four are negligible here, they are so for all farther cells. */
        while (o > 0 && order > 4) {
            double left_out = 0;
            for (which = 0; which < 2; which++)
                for (k = 0; k < order; k++)
                    for (l = 0; l < order; l++)
                        if (k >= order - 4 || l >= order - 4) left_out += fabs(C[which][k][l]);
            if (left_out > MD_MMD_ERROR) break;
            order -= 4;
        }
        if (used + 2 * order * order > places) return 0;
        for (which = 0; which < 2; which++)
            for (k = 0; k < order; k++)
                for (l = 0; l < order; l++) table[used + (which * order + l) * order + k] = C[which][k][l];
        md_mmd_blocks[o].k = table + used;
        md_mmd_blocks[o].d = table + used + order * order;
        md_mmd_blocks[o].order = order;
        used += 2 * order * order;
    }
    return 1;
}

/* One dimension's working memory; without another note, an array is cells x MD_MMD_ORDER. */
typedef struct {
    short *slot;        /* (MD_MMD_SPAN,): the index among the occupied cells */
    int *cell;          /* (cells,): the occupied cells, in order */
    double *moment[2];  /* W of the prior sample and of the posterior's */
    double *charge[2];  /* what pulls on the points of each: the moments times the weights of their pairs */
    double *field[2];   /* the sums of C' charge over the cells before, and this one */
    double *mirror[2];  /* over the cells after, coefficient k times (-1)^(k+1) */
} md_mmd_cells;

static MD_UNUSED int64_t md_mmd_room(int64_t cells) {
    return MD_MMD_SPAN / 4 + (cells + 1) / 2 + 8 * cells * MD_MMD_ORDER;
}

static MD_UNUSED md_mmd_cells md_mmd_place(double *room, int64_t cells) {
    md_mmd_cells c;
    double *next = room + MD_MMD_SPAN / 4 + (cells + 1) / 2;
    int which;
    c.slot = (short *)room;
    c.cell = (int *)(room + MD_MMD_SPAN / 4);
    for (which = 0; which < 2; which++) {
        c.moment[which] = next, next += cells * MD_MMD_ORDER;
        c.charge[which] = next, next += cells * MD_MMD_ORDER;
        c.field[which] = next, next += cells * MD_MMD_ORDER;
        c.mirror[which] = next, next += cells * MD_MMD_ORDER;
    }
    return c;
}

/* Widen [low, high] to hold the points; 0 if one is NaN. */
MD_CLONES static MD_UNUSED int md_range(const real *x, int64_t n, double *low, double *high) {
    real least = x[0], most = x[0];
    int bad = 0;
    int64_t i;
    for (i = 0; i < n; i++) {
        least = md_min(x[i], least);
        most = md_max(x[i], most);
        bad |= !(x[i] - x[i] == 0);
    }
    *low = least < *low ? (double)least : *low;
    *high = most > *high ? (double)most : *high;
    return !bad;
}

/* The cell of x, and t in [-1, 1] within it. */
MD_INLINE int md_cell(double x, double low, double *t) {
    double place = (x - low) * (1 / MD_MMD_WIDTH);
    int cell = (int)place;
    *t = 2 * (place - cell) - 1;
    return cell;
}

/* The cells that hold points of x or y. Returns their number, or 0 if it exceeds `cells`. */
static MD_UNUSED int64_t md_mmd_occupied(md_mmd_cells *c, int64_t cells, const real *x, const real *y, int64_t n,
                                         double low, double high) {
    double t;
    int64_t i, used = 0, span = md_cell(high, low, &t) + 1;
    memset(c->slot, 0, sizeof(short) * (size_t)span);
    for (i = 0; i < n; i++) {
        c->slot[md_cell(x[i], low, &t)] = 1;
        c->slot[md_cell(y[i], low, &t)] = 1;
    }
    for (i = 0; i < span; i++)
        if (c->slot[i]) {
            if (used == cells) return 0;
            c->cell[used] = (int)i;
            c->slot[i] = (short)used++;
        }
    return used;
}

/* W_l = sum_j T_l(u_j) of each cell */
MD_CLONES static MD_UNUSED void md_mmd_spread(const md_mmd_cells *c, int64_t used, const real *x, int64_t n, double low,
                                              double *moment) {
    int64_t j;
    int m;
    memset(moment, 0, sizeof(double) * (size_t)(used * MD_MMD_ORDER));
    for (j = 0; j < n; j++) {
        double t, *W = moment + c->slot[md_cell(x[j], low, &t)] * MD_MMD_ORDER;
        md_four T[MD_MMD_FOURS];
        md_chebyshev(t, T);
        MD_UNROLL_FOURS for (m = 0; m < MD_MMD_FOURS; m++) {
            MD_FOUR_ADD_SCALED(T[m], MD_FOUR_LOAD(W + 4 * m), 1);
            MD_FOUR_STORE(W + 4 * m, T[m]);
        }
    }
}

/* d_i = sum_k (field_k - (-1)^k mirror_k) T_k(t_i) */
MD_CLONES static MD_UNUSED void md_mmd_gather(const md_mmd_cells *c, int64_t used, const real *x, int64_t n, double low,
                                              double *field, const double *mirror, real *d) {
    int64_t i;
    int m;
    for (i = 0; i < used * MD_MMD_ORDER; i++) field[i] += i % 2 ? mirror[i] : -mirror[i];
    for (i = 0; i < n; i++) {
        double t;
        const double *F = field + c->slot[md_cell(x[i], low, &t)] * MD_MMD_ORDER;
        md_four T[MD_MMD_FOURS], sum = MD_FOUR_OF(0, 0, 0, 0);
        md_chebyshev(t, T);
        MD_UNROLL_FOURS for (m = 0; m < MD_MMD_FOURS; m++) MD_FOUR_ADD_PRODUCT(sum, T[m], MD_FOUR_LOAD(F + 4 * m));
        d[i] = (real)MD_FOUR_SUM(sum);
    }
}

/* u_k += sum_l C_kl w_l */
MD_INLINE void md_mmd_apply(const int order, const double *C, const double *w, double *u) {
    md_four sum[MD_MMD_FOURS];
    int l, m;
    MD_UNROLL_FOURS for (m = 0; m < order / 4; m++) sum[m] = MD_FOUR_LOAD(u + 4 * m);
    for (l = 0; l < order; l++)
        MD_UNROLL_FOURS for (m = 0; m < order / 4; m++)
            MD_FOUR_ADD_SCALED(sum[m], MD_FOUR_LOAD(C + l * order + 4 * m), w[l]);
    MD_UNROLL_FOURS for (m = 0; m < order / 4; m++) MD_FOUR_STORE(u + 4 * m, sum[m]);
}

/* The pair of cells i <= j: add the sums over xx, yy and xy to `total`, and each cell's pull on the other's points. */
MD_INLINE void md_mmd_pair(const int order, md_mmd_cells *c, int64_t i, int64_t j, int backward, double total[3]) {
    const md_mmd_block *block = &md_mmd_blocks[c->cell[j] - c->cell[i]];
    const double *x = c->moment[0] + i * MD_MMD_ORDER, *y = c->moment[1] + i * MD_MMD_ORDER;
    const double *far_x = c->moment[0] + j * MD_MMD_ORDER, *far_y = c->moment[1] + j * MD_MMD_ORDER;
    const double twice = i == j ? 1 : 2; /* a cell is paired with itself only once */
    md_four u[MD_MMD_FOURS], v[MD_MMD_FOURS], xx, yy, xy;
    int k, l, m, which;
    xx = yy = xy = MD_FOUR_OF(0, 0, 0, 0);
    MD_UNROLL_FOURS for (m = 0; m < order / 4; m++) u[m] = v[m] = xx;
    for (l = 0; l < order; l++)
        MD_UNROLL_FOURS for (m = 0; m < order / 4; m++) {
            md_four C = MD_FOUR_LOAD(block->k + l * order + 4 * m);
            MD_FOUR_ADD_SCALED(u[m], C, x[l]);
            MD_FOUR_ADD_SCALED(v[m], C, y[l]);
        }
    MD_UNROLL_FOURS for (m = 0; m < order / 4; m++) {
        MD_FOUR_ADD_PRODUCT(xx, u[m], MD_FOUR_LOAD(far_x + 4 * m));
        MD_FOUR_ADD_PRODUCT(yy, v[m], MD_FOUR_LOAD(far_y + 4 * m));
        MD_FOUR_ADD_PRODUCT(xy, u[m], MD_FOUR_LOAD(far_y + 4 * m));
        MD_FOUR_ADD_PRODUCT(xy, v[m], MD_FOUR_LOAD(far_x + 4 * m));
    }
    total[0] += twice * MD_FOUR_SUM(xx);
    total[1] += twice * MD_FOUR_SUM(yy);
    total[2] += 0.5 * twice * MD_FOUR_SUM(xy);
    for (which = 2 - backward; which < 2; which++) {
        const double *charge = c->charge[which] + j * MD_MMD_ORDER;
        double mirrored[MD_MMD_ORDER];
        md_mmd_apply(order, block->d, c->charge[which] + i * MD_MMD_ORDER, c->field[which] + j * MD_MMD_ORDER);
        if (i == j) continue;
        for (k = 0; k < order; k += 2) mirrored[k] = charge[k], mirrored[k + 1] = -charge[k + 1];
        md_mmd_apply(order, block->d, mirrored, c->mirror[which] + i * MD_MMD_ORDER);
    }
}

/* The sums over all pairs of cells; charge and field are computed if `backward` is 1 (for y) or 2 (also for x). */
MD_CLONES static MD_UNUSED void md_mmd_sums(md_mmd_cells *c, int64_t used, double pair, double cross, int backward,
                                            double total[3]) {
    int64_t i, j, n = used * MD_MMD_ORDER;
    int which;
    for (which = 2 - backward; which < 2; which++) {
        for (i = 0; i < n; i++) c->charge[which][i] = pair * c->moment[which][i] - cross * c->moment[1 - which][i];
        memset(c->field[which], 0, sizeof(double) * (size_t)n);
        memset(c->mirror[which], 0, sizeof(double) * (size_t)n);
    }
    total[0] = total[1] = total[2] = 0;
    for (i = 0; i < used; i++)
        for (j = i; j < used; j++) switch (md_mmd_blocks[c->cell[j] - c->cell[i]].order) {
            case 4: md_mmd_pair(4, c, i, j, backward, total); break;
            case 8: md_mmd_pair(8, c, i, j, backward, total); break;
            case 12: md_mmd_pair(12, c, i, j, backward, total); break;
#if MD_MMD_ORDER > 12
            case 16: md_mmd_pair(16, c, i, j, backward, total); break;
            case 20: md_mmd_pair(20, c, i, j, backward, total); break;
            case 24: md_mmd_pair(24, c, i, j, backward, total); break;
#endif
            }
}

#endif

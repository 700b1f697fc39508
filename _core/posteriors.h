/* log sum_i q(z_j | x_i) of samples z_j under the n posteriors of a batch, and its gradients, over near pairs alone.

   A posterior more than about seven scales away weighs nothing in rounded numbers. So points that lie together are
   put side by side, posteriors in groups of MD_LANES and samples in blocks of MD_SAMPLES, and every block meets only
   the groups that can matter to it:

       posteriors          strips along dimension 1,       a box around each group,     the groups that a block meets
                           cut along dimension 2 ...       its widest scales
        .  : . .  .         | . |: .|.  . |                [. ][: .][.  . ]              [. ][: .]
       .  .   .: .          |.  |. :| .: .|                [.  ][. :][ .: .]      z      [.  ][. :]

   For any z of the block's own box, no posterior of group g is above bound_g, and the widest posterior of g, one of
   its MD_LANES, is at least reach_g:

       bound_g = max c_i - sum_d (gap between the boxes / largest scale)^2 + log2(largest scale of all / smallest)
       reach_g = c_w - sum_d (span / s_w)^2

   The sum is at least the largest reach. A group is left out if its bound is below that by a factor of
   2^(MD_DIGITS) n: all that is left out is then below half a unit of rounding. As a gradient has 1 / s, a group's bound
   is larger by the factor between its smallest scale and the largest of all. Where the boxes tell nothing - wide
   scales, many dimensions - each block meets all groups. Which pairs are met depends on the batch alone.

   All logarithms are to base 2, with r = (z - mu) / s sqrt(log2(e) / 2):  log2 q(z | x_i) = c_i - sum_d r_d^2. */
#ifndef MD_POSTERIORS_H
#define MD_POSTERIORS_H

#include "formulas.h"
#include "gemm.h"

#define MD_SAMPLES 8 /* samples in a block: their weights, 8 x n of them, are in memory at the same time */
#define MD_ROWS_TOGETHER 4
#define MD_SORTED_DIMS 3 /* points are sorted by their first three dimensions */
#define MD_BINS 64
#ifdef MINIDECOMP_FLOAT
#define MD_DIGITS 25
#else
#define MD_DIGITS 54
#endif

/* As doubles: rounded to float, each would push all logarithms the same way. */
#define LOG_2 0.6931471805599453
#define LOG2_E 1.4426950408889634
#define PER_SCALE 0.8493218002880191 /* sqrt(log2(e) / 2) */

typedef struct {
    int64_t n, D, width; /* posteriors; with weightless ones that fill the last group, a multiple of MD_LANES */
    int64_t groups;      /* with empty ones, a multiple of MD_LANES */
    int32_t *order;      /* (n,): the posterior at each place */
    real *loc;           /* (D, width), as is the next */
    real *inverse;       /* PER_SCALE / s */
    real *constant;      /* (width,): c */
    real *low, *high;    /* (D, groups), as are the next three: the box around loc */
    real *least;         /* the smallest inverse */
    real *wide_loc, *wide_inverse; /* those of the widest posterior, which has the smallest c */
    real *most, *wide_constant;    /* (groups,): the largest c, with the factor of the gradients; the smallest c */
} md_posteriors;

MD_INLINE int64_t md_lanes_for(int64_t n) { return (n + MD_LANES - 1) / MD_LANES * MD_LANES; }

/* Numbers that md_place_posteriors needs for n posteriors. */
MD_INLINE int64_t md_posteriors_room(int64_t n, int64_t D) {
    int64_t width = md_lanes_for(n), groups = md_lanes_for(width / MD_LANES);
    return (2 * D + 1) * width + (5 * D + 2) * groups;
}

static MD_UNUSED void md_place_posteriors(md_posteriors *p, int64_t n, int64_t D, real *room) {
    p->n = n;
    p->D = D;
    p->width = md_lanes_for(n);
    p->groups = md_lanes_for(p->width / MD_LANES);
    p->loc = room;
    p->inverse = p->loc + D * p->width;
    p->constant = p->inverse + D * p->width;
    p->low = p->constant + p->width;
    p->high = p->low + D * p->groups;
    p->least = p->high + D * p->groups;
    p->wide_loc = p->least + D * p->groups;
    p->wide_inverse = p->wide_loc + D * p->groups;
    p->most = p->wide_inverse + D * p->groups;
    p->wide_constant = p->most + p->groups;
}

/* ---- the order ---- */

/* Integers that md_sort_points needs. */
MD_INLINE int64_t md_sort_room(int64_t n, int64_t group) { return 2 * n + MD_BINS * (n / group + 2); }

/* x's bin, of MD_BINS from mean - 2.5 sd to mean + 2.5 sd; the outer ones go on for ever, and 0 has what is no number. */
MD_INLINE int32_t md_bin(real x, real low, real bins) {
    real t = (x - low) * bins;
    return t > 0 ? (t < MD_BINS - 1 ? (int32_t)t : MD_BINS - 1) : 0;
}

MD_INLINE void md_bin_range(const real *x, int64_t stride, int64_t n, real *low, real *bins) {
    double sum = 0, square = 0, sd;
    int64_t i;
    for (i = 0; i < n; i++) {
        double v = x[i * stride];
        sum += v;
        square += v * v;
    }
    sum /= (double)n;
    sd = sqrt(square / (double)n - sum * sum);
    *low = (real)(sum - 2.5 * sd);
    *bins = (real)(MD_BINS / (5 * sd));
}

/* The width of the strips in which `width` points are cut along one of `dims` dimensions: as many as in the others. */
MD_INLINE int64_t md_strip(int64_t width, int64_t group, int64_t dims) {
    int64_t groups = (width + group - 1) / group, parts = 0, blocks = 0, d;
    while (blocks < groups)
        for (parts++, blocks = 1, d = 0; d < dims; d++) blocks *= parts;
    return (groups + parts - 1) / parts * group;
}

/* The order that puts neighbours side by side in groups: sorted by the first dimension and cut into strips of as many
   points, each of which is sorted by the next dimension, and so on. x has rows `stride` apart; equals stay in order. */
static MD_UNUSED void md_sort_points(const real *x, int64_t stride, int64_t n, int64_t D, int64_t group,
                                     int32_t *order, int32_t *room) {
    int32_t *key = room, *from = room + n, *to = order, *count = room + 2 * n;
    int64_t dims = D < MD_SORTED_DIMS ? D : MD_SORTED_DIMS, width = n, d, i;
    for (i = 0; i < n; i++) from[i] = (int32_t)i;
    for (d = 0; d < dims; d++) {
        int64_t strips = (n + width - 1) / width, s;
        int32_t *sorted = to, place = 0;
        real low, bins;
        md_bin_range(x + d, stride, n, &low, &bins);
        memset(count, 0, (size_t)(strips * MD_BINS) * sizeof *count);
        for (s = 0; s < strips; s++)
            for (i = s * width; i < n && i < (s + 1) * width; i++) {
                key[i] = (int32_t)(s * MD_BINS) + md_bin(x[from[i] * stride + d], low, bins);
                count[key[i]]++;
            }
        for (i = 0; i < strips * MD_BINS; i++) {
            int32_t size = count[i];
            count[i] = place;
            place += size;
        }
        for (i = 0; i < n; i++) to[count[key[i]]++] = from[i];
        to = from;
        from = sorted;
        width = md_strip(width, group, dims - d);
    }
    if (from != order) memcpy(order, from, (size_t)n * sizeof *order);
}

/* most_g += log2(largest scale of all / smallest of g): 0 or more, and what is no number stays. */
MD_INLINE void md_allow_for_gradients(const md_posteriors *p) {
    int64_t g, d, i;
    real least = p->inverse[0];
    for (i = 0; i < p->D * p->width; i++) least = md_min(least, p->inverse[i]);
    for (g = 0; g < p->width / MD_LANES; g++) {
        real most = least;
        for (d = 0; d < p->D; d++)
            for (i = g * MD_LANES; i < (g + 1) * MD_LANES; i++) most = md_max(most, p->inverse[d * p->width + i]);
        p->most[g] += (real)(LOG2_E * log((double)most / (double)least));
    }
}

/* The box, the scales and the constants of every group. */
static MD_UNUSED void md_enclose(const md_posteriors *p) {
    int64_t g, d, i;
    for (g = 0; g < p->groups; g++) {
        int64_t first = g * MD_LANES, last = first + MD_LANES, widest = first;
        if (first >= p->width) {
            p->most[g] = p->wide_constant[g] = -INFINITY;
            for (d = 0; d < p->D; d++)
                p->low[d * p->groups + g] = p->high[d * p->groups + g] = p->least[d * p->groups + g] =
                    p->wide_loc[d * p->groups + g] = p->wide_inverse[d * p->groups + g] = 0;
            continue;
        }
        p->most[g] = p->constant[first];
        for (i = first + 1; i < last; i++) {
            /* What is no number stays, so that no block leaves it out. */
            if (!(p->constant[i] <= p->most[g]) && p->most[g] == p->most[g]) p->most[g] = p->constant[i];
            if (p->constant[i] < p->constant[widest]) widest = i;
        }
        p->wide_constant[g] = p->constant[widest];
        for (d = 0; d < p->D; d++) {
            const real *loc = p->loc + d * p->width, *inverse = p->inverse + d * p->width;
            real low = loc[first], high = low, least = inverse[first];
            for (i = first + 1; i < last; i++) {
                low = md_min(low, loc[i]);
                high = md_max(high, loc[i]);
                least = md_min(least, inverse[i]);
            }
            p->low[d * p->groups + g] = low;
            p->high[d * p->groups + g] = high;
            p->least[d * p->groups + g] = least;
            p->wide_loc[d * p->groups + g] = loc[widest];
            p->wide_inverse[d * p->groups + g] = inverse[widest];
        }
    }
    md_allow_for_gradients(p);
}

/* PER_SCALE / s in place of s, and c -= log2 s + log2(2 pi) / 2; loc - loc is not a number where loc is infinite or none. */
MD_CLONES static MD_UNUSED void md_invert(const real *MD_RESTRICT loc, real *MD_RESTRICT scale, int64_t n,
                                          real *MD_RESTRICT constant) {
    int64_t i;
    for (i = 0; i < n; i++) {
        constant[i] -= (real)(LOG2_E * (md_log(scale[i]) + 0.5 * LOG_2PI)) + (loc[i] - loc[i]);
        scale[i] = (real)(PER_SCALE / scale[i]);
    }
}

/* Sort and place the posteriors with loc, rows `stride` apart, and scale (n, D). */
static MD_UNUSED void md_arrange_posteriors(md_posteriors *p, const real *loc, int64_t stride, const real *scale,
                                            int32_t *sort_room) {
    int64_t d, i, n = p->n, D = p->D;
    md_sort_points(loc, stride, n, D, MD_LANES, p->order, sort_room);
    for (i = 0; i < p->width; i++) p->constant[i] = i < n ? 0 : -INFINITY;
    for (d = 0; d < D; d++) {
        real *to = p->loc + d * p->width, *over = p->inverse + d * p->width;
        for (i = 0; i < p->width; i++) {
            int64_t b = p->order[i < n ? i : n - 1];
            to[i] = loc[b * stride + d];
            over[i] = scale[b * D + d];
        }
        md_invert(to, over, p->width, p->constant);
    }
    md_enclose(p);
}

/* ---- a block of samples: z (D, MD_SAMPLES), a lane a sample ---- */

MD_INLINE real md_largest_lane(md_vector v) {
    real a[MD_LANES];
    int64_t half, lane;
    MD_STORE(a, v);
    for (half = MD_LANES / 2; half > 0; half /= 2)
        for (lane = 0; lane < half; lane++) a[lane] = md_max(a[lane], a[lane + half]);
    return a[0];
}

MD_INLINE real md_sum_of_lanes(md_vector v) {
    real a[MD_LANES];
    int64_t half, lane;
    MD_STORE(a, v);
    for (half = MD_LANES / 2; half > 0; half /= 2)
        for (lane = 0; lane < half; lane++) a[lane] += a[lane + half];
    return a[0];
}

/* The groups whose bound is not below the largest reach - log2(2^MD_DIGITS n): their first places go to `near`, room
   for p->groups + 1 of them. room holds 2 p->groups numbers. */
MD_CLONES static MD_UNUSED void md_near_groups(const md_posteriors *p, const real *z, real *MD_RESTRICT room,
                                               int32_t *near, int64_t *count) {
    int64_t n = p->groups, g, d;
    real *MD_RESTRICT bound = room, *MD_RESTRICT reach = room + n, floor;
    md_vector top;
    for (g = 0; g < n; g++) bound[g] = p->most[g];
    for (g = 0; g < n; g++) reach[g] = p->wide_constant[g];
    for (d = 0; d < p->D; d++) {
        const real *MD_RESTRICT low = p->low + d * n, *MD_RESTRICT high = p->high + d * n;
        const real *MD_RESTRICT least = p->least + d * n, *MD_RESTRICT loc = p->wide_loc + d * n;
        const real *MD_RESTRICT inverse = p->wide_inverse + d * n;
        real first = z[d * MD_SAMPLES], last = first;
        for (g = 1; g < MD_SAMPLES; g++) {
            first = md_min(first, z[d * MD_SAMPLES + g]);
            last = md_max(last, z[d * MD_SAMPLES + g]);
        }
        for (g = 0; g < n; g++) {
            real gap = md_max(md_max(low[g] - last, first - high[g]), 0) * least[g];
            real span = md_max(last - loc[g], loc[g] - first) * inverse[g];
            bound[g] -= gap * gap;
            reach[g] -= span * span;
        }
    }
    top = MD_LOAD(reach);
    for (g = MD_LANES; g < n; g += MD_LANES) {
        md_vector next = MD_LOAD(reach + g);
        top = MD_LARGER(top, next);
    }
    floor = md_largest_lane(top) - (real)(MD_DIGITS + LOG2_E * log((double)p->n));
    *count = 0;
    for (g = 0; g < p->width / MD_LANES; g++) {
        near[*count] = (int32_t)(g * MD_LANES);
        *count += !(bound[g] < floor);
    }
}

/* log2 q of MD_ROWS_TOGETHER samples under `groups` groups of posteriors, a constant at the call. */
MD_INLINE void md_log_groups(const int groups, const md_posteriors *p, const int32_t *near, const real *z, real *out,
                             int64_t stride) {
    md_vector sum[MD_ROWS_TOGETHER][2];
    int64_t d;
    int v, j;
    MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++)
        MD_UNROLL for (v = 0; v < groups; v++) sum[j][v] = MD_ZERO;
    for (d = 0; d < p->D; d++) {
        md_vector mu[2], over[2];
        MD_UNROLL for (v = 0; v < groups; v++) {
            mu[v] = MD_LOAD(p->loc + d * p->width + near[v]);
            over[v] = MD_LOAD(p->inverse + d * p->width + near[v]);
        }
        MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++)
            MD_UNROLL for (v = 0; v < groups; v++) {
                md_vector r = MD_TIMES(MD_MINUS(MD_ALL(z[d * MD_SAMPLES + j]), mu[v]), over[v]);
                MD_ADD_PRODUCT(sum[j][v], r, r);
            }
    }
    MD_UNROLL for (v = 0; v < groups; v++)
        MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++)
            MD_STORE(out + j * stride + v * MD_LANES, MD_MINUS(MD_LOAD(p->constant + near[v]), sum[j][v]));
}

/* weight_jk = log2 q(z_j | x_k) for the posteriors k of the near groups, side by side; rows `stride` apart. */
MD_CLONES static MD_UNUSED void md_log_posteriors(const md_posteriors *p, int64_t count, const int32_t *near,
                                                  const real *z, real *weight, int64_t stride) {
    int64_t k, j;
    for (j = 0; j < MD_SAMPLES; j += MD_ROWS_TOGETHER) {
        for (k = 0; k + 2 <= count; k += 2)
            md_log_groups(2, p, near + k, z + j, weight + j * stride + k * MD_LANES, stride);
        if (k < count) md_log_groups(1, p, near + k, z + j, weight + j * stride + k * MD_LANES, stride);
    }
}

/* weight_jk <- 2^(weight_jk - largest_j), and their sum over k = 0 .. n - 1, for MD_ROWS_TOGETHER samples j. */
MD_INLINE void md_weigh_rows(real *MD_RESTRICT weight, int64_t stride, int64_t n, real *MD_RESTRICT largest,
                             real *MD_RESTRICT total) {
    md_vector top[MD_ROWS_TOGETHER], sum[MD_ROWS_TOGETHER];
    int64_t k;
    int j;
    MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++) {
        top[j] = MD_LOAD(weight + j * stride);
        sum[j] = MD_ZERO;
    }
    for (k = MD_LANES; k < n; k += MD_LANES)
        MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++) {
            md_vector next = MD_LOAD(weight + j * stride + k);
            top[j] = MD_LARGER(top[j], next);
        }
    MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++) {
        real *MD_RESTRICT row = weight + j * stride, most = md_largest_lane(top[j]);
        largest[j] = most;
        for (k = 0; k < n; k++) row[k] = md_exp2_of_negative(row[k] - most);
    }
    for (k = 0; k < n; k += MD_LANES)
        MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++)
            MD_ADD_SCALED(sum[j], (real)1, MD_LOAD(weight + j * stride + k));
    MD_UNROLL for (j = 0; j < MD_ROWS_TOGETHER; j++) total[j] = md_sum_of_lanes(sum[j]);
}

/* The same for all samples of a block. */
MD_CLONES static MD_UNUSED void md_weigh(real *weight, int64_t stride, int64_t n, real *largest, real *total) {
    int64_t j;
    for (j = 0; j < MD_SAMPLES; j += MD_ROWS_TOGETHER)
        md_weigh_rows(weight + j * stride, stride, n, largest + j, total + j);
}

/* With w_j = factor_j weight_j, for `dims` dimensions from d on, a constant at the call, and the group at `place`:
   pull += sum_j w_j r,  stretch += 2 log 2 sum_j w_j r^2 - sum_j w_j.  The sums stay in registers over j. */
MD_INLINE void md_sums_of_group(const int dims, const md_posteriors *p, int64_t d, int64_t place, const real *z,
                                const real *factor, const real *weight, int64_t stride, real *pull, real *stretch) {
    int64_t at = d * p->width + place;
    md_vector first[2], second[2], mu[2], over[2], mass = MD_ZERO;
    int j, e;
    MD_UNROLL for (e = 0; e < dims; e++) {
        first[e] = second[e] = MD_ZERO;
        mu[e] = MD_LOAD(p->loc + at + e * p->width);
        over[e] = MD_LOAD(p->inverse + at + e * p->width);
    }
    MD_UNROLL for (j = 0; j < MD_SAMPLES; j++) {
        md_vector w = MD_SCALED(factor[j], MD_LOAD(weight + j * stride));
        MD_ADD_SCALED(mass, (real)1, w);
        MD_UNROLL for (e = 0; e < dims; e++) {
            md_vector r = MD_TIMES(MD_MINUS(MD_ALL(z[(d + e) * MD_SAMPLES + j]), mu[e]), over[e]), t = MD_TIMES(w, r);
            MD_ADD_SCALED(first[e], (real)1, t);
            MD_ADD_PRODUCT(second[e], t, r);
        }
    }
    MD_UNROLL for (e = 0; e < dims; e++) {
        real *to_pull = pull + at + e * p->width, *to_stretch = stretch + at + e * p->width;
        md_vector sum = MD_MINUS(MD_LOAD(to_stretch), mass);
        MD_ADD_SCALED(first[e], (real)1, MD_LOAD(to_pull));
        MD_ADD_SCALED(sum, (real)(2 * LOG_2), second[e]);
        MD_STORE(to_pull, first[e]);
        MD_STORE(to_stretch, sum);
    }
}

/* The same for all near groups and dimensions; pull and stretch (D, width). */
MD_CLONES static MD_UNUSED void md_posterior_sums(const md_posteriors *p, int64_t count, const int32_t *near,
                                                  const real *z, const real *factor, const real *weight,
                                                  int64_t stride, real *pull, real *stretch) {
    int64_t k, d;
    for (k = 0; k < count; k++, weight += MD_LANES) {
        for (d = 0; d + 2 <= p->D; d += 2)
            md_sums_of_group(2, p, d, near[k], z, factor, weight, stride, pull, stretch);
        if (d < p->D) md_sums_of_group(1, p, d, near[k], z, factor, weight, stride, pull, stretch);
    }
}

/* The gradients of dimension d in the batch's order, from `parts` pulls and stretches (D, width), `apart` numbers apart,
   which are overwritten; the r and inverse of `pull` have PER_SCALE each, and PER_SCALE^-2 = 2 log 2:
   d_mu = -sum w (z - mu) / s^2,  d_s = -sum w ((z - mu)^2 / s^2 - 1) / s */
MD_CLONES static MD_UNUSED void md_posterior_grads(const md_posteriors *p, int64_t d, int64_t parts, int64_t apart,
                                                   real *pull, real *stretch, real *d_loc, real *d_scale) {
    const real *inverse = p->inverse + d * p->width;
    int64_t part, i;
    pull += d * p->width;
    stretch += d * p->width;
    for (i = 0; i < p->width; i += MD_LANES) {
        md_vector over = MD_LOAD(inverse + i), first = MD_LOAD(pull + i), second = MD_LOAD(stretch + i);
        for (part = 1; part < parts; part++) {
            MD_ADD_SCALED(first, (real)1, MD_LOAD(pull + part * apart + i));
            MD_ADD_SCALED(second, (real)1, MD_LOAD(stretch + part * apart + i));
        }
        MD_STORE(pull + i, MD_SCALED((real)(-2 * LOG_2), MD_TIMES(first, over)));
        MD_STORE(stretch + i, MD_SCALED((real)(-1 / PER_SCALE), MD_TIMES(second, over)));
    }
    for (i = 0; i < p->n; i++) {
        d_loc[p->order[i]] = pull[i];
        d_scale[p->order[i]] = stretch[i];
    }
}

/* pull_j = factor_j sum_k weight_jk (z_j - mu_k) / s_k^2 in dimension d. */
MD_CLONES static MD_UNUSED void md_sample_pull(const md_posteriors *p, int64_t d, int64_t count, const int32_t *near,
                                               const real *z, const real *factor, const real *weight, int64_t stride,
                                               real *pull) {
    const real *loc = p->loc + d * p->width, *inverse = p->inverse + d * p->width;
    int64_t k, j;
    for (j = 0; j < MD_SAMPLES; j++) {
        md_vector sum = MD_ZERO, at = MD_ALL(z[d * MD_SAMPLES + j]);
        for (k = 0; k < count; k++) {
            md_vector over = MD_LOAD(inverse + near[k]);
            md_vector w = MD_TIMES(MD_LOAD(weight + j * stride + k * MD_LANES), over);
            MD_ADD_PRODUCT(sum, w, MD_TIMES(MD_MINUS(at, MD_LOAD(loc + near[k])), over));
        }
        pull[j] = (real)(factor[j] * 2 * LOG_2 * md_sum_of_lanes(sum));
    }
}

#endif

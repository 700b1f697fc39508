/* Four doubles at a time: gcc keeps these in registers, which it does not do with an array in a loop. */
#ifndef MD_LANES_H
#define MD_LANES_H

#include <string.h>

#include "real.h"

#if defined(__GNUC__)
typedef double md_four __attribute__((vector_size(32)));
typedef double md_four_stored __attribute__((vector_size(32), aligned(8), may_alias));
#define MD_FOUR_OF(a, b, c, d) ((md_four){a, b, c, d})
#define MD_FOUR_LOAD(p) (*(const md_four_stored *)(p))
#define MD_FOUR_STORE(p, v) (*(md_four_stored *)(p) = (v))
#define MD_FOUR_TIMES(v, s) ((v) * (s))
#define MD_FOUR_MINUS(u, v) ((u) - (v))
#define MD_FOUR_ADD_PRODUCT(u, v, w) ((u) += (v) * (w))
#define MD_FOUR_ADD_SCALED(u, v, s) ((u) += (v) * (s))
#define MD_FOUR_SUM(v) (((v)[0] + (v)[2]) + ((v)[1] + (v)[3]))
#else
typedef struct {
    double part[4];
} md_four;
MD_INLINE md_four MD_FOUR_OF(double a, double b, double c, double d) {
    md_four v = {{a, b, c, d}};
    return v;
}
MD_INLINE md_four MD_FOUR_LOAD(const double *p) { return MD_FOUR_OF(p[0], p[1], p[2], p[3]); }
MD_INLINE md_four md_four_combined(double s, md_four u, double t, md_four v) {
    return MD_FOUR_OF(s * u.part[0] + t * v.part[0], s * u.part[1] + t * v.part[1], s * u.part[2] + t * v.part[2],
                      s * u.part[3] + t * v.part[3]);
}
MD_INLINE md_four md_four_product(md_four u, md_four v) {
    return MD_FOUR_OF(u.part[0] * v.part[0], u.part[1] * v.part[1], u.part[2] * v.part[2], u.part[3] * v.part[3]);
}
#define MD_FOUR_STORE(p, v) memcpy(p, (v).part, 4 * sizeof(double))
#define MD_FOUR_TIMES(v, s) md_four_combined(s, v, 0, v)
#define MD_FOUR_MINUS(u, v) md_four_combined(1, u, -1, v)
#define MD_FOUR_ADD_PRODUCT(u, v, w) ((u) = md_four_combined(1, u, 1, md_four_product(v, w)))
#define MD_FOUR_ADD_SCALED(u, v, s) ((u) = md_four_combined(1, u, s, v))
#define MD_FOUR_SUM(v) (((v).part[0] + (v).part[2]) + ((v).part[1] + (v).part[3]))
#endif

#endif

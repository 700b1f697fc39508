/* Elementary functions without branches, so that gcc vectorises the loops that call them.

   float: polynomials, at most 2 ulp (tests/core/test_core_primitives.py). double: libm, as it is for checks, not speed.
   If a function is marked MD_CLONES, its loop is compiled for several instruction sets; one is chosen at run time. */
#ifndef MD_SIMD_H
#define MD_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "real.h"

/* Older gcc lacks the x86-64-v* names, clang exports the wrong symbol, musl has no ifunc. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && !defined(MINIDECOMP_NO_CLONES)
#if defined(__GNUC__) && __GNUC__ >= 12
#define MD_HAS_CLONES
/* double is for checks, not for speed: AVX-512 would add a seventh to its module. */
#ifdef MINIDECOMP_DOUBLE
#define MD_CLONES __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define MD_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#define MD_HAS_WIDE
#endif
#endif
#endif
#ifndef MD_CLONES
#define MD_CLONES
#endif

/* The compiled variant of a marked function that runs on this machine. */
static inline const char *md_code_path(void) {
#if defined(MD_HAS_CLONES)
    __builtin_cpu_init();
#ifdef MD_HAS_WIDE
    if (__builtin_cpu_supports("x86-64-v4")) return "AVX-512 (x86-64-v4), chosen at run time";
#endif
    if (__builtin_cpu_supports("x86-64-v3")) return "AVX2 (x86-64-v3), chosen at run time";
    return "SSE2 (x86-64), chosen at run time";
#elif defined(__AVX512F__)
    return "AVX-512, fixed when it was built";
#elif defined(__AVX2__)
    return "AVX2, fixed when it was built";
#elif defined(__aarch64__) || defined(_M_ARM64)
    return "NEON, as on every aarch64";
#elif defined(__x86_64__) || defined(_M_X64)
    return "SSE2, fixed when it was built";
#else
    return "the compiler's least, fixed when it was built";
#endif
}

/* The return type of a cloned function written in Cython: ctypedef void md_cloned_void. */
#define md_cloned_void MD_CLONES void

/* If a is NaN, max and min return b. */
MD_INLINE real md_max(real a, real b) { return a > b ? a : b; }
MD_INLINE real md_min(real a, real b) { return a < b ? a : b; }

#ifdef MINIDECOMP_FLOAT

MD_INLINE int32_t md_bits(float x) {
    int32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

MD_INLINE float md_from_bits(int32_t i) {
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* a - b modulo 2^32: as signed numbers, the bits of floats can be more than 2^31 apart. */
MD_INLINE int32_t md_bits_apart(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }

/* 2^n, -127 < n < 128 */
MD_INLINE float md_pow2(int32_t n) { return md_from_bits((int32_t)((uint32_t)(n + 127) << 23)); }

/* Adding 1.5 * 2^23 rounds to an integer, found in the low bits of the sum. */
#define MD_ROUND 12582912.0f

MD_INLINE float md_sqrt(float x) { return sqrtf(x); }
MD_INLINE float md_fabs(float x) { return fabsf(x); }

/* x = n log 2 + r, |r| <= log(2) / 2;  returns exp(r) - 1 = r + r^2 Q(r) */
MD_INLINE float md_exp_reduced(float x, int32_t *n) {
    float t = x * 1.44269504f + MD_ROUND;
    float k = t - MD_ROUND;
    float r = x - k * 0.693145752f;
    float q = 1.38145394e-3f;
    r = r - k * 1.42860677e-6f;
    q = q * r + 8.36874545e-3f;
    q = q * r + 4.16683890e-2f;
    q = q * r + 1.66665211e-1f;
    q = q * r + 4.99999940e-1f;
    *n = md_bits(t) - md_bits(MD_ROUND);
    return r + r * r * q;
}

/* exp(x) = 2^n exp(r); in two halves, so that 2^128 and the subnormals are right. */
MD_INLINE float md_exp(float x) {
    int32_t n, half;
    float p;
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    p = 1.0f + md_exp_reduced(x, &n);
    half = n >> 1;
    return p * md_pow2(half) * md_pow2(n - half);
}

/* exp(x) for x <= 0, with 0 for results below e^-87. */
MD_INLINE float md_exp_of_negative(float x) {
    int32_t n;
    float y = x < -87.0f ? -87.0f : x, p = 1.0f + md_exp_reduced(y, &n);
    return x < -87.0f ? 0.0f : p * md_pow2(n);
}

/* 2^x for x <= 0, with 0 for results below 2^-90, so that products with them are no subnormals, which are slow.
   x = n + r, |r| <= 1/2;  2^r = 1 + r P(r) */
MD_INLINE float md_exp2_of_negative(float x) {
    float y = x < -90.0f ? -90.0f : x, t = y + MD_ROUND, r = y - (t - MD_ROUND), p = 1.53243151e-4f;
    p = p * r + 1.33909585e-3f;
    p = p * r + 9.61851756e-3f;
    p = p * r + 5.55035959e-2f;
    p = p * r + 2.40226476e-1f;
    p = p * r + 6.93147182e-1f;
    p = p * r + 1.0f;
    return x < -90.0f ? 0.0f : p * md_pow2(md_bits(t) - md_bits(MD_ROUND));
}

/* exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + 2^(n-1) - 1/2) */
MD_INLINE float md_expm1(float x) {
    int32_t n;
    float p, s;
    x = x > 89.0f ? 89.0f : x;
    x = x < -18.0f ? -18.0f : x;
    p = md_exp_reduced(x, &n);
    s = md_pow2(n - 1);
    return 2.0f * (s * p + (s - 0.5f));
}

/* log(1 + f) + n log 2, sqrt(1/2) <= 1 + f < sqrt(2):  log(1 + f) = f - f^2 / 2 + f^3 P(f) */
MD_INLINE float md_log_reduced(float f, float n) {
    float f2 = f * f, p = -7.63449669e-2f;
    p = p * f + 1.27615765e-1f;
    p = p * f - 1.31601825e-1f;
    p = p * f + 1.42017573e-1f;
    p = p * f - 1.66233569e-1f;
    p = p * f + 2.00012267e-1f;
    p = p * f - 2.50008196e-1f;
    p = p * f + 3.33333313e-1f;
    p = p * f * f2 + n * 1.42860677e-6f;
    p = p - 0.5f * f2;
    return (f + p) + n * 0.693145752f;
}

/* y at x > 0, -inf at 0, NaN below; inf and NaN pass through. */
MD_INLINE float md_log_edges(float x, float y) {
    y = x < INFINITY ? y : x;
    return x > 0.0f ? y : (x == 0.0f ? -INFINITY : NAN);
}

#define MD_SQRT_HALF 0x3f3504f3

/* x = 2^n (1 + f);  log(x) = n log 2 + log(1 + f) */
MD_INLINE float md_log(float x) {
    int subnormal = x < 1.17549435e-38f;
    float y = subnormal ? x * 8388608.0f : x;
    int32_t i = md_bits(y), n = md_bits_apart(i, MD_SQRT_HALF) >> 23;
    float f = md_from_bits(md_bits_apart(i, (int32_t)((uint32_t)n << 23))) - 1.0f;
    return md_log_edges(x, md_log_reduced(f, (float)n - (subnormal ? 23.0f : 0.0f)));
}

/* 1 + x = 2^n (1 + f), where f = 2^-n x + (2^-n - 1) keeps all digits of a small x. */
MD_INLINE float md_log1p(float x) {
    float y = 1.0f + x;
    int32_t n = md_bits_apart(md_bits(y), MD_SQRT_HALF) >> 23, shift = (int32_t)((uint32_t)n << 23);
    int32_t one = md_bits_apart(0x3f800000, shift);
    float f = md_from_bits(md_bits_apart(md_bits(x), shift)) + (md_from_bits(one > 0 ? one : 0) - 1.0f);
    return md_log_edges(y, md_log_reduced(f, (float)n));
}

/* tanh(x) = 1 - 2 / (exp(2x) + 1), and x + x^3 P(x^2) near 0 */
MD_INLINE float md_tanh(float x) {
    int32_t n;
    float a = md_fabs(x), x2 = x * x, b = a > 10.0f ? 10.0f : a;
    float e = 1.0f + md_exp_reduced(2.0f * b, &n);
    float large = copysignf(1.0f - 2.0f / (e * md_pow2(n) + 1.0f), x);
    float p = -5.66697726e-3f;
    p = p * x2 + 2.06061769e-2f;
    p = p * x2 - 5.37300073e-2f;
    p = p * x2 + 1.33313313e-1f;
    p = p * x2 - 3.33332777e-1f;
    return a > 0.625f ? large : x + x * (x2 * p);
}

/* u = q / 4 + r, |r| <= 1/8:  sine and cosine of 2 pi r, swapped and signed by the quadrant q */
MD_INLINE void md_sincos2pi(float u, float *s, float *c) {
    float t = u * 4.0f + MD_ROUND;
    int32_t q = md_bits(t);
    float r = u - (t - MD_ROUND) * 0.25f, r2 = r * r;
    float a = -75.4456024f, b = 59.2292442f;
    float sine, cosine;
    a = a * r2 + 81.5937653f;
    a = a * r2 - 41.3416710f;
    b = b * r2 - 85.4432373f;
    b = b * r2 + 64.9393234f;
    b = b * r2 - 19.7392082f;
    sine = r * 6.28318548f + r * (r2 * a - 1.74845553e-7f);
    cosine = 1.0f + r2 * b;
    *s = md_from_bits(md_bits(q & 1 ? cosine : sine) ^ (int32_t)((uint32_t)(q & 2) << 30));
    *c = md_from_bits(md_bits(q & 1 ? sine : cosine) ^ (int32_t)((uint32_t)((q + 1) & 2) << 30));
}

#else

MD_INLINE double md_sqrt(double x) { return sqrt(x); }
MD_INLINE double md_fabs(double x) { return fabs(x); }
MD_INLINE double md_exp(double x) { return exp(x); }
MD_INLINE double md_exp_of_negative(double x) { return exp(x); }
MD_INLINE double md_exp2_of_negative(double x) { return exp2(x); }
MD_INLINE double md_expm1(double x) { return expm1(x); }
MD_INLINE double md_log(double x) { return log(x); }
MD_INLINE double md_log1p(double x) { return log1p(x); }
MD_INLINE double md_tanh(double x) { return tanh(x); }
MD_INLINE void md_sincos2pi(double u, double *s, double *c) {
    *s = sin(6.283185307179586 * u);
    *c = cos(6.283185307179586 * u);
}

#endif

#endif

/* What all kernels share: the number types, the scalar formulas, and a thread's index. */

#ifdef __CUDACC_RTC__
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <stdint.h>
#endif

#ifdef __CUDACC__
typedef MINIDECOMP_REAL real;
#define MD_INLINE static __device__ __forceinline__
MD_INLINE real md_max(real a, real b) { return a > b ? a : b; }
MD_INLINE real md_sqrt(real x) { return sqrt(x); }
MD_INLINE real md_fabs(real x) { return fabs(x); }
MD_INLINE real md_exp(real x) { return exp(x); }
MD_INLINE real md_expm1(real x) { return expm1(x); }
MD_INLINE real md_log(real x) { return log(x); }
MD_INLINE real md_log1p(real x) { return log1p(x); }
MD_INLINE real md_tanh(real x) { return tanh(x); }
MD_INLINE void md_sincos2pi(real u, real *s, real *c) { sincospi(2 * u, s, c); }
#endif

#include "formulas.h"

/* The steps of a small model are compiled alone, for its prior, likelihood and the like (Device.bind_together); a template
   that nobody uses then takes the place of every other kernel. */
#define MD_SMALL_KERNEL extern "C" __global__ void
#ifdef SMALL_ALONE
#define MD_KERNEL template <int> static __device__ void
#else
#define MD_KERNEL MD_SMALL_KERNEL
#endif
#define MD_DEVICE static __device__

/* What is compiled once and called: a kernel that the cache of instructions does not hold is slow. */
#ifdef __CUDACC__
#define MD_ONCE static __device__ __noinline__
#else
#define MD_ONCE static
#endif

/* The step's own numbers stay on the device, so that every step is the same sequence of launches: `state`, `numbers`,
   and `rates`, which Adam's many threads need as real numbers. codes.h has their indices. */

/* This thread's index in the whole grid. */
MD_DEVICE int64_t md_me() { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }

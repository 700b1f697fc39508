/* What compilers spell differently. */
#ifndef MD_COMPILER_H
#define MD_COMPILER_H

#if defined(__GNUC__)
#define MD_INLINE static inline __attribute__((always_inline, unused))
#define MD_UNUSED __attribute__((unused))
#define MD_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define MD_INLINE static __forceinline
#define MD_UNUSED
#define MD_RESTRICT __restrict
#else
#define MD_INLINE static inline
#define MD_UNUSED
#define MD_RESTRICT
#endif

#endif

/* Four numbers that a thread loads or stores at once; their address is a multiple of 16 bytes. */

/* Before a loop over an array that must stay in registers */
#ifdef __CUDACC__
#define MD_UNROLL _Pragma("unroll")
#else
#define MD_UNROLL
#endif

struct alignas(16) pack {
    real x[PACK];
};

MD_DEVICE pack load_pack(const real *at) { return *(const pack *)at; }
MD_DEVICE void store_pack(real *at, const pack &numbers) { *(pack *)at = numbers; }

/* A warp works on one row: its 32 threads, the lanes, share the row's numbers. A sum goes by a butterfly, whose order is
   fixed; all lanes have its result. Every lane of the warp must call these functions. */

#define ALL_LANES 0xffffffffu

MD_DEVICE int md_lane() { return threadIdx.x % GPU_WARP; }

/* This warp's index in the whole grid. */
MD_DEVICE int64_t md_warp() { return md_me() / GPU_WARP; }

/* The sum of x over the lanes that differ in the bits from `low` up to `high`, both powers of two. */
template <typename T> MD_DEVICE T lanes_sum(T x, int low, int high) {
    for (; low < high; low *= 2) x += __shfl_xor_sync(ALL_LANES, x, low);
    return x;
}

template <typename T> MD_DEVICE T warp_sum(T x) { return lanes_sum(x, 1, GPU_WARP); }

/* The largest x; NaN if one is. */
MD_DEVICE real warp_max(real x) {
    for (int step = 1; step < GPU_WARP; step *= 2) {
        real other = __shfl_xor_sync(ALL_LANES, x, step);
        if (!(x >= other) && x == x) x = other;
    }
    return x;
}

/* ---- a barrier of all blocks of a grid, which must all be running (Device.bind_together) ---- */

#ifndef MD_GRID_BARRIER
/* `arrived` counts up and is a multiple of the blocks whenever all have left a barrier. */
MD_DEVICE void grid_barrier(int64_t *arrived, int64_t *passed) {
    *passed += gridDim.x;
    __syncthreads();
    if (threadIdx.x == 0) {
        int64_t count;
        asm volatile("red.release.gpu.global.add.u64 [%0], 1;" : : "l"(arrived) : "memory");
        do asm volatile("ld.acquire.gpu.global.u64 %0, [%1];" : "=l"(count) : "l"(arrived) : "memory");
        while (count < *passed);
    }
    __syncthreads();
}
#endif

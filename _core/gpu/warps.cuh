/* Sums over a warp, whose 32 threads are its lanes, and over a block, by butterflies, whose order is fixed. Every thread of
   the warp, or of the block, must call these functions, and all have the result. */

#define ALL_LANES 0xffffffffu

MD_DEVICE int md_lane() { return threadIdx.x % GPU_WARP; }

/* This warp's index in the whole grid. */
MD_DEVICE int64_t md_warp() { return md_me() / GPU_WARP; }

/* The sum of x over the lanes that differ in the bits from `low` up to `high`, both powers of two. */
template <typename T> MD_DEVICE T lanes_sum(T x, int low, int high) {
    for (; low < high; low *= 2) x += __shfl_xor_sync(ALL_LANES, x, low);
    return x;
}

template <typename T> MD_DEVICE T warp_sum(T x) {
    MD_UNROLL
    for (int step = 1; step < GPU_WARP; step *= 2) x += __shfl_xor_sync(ALL_LANES, x, step);
    return x;
}

/* The largest x; NaN if one is. */
MD_DEVICE real warp_max(real x) {
    for (int step = 1; step < GPU_WARP; step *= 2) {
        real other = __shfl_xor_sync(ALL_LANES, x, step);
        if (!(x >= other) && x == x) x = other;
    }
    return x;
}

/* ---- over a block ---- */

template <typename T> MD_DEVICE T block_sum(T x) {
    __shared__ T room[GPU_BLOCK / GPU_WARP];
    int warp, warps = blockDim.x / GPU_WARP;
    x = warp_sum(x);
    __syncthreads();
    if (md_lane() == 0) room[threadIdx.x / GPU_WARP] = x;
    __syncthreads();
    x = room[0];
    for (warp = 1; warp < warps; warp++) x += room[warp];
    return x;
}

/* The largest x; NaN if one is. */
MD_DEVICE real block_max(real x) {
    __shared__ real room[GPU_BLOCK / GPU_WARP];
    int warp, warps = blockDim.x / GPU_WARP;
    x = warp_max(x);
    __syncthreads();
    if (md_lane() == 0) room[threadIdx.x / GPU_WARP] = x;
    __syncthreads();
    x = room[0];
    for (warp = 1; warp < warps; warp++)
        if (!(x >= room[warp]) && x == x) x = room[warp];
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

/* The dimension-wise MMD of a prior's sample and z. */

/* k(r) and k'(r) = 2 r dk/ds of s = r^2, for points near or far */
MD_DEVICE real mmd_pair(real r, real *slope) {
    real s = r * r, by_s, k = s < (real)MMD_FAR_FLOAT ? md_mmd_kernel(s, &by_s) : md_mmd_kernel_far(s, &by_s);
    *slope = 2 * r * by_s;
    return k;
}

/* MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j), the mean over K of y = z_k
   d/dy_i = 2/(B (B-1)) sum_j k'(y_i - y_j) - 2/B^2 sum_j k'(y_i - x_j), added to d_z; d/dx_i similarly, if asked for.
   One thread per point i of dimension blockIdx.y; value: a part for each block. */
MD_KERNEL mmd(
    const double *numbers, int K, int B, int D, const real *sample, const real *z, int with_sample_grad, real *d_z, real *d_sample,
    real *regulariser
) {
    __shared__ real xs[GPU_BLOCK], ys[GPU_BLOCK];
    int i = blockIdx.x * blockDim.x + threadIdx.x, d = blockIdx.y, k, first, j, n;
    real w = (real)numbers[WEIGHT + REGULARISER], within = 2 / ((real)B * (B - 1)), across = 2 / ((real)B * B);
    real xi = i < B ? sample[(int64_t)i * D + d] : 0, by_x = 0, slope;
    real k0 = mmd_pair(0, &slope), total = 0;
    for (k = 0; k < K; k++) {
        const real *y = z + (int64_t)k * B * D;
        real yi = i < B ? y[(int64_t)i * D + d] : 0, sum_xx = 0, sum_yy = 0, sum_xy = 0, by_xx = 0, by_yy = 0, by_xy = 0, by_yx = 0;
        for (first = 0; first < B; first += blockDim.x) {
            /* Summing parts of a block's length keeps the rounding error of a long sum small. */
            real part_xx = 0, part_yy = 0, part_xy = 0, part_by_xx = 0, part_by_yy = 0, part_by_xy = 0, part_by_yx = 0;
            j = first + threadIdx.x;
            __syncthreads();
            xs[threadIdx.x] = j < B ? sample[(int64_t)j * D + d] : 0;
            ys[threadIdx.x] = j < B ? y[(int64_t)j * D + d] : 0;
            __syncthreads();
            n = B - first < (int)blockDim.x ? B - first : (int)blockDim.x;
            for (j = 0; j < n; j++) {
                part_yy += mmd_pair(yi - ys[j], &slope);
                part_by_yy += slope;
                part_xy += mmd_pair(yi - xs[j], &slope);
                part_by_yx += slope;
                if (k == 0) {
                    part_xx += mmd_pair(xi - xs[j], &slope);
                    part_by_xx += slope;
                }
                if (with_sample_grad) {
                    mmd_pair(xi - ys[j], &slope);
                    part_by_xy += slope;
                }
            }
            sum_xx += part_xx, sum_yy += part_yy, sum_xy += part_xy;
            by_xx += part_by_xx, by_yy += part_by_yy, by_xy += part_by_xy, by_yx += part_by_yx;
        }
        total += within / 2 * (sum_yy - k0) / K - across * sum_xy / K;
        if (k == 0) total += within / 2 * (sum_xx - k0);
        by_x += (k == 0 ? within * by_xx : 0) - across * by_xy / K;
        if (i < B) d_z[((int64_t)k * B + i) * D + d] += w / K * (within * by_yy - across * by_yx);
    }
    if (i < B && with_sample_grad) d_sample[(int64_t)i * D + d] = w * by_x;
    total = block_sum(i < B ? total : 0);
    if (threadIdx.x == 0) regulariser[blockIdx.y * gridDim.x + blockIdx.x] = total;
}

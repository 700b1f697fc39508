/* The dimension-wise MMD of a prior's sample x and z, y = z_1 .. z_K:

       MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j), the mean over K
       d/dy_i = 2/(B (B-1)) sum_j k'(y_i - y_j) - 2/B^2 sum_j k'(y_i - x_j), and d/dx_i similarly

   `mmd` sums over all pairs of points. Large batches pass `mmd_moments`, `mmd_charges` and `mmd_fields` first, whose time is
   linear in B (minidecomp/engines/gpu_mmd.py launches them); `mmd` then sums over pairs only in dimensions whose points lie
   in more than GPU_MMD_SPAN cells, or are not finite.

   Cells, as in mmd.h: the line is cut into cells of width H. Over two cells, o cells apart, the kernel is a polynomial,
       k(x - y) = sum_kl C_kl(o) T_k(t) T_l(u),   x = centre + H/2 t,  y = centre' + H/2 u,  centre - centre' = o H.
   With the moments W_l = sum_j T_l(u_j) of each cell, a = 1/(B (B-1)) and b = 1/B^2, the charges are
       q(x) = a W(x) - b mean_k W(y_k),   q(y_k) = a W(y_k) - b W(x),
   and a sample's field is F(t) = sum_k F_k T_k(t), F_k = sum over cells, sum_l C_kl(o) q_l. Then
       MMD^2 = sum_i F_x(x_i) + mean_k sum_i F_y(y_i) - 2 a B k(0),   d/dy_i = 2 F_y'(y_i) / K,   d/dx_i = 2 F_x'(x_i).
   Charges are small differences of large moments: moments are summed in double. */

#define MMD_ORDER (sizeof(real) == 4 ? GPU_MMD_ORDER_FLOAT : GPU_MMD_ORDER_DOUBLE)
#define MMD_PLACES (GPU_MMD_SPAN * MMD_ORDER) /* numbers of a sample and a dimension */
#define MMD_CHUNK 64                          /* points whose T_l are held at once */

/* ---- cells ---- */

/* The cell of x, a whole number, and t in [-1, 1] within it. Neither is of use if x is far from 0 or not finite. */
MD_DEVICE real mmd_cell(real x, real *t) {
    real place = x * (real)(1 / GPU_MMD_WIDTH), cell = floor(place);
    *t = 2 * (place - cell) - 1;
    return cell;
}

/* Whether a cell is a whole number that an int can hold; false for NaN. */
MD_DEVICE bool mmd_is_near(real cell) { return md_fabs(cell) < (real)(1 << 22); }

/* A cell's place among those of its dimension: which cell is the first need not be known. */
MD_DEVICE int mmd_slot(int cell) { return cell & (GPU_MMD_SPAN - 1); }

/* The larger; NaN if one is. */
MD_DEVICE real mmd_max(real a, real b) { return a != a || a >= b ? a : b; }

/* One of the `parts` of a sample's points (sample 0 is x, k is y_k) in dimension blockIdx.y: the moments of its cells,
   moments (K + 1, parts, D, GPU_MMD_SPAN, MMD_ORDER), and ends (K + 1, parts, D, 2), the largest of -cell and of cell. */
MD_KERNEL mmd_moments(int parts, int B, int D, const real *sample, const real *z, double *moments, real *ends) {
    __shared__ double W[MMD_PLACES];
    __shared__ real T[MMD_CHUNK][MMD_ORDER + 1];
    __shared__ int slots[MMD_CHUNK];
    __shared__ bool held[GPU_MMD_SPAN];
    int me = threadIdx.x, which = blockIdx.x / parts, part = blockIdx.x % parts, d = blockIdx.y, first, p, l, e;
    int length = (B + parts - 1) / parts, begin = part * length, end = begin + length < B ? begin + length : B;
    const real *points = which == 0 ? sample : z + (int64_t)(which - 1) * B * D;
    int64_t place = (int64_t)blockIdx.x * D + d;
    real lowest = -(real)1e30, highest = -(real)1e30, t;
    for (e = me; e < MMD_PLACES; e += blockDim.x) W[e] = 0;
    for (first = begin; first < end; first += MMD_CHUNK) {
        __syncthreads();
        for (e = me; e < GPU_MMD_SPAN; e += blockDim.x) held[e] = false;
        __syncthreads();
        for (p = me; p < MMD_CHUNK; p += blockDim.x) {
            slots[p] = -1;
            if (first + p >= end) continue;
            real cell = mmd_cell(points[(int64_t)(first + p) * D + d], &t);
            lowest = mmd_max(lowest, -cell), highest = mmd_max(highest, cell);
            if (!mmd_is_near(cell)) continue;
            slots[p] = mmd_slot((int)cell);
            held[slots[p]] = true; /* by several threads, if a cell has several points: all write the same */
            T[p][0] = 1, T[p][1] = t;
            for (l = 2; l < MMD_ORDER; l++) T[p][l] = 2 * t * T[p][l - 1] - T[p][l - 2];
        }
        __syncthreads();
        /* A thread owns moments of some cells and adds up their points in order. */
        for (e = me; e < MMD_PLACES; e += blockDim.x) {
            int slot = e / MMD_ORDER;
            if (!held[slot]) continue;
            double sum = W[e];
            for (p = 0; p < MMD_CHUNK; p++)
                if (slots[p] == slot) sum += T[p][e % MMD_ORDER];
            W[e] = sum;
        }
    }
    for (e = me; e < MMD_PLACES; e += blockDim.x) moments[place * MMD_PLACES + e] = W[e];
    lowest = block_max(lowest), highest = block_max(highest);
    if (me == 0) ends[2 * place] = lowest, ends[2 * place + 1] = highest;
}

/* charges (K + 1, D, GPU_MMD_SPAN, MMD_ORDER), one a thread, and window (D, 2): the first cell, and the number of cells to
   the last, which is 0 if they are too many or a point is not finite. */
MD_KERNEL mmd_charges(
    int parts, int K, int B, int D, const double *moments, const real *ends, real *charges, int *window
) {
    int me = threadIdx.x, d = blockIdx.y, e = blockIdx.x * blockDim.x + me, k, part, i;
    double a = 1 / ((double)B * (B - 1)), b = 1 / ((double)B * B), x = 0, y, mean = 0;
    real lowest = -(real)1e30, highest = -(real)1e30, count;
    for (k = 0; k <= K; k++) {
        for (y = 0, part = 0; part < parts; part++) y += moments[(((int64_t)k * parts + part) * D + d) * MMD_PLACES + e];
        if (k == 0) x = y;
        else mean += y / K, charges[((int64_t)k * D + d) * MMD_PLACES + e] = (real)(a * y - b * x);
    }
    charges[(int64_t)d * MMD_PLACES + e] = (real)(a * x - b * mean);
    for (i = me; i < (K + 1) * parts; i += blockDim.x) {
        lowest = mmd_max(lowest, ends[2 * ((int64_t)i * D + d)]);
        highest = mmd_max(highest, ends[2 * ((int64_t)i * D + d) + 1]);
    }
    lowest = block_max(lowest), highest = block_max(highest);
    if (me > 0 || blockIdx.x > 0) return;
    count = highest + lowest + 1;
    if (!(mmd_is_near(lowest) && mmd_is_near(highest) && count <= GPU_MMD_SPAN)) lowest = count = 0;
    window[2 * d] = -(int)lowest, window[2 * d + 1] = (int)count;
}

/* fields (K + 1, D, GPU_MMD_SPAN, MMD_ORDER): a block for each cell of each dimension.
   coefficients (GPU_MMD_SPAN, MMD_ORDER, MMD_ORDER): C_kl(o) at [o, l, k]; C_kl(-o) = (-1)^(k+l) C_kl(o). */
MD_KERNEL mmd_fields(int K, int D, const int *window, const real *coefficients, const real *charges, real *fields) {
    __shared__ real room[GPU_BLOCK];
    int me = threadIdx.x, k = me % MMD_ORDER, slice = me / MMD_ORDER, slices = blockDim.x / MMD_ORDER, half;
    int d = blockIdx.y, first = window[2 * d], count = window[2 * d + 1], here = mmd_slot((int)blockIdx.x - first), s, j, l;
    if (here >= count) return;
    for (s = 0; s <= K; s++) {
        int64_t place = ((int64_t)s * D + d) * MMD_PLACES;
        real sum = 0;
        for (j = slice; j < count; j += slices) {
            const real *q = charges + place + mmd_slot(first + j) * MMD_ORDER;
            const real *C = coefficients + (j > here ? j - here : here - j) * MMD_ORDER * MMD_ORDER + k;
            real even = 0, odd = 0;
            for (l = 0; l < MMD_ORDER; l += 2) {
                even += C[l * MMD_ORDER] * q[l];
                odd += C[(l + 1) * MMD_ORDER] * q[l + 1];
            }
            sum += j <= here ? even + odd : k % 2 ? odd - even : even - odd;
        }
        __syncthreads();
        room[me] = sum;
        for (half = slices / 2; half > 0; half /= 2) {
            __syncthreads();
            if (slice < half) room[me] += room[me + half * MMD_ORDER];
        }
        if (slice == 0) fields[place + blockIdx.x * MMD_ORDER + k] = room[me];
    }
}

/* F(t) and dF/dx, by T_k+1 = 2 t T_k - T_k-1 and its derivative */
MD_DEVICE real mmd_field(const real *F, real t, real *slope) {
    real before = 1, T = t, d_before = 0, d_T = 1, value = F[0] + F[1] * t, d_t = F[1];
    int k;
    for (k = 2; k < MMD_ORDER; k++) {
        real next = 2 * t * T - before, d_next = 2 * (T + t * d_T) - d_before;
        before = T, T = next, d_before = d_T, d_T = d_next;
        value += F[k] * T, d_t += F[k] * d_T;
    }
    *slope = d_t * (real)(2 / GPU_MMD_WIDTH);
    return value;
}

/* ---- pairs of points ---- */

/* k(r) and k'(r) = 2 r dk/ds of s = r^2, for points near or far */
MD_DEVICE real mmd_pair(real r, real *slope) {
    real s = r * r, by_s, k = s < (real)MMD_FAR_FLOAT ? md_mmd_kernel(s, &by_s) : md_mmd_kernel_far(s, &by_s);
    *slope = 2 * r * by_s;
    return k;
}

/* Whether row i sums the pair {i, j}: of every pair one row does, and rows sum as many pairs each. */
MD_DEVICE bool mmd_is_ours(int i, int j, int B) {
    int apart = i < j ? j - i : B + j - i;
    return 2 * apart < B || (2 * apart == B && i < j);
}

/* ---- both ---- */

/* A block has GPU_WARP points of a dimension, and slices of threads that share the sums of each point: the sum over
   the slices, for the first slice. Every thread must call it. */
MD_DEVICE real mmd_over_slices(real x) {
    __shared__ real room[GPU_BLOCK];
    int half, me = threadIdx.x;
    __syncthreads();
    room[me] = x;
    for (half = blockDim.x / 2; half >= GPU_WARP; half /= 2) {
        __syncthreads();
        if (me < half) room[me] += room[me + half];
    }
    return room[me];
}

/* The values, a part for each block of GPU_WARP points, and the gradients: d_z is added to, d_sample, if asked for, is
   set. The slices share the samples in dimensions with cells, and elsewhere the points j. */
MD_KERNEL mmd(
    const double *numbers, int K, int B, int D, const real *sample, const real *z, int with_cells, const int *window,
    const real *fields, int with_sample_grad, real *d_z, real *d_sample, real *regulariser
) {
    __shared__ real xs[GPU_BLOCK], ys[GPU_BLOCK];
    int slice = threadIdx.x / GPU_WARP, slices = blockDim.x / GPU_WARP, d = blockIdx.y, k, first, j, n;
    int i = blockIdx.x * GPU_WARP + threadIdx.x % GPU_WARP;
    int64_t at = (int64_t)i * D + d, plane = (int64_t)B * D;
    real w = (real)numbers[WEIGHT + REGULARISER], within = 2 / ((real)B * (B - 1)), across = 2 / ((real)B * B);
    real slope, t;
    real k0 = mmd_pair(0, &slope);
    /* What the sums of k are multiplied by: if rounded to float, the difference of the sums would not be small. */
    double pair = 1 / ((double)B * (B - 1)), cross = 2 / ((double)B * B), total = 0;
    if (with_cells && window[2 * d + 1] > 0) {
        for (k = slice; i < B && k <= K; k += slices) {
            int slot = mmd_slot((int)mmd_cell(k == 0 ? sample[at] : z[(k - 1) * plane + at], &t));
            real value = mmd_field(fields + ((int64_t)k * D + d) * MMD_PLACES + slot * MMD_ORDER, t, &slope);
            total += k == 0 ? value - within * KERNEL_COUNT : value / K;
            if (k > 0) d_z[(k - 1) * plane + at] += w / K * (2 * slope);
            else if (with_sample_grad) d_sample[at] = w * (2 * slope);
        }
        total = block_sum(total);
        if (threadIdx.x == 0) regulariser[blockIdx.y * gridDim.x + blockIdx.x] = (real)total;
        return;
    }
    real xi = i < B ? sample[at] : 0, by_x = 0;
    for (k = 0; k < K; k++) {
        const real *y = z + k * plane;
        real yi = i < B ? y[at] : 0, by_y = 0;
        for (first = 0; first < B; first += blockDim.x) {
            /* Summing parts of a block's length keeps the rounding error of a long sum small. */
            real part_xx = 0, part_yy = 0, part_xy = 0, part_by_x = 0, part_by_xy = 0, part_by_y = 0;
            j = first + threadIdx.x;
            __syncthreads();
            xs[threadIdx.x] = j < B ? sample[(int64_t)j * D + d] : 0;
            ys[threadIdx.x] = j < B ? y[(int64_t)j * D + d] : 0;
            __syncthreads();
            n = B - first < (int)blockDim.x ? B - first : (int)blockDim.x;
            for (j = slice; j < n; j += slices) {
                part_yy += mmd_pair(yi - ys[j], &slope);
                part_by_y += within * slope;
                part_xy += mmd_pair(yi - xs[j], &slope);
                part_by_y -= across * slope;
                if (with_sample_grad) {
                    mmd_pair(xi - ys[j], &slope);
                    part_by_xy += slope;
                }
                if (k == 0 && (with_sample_grad || mmd_is_ours(i, first + j, B))) {
                    part_xx += mmd_pair(xi - xs[j], &slope);
                    part_by_x += slope;
                }
            }
            total += (pair * part_yy - cross * part_xy) / K + pair * (with_sample_grad ? 1 : 2) * part_xx;
            by_y += part_by_y;
            by_x += within * part_by_x - across / K * part_by_xy;
        }
        by_y = mmd_over_slices(by_y);
        if (slice == 0 && i < B) d_z[k * plane + at] += w / K * by_y;
    }
    by_x = mmd_over_slices(by_x);
    if (slice == 0 && i < B && with_sample_grad) d_sample[at] = w * by_x;
    /* A point was paired with itself in y, and in x unless of every pair one row had the sum. */
    if (slice == 0) total -= pair * k0 * (with_sample_grad ? 2 : 1);
    total = block_sum(i < B ? total : 0);
    if (threadIdx.x == 0) regulariser[blockIdx.y * gridDim.x + blockIdx.x] = (real)total;
}

/* The layers of the networks: h = act(a),  a = x W + b. */

/* The column of number `at` in rows of n. */
MD_DEVICE int column_of(int64_t at, int n) {
    return at >> 32 ? (int)(at % n) : (int)((uint32_t)at % (uint32_t)n); /* a division of 64 bits is slow */
}

/* h <- act(h + b), where h holds x W at first.   A thread has a pack, which may go on in the next row. */
MD_KERNEL bias_activation(int activation, int64_t rows, int n, const real *__restrict__ bias, real *__restrict__ h) {
    int64_t at = PACK * md_me(), count = rows * n;
    int j = column_of(at, n), l;
    if (at + PACK > count) {
        for (; at < count; at++) {
            h[at] = activate(activation, h[at] + bias[j]);
            j = j + 1 < n ? j + 1 : 0;
        }
        return;
    }
    pack a = load_pack(h + at);
    MD_UNROLL
    for (l = 0; l < PACK; l++) {
        a.x[l] = activate(activation, a.x[l] + bias[j]);
        j = j + 1 < n ? j + 1 : 0;
    }
    store_pack(h + at, a);
}

#define ROWS_AT_ONCE 8 /* that a thread has under way */

/* d_a = d_h act'(a), in place, and the sums of d_a over each part of the rows: part p's are at sums + p stride.
   Block (columns, p) has 32 columns and a row for each 32 threads. */
MD_KERNEL activation_grad(
    int activation, int64_t rows, int64_t rows_of_part, int n, int64_t stride, const real *__restrict__ h,
    real *__restrict__ d_a, real *__restrict__ sums
) {
    __shared__ real room[GPU_BLOCK];
    int lane = threadIdx.x / 32, lanes = blockDim.x / 32, j = 32 * blockIdx.x + threadIdx.x % 32, l;
    int64_t row = blockIdx.y * rows_of_part, end = row + rows_of_part < rows ? row + rows_of_part : rows;
    real sum = 0;
    if (j < n)
        for (row += lane; row < end; row += ROWS_AT_ONCE * lanes) {
            real d[ROWS_AT_ONCE], out[ROWS_AT_ONCE];
            int count = end - row < ROWS_AT_ONCE * lanes ? (int)(end - row + lanes - 1) / lanes : ROWS_AT_ONCE;
            int64_t at = row * n + j, step = (int64_t)lanes * n;
            MD_UNROLL
            for (l = 0; l < ROWS_AT_ONCE; l++) d[l] = l < count ? d_a[at + l * step] : 0;
            if (activation != LINEAR) {
                MD_UNROLL
                for (l = 0; l < ROWS_AT_ONCE; l++) out[l] = l < count ? h[at + l * step] : 0;
                MD_UNROLL
                for (l = 0; l < ROWS_AT_ONCE; l++) {
                    d[l] *= activation_slope(activation, out[l]);
                    if (l < count) d_a[at + l * step] = d[l];
                }
            }
            MD_UNROLL
            for (l = 0; l < ROWS_AT_ONCE; l++) sum += d[l];
        }
    room[threadIdx.x] = sum;
    __syncthreads();
    if (lane > 0 || j >= n) return;
    for (l = 1; l < lanes; l++) sum += room[32 * l + threadIdx.x];
    sums[blockIdx.y * stride + j] = sum;
}

/* d_b of every layer: its parts' sums, added in order, go to the bias's place in the gradient.   A thread per bias; the
   first `decoder_width` are the decoder's. */
MD_KERNEL add_bias_parts(
    int width, int decoder_width, int decoder_parts, int encoder_parts, const real *__restrict__ bias_parts,
    const int64_t *__restrict__ bias_place, real *__restrict__ gradient
) {
    int64_t i = md_me();
    int parts = i < decoder_width ? decoder_parts : encoder_parts, p;
    real sum = 0;
    if (i >= width) return;
    for (p = 0; p < parts; p++) sum += bias_parts[(int64_t)p * width + i];
    gradient[bias_place[i]] = sum;
}

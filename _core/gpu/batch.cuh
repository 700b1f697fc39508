/* Reading a batch: points as numbers, and the first layer's products with bits. */

/* x (B, dx): the batch as numbers */
MD_KERNEL gather(const int64_t *state, const int64_t *order, const void *data, int data_kind, int B, int dx, real *x) {
    int64_t at = md_me();
    if (at < (int64_t)B * dx) x[at] = point_value(data, data_kind, order[state[FIRST] + at / dx], dx, (int)(at % dx));
}

/* a_bj = sum of W_ij over the ones i of point b: x W for a batch of bits.   Block (b, columns). */
MD_KERNEL bits_product(
    const int64_t *state, const int64_t *order, const uint8_t *data, int dx, int n, const real *W, real *a
) {
    __shared__ uint32_t words[GPU_BLOCK];
    const uint8_t *bytes = data + order[state[FIRST] + blockIdx.x] * (dx / 8);
    int j = blockIdx.y * blockDim.x + threadIdx.x, first, i, l;
    real sum = 0;
    for (first = 0; first < dx; first += 32 * blockDim.x) {
        uint32_t word = 0;
        for (l = 0; l < 4; l++) {
            i = first / 8 + 4 * (int)threadIdx.x + l;
            word = word << 8 | (i < dx / 8 ? bytes[i] : 0);
        }
        __syncthreads();
        words[threadIdx.x] = word;
        __syncthreads();
        if (j >= n) continue;
        for (l = 0; l < (int)blockDim.x; l++)
            for (word = words[l]; word != 0; word ^= 0x80000000u >> i) {
                i = __clz((int)word);
                sum += W[(int64_t)(first + 32 * l + i) * n + j];
            }
    }
    if (j < n) a[(int64_t)blockIdx.x * n + j] = sum;
}

/* d_W_ij = sum of d_a_bj over the points b with a one at i: x^T d_a for a batch of bits.   Block (i, columns). */
MD_KERNEL bits_product_grad(
    const int64_t *state, const int64_t *order, const uint8_t *data, int B, int dx, int n, const real *d_a, real *d_W
) {
    __shared__ uint8_t ones[GPU_BLOCK];
    __shared__ uint32_t words[GPU_BLOCK / 32];
    int i = blockIdx.x, j = blockIdx.y * blockDim.x + threadIdx.x, me = threadIdx.x, first, b, l;
    real sum = 0;
    for (first = 0; first < B; first += blockDim.x) {
        b = first + me;
        ones[me] = b < B ? data[order[state[FIRST] + b] * (dx / 8) + i / 8] >> (7 - i % 8) & 1 : 0;
        __syncthreads();
        if (me < (int)blockDim.x / 32) {
            uint32_t word = 0;
            for (l = 0; l < 32; l++) word = word << 1 | ones[32 * me + l];
            words[me] = word;
        }
        __syncthreads();
        if (j >= n) continue;
        for (l = 0; l < (int)blockDim.x / 32; l++)
            for (uint32_t word = words[l]; word != 0; word ^= 0x80000000u >> b) {
                b = __clz((int)word);
                sum += d_a[(int64_t)(first + 32 * l + b) * n + j];
            }
    }
    if (j < n) d_W[(int64_t)i * n + j] = sum;
}

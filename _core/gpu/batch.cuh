/* Reading a batch: points as numbers, and the first layer's products with bits. */

/* Values i to i + 3 of a point, by one load; dx and i are multiples of PACK. */
MD_DEVICE pack point_pack(const void *data, int kind, int64_t row, int dx, int i) {
    pack values;
    int l;
    if (kind == REAL_DATA) return load_pack((const real *)data + row * dx + i);
    if (kind == BYTE_DATA) {
        uint32_t word = *(const uint32_t *)((const uint8_t *)data + row * dx + i); /* the first byte is the lowest */
        MD_UNROLL
        for (l = 0; l < PACK; l++) values.x[l] = (real)(word >> 8 * l & 255) * (real)(1.0 / 255);
        return values;
    }
    uint32_t byte = ((const uint8_t *)data)[row * (dx / 8) + i / 8];
    MD_UNROLL
    for (l = 0; l < PACK; l++) values.x[l] = (real)(byte >> (7 - i % 8 - l) & 1);
    return values;
}

/* x (B, dx): the batch as numbers.   Block (b, columns), a thread per pack. */
MD_KERNEL gather(
    const int64_t *__restrict__ state, const int64_t *__restrict__ order, const void *__restrict__ data, int data_kind,
    int dx, real *__restrict__ x
) {
    int i = PACK * (blockIdx.y * blockDim.x + threadIdx.x), l;
    if (i >= dx) return;
    int64_t row = order[state[FIRST] + blockIdx.x];
    x += (int64_t)blockIdx.x * dx;
    if (dx % PACK == 0)
        store_pack(x + i, point_pack(data, data_kind, row, dx, i));
    else
        for (l = i; l < dx && l < i + PACK; l++) x[l] = point_value(data, data_kind, row, dx, l);
}

/* sum + the numbers values[i n] for the ones i of a word, the first the highest bit; a pack of loads is under way at once. */
MD_DEVICE real add_ones(real sum, uint32_t word, const real *values, int64_t n) {
    int i, l;
    while (word != 0) {
        real parts[PACK];
        MD_UNROLL
        for (l = 0; l < PACK; l++) {
            i = word != 0 ? __clz((int)word) : 0;
            parts[l] = word != 0 ? values[i * n] : 0;
            word &= ~(0x80000000u >> i);
        }
        MD_UNROLL
        for (l = 0; l < PACK; l++) sum += parts[l];
    }
    return sum;
}

/* a_bj = sum of W_ij over the ones i of point b: x W for a batch of bits.   Block (b, columns). */
MD_KERNEL bits_product(
    const int64_t *__restrict__ state, const int64_t *__restrict__ order, const uint8_t *__restrict__ data, int dx, int n,
    const real *__restrict__ W, real *__restrict__ a
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
        for (l = 0; l < (int)blockDim.x; l++) sum = add_ones(sum, words[l], W + (int64_t)(first + 32 * l) * n + j, n);
    }
    if (j < n) a[(int64_t)blockIdx.x * n + j] = sum;
}

/* d_W_ij = sum of d_a_bj over the points b with a one at i: x^T d_a for a batch of bits.   Block (i, columns). */
MD_KERNEL bits_product_grad(
    const int64_t *__restrict__ state, const int64_t *__restrict__ order, const uint8_t *__restrict__ data, int B, int dx,
    int n, const real *__restrict__ d_a, real *__restrict__ d_W
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
            sum = add_ones(sum, words[l], d_a + (int64_t)(first + 32 * l) * n + j, n);
    }
    if (j < n) d_W[(int64_t)i * n + j] = sum;
}

/* Reading a batch: points as numbers. */

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

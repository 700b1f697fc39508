/* A point's values, however they are stored. */

/* Value i of a point: a number; a byte v for v / 255; or a bit, eight to a byte, the first the highest. */
MD_DEVICE real point_value(const void *data, int kind, int64_t row, int dx, int i) {
    if (kind == REAL_DATA) return ((const real *)data)[row * dx + i];
    if (kind == BYTE_DATA) return ((const uint8_t *)data)[row * dx + i] * (real)(1.0 / 255);
    return (real)(((const uint8_t *)data)[row * (dx / 8) + i / 8] >> (7 - i % 8) & 1);
}

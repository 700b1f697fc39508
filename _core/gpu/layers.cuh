/* The layers of the networks: h = act(a),  a = x W + b. */

/* h <- act(h + b), where h holds x W at first */
MD_KERNEL bias_activation(int activation, int64_t rows, int n, const real *bias, real *h) {
    int64_t at = md_me();
    if (at < rows * n) h[at] = activate(activation, h[at] + bias[at % n]);
}

/* d_a = d_h act'(a), in place, and d_b = sum over the rows of d_a.   A block has 32 columns, a row for each 32 threads. */
MD_KERNEL activation_grad(int activation, int64_t rows, int n, const real *h, real *d_a, real *d_bias) {
    __shared__ real room[GPU_BLOCK];
    int lane = threadIdx.x / 32, lanes = blockDim.x / 32, j = 32 * blockIdx.x + threadIdx.x % 32, l;
    int64_t row;
    real sum = 0;
    if (j < n)
        for (row = lane; row < rows; row += lanes) {
            real d = d_a[row * n + j];
            if (activation != LINEAR) d_a[row * n + j] = d = d * activation_slope(activation, h[row * n + j]);
            sum += d;
        }
    room[threadIdx.x] = sum;
    __syncthreads();
    if (lane > 0 || j >= n) return;
    for (l = 1; l < lanes; l++) sum += room[32 * l + threadIdx.x];
    d_bias[j] = sum;
}

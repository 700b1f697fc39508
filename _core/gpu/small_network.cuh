/* A row through a small network and back, by one warp. The row's numbers pass from layer to layer in shared memory. */

/* h = act(x W + b) of a layer and its gradients; x, h, d_a have a row for each point. The last layer is linear, and its
   bias is left to the function that reads its output. */
struct md_layer {
    int n_in, n_out, activation;
    const real *W, *bias;
    real *d_W, *d_bias, *x, *h, *d_a;
};

#define LAYER_FIELDS 10

/* Layer l of a table with a row of LAYER_FIELDS sizes and addresses for each. */
MD_DEVICE md_layer layer_at(const int64_t *layers, int l) {
    const int64_t *f = layers + LAYER_FIELDS * l;
    md_layer found = {(int)f[0], (int)f[1], (int)f[2], (const real *)f[3], (const real *)f[4], (real *)f[5],
                      (real *)f[6], (real *)f[7], (real *)f[8], (real *)f[9]};
    return found;
}

/* The smallest power of two that is not below n, but at most a warp. */
MD_DEVICE int lanes_for(int n) {
    int lanes = 1;
    while (lanes < n && lanes < GPU_WARP) lanes *= 2;
    return lanes;
}

/* out (n_out,) = act(x W + b) for x (n_in,); both in shared memory. A lane has a column, and if there are fewer columns
   than lanes, groups of lanes share out the rows of W. */
MD_DEVICE void row_forward(const md_layer &l, const real *x, real *out) {
    int lane = md_lane(), columns = lanes_for(l.n_out), groups = GPU_WARP / columns, j, k;
    const real *W = l.W;
    __syncwarp();
    for (j = lane % columns; j - lane % columns < l.n_out; j += GPU_WARP) {
        real a = 0;
        if (j < l.n_out) {
#pragma unroll 8
            for (k = lane / columns; k < l.n_in; k += groups) a += x[k] * W[k * l.n_out + j];
        }
        a = lanes_sum(a, columns, GPU_WARP);
        if (lane < columns && j < l.n_out) out[j] = l.activation == LINEAR ? a : activate(l.activation, a + l.bias[j]);
    }
    __syncwarp();
}

#define OUTPUTS_AT_ONCE 4

/* out (n_in,) = W d for d (n_out,); both in shared memory. A row of W has as many lanes as it has columns, at most all. */
MD_DEVICE void row_backward(const md_layer &l, const real *d, real *out) {
    int lane = md_lane(), columns = lanes_for(l.n_out), groups = GPU_WARP / columns, first, i, j, k;
    const real *W = l.W;
    __syncwarp();
    for (first = 0; first < l.n_in; first += OUTPUTS_AT_ONCE * groups) {
        real sum[OUTPUTS_AT_ONCE];
MD_UNROLL
        for (i = 0; i < OUTPUTS_AT_ONCE; i++) {
            k = first + i * groups + lane / columns;
            sum[i] = 0;
            if (k < l.n_in)
                for (j = lane % columns; j < l.n_out; j += columns) sum[i] += d[j] * W[k * l.n_out + j];
        }
MD_UNROLL
        for (i = 0; i < OUTPUTS_AT_ONCE; i++) {
            k = first + i * groups + lane / columns;
            sum[i] = lanes_sum(sum[i], 1, columns);
            if (lane % columns == 0 && k < l.n_in) out[k] = sum[i];
        }
    }
    __syncwarp();
}

/* The output of layers first .. last - 1 for row r, whose x is in *u; they leave it in *u. h of the layers but the last
   is stored. */
MD_DEVICE void network_forward(const int64_t *layers, int first, int last, int64_t r, real **u, real **v) {
    for (int n = first; n < last; n++) {
        md_layer l = layer_at(layers, n);
        row_forward(l, *u, *v);
        if (l.activation != LINEAR)
            for (int j = md_lane(); j < l.n_out; j += GPU_WARP) l.h[r * l.n_out + j] = (*v)[j];
        real *other = *u;
        *u = *v;
        *v = other;
    }
}

/* Back through layers last - 1 .. first for row r, from the gradient with respect to the output in *u. d_a = d_h act'(a) of
   each layer is stored; if `to_x`, *u then holds the gradient with respect to the first layer's x. */
MD_DEVICE void network_backward(const int64_t *layers, int first, int last, int64_t r, bool to_x, real **u, real **v) {
    for (int n = last - 1; n >= first; n--) {
        md_layer l = layer_at(layers, n);
        __syncwarp();
        for (int j = md_lane(); j < l.n_out; j += GPU_WARP) {
            real d = (*u)[j];
            if (l.activation != LINEAR) (*u)[j] = d = d * activation_slope(l.activation, l.h[r * l.n_out + j]);
            l.d_a[r * l.n_out + j] = d;
        }
        if (n == first && !to_x) return;
        row_backward(l, *u, *v);
        real *other = *u;
        *u = *v;
        *v = other;
    }
}

/* ---- the gradients of the weights: d_W = x^T d_a,  d_b = sum d_a ---- */

#define ROW_PARTS 8

MD_DEVICE int weight_tasks(const md_layer &l) { return ((l.n_in + 1) * l.n_out + GPU_WARP - 1) / GPU_WARP; }

/* Task t of a layer: a warp's width of entries of (W; b), a lane each. The rows are in ROW_PARTS parts, whose sums are
   added in their order. By a block. */
MD_DEVICE void weight_gradient(const md_layer &l, int t, int64_t rows, int64_t *state) {
    __shared__ real part[ROW_PARTS][GPU_WARP];
    int lane = md_lane(), entry = GPU_WARP * t + lane, k = entry / l.n_out, j = entry % l.n_out, p;
    int64_t r, length = (rows + ROW_PARTS - 1) / ROW_PARTS;
    for (p = threadIdx.x / GPU_WARP; p < ROW_PARTS; p += blockDim.x / GPU_WARP) {
        int64_t end = (p + 1) * length < rows ? (p + 1) * length : rows;
        real sum = 0;
        if (k < l.n_in) {
#pragma unroll 8
            for (r = p * length; r < end; r++) sum += l.x[r * l.n_in + k] * l.d_a[r * l.n_out + j];
        } else if (k == l.n_in) {
#pragma unroll 8
            for (r = p * length; r < end; r++) sum += l.d_a[r * l.n_out + j];
        }
        part[p][lane] = sum;
    }
    __syncthreads();
    if (threadIdx.x < GPU_WARP && k <= l.n_in) {
        real sum = part[0][lane];
        for (p = 1; p < ROW_PARTS; p++) sum += part[p][lane];
        if (k < l.n_in)
            l.d_W[entry] = sum;
        else
            l.d_bias[j] = sum;
        if (is_bad(sum)) state[BAD] = 1;
    }
    __syncthreads();
}

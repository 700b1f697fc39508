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

/* Loads come in groups that are under way together; beyond a row's end they give 0. */
#define COLUMNS_AT_ONCE 4
#define ROWS_OF_W_AT_ONCE 4
#define SUMS_AT_ONCE 8

/* out (n_out,) = act(x W + b) for x (n_in,), both in shared memory; h, if given, is a copy in global memory. */
MD_DEVICE void row_forward(const md_layer &l, const real *x, real *out, real *h) {
    int lane = md_lane(), n = l.n_out, first, i, j, k, c;
    const real *W = l.W;
    __syncwarp();
    if (n <= GPU_WARP) { /* a lane has a column, and groups of lanes share out the rows of W */
        int columns = lanes_for(n), groups = GPU_WARP / columns;
        real a = 0, bias = 0;
        j = lane % columns;
        if (l.activation != LINEAR && j < n) bias = l.bias[j];
        for (first = lane / columns; first < l.n_in; first += SUMS_AT_ONCE * groups) {
            real w[SUMS_AT_ONCE];
            MD_UNROLL
            for (i = 0; i < SUMS_AT_ONCE; i++) {
                k = first + i * groups;
                w[i] = k < l.n_in && j < n ? W[k * n + j] : 0;
            }
            MD_UNROLL
            for (i = 0; i < SUMS_AT_ONCE; i++) {
                k = first + i * groups;
                if (k < l.n_in) a += x[k] * w[i];
            }
        }
        a = lanes_sum(a, columns, GPU_WARP);
        if (l.activation != LINEAR) a = activate(l.activation, a + bias);
        if (lane < n) out[j] = a;
        if (lane < n && h) h[j] = a;
    } else { /* a lane has some columns */
        for (first = lane; first - lane < n; first += COLUMNS_AT_ONCE * GPU_WARP) {
            real a[COLUMNS_AT_ONCE] = {0}, bias[COLUMNS_AT_ONCE] = {0}, w[ROWS_OF_W_AT_ONCE][COLUMNS_AT_ONCE];
            MD_UNROLL
            for (c = 0; c < COLUMNS_AT_ONCE; c++)
                if (l.activation != LINEAR && first + c * GPU_WARP < n) bias[c] = l.bias[first + c * GPU_WARP];
            for (k = 0; k < l.n_in; k += ROWS_OF_W_AT_ONCE) {
                MD_UNROLL
                for (i = 0; i < ROWS_OF_W_AT_ONCE; i++)
                    MD_UNROLL
                    for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                        j = first + c * GPU_WARP;
                        w[i][c] = k + i < l.n_in && j < n ? W[(k + i) * n + j] : 0;
                    }
                MD_UNROLL
                for (i = 0; i < ROWS_OF_W_AT_ONCE; i++) {
                    real x_i = k + i < l.n_in ? x[k + i] : 0;
                    MD_UNROLL
                    for (c = 0; c < COLUMNS_AT_ONCE; c++) a[c] += x_i * w[i][c];
                }
            }
            MD_UNROLL
            for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                j = first + c * GPU_WARP;
                if (l.activation != LINEAR) a[c] = activate(l.activation, a[c] + bias[c]);
                if (j < n) out[j] = a[c];
                if (j < n && h) h[j] = a[c];
            }
        }
    }
    __syncwarp();
}

/* out (n_in,) = W d for d (n_out,); both in shared memory. */
MD_DEVICE void row_backward(const md_layer &l, const real *d, real *out) {
    int lane = md_lane(), n = l.n_out, columns = lanes_for(n), groups = GPU_WARP / columns, first, i, j, k, c;
    const real *W = l.W;
    __syncwarp();
    if (n <= GPU_WARP) { /* a row of W has as many lanes as columns */
        j = lane % columns;
        real d_j = j < n ? d[j] : 0;
        for (first = lane / columns; first - lane / columns < l.n_in; first += SUMS_AT_ONCE * groups) {
            real sum[SUMS_AT_ONCE];
            MD_UNROLL
            for (i = 0; i < SUMS_AT_ONCE; i++) {
                k = first + i * groups;
                sum[i] = k < l.n_in && j < n ? W[k * n + j] : 0;
            }
            MD_UNROLL
            for (i = 0; i < SUMS_AT_ONCE; i++) {
                k = first + i * groups;
                sum[i] = lanes_sum(d_j * sum[i], 1, columns);
                if (j == 0 && k < l.n_in) out[k] = sum[i];
            }
        }
    } else { /* a row of W has all lanes */
        for (k = 0; k < l.n_in; k += ROWS_OF_W_AT_ONCE) {
            real sum[ROWS_OF_W_AT_ONCE] = {0}, w[ROWS_OF_W_AT_ONCE][COLUMNS_AT_ONCE];
            for (first = lane; first - lane < n; first += COLUMNS_AT_ONCE * GPU_WARP) {
                MD_UNROLL
                for (i = 0; i < ROWS_OF_W_AT_ONCE; i++)
                    MD_UNROLL
                    for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                        j = first + c * GPU_WARP;
                        w[i][c] = k + i < l.n_in && j < n ? W[(k + i) * n + j] : 0;
                    }
                MD_UNROLL
                for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                    j = first + c * GPU_WARP;
                    real d_j = j < n ? d[j] : 0;
                    MD_UNROLL
                    for (i = 0; i < ROWS_OF_W_AT_ONCE; i++) sum[i] += d_j * w[i][c];
                }
            }
            MD_UNROLL
            for (i = 0; i < ROWS_OF_W_AT_ONCE; i++) {
                sum[i] = warp_sum(sum[i]);
                if (lane == 0 && k + i < l.n_in) out[k + i] = sum[i];
            }
        }
    }
    __syncwarp();
}

/* The output of layers first .. last - 1 for row r, whose x is in *u; they leave it in *u. h of all layers but the last,
   the linear one, is stored. */
MD_DEVICE void network_forward(const int64_t *layers, int first, int last, int r, real **u, real **v) {
    for (int n = first; n < last; n++) {
        md_layer l = layer_at(layers, n);
        row_forward(l, *u, *v, l.activation == LINEAR ? 0 : l.h + r * l.n_out);
        real *other = *u;
        *u = *v;
        *v = other;
    }
}

/* Back through layers last - 1 .. first for row r, from the gradient with respect to the output in *u. d_a = d_h act'(a) of
   each layer is stored; if `to_x`, *u then holds the gradient with respect to the first layer's x. */
MD_DEVICE void network_backward(const int64_t *layers, int first, int last, int r, bool to_x, real **u, real **v) {
    int lane = md_lane(), n, c, j, start;
    for (n = last - 1; n >= first; n--) {
        md_layer l = layer_at(layers, n);
        __syncwarp();
        for (start = lane; start < l.n_out; start += COLUMNS_AT_ONCE * GPU_WARP) {
            real h[COLUMNS_AT_ONCE] = {0};
            MD_UNROLL
            for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                j = start + c * GPU_WARP;
                if (l.activation != LINEAR && j < l.n_out) h[c] = l.h[r * l.n_out + j];
            }
            MD_UNROLL
            for (c = 0; c < COLUMNS_AT_ONCE; c++) {
                j = start + c * GPU_WARP;
                if (j >= l.n_out) continue;
                real d = (*u)[j];
                if (l.activation != LINEAR) (*u)[j] = d = d * activation_slope(l.activation, h[c]);
                l.d_a[r * l.n_out + j] = d;
            }
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

#define POINTS_AT_ONCE 16

/* Task t of a layer: a warp's width of entries of (W; b), a lane each. The rows are in ROW_PARTS parts, whose sums are
   added in their order. By a block. */
MD_DEVICE void weight_gradient(const md_layer &l, int t, int rows, int64_t *state) {
    __shared__ real part[ROW_PARTS][GPU_WARP];
    int lane = md_lane(), entry = GPU_WARP * t + lane, k = entry / l.n_out, j = entry % l.n_out, p, i, r;
    int length = (rows + ROW_PARTS - 1) / ROW_PARTS, warps = blockDim.x / GPU_WARP;
    for (p = threadIdx.x / GPU_WARP; p < ROW_PARTS; p += warps) {
        int end = (p + 1) * length < rows ? (p + 1) * length : rows;
        real sum = 0;
        for (r = p * length; r < end && k <= l.n_in; r += POINTS_AT_ONCE) {
            real x[POINTS_AT_ONCE], d_a[POINTS_AT_ONCE];
            MD_UNROLL
            for (i = 0; i < POINTS_AT_ONCE; i++) {
                x[i] = r + i < end && k < l.n_in ? l.x[(r + i) * l.n_in + k] : 1;
                d_a[i] = r + i < end ? l.d_a[(r + i) * l.n_out + j] : 0;
            }
            MD_UNROLL
            for (i = 0; i < POINTS_AT_ONCE; i++) sum += x[i] * d_a[i];
        }
        part[p][lane] = sum;
    }
    __syncthreads();
    if (threadIdx.x < GPU_WARP && k <= l.n_in) {
        real sum = part[0][lane];
        MD_UNROLL
        for (p = 1; p < ROW_PARTS; p++) sum += part[p][lane];
        if (k < l.n_in)
            l.d_W[entry] = sum;
        else
            l.d_bias[j] = sum;
        if (is_bad(sum)) state[BAD] = 1;
    }
    __syncthreads();
}

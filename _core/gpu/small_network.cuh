/* A row through a small network and back, by one warp. The row's numbers pass from layer to layer in shared memory. */

/* h = act(x W + b) of a layer and its gradients; x, h, d_a have a row for each point. The last layer is linear, and its
   bias is left to the function that reads its output. */
struct md_layer {
    int n_in, n_out, activation;
    const real *W, *bias;
    real *d_W, *d_bias, *x, *h, *d_a;
};

/* The activation, known to the compiler if both networks have the same. */
#ifndef SMALL_ACTIVATION
#define SMALL_ACTIVATION (int)f[2]
#endif

/* Layer l of a table with a row of SMALL_LAYER_FIELDS numbers for each: sizes, places in the vector of weights, and addresses. */
MD_DEVICE md_layer layer_at(const int64_t *layers, const real *weights, int l) {
    const int64_t *f = layers + SMALL_LAYER_FIELDS * l;
    md_layer found = {(int)f[0], (int)f[1], f[2] == LINEAR ? LINEAR : SMALL_ACTIVATION, weights + f[3], weights + f[4],
                      (real *)f[5], (real *)f[6], (real *)f[7], (real *)f[8], (real *)f[9]};
    return found;
}

/* How many lanes a row of n numbers has, as a power of two, at most a warp. */
MD_DEVICE int power_of_lanes(int n) {
    int power = 0;
    while (1 << power < n && 1 << power < GPU_WARP) power++;
    return power;
}

#define AT_ONCE 4 /* sums, or parts of a sum, that a lane has under way */

/* out (n_out,) = act(x W + b) for x (n_in,), both in shared memory; h, if given, is a copy in global memory. A lane has a
   column, and if there are fewer columns than lanes, groups of lanes share out the rows of W. */
MD_DEVICE void row_forward(const md_layer &l, const real *x, real *out, real *h) {
    int power = power_of_lanes(l.n_out), columns = 1 << power, groups = GPU_WARP >> power, lane = md_lane();
    int own = lane & (columns - 1), group = lane >> power, i, j, k, first;
    __syncwarp();
    for (j = own; j - own < l.n_out; j += GPU_WARP) {
        real part[AT_ONCE] = {0}, a;
        for (first = group; j < l.n_out && first < l.n_in; first += AT_ONCE * groups) {
            MD_UNROLL
            for (i = 0; i < AT_ONCE; i++) {
                k = first + i * groups;
                if (k < l.n_in) part[i] += x[k] * l.W[k * l.n_out + j];
            }
        }
        a = lanes_sum((part[0] + part[1]) + (part[2] + part[3]), columns, GPU_WARP);
        if (group > 0 || j >= l.n_out) continue;
        if (l.activation != LINEAR) a = activate(l.activation, a + l.bias[j]);
        out[j] = a;
        if (h) h[j] = a;
    }
    __syncwarp();
}

/* out (n_in,) = W d for d (n_out,); both in shared memory. A row of W has as many lanes as it has columns, at most all. */
MD_DEVICE void row_backward(const md_layer &l, const real *d, real *out) {
    int power = power_of_lanes(l.n_out), columns = 1 << power, groups = GPU_WARP >> power, lane = md_lane();
    int own = lane & (columns - 1), group = lane >> power, i, j, k, first;
    __syncwarp();
    for (first = group; first - group < l.n_in; first += AT_ONCE * groups) {
        real sum[AT_ONCE] = {0};
        for (j = own; j < l.n_out; j += columns) {
            real d_j = d[j];
            MD_UNROLL
            for (i = 0; i < AT_ONCE; i++) {
                k = first + i * groups;
                if (k < l.n_in) sum[i] += d_j * l.W[k * l.n_out + j];
            }
        }
        MD_UNROLL
        for (i = 0; i < AT_ONCE; i++) {
            k = first + i * groups;
            sum[i] = lanes_sum(sum[i], 1, columns);
            if (own == 0 && k < l.n_in) out[k] = sum[i];
        }
    }
    __syncwarp();
}

/* The output of layers first .. last - 1 for row r, whose x is in u: where it stands, which is u or v. h of all layers but the
   last, the linear one, is stored. */
MD_ONCE real *network_forward(const int64_t *layers, const real *weights, int first, int last, int r, real *u, real *v) {
    for (int n = first; n < last; n++) {
        md_layer l = layer_at(layers, weights, n);
        row_forward(l, u, v, l.activation == LINEAR ? 0 : l.h + r * l.n_out);
        real *other = u;
        u = v;
        v = other;
    }
    return u;
}

/* Back through layers last - 1 .. first for row r, from the gradient with respect to the output, which is in u. d_a = d_h act'(a)
   of each layer is stored; if `to_x`, the result is where the gradient with respect to the first layer's x stands. */
MD_ONCE real *network_backward(
    const int64_t *layers, const real *weights, int first, int last, int r, bool to_x, real *u, real *v
) {
    int lane = md_lane(), n, start, i, j;
    for (n = last - 1; n >= first; n--) {
        md_layer l = layer_at(layers, weights, n);
        __syncwarp();
        for (start = lane; start < l.n_out; start += AT_ONCE * GPU_WARP) {
            real h[AT_ONCE] = {0};
            MD_UNROLL
            for (i = 0; i < AT_ONCE; i++) {
                j = start + i * GPU_WARP;
                if (l.activation != LINEAR && j < l.n_out) h[i] = l.h[r * l.n_out + j];
            }
            MD_UNROLL
            for (i = 0; i < AT_ONCE; i++) {
                j = start + i * GPU_WARP;
                if (j >= l.n_out) continue;
                real d = u[j];
                if (l.activation != LINEAR) u[j] = d = d * activation_slope(l.activation, h[i]);
                l.d_a[r * l.n_out + j] = d;
            }
        }
        if (n == first && !to_x) return u;
        row_backward(l, u, v);
        real *other = u;
        u = v;
        v = other;
    }
    return u;
}

/* ---- the gradients of the weights: d_W = x^T d_a,  d_b = sum d_a ---- */

#define ROW_PARTS 8

MD_DEVICE int weight_tasks(const md_layer &l) { return ((l.n_in + 1) * l.n_out + GPU_WARP - 1) / GPU_WARP; }

#define POINTS_AT_ONCE 16

/* Task t of a layer: a warp's width of entries of (W; b), a lane each. The rows are in ROW_PARTS parts, whose sums are
   added in their order. By a block. */
MD_DEVICE void weight_gradient(const md_layer &l, int t, int rows, int64_t *state) {
    __shared__ real part[ROW_PARTS][GPU_WARP];
    int lane = md_lane(), entry = GPU_WARP * t + lane, k = entry / l.n_out, j = entry - k * l.n_out, p, i, r;
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

/* A whole slice of training steps in one launch, for models so small that launches would cost more than their arithmetic.

   All blocks run at once and meet at barriers of the grid. Between them a warp, or a block, takes one task at a time:

       variance    only if the prior's variance is learned: its scales from the logits
       ---------------------------------------------------------------------------------------------------------------
       rows        point b: encoder, z, KL, decoder, likelihood, back to d_z        prior's sample j: draw it, log p
       ---------------------------------------------------------------------------------------------------------------
       sums        kl-inc alone. sample j: logsumexp_i log q(z_j | x_i)
       ---------------------------------------------------------------------------------------------------------------
       back        point b: the regulariser's gradient, back through the encoder
       ---------------------------------------------------------------------------------------------------------------
       weights     32 entries of a layer: d_W = x^T d_a over all rows               the terms' means, Adam's rates
       ---------------------------------------------------------------------------------------------------------------
       update      Adam, or none if something is not finite; the step is counted

   What a task computes, and the order of its sums, does not depend on the number of blocks, so neither do the bits. What many
   tasks of a block read is copied to shared memory first, if it fits: the weights, and what the regulariser compares. The
   copies are the same in every block. */

#define SMALL_WARPS (GPU_BLOCK / GPU_WARP)
#define DIMS_AT_ONCE 4
#define SMALL_WIDTH (SMALL_ROW_BYTES / (int)sizeof(real))
#define SMALL_COPIES (6 * 1024 * 4 / (int)sizeof(real)) /* numbers in shared memory */

struct md_small {
    const int64_t *now; /* the step's number and the seed, for the random numbers */
    const int64_t *order, *layers;
    int64_t *state;
    double *numbers;
    real weight[TERM_COUNT];
    const real *weights; /* of the layers, here or in shared memory */
    const void *data;
    int data_kind, encoder_layers, all_layers, K, B, D, dx, scale_link, likelihood, analytic, regulariser_kind, with_sample_grad;
    real inverse_scale, log_prior_multiplier, log_normaliser;
    md_prior prior;
    const real *edge;
    real *eps, *loc, *scale, *slope, *log_scale, *z, *d_z, *d_loc, *d_scale, *d_variance, *kl, *log_likelihood;
    real *sample, *sample_slope, *d_sample, *log_sum, *inverse, *regulariser;
};

MD_DEVICE int kl_rows(const md_small &s) { return s.analytic ? s.B : s.K * s.B; }

/* ---- rows ---- */

/* Point b forward, and back from the likelihood and the KL to d_z, d_loc and d_scale. */
MD_DEVICE void small_point(const md_small &s, int b, real *u, real *v) {
    int lane = md_lane(), B = s.B, D = s.D, k, d, i;
    int64_t row = s.order[s.now[FIRST] + b];
    md_layer first = layer_at(s.layers, s.weights, 0), last = layer_at(s.layers, s.weights, s.encoder_layers - 1);
    md_layer output = layer_at(s.layers, s.weights, s.all_layers - 1);
    real w = s.weight[LOG_LIKELIHOOD] / (s.K * B), w_kl = s.weight[KL] / kl_rows(s);
    for (i = lane; i < s.dx; i += GPU_WARP)
        first.x[b * s.dx + i] = u[i] = point_value(s.data, s.data_kind, row, s.dx, i);
    real *out = network_forward(s.layers, s.weights, 0, s.encoder_layers, b, u, v);
    real log_scale = sample_posterior_row(s.now, 0, s.scale_link, s.K, B, D, b, out, last.bias, s.eps, s.loc, s.scale, s.inverse,
                                          s.slope, s.log_scale, s.z);
    for (k = 0; k < s.K; k++) {
        int r = k * B + b;
        real total = 0;
        __syncwarp();
        for (d = lane; d < D; d += GPU_WARP) u[d] = s.z[r * D + d];
        __syncwarp();
        if (!s.analytic)
            monte_carlo_kl_row(s.prior, w_kl, s.log_prior_multiplier, s.K, B, k, b, u, s.eps, s.scale, log_scale, s.d_z, s.d_loc,
                               s.d_scale, s.d_variance, s.kl);
        else if (k == 0)
            analytic_kl_row(s.prior, w_kl, s.K, B, b, s.loc, s.scale, s.d_z, s.d_loc, s.d_scale, s.d_variance, s.kl);
        out = network_forward(s.layers, s.weights, s.encoder_layers, s.all_layers, r, u, v);
        for (i = lane; i < s.dx; i += GPU_WARP) {
            real raw = s.likelihood == GAUSSIAN ? out[s.dx + i] + output.bias[s.dx + i] : 0;
            total += likelihood_at(s.likelihood, s.inverse_scale, w, first.x[b * s.dx + i], out[i] + output.bias[i], raw, i, s.dx,
                                   out);
        }
        total = warp_sum(total);
        if (lane == 0) s.log_likelihood[r] = total - s.log_normaliser;
        out = network_backward(s.layers, s.weights, s.encoder_layers, s.all_layers, r, true, out, out == u ? v : u);
        for (d = lane; d < D; d += GPU_WARP) s.d_z[r * D + d] += out[d];
    }
}

/* Number j of the prior's sample. */
MD_DEVICE void small_sample(const md_small &s, int j, real *u) {
    for (int d = md_lane(); d < s.D; d += GPU_WARP) {
        int at = j * s.D + d;
        s.sample[at] = u[d] = prior_number(s.now, s.prior, s.edge, j, d, &s.sample_slope[at]);
    }
    __syncwarp();
    if (s.regulariser_kind == INCLUSIVE_KL)
        log_prior_of_sample_row(s.prior, s.weight[REGULARISER] / s.B, j, u, s.d_sample,
                                s.d_variance + (int64_t)kl_rows(s) * s.D, s.regulariser);
}

/* ---- KL(p || q); inclusive_kl.cuh has its formulas ---- */

/* The other side of the pairs: posteriors or samples, here or in shared memory. */
struct md_others {
    const real *loc, *inverse, *log_scale; /* of the posteriors; inverse is 1 / s */
    const real *sample, *log_sum, *z;
};

/* The density of sample z_j among the posteriors, and its gradient by z_j if asked for. */
MD_DEVICE void small_inclusive_sums(const md_small &s, const md_others &o, int j, real *u) {
    int lane = md_lane(), B = s.B, D = s.D, d, first, i, n;
    real largest = -(real)1e30, sum = 0, log_sum;
    for (d = lane; d < D; d += GPU_WARP) u[d] = s.sample[j * D + d];
    __syncwarp();
#pragma unroll 2
    for (i = lane; i < B; i += GPU_WARP) {
        real q = log_posterior(u, o.loc + i * D, o.inverse + i * D, o.log_scale[i], D);
        real larger = q > largest || q != q ? q : largest;
        sum = sum * md_exp(largest - larger) + md_exp(q - larger);
        largest = larger;
    }
    log_sum = warp_max(largest);
    log_sum += md_log(warp_sum(sum * md_exp(largest - log_sum)));
    if (lane == 0) {
        s.log_sum[j] = log_sum;
        s.regulariser[j] += (real)0.5 * D * MD_LOG_2PI + md_log((real)B) - log_sum;
    }
    if (!s.with_sample_grad) return;
    for (first = 0; first < D; first += DIMS_AT_ONCE) {
        real by_z[DIMS_AT_ONCE] = {0};
        for (i = lane; i < B; i += GPU_WARP) {
            const real *m = o.loc + i * D, *t = o.inverse + i * D;
            real weight = md_exp(log_posterior(u, m, t, o.log_scale[i], D) - log_sum) / B;
            MD_UNROLL
            for (n = 0; n < DIMS_AT_ONCE; n++)
                if (first + n < D) by_z[n] += weight * (u[first + n] - m[first + n]) * t[first + n] * t[first + n];
        }
        MD_UNROLL
        for (n = 0; n < DIMS_AT_ONCE; n++) {
            by_z[n] = warp_sum(by_z[n]);
            if (first + n < D && lane == 0) s.d_sample[j * D + first + n] += s.weight[REGULARISER] * by_z[n];
        }
    }
}

/* The gradient by loc and scale of point i. */
MD_DEVICE void small_inclusive_grad(const md_small &s, const md_others &o, int i, real *u) {
    int lane = md_lane(), B = s.B, D = s.D, first, j, n, d;
    real log_scale = s.log_scale[i], *m = u, *t = u + D;
    for (d = lane; d < D; d += GPU_WARP) m[d] = s.loc[i * D + d], t[d] = s.inverse[i * D + d];
    __syncwarp();
    for (first = 0; first < D; first += DIMS_AT_ONCE) {
        real by_loc[DIMS_AT_ONCE] = {0}, by_scale[DIMS_AT_ONCE] = {0};
#pragma unroll 2
        for (j = lane; j < B; j += GPU_WARP) {
            const real *z = o.sample + j * D;
            real weight = md_exp(log_posterior(z, m, t, log_scale, D) - o.log_sum[j]);
            MD_UNROLL
            for (n = 0; n < DIMS_AT_ONCE; n++)
                if (first + n < D) {
                    real r = (z[first + n] - m[first + n]) * t[first + n];
                    by_loc[n] += weight * r;
                    by_scale[n] += weight * (r * r - 1);
                }
        }
        MD_UNROLL
        for (n = 0; n < DIMS_AT_ONCE; n++) {
            if (first + n >= D) continue; /* in all lanes alike */
            real down = -s.weight[REGULARISER] * t[first + n] / B;
            by_loc[n] = warp_sum(by_loc[n]);
            by_scale[n] = warp_sum(by_scale[n]);
            if (lane > 0) continue;
            s.d_loc[i * D + first + n] += down * by_loc[n];
            s.d_scale[i * D + first + n] += down * by_scale[n];
        }
    }
    __syncwarp();
}

/* ---- the MMD; mmd.cuh has its formulas ---- */

/* Point i's part of the value, and the gradient by its z and, if asked for, by its sample. */
MD_DEVICE void small_mmd(const md_small &s, const md_others &o, int i) {
    int lane = md_lane(), B = s.B, D = s.D, K = s.K, d, k, j;
    real w = s.weight[REGULARISER], within = 2 / ((real)B * (B - 1)), across = 2 / ((real)B * B), slope;
    double pair = 1 / ((double)B * (B - 1)), cross = 2 / ((double)B * B), total = 0; /* double, as in mmd.cuh */
    for (d = 0; d < D; d++) {
        real x = o.sample[i * D + d], by_x = 0;
        for (k = 0; k < K; k++) {
            const real *xs = o.sample + d, *ys = o.z + k * B * D + d;
            real y = ys[i * D], by_y = 0, sum_xx = 0, sum_xy = 0, sum_yy = 0;
            for (j = lane; j < B; j += GPU_WARP) {
                real x_j = xs[j * D], y_j = ys[j * D];
                if (j != i) {
                    sum_yy += mmd_pair(y - y_j, &slope);
                    by_y += within * slope;
                }
                if (j != i && k == 0) {
                    sum_xx += mmd_pair(x - x_j, &slope);
                    by_x += within * slope;
                }
                sum_xy += mmd_pair(y - x_j, &slope);
                by_y -= across * slope;
                if (s.with_sample_grad) {
                    mmd_pair(x - y_j, &slope);
                    by_x -= across / K * slope;
                }
            }
            total += (pair * sum_yy - cross * sum_xy) / K + pair * sum_xx;
            by_y = warp_sum(by_y);
            if (lane == 0) s.d_z[(k * B + i) * D + d] += w / K * by_y;
        }
        if (!s.with_sample_grad) continue;
        by_x = warp_sum(by_x);
        if (lane == 0) s.d_sample[i * D + d] = w * by_x;
    }
    total = warp_sum(total);
    if (lane == 0) s.regulariser[i] = (real)total;
}

/* ---- back ---- */

/* The regulariser's gradient at point b, and back through the encoder. */
MD_DEVICE void small_back(const md_small &s, const md_others &o, int b, real *u, real *v) {
    if (s.regulariser_kind == INCLUSIVE_KL) small_inclusive_grad(s, o, b, u);
    if (s.regulariser_kind == MMD) small_mmd(s, o, b);
    __syncwarp();
    for (int d = md_lane(); d < s.D; d += GPU_WARP)
        posterior_backward_at(s.K, s.B, s.D, b, d, s.d_z, s.eps, s.d_loc, s.d_scale, s.slope, u);
    network_backward(s.layers, s.weights, 0, s.encoder_layers, b, false, u, v);
}

/* ---- weights ---- */

/* The terms' means and Adam's rates.   A block. */
MD_DEVICE void small_values(const md_small &s, real *rates) {
    int rows = s.K * s.B, parts = s.regulariser_kind == NO_REGULARISER ? 0 : s.B;
    means_of_terms(s.numbers, rows, kl_rows(s), parts, s.regulariser_kind == INCLUSIVE_KL ? 1.0 / s.B : 1.0,
                   s.log_likelihood, s.kl, s.regulariser);
    if (threadIdx.x == 0) set_rates(s.numbers, (real)(s.now[STEP] + 1), rates);
}

/* The gradient by the logits of a learned variance.   A block. */
MD_DEVICE void small_variance(const md_small &s, real *d_v, real *d_logits) {
    int rows = kl_rows(s), samples = 0;
    if (s.regulariser_kind == INCLUSIVE_KL) rows += s.B;
    if (s.regulariser_kind != NO_REGULARISER) samples = s.B;
    for (int d = 0; d < s.D; d++)
        variance_grad_at(d, rows, samples, s.D, s.d_variance, s.d_sample, s.sample_slope, d_v);
    __syncthreads();
    logits_gradient(s.D, s.prior.scale, d_v, d_logits);
    __syncthreads();
    for (int d = threadIdx.x; d < s.D; d += blockDim.x) if (is_bad(d_logits[d])) s.state[BAD] = 1;
}

MD_DEVICE void small_weights(const md_small &s, real *rates, real *d_v, real *d_logits) {
    int task, t, n;
    for (task = blockIdx.x;; task += gridDim.x) {
        for (n = 0, t = task; n < s.all_layers; n++) {
            md_layer l = layer_at(s.layers, s.weights, n);
            if (t < weight_tasks(l)) {
                weight_gradient(l, t, n < s.encoder_layers ? s.B : s.K * s.B, s.state);
                break;
            }
            t -= weight_tasks(l);
        }
        if (n < s.all_layers) continue;
        if (t == 0) small_values(s, rates);
        if (t == 1 && s.with_sample_grad) small_variance(s, d_v, d_logits);
        if (t > 0) return;
    }
}

/* ---- the steps ---- */

/* Copies count numbers to shared memory, by a block, and returns how many. */
MD_DEVICE int copy_here(real *to, const real *from, int count) {
#pragma unroll 4
    for (int i = threadIdx.x; i < count; i += blockDim.x) to[i] = from[i];
    return count;
}

MD_SMALL_KERNEL train_small(
    int64_t *state, double *numbers, double *totals, real *rates, const int64_t *order, const void *data, int data_kind,
    const int64_t *layers, int encoder_layers, int all_layers, int K, int D, int dx, int batch_size, int scale_link,
    int likelihood, double likelihood_scale, int analytic, double log_prior_multiplier, int regulariser_kind,
    int with_sample_grad, int prior, int components, const real *prior_loc, real *prior_scale, const real *log_weight,
    const real *constants, const real *edge, double variance_scale, const real *logits, real *d_logits, real *d_v, real *eps,
    real *loc, real *scale, real *slope, real *log_scale, real *z, real *d_z, real *d_loc, real *d_scale, real *d_variance,
    real *kl, real *log_likelihood, real *sample, real *sample_slope, real *d_sample, real *log_sum, real *inverse,
    real *regulariser, int64_t size, real *gradient, real *vector, real *m, real *v, real *v_max
) {
#ifdef SMALL_ALONE
    prior = SMALL_PRIOR, likelihood = SMALL_LIKELIHOOD, scale_link = SMALL_SCALE_LINK, data_kind = SMALL_DATA_KIND;
    analytic = SMALL_ANALYTIC, regulariser_kind = SMALL_REGULARISER_KIND, with_sample_grad = SMALL_WITH_SAMPLE_GRAD;
    K = SMALL_K, D = SMALL_D, dx = SMALL_DX, components = SMALL_COMPONENTS;
#endif
    __shared__ real rooms[SMALL_WARPS][2][SMALL_WIDTH];
    /* The same in every block: */
    __shared__ real copies[SMALL_COPIES];
    __shared__ int64_t table[SMALL_LAYERS * SMALL_LAYER_FIELDS], now[STATE_COUNT];
    const int kept = size <= SMALL_COPIES ? (int)size : 0;
    real *room = rooms[threadIdx.x / GPU_WARP][0], *other = rooms[threadIdx.x / GPU_WARP][1];
    int64_t passed = 0, first = 0, epoch = 0, done = 0, step = state[STEP], seed = state[SEED], i;
    const int64_t used = state[USED_ROWS], rows = state[EPOCH_ROWS], end = state[END];
    const int warps = blockDim.x / GPU_WARP * gridDim.x, me = threadIdx.x / GPU_WARP * gridDim.x + blockIdx.x;
    int fault = -1, term, task;
    double sums[TOTAL_COUNT] = {0};
    md_small s = {now, order, table, state, numbers, {(real)numbers[WEIGHT], (real)numbers[WEIGHT + 1], (real)numbers[WEIGHT + 2]},
                  kept > 0 ? copies : vector, data, data_kind, encoder_layers, all_layers, K, 0, D, dx, scale_link, likelihood, analytic, regulariser_kind,
                  with_sample_grad, (real)(1 / likelihood_scale), (real)log_prior_multiplier,
                  (real)(likelihood == LAPLACE ? dx * log(2 * likelihood_scale) : 0),
                  {prior, components, D, prior_loc, prior_scale, log_weight, constants}, edge, eps, loc, scale, slope, log_scale,
                  z, d_z, d_loc, d_scale, d_variance, kl, log_likelihood, sample, sample_slope, d_sample, log_sum, inverse, regulariser};
    for (i = threadIdx.x; i < all_layers * SMALL_LAYER_FIELDS; i += blockDim.x) table[i] = layers[i];
    while (epoch * rows < end && fault < 0) {
        if (with_sample_grad) {
            if (blockIdx.x == 0) scale_from_logits(logits, D, components, variance_scale, prior_scale);
            grid_barrier(state + ARRIVED, &passed);
        }
        s.B = used - first < batch_size ? (int)(used - first) : batch_size;
        if (threadIdx.x == 0) now[SEED] = seed, now[STEP] = step, now[FIRST] = epoch * rows + first;
        copy_here(copies, vector, kept);
        __syncthreads();
        for (task = me; task < (regulariser_kind == NO_REGULARISER ? s.B : 2 * s.B); task += warps) {
            if (task < s.B)
                small_point(s, task, room, other);
            else
                small_sample(s, task - s.B, room);
            __syncwarp();
        }
        grid_barrier(state + ARRIVED, &passed);
        md_others o = {loc, inverse, log_scale, sample, log_sum, z};
        if (regulariser_kind == INCLUSIVE_KL) {
            if (kept + s.B * (2 * D + 1) <= SMALL_COPIES) {
                real *at = copies + kept;
                o.loc = at, at += copy_here(at, loc, s.B * D);
                o.inverse = at, at += copy_here(at, inverse, s.B * D);
                o.log_scale = at, copy_here(at, log_scale, s.B);
                __syncthreads();
            }
            for (task = me; task < s.B; task += warps) {
                small_inclusive_sums(s, o, task, room);
                __syncwarp();
            }
            grid_barrier(state + ARRIVED, &passed);
        }
        if (regulariser_kind != NO_REGULARISER && kept + s.B * (D + (regulariser_kind == MMD ? K * D : 1)) <= SMALL_COPIES) {
            real *at = copies + kept;
            o.sample = at, at += copy_here(at, sample, s.B * D);
            if (regulariser_kind == MMD)
                o.z = at, copy_here(at, z, K * s.B * D);
            else
                o.log_sum = at, copy_here(at, log_sum, s.B);
            __syncthreads();
        }
        for (task = me; task < s.B; task += warps) {
            small_back(s, o, task, room, other);
            __syncwarp();
        }
        grid_barrier(state + ARRIVED, &passed);
        small_weights(s, rates, d_v, d_logits);
        grid_barrier(state + ARRIVED, &passed);
        fault = fault_of_step(state, numbers);
        for (i = md_me(); i < size; i += (int64_t)gridDim.x * blockDim.x) {
            real g = -gradient[i], theta = vector[i], mean = m[i], square = v[i], largest = v_max[i];
            bool amsgrad = v_max != v;
            theta -= md_adam(g, &mean, &square, amsgrad ? &largest : &square, rates[REST1], rates[REST2], rates[RATE],
                             rates[ROOT], rates[TINY]);
            if (fault >= 0) break;
            vector[i] = theta, m[i] = mean, v[i] = square;
            if (amsgrad) v_max[i] = largest;
        }
        if (fault < 0) {
            for (term = LOG_LIKELIHOOD; term <= REGULARISER; term++) sums[term] += numbers[VALUE + term] * s.B;
            sums[POINTS] += s.B;
            step++, done++, first += s.B;
        }
        if (fault >= 0 || first == used) {
            for (term = 0; term < TOTAL_COUNT; term++) {
                if (md_me() == 0) totals[epoch * TOTAL_COUNT + term] += sums[term];
                sums[term] = 0;
            }
            epoch++, first = 0;
        }
        grid_barrier(state + ARRIVED, &passed);
    }
    if (md_me() == 0) state[DONE] = done, state[STEP] = step, state[FAULT] = fault;
}

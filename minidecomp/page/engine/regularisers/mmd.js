"use strict";
// MMD^2 between a sample x of the prior and one y of the aggregate posterior, dimension by dimension (Gretton et al., 2012).

// k(r) = sum_c c / (c + r^2)        k'(r) = -2 r sum_c c / (c + r^2)^2
function mmdKernel(r) {
  const square = r * r;
  let value = 0, slope = 0;
  for (let n = 0; n < CONSTANTS.KERNEL_SCALES.length; n++) {
    const c = CONSTANTS.KERNEL_SCALES[n], part = c / (c + square);
    value += part;
    slope += part * part / c;
  }
  return [value, -2 * r * slope];
}

// The sum of k(y_i - y_j) over pairs i != j, and into `pull` sum_j k'(y_i - y_j) for each i; y is a column (B)
function withinPairs(y, pull) {
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    for (let j = 0; j < i; j++) {
      const [value, slope] = mmdKernel(y[i] - y[j]);
      total += 2 * value; // k is even, k' odd
      pull[i] += slope;
      pull[j] -= slope;
    }
  }
  return total;
}

// The sum of k(y_i - x_j) over all pairs, and sum_j k'(y_i - x_j), sum_i k'(y_i - x_j) into the two pulls
function acrossPairs(y, x, pullY, pullX) {
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    for (let j = 0; j < x.length; j++) {
      const [value, slope] = mmdKernel(y[i] - x[j]);
      total += value;
      pullY[i] += slope;
      pullX[j] += slope;
    }
  }
  return total;
}

// MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)
// d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j)
// d/dx_a = 2/(B (B-1)) sum_j k'(x_a - x_j) + 2/B^2 sum_j k'(y_j - x_a)
function mmd(priorSample, z, rows, dims) {
  if (rows < CONSTANTS.LEAST_MMD_POINTS) throw new Error(`mmd needs ${CONSTANTS.LEAST_MMD_POINTS} points or more`);
  const bySample = new Float64Array(z.length), byPrior = new Float64Array(z.length), pairs = rows * (rows - 1);
  let total = 0;
  for (let d = 0; d < dims; d++) {
    const column = (values) => Float64Array.from({ length: rows }, (_, i) => values[i * dims + d]);
    const x = column(priorSample), y = column(z);
    const [withinX, withinY, acrossX, acrossY] = Array.from({ length: 4 }, () => new Float64Array(rows));
    const within = withinPairs(x, withinX) + withinPairs(y, withinY), across = acrossPairs(y, x, acrossY, acrossX);
    total += within / pairs - 2 * across / (rows * rows);
    for (let a = 0; a < rows; a++) {
      bySample[a * dims + d] = 2 / pairs * withinY[a] - 2 / (rows * rows) * acrossY[a];
      byPrior[a * dims + d] = 2 / pairs * withinX[a] + 2 / (rows * rows) * acrossX[a];
    }
  }
  return { value: total, z: bySample, priorSample: byPrior };
}

// The mean over the K posterior samples
function meanMmd(priorSample, z, loc, scale, prior, rows, samples) {
  const n = rows * prior.dims, result = { value: 0, z: new Float64Array(z.length), priorSample: new Float64Array(n) };
  for (let k = 0; k < samples; k++) {
    const each = mmd(priorSample, z.subarray(k * n, (k + 1) * n), rows, prior.dims);
    result.value += each.value / samples;
    result.z.set(each.z.map((value) => value / samples), k * n);
    addScaled(result.priorSample, each.priorSample, 1 / samples);
  }
  return result;
}

REGULARISERS.mmd = { name: "mmd", leastPoints: CONSTANTS.LEAST_MMD_POINTS, valueAndGrad: meanMmd };

"use strict";
// MMD^2 between a sample x of the prior and one y of the aggregate posterior, dimension by dimension (Gretton et al., 2012).

// 1 / c for each kernel scale c: k(r) = sum_c c / (c + r^2) = sum_c 1 / (1 + r^2 / c),   k'(r) = -2 r sum_c (1 / c) / (1 + r^2 / c)^2
const INVERSE_SCALES = Float64Array.from(CONSTANTS.KERNEL_SCALES, (c) => 1 / c);

// The sum of k(y_i - x_j) over all pairs, or over those with j < i if x is y. Adds sum_j k'(y_i - x_j) to pullY and
// sum_i k'(x_j - y_i) to pullX.
function sumOverPairs(y, x, pullY, pullX) {
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    for (let j = 0, end = x === y ? i : x.length; j < end; j++) {
      const r = y[i] - x[j], square = r * r;
      let sum = 0;
      for (let n = 0; n < INVERSE_SCALES.length; n++) {
        const part = 1 / (1 + square * INVERSE_SCALES[n]);
        total += part;
        sum += part * part * INVERSE_SCALES[n];
      }
      pullY[i] -= 2 * r * sum;
      pullX[j] += 2 * r * sum;
    }
  }
  return total;
}

// MMD^2 = sum_d 1/(B (B-1)) sum_{i != j} [k(x_i - x_j) + k(y_i - y_j)] - 2/B^2 sum_{i,j} k(x_i - y_j)
// d/dy_a = 2/(B (B-1)) sum_j k'(y_a - y_j) - 2/B^2 sum_j k'(y_a - x_j); the same for x_a with x and y exchanged
function mmd(priorSample, z, rows, dims) {
  if (rows < CONSTANTS.LEAST_MMD_POINTS) throw new Error(`mmd needs ${CONSTANTS.LEAST_MMD_POINTS} points or more`);
  const bySample = new Float64Array(z.length), byPrior = new Float64Array(z.length), pairs = rows * (rows - 1);
  let total = 0;
  for (let d = 0; d < dims; d++) {
    const x = column(priorSample, rows, dims, d), y = column(z, rows, dims, d);
    const [withinX, withinY, acrossX, acrossY] = Array.from({ length: 4 }, () => new Float64Array(rows));
    const within = 2 * (sumOverPairs(x, x, withinX, withinX) + sumOverPairs(y, y, withinY, withinY));
    total += within / pairs - 2 * sumOverPairs(y, x, acrossY, acrossX) / (rows * rows);
    for (let a = 0; a < rows; a++) {
      bySample[a * dims + d] = 2 / pairs * withinY[a] - 2 / (rows * rows) * acrossY[a];
      byPrior[a * dims + d] = 2 / pairs * withinX[a] - 2 / (rows * rows) * acrossX[a];
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

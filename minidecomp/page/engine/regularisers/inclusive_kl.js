"use strict";
// KL(p(z) || q(z)) with the aggregate posterior of the batch, q(z) = 1/B sum_i N(z; loc_i, scale_i^2).

const NOTHING = -45; // e^-45 is below the last digit of a sum that holds e^0

// For every row z_j of z (count, D): log q(z_j | x_i) of all B posteriors less their greatest, handed to
// use(j, logPosteriors, logSum) with logSum = logsumexp_i log q(z_j | x_i) less the same greatest, and that greatest.
function eachAggregate(z, count, loc, scale, rows, dims, use) {
  const inverse = scale.map((s) => 1 / s), constant = new Float64Array(rows), logs = new Float64Array(rows);
  for (let at = 0; at < scale.length; at++) constant[Math.floor(at / dims)] -= Math.log(scale[at]) + 0.5 * LOG_2PI;
  for (let j = 0; j < count; j++) {
    let top = -Infinity, sum = 0;
    for (let i = 0; i < rows; i++) {
      let square = 0;
      for (let d = 0; d < dims; d++) {
        const t = (z[j * dims + d] - loc[i * dims + d]) * inverse[i * dims + d];
        square += t * t;
      }
      logs[i] = constant[i] - 0.5 * square;
      if (logs[i] > top) top = logs[i];
    }
    for (let i = 0; i < rows; i++) {
      logs[i] -= top;
      if (logs[i] > NOTHING) sum += Math.exp(logs[i]);
    }
    use(j, logs, Math.log(sum), top);
  }
}

// log q(z_j) = logsumexp_i log q(z_j | x_i) - log B, (count)
function aggregateLogDensity(z, count, loc, scale, rows, dims) {
  const value = new Float64Array(count);
  eachAggregate(z, count, loc, scale, rows, dims, (j, logs, logSum, top) => { value[j] = top + logSum - Math.log(rows); });
  return value;
}

// KL ~ 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B];   W_ji = softmax_i log q(z_j | x_i)
// d/dmu_i = -1/J sum_j W_ji (z_j - mu_i) / s_i^2        d/ds_i = -1/J sum_j W_ji ((z_j - mu_i)^2 / s_i^3 - 1 / s_i)
// d/dz_j = 1/J (d log p(z_j)/dz_j + sum_i W_ji (z_j - mu_i) / s_i^2)        d/dv = 1/J d log p(z_j)/dv
function inclusiveKl(priorSample, z, loc, scale, prior, rows) {
  const { dims } = prior, J = priorSample.length / dims;
  const density = PRIORS[prior.name].logDensityAndGrad(prior, priorSample, J);
  const byLoc = new Float64Array(loc.length), byScale = new Float64Array(loc.length);
  const bySample = density.z.map((value) => value / J);
  let total = 0;
  eachAggregate(priorSample, J, loc, scale, rows, dims, (j, logs, logSum, top) => {
    total += density.value[j] - top - logSum + Math.log(rows);
    for (let i = 0; i < rows; i++) {
      if (logs[i] - logSum <= NOTHING) continue;
      const W = Math.exp(logs[i] - logSum) / J;
      for (let d = 0; d < dims; d++) {
        const at = i * dims + d, s = scale[at], t = (priorSample[j * dims + d] - loc[at]) / s;
        byLoc[at] -= W * t / s;
        byScale[at] -= W * (t * t - 1) / s;
        bySample[j * dims + d] += W * t / s;
      }
    }
  });
  return {
    value: total / J, loc: byLoc, scale: byScale, priorSample: bySample,
    variance: density.variance.map((value) => value / J),
  };
}

REGULARISERS["kl-inc"] = { name: "kl-inc", leastPoints: 1, valueAndGrad: inclusiveKl };

"use strict";
// KL(p(z) || q(z)) with the aggregate posterior of the batch, q(z) = 1/B sum_i N(z; loc_i, scale_i^2).

const NOTHING = -45; // e^-45 is below the last digit of a sum that contains e^0

// Calls use(j, shares, sum, m_j) for every row z_j of z (count, D): m_j = max_i log q(z_j | x_i) over all B posteriors,
// shares_i = e^(log q(z_j | x_i) - m_j), and sum is the sum of the shares.
function eachAggregate(z, count, loc, scale, rows, dims, use) {
  const inverse = scale.map((s) => 1 / s), constant = new Float64Array(rows), shares = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let d = 0; d < dims; d++) constant[i] -= Math.log(scale[i * dims + d]) + 0.5 * LOG_2PI;
  }
  for (let j = 0; j < count; j++) {
    let top = -Infinity, sum = 0;
    for (let i = 0, at = 0; i < rows; i++) {
      let square = 0;
      for (let d = 0; d < dims; d++, at++) {
        const t = (z[j * dims + d] - loc[at]) * inverse[at];
        square += t * t;
      }
      shares[i] = constant[i] - 0.5 * square;
      if (shares[i] > top) top = shares[i];
    }
    for (let i = 0; i < rows; i++) {
      const less = shares[i] - top;
      shares[i] = less > NOTHING ? Math.exp(less) : 0;
      sum += shares[i];
    }
    use(j, shares, sum, top);
  }
}

// log q(z_j) = logsumexp_i log q(z_j | x_i) - log B, (count)
function aggregateLogDensity(z, count, loc, scale, rows, dims) {
  const value = new Float64Array(count);
  eachAggregate(z, count, loc, scale, rows, dims, (j, shares, sum, top) => { value[j] = top + Math.log(sum / rows); });
  return value;
}

// KL ~ 1/J sum_j [log p(z_j) - logsumexp_i log q(z_j | x_i) + log B];   W_ji = softmax_i log q(z_j | x_i)
// d/dmu_i = -1/J sum_j W_ji (z_j - mu_i) / s_i^2        d/ds_i = -1/J sum_j W_ji ((z_j - mu_i)^2 / s_i^3 - 1 / s_i)
// d/dz_j = 1/J (d log p(z_j)/dz_j + sum_i W_ji (z_j - mu_i) / s_i^2)        d/dv = 1/J d log p(z_j)/dv
function inclusiveKl(priorSample, z, loc, scale, prior, rows) {
  const { dims } = prior, J = priorSample.length / dims;
  const density = PRIORS[prior.name].logDensityAndGrad(prior, priorSample, J);
  const byLoc = new Float64Array(loc.length), byScale = new Float64Array(loc.length);
  const bySample = density.z.map((value) => value / J), inverse = scale.map((s) => 1 / s);
  let total = 0;
  eachAggregate(priorSample, J, loc, scale, rows, dims, (j, shares, sum, top) => {
    total += density.value[j] - top - Math.log(sum / rows);
    for (let i = 0; i < rows; i++) {
      if (shares[i] === 0) continue;
      const W = shares[i] / sum / J;
      for (let d = 0, at = i * dims; d < dims; d++, at++) {
        const t = (priorSample[j * dims + d] - loc[at]) * inverse[at], pull = W * inverse[at];
        byLoc[at] -= pull * t;
        byScale[at] -= pull * (t * t - 1);
        bySample[j * dims + d] += pull * t;
      }
    }
  });
  return {
    value: total / J, loc: byLoc, scale: byScale, priorSample: bySample,
    variance: density.variance.map((value) => value / J),
  };
}

REGULARISERS["kl-inc"] = { name: "kl-inc", leastPoints: 1, valueAndGrad: inclusiveKl };

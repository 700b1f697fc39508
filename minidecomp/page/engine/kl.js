"use strict";
// KL(q(z|x) || p(z)) for a posterior q = N(loc, diag scale^2): in closed form, and from samples.

// The KL (rows) and its gradient with respect to loc, scale and the prior's variance, (rows, D) each; p = N(m, v).
// KL = sum_d log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2
// d/dmu = (mu - m) / v        d/ds = s / v - 1 / s        d/dv = 1 / (2 v) - (s^2 + (mu - m)^2) / (2 v^2)
function analyticKl(loc, scale, prior, rows) {
  if (prior.name !== "gaussian") throw new Error(`the analytic KL needs a gaussian prior, not ${prior.name}`);
  const dims = prior.dims, value = new Float64Array(rows);
  const grads = { loc: new Float64Array(loc.length), scale: new Float64Array(loc.length), variance: new Float64Array(loc.length) };
  for (let i = 0; i < loc.length; i++) {
    const v = prior.scale[i % dims] ** 2, r = loc[i] - prior.loc[i % dims], s = scale[i];
    value[Math.floor(i / dims)] += 0.5 * Math.log(v) - Math.log(s) + (s * s + r * r) / (2 * v) - 0.5;
    grads.loc[i] = r / v;
    grads.scale[i] = s / v - 1 / s;
    grads.variance[i] = 0.5 / v - 0.5 * (s * s + r * r) / (v * v);
  }
  return { value, ...grads };
}

// log q(z|x) (rows) of samples z = mu + s eps: log q = sum_d -eps^2 / 2 - log s - log(2 pi) / 2
function posteriorLogDensity(eps, scale, rows, dims) {
  const value = new Float64Array(rows);
  for (let i = 0; i < eps.length; i++) {
    value[Math.floor(i / dims)] += -0.5 * eps[i] * eps[i] - Math.log(scale[i % scale.length]) - 0.5 * LOG_2PI;
  }
  return value;
}

// An unbiased estimate (rows) from one sample z = mu + s eps for each row, and its derivatives, (rows, D) each.
// KL ~ log q(z|x) - M log p(z)
// d/dz = -eps / s - M d log p(z)/dz        d/dmu = eps / s        d/ds = (eps^2 - 1) / s        d/dv = -M d log p(z)/dv
function monteCarloKl(z, eps, scale, prior, multiplier, rows) {
  const density = PRIORS[prior.name].logDensityAndGrad(prior, z, rows);
  const value = posteriorLogDensity(eps, scale, rows, prior.dims), n = z.length;
  addScaled(value, density.value, -multiplier);
  const result = { value, z: new Float64Array(n), loc: new Float64Array(n), scale: new Float64Array(n), variance: new Float64Array(n) };
  for (let i = 0; i < n; i++) {
    const s = scale[i % scale.length];
    result.z[i] = -eps[i] / s - multiplier * density.z[i];
    result.loc[i] = eps[i] / s;
    result.scale[i] = (eps[i] * eps[i] - 1) / s;
    result.variance[i] = -multiplier * density.variance[i];
  }
  return result;
}

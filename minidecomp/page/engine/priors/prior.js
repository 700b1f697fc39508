"use strict";
// p(z): the priors by name, and what most of them have in common.
// Each has `noise` and `choice`, the kinds of random numbers that its samples need. A prior is {name, dims, components,
// loc, scale, ..} with loc and scale (D), or (M, D) for a mixture.
const PRIORS = {};

// v_d = S D softmax(l)_d: the variances from logits. Their mean is always S.
function varianceFromLogits(logits, meanVariance) {
  const top = Math.max(...logits), w = Float64Array.from(logits, (value) => Math.exp(value - top));
  const sum = w.reduce((a, b) => a + b, 0);
  return w.map((value) => meanVariance * w.length * value / sum);
}

// d/dl_k = v_k (d/dv_k - sum_j w_j d/dv_j),   w = v / sum v
function logitsGrad(dVariance, variance) {
  const sum = variance.reduce((a, b) => a + b, 0);
  const mean = variance.reduce((total, v, j) => total + v / sum * dVariance[j], 0);
  return variance.map((v, k) => v * (dVariance[k] - mean));
}

// A prior that is a product over its dimensions, from the log density and slope of one: part(prior, z, d) -> [log p, d/dz, d/dv].
function productDensity(prior, z, rows, part) {
  const dims = prior.dims, value = new Float64Array(rows);
  const bySample = new Float64Array(z.length), variance = new Float64Array(z.length);
  for (let i = 0; i < z.length; i++) {
    const [density, slope, byVariance] = part(prior, z[i], i % dims);
    value[Math.floor(i / dims)] += density;
    bySample[i] = slope;
    variance[i] = byVariance;
  }
  return { value, z: bySample, variance };
}

// z = m + sqrt(v) e
function scaledNoise(prior, noise) {
  return noise.map((e, i) => prior.loc[i % prior.dims] + prior.scale[i % prior.dims] * e);
}

// The gradient with respect to the variance (rows, D), from that with respect to the sample: dz/dv = e / (2 sqrt(v))
function scaledNoiseGrad(prior, dSample, noise) {
  return dSample.map((d, i) => d * noise[i] / (2 * prior.scale[i % prior.dims]));
}

// The prior on some of its dimensions only
function priorOfDimensions(prior, dims) {
  const pick = (values) => Float64Array.from({ length: prior.components * dims.length }, (_, i) =>
    values[Math.floor(i / dims.length) * prior.dims + dims[i % dims.length]]);
  return { ...prior, dims: dims.length, loc: pick(prior.loc), scale: pick(prior.scale) };
}

// A prior with each variance v = scale^2 replaced; a mixture's components share it.
function withVariance(prior, variance) {
  return { ...prior, scale: prior.scale.map((_, i) => Math.sqrt(variance[i % prior.dims])) };
}

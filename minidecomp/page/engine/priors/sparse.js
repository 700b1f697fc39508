"use strict";
// The spike-and-slab prior: in each dimension (1 - gamma) N(m, v) + gamma N(0, a^2).

// log p = sum_d log((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))
// rho = gamma N(z; 0, a^2) / ((1 - gamma) N(z; m, v) + gamma N(z; 0, a^2))
// d/dz = -rho z / a^2 - (1 - rho) (z - m) / v        d/dv = (1 - rho) ((z - m)^2 / v^2 - 1 / v) / 2
function sparsePart(prior, z, d) {
  const { gamma, spikeScale: a } = prior, s = prior.scale[d], v = s * s, r = z - prior.loc[d];
  const slab = Math.log1p(-gamma) + normalLogDensity(z, prior.loc[d], s); // log 0 = -Infinity: this part has no weight
  const spike = Math.log(gamma) + normalLogDensity(z, 0, a);
  const top = Math.max(slab, spike), density = top + Math.log1p(Math.exp(Math.min(slab, spike) - top));
  const rho = Math.exp(spike - density), rest = Math.exp(slab - density);
  return [density, -rho * z / (a * a) - rest * r / v, 0.5 * rest * (r * r / (v * v) - 1 / v)];
}

PRIORS.sparse = {
  name: "sparse",
  noise: "normal",
  choice: "element",
  fromOptions: (options, scale) => ({
    name: "sparse", dims: scale.length, components: 1, loc: scale.map(() => 0), scale,
    gamma: options.gamma, spikeScale: options.spike_scale,
  }),
  logDensityAndGrad: (prior, z, rows) => productDensity(prior, z, rows, sparsePart),
  // z = a e if u < gamma, otherwise m + s e
  sample: (prior, noise, choice) => scaledNoise(prior, noise).map((z, i) => (choice[i] < prior.gamma ? prior.spikeScale * noise[i] : z)),
  sampleGrad: (prior, dSample, noise, choice) => scaledNoiseGrad(prior, dSample, noise).map((d, i) => (choice[i] < prior.gamma ? 0 : d)),
};

"use strict";
// The Gaussian prior p(z) = N(m, diag v).

// log p = sum_d -(z - m)^2 / (2 v) - log(2 pi v) / 2
// d/dz = -(z - m) / v            d/dv = ((z - m)^2 / v^2 - 1 / v) / 2
function gaussianPart(prior, z, d) {
  const v = prior.scale[d] ** 2, r = z - prior.loc[d];
  return [normalLogDensity(z, prior.loc[d], prior.scale[d]), -r / v, 0.5 * (r * r / (v * v) - 1 / v)];
}

PRIORS.gaussian = {
  name: "gaussian",
  noise: "normal",
  choice: null,
  fromOptions: (options, scale) => ({ name: "gaussian", dims: scale.length, components: 1, loc: scale.map(() => 0), scale }),
  logDensityAndGrad: (prior, z, rows) => productDensity(prior, z, rows, gaussianPart),
  sample: scaledNoise,
  sampleGrad: scaledNoiseGrad,
};

"use strict";
// The Student-t prior, with nu degrees of freedom, loc m and scale sqrt(v) in each dimension.

// log Gamma(x) for x > 0: Stirling's series at x + 8 or more, and Gamma(x + 1) = x Gamma(x) on the way down
function logGamma(x) {
  let shift = 0, y = x;
  for (; y < 16; y += 1) shift += Math.log(y);
  const inverse = 1 / y, square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (y - 0.5) * Math.log(y) - y + 0.5 * LOG_2PI + series - shift;
}

// c = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu pi) / 2; for a large nu from a series, which is more accurate
function studentTNormaliser(nu) {
  if (nu > 1000) return -0.5 * LOG_2PI - 0.25 / nu + 1 / (24 * nu ** 3);
  return logGamma((nu + 1) / 2) - logGamma(nu / 2) - 0.5 * Math.log(nu * Math.PI);
}

// log p = sum_d c - log(v) / 2 - (nu + 1) / 2 log(1 + (z - m)^2 / (nu v))
// d/dz = -(nu + 1) (z - m) / (nu v + (z - m)^2)
// d/dv = ((nu + 1) / 2 (z - m)^2 / (nu v + (z - m)^2) - 1/2) / v
function studentTPart(prior, z, d) {
  const nu = prior.df, s = prior.scale[d], v = s * s, r = z - prior.loc[d], pull = (nu + 1) / (nu * v + r * r);
  const density = prior.logNormaliser - Math.log(s) - 0.5 * (nu + 1) * Math.log1p(r * r / v / nu);
  return [density, -pull * r, (0.5 * pull * r * r - 0.5) / v];
}

PRIORS["student-t"] = {
  name: "student-t",
  noise: "student-t",
  choice: null,
  fromOptions: (options, scale) => ({
    name: "student-t", dims: scale.length, components: 1, loc: scale.map(() => 0), scale,
    df: options.df, logNormaliser: studentTNormaliser(options.df),
  }),
  logDensityAndGrad: (prior, z, rows) => productDensity(prior, z, rows, studentTPart),
  sample: scaledNoise,
  sampleGrad: scaledNoiseGrad,
};

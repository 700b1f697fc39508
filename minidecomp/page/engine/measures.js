"use strict";
// Measures of a model: overlap, match, and what each latent dimension does. In nats, from fixed draws.

const MOST_MEASURED = 1000, MEASURE_SAMPLES = 400; // points; samples of q(z) and of p(z)

// Evenly spread rows of (count, width): one at random from each of at most `most` pieces, the same rows as in
// minidecomp/data/points.py.
function someRows(values, count, width, most) {
  if (count <= most) return [values, count];
  const chosen = new Float64Array(most * width), within = uniforms(most, 0, ...streamAt("SPREAD"));
  for (let i = 0; i < most; i++) {
    const first = Math.floor(i * count / most), next = Math.floor((i + 1) * count / most);
    const row = first + Math.floor(within[i] * (next - first));
    chosen.set(values.subarray(row * width, (row + 1) * width), i * width);
  }
  return [chosen, most];
}

// I(x; z) = E_q(z,x)[log q(z|x) - log q(z)], at most log N, and KL(p || q) = E_p(z)[log p(z) - log q(z)],
// with q(z) = 1/N sum_i q(z|x_i) over the points; like minidecomp/evaluation/decomposition.py, with fewer samples.
function overlapAndMatch(encodings, count, prior, seed) {
  const D = prior.dims, J = MEASURE_SAMPLES;
  const [loc, rows] = someRows(encodings.loc, count, D, MOST_MEASURED), [scale] = someRows(encodings.scale, count, D, MOST_MEASURED);
  const source = uniforms(J, seed, ...streamAt("DECOMPOSITION_SOURCE")).map((u) => Math.floor(rows * u));
  const eps = normals(J * D, seed, ...streamAt("DECOMPOSITION_NOISE")), own = new Float64Array(J * D);
  const z = eps.map((noise, i) => {
    const at = source[Math.floor(i / D)] * D + i % D;
    own[i] = scale[at];
    return loc[at] + scale[at] * noise;
  });
  const logOwn = posteriorLogDensity(eps, own, J, D), logQ = aggregateLogDensity(z, J, loc, scale, rows, D);
  const drawn = samplePrior(prior, J, seed, streamAt("DECOMPOSITION_PRIOR"), streamAt("DECOMPOSITION_CHOICE")).z;
  const logP = PRIORS[prior.name].logDensity(prior, drawn, J), logQOfPrior = aggregateLogDensity(drawn, J, loc, scale, rows, D);
  return {
    mutualInformation: meanOf(logOwn) - meanOf(logQ), mostInformation: Math.log(rows),
    klPQ: meanOf(logP) - meanOf(logQOfPrior), points: rows,
  };
}

// For each dimension the mean over points of log q(z_d|x) - log p(z_d), an estimate of its KL from one sample of each point; the
// standard deviation of the means; and, for a sparse prior, the share of points whose mean lies outside the spike, more
// than three of its scales from 0.
function aboutDimensions(encodings, count, prior, seed) {
  const D = prior.dims, [loc, rows] = someRows(encodings.loc, count, D, MOST_MEASURED);
  const [scale] = someRows(encodings.scale, count, D, MOST_MEASURED), eps = normals(rows * D, seed, ...streamAt("DIMENSIONS"));
  const kl = new Float64Array(D), spread = new Float64Array(D);
  const outside = prior.name === "sparse" && prior.gamma > 0 ? new Float64Array(D) : null;
  for (let d = 0; d < D; d++) {
    const [mu, s, noise] = [loc, scale, eps].map((values) => column(values, rows, D, d)), z = samplePosterior(mu, s, noise);
    const logQ = posteriorLogDensity(noise, s, rows, 1), alone = PRIORS[prior.name].marginal(prior, [d]);
    kl[d] = meanOf(logQ) - meanOf(PRIORS[prior.name].logDensity(alone, z, rows));
    const centre = meanOf(mu);
    spread[d] = Math.sqrt(meanOf(mu.map((value) => (value - centre) ** 2)));
    if (outside) outside[d] = meanOf(mu.map((value) => (Math.abs(value) > 3 * prior.spikeScale ? 1 : 0)));
  }
  return { kl, spread, outside };
}

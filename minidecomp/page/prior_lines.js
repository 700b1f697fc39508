"use strict";
// Contours that hold a share of a two-dimensional prior.

const PRIOR_DRAWS = 4000;
const PRIOR_SHARES = [0.5, 0.9];

// The middles of n x n cells of an extent, as pairs of numbers; the second number grows from row to row
function cellMiddles([left, right, low, high], n) {
  const z = new Float64Array(2 * n * n);
  for (let at = 0; at < n * n; at++) {
    z[2 * at] = left + (at % n + 0.5) * (right - left) / n;
    z[2 * at + 1] = low + (Math.floor(at / n) + 0.5) * (high - low) / n;
  }
  return z;
}

// The density on the contour that holds a share of a prior: that share of its samples lies where the density is higher.
function priorLevels(prior, shares) {
  const { z } = samplePrior(prior, PRIOR_DRAWS, 0, streamAt("SAMPLE_Z"), streamAt("SAMPLE_CHOICE"));
  const density = PRIORS[prior.name].logDensity(prior, z, PRIOR_DRAWS).map(Math.exp).sort();
  return shares.map((share) => density[Math.floor((1 - share) * PRIOR_DRAWS)]);
}

// Contours that hold 50 and 90 % of a two-dimensional prior, as pieces (x, y, x, y) in its units
function priorLines(prior, extent, n) {
  const [left, right, low, high] = extent, wide = (right - left) / n, tall = (high - low) / n;
  const density = PRIORS[prior.name].logDensity(prior, cellMiddles(extent, n), n * n).map(Math.exp);
  return priorLevels(prior, PRIOR_SHARES).map((level) => {
    const pieces = contourPieces(density, n, level);
    return pieces.map((value, i) => (i % 2 === 0 ? left + (value + 0.5) * wide : low + (value + 0.5) * tall));
  });
}

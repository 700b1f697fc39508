"use strict";
// The density of the aggregate posterior on a grid, and contours that hold a share of a density.

const REACH = 4; // scales from the mean beyond which a point's density is taken as 0

// N(x | loc, scale^2) at the middles of n cells from low on, if they are within REACH scales. A scale smaller than a
// cell is drawn as wide as a cell. Returns the first and the last cell.
function cellDensities(loc, scale, low, cell, n, out) {
  const s = Math.max(scale, 0.6 * cell), height = 1 / (s * Math.sqrt(2 * Math.PI));
  const first = Math.max(0, Math.ceil((loc - REACH * s - low) / cell - 0.5));
  const last = Math.min(n - 1, Math.floor((loc + REACH * s - low) / cell - 0.5));
  for (let i = first; i <= last; i++) {
    const t = (low + (i + 0.5) * cell - loc) / s;
    out[i] = height * Math.exp(-0.5 * t * t);
  }
  return [first, last];
}

// q(z) = 1/N sum_i N(z_a | loc_ia, scale_ia^2) N(z_b | loc_ib, scale_ib^2) on n x n cells of an extent, rows upwards
function aggregateDensity(loc, scale, latentDim, [a, b], points, extent, n) {
  const [left, right, low, high] = extent, wide = (right - left) / n, tall = (high - low) / n;
  const grid = new Float64Array(n * n), across = new Float64Array(n), up = new Float64Array(n);
  for (const point of points) {
    const at = point * latentDim;
    const [i0, i1] = cellDensities(loc[at + a], scale[at + a], left, wide, n, across);
    const [j0, j1] = cellDensities(loc[at + b], scale[at + b], low, tall, n, up);
    for (let j = j0; j <= j1; j++) {
      const weight = up[j] / points.length, row = j * n;
      for (let i = i0; i <= i1; i++) grid[row + i] += weight * across[i];
    }
  }
  return grid;
}

// The same over one dimension
function aggregateDensityOnLine(loc, scale, latentDim, dim, points, low, high, n) {
  const line = new Float64Array(n), one = new Float64Array(n);
  for (const point of points) {
    const at = point * latentDim + dim;
    const [first, last] = cellDensities(loc[at], scale[at], low, (high - low) / n, n, one);
    for (let i = first; i <= last; i++) line[i] += one[i] / points.length;
  }
  return line;
}

// For each share, in ascending order, the density above which that share of all mass lies, on cells of a given area;
// null if the cells hold less.
function levelsOfShares(values, shares, area) {
  const sorted = Float64Array.from(values).sort(), levels = shares.map(() => null);
  const total = Math.max(1, sorted.reduce((sum, value) => sum + value, 0) * area);
  let mass = 0, found = 0;
  for (let at = sorted.length - 1; at >= 0 && found < shares.length; at--) {
    mass += sorted[at] * area;
    while (found < shares.length && mass >= shares[found] * total) levels[found++] = sorted[at];
  }
  return levels;
}

"use strict";
// Contour lines of values on a grid.

// The contour of n x n values at one level, as pieces (x, y, x, y) from one crossing with a cell's edges to the other
function contourPieces(values, n, level) {
  const pieces = [], crossing = new Float64Array(8);
  for (let j = 0; j + 1 < n; j++) {
    for (let i = 0; i + 1 < n; i++) {
      let found = 0;
      for (let k = 0; k < 4; k++) {
        const x = i + (k === 1 || k === 2), y = j + (k > 1), u = i + (k < 2), v = j + (k === 1 || k === 2);
        const from = values[y * n + x], to = values[v * n + u];
        if ((from < level) === (to < level)) continue;
        const t = (level - from) / (to - from);
        crossing[found++] = x + t * (u - x);
        crossing[found++] = y + t * (v - y);
      }
      for (let k = 0; k < found; k++) pieces.push(crossing[k]);
    }
  }
  return pieces;
}
